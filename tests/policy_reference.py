"""Oracles of flexible-load policies: linear programs by HiGHS, and exhaustive search over calls. TEST MATERIAL."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import LinearConstraint, linprog, milp

from capacity.adequacy.policies import Policy

# A scenario file; its terms go where %s stands.
POLICY = """
name: asked
title: A policy made up for this test
rationale: Terms in a row.
sources: [none]
flexible_load: {us: {label: J, source: test, fixed_because: test, %s}}
"""
LOCAL_TERMS = {
    "flexible_load_share": st.floats(0.1, 1.0),
    "sustained_depth": st.floats(0.1, 1.0),
    "longest_event_hours": st.integers(1, 10).map(float),
    "events_a_year": st.integers(0, 8).map(float),
}
FREE = {
    "curtailable_fraction": 0.0,
    "flexible_load_share": 1.0,
    "sustained_depth": 1.0,
    "longest_event_hours": 8760.0,
    "events_a_year": 8760.0,
    "ramp_share_an_hour": 1.0,
    "site_battery_efficiency": 0.86,
    "day_ahead_forecast_error": 0.03,
}


def terms(cases: int = 1, **given: float) -> Policy:
    """A policy of some cases; what is not given asks for nothing."""
    values = {field.name: given.get(field.name, FREE.get(field.name, 0.0)) for field in fields(Policy)}
    assert given.keys() <= values.keys()
    return Policy(**{name: np.full(cases, value) for name, value in values.items()})


def headroom_lp(margin: np.ndarray, policy: Policy) -> float:
    """Largest load under energy, depth, ramps and batteries with foresight; variables: load, cut, in, out, held."""
    hours = len(margin)
    one, nil, column = sparse.eye(hours), sparse.csr_matrix((hours, hours)), sparse.csr_matrix(np.ones((hours, 1)))
    value = {field.name: float(getattr(policy, field.name)[0]) for field in fields(Policy)}
    flexible, power = value["flexible_load_share"], value["site_battery_share"]
    step = (sparse.eye(hours - 1, hours, k=1) - sparse.eye(hours - 1, hours)).tocsr()
    short = sparse.csr_matrix((hours - 1, hours))
    ramp = sparse.csr_matrix(np.full((hours - 1, 1), -value["ramp_share_an_hour"] * flexible))
    stored = power * value["site_battery_hours"]
    below = [
        sparse.hstack([column, -one, one, -one, nil]),  # load - cut + charge - discharge <= margin
        sparse.hstack([-flexible * value["sustained_depth"] * column, one, nil, nil, nil]),
        sparse.hstack([-power * column, nil, one, nil, nil]),
        sparse.hstack([-power * column, nil, nil, one, nil]),
        sparse.hstack([-stored * column, nil, nil, nil, one]),
        sparse.hstack([ramp, step, short, short, short]),
        sparse.hstack([ramp, -step, short, short, short]),
        sparse.csr_matrix(
            np.r_[-value["curtailable_fraction"] * flexible * hours, np.ones(hours), np.zeros(3 * hours)]
        ),
    ]
    bound = np.r_[margin, np.zeros(4 * hours + 2 * (hours - 1) + 1)]
    eta = value["site_battery_efficiency"]
    start = np.zeros((hours, 1))
    start[0] = -stored  # full at the start
    state = sparse.hstack([sparse.csr_matrix(start), nil, -eta * one, one, one - sparse.eye(hours, k=-1)])
    found = linprog(
        np.r_[-1.0, np.zeros(4 * hours)],
        A_ub=sparse.vstack(below),
        b_ub=bound,
        A_eq=state,
        b_eq=np.zeros(hours),
        bounds=(0, None),
    )
    assert found.status == 0, found.message
    return float(found.x[0])


def least_cut_with_backup(margin: np.ndarray, load: float, backup: float, permit: int) -> float:
    """Least curtailed energy of a load when backup may run in `permit` hours of one's choice."""
    hours = len(margin)
    one = sparse.eye(hours)
    rows = [
        LinearConstraint(sparse.hstack([one, one, 0 * one]), lb=load - margin),  # cut + backup >= need
        LinearConstraint(sparse.hstack([0 * one, one, -backup * load * one]), ub=0.0),
        LinearConstraint(np.r_[np.zeros(2 * hours), np.ones(hours)], ub=permit),
    ]
    whole = np.r_[np.zeros(2 * hours), np.ones(hours)]
    upper = np.r_[np.full(2 * hours, np.inf), np.ones(hours)]
    cost = np.r_[np.ones(hours), np.zeros(2 * hours)]
    found = milp(cost, constraints=rows, integrality=whole, bounds=(np.zeros(3 * hours), upper))
    assert found.status == 0, found.message
    return float(found.fun)


def least_cut_behind_store(margin: np.ndarray, load: float, deepest: float, store: tuple[float, float, float]) -> float:
    """Least curtailed energy of a load behind a store that charges from what the uncut load leaves; inf where none is.

    Variables: cut and discharge in hours that are short, charge in the others, held at the end of each hour.
    """
    power, energy, efficiency = store
    hours, short = len(margin), margin < load
    one, nil = sparse.eye(hours), sparse.csr_matrix((hours, hours))
    served = LinearConstraint(sparse.hstack([one, one, nil, nil]), lb=np.where(short, load - margin, 0.0))
    start = np.zeros(hours)
    start[0] = energy  # full at the start
    held = LinearConstraint(
        sparse.hstack([nil, one, -efficiency * one, one - sparse.eye(hours, k=-1)]), lb=start, ub=start
    )
    upper = np.concatenate(
        [
            np.where(short, deepest, 0.0),
            np.where(short, power, 0.0),
            np.where(short, 0.0, np.minimum(margin - load, power)),
            np.full(hours, energy),
        ]
    )
    cost = np.r_[np.ones(hours), np.zeros(3 * hours)]
    found = milp(cost, constraints=[served, held], bounds=(np.zeros(4 * hours), upper))
    return float(found.fun) if found.status == 0 else np.inf


def fewest_calls(hours: list[int], length: int) -> int:
    """Fewest windows of `length` hours that hold all hours, by trying every start for the window of each first hour."""
    if not hours:
        return 0
    starts = range(hours[0] - length + 1, hours[0] + 1)
    return 1 + min(fewest_calls([h for h in hours if not s <= h < s + length], length) for s in starts)


def headroom_by_trial(margin: np.ndarray, longest: int, calls: int, ceiling: float) -> float:
    """Largest load up to a ceiling whose curtailed hours keep both limits, by trying every margin."""
    best = 0.0
    for load in sorted({ceiling, *(m for m in margin if 0.0 <= m < ceiling)}):
        cut = [h for h in range(len(margin)) if margin[h] < load]
        run = max((sum(1 for _ in group) for group in _runs(cut)), default=0)
        if run <= longest and fewest_calls(cut, longest) <= calls:
            best = load
    return best


def _runs(hours: list[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for hour in hours:
        if found and hour == found[-1][-1] + 1:
            found[-1].append(hour)
        else:
            found.append([hour])
    return found


LOOSER = {
    "curtailable_fraction": 1.3,
    "flexible_load_share": 1.1,
    "sustained_depth": 1.2,
    "longest_event_hours": 2.0,
    "events_a_year": 2.0,
    "ramp_share_an_hour": 1.5,
    "notice_hours": 0.5,
    "site_battery_share": 1.5,
    "site_battery_hours": 1.5,
    "backup_share": 1.1,
    "backup_permit_hours": 2.0,
}
"""By what a term is multiplied to be looser."""
