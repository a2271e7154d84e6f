"""`gridflops explain`: the hours add up, the derivative is the derivative, errors are one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from grid_factory import tiny_grid

from capacity import CapacityError
from capacity.cli import main
from capacity.draws import Draws, draw_ids
from capacity.explain import _cases, explain, longest
from capacity.fleet import Fleet
from cuda_kernels import headroom_mw
from grids import store
from scenarios import load


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


def test_hours_add_up_to_the_margin(grid):
    found = explain(grid, load(["reference"])[0], "cn.gansu", 2027, draws=8)
    table = found.hours
    parts = table["firm_mw"] + table["wind_mw"] + table["solar_mw"] + table["hydro_mw"] + table["net_import_mw"]
    np.testing.assert_allclose(parts - table["load_mw"], table["margin_mw"], rtol=1e-9)
    np.testing.assert_allclose(table["curtailed_mw"], found.headroom_mw - table["margin_mw"].clip(lower=0), rtol=1e-9)
    assert sum(found.season_hours.values()) == found.curtailed_hours >= found.longest_event_h > 0
    assert (table["curtailed_mw"].diff().dropna() <= 0).all()


def test_one_more_megawatt_adds_its_derivative(grid):
    found = explain(grid, load(["reference"])[0], "us.ercot", 2026, draws=6, quantile=0.4)
    drawn = Draws(2025, draw_ids(6), np.arange(2025, 2027), load(["reference"])[0])
    fleet = Fleet.of(grid, "US")
    case = _cases(grid, fleet, drawn, fleet.areas.index("us.ercot"))[found.draw]
    for term, name in ((0, "constant"), (2, "wind"), (4, "solar")):
        more = case.coefficients.copy()
        more[term] += 1e-3
        after = headroom_mw(case.profiles, more[None], case.allowed / 8760).headroom_mw[0]
        assert (after - case.headroom_mw) / 1e-3 == pytest.approx(found.adds[name], rel=1e-4, abs=1e-6)


def test_quantiles_rise(grid):
    low, high = (
        explain(grid, load(["reference"])[0], "us.caiso", 2026, draws=8, quantile=q).headroom_mw for q in (0.1, 0.9)
    )
    assert low < high


def testlongest_run_of_hours():
    assert longest(np.array([0, 1, 1, 0, 1, 1, 1, 0, 1], dtype=bool)) == 3
    assert longest(np.zeros(4, dtype=bool)) == 0


def test_wrong_requests_are_named(grid):
    with pytest.raises(CapacityError, match=r"no area 'us\.erct'"):
        explain(grid, load(["reference"])[0], "us.erct", 2027)
    with pytest.raises(CapacityError, match="quantile 2"):
        explain(grid, load(["reference"])[0], "us.ercot", 2027, quantile=2)


def test_the_command_prints_hours_and_worth(grid, tmp_path):
    path = tmp_path / "tiny.nc"
    store.write_grid(grid, path)
    arguments = ["explain", "us.ercot", "2026", "--draws", "4", "--grid", str(path)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "one more MW" in done.output
    data = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert data["area"] == "us.ercot"
    assert len(data["hours"]) == 20


def test_storage_that_is_dispatched_shows_what_it_holds(grid):
    found = explain(grid, load(["reference"])[0], "us.ercot", 2026, draws=4, storage="dispatch")
    held = found.hours["storage_mwh"]
    assert (held >= 0.0).all()
    assert held.iloc[0] == 0.0  # the deepest cut comes after the store has run dry
    assert found.adds["constant"] > 0.0
    credit = explain(grid, load(["reference"])[0], "us.ercot", 2026, draws=4)
    assert "storage_mwh" not in credit.hours


@pytest.mark.parametrize("name", ["us-power-capping", "us-sites-with-storage", "us-interruptible-tariff"])
def test_policies_are_explained_by_their_terms(grid, name):
    found = explain(grid, load([name])[0], "us.ercot", 2026, draws=4)
    assert sum(found.season_hours.values()) == sum(found.day_part_hours.values()) == found.curtailed_hours
    assert 0 < found.events <= found.curtailed_hours
    assert found.adds["constant"] > 0.0
    if name == "us-power-capping":
        assert found.longest_event_h <= 3
        assert (found.hours["curtailed_mw"] <= 0.25 * found.headroom_mw * (1 + 1e-9)).all()
