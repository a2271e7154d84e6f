"""Every scenario of the library does what its title says, on a tiny made-up grid."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from grid_factory import tiny_grid

from capacity.estimation import estimate
from scenarios import library, load

YEARS = range(2025, 2034)
DRAWS = 16
UP, DOWN = 1, -1

# scenario: (result variable, country, year, direction of the mean over draws against the reference)
ISLANDS: dict[str, list[tuple[str, str, int, int]]] = {
    "ai-capital-bust": [
        ("capital_busd", "US", 2028, DOWN),
        ("chips_available_h100e", "US", 2030, DOWN),
        ("deployed_h100e", "US", 2030, DOWN),
    ],
    "chip-glut": [("chips_available_h100e", "US", 2030, UP), ("chips_available_h100e", "CN", 2030, UP)],
    "clean-firm": [("hostable_mw", "US", 2033, UP), ("hostable_mw", "CN", 2033, UP), ("supply_mwh", "US", 2033, UP)],
    "cn-east-data-west-compute": [("energised_queue_mw", "CN", 2030, 0)],
    "cn-export-control-loose": [
        ("chips_available_h100e", "CN", 2030, UP),
        ("chips_available_h100e", "US", 2030, DOWN),
    ],
    "cn-export-control-tight": [
        ("chips_available_h100e", "CN", 2030, DOWN),
        ("chips_available_h100e", "US", 2030, UP),
        ("deployed_h100e", "CN", 2030, DOWN),
    ],
    "cn-five-year-plan-surge": [("supply_mwh", "CN", 2033, UP), ("energised_queue_mw", "CN", 2027, UP)],
    "cn-plan-slippage": [("supply_mwh", "CN", 2033, DOWN), ("energised_queue_mw", "CN", 2027, DOWN)],
    "demand-as-unsure-as-the-record": [("peak_load_mw", "US", 2033, 0), ("hostable_mw", "CN", 2033, 0)],
    "demand-in-one-shape": [("peak_load_mw", "CN", 2033, 0), ("hostable_mw", "US", 2033, 0)],
    "efficiency-shock-high-rebound": [
        ("capital_busd", "US", 2029, UP),
        ("energised_queue_mw", "CN", 2030, UP),
        ("effective_flop_per_year", "US", 2030, UP),
    ],
    "efficiency-shock-low-rebound": [
        ("capital_busd", "US", 2029, DOWN),
        ("energised_queue_mw", "CN", 2030, DOWN),
        ("effective_flop_per_year", "US", 2030, UP),
    ],
    "high-electrification": [
        ("peak_load_mw", "US", 2033, UP),
        ("peak_load_mw", "CN", 2033, UP),
        ("hostable_mw", "US", 2033, DOWN),
        ("hostable_mw", "CN", 2030, DOWN),
    ],
    "regimes-swapped": [("supply_mwh", "US", 2033, 0), ("supply_mwh", "CN", 2033, 0)],
    "taiwan-shock": [("chips_available_h100e", "US", 2030, DOWN), ("deployed_h100e", "US", 2030, DOWN)],
    "us-50-state-patchwork": [("supply_mwh", "US", 2033, DOWN), ("hostable_mw", "US", 2033, DOWN)],
    "us-behind-the-meter-gas": [("onsite_mw", "US", 2030, UP), ("energised_queue_mw", "US", 2030, DOWN)],
    "us-flexible-load": [("hostable_mw", "US", 2030, UP), ("energised_queue_mw", "US", 2028, UP)],
    "us-interruptible-tariff": [("hostable_mw", "US", 2030, DOWN)],
    "us-power-capping": [("hostable_mw", "US", 2030, DOWN), ("deployed_mw", "US", 2033, DOWN)],
    "us-sites-with-storage": [("hostable_mw", "US", 2030, UP)],
    "us-permitting-reform": [("supply_mwh", "US", 2033, UP), ("energised_queue_mw", "US", 2028, UP)],
    "us-stagnant-grid": [("supply_mwh", "US", 2033, DOWN), ("peak_load_mw", "US", 2033, DOWN)],
    "winter-stress": [("hostable_mw", "US", 2030, DOWN), ("hostable_mw", "CN", 2030, DOWN)],
}
NETWORK: dict[str, list[tuple[str, str, int, int]]] = {
    "siting-by-request": [("hostable_mw", "US", 2033, 0), ("hostable_mw", "CN", 2033, 0)],
    "siting-for-total": [("grid_headroom_mw", "US", 2033, UP)],
    "us-transmission-surge": [("hostable_mw", "US", 2033, UP)],
    "cn-east-data-west-compute": [("hostable_mw", "CN", 2033, UP)],
}


CAPS = "us-net-import-caps"
"""The scenario that needs links which carry more than it allows."""


def _linked(scale: float = 0.2) -> xr.Dataset:
    """The tiny grid with one American interconnection and links so thin that more of them matters."""
    grid = tiny_grid()
    joint = np.where(grid["area_country"] == "US", "Eastern", grid["area_interconnection"])
    thin = {name: scale * grid[name] for name in ("link_limit_low_mw", "link_limit_high_mw")}
    for name, limits in thin.items():
        limits.attrs.update(grid[name].attrs)
    return grid.assign(area_interconnection=("area", joint, grid["area_interconnection"].attrs), **thin)


@pytest.fixture(scope="module")
def islands() -> xr.Dataset:
    return estimate(tiny_grid(), load(library()), years=YEARS, draws=DRAWS, seed=11, device="cpu")


@pytest.fixture(scope="module")
def network() -> xr.Dataset:
    asked = load(["reference", *NETWORK])
    return estimate(_linked(), asked, years=YEARS, draws=6, seed=11, exchange="network", device="cpu")


def test_no_scenario_of_the_library_is_left_out() -> None:
    assert {"reference", CAPS, *ISLANDS, *NETWORK} == set(library())


def _check(result: xr.Dataset, name: str, variable: str, country: str, year: int, sign: int) -> None:
    place = {"country": country, "year": year}
    with_it, without = (result[variable].sel(place, drop=True).sel(scenario=s) for s in (name, "reference"))
    difference = (with_it - without).to_numpy()
    assert difference.any()
    if sign:
        assert sign * difference.mean() > 0.0
        assert (sign * difference >= -1e-9 * np.abs(without.to_numpy())).mean() >= 0.5


@pytest.mark.parametrize(
    ("name", "variable", "country", "year", "sign"), [(name, *row) for name, rows in ISLANDS.items() for row in rows]
)
def test_scenarios_move_results_as_they_say(islands, name, variable, country, year, sign) -> None:
    _check(islands, name, variable, country, year, sign)


@pytest.mark.parametrize(
    ("name", "variable", "country", "year", "sign"), [(name, *row) for name, rows in NETWORK.items() for row in rows]
)
def test_scenarios_of_lines_act_where_areas_exchange_power(network, name, variable, country, year, sign) -> None:
    _check(network, name, variable, country, year, sign)


def test_caps_lower_what_wide_links_carry() -> None:
    asked = load(["reference", CAPS])
    wide = estimate(_linked(9.0), asked, years=YEARS, draws=3, seed=11, exchange="network", device="cpu")
    _check(wide, CAPS, "grid_headroom_mw", "US", 2030, DOWN)


def test_transmission_changes_nothing_for_islands(islands) -> None:
    surge, reference = (islands.sel(scenario=name) for name in ("us-transmission-surge", "reference"))
    np.testing.assert_array_equal(surge["hostable_mw"], reference["hostable_mw"])


@pytest.mark.parametrize("country", ["US", "CN"])
def test_a_scenario_of_one_country_leaves_the_grid_of_the_other_alone(islands, country) -> None:
    other = "cn-" if country == "US" else "us-"
    names = [name for name in islands["scenario"].to_numpy() if str(name).startswith(other)]
    assert len(names) > 3
    for name in set(names) - {"cn-plan-slippage"}:  # plan_rush is one parameter of both, idle without plans
        alone, reference = (islands["hostable_mw"].sel(scenario=s, country=country) for s in (name, "reference"))
        np.testing.assert_array_equal(alone, reference)


@pytest.mark.parametrize("country", ["US", "CN"])
def test_demand_as_unsure_as_the_record_spreads_wider(islands, country) -> None:
    peaks = islands["peak_load_mw"].sel(country=country, year=2033)
    wide, reference = (float(peaks.sel(scenario=s).std()) for s in ("demand-as-unsure-as-the-record", "reference"))
    assert wide > 1.5 * reference


def test_capital_is_left_where_it_was_before_the_bust(islands) -> None:
    early = islands["capital_busd"].sel(country="US", year=[2025])
    assert (early.sel(scenario="ai-capital-bust") <= early.sel(scenario="reference")).all()
