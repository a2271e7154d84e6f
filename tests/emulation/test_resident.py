"""`capacity.estimate(..., device="gpu")` under emulation: the numbers of the CPU, and how little crosses the bus.

A block of draws is what one call computes. What goes in: one copy a weather year of an area (profiles that the scenario
changes, and the draws' coefficients), its shared profiles once a run, one copy a country for its cells, and a few
arrays of parameters and stores. What comes out: summaries, and for the joint limits three arrays with draws a country.
"""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest
import xarray as xr
from grid_factory import tiny_grid

import capacity
from capacity.adequacy import notions
from capacity.errors import CapacityError
from scenarios import load

from . import stand_in

COUNTRIES = 2
TABLES = 1  # copy a country, of the tables of all its cells
PARAMETERS = 8  # arrays a country: storage beyond its equivalent, temperature and room of sites, PUE of areas and
# builders, life, watts, delivery
RANKS = 4  # ranks and weights of two kinds of quantiles, once for each number of draws in a process
STORES = 3  # arrays an area, of what its stores are worth: profiles, coefficients, stores; one back
FETCHED = 28  # arrays a country: sums, quantiles and means, cells, what the joint limits read, one look for faults


@pytest.fixture(scope="module")
def grid() -> xr.Dataset:
    return tiny_grid()


def run(grid: xr.Dataset, device: str, draws: int = 6, names: tuple[str, ...] = ("reference",), **how) -> xr.Dataset:
    years = how.pop("years", [2025])
    return capacity.estimate(grid, load(names), years=years, draws=draws, seed=3, device=device, **how)


def counted(grid: xr.Dataset, **how) -> tuple[int, int]:
    stand_in.transfers.clear()
    run(grid, "gpu", **how)
    return stand_in.transfers["host to device"], stand_in.transfers["device to host"]


def zone_of(grid: xr.Dataset, profile: str) -> str:
    return str(grid["area_timezone"].sel(area=profile.split("/")[0]).to_numpy())


def test_no_hour_is_looked_at_on_the_host(cupy, grid, monkeypatch):
    """Nor is any in a run with events, whose figures are counted where the headroom lies."""

    def on_the_host(*arguments, **more):
        raise AssertionError("hours on the host")

    from cuda_kernels import event_figures, headroom, storage_firm

    monkeypatch.setattr(headroom, "_numpy", on_the_host)
    monkeypatch.setattr(headroom, "_numba", on_the_host)
    monkeypatch.setattr(event_figures, "cuts_of_constant_load", on_the_host)
    monkeypatch.setattr(event_figures, "_use_numba", on_the_host)
    monkeypatch.setattr(storage_firm, "_use_numba", on_the_host)
    run(grid, "gpu", event_draws=6)
    assert "event_figures" in {name for name, _, _ in stand_in.launches}


@pytest.mark.parametrize(
    "how",
    [
        {"area_draws": True, "event_draws": 3},
        {"adequacy": "historic_peak"},
        {"names": ("winter-stress",)},
    ],
)
def test_the_device_gives_the_numbers_of_the_cpu(cupy, grid, how):
    on_cpu = run(grid, "cpu", **how)
    on_gpu = run(grid, "gpu", **how)
    assert on_gpu.attrs.pop("device") == "gpu"
    assert on_cpu.attrs.pop("device") == "cpu"
    xr.testing.assert_identical(on_gpu, on_cpu)
    assert {"quantile_select", "water_fill"} <= {name for name, _, _ in stand_in.launches}


def test_storage_that_is_dispatched_is_searched_on_the_device(cupy, grid):
    """Its sums are taken in another order there."""
    how = {"storage": "dispatch", "draws": 2}
    stand_in.launches.clear()
    xr.testing.assert_allclose(run(grid, "gpu", **how), run(grid, "cpu", **how), rtol=1e-9)
    assert "storage_scan" in {name for name, _, _ in stand_in.launches}


def test_profiles_of_one_scenario_are_not_taken_for_those_of_another(cupy, grid, tmp_path):
    text = files("scenarios").joinpath("library", "winter-stress.yaml").read_text(encoding="utf-8")
    head, overrides = text.replace("name: winter-stress", "name: short-spells").split("overrides:\n")
    short = "  cold_spell_hours:\n    value: 24\n    label: J\n    fixed_because: Made up.\n    source: Made up.\n"
    (tmp_path / "short-spells.yaml").write_text(f"{head}overrides:\n{short}{overrides}", encoding="utf-8")
    names = ("winter-stress", str(tmp_path / "short-spells.yaml"))
    found = run(grid, "gpu", names=names)
    xr.testing.assert_equal(found, run(grid, "cpu", names=names))
    first, second = (found["grid_headroom_mw"].isel(scenario=i) for i in (0, 1))
    assert not first.equals(second)


def test_what_needs_hours_of_the_hosted_load_is_worked_out_on_the_host(cupy, grid):
    how = {"names": ("us-power-capping",)}  # the US not, China on the device
    xr.testing.assert_equal(run(grid, "gpu", **how), run(grid, "cpu", **how))


def test_transfers_are_few_and_do_not_grow_with_draws_or_years(cupy, grid):
    run(grid, "gpu", draws=6)  # ranks of the quantiles are on the device from here on
    up, down = counted(grid, draws=6)
    areas = grid.sizes["area"]
    assert up == 2 * grid.sizes["profile"] + (TABLES + PARAMETERS) * COUNTRIES + STORES * areas
    assert down == FETCHED * COUNTRIES + areas
    more = counted(grid, draws=12, years=[2025, 2026])
    assert more[0] <= up + RANKS
    assert more[1] == down
    # A second scenario finds the shared profiles, and a country that it leaves alone as it was solved.
    both = counted(grid, draws=6, names=("reference", "us-flexible-load"))
    assert both[0] <= 2 * up - grid.sizes["profile"]
    assert both[1] <= 2 * down
    # Events: kinds of hours for each weather year and time zone, room of cells for each country; two arrays back.
    kinds = {(profile.split("/")[1], zone_of(grid, profile)) for profile in grid["profile"].to_numpy()}
    with_events = (up + len(kinds) + COUNTRIES, down + 2 * COUNTRIES)
    assert counted(grid, draws=6, event_draws=3) == with_events
    assert counted(grid, draws=6, event_draws=6, years=[2025, 2026]) == with_events
    # Draws by area cost one array more for each variable.
    assert counted(grid, draws=6, area_draws=True) == (up, down + 6 * COUNTRIES)


def test_what_is_missing_is_named_after_one_look(cupy, grid, monkeypatch):
    made = notions.NOTIONS["firm_capacity"]

    def spoilt(record, weather, balance, central):
        margin = made(record, weather, balance, central)
        if weather.area == "cn.jiangsu":
            margin.coefficients[0, 0, 2] = np.nan
        return margin

    monkeypatch.setattr(notions, "NOTIONS", {"firm_capacity": spoilt})
    with pytest.raises(CapacityError, match=r"not finite, or too large, in cn\.jiangsu in the weather of"):
        run(grid, "gpu")
