"""What a grid covers, how it compares with published national figures, and where its numbers come from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grids.areas import AREAS, COUNTRIES, parent_of
from grids.hours import hours_in_year
from grids.provenance import sources
from grids.store import source_ids
from grids.tables import read_table
from grids.variables import GridDataError

if TYPE_CHECKING:
    import xarray as xr

CHECKS = ("independent", "summed", "scaled")
RECORD_KINDS = ("observed", "modelled", "borrowed")


@dataclass(frozen=True)
class KnownTotal:
    """A published national figure, as `low` to `high` in `unit` (the same twice for a single figure)."""

    id: str
    country: str
    year: int
    what: str
    measure: str
    unit: str
    low: float
    high: float
    tolerance: float
    label: str
    check: str
    """`independent`, `summed` or `scaled`: what agreement with this figure proves (see `known_totals.yaml`)."""
    source: str
    why: str
    technologies: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """One figure of a grid beside the published one.

    computed : in the unit of `known`, or None where the grid does not cover the country or year.
    difference : computed over the nearest published figure minus one [1]; 0 inside a published span.
    verdict : `agrees`, `differs` (outside by more than the tolerance) or `not covered`.
    """

    known: KnownTotal
    computed: float | None
    difference: float | None
    verdict: str


@functools.cache
def published_totals() -> tuple[KnownTotal, ...]:
    """The figures of `known_totals.yaml`. Raises GridDataError naming an entry that is not well formed."""
    return tuple(_total(str(name), entry) for name, entry in read_table("known_totals.yaml").items())


def _total(name: str, entry: Mapping[str, Any]) -> KnownTotal:
    fields = dict(entry)
    value = fields.pop("value", None)
    span = {"low": value, "high": value} if value is not None else {}
    try:
        known = KnownTotal(id=name, technologies=tuple(fields.pop("technologies", ())), **span, **fields)
    except TypeError as error:
        raise GridDataError(f"known_totals.yaml: {name}: {error}") from error
    if known.measure not in MEASURES or known.country not in COUNTRIES or known.check not in CHECKS:
        raise GridDataError(f"known_totals.yaml: {name}: unknown measure, country or check")
    return known


def coverage(ds: xr.Dataset) -> list[dict[str, Any]]:
    """One row a country: areas, profiles, weather years, cells and links, and the years on record."""
    rows = []
    for country in COUNTRIES:
        here = _areas_of(ds, country)
        profiles = ds["profile_area"].isin(here)
        cells = ds["cell_area_id"].isin(here)
        years = sorted({int(year) for year in ds["weather_year"].values[profiles.values]})
        prices = ds["cell_price_usd_per_mwh"].notnull() & cells
        rows.append(
            {
                "country": country,
                "areas": len(here),
                "profiles": int(profiles.sum()),
                "weather years": _span(years),
                "history years": _span([int(year) for year in ds["history_year"].values]) if here else "none",
                "nameplate GW": float(ds["nameplate_mw"].sel(area=here).sum()) / 1e3,
                "planned GW": float(ds["planned_addition_mw"].sel(area=here).sum()) / 1e3,
                "cells": int(cells.sum()),
                "cells with a price": int(prices.sum()),
                "links": int(ds["link_from"].isin(here).sum()),
            }
        )
    return rows


def _span(years: list[int]) -> str:
    if not years:
        return "none"
    return str(years[0]) if len(years) == 1 else f"{years[0]}-{years[-1]}"


def _areas_of(ds: xr.Dataset, country: str) -> list[str]:
    return [str(area) for area in ds["area"].values[ds["area_country"].values == country]]


def known_totals(ds: xr.Dataset) -> list[Comparison]:
    """Every published figure beside the grid's own, in the order of `known_totals.yaml`.

    A country of which the grid lacks an area, or a year it does not hold, is `not covered`: a partial sum
    says nothing about a national figure.
    """
    whole = {
        country: {parent_of(area) for area in _areas_of(ds, country)}
        >= {area.id for area in AREAS if area.country == country}
        for country in COUNTRIES
    }
    return [
        _compare(known, MEASURES[known.measure](ds, known) if whole[known.country] else None)
        for known in published_totals()
    ]


def _compare(known: KnownTotal, computed: float | None) -> Comparison:
    if computed is None:
        return Comparison(known, None, None, "not covered")
    nearest = min(max(computed, known.low), known.high)
    difference = computed / nearest - 1.0
    verdict = "agrees" if abs(difference) <= known.tolerance else "differs"
    return Comparison(known, computed, difference, verdict)


def _sum_of_year(ds: xr.Dataset, name: str, known: KnownTotal) -> float | None:
    if known.year not in ds["history_year"].values:
        return None
    values = ds[name].sel(area=_areas_of(ds, known.country), history_year=known.year)
    return float(values.sum())


def _generation_twh(ds: xr.Dataset, known: KnownTotal) -> float | None:
    total = _sum_of_year(ds, "generation_mwh", known)
    return None if total is None else total / 1e6


def _load_twh(ds: xr.Dataset, known: KnownTotal) -> float | None:
    total = _sum_of_year(ds, "annual_load_mwh", known)
    return None if total is None else total / 1e6


def _capacity_gw(ds: xr.Dataset, known: KnownTotal) -> float | None:
    """Fleet at the end of 2024, the only year that nameplate_mw describes."""
    if known.year != 2024:
        return None
    here = ds["nameplate_mw"].sel(area=_areas_of(ds, known.country), technology=list(known.technologies))
    return float(here.sum()) / 1e3


def _peak_gw(ds: xr.Dataset, known: KnownTotal) -> float | None:
    """Highest hour of the sum of all areas: shape of that year, or the only one, times mean load."""
    import numpy as np

    if known.year not in ds["history_year"].values:
        return None
    total = np.zeros(ds.sizes["hour"])
    for area in _areas_of(ds, known.country):
        of_area = np.flatnonzero(ds["profile_area"].values == area)
        years = ds["weather_year"].values[of_area]
        chosen = of_area[years == known.year] if known.year in years else of_area
        if len(chosen) != 1:
            return None
        annual = float(ds["annual_load_mwh"].sel(area=area, history_year=known.year))
        total += ds["load_shape"].values[chosen[0]] * (annual / hours_in_year(known.year))
    return float(total.max()) / 1e3


MEASURES: dict[str, Callable[[Any, KnownTotal], float | None]] = {
    "generation_twh": _generation_twh,
    "load_twh": _load_twh,
    "capacity_gw": _capacity_gw,
    "peak_gw": _peak_gw,
}


def records(ds: xr.Dataset) -> list[dict[str, Any]]:
    """One row a country and series (load, wind, solar): profiles observed, modelled and borrowed."""
    rows = []
    for country in COUNTRIES:
        here = ds["profile_area"].isin(_areas_of(ds, country)).values
        for series in ("load", "wind", "solar"):
            kinds = [_kind(text) for text in ds[f"{series}_record"].values[here]]
            counts = {kind: kinds.count(kind) for kind in (*RECORD_KINDS, "other")}
            rows.append({"country": country, "series": series, **counts})
    return rows


def _kind(record: str) -> str:
    """First of the three words that a record says, or `other`."""
    found = {kind: str(record).lower().find(kind) for kind in RECORD_KINDS}
    said = {position: kind for kind, position in found.items() if position >= 0}
    return said[min(said)] if said else "other"


def source_table(ds: xr.Dataset) -> list[dict[str, Any]]:
    """One row a source that the grid names: id, publisher, title, licence, standing, and its variables."""
    known = sources()
    rows = []
    for name in source_ids(ds):
        using = sorted(
            str(key) for key, value in ds.data_vars.items() if name in str(value.attrs.get("source", "")).split()
        )
        source = known.get(name)
        rows.append(
            {
                "id": name,
                "publisher": source.publisher if source else "not in sources.yaml",
                "title": source.title if source else "",
                "licence": source.licence if source else "not stated",
                "standing": source.standing if source else "",
                "variables": using,
            }
        )
    return rows
