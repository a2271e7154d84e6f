"""Which areas of a group their stores help where nothing may be curtailed. See docs/network.md, Storage.

What a group's store adds to firm load comes to its areas in proportion to power, as all that it is worth. Where new
load does not follow what areas have to spare, links bind first, and stores behind them are what firm load waits for:
then it is counted there, as far as their power goes, in the place of areas that can do without.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy.notions import TERMS
from capacity.network.case import Case
from capacity.network.sites import Joined
from cuda_kernels import Engine
from cuda_kernels.network import NetworkHeadroom, curtailed_mw, network_headroom
from cuda_kernels.network_levels import short_side

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

ROUNDS = 4
"""Sets of areas that stores are moved to, one after another; more bring next to nothing."""
WORTH = 1e-3
"""Over the load: less is not moved for."""
ABOVE = 1e-6
"""Over the load: how far beyond the headroom the hour and the areas that bind are looked for."""


def for_firm(
    case: Case, at: tuple[Integers, Integers, int], joined: Joined, direction: Floats, engine: Engine
) -> Floats:
    """What stores add (member, area) where nothing may be curtailed. [MW]

    at : areas, members and year. joined : the areas in that year, stores as they count for load that may be curtailed
    direction : (member, area) of the new load

    In proportion to power where new load follows isolated headroom alone; else moved to where it is short.
    """
    areas, members, y = at
    balances = [case.balances[a] for a in areas]
    extra = of_stores([balance.firm_extra_mw for balance in balances], members, y)
    siting = case.siting
    elsewhere = siting.by_load + siting.by_request + siting.by_weight + siting.for_total
    some = np.flatnonzero((elsewhere[members, y] > 0.0) & extra.any(axis=1) & direction.any(axis=1))
    if some.size:
        power, counted = (
            of_stores([getattr(balance, name) for balance in balances], members[some], y)
            for name in ("storage_power_mw", "storage_mw")
        )
        most = np.maximum(power - counted, extra[some])
        extra[some] = towards_short(joined.rows(some), direction[some], extra[some], most, engine)
    return extra


def of_stores(values: Sequence[Floats | None], members: Integers, y: int) -> Floats:
    """What areas have (member, area) of values (draw, year) that only stores have. [MW]"""
    nil = np.zeros(len(members))
    return np.stack([nil if value is None else value[members, y] for value in values], axis=1)


def towards_short(joined: Joined, direction: Floats, extra_mw: Floats, most_mw: Floats, engine: Engine) -> Floats:
    """Extra capacity (case, area), in all as much and in no area more than the most, that lets more firm load in. [MW]

    It is moved, case by case, to the areas on the short side of the hour that binds, out of all others in proportion,
    as long as that lets more in.
    """
    found = extra_mw.copy()
    solved = _firm(_lifted(joined, found), direction, engine)
    load, top = solved.headroom_mw[:, 0], solved.copper_plate_mw[:, 0]
    left = np.flatnonzero(load < top)
    for _ in range(ROUNDS):
        if not left.size:
            break
        some = joined.rows(left)
        short = _short(_lifted(some, found[left]), direction[left], load[left], engine)
        wanted = (top[left] - load[left]) * (direction[left] * short).sum(axis=1)
        tried = _moved(found[left], most_mw[left], short, wanted)
        after = _firm(_lifted(some, tried), direction[left], engine).headroom_mw[:, 0]
        better = after > load[left] * (1.0 + WORTH)
        left, tried, after = left[better], tried[better], after[better]
        found[left], load[left] = tried, after
    return found


def _lifted(joined: Joined, extra_mw: Floats) -> Joined:
    coefficients = joined.coefficients.copy()
    coefficients[..., TERMS.index("constant")] += extra_mw
    return joined._replace(coefficients=coefficients)


def _firm(joined: Joined, direction: Floats, engine: Engine) -> NetworkHeadroom:
    linear = joined.profiles, joined.coefficients, joined.limits_mw, direction
    return network_headroom(*linear, 0.0, **joined.capped, engine=engine)


def _short(joined: Joined, direction: Floats, load_mw: Floats, engine: Engine) -> Booleans:
    """Areas (case, area) on the short side of the hour that is short most just beyond a load (case,)."""
    need = ((1.0 + ABOVE) * load_mw + ABOVE)[:, None] * direction
    linear = joined.profiles, joined.coefficients, joined.limits_mw
    cut = curtailed_mw(*linear, need, **joined.capped, engine=engine)
    short = np.zeros(need.shape, dtype=bool)
    for c, hour in enumerate(cut.argmax(axis=1)):
        if cut[c, hour] > 0.0:
            lacks = need[c] - np.einsum("ak,ak->a", joined.coefficients[c], joined.profiles[:, :, hour])
            short[c] = short_side(lacks[None], joined.limits_mw[c], **joined.only(c), engine=engine)[0]
    return short


def _moved(extra_mw: Floats, most_mw: Floats, short: Booleans, wanted_mw: Floats) -> Floats:
    """Extra capacity (case, area) with as much as is wanted (case,) moved to the short areas, if there is. [MW]"""
    room, spare = np.where(short, most_mw - extra_mw, 0.0), np.where(short, 0.0, extra_mw)
    rooms, spares = room.sum(axis=1, keepdims=True), spare.sum(axis=1, keepdims=True)
    moved = np.minimum(np.minimum(rooms, spares), wanted_mw[:, None])
    come = np.divide(moved, rooms, out=np.zeros_like(moved), where=rooms > 0.0)
    gone = np.divide(moved, spares, out=np.zeros_like(moved), where=spares > 0.0)
    return np.clip(extra_mw + come * room - gone * spare, 0.0, most_mw)
