"""`gridflops explain --network --adequacy`: states, both loads, derivatives against differences, the command."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from grid_factory import tiny_grid

from capacity import CapacityError, estimate
from capacity.cli import main
from capacity.explain import group_year
from capacity.explain.group import links_of
from capacity.explain.group_outages import _adds, _direction, _firm_adds, explain_group_outages
from capacity.explain.island_outages import OutageExplanation
from capacity.explain.outage_firm import _first_of_blocks, firm_rows
from capacity.explain.outage_group import group_of, sampled_of, solved
from capacity.explain.point import ENERGY, Bound, point_at
from capacity.explain.report import plain
from capacity.supply.fleet import number_of
from cuda_kernels.outage_network import Units, network_outage_headroom
from grids import store
from scenarios import load

SCENARIO = load(["reference"])[0]
STEP = 1e-2


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


@pytest.fixture(scope="module")
def found(grid):
    return explain_group_outages(grid, SCENARIO, "cn.gansu", 2026, draws=2, shown=8)


@pytest.fixture(scope="module")
def run(grid):
    asked = {"years": [2026], "draws": 2, "seed": 2025, "adequacy": "expected_unserved", "area_draws": True}
    whole = estimate(grid, [SCENARIO], device="cpu", exchange="network", **asked).isel(scenario=0)
    return whole["area_grid_headroom_mw_draws"].sel(year=2026)


def test_it_explains_the_headroom_of_a_run(run, found):
    one = run.sel(draw=found.draw)
    assert found.headroom_mw == pytest.approx(float(one.sel(area="cn.gansu")), rel=1e-9)
    assert found.group_mw == pytest.approx(float(one.sel(area=["cn.gansu", "cn.jiangsu"]).sum()), rel=1e-9)


def test_hours_add_up(found):
    hours = found.hours
    assert hours["lacking_mw"].is_monotonic_decreasing
    assert ((hours["short_probability"] * found.states) % 1.0 == 0.0).all()
    assert set(hours["short_side"]) <= {"whole group", "cn.gansu", "cn.jiangsu"}
    assert hours["out_when_short_mw"].between(0.0, hours["units_mw"]).all()
    assert found.curtailed_mw.sum() / (8760 * found.group_mw) == pytest.approx(0.005, rel=1e-6)
    assert sum(found.season_hours.values()) == pytest.approx(found.curtailed_hours)
    assert 0.0 < found.firm_mw < found.group_mw


@pytest.mark.parametrize("notion", ["expected_unserved", "lolh", "lole"])
def test_derivatives_are_differences_of_the_headroom(grid, notion):
    """One MW of a resource, of the fleet to scale and of a link by the kernel, along the same direction."""
    name, a = number_of(grid, "cn.gansu")
    known = group_year.year_case(grid, SCENARIO, name, group_year.Asked(2026, 1, 2025))
    sampled, g = sampled_of(grid, known, notion, 2), known.group_of(a)
    hours, areas, last = solved(known, sampled, g), known.whole.links.groups[g].areas, 1
    group = group_of(known, sampled, g, 0, a)
    direction, share = _direction(hours.flexible_mw[0, areas, last]), float(known.case.share[0, 0])
    native = np.array([8760.0 * sum(known.whole.balances[i].load_mw[0, last] for i in areas)])

    def headroom(more, scale, wider):
        units = Units(group.flexible, group.firm, (group.scale + scale)[None])
        margins = (group.margin_mw + more)[:, None], np.ones((1, len(areas), 1))
        within = (group.within.limits_mw + wider)[None], direction[None]
        terms = sampled.outages.criterion, sampled.outages.limit, np.array([share])
        both = network_outage_headroom(margins, units, within, terms, native)
        return np.array([both.flexible_mw[0], both.firm_mw[0]])

    nothing = np.zeros_like(group.margin_mw), np.zeros(len(areas)), np.zeros_like(group.within.limits_mw)
    base = headroom(*nothing)
    bound = Bound(ENERGY, point_at(group.rows_mw, group.within, direction, base[0], share))
    rows = firm_rows(group, direction, base[1])
    links = links_of(bound, group.names)
    checked = 0
    for i, area in enumerate(group.names):
        adds, firm = _adds(group, bound, i), _firm_adds(group, rows, i)
        for resource, output in {**group.outputs(i), "units": None}.items():
            step = [np.array(part) for part in nothing]
            if output is None:
                step[1][i] = STEP / group.units[i].mean_mw
            else:
                step[0][i] = STEP * output
            up, down = (headroom(*(sign * part for part in step)) - base for sign in (1.0, -1.0))
            smooth = np.abs(up + down) < 1e-3 * STEP
            if smooth[0]:
                assert adds[resource] == pytest.approx(up[0] / STEP, rel=1e-3, abs=1e-4), (area, resource)
            if smooth[1] and notion == "expected_unserved":
                assert firm[resource] == pytest.approx(up[1] / STEP, rel=1e-3, abs=1e-4), (area, resource)
            checked += int(smooth[0])
        if notion != "expected_unserved" and base[1] > 0.0:
            far = [np.array(part) for part in nothing]
            far[0][i] = 0.01 * base[1] / max(firm["constant"], 1.0)
            up, down = (headroom(*(sign * part for part in far))[1] for sign in (1.0, -1.0))
            assert firm["constant"] == pytest.approx((up - down) / (2.0 * far[0][i, 0]), rel=0.35, abs=0.1), area
    for (start, end), worth in links.items():
        step = [np.array(part) for part in nothing]
        step[2][group.names.index(start), group.names.index(end)] = STEP
        assert worth == pytest.approx((headroom(*step)[0] - base[0]) / STEP, rel=1e-3, abs=1e-4)
    assert checked >= 8


def test_a_block_of_states_is_bound_by_its_lowest_level_unless_short_before():
    block, level = np.array([7, 7, 3, 3, 9]), np.array([5.0, 2.0, 4.0, 6.0, 1.0])
    before = np.array([False, False, False, True, False])
    assert _first_of_blocks(block, level, before).tolist() == [1, 4]


def test_copper_plate_helps_and_no_link_would(grid, found):
    copper = explain_group_outages(grid, SCENARIO, "cn.gansu", 2026, draws=2, shown=2, exchange="copper-plate")
    assert copper.group_mw >= found.group_mw
    assert copper.link_adds == {}
    adds = [worth["constant"] for worth in copper.adds.values()]
    assert adds[0] == pytest.approx(adds[1])


def test_an_area_by_itself_is_explained_by_its_table(grid, run):
    alone = explain_group_outages(grid, SCENARIO, "us.ercot", 2026, draws=2, shown=4)
    assert isinstance(alone, OutageExplanation)
    assert (alone.flexible.hours["net_import_mw"] == 0.0).all()
    assert alone.headroom_mw == pytest.approx(float(run.sel(draw=alone.draw, area="us.ercot")), rel=1e-9)


def test_the_command_prints_draws_and_refuses(grid, found, tmp_path):
    path, page = tmp_path / "tiny.nc", tmp_path / "binds.png"
    store.write_grid(grid, path)
    arguments = ["explain", "cn.gansu", "2026", "--draws", "1", "--grid", str(path), "--hours", "3"]
    outages = ["--network", "network", "--adequacy", "lolh", "--outage-states", "1", "--figure", str(page)]
    done = CliRunner().invoke(main, [*arguments, *outages])
    assert done.exit_code == 0, done.output
    assert "load that is never cut" in done.output
    assert page.read_bytes().startswith(b"\x89PNG")
    assert json.loads(json.dumps(plain(found)))["firm_adds"].keys() == {"cn.jiangsu", "cn.gansu"}
    for more, what in (({"quantile": -1.0}, "quantile"), ({"storage": "dispatch"}, "knows firm_capacity only")):
        with pytest.raises(CapacityError, match=what):
            explain_group_outages(grid, SCENARIO, "cn.gansu", 2026, **more)
