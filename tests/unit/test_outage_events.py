"""Events under outage notions: hours that tables know, islands and networks, chunks and engines, what is printed."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from grid_factory import tiny_grid
from numpy.testing import assert_allclose, assert_array_equal

from capacity import estimate, estimation, outage_events
from capacity.adequacy import events, hosting, reliability
from capacity.output import events as events_report
from capacity.result.dataset import of_scenario
from scenarios import load

HOURS, COUNT = (events.FIGURES.index(name) for name in ("hours", "events"))


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


def run(grid, notion="expected_unserved", draws=2, **how):
    how = {"device": "cpu", "outage_states": 2, "event_draws": 2, **how}
    return estimate(grid, load(["reference"]), years=[2025], draws=draws, seed=5, adequacy=notion, **how)


@pytest.fixture(scope="module")
def whole(grid):
    return run(grid)


def countries(grid, **how):
    """What the countries of a run gave."""
    kept = []

    def keep(grid, weather, draws, solved, *others, **named):
        kept.extend(solved)
        return of_scenario(grid, weather, draws, solved, *others, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(estimation.dataset, "of_scenario", keep)
        run(grid, **how)
    return kept


@pytest.fixture(scope="module")
def unlimited(grid):
    """Countries by exchange, where sites host all that the grid can take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hosting.sites, "limit_mw", lambda grid, fleet, draws: np.full((2, len(fleet.areas)), np.inf))
        return {name: countries(grid, exchange=name) for name in ("island", "network", "copper-plate")}


def test_hours_of_islands_are_those_of_the_tables(unlimited):
    for country in unlimited["island"]:
        values, free = country.events.values, country.grid_headroom_mw > 0.0
        assert free.any()
        assert_allclose(values[..., HOURS][free], country.curtailed_hours[free], rtol=1e-9)
        assert not values[~free].any()
        for first in (4, 8):
            assert_allclose(values[..., first : first + 4].sum(axis=-1), values[..., HOURS], rtol=1e-9)
        assert (values[..., COUNT] <= values[..., HOURS] * (1.0 + 1e-12)).all()


def test_hours_of_a_group_are_near_those_of_its_states(unlimited):
    """Both are samples, eight years of outages in order and two states of every hour, but for groups of one area."""
    checked = set()
    for country in (*unlimited["network"], *unlimited["copper-plate"]):
        for group in country.network.groups:
            alone, values = len(group.areas) == 1, country.events.values[:, group.areas]
            free = country.grid_headroom_mw[:, group.areas].sum(axis=1) > 0.0
            hours = country.curtailed_hours[:, group.areas[0]]
            assert_allclose(values[:, 0, :, HOURS][free], hours[free], rtol=1e-9 if alone else 0.15)
            assert (values[..., COUNT] == values[:, :1, :, COUNT]).all()
            checked |= {alone} if free.any() else set()
    assert checked == {True, False}


def test_any_chunk_any_engine_and_any_notion_find_the_same(grid, whole):
    assert whole.attrs["outage_years"] == reliability.SAMPLED_YEARS
    assert_array_equal(run(grid, "lole")["area_event_count"], whole["area_event_count"])
    two = countries(grid)
    one = countries(grid, draws=[1, 7], threads=1)
    slow = countries(grid, draws=1, event_draws=1, engine="numpy") if find_spec("numba") is not None else two
    for both, other, numpy in zip(two, one, slow, strict=True):
        assert_array_equal(other.events.values[0], both.events.values[1])
        assert_allclose(numpy.events.values[0], both.events.values[0], rtol=1e-9)


def test_counting_changes_nothing_else(grid, whole):
    plain = run(grid, event_draws=0)
    assert "event_hours" not in plain
    assert "outage_years" not in plain.attrs
    for name in plain.data_vars:
        assert_array_equal(plain[name], whole[name], err_msg=name)
    assert len(events_report.by_country(whole)) == 2
    assert events_report.title(whole).endswith("first 2 draws, means of 8 years of outages each")


def test_known_hours_take_the_place_of_sampled_ones():
    found = np.zeros((2, len(events.FIGURES)))
    found[0, :4] = 10.0, 4.0, 5.0, 0.5
    kinds = np.array([[0, 0, 1, 2], [3, 3, 3, 0]])
    short = np.array([[0.5, 1.0, 3.5, 0.0], [0.25, 0.0, 0.0, 0.0]])
    exact = outage_events.exactly(found, short, kinds)
    assert_array_equal(exact[0], [5.0, 2.0, 5.0, 0.5, 1.5, 3.5, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0])
    assert_array_equal(exact[1], [0.25, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25])
