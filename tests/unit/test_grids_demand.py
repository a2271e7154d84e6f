"""Load series: the cleaning rule on made-up series, and the built load against published totals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from grids.areas import AREA_IDS, AREAS
from grids.build import demand, demand_china
from grids.build.demand_history import whole_regions
from grids.hours import hours_in_year
from grids.sources import china_load, cn_consumption, eia930, us_consumption
from grids.sources.eia930 import SeriesRule, clean
from grids.variables import GridDataError, validate

HOURS = 24 * 90
INDEX = pd.date_range("2020-01-01", periods=HOURS, freq="h")


def daily_wave(level: float) -> np.ndarray:
    hour = np.arange(HOURS)
    return level * (1 + 0.2 * np.sin(2 * np.pi * hour / 24) + 0.05 * np.sin(2 * np.pi * hour / HOURS))


def table(**series: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(series, index=INDEX)


def rules(*codes: str, **special: SeriesRule) -> dict[str, SeriesRule]:
    return {code: SeriesRule("R", {"us.sertp": 1.0}) for code in codes} | special


# --- the cleaning rule ---------------------------------------------------------------------------------------------


def test_good_series_stay_as_they_are():
    good = table(A=daily_wave(1000.0), B=daily_wave(300.0))
    cleaned = clean(good, rules("A", "B"))
    pd.testing.assert_frame_equal(cleaned.load, good, check_freq=False)
    assert not cleaned.changed.any(axis=None)


@pytest.mark.parametrize("wrong", [0.0, np.nan, 5000.0, 40.0, 30_000.0])
@pytest.mark.parametrize("width", [1, 2])
def test_zeros_gaps_and_spikes_are_interpolated(wrong, width):
    true = daily_wave(1000.0)
    spoilt = true.copy()
    spoilt[1000 : 1000 + width] = wrong
    cleaned = clean(table(A=spoilt, B=daily_wave(300.0)), rules("A", "B"))
    np.testing.assert_allclose(cleaned.load["A"], true, rtol=0.02)
    assert cleaned.changed["A"].sum() == width
    assert not cleaned.borrowed.any(axis=None)


def test_a_lone_peak_hour_is_cut_but_a_broad_peak_stays():
    true = daily_wave(1000.0)
    lone, broad = true.copy(), true.copy()
    top = int(np.argmax(true))
    lone[top] *= 1.15
    broad[top - 6 : top + 7] *= 1 + 0.15 * np.cos(np.linspace(-np.pi / 2, np.pi / 2, 13))
    cleaned = clean(table(A=lone, B=broad), rules("A", "B"))
    assert cleaned.load["A"].max() == pytest.approx(true.max(), rel=0.02)
    np.testing.assert_array_equal(cleaned.load["B"], broad)


def test_long_gap_takes_the_shape_of_its_neighbours():
    true = daily_wave(1000.0)
    spoilt = true.copy()
    spoilt[500:700] = 0.0
    cleaned = clean(table(A=spoilt, B=daily_wave(300.0)), rules("A", "B"))
    np.testing.assert_allclose(cleaned.load["A"], true, rtol=1e-6)
    assert cleaned.borrowed["A"].sum() == 200
    assert cleaned.borrowed["B"].sum() == 0


def test_edges_of_a_gap_belong_to_it():
    true = daily_wave(1000.0)
    spoilt = true.copy()
    spoilt[500:520] = 50.0
    spoilt[[499, 520]] = 250.0  # half-reported hours beside it
    cleaned = clean(table(A=spoilt, B=daily_wave(300.0)), rules("A", "B"))
    np.testing.assert_allclose(cleaned.load["A"], true, rtol=1e-6)


def test_a_genuine_low_stays():
    storm = daily_wave(1000.0)
    storm[500:548] = np.linspace(400.0, 60.0, 48)  # the load sinks over two days
    low = SeriesRule("R", {"us.sertp": 1.0}, genuine_lows=True)
    cleaned = clean(table(A=storm, B=daily_wave(300.0)), rules("B", A=low))
    assert cleaned.load["A"].min() == 60.0


def test_a_series_that_ends_counts_nothing_afterwards():
    ended = daily_wave(500.0)
    ended[1200:] = 0.0
    last = SeriesRule("R", {"us.sertp": 1.0}, ends=str(INDEX[1200]))
    cleaned = clean(table(A=ended, B=daily_wave(300.0)), rules("B", A=last))
    np.testing.assert_array_equal(cleaned.load["A"], ended)
    assert not cleaned.changed.any(axis=None)


def test_gap_without_help_is_refused():
    lonely = daily_wave(1000.0)
    lonely[500:700] = 0.0
    elsewhere = SeriesRule("R", {"us.caiso": 1.0})
    with pytest.raises(GridDataError, match=r"series 'A': 200 hours missing from 2020-01-21 20:00:00 UTC"):
        clean(table(A=lonely, B=daily_wave(300.0)), rules("A", B=elsewhere))


# --- readers refuse what they do not know ---------------------------------------------------------------------------


def write_hourly(folder, name: str, frame: pd.DataFrame) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(path)


def test_hour_ending_becomes_hour_beginning(tmp_path):
    write_hourly(tmp_path, eia930.SUBREGIONS, table(A=daily_wave(1.0)))
    read = eia930.read_subregions(tmp_path, ["A"])
    assert read.index[0] == INDEX[0] - pd.Timedelta(hours=1)
    np.testing.assert_array_equal(read["A"], daily_wave(1.0))


def test_unknown_and_absent_series_are_named_together(tmp_path):
    write_hourly(tmp_path, eia930.SUBREGIONS, table(A=daily_wave(1.0), NEW=daily_wave(1.0)))
    with pytest.raises(GridDataError) as caught:
        eia930.read_subregions(tmp_path, ["A", "GONE"])
    assert len(caught.value.problems) == 2
    assert "'NEW'" in str(caught.value)
    assert "'GONE'" in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "word"),
    [
        (table(A=daily_wave(1.0)).drop(INDEX[50]), "repeat or are absent"),
        (table(A=-daily_wave(1.0)), "negative"),
    ],
)
def test_bad_hours_are_refused(tmp_path, frame, word):
    write_hourly(tmp_path, eia930.SUBREGIONS, frame)
    with pytest.raises(GridDataError, match=word):
        eia930.read_subregions(tmp_path, ["A"])


def test_absent_file_is_named(tmp_path):
    with pytest.raises(GridDataError, match="no such original"):
        china_load.read_hourly_load(tmp_path)


def test_chinese_zero_and_unknown_province_are_refused(tmp_path):
    codes = ["XX", *(area_code for area_code in ("BJ", "TJ"))]
    frame = pd.DataFrame(np.ones((8760, 3)), index=np.arange(1, 8761), columns=codes)
    frame.loc[77, "BJ"] = 0.0
    write_hourly(tmp_path, china_load.TABLE, frame)
    with pytest.raises(GridDataError) as caught:
        china_load.read_hourly_load(tmp_path)
    text = str(caught.value)
    assert "'XX'" in text
    assert "BJ in hour 77 is 0.0" in text
    assert text.count("is absent") == 29


def test_state_sales_must_add_up(tmp_path):
    years = [str(year) for year in range(2010, 2024)]
    states = [f"S{k:02d}" for k in range(51)]
    frame = pd.DataFrame(1.0, index=range(52), columns=years).assign(State=[*states, "US"], MSN="ESTCP")
    frame.loc[51, years] = 51.0
    write_hourly(tmp_path, us_consumption.SEDS, frame)
    assert us_consumption.read_state_sales(tmp_path).to_numpy().sum() == pytest.approx(51 * 14 * 1e3)
    frame.loc[51, "2015"] = 60.0
    write_hourly(tmp_path, us_consumption.SEDS, frame)
    with pytest.raises(GridDataError, match=r"15\.00% in 2015"):
        us_consumption.read_state_sales(tmp_path)
    frame.loc[3, "2012"] = 0.0
    write_hourly(tmp_path, us_consumption.SEDS, frame)
    with pytest.raises(GridDataError, match="S03 in 2012 is missing or zero"):
        us_consumption.read_state_sales(tmp_path)


# --- the arithmetic of the history ----------------------------------------------------------------------------------


def test_areas_of_whole_regions():
    index = pd.MultiIndex.from_tuples([("NY", "a"), ("E", "b"), ("S", "b"), ("M", "c"), ("M", "d"), ("X", "d")])
    base = pd.DataFrame({2020: 1.0}, index=index)
    assert whole_regions(base) == {"a": ("NY",), "b": ("E", "S")}


def test_factor_meets_the_peak():
    rng = np.random.default_rng(3)
    deviation = pd.DataFrame(rng.normal(0, 0.2, (500, 4)), columns=list("abcd"))
    deviation -= deviation.mean()
    mean = pd.Series([10.0, 20.0, 5.0, 40.0], index=list("abcd"))
    groups = [["a", "b"], ["c", "d"]]
    factor = demand_china._factor(deviation, mean, 90.0, groups)
    peaks = [((1 + factor * deviation[g]) * mean[g]).sum(axis=1).max() for g in groups]
    assert sum(peaks) == pytest.approx(90.0)


def test_odd_factor_is_refused():
    with pytest.raises(GridDataError, match=r"year 2020 \(1.70\)"):
        demand_china._refuse_odd({"year 2019": 0.9, "year 2020": 1.7})


# --- on the originals -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(originals) -> xr.Dataset:
    return demand.build(originals)


def test_built_part_passes_the_door(built):
    validate(built, variables=[str(name) for name in built.data_vars])
    assert tuple(built["area"].values) == AREA_IDS
    assert built.sizes["profile"] == 121
    assert built["profile"].values[0] == "us.nyiso/2020"
    assert built["profile"].values[-1] == "cn.xinjiang/2020"


def test_known_totals_hold(built):
    wrong = [total for total in demand.known_totals(built) if not total.holds()]
    assert wrong == []


def test_no_area_jumps_from_year_to_year(built):
    """A splice of two records, or a lost series, would show as a step."""
    us = built["area_country"].values == "US"
    energy = built["annual_load_mwh"].values
    growth = energy[:, 1:] / energy[:, :-1] - 1
    assert np.abs(growth[us]).max() < 0.10  # ERCOT 2022: +9.7 %
    since_2014 = built["history_year"].values[1:] > 2014  # before, provinces really grew by a fifth and more in a year
    steps = {
        (AREA_IDS[area], int(built["history_year"].values[year + 1]))
        for area, year in np.argwhere(((growth > 0.20) | (growth < -0.10)) & since_2014)
        if not us[area] and AREA_IDS[area] != "cn.tibet"  # small, and really growing that fast
    }
    assert steps == set(demand_china.BREAKS)
    for area, year in steps:
        record = built["load_history_record"].sel(area=area, history_year=year).item()
        assert "break" in record


def test_peaks_belong_to_the_shapes(built):
    for profile, area, year in zip(
        built["profile"].values, built["profile_area"].values, built["weather_year"].values, strict=True
    ):
        if area.startswith("us."):
            mean = built["annual_load_mwh"].sel(area=area, history_year=year).item() / hours_in_year(int(year))
            peak = built["peak_load_mw"].sel(area=area, history_year=year).item()
            shape = built["load_shape"].sel(profile=profile).values
            assert peak / mean == pytest.approx(shape.max(), rel=3e-3)  # the shape leaves out 29 February
    ratio = built["peak_load_mw"] * 8766 / built["annual_load_mwh"]
    assert 1.03 < ratio.min() < ratio.max() < 2.5


def test_load_is_lowest_at_night_by_the_local_clock(built):
    """Shows a wrong clock: the mean day is lowest between midnight and six in the morning."""
    offsets = {"America/New_York": -5, "America/Chicago": -6, "America/Denver": -7, "America/Boise": -7}
    offsets |= {"America/Phoenix": -7, "America/Los_Angeles": -8, "Asia/Shanghai": 8}
    zone = {area.id: offsets[area.timezone] for area in AREAS}
    late = []
    for profile, area in zip(built["profile"].values, built["profile_area"].values, strict=True):
        day = built["load_shape"].sel(profile=profile).values.reshape(365, 24).mean(axis=0)
        lowest = (int(day.argmin()) + zone[area]) % 24
        if not 0 <= lowest <= 6:
            late.append((profile, lowest))
    # California's sun and Ningxia's night-time industry move the valley.
    assert {name.split("/")[0] for name, _ in late} <= {"us.caiso", "cn.ningxia", "us.westconnect_south"}


def test_records_say_what_is_observed(built):
    record = built["load_record"]
    for profile in record["profile"].values:
        text = record.sel(profile=profile).item()
        assert text.startswith("observed" if profile.startswith("us.") else "modelled")
    assert "PSEI" in record.sel(profile="us.northerngrid_west/2020").item()
    assert "doubt about WACM" in record.sel(profile="us.westconnect_north/2023").item()
    history = built["load_history_record"]
    assert history.sel(area="us.ercot", history_year=2018).item().startswith("energy and peak observed")
    assert "derived" in history.sel(area="us.miso_north", history_year=2018).item()
    assert "derived" in history.sel(area="us.ercot", history_year=2012).item()


def test_series_add_up_to_the_regions(originals):
    """Cleaned series against EIA's 13 regions as published: energy within 1.2 %, peak within 4 %."""
    _, cleaned, series = demand.us_hourly_load(originals)
    regions = eia930.read_regions(originals)
    members = {region: [code for code, rule in series.items() if rule.region == region] for region in eia930.REGIONS}
    ours = pd.DataFrame({region: cleaned.load[codes].sum(axis=1) for region, codes in members.items()})
    for year in demand.HOURLY_YEARS:
        mine, theirs = ours.loc[str(year)], regions.loc[str(year)]
        np.testing.assert_allclose(mine.sum(), theirs.sum(), rtol=1.2e-2)
        np.testing.assert_allclose(mine.max(), theirs.max(), rtol=4e-2)
    # Five weeks of zeros in the winter of 2020 are what the north-west lacks as published.
    assert ours.loc["2020", "NW"].sum() > 1.005 * regions.loc["2020", "NW"].sum()


def test_provinces_against_regional_peaks(built, originals):
    """The east, south and centre meet their own peaks of 2018-2022 within a tenth."""
    peaks = cn_consumption.read_grid_peaks(originals)
    shape = built["load_shape"].sel(profile=[f"{area.id}/2020" for area in AREAS if area.country == "CN"]).values
    mean = built["annual_load_mwh"].sel(area=[area.id for area in AREAS if area.country == "CN"]) / 8766
    region = np.array([area.interconnection for area in AREAS if area.country == "CN"])
    for name in ("east", "south", "central"):
        inside = region == name
        for year in demand_china.REGION_YEARS:
            load = (mean.sel(history_year=year).values[inside, None] * shape[inside]).sum(axis=0)
            assert load.max() / peaks.loc[year, name] == pytest.approx(1.0, abs=0.10)
