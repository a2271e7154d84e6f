"""Oracle of policies of load in areas that exchange power: one linear program by HiGHS. TEST MATERIAL."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from network_reference import Sets, _capped, _flow_columns, unserved_lp
from scipy import sparse
from scipy.optimize import linprog

from capacity.adequacy.policies import Policy

PER_AREA = ("cut", "native", "charge", "discharge", "held")


def joint_lp(
    margin: np.ndarray,
    limits: np.ndarray,
    direction: np.ndarray,
    policy: Policy,
    *,
    alike: bool = False,
    as_one: bool = False,
    caps: np.ndarray | float = np.inf,
    sets: Sets | None = None,
) -> float:
    """Largest load under energy, depth, ramps and batteries with foresight, natives served as well as without it.

    margin : (hour, area)
    alike : cuts and batteries of all areas in the same proportion; as_one : ramps only of what all areas cut
    Variables: load, then hour by hour those of PER_AREA for each area, and flows.
    """
    value = {field.name: float(getattr(policy, field.name)[0]) for field in fields(Policy)}
    hours, areas = margin.shape
    flow, flow_bounds = _flow_columns(limits)
    one, links = sparse.identity(areas), flow.shape[1]
    width = len(PER_AREA) * areas + links

    def row(**parts: float) -> sparse.csr_matrix:
        """Coefficients (area, variables of an hour)."""
        return sparse.hstack([parts.get(name, 0.0) * one for name in PER_AREA] + [parts.get("flow", 0.0) * flow])

    def rows(of_hour: sparse.spmatrix, of_load: np.ndarray | float, before: sparse.spmatrix | None = None):
        """All hours; of_load : (area,) coefficients of the load; before : of the hour before, from the second on."""
        load = np.tile(np.broadcast_to(of_load, of_hour.shape[0]), hours)[:, None]
        every = sparse.kron(sparse.identity(hours), of_hour)
        if before is not None:
            every = every + sparse.kron(sparse.eye(hours, k=-1), before)
        return sparse.hstack([sparse.csr_matrix(load), every]).tocsr()

    flexible, power = value["flexible_load_share"], value["site_battery_share"]
    stored = power * value["site_battery_hours"]
    ramp = value["ramp_share_an_hour"] * flexible
    served = rows(row(cut=-1, native=-1, charge=1, discharge=-1, flow=-1), direction)
    native = [unserved_lp(-m, limits, caps, sets) for m in margin]
    member, most = _capped(areas, caps, sets)
    taken = sparse.hstack([sparse.csr_matrix((len(most), len(PER_AREA) * areas)), member @ flow])
    total = sparse.csr_matrix(np.ones((1, areas)))
    step = rows(row(cut=1), 0.0, row(cut=-1))[areas:]
    limit = np.tile(-ramp * direction, hours - 1)
    if as_one:
        every = sparse.kron(sparse.identity(hours - 1), total)
        step, limit = every @ step, every @ limit
    limit = np.r_[0.0, limit]  # lines up with the load's column below
    up, down = step.tolil(), (-step).tolil()
    up[:, 0], down[:, 0] = limit[1:, None], limit[1:, None]
    below = [
        (served, margin.ravel()),
        (rows(total @ row(native=1), 0.0), np.array(native)),
        (rows(row(cut=1), -flexible * value["sustained_depth"] * direction), np.zeros(hours * areas)),
        (rows(row(charge=1), -power * direction), np.zeros(hours * areas)),
        (rows(row(discharge=1), -power * direction), np.zeros(hours * areas)),
        (rows(row(held=1), -stored * direction), np.zeros(hours * areas)),
        (up.tocsr(), np.zeros(up.shape[0])),
        (down.tocsr(), np.zeros(up.shape[0])),
    ]
    if len(most):
        below.append((rows(taken, 0.0), np.tile(most, hours)))
    energy = sparse.csr_matrix(np.ones((1, hours))) @ rows(total @ row(cut=1), 0.0)
    energy = energy.tolil()
    energy[0, 0] = -value["curtailable_fraction"] * flexible * hours
    below.append((energy.tocsr(), np.zeros(1)))
    # Full at the start.
    state = rows(row(charge=-value["site_battery_efficiency"], discharge=1, held=1), 0.0, row(held=-1)).tolil()
    state[:areas, 0] = -stored * direction[:, None]
    equal = [(state.tocsr(), np.zeros(state.shape[0]))]
    if alike:
        apart = one - sparse.csr_matrix(np.outer(direction, np.ones(areas)))
        equal += [(rows(apart @ row(**{name: 1}), 0.0), np.zeros(hours * areas)) for name in ("cut", "charge", "held")]
        equal.append((rows(apart @ row(discharge=1), 0.0), np.zeros(hours * areas)))
    found = linprog(
        np.r_[-1.0, np.zeros(hours * width)],
        A_ub=sparse.vstack([a for a, _ in below]),
        b_ub=np.concatenate([b for _, b in below]),
        A_eq=sparse.vstack([a for a, _ in equal]),
        b_eq=np.concatenate([b for _, b in equal]),
        bounds=[(0, None)] + ([(0, None)] * (len(PER_AREA) * areas) + flow_bounds) * hours,
    )
    assert found.status == 0, found.message
    return float(found.x[0])
