"""The store of an area as `explain` sees it: what it holds hour by hour, and what one more MW adds beside it or of it.

A dispatched store carries a megawatt from hour to hour: what is charged or spared is given later, or lost where the
store is full without it. More power gives and takes more in hours that use all of it; more energy is there where the
store was full.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.adequacy.parts import STORAGE, reserve_of
from capacity.adequacy.storage import Store
from capacity.explain.area_year import AreaCase
from cuda_kernels.storage_dispatch import storage_headroom_mw
from cuda_kernels.storage_trace import storage_trace

Floats = NDArray[np.float64]

_RIGHT = 1e-9
"""Relative: a load that nothing may be cut of is looked at just right of it, where its one hour is curtailed."""


class Held(NamedTuple):
    """The store of an area in one draw and year.

    store : Store           One case; None by its credit.
    counted_mw : float      What a margin has for it already; 0 where it is dispatched beside it. [MW]
    nameplate_mw : float    What it is built of, > 0. [MW]
    """

    store: Store | None
    counted_mw: float
    nameplate_mw: float

    @classmethod
    def of(cls, grid: xr.Dataset, known: AreaCase, draw: int) -> Held | None:
        """The store of one draw in the last year; None where there is none."""
        fleet, balance, last = known.fleet, known.balance, known.last
        rows = [fleet.technologies.index(technology) for technology in STORAGE]
        nameplate = float(known.nameplate_mw[draw, known.a, rows, last].sum())
        if nameplate <= 0.0:
            return None
        if known.store is None:
            reserve = float(reserve_of(fleet, known.draws)[draw, last])
            return cls(None, known.standing(grid, draw)["storage_mw"] / reserve, nameplate)
        counted = [mw[draw, last] for mw in (balance.storage_mw, balance.terms_mw) if mw is not None]
        return cls(known.store.at(np.array([draw]), last), float(sum(counted)), nameplate)

    def without_reserve(self, reserve: float, counted_mw: float) -> Held:
        """The same where no reserve is kept, which was `reserve` less 1, and a margin has `counted_mw` for it."""
        whole = None
        if self.store is not None:
            whole = Store(self.store.power_mw * reserve, self.store.energy_mwh * reserve, self.store.efficiency)
        return Held(whole, counted_mw, self.nameplate_mw)

    def charge_mwh(self, margin_mw: Floats, load_mw: float) -> Floats | None:
        """What it holds at the end of each hour (hour,) beside a margin (hour,) and new load; None by credit. [MWh]"""
        if self.store is None:
            return None
        left = margin_mw - self.counted_mw - load_mw
        return np.asarray(storage_trace(left[None], *self.store).charge_mwh[0])

    def adds(self, constant: float) -> float:
        """What one more MW of nameplate adds at what the store counts for; constant : of firm capacity. [MW/MW]"""
        return constant * self.counted_mw / self.nameplate_mw

    def dispatched_adds(self, margin_mw: Floats, share: float, outputs: Mapping[str, Floats]) -> dict[str, float]:
        """Headroom that one more MW of resources, and of storage with its hours, adds beside it dispatched. [MW/MW]

        share : of its energy that new load may forgo; outputs : (hour,) of one MW of each. Nothing by credit.
        """
        if self.store is None:
            return {}
        apart = margin_mw - self.counted_mw
        load = float(storage_headroom_mw(apart[None], *self.store, np.array([[share]])).headroom_mw[0, 0])
        every = np.stack([*outputs.values(), np.zeros(len(apart))])
        power, energy = (np.zeros(len(every)) for _ in range(2))
        power[-1], energy[-1] = (float(values[0]) / self.nameplate_mw for values in self.store[:2])
        worth = beside_store(apart, self.store, (load, share), every, (power, energy))
        return dict(zip((*outputs, "storage"), worth.tolist(), strict=True))


def beside_store(
    margin_mw: Floats,
    store: Store,
    at: tuple[float, float],
    outputs: Floats,
    more: tuple[Floats, Floats] | None = None,
) -> Floats:
    """Derivatives (resource,) of the headroom of an area whose store is dispatched.

    at : load and curtailable share; outputs : (resource, hour) of one MW
    more : power [MW] and energy [MWh] (resource,) that one MW of each brings the store; None for none
    """
    load, share = at
    if load <= 0.0:
        return np.zeros(len(outputs))
    just_right = load * (1.0 + _RIGHT) if share == 0.0 else load
    gained = np.concatenate([np.ones((1, len(margin_mw))), outputs])
    nil = np.zeros(len(outputs))
    wider = tuple(np.concatenate([[0.0], values]) for values in (more or (nil, nil)))
    beside, alone = (_served_by(margin_mw - mw, store, gained, wider) for mw in (just_right, 0.0))
    rise = beside[0] - share * len(margin_mw)
    return np.asarray((beside - alone)[1:] / rise if rise > 0.0 else nil)


def _served_by(margin_mw: Floats, store: Store, outputs: Floats, wider: tuple[Floats, ...]) -> Floats:
    """Energy that one more MW of each resource serves in a year beside a greedy store. [MWh/MW]

    outputs : (resource, hour); wider : power and energy (resource,) of the store. It begins full.
    """
    power, energy, efficiency = (float(values[0]) for values in store)
    before = np.concatenate([[energy], storage_trace(margin_mw[None], *store).charge_mwh[0, :-1]])
    more_power, more_energy = wider
    held, served = more_energy, np.zeros(len(outputs))
    for hour, (margin, charge) in enumerate(zip(margin_mw.tolist(), before.tolist(), strict=True)):
        gained = outputs[:, hour]
        if margin >= 0.0:
            if min(margin, power) >= (energy - charge) / efficiency:
                held = more_energy
            else:
                held = held + efficiency * (gained if margin < power else more_power)
        elif -margin <= min(power, charge):
            held = held + gained
        elif power <= charge:
            served = served + gained + more_power
            held = held - more_power
        else:
            served = served + gained + held
            held = np.zeros_like(held)
    return served
