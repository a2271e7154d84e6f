"""What is known by area only, taken to its zones (`grids.zones`): an area's own share is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from grids.areas import parent_of
from grids.zones import open_zones

Floats = NDArray[np.float64]


def parents(areas: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Areas that these areas are or lie in, in their order, and the number of each one's."""
    names = list(dict.fromkeys(parent_of(area) for area in areas))
    return names, np.array([names.index(parent_of(area)) for area in areas], dtype=np.int64)


def load_shares(areas: Sequence[str]) -> Floats:
    """Share (area,) of its parent's load in the last year on record. [1]"""
    return np.array([_zones()[area][0] if area != parent_of(area) else 1.0 for area in areas])


def request_shares(areas: Sequence[str], state_gw: Mapping[str, float], total_gw: float) -> Floats:
    """Share (area,) of its parent's requests for data centres. [1]

    A state's requests lie in its zones by load; what no state is named for lies in all other states by load.
    state_gw : requests by state, those that are known; total_gw : of the country. [GW]
    """
    if all(area == parent_of(area) for area in areas):
        return np.ones(len(areas))
    load = {state: sum(mw for _, name, mw in _zones().values() if name == state) for _, state, _ in _zones().values()}
    rest_gw = total_gw - sum(state_gw.values())
    rest = sum(mw for state, mw in load.items() if state not in state_gw)
    weight = np.ones(len(areas))
    for a, area in enumerate(areas):
        if area != parent_of(area):
            _, state, mw = _zones()[area]
            weight[a] = mw * (state_gw[state] / load[state] if state in state_gw else rest_gw / rest)
    _, owner = parents(areas)
    share: Floats = weight / np.bincount(owner, weights=weight)[owner]
    return share


@cache
def _zones() -> Mapping[str, tuple[float, str, float]]:
    """Of every zone its share of the area's load, its state, and a measure of its load that compares between areas."""
    ds = open_zones()
    share, state = ds["load_share"].to_numpy()[:, -1], ds["zone_state"].to_numpy()
    made = ds["zone_load_mwh"].to_numpy()
    return {str(name): (float(share[z]), str(state[z]), float(made[z])) for z, name in enumerate(ds["zone"].to_numpy())}
