"""`gridflops explain`: the hours add up, the derivative is the derivative, errors are one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from grid_factory import tiny_grid
from policy_reference import POLICY
from policy_reference import terms as policy_terms

from capacity import CapacityError
from capacity.adequacy.notions import TERMS
from capacity.adequacy.storage import STORAGE, Store
from capacity.cli import main
from capacity.draws import Draws, draw_ids
from capacity.explain.area_year import area_case, asked
from capacity.explain.hours import longest
from capacity.explain.island import _cases, explain
from capacity.explain.point import CALLS, DEPTH, ENERGY, FIRM
from capacity.explain.resources import RESOURCES
from capacity.explain.store import Held
from capacity.explain.terms import Terms
from capacity.supply.fleet import Fleet
from cuda_kernels import headroom_mw
from cuda_kernels.storage_dispatch import storage_headroom_mw
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


@pytest.mark.parametrize("storage", ["equivalent", "dispatch", "credit"])
def test_standing_capacity_adds_up_to_firm(grid, storage):
    found = explain(grid, load(["reference"])[0], "us.ercot", 2027, draws=3, storage=storage)
    parts = found.standing
    firm = parts["units_mw"] - parts["expected_outage_mw"] + parts["storage_mw"] - parts["reserve_mw"]
    assert firm == pytest.approx(found.hours["firm_mw"].iloc[0], rel=1e-9)
    assert (parts["storage_mw"] > 0.0) == (storage != "dispatch")
    assert 0.03 < parts["reserve_mw"] / firm < 0.15


def test_nameplate_of_units_counts_as_firm_capacity_by_technology(grid):
    found = explain(grid, load(["reference"])[0], "us.ercot", 2026, draws=2, storage="dispatch")
    known = area_case(grid, *asked(grid, load(["reference"])[0], "us.ercot", (2026, 0.5), (2, 2025)), "dispatch")
    nameplate = dict(zip(known.fleet.technologies, known.nameplate_mw[found.draw, known.a, :, -1], strict=True))
    firm = sum(nameplate[technology] * share for technology, share in found.unit_shares.items())
    assert firm == pytest.approx(found.hours["firm_mw"].iloc[0], rel=1e-9)


def test_one_more_megawatt_adds_its_derivative(grid):
    found = explain(grid, load(["reference"])[0], "us.ercot", 2026, draws=6, quantile=0.4)
    drawn = Draws(2025, draw_ids(6), np.arange(2025, 2027), load(["reference"])[0])
    fleet = Fleet.of(grid, "US")
    case = _cases(area_case(grid, fleet, drawn, fleet.areas.index("us.ercot"), "equivalent"))[found.draw]
    for term, name in ((0, "constant"), (1, "imports"), (2, "wind"), (4, "solar")):
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
    page = tmp_path / "binds.png"
    done = CliRunner().invoke(main, [*arguments, "--figure", str(page)])
    assert done.exit_code == 0, done.output
    assert "bound by: share of energy" in done.output
    assert page.read_bytes().startswith(b"\x89PNG")
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
    credit = explain(grid, load(["reference"])[0], "us.ercot", 2026, draws=4, storage="credit")
    assert "storage_mwh" not in credit.hours
    assert 0.0 < credit.adds["storage"] < credit.adds["constant"]


@pytest.mark.parametrize("share", [0.0, 0.004])
def test_one_more_megawatt_of_storage_adds_its_derivative(share):
    """Beside margins of a few days, natives short in places; the store counts 300 MW of its 900 beforehand."""
    checked = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        cycle = 900.0 + 1100.0 * np.sin(np.arange(24 * 30) / 24 * 2 * np.pi)
        margin = cycle + 500.0 * rng.random(24 * 30) + 300.0

        def headroom(mw, more=0.0, margin=margin):
            store = (np.array([0.9 * mw]), np.array([3.1 * mw]), np.array([0.85]))
            return float(
                storage_headroom_mw(margin[None] - 300.0 + more, *store, np.array([[share]])).headroom_mw[0, 0]
            )

        held = Held(Store(np.array([810.0]), np.array([2790.0]), np.array([0.85])), 300.0, 900.0)
        up, down = ((headroom(900.0 + step) - headroom(900.0)) / step for step in (1e-3, -1e-3))
        if abs(up - down) < 1e-6:
            found = held.dispatched_adds(margin, share, {"constant": np.ones(len(margin))})
            assert found["storage"] == pytest.approx(up, rel=1e-5, abs=1e-7)
            checked += up > 0.0
            assert found["constant"] == pytest.approx((headroom(900.0, 1e-3) - headroom(900.0)) / 1e-3, rel=1e-3)
        assert held.adds(1.0) == pytest.approx(1.0 / 3.0)
    assert checked >= 8


def test_what_storage_is_worth_is_found_again_as_its_dispatch_says(grid):
    """In a year of dispatch both ways of counting it host the same."""
    counted, run = (explain(grid, load(["reference"])[0], "us.ercot", 2025, draws=2, storage=s) for s in STORAGE[:2])
    assert counted.headroom_mw == pytest.approx(run.headroom_mw, rel=1e-6)
    assert counted.adds_dispatched == pytest.approx(run.adds, rel=1e-6)
    assert run.adds_dispatched == {}
    assert counted.adds["storage"] != pytest.approx(counted.adds_dispatched["storage"], rel=1e-3)


@pytest.mark.parametrize("name", ["us-power-capping", "us-sites-with-storage", "us-interruptible-tariff"])
def test_policies_are_explained_by_their_terms(grid, name):
    found = explain(grid, load([name])[0], "us.ercot", 2026, draws=4)
    assert sum(found.season_hours.values()) == sum(found.day_part_hours.values()) == found.curtailed_hours
    assert 0 < found.events <= found.curtailed_hours
    assert found.adds["constant"] > 0.0
    if name == "us-power-capping":
        assert found.longest_event_h <= 3
        assert (found.hours["curtailed_mw"] <= 0.25 * found.headroom_mw * (1 + 1e-9)).all()


@pytest.mark.parametrize(
    ("name", "term"),
    [("us-power-capping", DEPTH), ("us-interruptible-tariff", CALLS), ("called-early", CALLS), ("dispatch", ENERGY)],
)
def test_the_derivative_is_that_of_the_full_solution_under_terms_and_beside_a_store(grid, tmp_path, name, term):
    """One-sided differences of the headroom agree with it on both sides."""
    storage = "dispatch" if name == "dispatch" else "equivalent"
    if name == "called-early":
        file = tmp_path / "asked.yaml"
        file.write_text(POLICY % "notice_h: 6, longest_event_h: 4, events_a_year: 8", encoding="utf-8")
        name = str(file)
    drawn = Draws(2025, draw_ids(6), np.arange(2025, 2028), load(["reference" if name == "dispatch" else name])[0])
    fleet = Fleet.of(grid, "US")
    terms_seen = []
    for case in _cases(area_case(grid, fleet, drawn, fleet.areas.index("us.ercot"), storage)).values():
        outputs = np.stack([case.profiles[TERMS.index(resource)] for resource in RESOURCES])
        seen, adds = case.terms.worth(case.margin, case.headroom_mw, outputs)
        terms_seen.append(seen)
        both = [
            (case.terms.row(0, len(outputs)).headroom(case.margin + step * outputs) - case.headroom_mw) / step
            for step in (0.01, -0.01)
        ]
        smooth = np.abs(both[0] - both[1]) < 1e-3
        np.testing.assert_allclose(adds[smooth], both[0][smooth], rtol=1e-3, atol=1e-3)
        assert smooth.sum() >= 3
    assert term in terms_seen


def test_a_load_that_is_never_cut_gains_by_its_worst_hour():
    margin = np.array([5.0, 2.0, 4.0])
    plain = Terms(policy_terms(curtailable_fraction=0.0), np.zeros((1, 3)), None, (np.zeros(1), np.zeros(1)))
    term, adds = plain.worth(margin, 2.0, np.array([[0.3, 0.7, 1.0]]))
    assert (term, adds.tolist()) == (FIRM, [0.7])
    assert plain.native_short(margin - 3.0) == 1


def test_an_area_where_nothing_fits_shows_the_hours_with_least_left(grid):
    poor = grid.copy(deep=True)
    for name in ("nameplate_mw", "capacity_history_mw"):
        poor[name] = poor[name] * 0.2
    for storage in ("equivalent", "dispatch"):
        found = explain(poor, load(["reference"])[0], "us.ercot", 2026, draws=2, storage=storage)
        assert (found.headroom_mw, found.curtailed_hours) == (0.0, 0)
        assert found.native_short_hours > 0
        assert found.hours["margin_mw"].is_monotonic_increasing
        assert set(found.adds.values()) == {0.0}
