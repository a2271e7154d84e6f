"""Chinese hourly factors: their clock, and the temperatures that were damaged under them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grids.sources import china_era5, hourly
from grids.variables import GridDataError


def chinese_table(shift_of: dict[str, int]) -> pd.DataFrame:
    """A year of three technologies in Beijing time, labelled by the end of the hour, some provinces off."""
    index = pd.date_range("2020-01-01", periods=8784, freq="h")
    parts = []
    for province, shift in shift_of.items():
        utc = index - pd.Timedelta(hours=9 + shift)
        sun = np.maximum(np.sin(np.radians(hourly.sun_elevation_deg(utc, 35.0, 110.0))), 0.0)
        for tech in ("onwind", "offwind", "solar"):
            cf = sun if tech == "solar" else 0.3 + 0.2 * np.sin(np.arange(8784) / 30.0)
            parts.append(pd.DataFrame({"time": index, "province": province, "tech": tech, "cf": cf}))
    return pd.concat(parts)


def test_chinese_hours_move_to_utc_and_odd_clocks_stop(tmp_path: Path) -> None:
    path = tmp_path / china_era5.FILE
    path.parent.mkdir()
    places = {f"cn.{name}": (35.0, 110.0) for name in ("gansu", "hebei", "inner_mongolia")}
    table = chinese_table({"Gansu": 0, "Hebei": 0, "InnerMongolia": 0})
    table.to_parquet(path)
    hours = pd.DatetimeIndex(table["time"].unique())
    mild = pd.DataFrame(20.0, index=hours, columns=["Gansu", "Hebei", "InnerMongolia"])
    mild.to_parquet(tmp_path / china_era5.TEMPERATURE_FILE)
    got = china_era5.read(tmp_path, places)
    assert set(got["wind"].columns) == set(places)
    assert set(got["solar"].attrs["clock_shift_hours"].values()) == {-9}
    sun = hourly.sun_elevation_deg(pd.DatetimeIndex(got["solar"].index), 35.0, 110.0)
    lit = got["solar"]["cn.gansu"].to_numpy() > 0.0
    np.testing.assert_array_equal(lit[:8700], (sun > 0.0)[:8700])
    mild.drop(columns="Hebei").to_parquet(tmp_path / china_era5.TEMPERATURE_FILE)
    with pytest.raises(GridDataError, match=r"or no \['cn.hebei'\]"):
        china_era5.read(tmp_path, places)
    mild.to_parquet(tmp_path / china_era5.TEMPERATURE_FILE)
    chinese_table({"Gansu": 0, "Hebei": 0, "InnerMongolia": 3}).to_parquet(path)
    with pytest.raises(GridDataError, match=r"clocks disagree.*inner_mongolia"):
        china_era5.read(tmp_path, places)


def test_cells_that_wrapped_show_in_the_fall_of_the_mean() -> None:
    hours = pd.date_range("2020-07-01", periods=24 * 40, freq="h")
    true = pd.Series(24.0 + 4.0 * np.sin(2.0 * np.pi * (hours.hour - 9) / 24.0), index=hours)
    damaged = true.copy()
    damaged[(hours.hour == 15) & (hours.day == 10)] -= 0.5 * china_era5.WRAP_C
    winter = pd.Series(-20.0, index=hours)
    share = china_era5.wrapped_share(pd.DataFrame({"a": true, "b": damaged, "c": winter}))
    assert (share[["a", "c"]] == 0.0).all().all()
    found = share["b"][share["b"] > 0.0]
    assert set(found.index.hour) == {15}
    np.testing.assert_allclose(found, 0.5, atol=0.03)
