"""The fleet: readers refuse what they do not know, splits keep their sums, totals meet the published ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grids.build import fleet, fleet_cn, fleet_us
from grids.build.axes import VINTAGES, to_array, vintage_of
from grids.sources import crea, eia_state, gem, nea, owid, reeds_generators
from grids.variables import GridDataError

# Published end-2024 capacity, GW, and how far we may be from it. US: EIA electricity data browser, nameplate,
# all producers (fifty states; Alaska and Hawaii are outside the areas). China: NEA annual statistics, January 2025.
US_GW = {"coal": 189, "gas": 573, "nuclear": 104, "hydro": 80, "pumped_storage": 22.2, "solar": 124, "battery": 27}
CN_GW = {"coal": 1195, "gas": 144, "nuclear": 61, "pumped_storage": 58.7, "solar": 887, "battery": 73.8}


def generators(folder: Path, **changes: object) -> Path:
    row = {
        "technology": "Conventional Steam Coal",
        "plant_id": 3,
        "generator_id": "1",
        "capacity_mw": 90.0,
        "nameplate_capacity_mw": 100.0,
        "operating_year": 1969,
        "retirement_year": 2028,
        "historical_capacity_factor": 0.5,
    }
    target = folder / "powergenome_reeds"
    target.mkdir()
    pd.DataFrame([row | changes]).to_csv(target / "reeds_generators_transformed.csv.gz", index=False)
    pd.DataFrame([{"plant_id": 3, "region": "p90"}]).to_csv(target / "plant_region_map.csv.gz", index=False)
    pd.DataFrame([{"ba": "p90", "transgrp": "SERTP", "st": "AL"}]).to_csv(target / "hierarchy.csv", index=False)
    for name, columns in (
        ("wri_gppd/usa_gppd_2019.csv.gz", {"gppd_idnr": ["USA0000003"], "latitude": [31.0], "longitude": [-88.0]}),
        (
            "oet_efuels/custom_powerplants_us_2023.csv.gz",
            {"Fueltype": ["coal"], "Capacity": [100.2], "DateIn": [1954], "lat": [31.01], "lon": [-88.01]},
        ),
    ):
        (folder / name).parent.mkdir()
        pd.DataFrame(columns).to_csv(folder / name, index=False)
    return folder


def sheet(folder: Path, name: str, series: dict[str, list[str]], months: list[str]) -> Path:
    target = folder / crea.FOLDER
    target.mkdir()
    width = len(series)
    rows = [["Wind", *[""] * width], ["Name", *series], ["Unit", *["10000 kw"] * width]]
    rows += [[month, *[values[i] for values in series.values()]] for i, month in enumerate(months)]
    text = "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows)
    (target / name).write_text("\ufeff" + text, encoding="utf-8")
    return folder


def test_generator_reader_places_units_and_keeps_first_operation(tmp_path: Path) -> None:
    unit = reeds_generators.read_generators(generators(tmp_path)).iloc[0]
    assert (unit["area"], unit["state"], unit["technology"]) == ("us.sertp", "AL", "coal")
    assert unit["operating_year"] == 1954  # not the year of its retrofit
    assert unit["announced"]  # 2028 is no filled lifetime of a unit dated 1969


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"technology": "Tidal"}, "no rule for .*Tidal"),
        ({"plant_id": 4}, "without a region"),
        ({"nameplate_capacity_mw": -1.0}, "without a nameplate"),
        ({"nameplate_capacity_mw": None}, "without a nameplate"),
    ],
)
def test_generator_reader_refuses(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(GridDataError, match=message):
        reeds_generators.read_generators(generators(tmp_path, **changes))


def test_filled_lifetime_is_no_announcement(tmp_path: Path) -> None:
    units = reeds_generators.read_generators(generators(tmp_path, operating_year=1969, retirement_year=2044))
    assert not units["announced"].any()


def test_missing_original_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(GridDataError, match="grids fetch"):
        nea.read_solar_capacity(tmp_path)


def test_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / owid.FOLDER).mkdir()
    path = tmp_path / owid.FOLDER / "electricity_by_source_twh_1985_2023.csv.gz"
    path.write_bytes(gzip.compress(b"entity,year\nChina,2020\n"))
    with pytest.raises(GridDataError, match="coal_twh"):
        owid.read_long_history(tmp_path)


def test_typed_national_figures_add_up() -> None:
    table = owid.read_national()
    fuels = [name for name in owid.SOURCES if name != "total"]
    assert table.groupby("country")["year"].agg(["min", "max"]).to_numpy().tolist() == [[2006, 2025], [2022, 2025]]
    np.testing.assert_allclose(table[fuels].sum(axis=1), table["total"], atol=0.011)
    np.testing.assert_allclose(table["total"] + table["net_imports_twh"], table["demand_twh"], atol=0.011)
    assert table.loc[table["country"] == "CN", "other"].isna().all()


def test_zero_in_a_statistical_sheet_is_missing(tmp_path: Path) -> None:
    name = "China: Beijing: Power Generating Capacity of 6000 kilowatts and Above Power Plants: Thermal Power"
    sheet(tmp_path, crea.CAPACITY_SHEET, {name: ["0.00 ", "1,096.00 "]}, ["2022-12", "2023-12"])
    table = crea.year_ends(crea.read_capacity(tmp_path))[("thermal", "Beijing")]
    assert np.isnan(table[2022])
    assert table[2023] == 10_960.0


@pytest.mark.parametrize("name", ["China: Beijing: Tidal Power", "China: Atlantis: Thermal Power"])
def test_unknown_series_is_refused(tmp_path: Path, name: str) -> None:
    sheet(tmp_path, crea.CAPACITY_SHEET, {name: ["1.00"]}, ["2023-12"])
    with pytest.raises(GridDataError, match="no rule for the series"):
        crea.read_capacity(tmp_path)


@pytest.mark.parametrize(("year", "bin_start"), [(1891, 1950), (1954, 1950), (1955, 1955), (2019, 2015), (2024, 2020)])
def test_vintage_bins(year: int, bin_start: int) -> None:
    assert vintage_of(year) == bin_start
    assert vintage_of(year) in VINTAGES


def test_array_refuses_gaps_and_strangers() -> None:
    index = pd.MultiIndex.from_tuples([("us.ercot", 2020)], names=["area", "year"])
    with pytest.raises(GridDataError, match="no figure"):
        to_array(pd.Series([np.nan], index), area=["us.ercot"], year=[2020])
    with pytest.raises(GridDataError, match="outside the axis"):
        to_array(pd.Series([1.0], index), area=["us.caiso"], year=[2020])


@settings(deadline=None, max_examples=40)
@given(
    hnp.arrays(float, (5, 3), elements=st.floats(0.1, 100)),
    hnp.arrays(float, 5, elements=st.floats(1, 1000)),
    hnp.arrays(float, 3, elements=st.floats(1, 1000)),
)
def test_fitting_meets_both_totals(seed: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> None:
    columns = columns * rows.sum() / columns.sum()
    names = ["a", "b", "c"]
    fitted = fleet_cn.fitted(pd.DataFrame(seed, columns=names), pd.Series(rows), dict(zip(names, columns, strict=True)))
    np.testing.assert_allclose(fitted.sum(axis=1), rows, rtol=1e-9)
    np.testing.assert_allclose(fitted.sum(axis=0), columns, rtol=1e-6)
    assert (fitted >= 0).all(axis=None)


def test_state_totals_survive_the_split_into_areas() -> None:
    units = pd.DataFrame(
        {
            "state": ["TX", "TX", "TX"],
            "fuel": ["gas", "gas", "wind"],
            "area": ["us.ercot", "us.spp_south", "us.ercot"],
            "technology": ["gas", "gas", "wind"],
            "nameplate_mw": [300.0, 100.0, 50.0],
            "operating_year": [2000, 2012, 2015],
            "past_capacity_factor": [0.5, np.nan, 0.4],
            "status": "operating",
        }
    )
    totals = pd.DataFrame({"state": "TX", "technology": ["gas", "coal"], "mw": [80.0, 45.0]})
    shares = fleet_us.area_shares(units, 2024)
    laid = fleet_us.shared_to_areas(totals, shares, fleet_us.state_shares(units), "mw")
    gas = laid[laid["technology"] == "gas"].set_index("area")["mw"]
    assert gas.to_dict() == pytest.approx({"us.ercot": 60.0, "us.spp_south": 20.0})
    assert laid[laid["technology"] == "coal"]["mw"].sum() == pytest.approx(45.0)  # coal lies with the whole fleet
    before = fleet_us.area_shares(units, 2005)
    assert before[before["fuel"] == "gas"].set_index("area")["share"].to_dict() == {"us.ercot": 1.0}


@pytest.fixture(scope="module")
def built(originals: Path) -> xr.Dataset:
    return fleet.build(originals)


def national(dataset: xr.Dataset, name: str, country: str) -> pd.Series:
    mine = [area for area in dataset["area"].values if str(area).startswith(country)]
    values = dataset[name].sel(area=mine)
    return values.sum([dim for dim in values.dims if dim != "technology"]).to_series() / 1000


def test_invariants(built: xr.Dataset) -> None:
    for name, values in built.data_vars.items():
        assert np.isfinite(values).all(), name
        assert (values >= 0).all(), name
        assert {"units", "label", "source", "method"} <= set(values.attrs), name
    last = built["capacity_history_mw"].sel(history_year=2024)
    np.testing.assert_allclose(last, built["nameplate_mw"].sum("vintage"), atol=1e-3)
    gone = built["planned_retirement_mw"].sum("plan_year")
    assert (gone <= built["nameplate_mw"].sum("vintage") + 1e-6).all()


def test_us_totals(built: xr.Dataset) -> None:
    got = national(built, "nameplate_mw", "us")
    for technology, gw in US_GW.items():
        assert got[technology] == pytest.approx(gw, rel=0.02), technology
    assert got["wind"] + got["offshore_wind"] == pytest.approx(153, rel=0.01)
    assert got["offshore_wind"] == pytest.approx(0.174, rel=0.05)


def test_china_totals(built: xr.Dataset) -> None:
    got = national(built, "nameplate_mw", "cn")
    for technology, gw in CN_GW.items():
        assert got[technology] == pytest.approx(gw, rel=0.01), technology
    assert got["hydro"] + got["pumped_storage"] == pytest.approx(436, rel=0.005)
    assert got["wind"] + got["offshore_wind"] == pytest.approx(521, rel=0.005)


def test_plans(built: xr.Dataset) -> None:
    plans = built["planned_addition_mw"]
    us = plans.sel(area=[a for a in plans["area"].values if a.startswith("us")])
    by_year = us.sum(["area", "technology"]).to_series() / 1000
    assert by_year[2025] == pytest.approx(64.1, rel=0.02)
    assert by_year[2026] == pytest.approx(86, rel=0.05)
    china = plans.sel(area=[a for a in plans["area"].values if a.startswith("cn")], plan_year=2025).sum("area") / 1000
    assert float(china.sel(technology="solar")) == pytest.approx(1199.9 - 885.7, rel=0.01)
    assert float(china.sel(technology=["wind", "offshore_wind"]).sum()) == pytest.approx(119, rel=0.001)


def test_us_coal_is_old(built: xr.Dataset) -> None:
    us = built["nameplate_mw"].sel(area=[a for a in built["area"].values if a.startswith("us")], technology="coal")
    by_bin = us.sum("area").to_series()
    assert by_bin.loc[:1985].sum() / by_bin.sum() > 0.7  # the retrofit years would say 0.4


def test_unknown_fuel_word_in_state_table_is_refused(originals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eia_state, "FUEL", {k: v for k, v in eia_state.FUEL.items() if k != "Geothermal"})
    with pytest.raises(GridDataError, match="Geothermal"):
        eia_state.read_capacity(originals)


def test_unknown_status_of_a_unit_is_refused(originals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gem, "STATUS", {k: v for k, v in gem.STATUS.items() if k != "mothballed"})
    with pytest.raises(GridDataError, match="mothballed"):
        gem.read_china_units(originals)
