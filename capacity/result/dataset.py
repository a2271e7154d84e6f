"""The result: one CF-style Dataset of exact draws per country, quantiles and means per area and cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.adequacy.parts import base_year_mean_mw
from capacity.country import CountryResult, Weather
from capacity.draws import Draws
from capacity.limits.joint import LIMITS, Joint
from capacity.result import events, joint, network
from capacity.sites import CELL_QUANTILES
from capacity.supply import cells as supply_cells
from capacity.supply import hindcast_flags
from capacity.winter import weather_place
from cuda_kernels import asnumpy
from cuda_kernels.quantile import quantile

Floats = NDArray[np.float64]

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)

COUNTRY_VARIABLES: Mapping[str, tuple[str, str]] = {
    "supply_mwh": (
        "MWh",
        "Energy that the projected fleet gives at recent capacity factors and the draw's weather",
    ),
    "load_mwh": ("MWh", "Native load: demand before new data centres"),
    "peak_load_mw": ("MW", "Coincident peak of the native load"),
    "firm_headroom_mw": (
        "MW",
        "Constant load that can be added with no curtailment, sum of areas as islands",
    ),
    "grid_headroom_mw": (
        "MW",
        "Constant load that can be added within the curtailable fraction, sum of areas as islands",
    ),
    "hostable_mw": (
        "MW",
        "Facility power that both the grid and the cells of each area can take, sum of areas",
    ),
    "it_power_mw": ("MW", "IT power of the hostable load"),
    "h100e": ("1", "Accelerators that the IT power runs, in H100-equivalents of dense 8-bit throughput"),
    "peak_flop_per_s": ("FLOP/s", "Dense peak throughput at BF16 of those accelerators"),
    "flop_per_year": (
        "FLOP",
        "Delivered in a year: peak x precision factor x MFU x busy share x uncurtailed share",
    ),
}
EXCHANGES = {
    "island": "Islands: each area with its net interchange of the base year",
    "network": "Areas exchange power in every hour within transfer limits, native load first",
    "copper-plate": "Areas of a group exchange power without limit, native load first",
}
AREA_VARIABLES = (
    "load_mwh",
    "peak_load_mw",
    "firm_headroom_mw",
    "grid_headroom_mw",
    "hostable_mw",
    "it_power_mw",
    "h100e",
    "flop_per_year",
)


def of_scenario(
    grid: xr.Dataset,
    weather: Weather,
    draws: Draws,
    results: Sequence[CountryResult],
    joints: Sequence[Joint],
    *,
    area_draws: bool = False,
) -> xr.Dataset:
    """One scenario's part of the result, with a scenario dimension of length one.

    results, joints : by country, in the same order
    area_draws : also keep areas draw by draw, as `area_<name>_draws`
    """
    variables: dict[str, xr.Variable] = {}
    tables = [_tables(result) for result in results]
    coincidence = [_coincidence(grid, weather, result, draws) for result in results]
    for name, (units, text) in COUNTRY_VARIABLES.items():
        if results[0].network is not None:
            text = text.replace("as islands", "that exchange power")
        national = np.stack([asnumpy(table[name].sum(axis=1)) for table in tables], axis=-1)
        if name == "peak_load_mw":
            national *= np.stack(coincidence, axis=-1)[:, None, :]
        variables[name] = _variable(("year", "draw", "country"), national.swapaxes(0, 1), units, text)
    variables |= joint.country_variables(joints)
    for name in AREA_VARIABLES:
        units, text = COUNTRY_VARIABLES[name]
        text = text.replace(", sum of areas as islands", "").replace(", sum of areas", "").replace("Coincident p", "P")
        variables |= _area(name, [table[name] for table in tables], (units, text), area_draws)
    deployed = joint.area_deployed(joints)
    variables |= _area("deployed_mw", [deployed], ("MW", "New load connected in the area"), area_draws)
    variables["area_binding_share"] = joint.area_shares(joints)
    variables |= _area_means(results) | _fleet(results) | _cells(grid, draws, results)
    variables |= network.variables(results) | events.variables(results)
    coords = _coordinates(grid, draws, results)
    part = xr.Dataset(variables, coords=coords).expand_dims(scenario=[draws.scenario.name])
    part["scenario"].attrs["long_name"] = "scenario"
    title = ("scenario", [draws.scenario.title], {"long_name": "title of the scenario"})
    return part.assign_coords(scenario_title=title)


def _tables(result: CountryResult) -> dict[str, Floats]:
    return {
        "supply_mwh": result.supply_mwh,
        "load_mwh": result.load_mwh,
        "peak_load_mw": result.peak_load_mw,
        "firm_headroom_mw": result.firm_headroom_mw,
        "grid_headroom_mw": result.grid_headroom_mw,
        "hostable_mw": result.placed.hostable_mw,
        "it_power_mw": result.it_power_mw,
        "h100e": result.compute.h100e,
        "peak_flop_per_s": result.compute.peak_flop_per_s,
        "flop_per_year": result.compute.flop_per_year,
    }


def _coincidence(grid: xr.Dataset, weather: Weather, result: CountryResult, draws: Draws) -> Floats:
    """Peak of the country's load over the sum of its areas' peaks (draw,), of each draw's weather year."""
    base = base_year_mean_mw(grid, "annual_load_mwh", result.fleet.areas)
    by_area = [weather[area] for area in result.fleet.areas]
    most = max(len(years) for years in by_area)
    factors = np.zeros(most)
    for number in range(most):
        shapes = np.stack([years[min(number, len(years) - 1)].load_shape for years in by_area])
        loads = shapes * base[:, None]
        factors[number] = loads.sum(axis=0).max() / loads.max(axis=1).sum()
    place = weather_place(result.fleet, weather, base, draws)
    chosen = np.minimum((place * most).astype(int), most - 1)
    return factors[chosen]


def _area(name: str, values: Sequence[Floats], meaning: tuple[str, str], by_draw: bool) -> dict[str, xr.Variable]:
    """Summary of values (draw, area, year), given country by country, and, if asked, the draws.

    They are summed up where they lie: of what is on a device, only the summary leaves it.
    """
    units, text = meaning
    quantiles = np.concatenate([asnumpy(quantile(part, QUANTILES)) for part in values], axis=1)
    means = np.concatenate([asnumpy(part.mean(axis=0)) for part in values])
    made = {
        f"area_{name}": _variable(("year", "quantile", "area"), np.moveaxis(quantiles, 2, 0), units, text),
        f"area_{name}_mean": _variable(("year", "area"), means.T, units, f"{text}, mean over draws"),
    }
    if by_draw:
        draws = np.concatenate([asnumpy(part) for part in values], axis=1)
        made[f"area_{name}_draws"] = _variable(("year", "draw", "area"), np.moveaxis(draws, 2, 0), *meaning)
    return made


def _area_means(results: Sequence[CountryResult]) -> dict[str, xr.Variable]:
    def mean(pick: Any) -> Floats:
        return np.concatenate([asnumpy(pick(result).mean(axis=0)) for result in results], axis=0).T

    dims = ("year", "area")
    return {
        "area_curtailed_hours_mean": _variable(
            dims,
            mean(lambda r: r.curtailed_hours),
            "h",
            "Hours a year in which the hosted load is curtailed, mean over draws",
        ),
        "area_siting_limited_share": _variable(
            dims,
            mean(lambda r: r.placed.siting_limited),
            "1",
            "Share of draws in which the cells, not the grid, set the limit",
        ),
        "area_pue_mean": _variable(dims, mean(lambda r: r.pue), "1", "Peak facility over IT power, mean over draws"),
    }


def _fleet(results: Sequence[CountryResult]) -> dict[str, xr.Variable]:
    national = np.stack([r.supply.nameplate_mw.sum(axis=1) for r in results], axis=-1)
    areas = np.concatenate([r.supply.nameplate_mw.mean(axis=0) for r in results], axis=0)
    return {
        "nameplate_mw": _variable(
            ("year", "draw", "country", "technology"),
            national.transpose(2, 0, 3, 1),
            "MW",
            "Projected nameplate capacity",
        ),
        "area_nameplate_mw_mean": _variable(
            ("year", "area", "technology"),
            areas.transpose(2, 0, 1),
            "MW",
            "Projected nameplate capacity, mean over draws",
        ),
    }


def _cells(grid: xr.Dataset, draws: Draws, results: Sequence[CountryResult]) -> dict[str, xr.Variable]:
    years, count = len(draws.years), grid.sizes["cell"]
    quantiles = np.zeros((years, len(CELL_QUANTILES), count))
    mean = np.zeros((years, count))
    for result in results:
        placed = result.placed
        quantiles[:, :, placed.cells] = placed.cell_quantile_mw.swapaxes(0, 1)
        mean[:, placed.cells] = placed.cell_mean_mw
    fleet = supply_cells.nameplate_mw(
        grid, [(r.fleet, r.supply) for r in results], draws.scalar("addition_pattern_share")
    )
    return {
        "cell_hostable_mw": _variable(
            ("year", "cell_quantile", "cell"),
            quantiles,
            "MW",
            "Hostable facility power in the cell, order statistics over draws",
        ),
        "cell_hostable_mw_mean": _variable(
            ("year", "cell"),
            mean,
            "MW",
            "Hostable facility power in the cell, mean over draws; sums to the area",
        ),
        "cell_nameplate_mw_mean": _variable(
            ("year", "technology", "cell"),
            fleet,
            "MW",
            "Projected nameplate capacity in the cell, mean over draws; sums to the area",
        ),
    }


def _coordinates(grid: xr.Dataset, draws: Draws, results: Sequence[CountryResult]) -> dict[str, Any]:
    areas = [area for result in results for area in result.fleet.areas]
    names = grid.set_coords([]).sel(area=areas)
    return events.coordinates(results) | {
        "year": ("year", draws.years, {"units": "year", "long_name": "calendar year"}),
        "draw": ("draw", draws.ids, {"units": "1", "long_name": "draw number"}),
        "country": ("country", [result.fleet.country for result in results], {"long_name": "country code"}),
        "area": ("area", areas, {"long_name": "area id"}),
        "area_name": ("area", names["area_name"].to_numpy().astype(str), {"long_name": "English name of the area"}),
        "area_country": ("area", names["area_country"].to_numpy().astype(str), {"long_name": "country of the area"}),
        "technology": ("technology", list(results[0].fleet.technologies), {"long_name": "technology"}),
        "quantile": ("quantile", list(QUANTILES), {"units": "1", "long_name": "quantile over draws"}),
        "cell_quantile": ("cell_quantile", list(CELL_QUANTILES), {"units": "1", "long_name": "quantile over draws"}),
        "limit": ("limit", list(LIMITS), {"long_name": "what limits the accelerators in use"}),
        "cell": ("cell", grid["cell"].to_numpy(), {"units": "1", "long_name": "number of the cell in the grid"}),
        "cell_lat": (
            "cell",
            grid["cell_lat"].to_numpy(),
            {"units": "degrees_north", "standard_name": "latitude", "long_name": "latitude of the cell centre"},
        ),
        "cell_lon": (
            "cell",
            grid["cell_lon"].to_numpy(),
            {"units": "degrees_east", "standard_name": "longitude", "long_name": "longitude of the cell centre"},
        ),
        "cell_area_id": ("cell", grid["cell_area_id"].to_numpy().astype(str), {"long_name": "area of the cell"}),
    }


def _variable(dims: tuple[str, ...], values: Floats, units: str, text: str) -> xr.Variable:
    return xr.Variable(dims, np.ascontiguousarray(values), {"units": units, "long_name": text})


def assemble(parts: Sequence[xr.Dataset], attrs: Mapping[str, Any]) -> xr.Dataset:
    """Join the scenarios and say what the file is."""
    joined = xr.concat(parts, dim="scenario", data_vars="all", coords="minimal", compat="override", join="exact")
    countries, technologies = (list(map(str, joined[name].to_numpy())) for name in ("country", "technology"))
    rule = hindcast_flags.variable(countries, technologies)
    return joined.assign({hindcast_flags.VARIABLE: rule}).assign_attrs(
        hindcast_flags.attribute(countries),
        Conventions="CF-1.11",
        history=_history(joined, attrs),
        title="Hostable AI-datacenter load and compute of US and Chinese grids",
        gridflops_version=version("gridflops"),
        summary=f"{EXCHANGES[attrs['exchange']]}; hostable: chips and capital as available; deployed: all limits.",
        **attrs,
    )


def _history(joined: xr.Dataset, attrs: Mapping[str, Any]) -> str:
    """What made the file. No time of day, so that the same run gives the same bytes."""
    years = joined["year"].to_numpy()
    names = " ".join(str(name) for name in joined["scenario"].to_numpy())
    draws = f"{joined.sizes['draw']} draws, seed {attrs.get('seed', 'not given')}"
    return f"gridflops {version('gridflops')} run {names}, years {years[0]}-{years[-1]}, {draws}"
