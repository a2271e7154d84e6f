"""Headroom of many cases under one capacity-outage table: without curtailment by a criterion, and with curtailment.

For net loads x (load minus wind, sun, water and storage) and H, F of a table (outage_table.py), the load that may be
curtailed is the largest L with sum_h [H(x_h + L) - H(x_h)] <= share hours L; the load that may not is bounded by one of

    eue_firm   sum_h H(x_h + L) <= limit (native energy + hours L)
    lolh       sum_h F(x_h + L) <= limit                                    [h a year]
    lole       sum over days of the day's highest F(x_h + L) <= limit       [d a year]

A fleet that has the table's shape and s times its capacity is the same problem with everything divided by s, so that
one table serves many fleets.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import KernelError
from .headroom import Engine, _use_numba
from .outage_table import HOURS_OF_DAY, Floats, OutageTable, expected_headroom_mw, look_up

Criterion = Literal["eue_firm", "lolh", "lole"]
CRITERIA: tuple[Criterion, ...] = ("eue_firm", "lolh", "lole")


class OutageHeadroom(NamedTuple):
    """Result of outage_headroom_mw, all float64 (case,).

    firm_mw, flexible_mw   Largest constant load by the criterion, and with curtailment; >= 0. [MW]
    short_hours            Expected hours of shortage beside the flexible load. [h]
    native_unserved_mwh    Expected unserved energy without new load. [MWh]
    """

    firm_mw: Floats
    flexible_mw: Floats
    short_hours: Floats
    native_unserved_mwh: Floats


def outage_headroom_mw(
    net_load: tuple[ArrayLike, ArrayLike],
    table: tuple[OutageTable, ArrayLike],
    criterion: tuple[Criterion, float],
    share: ArrayLike,
    native_mwh: ArrayLike,
    *,
    engine: Engine = "auto",
) -> OutageHeadroom:
    """Headroom of every case.

    net_load : profiles (K, hour) and coefficients (case, K); coefficients @ profiles is the net load. [MW]
    table : an outage table, and the row of it that each hour (hour,) lives in.
    criterion : of the load that is never curtailed, and its limit (1, h or d; see above).
    share : (case,)        Part of its energy that the flexible load may forgo, 0 <= share < 1. [1]
    native_mwh : (case,)   Energy of the native load. [MWh]
    engine : "auto" (numba when installed), "numpy" or "numba"

    A criterion that is broken without new load gives 0. Raises KernelError for shapes and values.
    """
    profiles, coefficients = (np.ascontiguousarray(part, dtype=np.float64) for part in net_load)
    rows = np.ascontiguousarray(table[1], dtype=np.int64)
    shares, native = (np.ascontiguousarray(part, dtype=np.float64) for part in (share, native_mwh))
    _check((profiles, coefficients), (table[0], rows), criterion, (shares, native))
    if _use_numba(engine):
        from ._outage_numba import headroom

        return OutageHeadroom(*headroom(profiles, coefficients, (table[0], rows), criterion, (shares, native)))
    found = [
        _one(profiles.T @ coefficients[c], (table[0], rows), criterion, float(shares[c]), float(native[c]))
        for c in range(len(coefficients))
    ]
    return OutageHeadroom(*np.array(found).reshape(-1, 4).T)


def _one(
    load: Floats,
    table: tuple[OutageTable, NDArray[np.int64]],
    criterion: tuple[Criterion, float],
    share: float,
    native_mwh: float,
) -> tuple[float, ...]:
    flexible = expected_headroom_mw(load, *table, "eue_flexible", share)
    firm = expected_headroom_mw(load, *table, *criterion, native_mwh=[native_mwh])
    alone = float(look_up(table[0], load, table[1])[0].sum())
    return float(firm.headroom_mw[0]), float(flexible.headroom_mw[0]), float(flexible.short_hours[0]), alone


def _check(
    net_load: tuple[Floats, Floats],
    table: tuple[OutageTable, NDArray[np.int64]],
    criterion: tuple[Criterion, float],
    by_case: tuple[Floats, Floats],
) -> None:
    profiles, coefficients = net_load
    problems = []
    if profiles.ndim != 2 or coefficients.ndim != 2 or profiles.shape[0] != coefficients.shape[1]:
        raise KernelError(f"profiles must be (K, hour), coefficients (case, K): {profiles.shape}, {coefficients.shape}")
    if not (np.isfinite(profiles).all() and np.isfinite(coefficients).all()):
        problems.append("profiles and coefficients must be finite")
    rows = table[1]
    if rows.shape != profiles.shape[1:] or rows.min() < 0 or rows.max() >= len(table[0].probability):
        problems.append(f"the row of each hour must be ({profiles.shape[1]},) and in a table of {len(table[0].short)}")
    if criterion[0] not in CRITERIA or not criterion[1] >= 0.0:
        problems.append(f"criterion is {criterion}; choose {', '.join(CRITERIA)} and a limit >= 0")
    if criterion[0] == "lole" and profiles.shape[1] % HOURS_OF_DAY:
        problems.append(f"lole counts whole days; {profiles.shape[1]} hours are none")
    shares, native = by_case
    if shares.shape != coefficients.shape[:1] or not ((shares >= 0.0) & (shares < 1.0)).all():
        problems.append(f"share must be ({len(coefficients)},), 0 <= share < 1")
    if native.shape != coefficients.shape[:1] or not np.isfinite(native).all():
        problems.append(f"native_mwh must be ({len(coefficients)},) and finite")
    if problems:
        raise KernelError("; ".join(problems))
