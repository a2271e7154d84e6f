"""The national headroom of Norris et al. 2025, from derived figures and from the original if there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import brentq

from capacity.validate.duke import (
    DEFAULT_SEASON_RULE,
    HOURS_PER_YEAR,
    PUBLISHED_GW,
    PUBLISHED_YEARS,
    SEASON_RULES,
    Hours,
    curtailment_enabled_headroom,
    headroom_of_hours,
    national_total_gw,
)
from grids.sources.eia930_22 import AUTHORITIES, CLEANING_RULE, CleanDemand, read_eia930_22

TAIL = Path(__file__).parent / "data" / "duke_tail.npz"
TABLE = Path("truggles_eia930") / "hourly_demand_22ba_mw_utc_2016_2024.parquet"
SHARES = np.array([0.0025, 0.005, 0.01, 0.05])
# What this project gets [GW]; a change of cleaning, seasons or kernel must be noticed and explained.
OURS_GW = {
    "apr_oct_nov_mar": {0.005: 96.69, 0.01: 123.65},
    "may_sep_nov_mar": {0.005: 96.69, 0.01: 123.65},
    "strict_jun_aug_dec_feb": {0.005: 92.77, 0.01: 119.90},
}


class Tail:
    """The derived file, opened: sorted loads near the seasonal peaks of each authority and year."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as stored:
            self.authorities = [str(name) for name in stored["authority"]]
            self.years = [int(year) for year in stored["year"]]
            self.rules = [str(rule) for rule in stored["season_rule"]]
            self.cleaning = str(stored["cleaning"])
            self.peaks = stored["peak_mw"]
            count, first, step = stored["count"], stored["first_mw"], stored["step_mw"].astype(np.int64)
        self.loads: dict[tuple[int, int, int], np.ndarray] = {}
        used = 0
        for key in np.ndindex(count.shape):
            size = int(count[key])
            falls = step[used : used + max(size - 1, 0)]
            used += falls.size
            top = first[key] - np.concatenate(([0], np.cumsum(falls))) if size else np.empty(0)
            self.loads[key] = top.astype(np.float64)
        assert used == step.size

    def hours(self, column: int, years: list[int], rule: str) -> Hours:
        keys = [(column, year, season) for year in years for season in (0, 1)]
        load = np.concatenate([self.loads[key] for key in keys])
        summer = np.concatenate([np.full(self.loads[key].size, key[2] == 0) for key in keys])
        high, low = map(float, self.peaks[self.rules.index(rule), column])
        return Hours(load, summer, high, low)


@pytest.fixture(scope="module")
def tail() -> Tail:
    return Tail(TAIL)


@pytest.fixture(scope="module")
def clean(originals: Path) -> CleanDemand:
    return read_eia930_22(originals / TABLE)


def pooled_gw(tail: Tail, rule: str, shares: np.ndarray) -> np.ndarray:
    every = list(range(len(tail.years)))
    answers = [
        headroom_of_hours(tail.hours(column, every, rule), shares, len(every))
        for column in range(len(tail.authorities))
    ]
    return np.sum([answer.headroom_mw for answer in answers], axis=0) / 1000.0


def test_tail_covers_the_papers_authorities_and_years(tail: Tail) -> None:
    assert tail.authorities == list(AUTHORITIES)
    assert tuple(tail.years) == PUBLISHED_YEARS
    assert sorted(tail.rules) == sorted(SEASON_RULES)
    assert tail.cleaning == CLEANING_RULE


@pytest.mark.parametrize(("share", "published"), PUBLISHED_GW.items())
def test_published_total_within_five_percent(tail: Tail, share: float, published: float) -> None:
    total = float(pooled_gw(tail, DEFAULT_SEASON_RULE, np.array([share]))[0])
    assert total == pytest.approx(published, rel=0.05)


@pytest.mark.parametrize("rule", SEASON_RULES)
def test_totals_have_not_moved(tail: Tail, rule: str) -> None:
    shares = np.array(list(OURS_GW[rule]))
    np.testing.assert_allclose(pooled_gw(tail, rule, shares), list(OURS_GW[rule].values()), rtol=2e-4)


def test_kernel_equals_root_finding_on_the_paper_s_equation(tail: Tail) -> None:
    every = list(range(len(tail.years)))
    for column, name in enumerate(tail.authorities):
        hours = tail.hours(column, every, DEFAULT_SEASON_RULE)
        peak = np.where(hours.summer, hours.summer_peak_mw, hours.winter_peak_mw)
        margin = peak - hours.load_mw

        def excess(load: float, margin: np.ndarray = margin) -> float:
            energy = np.maximum(0.0, load - margin).sum() / len(every)
            return float(energy - 0.005 * HOURS_PER_YEAR * load)

        wanted = brentq(excess, margin[margin > 0].min() / 2 + 1.0, float(margin.max()), xtol=1e-9)
        found = headroom_of_hours(hours, np.array([0.005]), len(every))
        assert found.headroom_mw[0] == pytest.approx(wanted, rel=1e-9), name
        assert found.hours_per_year[0] == pytest.approx((margin < wanted).sum() / len(every), abs=0.2), name


def test_one_authority_has_no_root_under_strict_seasons(tail: Tail) -> None:
    column = tail.authorities.index("FPL")
    hours = tail.hours(column, list(range(len(tail.years))), "strict_jun_aug_dec_feb")
    plain = headroom_of_hours(hours, np.array([0.0025, 0.005]), len(tail.years))
    native = headroom_of_hours(hours, np.array([0.0025, 0.005]), len(tail.years), "native_first")
    assert plain.has_root.tolist() == [False, True]
    assert plain.headroom_mw[0] == 0.0
    assert plain.hours_per_year[0] == 0.0
    assert native.has_root.all()
    assert (native.headroom_mw > plain.headroom_mw).all()


def test_later_years_have_less_room_than_pooling_shows(tail: Tail) -> None:
    column = tail.authorities.index("ERCO")
    shares = np.array([0.005])
    every = list(range(len(tail.years)))
    pooled = headroom_of_hours(tail.hours(column, every, DEFAULT_SEASON_RULE), shares, len(every))
    last = headroom_of_hours(tail.hours(column, every[-1:], DEFAULT_SEASON_RULE), shares, 1)
    assert last.headroom_mw[0] < 0.5 * pooled.headroom_mw[0]


@pytest.mark.parametrize("rule", SEASON_RULES)
def test_tail_gives_what_all_hours_give(tail: Tail, clean: CleanDemand, rule: str) -> None:
    full = curtailment_enabled_headroom(clean.demand, SHARES.tolist(), season_rule=rule)
    spans = [list(range(len(tail.years))), *([year] for year in range(len(tail.years)))]
    for column in range(len(tail.authorities)):
        for position, years in enumerate(spans):
            part = full.isel(authority=column, period=position)
            found = headroom_of_hours(tail.hours(column, years, rule), SHARES, len(years))
            np.testing.assert_array_equal(found.has_root, part["has_root"])
            np.testing.assert_allclose(found.headroom_mw, part["headroom_mw"], atol=1.0)
            np.testing.assert_allclose(found.hours_per_year, part["curtailed_hours_per_year"], atol=6.0)


def test_original_file_reproduces_the_published_totals(clean: CleanDemand) -> None:
    result: xr.Dataset = curtailment_enabled_headroom(clean.demand, list(PUBLISHED_GW))
    total = national_total_gw(result).sel(period="pooled")
    for share, published in PUBLISHED_GW.items():
        assert float(total.sel(share=share)) == pytest.approx(published, rel=0.05)
    assert bool(result["has_root"].all())
    assert clean.report["spike"].sum() == 8
    assert clean.report["missing"].sum() == 47
    assert clean.report.loc["NYIS", "zero"] == 3
