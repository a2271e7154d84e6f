"""Published months of wind and solar: how figures since January become levels, and how hours meet them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grids.build import vre_months
from grids.build.vre_months import Periods, meet, periods, published

DAYS = np.array([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def to_date(factors: list[float]) -> np.ndarray:
    return np.cumsum(24.0 * DAYS * np.array(factors))


@pytest.fixture
def hours() -> np.ndarray:
    rng = np.random.default_rng(0)
    season = 1.0 + 0.3 * np.cos(2.0 * np.pi * np.arange(8760) / 8760.0)
    return np.clip(0.25 * season * rng.gamma(2.0, 0.5, 8760), 0.0, 1.0)


def test_figures_since_january_become_levels_of_periods() -> None:
    factors = [0.3, 0.3, 0.28, 0.26, 0.24, 0.22, 0.2, 0.21, 0.22, 0.24, 0.26, 0.3]
    figures = to_date(factors)
    figures[[0, 6]] = np.nan
    found = periods(figures, 2020)
    assert found is not None
    assert found.last_month == (2, 3, 4, 5, 6, 8, 9, 10, 11, 12), "a missing month joins the next"
    np.testing.assert_allclose(found.factor[:2], [0.3, 0.28])
    np.testing.assert_allclose(found.factor[5], (0.2 + 0.21) / 2)


def test_revisions_are_no_weather() -> None:
    figures = to_date([0.2] * 12)
    figures[5] = figures[4] - 10.0
    figures[11] = figures[10] + 1.0
    found = periods(figures, 2020)
    assert found is not None
    assert 6 not in found.last_month
    assert found.last_month[-1] == 12
    done = np.dot(found.factor, np.add.reduceat(24.0 * DAYS, [0, *found.last_month[:-1]]))
    assert done == pytest.approx(figures[11]), "what is published for the year is kept"
    assert periods(np.append(figures[:11], np.nan), 2020) is None


def test_hours_meet_the_months_and_keep_their_order(hours: np.ndarray) -> None:
    factors = (0.32, 0.30, 0.26, 0.22, 0.19, 0.16, 0.15, 0.17, 0.21, 0.25, 0.27)
    wanted = Periods((2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), factors)
    out, words = meet(hours, wanted, 0.2)
    number = wanted.of_hours()
    assert out.mean() == pytest.approx(0.2)
    levels = np.array([out[number == period].mean() for period in range(11)])
    np.testing.assert_allclose(levels / levels[0], np.array(factors) / factors[0], rtol=1e-9)
    for period in range(11):
        chosen = number == period
        assert (np.diff(out[chosen][hours[chosen].argsort(kind="stable")]) >= 0.0).all()
    assert words == "11 parts of the year at their published levels"
    assert number[8759 - 7 :].tolist() == [0] * 8, "the last hours of the UTC year are January in Beijing"


def test_a_december_of_another_fleet_is_left_to_the_model(hours: np.ndarray) -> None:
    factors = (0.32, 0.30, 0.26, 0.22, 0.19, 0.16, 0.15, 0.17, 0.21, 0.25, 0.05)
    out, words = meet(hours, Periods((2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), factors), 0.2)
    assert words.endswith("December modelled")
    number = Periods((2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), factors).of_hours()
    assert out[number == 10].mean() > 0.2


def test_months_that_contradict_the_weather_stay_out(hours: np.ndarray) -> None:
    wanted = Periods((2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), tuple(0.4 - f for f in np.linspace(0.3, 0.1, 11)))
    season = np.sort(hours)[::-1].copy()
    out, words = meet(season, wanted, float(season.mean()))
    assert out is season
    assert words.startswith("months modelled: the published ones contradict")


def test_every_province_has_published_months(originals: Path) -> None:
    found = published(originals, 2020)
    for tech in ("wind", "solar"):
        assert len([area for area, kind in found if kind == tech]) == 31
    assert {p.last_month[-1] for p in found.values()} == {12}
    inner = found["cn.inner_mongolia", "wind"]
    assert 0.2 < np.mean(inner.factor) < 0.35
    assert max(max(p.factor) for p in found.values()) < vre_months.HIGHEST_FACTOR
