"""Data centres that stood before the model begins, counted from below, for comparison with published totals.

They are inside the measured load of the base year and act on no run. See docs/claims.md, Published figures.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from capacity.draws import Draws
from capacity.errors import CapacityError
from capacity.limits import chips, runs
from scenarios import ScenarioError, checks, yaml_text
from scenarios.distributions import Distribution, Value
from scenarios.schema import Closed, Label, Text

Floats = NDArray[np.float64]

FILE = Path(__file__).parents[1] / "data" / "datacenter_stock.yaml"
BASE_YEAR = 2024
HOURS = 8760
SERVERS = ("servers", "server_power", "storage_and_network")
ACCELERATORS = ("accelerators", "accelerators_here", "it_over_rating")
RACKS = ("racks", "rack_power", "rack_load")
QUANTITIES = {"US": (*SERVERS, *ACCELERATORS, "pue", "growth"), "CN": (*RACKS, "pue", "growth")}


class Count(Closed):
    """What is known of one quantity in one year."""

    country: Literal["US", "CN"]
    quantity: Text
    year: int = Field(ge=1990, le=BASE_YEAR)
    unit: Text
    value: Value
    label: Label
    source: Text

    @model_validator(mode="after")
    def _sound(self) -> Count:
        if self.quantity not in QUANTITIES[self.country]:
            raise ValueError(f"unknown quantity; known: {', '.join(QUANTITIES[self.country])}")
        if not isinstance(self.value, Distribution):
            raise ValueError("give a distribution: no count of data centres is exact")
        return self


@cache
def counts() -> tuple[Count, ...]:
    """All counts of the file. Raises CapacityError with every fault of it."""
    return read(FILE)


def read(path: Path) -> tuple[Count, ...]:
    """Counts of a file. Raises CapacityError naming every fault."""
    document = yaml_text.read(path)
    found = [checks.checked(Count, raw, document, (i,)) for i, raw in enumerate(document.content or ())]
    if document.problems:
        raise CapacityError(str(ScenarioError(document.problems)))
    return tuple(count for count in found if count is not None)


def quantity(country: str, name: str, year: int, draws: Draws) -> Floats:
    """Draws (draw,) of a quantity in a year, interpolated in logarithms between the years known and level outside."""
    known = sorted((c for c in counts() if (c.country, c.quantity) == (country, name)), key=lambda c: c.year)
    uniform = draws.uniform(f"datacenter_stock.{country}.{name}")
    values = [np.log(c.value.quantile(uniform)) for c in known if isinstance(c.value, Distribution)]
    years = [c.year for c in known]
    place = int(np.clip(np.searchsorted(years, year), 1, len(years) - 1)) if len(years) > 1 else 0
    if not place:
        return np.exp(values[0])
    part = float(np.clip((year - years[place - 1]) / (years[place] - years[place - 1]), 0.0, 1.0))
    return np.exp((1.0 - part) * values[place - 1] + part * values[place])


def all_twh(country: str, year: int, draws: Draws) -> Floats:
    """Electricity (draw,) of all data centres of a country in a year up to BASE_YEAR. [TWh]"""
    other = other_twh(country, year, draws)
    if country == "CN":
        return other
    it_gw = _product(country, ACCELERATORS, year, draws)
    return other + _twh(country, it_gw * runs.load_factor(country, draws)[:, 0], year, draws)


def other_twh(country: str, year: int, draws: Draws) -> Floats:
    """Electricity (draw,) of what is no new AI load: servers in the US, all that stood at the end of 2024 in China.

    After BASE_YEAR it grows by `growth` a year. [TWh]
    """
    known = min(year, BASE_YEAR)
    # Million times W are MW; million times kW are GW.
    it_gw = _product(country, SERVERS, known, draws) / 1e3 if country == "US" else _product("CN", RACKS, known, draws)
    return _twh(country, it_gw, known, draws) * (1.0 + quantity(country, "growth", known, draws)) ** (year - known)


def _product(country: str, names: tuple[str, ...], year: int, draws: Draws) -> Floats:
    return np.prod([quantity(country, name, year, draws) for name in names], axis=0)


def _twh(country: str, mean_it_gw: Floats, year: int, draws: Draws) -> Floats:
    return mean_it_gw * quantity(country, "pue", year, draws) * HOURS / 1e3


def base_ai_twh(country: str, draws: Draws) -> Floats:
    """Electricity (draw,) in later years of the accelerators that stood at the end of 2024, or took their place. [TWh]

    In China these are inside the racks of `other_twh`.
    """
    if country == "CN":
        return np.zeros(len(draws))
    it_gw = chips.stock(country, draws).base_it_w / 1e9
    return _twh(country, it_gw * runs.load_factor(country, draws)[:, 0], BASE_YEAR, draws)
