"""Outages as a distribution: adequacy notions that bound expected unserved energy, hours or days. See docs/adequacy.md.

The firm capacity of `firm_capacity` is an expectation and needs a reserve margin beside it. Here the units of an area
fail one by one, more of them in cold and heat, and no margin is added: firm load may raise expected unserved energy
(`expected_unserved`), hours (`lolh`) or days of shortage (`lole`) to a limit; flexible load forgoes an expected share
of its energy, native load first, under all three.

One table an area and five years, from the fleet of the central path, serves all draws: a draw's fleet is taken as that
fleet to scale, so that its expected available capacity is exact and the shape of its outages is the central one's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.adequacy import notions
from capacity.adequacy.parts import HOURS, STORAGE, AreaBalance, firm_factor
from capacity.draws import CentralPath, Draws, stream_number
from capacity.supply.fleet import Fleet
from capacity.winter import monthly_temperature_c
from cuda_kernels import Engine
from cuda_kernels.outage_headroom import Criterion, outage_headroom_mw
from cuda_kernels.outage_table import STEP_MW, OutageTable, on_grid, outage_table
from cuda_kernels.outage_years import Kind, outage_year_mw
from grids.hours import DAYS_IN_MONTH

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Singles = NDArray[np.float32]

NOTIONS: Mapping[str, tuple[Criterion, str]] = {
    "expected_unserved": ("eue_firm", "unserved_energy_limit"),
    "lolh": ("lolh", "loss_of_load_hours_limit"),
    "lole": ("lole", "loss_of_load_days_limit"),
}
"""Criterion of firm load, and the parameter that holds its limit."""
UNITS = ("coal", "gas", "oil", "nuclear", "biomass", "geothermal")
"""Technologies whose units fail one by one; hydro's outages are in its ceiling, storage counts as firm."""
RESPONSIVE = ("coal", "gas", "oil", "nuclear")
"""Technologies whose outages follow the temperature."""
COLD_C, MILD_C, HOT_C = -15.0, 10.0, 35.0
"""Where the parameters outage_cold_ratio and outage_hot_ratio are measured; label F, Murphy et al. 2019."""
HIGHEST_RATE = 0.4
"""Outage rates are not extrapolated beyond this; label F, NREL, ReEDS."""
BIN_C = 2.5
"""Width of the temperature bins; label J. In the cold gas changes by 0.6 of its mild rate from bin to bin."""
STATE_YEARS = 5
"""Years between two fleets that get tables of their own; label J."""
NODES = 3000
"""Capacity is rounded to a grid of about so many nodes, 10 MW at the finest; label J, a large area's unit is ten."""

SAMPLED_YEARS = 8
"""Years of outages in which events are counted; label J, a setting of the method."""
DEFAULT_STATES = 4
"""States of every hour that areas which exchange power are looked at in (`capacity.network.outages`); label J."""


class State(NamedTuple):
    """The outages of one area's central fleet in one year, its mean available capacity over hours [MW], and its units
    as the table counts them."""

    table: OutageTable
    mean_mw: float
    kinds: tuple[Kind, ...]


class AreaOutages(NamedTuple):
    """Firm and flexible headroom [MW], expected hours of shortage [h] and native energy unserved [MWh] of one area.

    All (draw, year), or (draw,) of one year.
    """

    firm_mw: Floats
    flexible_mw: Floats
    short_hours: Floats
    native_unserved_mwh: Floats


@dataclass(frozen=True)
class Outages:
    """A country's outages. Arrays over draws s, areas a, technologies k, years y.

    units_mw, storage_mw : (s, a, y)      Expected available capacity of units, and storage as it counts firm. [MW]
    central_mw : (a, k, y)                Summer capability of the central path. [MW]
    rate, unit_mw : {technology}          Yearly mean outage rate (y,) and unit size of the central path. [1], [MW]
    ratios : {technology}                 Outage rate at COLD_C and HOT_C over that at MILD_C. [1]
    outage_h : {technology}               Mean duration of an outage on the central path. [h]
    temperature_c : (a, hour)             Monthly normals, linear between the middles of months.
    names, seed : of the areas and of the run, which tell their streams of random numbers apart
    """

    criterion: Criterion
    limit: float
    units_mw: Floats
    storage_mw: Floats
    central_mw: Floats
    rate: Mapping[str, Floats]
    unit_mw: Mapping[str, float]
    ratios: Mapping[str, tuple[float, float]]
    outage_h: Mapping[str, float]
    temperature_c: Floats
    technologies: tuple[str, ...]
    names: tuple[str, ...]
    seed: int
    _states: dict[tuple[int, int], State] = field(default_factory=dict)
    _years: dict[tuple[int, int], Singles] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        grid: xr.Dataset,
        fleet: Fleet,
        draws: Draws | CentralPath,
        nameplate_mw: tuple[Floats, Floats],
        notion: str,
    ) -> Outages:
        """nameplate_mw : (s, a, k, y) of the draws, and of the central path. notion : a name in NOTIONS."""
        central = draws.central if isinstance(draws, Draws) else draws
        summer = grid["summer_capability_fraction"].sel(country=fleet.country).to_numpy()
        criterion, limit = NOTIONS[notion]
        multiplier = central.parameter(f"{fleet.prefix}.forced_outage_multiplier")[0]
        return cls(
            criterion,
            float(central.scalar(limit)[0]),
            expected_mw(fleet, draws, nameplate_mw[0], summer, UNITS),
            expected_mw(fleet, draws, nameplate_mw[0], summer, STORAGE),
            nameplate_mw[1][0] * summer[:, None],
            {t: np.clip(central.parameter(f"forced_outage_rate_{t}")[0] * multiplier, 0.0, 1.0) for t in UNITS},
            {t: float(central.scalar(f"{fleet.prefix}.unit_size_{t}")[0]) for t in UNITS},
            {t: _ratios(central, t) for t in RESPONSIVE},
            {t: float(central.scalar(f"outage_hours_{t}")[0]) for t in UNITS},
            np.stack([hourly_temperature_c(monthly_temperature_c(grid, area)) for area in fleet.areas]),
            fleet.technologies,
            fleet.areas,
            draws.seed if isinstance(draws, Draws) else 0,
        )

    def solve(
        self,
        a: int,
        members: Integers,
        margin: notions.Margin,
        balance: AreaBalance,
        share: Floats,
        engine: Engine = "auto",
    ) -> AreaOutages:
        """Headroom of one area under one weather year for some draws.

        margin, balance, share : of those draws, under firm_capacity; the expected firm capacity is taken out of the
        margin and the units put in its place.
        """
        years = range(margin.coefficients.shape[1])
        found = [self.solve_year(a, y, members, margin, balance, (share[:, y], engine)) for y in years]
        return AreaOutages(*np.stack(found, axis=-1))

    def solve_year(
        self,
        a: int,
        y: int,
        members: Integers,
        margin: notions.Margin,
        balance: AreaBalance,
        asked: tuple[Floats, Engine],
    ) -> AreaOutages:
        """The same of one year, all (draw,). asked : share (draw,) and engine."""
        share, engine = asked
        state, rows = self.state(a, y - y % STATE_YEARS), self.rows(a)[1]
        scale, constant = self.in_place(a, y, members, balance)
        net = -margin.coefficients[:, y]
        net[:, 0] -= constant
        load = balance.load_mw[:, y] * HOURS / scale
        hourly, criterion = (margin.profiles[y], net / scale[:, None]), (self.criterion, self.limit)
        one = outage_headroom_mw(hourly, (state.table, rows), criterion, share, load, engine=engine)
        return AreaOutages(
            one.firm_mw * scale, one.flexible_mw * scale, one.short_hours, one.native_unserved_mwh * scale
        )

    def in_place(self, a: int, y: int, members: Integers, balance: AreaBalance) -> tuple[Floats, Floats]:
        """What takes the place of firm capacity in the margins of some draws, whose balance it is: their units over
        those of the table (draw,) [1], and what the constant gains (draw,), as storage stays. [MW]
        """
        mean, units = self.state(a, y - y % STATE_YEARS).mean_mw, self.units_mw[members, a, y]
        scale, certain = np.ones(len(members)), units
        if mean > 0.0:  # else the central path has no units here, and what a draw has counts as expected
            scale, certain = np.maximum(units / mean, 1e-6), np.zeros(len(members))
        return scale, self.storage_mw[members, a, y] + certain - balance.firm_mw[:, y]

    def beside(self, balances: Sequence[AreaBalance], reserve: Floats) -> Outages:
        """The same with storage at what it is worth within balances over `reserve` (draw, year). [1]"""
        return replace(self, storage_mw=_over_reserve([b.storage_mw for b in balances], reserve))

    def importing_nothing(self, balances: Sequence[AreaBalance], reserve: Floats) -> Outages:
        """The same with stores that serve their own area where they count as those of a group."""
        return replace(self, storage_mw=self.storage_mw + _over_reserve([b.alone_mw for b in balances], reserve))

    def rows(self, a: int) -> tuple[Floats, Integers]:
        """Temperatures of an area's bins (row,), and the row of each hour."""
        bins, rows = np.unique(np.rint(self.temperature_c[a] / BIN_C), return_inverse=True)
        return bins * BIN_C, rows.astype(np.int64)

    def state(self, a: int, y: int) -> State:
        """Table of an area's central fleet in a year, made once."""
        if (a, y) not in self._states:
            self._states[a, y] = self._new_state(a, y)
        return self._states[a, y]

    def _new_state(self, a: int, y: int) -> State:
        temperatures, rows = self.rows(a)
        weight = np.bincount(rows) / rows.size
        kinds = []
        for technology in UNITS:
            standing = float(self.central_mw[a, self.technologies.index(technology), y])
            if standing <= 0.0:
                continue
            count = max(1, round(standing / self.unit_mw[technology]))
            rate = self.rates(technology, float(self.rate[technology][y]), temperatures, weight)
            kinds.append(Kind(np.full(count, standing / count), rate, self.outage_h[technology]))
        sizes, rates = [np.zeros(0)], [np.zeros((len(temperatures), 0))]
        for kind in kinds:
            sizes.append(kind.capacity_mw)
            rates.append(np.repeat(kind.outage_rate[:, None], len(kind.capacity_mw), axis=1))
        units = np.concatenate(sizes)
        step = float(max(STEP_MW, np.ceil(units.sum() / NODES)))
        table = outage_table(units, np.concatenate(rates, axis=1), step_mw=step)
        nodes = np.arange(table.probability.shape[1]) * table.step_mw
        capacity = on_grid(units, step) * np.float64(step)
        return State(table, float(weight @ (table.probability @ nodes)), _counted(kinds, capacity))

    def years_mw(self, a: int, y: int) -> Singles:
        """Capacity (year, hour) of an area's central fleet in sampled years in which its units go out and come back,
        made once; distributed in each hour as its table says. Whole megawatts, which float32 holds exactly. [MW]"""
        if (a, y) not in self._years:
            kinds, rows = self.state(a, y).kinds, self.rows(a)[1]
            address = self.seed, stream_number(f"years of outages of {self.names[a]}")
            years = [outage_year_mw(kinds, rows, (*address, number)) for number in range(SAMPLED_YEARS)]
            self._years[a, y] = np.stack(years).astype(np.float32)
        return self._years[a, y]

    def rates(self, technology: str, mean: float, temperature_c: Floats, weight: Floats) -> Floats:
        """Outage rate (row,) at temperatures whose share of the year is `weight`; their mean over the year is `mean`
        unless HIGHEST_RATE cuts it."""
        if technology not in self.ratios:
            return np.full(len(temperature_c), mean)
        cold, hot = self.ratios[technology]
        below = (cold - 1.0) * np.maximum(MILD_C - temperature_c, 0.0) / (MILD_C - COLD_C)
        above = (hot - 1.0) * np.maximum(temperature_c - MILD_C, 0.0) / (HOT_C - MILD_C)
        shape = 1.0 + below + above
        return np.clip(mean * shape / (weight @ shape), 0.0, max(HIGHEST_RATE, mean))


def _counted(kinds: Sequence[Kind], capacity_mw: Floats) -> tuple[Kind, ...]:
    """Kinds of units with other capacities (unit,), those of one kind after those of another. [MW]"""
    ends = np.cumsum([len(kind.capacity_mw) for kind in kinds], dtype=np.int64)
    each = zip(kinds, ends, strict=True)
    return tuple(kind._replace(capacity_mw=capacity_mw[end - len(kind.capacity_mw) : end]) for kind, end in each)


def _over_reserve(worth_mw: Sequence[Floats | None], reserve: Floats) -> Floats:
    """Firm capacity (draw, area, year) without the reserve margin over which it counts elsewhere. [MW]"""
    nil = np.zeros(reserve.shape)
    return np.stack([nil if worth is None else worth * reserve for worth in worth_mw], axis=1)


def expected_mw(
    fleet: Fleet, draws: Draws | CentralPath, nameplate_mw: Floats, summer: Floats, technologies: tuple[str, ...]
) -> Floats:
    """Expected available capacity (s, a, y) of some technologies. [MW]"""
    total = np.zeros(nameplate_mw[:, :, 0].shape)
    for technology in technologies:
        k = fleet.technologies.index(technology)
        factor = firm_factor(technology, fleet.country, draws, float(summer[k]))
        total += nameplate_mw[:, :, k] * factor[:, None, :]
    return total


def _ratios(central: CentralPath, technology: str) -> tuple[float, float]:
    cold, hot = (float(central.scalar(f"outage_{side}_ratio_{technology}")[0]) for side in ("cold", "hot"))
    return cold, hot


def hourly_temperature_c(monthly_c: Floats) -> Floats:
    """Temperature (8760,) from monthly means (12,), linear between the middles of months: no day stands out."""
    middle = np.cumsum(DAYS_IN_MONTH * 24.0) - DAYS_IN_MONTH * 12.0
    return np.interp(np.arange(8760) + 0.5, middle, monthly_c, period=8760.0)
