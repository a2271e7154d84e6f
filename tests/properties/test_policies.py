"""What no flexible-load policy may break: natives first, and more freedom never hurts."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from policy_reference import LOCAL_TERMS, LOOSER, terms

from capacity.adequacy import policies
from capacity.adequacy.policies import Site
from cuda_kernels import headroom_mw

margins = arrays(np.float64, st.integers(30, 80), elements=st.floats(-20.0, 100.0, allow_subnormal=False))
policy_terms = st.fixed_dictionaries(
    {"curtailable_fraction": st.floats(0.001, 0.1)},
    optional={
        **LOCAL_TERMS,
        "ramp_share_an_hour": st.floats(0.05, 1.0),
        "notice_hours": st.floats(0.0, 30.0),
        "site_battery_share": st.floats(0.0, 1.0),
        "site_battery_hours": st.floats(0.0, 3.0),
        "backup_share": st.floats(0.0, 0.9),
        "backup_permit_hours": st.integers(0, 5).map(float),
    },
)
SLACK = 1e-7


def solve(margin, given):
    policy = terms(**given)
    ceiling = headroom_mw(margin[None], np.ones((1, 1)), float(policy.energy[0]), engine="numpy").headroom_mw
    site = Site.of(margin[None], np.full((1, len(margin)), 50.0), policy)
    return site, policy, policies.headroom(site, policy, ceiling, "numba")


@settings(max_examples=120, deadline=None)
@given(margin=margins, given=policy_terms)
def test_natives_are_served_first_and_every_term_holds(margin, given):
    """I5 of native load: what the site draws stays within what natives leave; I14, I15."""
    site, policy, load = solve(margin, given)
    cut = policies.cuts_mw(site, policy, load, "numba")[0]
    assert ((cut >= 0.0) & (cut <= load * (1 + 1e-9))).all()
    assert cut.sum() <= float(policy.energy[0] * load[0]) * len(margin) * (1 + 1e-8) + SLACK
    if policy.local:
        assert (load[0] - cut <= site.margin_mw[0] + 1e-9).all()
        assert load[0] - site.margin_mw[0].min() <= float(policy.depth[0] * load[0]) + 1e-7
    short = np.flatnonzero(cut > 0.0)
    assert max((length for _, length in policies.runs(cut > 0.0)), default=0) <= policy.longest_event_hours[0]
    if "events_a_year" in given:
        assert policies.fits(short, int(policy.events_a_year[0]), int(policy.longest_event_hours[0]))


@settings(max_examples=150, deadline=None)
@given(margin=margins, given=policy_terms, which=st.sampled_from(sorted(LOOSER)))
def test_a_looser_term_never_lowers_the_headroom(margin, given, which):
    """I2, I26: longer or more events, deeper cuts, more supply at the site."""
    if which not in given:
        return
    capped = (
        1.0 if which in ("flexible_load_share", "sustained_depth", "ramp_share_an_hour", "backup_share") else np.inf
    )
    looser = given | {which: min(given[which] * LOOSER[which], capped)}
    if which == "longest_event_hours" and "events_a_year" in given:
        looser = looser | {"events_a_year": given["events_a_year"]}
    assert solve(margin, looser)[2][0] >= solve(margin, given)[2][0] * (1 - 1e-8) - SLACK


@settings(max_examples=60, deadline=None)
@given(margin=margins, given=policy_terms, part=st.floats(0.05, 0.95))
def test_less_load_is_cut_less_in_every_hour(margin, given, part):
    """What makes the allowed loads an interval, and hosted load below the headroom keep the terms."""
    site, policy, load = solve(margin, given)
    whole = policies.cuts_mw(site, policy, load, "numba")
    less = policies.cuts_mw(site, policy, part * load, "numba")
    assert (less <= part * whole + 1e-6).all()
