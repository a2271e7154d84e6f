"""Where among its areas a group's new load goes. See docs/network.md, Siting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capacity import zones
from capacity.deployment import request_pattern
from capacity.draws import CentralPath, Draws
from capacity.supply.fleet import Fleet
from grids.areas import parent_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Siting:
    """Where a group's new load goes: a mixture of isolated headroom, native load, requests and a scenario's weights.

    by_load, by_request, by_weight : (draw, year)   Shares of native load, requests and weights in the mixture. [1]
    for_total : (draw, year)            Share of the mixture that makes way for the direction of the largest total. [1]
    weight : (draw, area, year)         Weights of the areas, >= 0. [1]
    requests : (area,)                  Requests for data centres in 2025, over the country's. [1]
    """

    by_load: Floats
    by_request: Floats
    by_weight: Floats
    for_total: Floats
    weight: Floats
    requests: Floats

    @classmethod
    def of(cls, fleet: Fleet, draws: Draws | CentralPath) -> Siting:
        names = [f"{fleet.prefix}.siting_weight_{parent_of(area).split('.', 1)[1]}" for area in fleet.areas]
        inside = zones.load_shares(fleet.areas)
        return cls(
            draws.parameter("siting_by_load_share"),
            draws.parameter("siting_by_request_share"),
            draws.parameter("siting_by_weight_share"),
            draws.parameter("siting_for_total_share"),
            np.stack([share * draws.parameter(name) for name, share in zip(names, inside, strict=True)], axis=1),
            request_pattern(fleet.areas)[0],
        )

    def last_year(self) -> Siting:
        """The same for the last year only."""
        shares = (self.by_load, self.by_request, self.by_weight, self.for_total)
        load, request, own, total = [share[:, -1:] for share in shares]
        return Siting(load, request, own, total, self.weight[..., -1:], self.requests)

    def direction(self, y: int, members: Integers, areas: Integers, isolated_mw: Floats, load_mw: Floats) -> Floats:
        """Shares (member, area) of a group's new load in one year, but for `for_total`; zero where nothing fits.

        Requests pull the mixture of headroom and load, then weights pull that; a group without weights keeps its own.
        """
        found = siting_direction(isolated_mw, load_mw, self.by_load[members, y])
        requested = np.broadcast_to(self.requests[areas], found.shape)
        for share, weight in ((self.by_request, requested), (self.by_weight, self.weight[members, :, y][:, areas])):
            pull = np.where(weight.sum(axis=1) > 0.0, share[members, y], 0.0)
            found = mixed(found, _shares(weight), pull)
        return found


def siting_direction(isolated_mw: Floats, load_mw: Floats, by_load: Floats) -> Floats:
    """Shares (draw, area) of a group's new load: a mixture of isolated headroom and native load; zero where nil."""
    mixture = (1.0 - by_load[:, None]) * _shares(isolated_mw) + by_load[:, None] * _shares(load_mw)
    return np.where((isolated_mw.sum(axis=1) > 0.0)[:, None], mixture, _shares(mixture))


def mixed(one: Floats, other: Floats, pull: Floats) -> Floats:
    """Shares (draw, area) of one direction with a part `pull` (draw,) of the other; untouched where nothing pulls."""
    if not pull.any():
        return one
    return np.where(pull[:, None] > 0.0, _shares((1.0 - pull[:, None]) * one + pull[:, None] * other), one)


def _shares(values: Floats) -> Floats:
    total = values.sum(axis=1, keepdims=True)
    return np.divide(values, total, out=np.zeros_like(values), where=total > 0.0)
