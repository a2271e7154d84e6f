"""Hourly factors: the maps and models on small made-up series, and the built ones against sun, weather and levels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from grids.areas import AREAS
from grids.build import capacity_factors, monotone, solar_geometry, temperature, us_vre, vre_sites, wind_model
from grids.build.vre_levels import Levels
from grids.sources import hourly, narr, ncep, us_iso
from grids.variables import GridDataError, validate

TEXAS = (31.4, -101.0)


def sunny(place: tuple[float, float], days: int = 60) -> pd.Series:
    index = pd.date_range("2021-03-01", periods=24 * days, freq="h")
    elevation = hourly.sun_elevation_deg(index, *place)
    return pd.Series(np.maximum(np.sin(np.radians(elevation)), 0.0), index=index, name="sunny")


# --- readers' common ground -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [-9, -1, 0, 6, 12])
def test_clock_shift_is_found_from_the_sun(shift: int) -> None:
    series = sunny(TEXAS)
    series.index = series.index - pd.Timedelta(hours=shift)
    assert hourly.clock_shift_hours(series, *TEXAS) == shift


def test_clock_shift_survives_a_clipped_top_and_clouds() -> None:
    rng = np.random.default_rng(3)
    series = (sunny(TEXAS).clip(upper=0.6) * np.repeat(rng.uniform(0.2, 1.0, 60), 24)).rename("cloudy")
    assert hourly.clock_shift_hours(series, *TEXAS) == 0


def test_clock_of_a_flat_series_is_refused() -> None:
    series = sunny(TEXAS) * 0.0
    with pytest.raises(GridDataError, match="clock cannot be checked"):
        hourly.clock_shift_hours(series, *TEXAS)


def test_short_gaps_are_filled_long_ones_stay_and_duplicates_stop() -> None:
    index = pd.date_range("2021-01-01", periods=100, freq="h")
    series = pd.Series(np.linspace(0.0, 0.99, 100), index=index)
    holed = series.drop(index[[10, 11, *range(50, 60)]])
    got = hourly.checked_hours(holed, "made up")
    np.testing.assert_allclose(got[index[:50]], series[index[:50]])
    assert got.isna().sum() == 10
    assert got.attrs["filled_hours"] == 2
    with pytest.raises(GridDataError, match="appears twice"):
        hourly.checked_hours(pd.concat([series, series[:1]]), "made up")
    with pytest.raises(GridDataError, match=r"outside 0\.\.1"):
        hourly.checked_hours(series * 2.0, "made up")


def test_year_without_leap_day_and_with_a_clock_change_at_its_ends() -> None:
    index = pd.date_range("2020-01-01 03:00", "2020-12-31 22:00", freq="h")
    series = pd.Series(np.arange(len(index), dtype=float), index=index, name="made up")
    values = hourly.whole_year(series, 2020)
    assert values.shape == (8760,)
    np.testing.assert_array_equal(values[:3], values[24:27])
    assert values[-1] == values[-25]
    assert values[59 * 24] - values[59 * 24 - 1] == 25.0
    assert hourly.complete_years(series) == (2020,)
    with pytest.raises(GridDataError, match="1 hours without a value"):
        hourly.whole_year(series.drop(index[2000]), 2020)


def test_prevailing_time_and_a_frozen_feed(tmp_path: Path) -> None:
    index = pd.date_range("2021-01-01", "2022-01-03", freq="h", tz="UTC")
    rng = np.random.default_rng(0)
    true = np.clip(0.4 + 0.1 * rng.standard_normal(len(index)), 0.0, 1.0)
    local = index.tz_convert("US/Central").tz_localize(None)
    keep = ~local.duplicated()
    cf = true.copy()
    cf[3000:3020] = cf[3000]
    basis = "US/Central as published"
    table = pd.DataFrame({"ba": "ERCO", "tech": "wind", "time": local, "time_basis": basis, "mw": 1.0, "cap_mw": 1.0})
    (tmp_path / us_iso.FILE.parent).mkdir()
    table.assign(cf=cf)[keep].to_parquet(tmp_path / us_iso.FILE)
    got = us_iso.read(tmp_path)["ERCO", "wind"]
    assert got.index[0] == pd.Timestamp("2021-01-01")
    assert got.attrs["filled_hours"] == 1  # the hour that the return to winter time folds away
    assert got.attrs["faulty_hours"] >= 19
    assert got.iloc[3005:3015].isna().all()
    whole = got.notna().to_numpy() & keep[: len(got)]
    np.testing.assert_allclose(got[whole], true[: len(got)][whole])


def test_monthly_sources_refuse_gaps(tmp_path: Path) -> None:
    table = pd.DataFrame({"YYYY": [2020] * 3, "MM": [1, 2, 3], "TX": [150.0, 180.0, 210.0], "DC": [-9999.0] * 3})
    path = tmp_path / narr.FILE
    path.parent.mkdir()
    table.to_csv(path, index=False)
    assert list(narr.read(tmp_path).columns) == ["TX"]
    table.drop(index=1).to_csv(path, index=False)
    with pytest.raises(GridDataError, match="months repeat or are missing"):
        narr.read(tmp_path)
    table.assign(TX=[150.0, -9999.0, 210.0]).to_csv(path, index=False)
    with pytest.raises(GridDataError, match="values outside"):
        narr.read(tmp_path)
    lattice = pd.DataFrame(
        [(30.0 + 2.5 * i, 250.0 + 2.5 * j) for i in range(3) for j in range(3)], columns=["lat", "lon"]
    )
    lattice[[str(month) for month in range(1, 13)]] = 10.0
    (tmp_path / ncep.FOLDER).mkdir()
    for name in ncep.FILES.values():
        lattice.to_csv(tmp_path / ncep.FOLDER / name, index=False)
    assert ncep.read(tmp_path)["us"]["lon"].to_numpy().tolist() == [-110.0, -107.5, -105.0]
    lattice.drop(index=4).to_csv(tmp_path / ncep.FOLDER / ncep.FILES["cn"], index=False)
    with pytest.raises(GridDataError, match="not a full"):
        ncep.read(tmp_path)


# --- maps -------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.6))
def test_monotone_map_meets_the_mean_and_keeps_order(seed: int, mean: float) -> None:
    values = np.random.default_rng(seed).beta(1.2, 3.0, 500)
    got, _ = monotone.to_mean(values, mean)
    assert got.mean() == pytest.approx(mean, abs=1e-9)
    assert got.min() >= 0.0
    assert got.max() < 1.0
    order = np.argsort(values)
    assert (np.diff(got[order]) > 0.0).all()


def test_monotone_map_refuses_what_it_cannot_meet() -> None:
    with pytest.raises(GridDataError, match="cannot move"):
        monotone.to_mean(np.zeros(10), 0.3)
    with pytest.raises(GridDataError, match="no monotone map"):
        monotone.to_mean(np.r_[np.zeros(90), np.full(10, 0.5)], 0.3)


def test_map_toward_fleets_keeps_order_and_lifts_idle_hours() -> None:
    values = np.maximum(0.0, np.random.default_rng(1).normal(0.05, 0.15, 2000))
    fleet = np.linspace(0.0, 0.9, 1001) ** 1.5
    got, _ = monotone.toward(values, fleet, 0.25)
    assert (values == 0.0).mean() > 0.3
    assert (got < 1e-3).mean() < 0.05
    order = np.argsort(values, kind="stable")
    assert (np.diff(got[order][(values[order] > 0.0)]) >= 0.0).all()
    assert got.max() < 0.95


def published(rows: dict[str, list[float]]) -> xr.DataArray:
    years = list(range(2018, 2024))
    data = np.array(list(rows.values()))[:, None, :]
    coords = {"area": list(rows), "technology": ["wind"], "history_year": years}
    return xr.DataArray(data, coords=coords, dims=("area", "technology", "history_year"))


def test_level_is_the_year_else_the_mean_else_the_neighbours() -> None:
    nan = np.nan
    rows = {
        "us.a": [0.30, 0.31, 0.29, 0.30, 0.10, 0.30],
        "us.b": [nan, nan, nan, nan, 0.34, 0.39],
        "us.c": [0.20] * 6,
        "cn.d": [0.40] * 6,
    }
    places = {"us.a": (30.0, -100.0), "us.b": (31.0, -100.0), "us.c": (45.0, -80.0), "cn.d": (31.0, 100.0)}
    levels = Levels(published(rows), places)
    assert levels.target("us.a", "wind", 2019) == (0.31, "published level of 2019")
    mean, words = levels.target("us.a", "wind", 2022)
    assert mean == pytest.approx(0.30)
    assert "mean published" in words
    mean, words = levels.target("us.b", "wind", 2019)
    assert mean == pytest.approx(0.25)
    assert words.endswith("us.a, us.c")
    chart = {"wind": {"us.a": 0.3, "us.b": 0.25 * 0.81, "us.c": 0.2, "cn.d": 0.3}}
    assert Levels(published(rows), places, chart).target("us.b", "wind", 2019)[0] == pytest.approx(0.25 * 0.9)
    with pytest.raises(GridDataError, match="no published wind factor in any area of cn"):
        Levels(published(rows | {"cn.d": [nan] * 6}), places).target("cn.d", "wind", 2020)


# --- models -----------------------------------------------------------------------------------------------------


def test_clear_sky_is_dark_at_night_and_a_tracker_widens_the_day() -> None:
    air = np.full(12, 15.0)
    fixed, _ = solar_geometry.clear_sky(TEXAS, 0.0, air)
    tracker, horizontal = solar_geometry.clear_sky(TEXAS, 1.0, air)
    edge = pd.Timedelta(minutes=30)
    index = pd.DatetimeIndex(solar_geometry.hours_of_year().tz_localize(None))
    highest = np.max([hourly.sun_elevation_deg(index + step, *TEXAS) for step in (-edge, 0 * edge, edge)], axis=0)
    assert (tracker[highest < -1.0] == 0.0).all()
    assert ((tracker > 0.0) == (horizontal > 0.0)).all()
    assert tracker.max() <= 1.0
    assert tracker.mean() > 1.1 * fixed.mean()
    july = tracker[181 * 24 : 212 * 24].reshape(31, 24).mean(axis=0)
    day = np.roll(july, -7)
    centre = (day * (np.arange(24) + 0.5)).sum() / day.sum() + 7
    assert centre == pytest.approx(12.0 - TEXAS[1] / 15.0, abs=0.25)


def test_missing_hours_follow_the_other_station() -> None:
    index = pd.date_range("2021-01-01", periods=500, freq="h")
    guide = pd.Series(np.random.default_rng(5).uniform(0.0, 1.0, 500), index=index)
    own = 0.5 * guide.shift(3, fill_value=0.0)
    holed = own.mask((index >= index[100]) & (index < index[120]))
    got, filled = us_vre.fill_gaps(holed, guide, 3)
    assert list(filled) == list(index[100:120])
    np.testing.assert_allclose(got, own, atol=0.01)


def test_delay_is_positive_to_the_east() -> None:
    assert wind_model.delay_hours((42.8, -93.5), (43.3, -76.3)) == pytest.approx(23, abs=2)
    assert wind_model.delay_hours((43.3, -76.3), (42.8, -93.5)) < 0


# --- temperature ------------------------------------------------------------------------------------------------


def test_temperature_is_corrected_for_height(originals: Path) -> None:
    normal = temperature.monthly_temperature_c(originals, [33.45, 39.9, 45.0], [-112.07, 116.4, -93.3])
    assert normal.shape == (3, 12)
    assert (normal[:, 6] > normal[:, 0] + 15.0).all()
    # Station normals 1991-2020 for July: Phoenix 35, Beijing 27, Minneapolis 23 degC.
    np.testing.assert_allclose(normal[:, 6], [35.0, 27.0, 23.0], atol=3.0)
    high = temperature.monthly_temperature_c(originals, [33.45], [-112.07], [1331.0])
    low = temperature.monthly_temperature_c(originals, [33.45], [-112.07], [331.0])
    np.testing.assert_allclose(low - high, 6.5)
    with pytest.raises(GridDataError, match="1 places outside"):
        temperature.monthly_temperature_c(originals, [0.0, 40.0], [10.0, -100.0])


# --- the build --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generation() -> xr.Dataset:
    """Levels of the right size for every area; the build takes the real ones."""
    areas = [area.id for area in AREAS]
    level = {"wind": 0.28, "offshore_wind": np.nan, "solar": 0.2}
    data = np.empty((len(areas), 3, 15))
    for row, area in enumerate(areas):
        for column, tech in enumerate(level):
            data[row, column] = level[tech] * (0.75 if area.startswith("cn.") else 1.0)
    coords = {"area": areas, "technology": list(level), "history_year": list(range(2010, 2025))}
    return xr.Dataset({"annual_capacity_factor": (("area", "technology", "history_year"), data)}, coords=coords)


@pytest.fixture(scope="module")
def factors(originals: Path, generation: xr.Dataset) -> xr.Dataset:
    return capacity_factors.build(originals, generation)


def local(values: np.ndarray, lon: float) -> np.ndarray:
    return np.roll(values, round(lon / 15.0)).reshape(365, 24)


@pytest.mark.slow
def test_built_factors_are_registered_complete_and_at_their_levels(factors: xr.Dataset) -> None:
    validate(factors, variables=list(factors.data_vars))
    assert factors.sizes == {"profile": 121, "hour": 8760}
    china = np.array([profile.startswith("cn.") for profile in factors["profile"].to_numpy()])
    for tech, level in (("wind", 0.28), ("solar", 0.2)):
        mean = factors[f"{tech}_capacity_factor"].mean("hour").to_numpy()
        np.testing.assert_allclose(mean, np.where(china, 0.75 * level, level), rtol=1e-9)
    sea = factors["offshore_wind_capacity_factor"].mean("hour").to_numpy()
    coastal = {p.split("/")[0] for p in factors["profile"].to_numpy()[np.isfinite(sea)]}
    assert len([area for area in coastal if area.startswith("cn.")]) == 11
    assert len([area for area in coastal if area.startswith("us.")]) == 9
    assert np.nanmin(sea) > 0.19
    assert np.nanmax(sea) < 0.5
    pairs = dict(zip(factors["profile"].to_numpy(), factors["vre_year"].to_numpy(), strict=True))
    assert pairs["us.ercot/2021"] == 2021
    assert pairs["us.caiso/2021"] == 2016
    assert pairs["us.ercot/2024"] == 2019
    assert factors["wind_record"].sel(profile="us.miso_north/2020").item().startswith("observed: MISO 2020")
    assert factors["solar_record"].sel(profile="us.ercot/2022").item().startswith("observed: ERCO 2022")
    assert factors["solar_record"].sel(profile="us.caiso/2022").item().startswith("modelled 2017")


def elevation_by_spencer_deg(lat: float, lon: float) -> np.ndarray:
    """Sun elevation in the middle of each hour by Spencer's series (1971), another way than the code's. (8760,)"""
    hour = np.arange(8760) + 0.5
    day = 2.0 * np.pi * (hour / 24.0) / 365.0
    tilt = 0.006918 - 0.399912 * np.cos(day) + 0.070257 * np.sin(day) - 0.006758 * np.cos(2 * day)
    tilt += 0.000907 * np.sin(2 * day) - 0.002697 * np.cos(3 * day) + 0.00148 * np.sin(3 * day)
    clock = 0.000075 + 0.001868 * np.cos(day) - 0.032077 * np.sin(day)
    clock += -0.014615 * np.cos(2 * day) - 0.040849 * np.sin(2 * day)
    angle = np.radians(15.0 * (hour % 24 - 12.0) + lon) + clock
    north = np.radians(lat)
    return np.degrees(np.arcsin(np.sin(north) * np.sin(tilt) + np.cos(north) * np.cos(tilt) * np.cos(angle)))


@pytest.mark.slow
def test_built_solar_follows_the_sun(originals: Path, factors: xr.Dataset) -> None:
    zones = vre_sites.us_zones(originals)
    middle = vre_sites.us_places(zones, "solar") | vre_sites.china_places(originals)
    for area, (lat, lon) in middle.items():
        # An area is up to 26 degrees wide: its night is where the sun is down over all of it.
        corners = [(lat + north, lon + east) for north in (-6.0, 6.0) for east in (-13.0, 0.0, 13.0)]
        night = np.max([elevation_by_spencer_deg(*corner) for corner in corners], axis=0) < -1.0
        assert night.sum() > 2500
        sun = np.maximum(np.sin(np.radians(elevation_by_spencer_deg(lat, lon))), 0.0)
        here = factors["solar_capacity_factor"].isel(profile=factors["profile"].str.startswith(f"{area}/"))
        assert here.sizes["profile"] in (1, 5)
        for values in here.to_numpy():
            day = local(values, lon)
            noon = (day * (np.arange(24) + 0.5)).sum() / day.sum() + lon / 15.0 - round(lon / 15.0)
            assert noon == pytest.approx(12.0, abs=0.8), area
            likeness = [np.corrcoef(np.roll(values, shift), sun)[0, 1] for shift in range(-12, 12)]
            assert abs(int(np.argmax(likeness)) - 12) <= 1, area
            assert values[night].max() < 2e-3, area


@pytest.mark.slow
def test_built_wind_behaves_like_fleets(factors: xr.Dataset) -> None:
    wind = factors["wind_capacity_factor"].to_numpy()
    for row, profile in zip(wind, factors["profile"].to_numpy(), strict=True):
        assert 0.93 < np.corrcoef(row[1:], row[:-1])[0, 1] < 0.995, profile
        assert 0.1 < np.corrcoef(row[24:], row[:-24])[0, 1] < 0.85, profile
        assert 0.1 < row.std() < 0.3, profile
        assert np.quantile(row, 0.99) > 1.7 * row.mean(), profile
    caiso = factors["wind_capacity_factor"].sel(profile="us.caiso/2023").to_numpy()
    day = local(caiso, -118.0)
    assert day[151:243, 22:].mean() > 1.5 * day[151:243, 10:13].mean()  # California's summer nights
    assert day[151:182].mean() > 1.5 * np.r_[day[:31], day[334:]].mean()


@pytest.mark.slow
@pytest.mark.parametrize(("held_out", "climate"), [("NYIS", "ISNE"), ("MISO", "PLAINS")])
def test_an_observed_system_is_recognised_when_it_is_held_out(originals: Path, held_out: str, climate: str) -> None:
    """Model a system as if it published nothing, from its neighbours, and compare with what it did."""
    onshore = us_vre.wind(originals, vre_sites.us_zones(originals))
    others = {name: item for name, item in onshore.stations.items() if name != held_out}
    place = onshore.stations[held_out].place
    area = {"NYIS": "us.nyiso", "MISO": "us.miso_north"}[held_out]
    found = []
    for year in (2016, 2018, 2020):
        made, _ = wind_model.anomalies(others, {"here": place}, year, list(us_vre.MODEL_YEARS))
        quantiles = others["ISNE"].quantiles
        model = wind_model.output(made["here"], others[climate].climate, place[1], quantiles)
        true, _ = onshore.table[area, year]
        model *= true.mean() / model.mean()
        lag = [np.corrcoef(x[24:], x[:-24])[0, 1] for x in (model, true)]
        found.append((np.corrcoef(model, true)[0, 1], lag[0] - lag[1], model.std() / true.std()))
    likeness, persistence, spread = np.mean(found, axis=0)
    assert likeness > 0.3
    assert abs(persistence) < 0.2
    assert 0.75 < spread < 1.3


@pytest.mark.slow
def test_weather_is_shared_by_distance(originals: Path, factors: xr.Dataset) -> None:
    zones = vre_sites.us_zones(originals)
    for tech, name in (("wind", "wind_capacity_factor"), ("solar", "solar_capacity_factor")):
        places = vre_sites.us_places(zones, tech)
        rows = {a: factors[name].sel(profile=f"{a}/2023").to_numpy() for a in places}
        if tech == "solar":
            daily = pd.DataFrame({a: local(row, -97.0).mean(axis=1) for a, row in rows.items()})
            table = daily - daily.rolling(31, center=True, min_periods=10).mean()
        else:
            table = pd.DataFrame(rows)
        alike = table.corr()
        pairs = [
            (vre_sites.distance_km(places[a], places[b]), alike.loc[a, b])
            for i, a in enumerate(table.columns)
            for b in table.columns[i + 1 :]
        ]
        km, likeness = np.array(pairs).T
        bands = [likeness[(km >= low) & (km < low + 600)].mean() for low in (200, 800, 1400, 2600)]
        assert bands[0] > bands[1] > bands[2], tech
        assert bands[0] > 0.3, tech
        assert abs(bands[3]) < 0.2, tech
        assert likeness.max() < 0.93, tech
