"""Headroom of a country's groups with a GPU: the years of a group and weather year in few launches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from capacity.network import headroom
from capacity.network.case import Case, NetworkName, margin_of, weather_of
from capacity.network.hours import NetworkHours
from cuda_kernels import Engine
from cuda_kernels.network import NetworkHeadroom
from cuda_kernels.network_sets import fits_device, network_headroom_of_sets

Floats = NDArray[np.float64]

CASES_AT_ONCE = 1024
"""Draws times years of a group that are solved together: enough for a device, few enough for the host's memory."""


def solve(
    case: Case,
    weather: Floats,
    engine: Engine,
    exchange: NetworkName = "network",
    *,
    alive: Callable[[], None] = lambda: None,
) -> NetworkHours:
    """As `headroom.solve`. Groups that a device does not take (`fits_device`) are solved on the CPU, year by year."""
    draws, years = case.share.shape
    hours = NetworkHours.empty(draws, case.links.groups, len(case.records), years)
    for g, group in enumerate(case.links.groups):
        for number, members in weather_of(case.records, group, weather):
            margins = [margin_of(case, a, number, members) for a in group.areas]
            at_once = max(1, CASES_AT_ONCE // members.size)
            for first in range(0, years, at_once):
                some = range(first, min(first + at_once, years))
                asked = [headroom.asked(case, g, y, members, margins, engine) for y in some]
                for y, ask, found in zip(some, asked, _found(asked, engine), strict=True):
                    hours.put((g, y), members, (ask.inputs[3], ask.isolated_mw), found)
                alive()
    return hours.without_limits() if exchange == "copper-plate" else hours


def _found(asked: list[headroom.Asked], engine: Engine) -> list[NetworkHeadroom]:
    """Answers of the years, in one launch where the device takes all of them."""
    profiles = asked[0].inputs[0]
    joined = np.stack([ask.inputs[2].max(axis=0) for ask in asked])
    capped = any(ask.caps[1] is not None for ask in asked)
    same = len({ask.inputs[0].shape for ask in asked}) == 1
    if not same or not fits_device(profiles.shape[0], profiles.shape[1], joined, import_sets=capped):
        return [headroom.answer(ask, engine) for ask in asked]
    return network_headroom_of_sets(
        [ask.inputs for ask in asked],
        import_cap_mw=[ask.caps[0] for ask in asked],
        firm_extra_mw=[ask.firm_extra_mw for ask in asked],
        device="gpu",
    )
