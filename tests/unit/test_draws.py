"""Draws that know what others have worked out say what fresh ones say."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from capacity.draws import Draws
from scenarios import load
from scenarios.distributions import Distribution

BASE, OTHER = load(("reference", "us-flexible-load"))
NAMES = [parameter.id for parameter in BASE.parameters if isinstance(parameter.value, Distribution)]


def drawn(scenario, last, ids=(0, 3, 7)):
    return Draws(5, np.array(ids), np.arange(2025, last + 1), scenario)


def asked_everything(draws):
    for name in NAMES:
        draws.scalar(name)
    draws.uniform("weather_year")
    return draws


@pytest.mark.parametrize(
    ("related", "fresh"),
    [
        (lambda draws: draws.under(OTHER), drawn(OTHER, 2027)),
        (lambda draws: draws.through(2031), drawn(BASE, 2031)),
        (lambda draws: draws.under(OTHER).through(2026), drawn(OTHER, 2026)),
    ],
    ids=["scenario", "years", "both"],
)
def test_related_draws_are_those_made_anew(related, fresh):
    found = related(asked_everything(drawn(BASE, 2027)))
    assert_array_equal(found.years, fresh.years)
    for name in NAMES:
        assert_array_equal(found.scalar(name), fresh.scalar(name), err_msg=name)
        assert_array_equal(found.parameter(name), fresh.parameter(name), err_msg=name)
    assert_array_equal(found.uniform("weather_year"), fresh.uniform("weather_year"))
    assert_array_equal(found.factors, fresh.factors)


def test_another_scenario_does_not_change_what_is_known():
    draws = asked_everything(drawn(BASE, 2027))
    asked_everything(draws.under(OTHER))
    for name in NAMES:
        assert_array_equal(draws.scalar(name), drawn(BASE, 2027).scalar(name), err_msg=name)


def test_what_is_kept_cannot_be_written_to():
    draws = drawn(BASE, 2027)
    for values in (draws.scalar(NAMES[0]), draws.central.scalar(NAMES[0]), draws.uniform("weather_year")):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 0.0
