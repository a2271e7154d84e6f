"""What the variables of a grid must agree on with each other: sums, means and references by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from grids.areas import COUNTRIES, TECHNOLOGIES

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

SUM_TOLERANCE = 1e-3  # cells against areas: 0.1 %
SUM_FLOOR_MW = 1.0  # below this, rounding of packed cells says nothing
MEAN_TOLERANCE = 1e-3  # annual mean of a load shape against 1
WEIGHT_TOLERANCE = 1e-6  # load weights of an area's cells against 1


def disagreements(ds: xr.Dataset) -> Iterator[str]:
    """Every sentence that says where two variables of a well-formed grid contradict each other."""
    for check in (_references, _names, _profiles, _shape_means, _cell_sums, _load_weights):
        yield from check(ds)


def _references(ds: xr.Dataset) -> Iterator[str]:
    """Variables that hold area ids must hold ids of the coordinate."""
    if "area" not in ds.coords:
        return
    areas = set(ds["area"].values.tolist())
    for name in ("profile_area", "cell_area_id", "link_from", "link_to"):
        if name not in ds:
            continue
        dim = ds[name].dims[0]
        for position, value in enumerate(ds[name].values.tolist()):
            if value not in areas:
                place = ds[dim].values[position] if dim in ds.coords else position
                yield f"{name!r}[{dim}={place}] = {value!r}: not an area of this grid; use an id of coordinate 'area'"
                break


def _names(ds: xr.Dataset) -> Iterator[str]:
    for dim, allowed in (("technology", TECHNOLOGIES), ("country", COUNTRIES)):
        if dim in ds.coords:
            for value in ds[dim].values.tolist():
                if value not in allowed:
                    yield f"coordinate {dim!r}: unknown value {value!r}; known: {', '.join(allowed)}"
    if "area_country" in ds:
        for area, country in zip(ds["area"].values.tolist(), ds["area_country"].values.tolist(), strict=True):
            if country not in COUNTRIES:
                yield f"'area_country'[area={area}] = {country!r}: must be one of {', '.join(COUNTRIES)}"
    if "hour" in ds.coords and not np.array_equal(ds["hour"].values, np.arange(8760)):
        yield "coordinate 'hour': must count 0 to 8759 (UTC, hour-beginning, 29 February dropped)"
    if "month" in ds.coords and not np.array_equal(ds["month"].values, np.arange(1, 13)):
        yield "coordinate 'month': must count 1 to 12"


def _profiles(ds: xr.Dataset) -> Iterator[str]:
    """A profile id is AREA/YEAR, and its two parts repeat what the variables say."""
    if not {"profile", "profile_area", "weather_year"} <= set(map(str, ds.variables)):
        return
    rows = zip(
        ds["profile"].values.tolist(),
        ds["profile_area"].values.tolist(),
        ds["weather_year"].values.tolist(),
        strict=True,
    )
    for profile, area, year in rows:
        if profile != f"{area}/{year}":
            yield f"coordinate 'profile': {profile!r} should be {f'{area}/{year}'!r} by profile_area and weather_year"
    if "area" in ds.coords:
        without = sorted(set(ds["area"].values.tolist()) - set(ds["profile_area"].values.tolist()))
        if without:
            yield f"coordinate 'profile': no profile for area {', '.join(without)}; each area needs at least one"


def _shape_means(ds: xr.Dataset) -> Iterator[str]:
    if "load_shape" not in ds:
        return
    mean = ds["load_shape"].values.mean(axis=1, dtype=np.float64)
    for position in np.flatnonzero(np.abs(mean - 1.0) > MEAN_TOLERANCE):
        profile = ds["profile"].values[position]
        yield f"'load_shape'[profile={profile}]: annual mean {mean[position]:.5f}, must be 1; divide by its mean"


def _cell_sums(ds: xr.Dataset) -> Iterator[str]:
    """Nameplate of the cells equals that of the areas; planned units with a site never exceed the plan."""
    if "cell_area_id" not in ds or "area" not in ds.coords:
        return
    if {"cell_nameplate_mw", "nameplate_mw"} <= set(ds.data_vars):
        by_area = ds["nameplate_mw"].sum("vintage").transpose("technology", "area").values
        cells = _by_area(ds, ds["cell_nameplate_mw"].values)
        bad = np.abs(cells - by_area) > np.maximum(SUM_TOLERANCE * by_area, SUM_FLOOR_MW)
        yield from _sum_problems(ds, bad, ("cell_nameplate_mw", cells), ("nameplate_mw", by_area))
    if {"cell_planned_mw", "planned_addition_mw"} <= set(ds.data_vars):
        by_area = ds["planned_addition_mw"].sum("plan_year").transpose("technology", "area").values
        cells = _by_area(ds, ds["cell_planned_mw"].values)
        bad = cells - by_area > np.maximum(SUM_TOLERANCE * by_area, SUM_FLOOR_MW)
        yield from _sum_problems(ds, bad, ("cell_planned_mw", cells), ("planned_addition_mw", by_area))


def _sum_problems(
    ds: xr.Dataset,
    bad: npt.NDArray[np.bool_],
    cells: tuple[str, npt.NDArray[np.float64]],
    areas: tuple[str, npt.NDArray[np.float64]],
) -> Iterator[str]:
    for technology, area in np.argwhere(bad):
        yield (
            f"{cells[0]!r}[area={ds['area'].values[area]}, technology={ds['technology'].values[technology]}]: "
            f"cells sum to {cells[1][technology, area]:.1f} MW, {areas[0]} says {areas[1][technology, area]:.1f} MW; "
            "scale the cells or mend the area"
        )


def _by_area(ds: xr.Dataset, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(..., cell) -> (..., area), summed in float64."""
    position = {area: index for index, area in enumerate(ds["area"].values.tolist())}
    index = np.array([position[area] for area in ds["cell_area_id"].values.tolist()])
    total = np.zeros((ds.sizes["area"], *values.shape[:-1]))
    np.add.at(total, index, np.moveaxis(values, -1, 0).astype(np.float64))
    return np.moveaxis(total, 0, -1)


def _load_weights(ds: xr.Dataset) -> Iterator[str]:
    if not {"cell_load_weight", "cell_area_id"} <= set(ds.data_vars) or "area" not in ds.coords:
        return
    total = _by_area(ds, ds["cell_load_weight"].values)
    for position in np.flatnonzero(np.abs(total - 1.0) > WEIGHT_TOLERANCE):
        area = ds["area"].values[position]
        yield f"'cell_load_weight'[area={area}]: cells sum to {total[position]:.8f}, must be 1; divide by the sum"
