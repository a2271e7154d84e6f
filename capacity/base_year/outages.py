"""The base year's areas as a network whose units fail: what load that may be curtailed they host in sampled states."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy.reliability import DEFAULT_STATES, Outages
from capacity.draws import stream_number
from capacity.network.case import Case, margin_of
from cuda_kernels.network import network_headroom
from cuda_kernels.outage_states import sampled_mw

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_ONE = np.zeros(1, np.int64)
"""The only case."""


def headrooms(case: Case, outages: Outages, alone: Outages) -> Mapping[str, Floats]:
    """Isolated, networked and copper-plate headroom (area,) of one case in one year, mean over weather years. [MW]

    outages, alone : storage counts as in its group, and as in areas that import nothing
    """
    found = np.zeros((3, len(case.records)))
    for group in case.links.groups:
        most = max(len(case.records[a].weather) for a in group.areas)
        sampled = [_states(outages, int(a)) for a in group.areas]
        each = [_in_weather(case, (outages, alone), group.areas, number, sampled) for number in range(most)]
        found[:, group.areas] = np.mean(each, axis=0)
    return dict(zip(("isolated", "networked", "copper_plate"), found, strict=True))


def _states(outages: Outages, a: int) -> Floats:
    """Capacity (hour, state) of an area's units before it is scaled, the states of a network's run. [MW]"""
    address = outages.seed, stream_number(f"outages of {outages.names[a]}")
    return sampled_mw(outages.state(a, 0).table, outages.rows(a)[1], DEFAULT_STATES, address)


def _in_weather(case: Case, by: tuple[Outages, Outages], areas: Integers, number: int, sampled: list[Floats]) -> Floats:
    """The three headrooms (3, area) of a group in one weather year. by : outages of the group, and of areas alone"""
    outages, alone = by
    share = case.share[:, 0]
    margins = [margin_of(case, int(a), number, _ONE) for a in areas]
    balances = [case.balances[a].take(_ONE) for a in areas]
    each = list(zip(map(int, areas), margins, balances, strict=True))
    isolated = np.array([alone.solve_year(a, 0, _ONE, m, b, (share, "auto")).flexible_mw[0] for a, m, b in each])
    if len(areas) == 1:
        only = outages.solve_year(areas[0], 0, _ONE, margins[0], balances[0], (share, "auto")).flexible_mw
        return np.stack([isolated, only, only])
    load = np.array([balance.load_mw[0, 0] for balance in balances])
    direction = case.siting.direction(0, _ONE, areas, isolated[None], load[None])
    rows = []
    for (a, margin, balance), states in zip(each, sampled, strict=True):
        scale, constant = outages.in_place(a, 0, _ONE, balance)
        hourly = margin.coefficients[0, 0] @ margin.profiles[0] + constant[0]
        rows.append((hourly[:, None] + scale[0] * states).ravel())
    limits = case.limits_mw[0, 0][np.ix_(areas, areas)]
    profiles = np.stack(rows)[:, None]
    found = network_headroom(profiles, np.ones((1, len(areas), 1)), limits, direction, share[:, None])
    return np.stack([isolated, found.headroom_mw[0, 0] * direction[0], found.copper_plate_mw[0, 0] * direction[0]])
