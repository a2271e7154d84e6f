"""What one more MW adds to the headroom of a group: derivatives against differences of the full solution."""

from __future__ import annotations

import numpy as np
import pytest
from network_reference import random_caps, random_network
from policy_reference import terms

from capacity.adequacy import policies
from capacity.explain.brought import More, brought_mw
from capacity.explain.point import (
    CALLS,
    DEPTH,
    ENERGY,
    FIRM,
    Bound,
    Loads,
    Transfers,
    bound_of,
    headroom_along,
    imports_mw,
    point_at,
)
from capacity.network.sites import Joined, Known
from cuda_kernels.network import network_headroom

STEP = 1e-6


def toy(seed, areas, hours, capped=False):
    """Margins, limits with caps of areas and of a set where asked, direction and the output of one MW."""
    margin, limits, direction = random_network(seed, areas, hours)
    within = Transfers.by_links(np.where(np.isinf(limits), 50.0, limits))
    if capped:
        caps, member = 0.1 + random_caps(seed, areas), np.zeros((1, areas))
        member[0, :2], caps[:2] = 1.0, np.inf
        within = Transfers(within.limits_mw, caps, (member, np.array([0.4 + seed % 3])))
    return margin, within, direction, np.random.default_rng(seed).random(hours)


def moved(margin, within, output, at, sign):
    """The toy with a little more of a resource, a link, a cap of an area, a cap of a set."""
    i, (start, end) = at
    more, wider, cap = margin.copy(), within.limits_mw.copy(), within.caps_mw.copy()
    more[:, i] += sign * STEP * output
    wider[start, end] += sign * STEP
    cap[i] += sign * STEP
    yield more, within
    yield margin, within._replace(limits_mw=wider)
    yield margin, within._replace(caps_mw=cap)
    if within.sets is not None:
        yield margin, within._replace(sets=(within.sets[0], within.sets[1] + sign * STEP))


def compare(bound: Bound, toy_, at, headroom):
    """Derivatives beside one-sided differences of a headroom, where these agree; how many did."""
    margin, within, _, output = toy_
    i, (start, end) = at
    one, sets = bound.cap_worth()
    worth = [bound.worth(i, output), bound.link_worth(int(start), int(end)), one[i], *sets]
    base = headroom(margin, within)
    up, down = (
        [(headroom(*near) - base) / (sign * STEP) for near in moved(margin, within, output, at, sign)]
        for sign in (1.0, -1.0)
    )
    smooth = [k for k in range(len(up)) if abs(up[k] - down[k]) < 1e-3]
    for k in smooth:
        assert worth[k] == pytest.approx(up[k], rel=1e-3, abs=1e-3)
    return len(smooth)


def place(seed, within):
    links = np.argwhere(within.limits_mw > 0.0)
    return seed % len(within.limits_mw), links[seed % len(links)]


@pytest.mark.parametrize("capped", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.2])
def test_one_more_megawatt_link_or_cap_adds_its_derivative(share, capped):
    """Random networks, natives short in places."""
    checked = 0
    for seed in range(40):
        one = margin, within, direction, _ = toy(seed, 3 + seed % 4, 60, capped)
        base = headroom_along(margin, within, direction, share)
        if base > 0.0:
            bound = Bound(ENERGY, point_at(margin, within, direction, base, share))

            def along(margin, within, direction=direction):
                return headroom_along(margin, within, direction, share)

            checked += compare(bound, one, place(seed, within), along)
    assert checked >= 12 + 30 * (share > 0.0)


POLICIES = {
    DEPTH: {"curtailable_fraction": 0.3, "sustained_depth": 0.3},
    CALLS: {"curtailable_fraction": 0.3, "longest_event_hours": 2.0, "events_a_year": 3.0},
    ENERGY: {"curtailable_fraction": 0.02, "sustained_depth": 0.95, "longest_event_hours": 40.0},
    FIRM: {"curtailable_fraction": 0.3, "sustained_depth": 0.9, "longest_event_hours": 0.0, "events_a_year": 0.0},
}


def under(policy, group, extra):
    """Loads of a group under a policy, from the loads that each hour serves."""
    margin, within, direction = group
    shares = [[0.0, float(policy.energy[0])]]
    both = network_headroom(
        np.ascontiguousarray(margin.T)[:, None], np.ones((1, 3, 1)), within.limits_mw, direction, shares,
        firm_extra_mw=extra,
    )  # fmt: skip
    firm, most = both.headroom_mw[0]
    one_hour = network_headroom(np.ones((3, 1, 1)), margin[..., None], within.limits_mw, direction, 0.0)
    served = 1.0 - policy.depth[0]
    load = np.array([max(min(most, firm / served if served else np.inf), firm)])
    allowed = policies.by_calls(one_hour.headroom_mw.T, policy, load)[0]
    return Loads(max(float(allowed), float(firm)), float(firm), float(most))


@pytest.mark.parametrize("term", list(POLICIES))
def test_under_a_policy_the_term_that_binds_gives_the_derivative(term):
    policy, checked = terms(**POLICIES[term]), 0
    for seed in range(24):
        one = margin, within, direction, _ = toy(seed, 3, 40)
        margin += 2.0 * (seed % 3)
        extra = np.array([0.1, 0.0, 0.2])

        def loads(margin, within, direction=direction, extra=extra):
            return under(policy, (margin, within, direction), extra)

        at = loads(margin, within)
        if at.headroom > 0.1:
            point = point_at(margin, within, direction, at.headroom, float(policy.energy[0]))
            bound = bound_of(point, at, policy, extra)
            if bound.term == term:
                checked += compare(bound, one, place(seed, within), lambda *near, of=loads: of(*near).headroom)
    assert checked >= 8


def test_imports_leave_the_least_unserved_under_caps_of_sets():
    for seed in range(12):
        margin, within, _, _ = toy(seed, 5, 6, capped=True)
        net = imports_mw(-margin, within)
        unserved = np.maximum(-margin - net, 0.0).sum(axis=1)
        np.testing.assert_allclose(unserved, within.cuts(-margin).unserved_mw, rtol=1e-7, atol=1e-7)
        assert (net @ within.member.T <= within.sets[1] + 1e-7).all()
        np.testing.assert_allclose(net.sum(axis=1), 0.0, atol=1e-7)


def test_what_one_megawatt_brings_is_the_derivative_where_there_is_one():
    """Loads of thousands of MW under a share of energy alone, searched again with one MW more."""
    checked = 0
    for seed in range(12):
        margin, within, direction, output = toy(seed, 4, 60)
        margin, within = 5e3 * np.maximum(margin, 0.1), Transfers.by_links(5e3 * within.limits_mw)
        base = headroom_along(margin, within, direction, 0.1)
        bound = Bound(ENERGY, point_at(margin, within, direction, base, 0.1))
        i, (start, end) = place(seed, within)
        linear = np.ascontiguousarray(margin.T)[:, None], np.ones((1, 4, 1)), within.limits_mw[None]
        known = Known(*[Joined(*linear, np.full((1, 4), np.inf))] * 2)
        asked = [More(i, output), More(start, end=end)]
        found = brought_mw(known, direction, terms(curtailable_fraction=0.1), np.zeros(4), asked)
        want = bound.worth(i, output), bound.link_worth(start, end)
        checked += sum(got == pytest.approx(w, rel=1e-6, abs=1e-6) for got, w in zip(found, want, strict=True))
    assert checked >= 20
