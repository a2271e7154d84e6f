"""The hourly axis: UTC, hour-beginning, 8760 hours, 29 February dropped."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grids import units
from grids.hours import MONTH_OF_HOUR, hours_in_year, local_to_utc, year_values
from grids.variables import GridDataError


def hourly(first: str, last: str, **options) -> pd.Series:
    index = pd.date_range(first, last, freq="h", **options)
    return pd.Series(np.arange(len(index), dtype=float), index=index, name="load")


def test_units_follow_from_their_definition():
    assert pytest.approx(1e8 * 1e3 / 1e6) == units.MWH_PER_YI_KWH  # 10^8 kWh in Wh, over Wh per MWh
    assert pytest.approx(1e4 * 1e3 / 1e6) == units.MWH_PER_WAN_KWH
    assert pytest.approx(1e4 * 1e3 / 1e6) == units.MW_PER_WAN_KW
    assert pytest.approx(1e6 * 1e3 / 1e6) == units.MWH_PER_MILLION_KWH
    assert units.MWH_PER_TWH == units.MWH_PER_GWH * 1e3


@pytest.mark.parametrize(("year", "hours"), [(2023, 8760), (2024, 8784), (2000, 8784), (2100, 8760)])
def test_length_of_a_year(year, hours):
    assert hours_in_year(year) == hours


def test_months():
    np.testing.assert_array_equal(MONTH_OF_HOUR, pd.date_range("2023-01-01", periods=8760, freq="h").month)


def test_common_year_is_taken_whole():
    series = hourly("2022-12-31", "2024-01-01")
    np.testing.assert_array_equal(year_values(series, 2023), np.arange(24, 24 + 8760))


def test_leap_day_is_dropped():
    series = hourly("2024-01-01", "2024-12-31 23:00")
    values = year_values(series, 2024)
    assert values.shape == (8760,)
    assert values[59 * 24 - 1] == 59 * 24 - 1  # last hour of 28 February
    assert values[59 * 24] == 60 * 24  # first hour of 1 March


def test_other_zones_are_turned_into_utc():
    series = hourly("2022-12-30", "2024-01-02", tz="Asia/Shanghai")
    values = year_values(series, 2023)
    assert values[0] == 48 + 8  # 1 January 00:00 UTC is 08:00 in Beijing, 56 hours after the start


def test_order_does_not_matter():
    series = hourly("2023-01-01", "2023-12-31 23:00")
    shuffled = series.sample(frac=1.0, random_state=1)
    np.testing.assert_array_equal(year_values(shuffled, 2023), series.to_numpy())


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda s: s.drop(s.index[100]), ("1 hours missing", "2023-01-05 04:00:00")),
        (lambda s: pd.concat([s, s.iloc[5:7]]), ("2 hours occur twice", "2023-01-01 05:00:00")),
        (lambda s: s.where(s != 30.0), ("1 hours without a value", "2023-01-02 06:00:00")),
        (lambda s: s.set_axis(s.index + pd.Timedelta(minutes=30)), ("not on the hour",)),
    ],
)
def test_incomplete_years_are_refused(spoil, words):
    with pytest.raises(GridDataError) as caught:
        year_values(spoil(hourly("2023-01-01", "2023-12-31 23:00")), 2023)
    for word in ("'load'", "2023", *words):
        assert word in str(caught.value)


@given(st.integers(min_value=-12, max_value=14))
def test_local_clock_and_shift_agree(offset):
    by_local_hour = np.arange(8760) % 24  # a local series that shows its own hour of the day
    np.testing.assert_array_equal(local_to_utc(by_local_hour, offset), (np.arange(8760) + offset) % 24)


def test_beijing_noon_is_four_in_utc():
    local = np.zeros(8760)
    local[12] = 1.0
    assert np.flatnonzero(local_to_utc(local, 8)).tolist() == [4]
    both = local_to_utc(np.stack([local, local]), 8)
    assert both.shape == (2, 8760)
    assert both[1, 4] == 1.0
