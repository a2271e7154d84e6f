"""`estimate`: grid x scenarios -> hostable and deployed load and compute, by area, cell, country, year and draw."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from contextlib import closing
from dataclasses import replace
from functools import cache, partial
from threading import Lock

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity import apart, country
from capacity.adequacy import notions, reliability
from capacity.adequacy.parts import weather_by_area
from capacity.adequacy.storage import DEFAULT_STORAGE, STORAGE, StorageName
from capacity.ahead import in_advance
from capacity.area_hours import How
from capacity.draws import Draws, draw_ids
from capacity.errors import CapacityError
from capacity.limits import joint
from capacity.network.case import NETWORKS, NetworkName
from capacity.result import dataset
from cuda_kernels import DeviceName, Engine, resolve_device, resolve_engine
from grids import validate
from scenarios import Scenario, scenario_hash
from scenarios.defaults import groups

logger = logging.getLogger("gridflops")

Progress = Callable[[str, int, int], None]

COUNTRIES = ("US", "CN")
AT_ONCE = 2
"""Countries under way at a time where threads allow it; changes no bit."""
WORTH_PROCESSES = 50_000
"""Draws of an area and year, in all scenarios; fewer take no longer than processes take to begin."""
NETWORK_SECONDS = 7.0
"""Of a core for a draw and year of both countries within transfer limits, with NumPy alone (docs/performance.md)."""
BYTES = 30_000
"""Of memory for a draw and year at the least: 256 to 512 draws of islands, 2025-2040, take 34,000 each."""
JOINT_TOPICS = ("chips", "capital", "efficiency")
"""Files of parameters that only the joint limits read, but for READ_BY_BOTH."""
READ_BY_BOTH = frozenset({"chip_life_spread_years"})


def _silent(step: str, done: int, total: int) -> None:
    """Progress of a run that nobody watches."""


def estimate(
    grid: xr.Dataset,
    scenarios: Sequence[Scenario],
    *,
    years: Sequence[int],
    draws: int | Sequence[int],
    seed: int,
    adequacy: str = notions.DEFAULT_NOTION,
    exchange: NetworkName = "island",
    device: DeviceName = "auto",
    engine: Engine = "auto",
    progress: Progress = _silent,
    area_draws: bool = False,
    threads: int | None = None,
    event_draws: int = 0,
    storage: StorageName = DEFAULT_STORAGE,
    outage_states: int = reliability.DEFAULT_STATES,
) -> xr.Dataset:
    """Hostable and deployed AI-datacenter load and compute of every area under every scenario.

    grid : from `grids.open_grid`, or one of your own; validated here again, so that no wrong unit slips in
    scenarios : from `scenarios.load`
    years : consecutive years to report, after the grid's base year; the model always starts right after it
    draws : how many, or which draw numbers; draw n is the same whatever the others are
    seed : of the counter-based generator, 0 <= seed < 2**64
    adequacy : adequacy notion, "firm_capacity" or "historic_peak" (`notions` of `capacity.adequacy`), or
        "expected_unserved", "lolh" or "lole" (its `reliability`)
    exchange : "island" (each area with its net interchange of the base year), "network" (hourly transfers within the
        links' limits) or "copper-plate" (without limits)
    device : "auto", "cpu" or "gpu"; what it came to is recorded in the result
    engine : CPU engine of the headroom kernel, "auto", "numpy" or "numba"
    progress : called with (scenario, done, total)
    area_draws : also keep every draw of every area, as `area_<name>_draws`
    threads : areas solved at a time on the CPU; None means one for each core. With NumPy alone, long runs begin as many
        Python processes for them (`capacity.apart`), at most eight. Changes no bit of the result.
    event_draws : count events of curtailment in that many draws, the first ones (`capacity.adequacy.events`); in a
        network those of the group; under outage notions means over sampled years of outages (`capacity.outage_events`)
    storage : "equivalent" counts storage of the fleet as the firm capacity that its hourly dispatch is worth, found
        every fifth year (`capacity.storage_equivalent`); "dispatch" runs it hour by hour in every year, which takes
        longer and knows islands under "firm_capacity" only; "credit" counts a firm share of its nameplate
    outage_states : states of every hour in which an outage notion looks at areas that exchange power
        (`capacity.network.outages`); more take longer and err less. Islands know the distribution itself.

    Returns a CF-style Dataset: exact draws per country, quantiles and mean per area and cell (`capacity.result`).
    Raises CapacityError naming every fault of the request, GridDataError naming every fault of the grid, KernelError
    for a device that is not there.
    """
    validate(grid)
    ids, model_years = _checked(grid, scenarios, years, draws, seed)
    _require_known(adequacy, exchange, storage, outage_states)
    chosen = resolve_device(device)
    watch = _Counter(progress, len(scenarios) * grid.sizes["profile"])
    how = How(adequacy, chosen, engine, exchange, threads, event_draws, storage, outage_states)
    first = Draws(seed, ids, model_years, scenarios[0])
    runs = [first.under(scenario) for scenario in scenarios]
    _warn_if_slow(how, runs)
    with apart.processes(_processes(grid, how, runs)) as call:
        parts = _Solver(grid, replace(how, call=call), watch, runs).parts(area_draws)
    attrs = {"seed": np.uint64(seed), **_attributes(how, scenarios, len(ids))}
    return dataset.assemble(parts, attrs).sel(year=list(years))


def _require_known(adequacy: str, exchange: str, storage: str, outage_states: int) -> None:
    """Raise CapacityError for names that there are not, and for what does not go together."""
    if adequacy not in {**notions.NOTIONS, **reliability.NOTIONS}:
        known = ", ".join([*notions.NOTIONS, *reliability.NOTIONS])
        raise CapacityError(f"adequacy={adequacy!r}: no such notion; known: {known}")
    if outage_states < 1:
        raise CapacityError(f"outage_states={outage_states}: give at least one state an hour")
    if storage not in STORAGE:
        raise CapacityError(f"storage={storage!r}: no such treatment; known: {', '.join(STORAGE)}")
    if storage == "dispatch" and (exchange, adequacy) != ("island", "firm_capacity"):
        raise CapacityError(
            f"storage='dispatch' with exchange={exchange!r} and adequacy={adequacy!r}: it knows islands under "
            "firm_capacity only; choose storage='equivalent', or leave the others out"
        )
    if exchange not in NETWORKS:
        raise CapacityError(f"exchange={exchange!r}: no such exchange; known: {', '.join(NETWORKS)}")


def _attributes(how: How, scenarios: Sequence[Scenario], draws: int) -> dict[str, object]:
    """What a result says of how it was made, beside its seed."""
    attrs: dict[str, object] = {
        "device": how.device,
        "scenario_hashes": " ".join(f"{s.name}:{scenario_hash(s)}" for s in scenarios),
        "adequacy": how.notion,
        "exchange": how.exchange,
        "storage": how.storage,
        "event_draws": np.int32(min(how.event_draws, draws)),
    }
    if how.notion in reliability.NOTIONS and how.exchange != "island":
        attrs["outage_states"] = np.int32(how.outage_states)
    if how.notion in reliability.NOTIONS and how.event_draws:
        attrs["outage_years"] = np.int32(reliability.SAMPLED_YEARS)
    return attrs


def _require_room(draws: int | Sequence[int], years: int) -> None:
    """Raise CapacityError for more draws than this machine's memory could ever hold."""
    count = draws if isinstance(draws, int) else len(draws)
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return
    needed, there = count * years * BYTES, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        raise CapacityError(
            f"draws={count}: with {years} years they need about {needed / 1e9:,.0f} GB, and this machine has "
            f"{there / 1e9:,.0f}; ask for fewer, or use gridflops sweep, which keeps one block of draws at a time"
        )


def _warn_if_slow(how: How, runs: Sequence[Draws]) -> None:
    """Say so where links are looked at without numba."""
    seconds = NETWORK_SECONDS * sum(len(draws) * len(draws.years) for draws in runs)
    if how.exchange == "network" and resolve_engine(how.engine) == "numpy" and seconds > 60.0:
        logger.warning(
            "transfer limits take some %.0f seconds of a core a draw and year without numba, about %.1f hours for this "
            "run: install gridflops[fast], or ask for fewer draws",
            NETWORK_SECONDS,
            seconds / how.cores / 3600.0,
        )


def _processes(grid: xr.Dataset, how: How, runs: Sequence[Draws]) -> int:
    """How many processes work on areas; none where threads do as well."""
    cases = sum(len(draws) * len(draws.years) for draws in runs) * grid.sizes["area"]
    if how.device == "gpu" or cases < WORTH_PROCESSES or resolve_engine(how.engine) == "numba":
        return 0
    return how.cores


class _Counter:
    """Counts finished area-weather-years over all scenarios; told so, it stops who reports the next one."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0
        self._turn, self._stopped = Lock(), False

    def step(self, name: str, count: int = 1) -> None:
        with self._turn:
            if self._stopped:
                raise CancelledError
            self._done += count
            self._progress(name, self._done, self._total)

    def stop(self) -> None:
        self._stopped = True


class _Solver:
    """Solves countries, each only once for scenarios that say the same about it: common random numbers make the
    results equal, so the second time they are taken from the first. Kept only until no scenario asks again.

    With several threads the next countries are begun while one is summed up. Countries take turns at their hours, which
    use all threads; what comes before and after keeps one busy.
    """

    def __init__(self, grid: xr.Dataset, how: How, watch: _Counter, runs: Sequence[Draws]) -> None:
        self._grid, self._how, self._watch, self._runs = grid, how, watch, runs
        self._weather = weather_by_area(grid)
        self._solved: dict[tuple[str, str], country.CountryResult] = {}
        asked = [((name, _said_about(draws.scenario, name)), draws) for draws in runs for name in COUNTRIES]
        self._asked = Counter(key for key, _ in asked)
        first = dict(reversed(asked))
        order = dict.fromkeys(key for key, _ in asked)
        tasks = [partial(self._solve, key[0], first[key]) for key in order]
        ahead = AT_ONCE if how.workers > 1 else 0
        self._solving = in_advance(tasks, ahead, watch.stop)

    def parts(self, area_draws: bool) -> list[xr.Dataset]:
        """Each scenario's part of the result; all else of it is let go of, draws of areas being large."""
        with closing(self._solving):
            return [self._part(draws, area_draws) for draws in self._runs]

    def _part(self, draws: Draws, area_draws: bool) -> xr.Dataset:
        solved = [self._country(name, draws) for name in COUNTRIES]
        found = joint.solve(dict(zip(COUNTRIES, solved, strict=True)), draws)
        joints = [found[name] for name in COUNTRIES]
        return dataset.of_scenario(self._grid, self._weather, draws, solved, joints, area_draws=area_draws)

    def _country(self, name: str, draws: Draws) -> country.CountryResult:
        key = (name, _said_about(draws.scenario, name))
        self._asked[key] -= 1
        if key in self._solved:
            areas = self._grid["area"].to_numpy()[self._grid["area_country"].to_numpy() == name]
            self._watch.step(draws.scenario.name, sum(len(self._weather[str(area)]) for area in areas))
        else:
            self._solved[key] = next(self._solving)
        return self._solved[key] if self._asked[key] else self._solved.pop(key)

    def _solve(self, name: str, draws: Draws) -> country.CountryResult:
        step = partial(self._watch.step, draws.scenario.name)
        return country.run(self._grid, name, draws, self._weather, self._how, step)


def _said_about(scenario: Scenario, name: str) -> str:
    """All that a scenario says about one country's grid, as text: its own parameters and those of both.

    What only the joint limits read is left out: scenarios of chips or money share the solution of the grid.
    """
    others = tuple(f"{country_name.lower()}." for country_name in COUNTRIES if country_name != name)
    later = after_the_grid()
    said = [
        f"{p.id}={p.value.model_dump_json()}{p.range}"
        for p in scenario.parameters
        if not p.id.startswith(others) and p.id not in later
    ]
    return "\n".join([*said, repr(scenario.correlation)])


@cache
def after_the_grid() -> frozenset[str]:
    """Parameters that no country's grid and hosted compute depend on: `capacity.limits.joint` alone reads them."""
    return frozenset(i for group in groups() if group.topic in JOINT_TOPICS for i in group.ids) - READ_BY_BOTH


def _checked(
    grid: xr.Dataset,
    scenarios: Sequence[Scenario],
    years: Sequence[int],
    draws: int | Sequence[int],
    seed: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    problems = []
    base = int(grid["history_year"][-1])
    model_years = np.asarray(years, dtype=np.int64)
    _require_room(draws, len(model_years))
    ids = draw_ids(draws)
    if not len(scenarios):
        problems.append("no scenario given")
    if len({s.name for s in scenarios}) < len(scenarios):
        problems.append("a scenario is named twice")
    if not ids.size or (ids < 0).any() or len(np.unique(ids)) < ids.size:
        problems.append(f"draws={draws!r}: give at least one draw, each number once and not negative")
    if not 0 <= seed < 2**64:
        problems.append(f"seed={seed}: give a whole number from 0 to 2**64 - 1")
    if not model_years.size or (np.diff(model_years) != 1).any():
        problems.append(f"years={list(years)!r}: give consecutive ascending years, e.g. 2025-2040")
    elif model_years[0] <= base:
        problems.append(f"year {model_years[0]}: the fleet is known to the end of {base}, so ask from {base + 1} on")
    start = joint.start_fault(base + 1)
    if start:
        problems.append(start)
    if problems:
        raise CapacityError(problems)
    last = max(model_years[-1], base + 2)  # NumPy adds up over a lone year in another order
    return ids, np.arange(base + 1, last + 1)
