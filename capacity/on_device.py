"""Headroom of a country's areas with the draws on a GPU.

Profiles and coefficients go to the device, area by area, each while the area before is solved; headroom and curtailed
hours stay there for siting, power usage, compute and quantiles (`capacity.result`). Profiles that years and scenarios
share go there once in a run.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy import events
from capacity.adequacy.notions import Margin
from capacity.adequacy.parts import AreaWeather
from capacity.errors import CapacityError
from cuda_kernels import asnumpy, namespace_of, to_device
from cuda_kernels.event_figures import COLUMNS, event_figures_of_sets
from cuda_kernels.headroom_sets import headroom_sets_mw
from cuda_kernels.streams import staged

Floats = NDArray[np.float64]

Task = tuple[int, AreaWeather, NDArray[np.int64]]
"""An area, one of its weather years, and the draws that live in it."""


class Found(NamedTuple):
    """On the device, all (draw, area, year): headroom without and with curtailment [MW], curtailed hours [h]."""

    firm: Any
    flexible: Any
    curtailed_hours: Any


class Sample(NamedTuple):
    """The first draws of a run, whose events of curtailment are counted.

    limit_mw : (draw, area)   Load that the area's cells can take. [MW]
    zones : (area,)           Time zones.
    """

    limit_mw: Floats
    zones: Sequence[str]


class Shared:
    """What a run keeps on the device: of an area's weather year, the profiles that years and scenarios share, and the
    kinds of its hours."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Any] = {}
        self._kinds: dict[tuple[int, str], Any] = {}

    def profiles(self, margin: Margin) -> Any:
        """Profiles (term, hour) of one year, on the device, nil for the terms that are `yearly`.

        Known by what they hold: scenarios differ in their terms, and in the hours of a cold spell.
        """
        shared = margin.profiles[0].copy()
        shared[list(margin.yearly)] = 0.0
        key = hashlib.blake2b(shared.tobytes() + str(shared.shape).encode(), digest_size=16).digest()
        if key not in self._kept:
            self._kept[key] = to_device("gpu")(shared)
        return self._kept[key]

    def kinds(self, weather_year: int, zone: str) -> Any:
        """`events.kinds_of_hours` on the device."""
        if (weather_year, zone) not in self._kinds:
            self._kinds[weather_year, zone] = to_device("gpu")(events.kinds_of_hours(weather_year, zone))
        return self._kinds[weather_year, zone]


def solve(
    tasks: Sequence[Task], margin_of: Callable[..., Margin], share: Floats, shared: Shared, sample: Sample
) -> tuple[Found, Any]:
    """Headroom of all draws, areas and years; figures of events (draw of the sample, area, year, figure).

    tasks : together they hold every draw of every area once
    margin_of : the margin of a task (area, weather, draws); asked for one task ahead of the device
    share : (draw, year)  Curtailable share. [1]

    Raises CapacityError where the inputs of a task are not finite, naming it.
    """
    draws, years = share.shape
    tasks = [task for task in tasks if task[2].size]
    areas = 1 + max(task[0] for task in tasks)
    xp = namespace_of("gpu")
    found = Found(*(xp.zeros((draws, areas, years)) for _ in range(3)))
    count = _Counting(sample, (areas, years), shared) if len(sample.limit_mw) else None
    ahead: deque[Margin] = deque()
    faults = []

    def blocks() -> Iterator[tuple[Any, ...]]:
        for task in tasks:
            margin = margin_of(*task)
            ahead.append(margin)
            shares = np.stack([np.zeros_like(share[task[2]]), share[task[2]]], axis=-1)
            yearly = margin.profiles[:, list(margin.yearly)]
            yield yearly, margin.coefficients.swapaxes(0, 1), shares.swapaxes(0, 1), task[2]

    for number, (yearly, coefficients, shares, members) in enumerate(staged(blocks(), "gpu")):
        area = tasks[number][0]
        margin = ahead.popleft()
        profiles = _profiles(xp, shared.profiles(margin), yearly, margin.yearly)
        load, hours, fault = headroom_sets_mw(profiles, coefficients, shares)
        faults.append(fault)
        for into, values in zip(found, (load[..., 0], load[..., 1], hours[..., 1]), strict=True):
            into[members, area] = values.T
        if count is not None:
            count(tasks[number], members, (profiles, coefficients), load[..., 1])
    _check(xp, tasks, faults)
    return found, None if count is None else count.figures


class _Counting:
    """Counts the events of the sample's draws, task by task."""

    def __init__(self, sample: Sample, sizes: tuple[int, int], shared: Shared) -> None:
        self._shared, self._zones, self._draws = shared, sample.zones, len(sample.limit_mw)
        self._limit = to_device("gpu")(np.ascontiguousarray(sample.limit_mw))
        self.figures = namespace_of("gpu").zeros((self._draws, *sizes, COLUMNS))

    def __call__(self, task: Task, members: Any, margin: tuple[Any, Any], load: Any) -> None:
        """members : those of the task, ascending, on the device, as are load (year, member) and
        margin = (profiles (year, term, hour), coefficients (year, member, term))."""
        area, conditions, known = task
        few = int(np.searchsorted(known, self._draws))
        if few == 0:
            return
        chosen, (profiles, coefficients) = members[:few], margin
        hosted = namespace_of("gpu").minimum(load[:, :few], self._limit[chosen, area])
        kinds = self._shared.kinds(conditions.weather_year, self._zones[area])
        found = event_figures_of_sets(profiles, coefficients[:, :few], hosted, kinds)
        self.figures[chosen, area] = found.transpose(1, 0, 2)


def _profiles(xp: Any, shared: Any, yearly: Any, places: Sequence[int]) -> Any:
    """Profiles (year, term, hour) from those all years share and those that differ."""
    profiles = xp.empty((len(yearly), *shared.shape))
    for term in range(len(shared)):
        profiles[:, term] = yearly[:, places.index(term)] if term in places else shared[term]
    return profiles


def _check(xp: Any, tasks: Sequence[Task], faults: Sequence[Any]) -> None:
    """One look at the device for all tasks."""
    wrong = [
        f"{task[1].area} in the weather of {task[1].weather_year}"
        for task, bad in zip(tasks, asnumpy(xp.stack(faults)), strict=True)
        if bad
    ]
    if wrong:
        raise CapacityError(f"the hourly margin is not finite, or too large, in {', '.join(wrong)}")
