"""What the stores of areas that exchange power are worth to all of them. See docs/network.md, Storage.

The areas of a group are added up, margins and stores, and the equivalent of the one store beside the one margin is
shared out in proportion to power. Without limits on transfers that is exact. Within limits it stands for a joint
operation that no constant can show: stores discharge where the shortage of the hour is, as far as links let them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from capacity.adequacy import notions
from capacity.adequacy.parts import AreaBalance
from capacity.adequacy.storage import Store
from capacity.network.case import weather_of
from capacity.network.hours import Group
from cuda_kernels import DeviceName, Engine
from cuda_kernels.storage_firm import PROFILE_BITS, StorageFirm, shifted, storage_as_firm

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SUM_BITS = 30
"""Of the sum of the weights of a margin: with profiles of PROFILE_BITS, sums of their products are exact."""
BLOCK = 32
"""Draws added up at a time; changes no bit."""


@dataclass(frozen=True)
class Areas:
    """All areas of a country, their stores apart, in the years that are asked for.

    balances, central : of the draws and of the central path
    share : (draw, year) curtailable fraction. [1]
    place : (draw,) uniform that picks each draw's weather year
    """

    records: Sequence[notions.AreaRecord]
    balances: Sequence[AreaBalance]
    central: Sequence[AreaBalance]
    share: Floats
    place: Floats
    engine: Engine
    device: DeviceName = "cpu"

    def margin(self, number: int, members: Integers, a: int) -> notions.Margin:
        """Margin of an area in a weather year for some draws."""
        record = replace(self.records[a], lean=True)
        conditions = record.weather[min(number, len(record.weather) - 1)]
        return notions.firm_capacity(record, conditions, self.balances[a].take(members), self.central[a])

    def store(self, areas: Integers) -> Store:
        """The stores of some areas as one."""
        stores = [store for a in areas if (store := self.balances[a].store) is not None]
        return one_of(stores) if stores else Store(*(np.zeros(self.share.shape) for _ in range(3)))


def worth(known: Areas, groups: Sequence[Group], workers: int) -> Iterator[tuple[Integers, Floats]]:
    """Areas of each group of several, with what their stores are worth over their power: (2, draw, year). [MW/MW]

    The first is the equivalent at the draw's share, the second what comes to it where nothing may be curtailed.
    """
    with ThreadPoolExecutor(workers) as pool:
        for group in groups:
            store = known.store(group.areas)
            if len(group.areas) == 1 or not store.power_mw.any():
                continue
            found = np.zeros((2, *known.share.shape))
            for number, members in weather_of(known.records, group, known.place):
                margins = list(pool.map(partial(known.margin, number, members), group.areas))
                blocks = [slice(first, first + BLOCK) for first in range(0, len(members), BLOCK)]
                for y in range(known.share.shape[1]):
                    profiles = rounded([margin.profiles[y] for margin in margins])
                    weights = np.concatenate([margin.coefficients[:, y] for margin in margins], axis=1)
                    solve = partial(_solve, known, (store, members, y), (profiles, weights), found)
                    list(pool.map(solve, blocks))
            yield group.areas, found


def _solve(
    known: Areas,
    of: tuple[Store, Integers, int],
    margins: tuple[tuple[Floats, Integers], Floats],
    found: Floats,
    rows: slice,
) -> None:
    """Fill in a few draws of one weather year in one year."""
    store, members, y = of[0], of[1][rows], of[2]
    margin = added_up(margins[0], margins[1][rows])
    one = store.at(members, y)
    ones = np.ones((1, 1))
    cases = [(margin[i : i + 1], ones) for i in range(len(members))]
    beside = storage_as_firm(cases, one, known.share[members, y], engine=known.engine, device=known.device)
    for into, values in zip(found, worth_of(beside, margin, one.power_mw), strict=True):
        into[members, y] = np.divide(values, one.power_mw, out=np.zeros_like(values), where=one.power_mw > 0.0)


def one_of(stores: Sequence[Store]) -> Store:
    """Several stores as one, losses weighted by power."""
    power, energy, given = (np.zeros_like(stores[0].power_mw) for _ in range(3))
    for store in stores:
        power += store.power_mw
        energy += store.energy_mwh
        given += store.power_mw * store.efficiency
    return Store(power, energy, np.divide(given, power, out=np.ones_like(given), where=power > 0.0))


def worth_of(beside: StorageFirm, margin_mw: Floats, power_mw: Floats) -> tuple[Floats, Floats]:
    """Equivalents, and what comes to them where nothing may be curtailed, for margins (case, hour). [MW]

    Without curtailment the store lifts the lowest hour; where natives are short beside it, nothing fits and nothing
    comes to it.
    """
    lifted = np.clip(beside.firm_headroom_mw - margin_mw.min(axis=1), 0.0, power_mw)
    fits = beside.firm_headroom_mw > 0.0
    return beside.equivalent_mw, np.where(fits, np.maximum(lifted - beside.equivalent_mw, 0.0), 0.0)


def rounded(profiles: Sequence[Floats]) -> tuple[Floats, Integers]:
    """Profiles (K, hour) of some areas one after another, as whole parts of the power of two (K,) above their peak."""
    rows = np.concatenate(profiles)
    peak = np.frexp(np.maximum(rows.max(axis=1), -rows.min(axis=1)))[1].astype(np.int64)
    rows = shifted(rows, (PROFILE_BITS - peak)[:, None])
    return np.rint(rows, out=rows), peak


def added_up(profiles: tuple[Floats, Integers], coefficients: Floats) -> Floats:
    """Sum (case, hour) of rounded profiles times coefficients (case, K). [MW]

    Products are rounded to about 1e-7 of all they are made of, so that their sum is exact, and the same in any order.
    """
    rows, peak = profiles
    weights = np.ldexp(coefficients, peak)
    scale = np.frexp(np.abs(weights).sum(axis=1))[1]
    total = np.rint(np.ldexp(weights, (SUM_BITS - scale)[:, None])) @ rows
    return shifted(total, (scale - SUM_BITS - PROFILE_BITS)[:, None])
