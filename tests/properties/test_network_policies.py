"""What no policy may break in areas that exchange power: firm load, energy, natives, and more freedom never hurts."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from network_reference import random_caps, random_network
from policy_reference import LOCAL_TERMS, LOOSER, terms

from capacity.adequacy import policies
from capacity.network import sites as network_sites
from capacity.network import terms as network_terms
from capacity.network.sites import Joined, Known
from cuda_kernels.network import network_headroom

AREAS, HOURS = 3, 40
SLACK = 1e-7
LIMITS = {"ramp_share_an_hour": st.floats(0.05, 0.99), "notice_hours": st.floats(0.5, 30.0), **LOCAL_TERMS}
SUPPLY = {
    "site_battery_share": st.floats(0.0, 1.0),
    "site_battery_hours": st.floats(0.0, 3.0),
    "backup_share": st.floats(0.0, 0.9),
    "backup_permit_hours": st.integers(0, 4).map(float),
}
energy = {"curtailable_fraction": st.floats(0.001, 0.1)}
limited = st.fixed_dictionaries(energy, optional=LIMITS)
anything = st.fixed_dictionaries(energy, optional=LIMITS | SUPPLY | {"payback_share": st.floats(0.0, 1.0)})
seeds = st.integers(0, 10**6)


class Toy:
    """A small network with caps on imports, and the same as forecast."""

    def __init__(self, seed: int) -> None:
        margin, limits, self.direction = random_network(seed, AREAS, HOURS)
        self.margin, self.limits = margin + 2.0 * (seed % 3), np.minimum(limits, 1e6)
        self.native = np.random.default_rng(seed).uniform(5.0, 15.0, margin.shape)
        self.caps = random_caps(seed, AREAS)

    def joined(self, error: float) -> Joined:
        left = (self.margin - error * self.native).T[:, None]
        return Joined(np.ascontiguousarray(left), np.ones((1, AREAS, 1)), self.limits[None], self.caps[None])

    def solve(self, given):
        """Terms, what is known, load without a cut, load by energy, and load under the terms."""
        policy = terms(**given)
        now = self.joined(0.0)
        known = Known(now, self.joined(float(policy.call_error[0])) if policy.notice_hours.any() else now)
        shares = [[0.0, float(policy.energy[0])]]
        linear = now.profiles, now.coefficients, now.limits_mw, self.direction
        firm, most = network_headroom(*linear, shares, **now.capped, engine="numba").headroom_mw.T
        found = network_terms.headroom(known, self.direction[None], policy, (firm, most), "numba")
        return policy, known, firm[0], most[0], found


@settings(max_examples=80, deadline=None)
@given(seed=seeds, given=limited)
def test_limits_never_raise_what_energy_allows_nor_lower_what_needs_no_cut(seed, given):
    _, _, firm, most, found = Toy(seed).solve(given)
    assert firm * (1 - 1e-9) - SLACK <= found.load_mw[0] <= most * (1 + 1e-9) + SLACK


@settings(max_examples=80, deadline=None)
@given(seed=seeds, given=anything, part=st.floats(0.05, 1.0))
def test_the_load_and_every_smaller_one_keep_all_terms(seed, given, part):
    toy = Toy(seed)
    policy, known, firm, _, found = toy.solve(given)
    load = part * found.load_mw
    if load[0] <= firm:
        return
    cut, lost = network_sites.cuts_mw(known, load[:, None] * toy.direction, policy, "numba")
    cut[cut <= 1e-7 * load[0]] = 0.0
    assert (cut <= load[0] * (1 + 1e-9)).all()
    assert cut.sum() <= float(policy.energy[0] * load[0]) * HOURS * (1 + 1e-7) + SLACK
    assert 0.0 <= lost[0] <= cut.sum() + SLACK
    assert max((length for _, length in policies.runs(cut[0] > 0.0)), default=0) <= policy.longest_event_hours[0]
    if "events_a_year" in given:
        calls, length = int(policy.events_a_year[0]), int(policy.longest_event_hours[0])
        assert policies.fits(np.flatnonzero(cut[0] > 0.0), calls, length)
    if "ramp_share_an_hour" in given:
        most = given["ramp_share_an_hour"] * float(policy.flexible_load_share[0]) * load[0]
        assert (np.abs(np.diff(cut[0])) <= most * (1 + 1e-6) + 1e-6 * load[0]).all()


@settings(max_examples=120, deadline=None)
@given(seed=seeds, given=anything, which=st.sampled_from(sorted(LOOSER)))
def test_a_looser_term_never_lowers_the_headroom(seed, given, which):
    if which not in given:
        return
    shares = ("flexible_load_share", "sustained_depth", "ramp_share_an_hour", "backup_share")
    looser = given | {which: min(given[which] * LOOSER[which], 1.0 if which in shares else np.inf)}
    toy = Toy(seed)
    assert toy.solve(looser)[4].load_mw[0] >= toy.solve(given)[4].load_mw[0] * (1 - 1e-8) - SLACK


@settings(max_examples=40, deadline=None)
@given(seed=seeds, given=anything)
def test_supply_at_the_site_never_lowers_the_headroom(seed, given):
    toy, without = Toy(seed), {name: value for name, value in given.items() if name not in SUPPLY}
    assert toy.solve(given)[4].load_mw[0] >= toy.solve(without)[4].load_mw[0] * (1 - 1e-8) - SLACK
