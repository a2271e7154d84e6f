"""What is known of the years after the base year, and what it leaves of the plans. See docs/projection.md.

`data/additions_known.yaml` holds national figures, dated. They bind a fleet that covers its whole country.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.errors import CapacityError
from grids.areas import AREAS, parent_of
from grids.tables import read_table

Floats = NDArray[np.float64]

FILE = "additions_known.yaml"
YEARLY = ("added", "retired", "planned")
"""Lists of figures by country, year and technology."""


class Known(NamedTuple):
    """National additions on record, and surveyed plans, of the years from the base year on.

    added_mw : (technology, known_year)  From the year after the base year; NaN where there is no figure. [MW]
    retired_mw : (technology, record_year)  The same for what went; its length says until when announcements are known.
    planned_mw : (technology, plan_year)  Younger plans than the grid holds; NaN where there are none. [MW]
    surveyed : (technology,) int64       Year for which owners were asked at its start; 0 where none were.
    """

    added_mw: Floats
    surveyed: NDArray[np.int64]
    retired_mw: Floats
    planned_mw: Floats

    def run(self, k: int) -> Floats:
        """Additions (year,) of technology k from the year after the base year, up to the first gap. [MW]"""
        row = self.added_mw[k]
        (gaps,) = np.nonzero(np.isnan(row))
        return row[: gaps[0]] if gaps.size else row


def nothing_known(technologies: int) -> Known:
    """For a fleet of which no year after the base year is on record."""
    nothing = np.empty((technologies, 0))
    return Known(nothing, np.zeros(technologies, dtype=np.int64), nothing, nothing)


def known_additions(country: str, areas: Sequence[str], technologies: Sequence[str], base_year: int) -> Known:
    """What is known of a fleet's country after `base_year`; nothing where areas of the country are missing.

    Raises CapacityError for a record that is not whole.
    """
    if {area.id for area in AREAS if area.country == country} - {parent_of(area) for area in areas}:
        return nothing_known(len(technologies))
    table = read_known()
    surveyed = np.zeros(len(technologies), dtype=np.int64)
    for (name, year), listed in table["surveyed"].items():
        if name == country:
            surveyed[[technologies.index(one) for one in listed]] = year
    added, retired, planned = (_by_year(table[kind], country, technologies, base_year) for kind in YEARLY)
    return Known(added, surveyed, retired, planned)


def with_younger_plans(known: Known, planned: Floats) -> Floats:
    """Plans (area, technology, plan_year from the year after the base year) with the nation's younger ones. [MW]

    What is more than the grid has goes to the areas of all its plans of that technology. Raises CapacityError where it
    has none at all.
    """
    result = planned.copy()
    for (k, y), total in np.ndenumerate(known.planned_mw):
        more = total - planned[:, k, y].sum()
        where = planned[:, k].sum(axis=1)
        if more > 0.0 and not where.any():
            raise CapacityError(f"{FILE}: plans of technology number {k} have no area, for the grid plans none of it")
        if more > 0.0:
            result[:, k, y] += more * where / where.sum()
    return result


def _by_year(table: Mapping[tuple[str, int], Any], country: str, technologies: Sequence[str], base_year: int) -> Floats:
    """Figures (technology, year) of a country from the year after `base_year`; NaN where there is none. [MW]"""
    years = sorted(year for name, year in table if name == country and year > base_year)
    found = np.full((len(technologies), years[-1] - base_year if years else 0), np.nan)
    for year in years:
        for name, value in table[country, year].items():
            found[technologies.index(name), year - base_year - 1] = value
    return found


@cache
def read_known() -> Mapping[str, Mapping[tuple[str, int], Any]]:
    """`added`, `retired`, `planned`, `surveyed` by (country, year). Raises CapacityError naming what is not whole."""
    raw = read_table(FILE, "capacity")
    faults = [
        f"{entry['country']} {entry['year']} {name}: needs a value of 0 MW or more, a label and a source"
        for kind in YEARLY
        for entry in raw[kind]
        for name, figure in entry["mw"].items()
        if not (figure["value"] >= 0 and figure.get("label") in ("F", "P", "R", "J") and figure.get("source"))
    ]
    if faults:
        raise CapacityError(f"{FILE}: {'; '.join(faults)}")
    found: dict[str, dict[tuple[str, int], Any]] = {
        kind: {
            (entry["country"], int(entry["year"])): {name: float(one["value"]) for name, one in entry["mw"].items()}
            for entry in raw[kind]
        }
        for kind in YEARLY
    }
    surveyed = {(entry["country"], int(entry["year"])): tuple(entry["technologies"]) for entry in raw["surveyed"]}
    return {**found, "surveyed": surveyed}


class OpenPlans(NamedTuple):
    """Plans (area, technology, year) after what is known. [MW]

    came : plans of known years, whose areas share out what came there
    late : to be finished with the completion and the delay of the pipeline
    surveyed : plans of a year that most owners keep
    """

    came: Floats
    late: Floats
    surveyed: Floats


def open_plans(known: Known, planned: Floats, years: NDArray[np.int64], base_year: int) -> OpenPlans:
    """Split plans (area, technology, year) at what is known, so that nothing is built twice.

    What was planned for a known year and did not come is planned anew for the year after; what came beyond the plan
    is taken off the plans of the following years, the nearest first. A survey of the year after the known ones holds
    both already. `years` start right after `base_year`.
    """
    came, late, surveyed = np.zeros_like(planned), planned.copy(), np.zeros_like(planned)
    for k in range(planned.shape[1]):
        run = known.run(k)[: len(years)]
        for y, added in enumerate(run):
            came[:, k, y] = late[:, k, y]
            total = float(late[:, k, y].sum())
            if total > added and y + 1 < len(years):
                late[:, k, y + 1] += late[:, k, y] * (1.0 - added / total)
            late[:, k, y] = 0.0
            _take_off(late[:, k, y + 1 :], max(added - total, 0.0))
        if run.size and run.size < len(years) and known.surveyed[k] == base_year + 1 + run.size:
            surveyed[:, k, run.size] = planned[:, k, run.size]
            late[:, k, run.size] = 0.0
            late[:, k, run.size + 1 :] = planned[:, k, run.size + 1 :]
    return OpenPlans(came, late, surveyed)


def _take_off(late: Floats, surplus: float) -> None:
    """Lower plans (area, year) in place by `surplus` MW in all, the nearest years first, at most to zero."""
    for y in range(late.shape[1]):
        total = float(late[:, y].sum())
        gone = min(surplus, total)
        if gone > 0.0:
            late[:, y] *= 1.0 - gone / total
            surplus -= gone
