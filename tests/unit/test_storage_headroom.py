"""Storage of the fleet dispatched hour by hour: the chain from nameplate to headroom, and runs with it."""

import numpy as np
import pytest
from grid_factory import tiny_grid
from joint_factory import drawn
from storage_reference import random_store, storage_headroom_lp, storage_lp

from capacity import CapacityError, estimate
from capacity.adequacy import storage
from capacity.adequacy.notions import Margin
from capacity.adequacy.storage import Store
from capacity.adequacy.storage_headroom import cuts_mw, solve
from scenarios import load

YEARS = range(2025, 2028)
ENGINES = ("numpy", "numba")


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


def case(seed):
    margin, power, energy, eta = random_store(seed)
    one = np.ones((1, 1))
    return (
        Margin(margin[None, None], one[:, None], (), ("margin",)),
        Store(power * one, energy * one, eta * one),
        margin,
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", range(12))
def test_equals_the_linear_program(seed, engine):
    margin, store, hours = case(seed)
    found = solve(margin, store, np.full((1, 1), 0.05), engine)
    power, energy, eta = (float(values[0, 0]) for values in store)
    assert found.flexible_mw[0, 0] == pytest.approx(storage_headroom_lp(hours, power, energy, eta, 0.05), abs=1e-6)
    assert found.firm_mw[0, 0] == pytest.approx(storage_headroom_lp(hours, power, energy, eta, 0.0), abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_cuts_are_what_natives_do_not_lose(seed):
    """Natives miss as much in a year with the load as without it: the rest of what is missing is the load's."""
    margin, store, hours = case(seed)
    load = solve(margin, store, np.full((1, 1), 0.05), "numpy").flexible_mw[:, 0]
    one = store.at(np.zeros(1, dtype=np.int64), 0)
    by_hour = cuts_mw(hours[None], one, load, "numpy")
    assert (by_hour <= load[0]).all()
    cut = by_hour.sum()
    power, energy, eta = (float(values[0]) for values in one)
    both, alone = storage_lp(hours - load[0], power, energy, eta), storage_lp(hours, power, energy, eta)
    assert cut == pytest.approx(both - alone, abs=1e-6)
    assert cut <= 0.05 * len(hours) * load[0] + 1e-6


def test_store_of_a_fleet():
    draws = drawn(
        {
            "us.battery_duration_hours": 4.0,
            "us.pumped_storage_duration_hours": 10.0,
            "battery_efficiency": 0.8,
            "pumped_storage_efficiency": 0.7,
            "us.forced_outage_multiplier": 1.0,
            "forced_outage_rate_battery": 0.0,
            "forced_outage_rate_pumped_storage": 0.5,
        },
        count=2,
    )
    shape = (2, len(draws.years))
    found = storage.store_of({"battery": np.full(shape, 30.0), "pumped_storage": np.full(shape, 20.0)}, "us", draws)
    assert (found.power_mw == 40.0).all()
    assert (found.energy_mwh == 30.0 * 4 + 10.0 * 10).all()
    np.testing.assert_allclose(found.efficiency, (30 * 0.8 + 10 * 0.7) / 40)
    none = storage.store_of({"battery": np.zeros(shape), "pumped_storage": np.zeros(shape)}, "us", draws)
    assert (none.power_mw == 0.0).all()
    assert (none.efficiency == 1.0).all()


def test_runs_with_dispatch(grid):
    given = {"years": YEARS, "draws": 6, "seed": 5, "device": "cpu", "event_draws": 3}
    credit = estimate(grid, load(["reference"]), **given)
    dispatch = estimate(grid, load(["reference"]), **given, storage="dispatch")
    again = estimate(grid, load(["reference"]), **given | {"draws": [4, 5]}, storage="dispatch")
    name = "grid_headroom_mw"
    assert (dispatch[name] != credit[name]).any()
    assert (dispatch[name] >= dispatch["firm_headroom_mw"] - 1e-6).all()
    np.testing.assert_array_equal(again[name], dispatch[name].isel(draw=slice(4, 6)))
    assert (dispatch["area_event_hours"].sel(event_quantile=0.9) <= 8760).all()
    assert dispatch.attrs["storage"] == "dispatch"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"exchange": "network"}, "islands under firm_capacity only"),
        ({"adequacy": "historic_peak"}, "islands under firm_capacity only"),
        ({"storage": "batteries"}, "no such treatment; known: equivalent, dispatch, credit"),
    ],
)
def test_what_dispatch_does_not_know_is_refused(grid, given, said):
    with pytest.raises(CapacityError, match=said):
        estimate(grid, load(["reference"]), years=[2025], draws=2, seed=1, **{"storage": "dispatch"} | given)


def test_dispatch_and_terms_beyond_energy_are_refused(grid):
    with pytest.raises(CapacityError, match="us-power-capping"):
        estimate(grid, load(["us-power-capping"]), years=[2025], draws=2, seed=1, storage="dispatch")
