"""Every parameter belongs to one of the twelve groups, and every group has parameters."""

from collections import Counter

import pytest

from scenarios import ScenarioError, default_parameters
from scenarios.groups import GROUPS, group_of


def test_every_parameter_has_one_group_and_every_group_a_parameter():
    members = Counter(group_of(parameter) for parameter in default_parameters())
    assert list(GROUPS) == [group for group in GROUPS if members[group] > 0]
    assert len(GROUPS) == 12


@pytest.mark.parametrize(
    ("parameter", "group"),
    [
        ("us.requests_2025_gw", "demand"),
        ("cn.retirement_slip_years", "retirements"),
        ("us.energisation_lag_years", "queue"),
        ("cn.equipment_limit_gw", "equipment"),
        ("cn.legal_import_factor", "export control"),
        ("us_aligned_growth_2026", "chips"),
        ("demand_rebound", "rebound"),
    ],
)
def test_known_members(parameter, group):
    assert group_of(parameter) == group


def test_a_stranger_is_an_error_that_says_where_to_go():
    with pytest.raises(ScenarioError, match=r"'us\.moon_phase' belongs to no group; .*groups\.py"):
        group_of("us.moon_phase")
