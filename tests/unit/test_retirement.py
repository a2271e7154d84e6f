"""Plants leave by age, as announced, never twice; the curves are those of the record and agree with history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from grid_factory import tiny_grid
from hypothesis import given, settings
from hypothesis import strategies as st

import grids
from capacity.draws import Draws
from capacity.errors import CapacityError
from capacity.supply import backcast
from capacity.supply.fleet import Fleet
from capacity.supply.known_additions import Known
from capacity.supply.retirement import existing_mw, oldest, slowed, unannounced_share
from grids.build import hazards, lifetimes
from scenarios import default_parameters, load

YEARS = np.arange(2025, 2051)
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module", params=["US", "CN"])
def case(request):
    fleet = Fleet.of(grids.open_grid(), request.param)
    draws = Draws(7, np.arange(64), YEARS, load(["reference"])[0])
    return fleet, draws, existing_mw(fleet, draws)


def test_standing_capacity_falls_from_the_base_and_stays_at_zero_or_more(case):
    fleet, _, standing = case
    base = fleet.nameplate_mw.sum(axis=2)
    assert (standing[..., 0] <= base + 1e-6).all()
    assert (np.diff(standing, axis=-1) <= 1e-6).all()
    assert (standing >= 0.0).all()


def test_us_retirements_of_2025_are_those_on_record(case):
    fleet, _, standing = case
    went = fleet.nameplate_mw.sum(axis=(0, 2)) - standing[..., 0].sum(axis=1)
    if fleet.country == "CN":
        assert fleet.on_record.retired_mw.shape == (12, 0)
        return
    known = fleet.on_record.retired_mw[:, 0]
    there = ~np.isnan(known)
    np.testing.assert_allclose(went[:, there], np.broadcast_to(known[there], (len(went), there.sum())), atol=1e-3)
    # EIA: 4.6 GW of all fuels in summer capability, which is a little less than nameplate.
    low, high = np.quantile(went.sum(axis=1), (0.05, 0.95))
    assert low < 4_600.0 < high
    assert np.median(went[:, fleet.technologies.index("gas")]) < 2_600.0


def test_a_plant_with_a_date_costs_at_most_itself(case):
    fleet, draws, _ = case
    told = replace(fleet, known=None)
    silent = replace(told, planned_retirement_mw=np.zeros_like(fleet.planned_retirement_mw))
    difference = existing_mw(silent, draws) - existing_mw(told, draws)
    announced = fleet.planned_retirement_mw.sum(axis=2)
    # One without a date ages the same in both worlds.
    assert (np.abs(difference) <= announced[None, :, :, None] + 1e-6).all()


def test_who_has_said_nothing_seldom_goes_next_year(case):
    fleet, draws, _ = case
    share = unannounced_share(fleet, draws)
    assert (share >= 0.0).all()
    assert (share <= 1.0).all()
    gas = share[:, fleet.technologies.index("gas")]
    assert (np.diff(gas, axis=1) >= 0.0).all()
    assert np.median(gas[:, 0]) < 0.6
    assert np.median(gas[:, 10]) > 0.9


def test_what_went_without_having_been_announced_is_an_error():
    fleet = Fleet.of(tiny_grid(), "US")
    nothing = np.empty((12, 0))
    retired = np.full((12, 1), np.nan)
    retired[fleet.technologies.index("coal")] = 10.0
    odd = replace(
        fleet,
        planned_retirement_mw=np.zeros_like(fleet.planned_retirement_mw),
        known=Known(nothing, np.zeros(12, dtype=np.int64), retired, nothing),
    )
    with pytest.raises(CapacityError, match="US coal 2025: 10 MW"):
        existing_mw(odd, Draws(1, np.arange(2), YEARS, load(["reference"])[0]))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 9999))
def test_the_oldest_are_taken_first_and_no_more_than_there_are(seed):
    rng = np.random.default_rng(seed)
    nameplate, total = rng.uniform(0, 100, (3, 6)), rng.uniform(0, 900, 3)
    taken = oldest(nameplate, total)
    assert (taken >= 0.0).all()
    assert (taken <= nameplate).all()
    np.testing.assert_allclose(taken.sum(axis=1), np.minimum(total, nameplate.sum(axis=1)))
    for a in range(3):
        (short,) = np.nonzero(taken[a] < nameplate[a] - 1e-9)
        assert short.size == 0 or (taken[a, short[0] + 1 :] == 0.0).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 9999))
def test_slowed_survival_lies_between_none_and_all_retirements(seed):
    rng = np.random.default_rng(seed)
    shares = np.cumprod(rng.uniform(0, 1, (2, 3, 8)), axis=-1)
    part = rng.uniform(0, 1, (2, 8))
    less = slowed(shares, part)
    assert (less >= shares - 1e-12).all()
    assert (np.diff(less, axis=-1) <= 1e-12).all()
    np.testing.assert_allclose(slowed(shares, np.ones((2, 8))), shares, rtol=1e-12)
    np.testing.assert_allclose(slowed(shares, np.zeros((2, 8))), 1.0)


def test_every_series_of_the_record_lies_in_the_band_of_the_backcast():
    found = backcast.backcasts()
    assert {"us.coal", "us.gas", "us.oil", "us.wind", "us.nuclear", "cn.coal"} <= {row.series for row in found}
    for row in found:
        assert row.low_mw <= row.retired_mw <= row.high_mw, row.series
        assert 0.4 < row.median_mw / row.retired_mw < 2.5, row.series


def test_one_year_ahead_of_us_coal_the_band_holds_all_but_the_year_of_emergency_orders():
    (scenario,) = load(["reference"])
    rows = {row.year: row for row in backcast.ahead(scenario)}
    assert [year for year, row in rows.items() if not row.low <= row.went <= row.high] == [2025]
    told, went = (sum(getattr(row, name) for row in rows.values()) for name in ("median", "went"))
    assert told == pytest.approx(went, rel=0.25)


def test_the_backcasts_in_the_documentation_are_current():
    page = (DOCS / "projection.md").read_text(encoding="utf-8")
    assert backcast.table() in page
    assert backcast.ahead_table() in page


@pytest.mark.parametrize("series", sorted(backcast.lifetimes()))
def test_parameters_are_the_figures_of_the_record(series):
    country, technology = series.split(".")
    entry = backcast.lifetimes()[series]
    half_life = default_parameters()[f"{country}.survival_half_life_{technology}"]
    steepness = default_parameters()[f"{country}.survival_steepness_{technology}"]
    middle = half_life.value.quantile(np.array([0.5]))[0]
    assert middle == pytest.approx(entry["half_life_years"]["mean"], abs=0.06)
    assert steepness.value.quantile(np.array([0.5]))[0] == pytest.approx(entry["steepness"], abs=0.0006)
    low, high = half_life.value.quantile(np.array([0.1587, 0.8413]))
    # A judgement may widen the spread of the record, never narrow it (oil: lognormal, so to a tenth).
    assert (high - low) / 2 >= 0.9 * entry["half_life_years"]["sd"]


def test_a_fit_finds_the_curve_that_lives_were_drawn_from():
    rng = np.random.default_rng(5)
    half_life, steepness = 45.0, 0.12
    start = rng.uniform(1930, 2010, 20_000).round()
    u = rng.uniform(0, 1, start.size) / (1.0 + np.exp(-steepness * half_life))
    end = np.floor(start + half_life + np.log((1.0 - u) / u) / steepness)
    # Only what still stood in 2000 is seen, and only until 2014.
    seen = end >= 2000
    last = np.where(end[seen] <= 2014, end[seen], np.inf)
    record = hazards.dated(start[seen], last, np.full(seen.sum(), 100.0), range(2000, 2015))
    curve = hazards.fitted(record)
    assert curve.half_life == pytest.approx(half_life, abs=4 * curve.error + 1.0)
    assert curve.steepness == pytest.approx(steepness, rel=0.15)
    again = hazards.half_life_at(record.exposed, float(record.retired.sum()), curve.steepness)
    assert again == pytest.approx(curve.half_life, abs=1.0)


def test_undated_closures_count_half_of_what_they_saw():
    start, gone = np.array([2000.0, 2000.0, 2030.0]), np.array([True, False, False])
    record = hazards.undated(start, gone, np.full(3, 10.0), 2020.0, 2024.0)
    assert record.exposed.sum() == pytest.approx(10.0 * (2.0 + 4.0))
    assert record.retired[22] == 10.0
    assert record.units == 1


def test_the_record_is_what_its_program_makes_of_the_originals(originals, tmp_path):
    lifetimes.write(lifetimes.build(originals), tmp_path / "lifetimes.yaml")
    assert (tmp_path / "lifetimes.yaml").read_bytes() == lifetimes.OUT.read_bytes()
