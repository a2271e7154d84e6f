"""Why an area can host what it can: the hours that bind in one draw, and what one more MW of each resource adds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from capacity.adequacy import notions
from capacity.adequacy.parts import AreaBalance, AreaWeather, native_mw
from capacity.adequacy.policies import Policy, require_only_energy, runs
from capacity.adequacy.storage import DEFAULT_STORAGE, StorageName
from capacity.explain.area_year import AreaCase, area_case, asked, at_quantile
from capacity.explain.hours import dates, day_parts, longest, seasons
from capacity.explain.resources import NOTHING_MW, island_outputs
from capacity.explain.standing import unit_shares
from capacity.explain.store import Held
from capacity.explain.terms import Terms
from cuda_kernels import headroom_mw
from cuda_kernels.event_figures import margin_mw
from scenarios import Scenario

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Explanation:
    """One area, year and draw, as an island.

    draw : int                   Whose headroom is the asked quantile of the draws.
    headroom_mw : float          Constant new load that fits. [MW]
    bound_by : str               The term that keeps it from rising.
    curtailed_hours : int        Hours in which it is curtailed.
    hours : pandas.DataFrame     Hours in which it is curtailed most, or where none is those with least left: UTC and
                                 local time, make-up of the margin. [MW]
    adds : dict                  MW of headroom that one more MW of each resource adds: exact derivatives; under terms
                                 that carry over from hour to hour (ramps, supply at the site) what one MW brings.
                                 [MW/MW]
    adds_dispatched : dict       The same where what storage counts for, which `adds` holds, is found again: beside the
                                 dispatched store. Empty where it is dispatched already, counts by its credit, or load
                                 has other terms.
    standing : {name: MW}        The area's units, their expected outage, storage as it counts firm, reserve. [MW]
    unit_shares : dict           Firm capacity that one MW of nameplate of units is, by technology. [MW/MW]
    native_short_hours : int     Hours in which native load is short without any new load.
    season_hours : dict          Curtailed hours by season.
    day_part_hours : dict        Curtailed hours by part of the day, local time.
    events : int                 Runs of curtailed hours.
    longest_event_h : int        Longest run of curtailed hours.
    curtailed_mw : (hour,)       Curtailment of the new load over the year. [MW]
    """

    area: str
    year: int
    quantile: float
    draw: int
    weather_year: int
    headroom_mw: float
    bound_by: str
    curtailed_hours: int
    hours: pd.DataFrame
    adds: dict[str, float]
    adds_dispatched: dict[str, float]
    standing: dict[str, float]
    unit_shares: dict[str, float]
    native_short_hours: int
    season_hours: dict[str, int]
    day_part_hours: dict[str, int]
    events: int
    longest_event_h: int
    curtailed_mw: Floats


def explain(
    grid: xr.Dataset,
    scenario: Scenario,
    area: str,
    year: int,
    *,
    quantile: float = 0.5,
    draws: int = 64,
    seed: int = 2025,
    shown: int = 20,
    storage: StorageName = DEFAULT_STORAGE,
) -> Explanation:
    """Explain the headroom of an area in a year at a quantile over draws, as an island under firm_capacity.

    storage : "equivalent" or "credit" counts it as firm, "dispatch" runs it hour by hour and shows what it holds

    Raises CapacityError for an unknown area, a year before the model's first, or a quantile outside 0 to 1.
    """
    known = area_case(grid, *asked(grid, scenario, area, (year, quantile), (draws, seed)), storage)
    cases = _cases(known)
    chosen = at_quantile(np.array([cases[draw].headroom_mw for draw in range(draws)]), quantile)
    case = cases[chosen]
    zone = str(grid["area_timezone"].sel(area=area).item())
    curtailed = case.curtailed
    (tight,) = np.nonzero(curtailed > 0.0)
    held = Held.of(grid, known, chosen)
    term, adds, again = case.worth(held)
    return Explanation(
        area,
        year,
        quantile,
        int(known.draws.ids[chosen]),
        case.weather_year,
        case.headroom_mw,
        term,
        len(tight),
        _table(case, held, _hardest(case, curtailed, shown), zone),
        adds,
        again,
        known.standing(grid, chosen),
        unit_shares(grid, (known.fleet, known.draws), chosen),
        case.terms.native_short(case.margin),
        seasons(tight),
        day_parts(tight, case.weather_year, zone),
        sum(1 for _ in runs(curtailed > 0.0)),
        longest(curtailed > 0.0),
        curtailed,
    )


@dataclass(frozen=True)
class _Case:
    """One draw: profiles (term, hour), coefficients, names (term,), margin (hour,), allowed curtailed hours eps T."""

    weather_year: int
    names: tuple[str, ...]
    profiles: Floats
    coefficients: Floats
    margin: Floats
    firm_mw: float
    headroom_mw: float
    allowed: float
    terms: Terms

    @property
    def curtailed(self) -> Floats:
        """Curtailment (hour,). [MW]"""
        if self.headroom_mw <= 0.0:
            return np.zeros(len(self.margin))
        return self.terms.cuts(self.margin[None], np.array([self.headroom_mw]))[0]

    def worth(self, held: Held | None) -> tuple[str, dict[str, float], dict[str, float]]:
        """Which term binds, what one more MW of each resource adds, and that beside the store found again. [MW/MW]"""
        outputs = island_outputs(dict(zip(self.names, self.profiles, strict=True)))
        term, found = self.terms.worth(self.margin, self.headroom_mw, np.stack(list(outputs.values())))
        adds = dict(zip(outputs, found.tolist(), strict=True))
        again: dict[str, float] = {}
        if held is None:
            return term, adds, again
        adds["storage"] = held.adds(adds["constant"])
        if self.headroom_mw > 0.0 and self.terms.policy.only_energy:
            again = held.dispatched_adds(self.margin, self.allowed / len(self.margin), outputs)
        if self.terms.store is not None:  # all of it is dispatched
            return term, adds | {"storage": again.get("storage", 0.0)}, {}
        return term, adds, again


def _hardest(case: _Case, curtailed: Floats, shown: int) -> NDArray[np.int64]:
    """Hours curtailed most, from the most; where none is, those with least left."""
    cut = np.count_nonzero(curtailed)
    return np.argsort(-curtailed if cut else case.margin, kind="stable")[: min(shown, cut or shown)]


def _cases(known: AreaCase) -> dict[int, _Case]:
    """Every draw of one area in the last year."""
    fleet, draws = known.fleet, known.draws
    if known.balance.store is not None:
        require_only_energy(draws, fleet.prefix)
    found: dict[int, _Case] = {}
    for conditions, members in known.by_weather():
        policy = Policy.of(fleet.prefix, draws).at(members, known.last)
        each = _in_weather(known, conditions, known.balance.take(members), policy)
        found |= dict(zip(members.tolist(), each, strict=True))
    return found


def _in_weather(known: AreaCase, weather: AreaWeather, balance: AreaBalance, policy: Policy) -> Iterator[_Case]:
    """Draws of one weather year in the last year; balance, policy : of these draws."""
    margin = known.margin(weather, balance).lifted(balance.terms_mw)
    profiles, coefficients = margin.profiles[-1], np.ascontiguousarray(margin.coefficients[:, -1])
    every, last, nil = np.arange(len(coefficients)), margin.coefficients.shape[1] - 1, np.zeros(len(coefficients))
    terms = Terms(
        policy,
        native_mw(weather, balance, every, last),
        None if balance.store is None else balance.store.at(every, last),
        tuple(nil if mw is None else mw[:, -1] for mw in (balance.terms_mw, balance.firm_extra_mw)),
    )
    if terms.plain:
        share = policy.energy[:, None]
        loads = headroom_mw(profiles, coefficients, share, missing="refuse").headroom_mw[:, 0]
    else:
        loads = terms.headroom(margin_mw(profiles, coefficients))
    for row in every:
        yield _Case(
            weather.weather_year,
            margin.terms,
            profiles,
            coefficients[row],
            coefficients[row] @ profiles,
            float(balance.firm_mw[row, -1] + terms.aside_mw[0][row]),
            float(loads[row]) if loads[row] > NOTHING_MW else 0.0,
            float(policy.energy[row]) * profiles.shape[1],
            terms.row(int(row)),
        )


def _table(case: _Case, held: Held | None, rows: NDArray[np.int64], zone: str) -> pd.DataFrame:
    parts = case.coefficients[:, None] * case.profiles[:, rows]
    by = dict(zip(case.names, parts, strict=True))
    nil = np.zeros(len(rows))
    utc, local = dates(case.weather_year, rows, zone)
    charge = None if held is None else held.charge_mwh(case.margin, case.headroom_mw)
    stored = {} if charge is None else {"storage_mwh": charge[rows]}
    return pd.DataFrame(
        {
            "utc": utc,
            "local": local,
            "firm_mw": case.firm_mw + by.get("cold_spell", nil),
            "load_mw": notions.load_mw(by, case.firm_mw),
            **notions.added_mw(by),
            "wind_mw": by["wind"] + by["offshore_wind"],
            "solar_mw": by["solar"],
            "hydro_mw": by["hydro"],
            "net_import_mw": by["net_export"] + 0.0,  # no -0
            "margin_mw": case.margin[rows],
            "curtailed_mw": case.curtailed[rows],
            **stored,
        }
    )
