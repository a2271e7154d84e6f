"""Launcher of network.cu; `network` holds the contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._launch import Kernel, fewer, launch
from ._namespace import _import_cupy
from .errors import KernelError

if TYPE_CHECKING:
    from .network import Prepared

MOST_AREAS, MOST_LINKS, MOST_TERMS = 32, 96, 12
"""As in network.cu and network_flow.cuh: a lane an area, and what shared memory holds of a case."""
BLOCK = 128
KERNEL = Kernel(
    "network",
    "network_headroom",
    ("float64[]",) * 5 + ("uint8[]", "float64[]", "int64[]", "float64[]") + ("int32",) * 7,
)
_MEMORY_SHARE = 0.25  # of what is free, for lists of hours
_LIST = 4  # numbers of an hour: what natives lack, value and slope of its cut; the hour and a set in one
_NO_LINK = 255


class Sizes(NamedTuple):
    """Sizes of a call, in the order of the kernel's arguments; cases: of a set."""

    hours: int
    terms: int
    areas: int
    links: int
    shares: int
    cases: int


def problems(areas: int, terms: int, limits: Any, sets: bool = False) -> list[str]:
    """Why the kernel does not take a network. limits : (..., area, area); sets : whether sets of areas have caps"""
    known = [("areas", areas, MOST_AREAS), ("profiles an area", terms, MOST_TERMS)]
    if areas <= MOST_AREAS:
        known.append(("links", _ends(limits).shape[1], MOST_LINKS))
    found = [f"{count} {what}, at most {most}" for what, count, most in known if count > most]
    return [*found, "caps on sets of areas"] if sets else found


def headroom(ready: Sequence[Prepared], *, sets: bool = False) -> tuple[Any, ...]:
    """As _network_numpy.headroom, of several sets of cases with profiles of their own, one set after another.

    sets : whether sets of areas have caps. Raises KernelError for a network that the kernel does not take.
    """
    coefficients, weights, shares, firmer = (
        np.concatenate([getattr(one, name) for one in ready])
        for name in ("coefficients", "weights", "shares", "firmer")
    )
    limits, caps = (np.concatenate(values) for values in zip(*(one.network for one in ready), strict=True))
    (areas, terms, hours), (cases, row) = ready[0].profiles.shape, shares.shape
    wrong = problems(areas, terms, limits, sets)
    if wrong:
        raise KernelError(f"device 'gpu' does not solve this network ({'; '.join(wrong)}); choose device 'cpu'")
    cupy = _import_cupy()
    start, end = _ends(limits)
    order = np.argsort(-shares, axis=1, kind="stable")
    profiles = cupy.empty((len(ready), hours, terms, areas))
    for s, one in enumerate(ready):
        profiles[s] = cupy.asarray(one.profiles).transpose(2, 1, 0)
    by_case = (
        coefficients.transpose(0, 2, 1),
        np.concatenate([limits[:, start, end], limits[:, end, start]], axis=1),
        np.stack([weights, caps, firmer], axis=1),
        np.take_along_axis(shares, order, axis=1) * hours,
    )
    there = [profiles, *(cupy.asarray(np.ascontiguousarray(values)) for values in by_case)]
    there.append(cupy.asarray(_slots(start, end)))
    found, counted = cupy.zeros((cases, 2 * row + 1)), cupy.zeros((cases, row * (3 + areas) + 1), dtype=cupy.int64)
    _solve(there, (found, counted), Sizes(hours, terms, areas, len(start), row, max(1, cases // len(ready))))
    return _fields(found.get(), counted.get(), np.argsort(order, axis=1), areas)


def _solve(there: list[Any], answers: tuple[Any, Any], sizes: Sizes) -> None:
    """All cases, as many at once as memory has room for the lists of."""
    cupy = _import_cupy()
    free, _ = cupy.cuda.runtime.memGetInfo()
    one = 8 * _LIST * sizes.hours
    cases = len(answers[0])
    first, at_once = 0, max(1, int(_MEMORY_SHARE * free) // one)
    profiles, *by_case, slots = there
    while first < cases:
        part = slice(first, min(first + at_once, cases))
        count = part.stop - first
        try:
            lists = cupy.empty((count, sizes.hours, _LIST), dtype=cupy.float64)
        except cupy.cuda.memory.OutOfMemoryError as error:
            at_once = fewer(count, ("network", "cases"), ("the hours of one network", one), error)
            continue  # what the failed attempt held is free once this clause is left
        arrays = (profiles, *(values[part] for values in by_case), slots, *(values[part] for values in answers), lists)
        launch(KERNEL, count * BLOCK, (*arrays, *map(np.int32, (*sizes, first))), block=BLOCK)
        first = part.stop


def _ends(limits: Any) -> Any:
    """Areas (2, link) that a link joins in any case, each pair once."""
    joined = (limits > 0.0).reshape(-1, *limits.shape[-2:]).any(axis=0)
    return np.stack(np.nonzero(np.triu(joined | joined.T, 1)))


def _slots(start: Any, end: Any) -> Any:
    """Places (from, to) of links in a list of all there, then all back."""
    slots = np.full((MOST_AREAS, MOST_AREAS), _NO_LINK, np.uint8)
    links = np.arange(len(start))
    slots[start, end], slots[end, start] = links, links + len(links)
    return slots


def _fields(found: Any, counted: Any, order: Any, areas: int) -> tuple[Any, ...]:
    """Fields of network.NetworkHeadroom from answers by shares from the largest, `order` (case, share) their places."""
    row = order.shape[1]
    by_share = np.take_along_axis(counted[:, :-1].reshape(len(counted), row, 3 + areas), order[:, :, None], axis=1)
    cut = (by_share[:, :, 2, None] >> np.arange(areas)) & 1 != 0
    return (
        np.take_along_axis(found[:, :row], order, axis=1),
        np.take_along_axis(found[:, row : 2 * row], order, axis=1),
        by_share[:, :, 0],
        found[:, -1],
        counted[:, -1],
        cut,
        by_share[:, :, 1],
        by_share[:, :, 3:],
    )
