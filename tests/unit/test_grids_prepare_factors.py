"""Hourly factors from public files: small files of the published form, and all of the originals turned back."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from grids import prepare_factors as factors
from grids.prepare import RULES
from grids.sources import us_iso
from grids.variables import GridDataError

CHINA = "china_province_era5_2020/china_province_hourly_cf_2020.parquet"
TEMPERATURE = "china_province_era5_2020/province_temperature_2020_RAW_CORRUPT_above_27C.parquet"
OPERATORS = "us_iso_observed/us_iso_hourly_wind_solar.parquet"
ROOT = "renewable-power-evaluation-ddc758d/source/validation_datasets"

# First lines as published: MISO's of 1 January 2008 and NYISO's of 9 December 2015.
MISO = (
    "Historical Hourly Wind Generation,,\n,,\nPublished Date: 7/13/2009,,\n"
    "Reporting Period: 01/01/2008 through 12/31/2008,,\n,,\nAll Hours Ending are Eastern Standard Time (EST),,\n,,\n"
    '"Market Day\t",Hour Ending,MWh\n1/1/08,1,1104.05\n1/1/08,2,1210.31\n1/1/08,3,1173.34\nend,,\n'
)
NYISO_WIND = (257, 244, 275, 285, 282, 277, 278, 276, 272, 260, 251, 244, 246, 251)
UNITS = ["Plant Code", "Nameplate Capacity (MW)", "Operating Month", "Operating Year"]
RETIRED = ["Retirement Month", "Retirement Year"]


def book(sheets: dict[str, pd.DataFrame], above: int = 0) -> bytes:
    content = io.BytesIO()
    with pd.ExcelWriter(content) as writer:
        for name, table in sheets.items():
            table.to_excel(writer, sheet_name=name, index=False, startrow=above)
            if above:
                writer.sheets[name].cell(1, 1, "Form EIA-860")
    return content.getvalue()


def eia860(steps: dict[tuple[str, str], pd.Series]) -> dict[str, bytes]:
    """The three workbooks, with one unit for every step of each authority's nameplate."""
    codes = {ba: number for number, ba in enumerate(sorted({ba for ba, _ in steps}), 1)}
    plants = pd.DataFrame({"Plant Code": codes.values(), "Balancing Authority Code": codes.keys()})
    out = {"2___Plant_Y2020": book({"Plant": plants}, above=1)}
    for tech, name in (("wind", "3_2_Wind_Y2020"), ("solar", "3_3_Solar_Y2020")):
        built, gone = [], []
        for (ba, kind), mw in steps.items():
            if kind != tech:
                continue
            for month, step in mw.diff().fillna(mw.iloc[0]).items():
                row = [codes[ba], abs(step), month.month, month.year]
                if step > 0.0:
                    built.append(row)
                elif step < 0.0:
                    gone.append([codes[ba], -step, 1, 1990, month.month, month.year])
        # What retires stood before: it is part of the first step already, as a unit of its own.
        first = [[row[0], -row[1], 1, 1990] for row in gone]
        sheets = {
            "Operable": pd.DataFrame(built + first, columns=UNITS),
            "Proposed": pd.DataFrame([[1, 999.0, 1, 2019]], columns=UNITS),
            "Retired and Canceled": pd.DataFrame(gone, columns=UNITS + RETIRED),
        }
        out[name] = book(sheets, above=1)
    return out


def archive(tmp_path: Path, files: dict[str, bytes | str]) -> Path:
    path = tmp_path / "commit"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr(f"{ROOT.split('/')[0]}/README.md", "not data")
        for name, content in files.items():
            target.writestr(f"{ROOT}/{name}", content)
    return path


def ercot_book(hours: pd.DatetimeIndex, mw: list[float], cap: list[float], tech: str, *, new: bool) -> pd.DataFrame:
    gen = {"wind": "ERCOT.WIND.GEN", "solar": "ERCOT.PVGR.GEN"}[tech] if new else "Total Wind Output, MW"
    time = "Time (Hour-Ending)" if new else "time-date stamp"
    return pd.DataFrame({time: hours, "Date": "x", gen: mw, f"Total {tech.title()} Installed, MW": cap})


def small_files() -> dict[str, bytes | str]:
    nyiso = "Time Stamp,Time Zone,Fuel Category,Gen MWh\n" + "".join(
        f"{stamp:%m/%d/%Y %H:%M},EST,{fuel}\n"
        for stamp, mw in zip(pd.date_range("2015-12-09 00:05", periods=14, freq="5min"), NYISO_WIND, strict=True)
        for fuel in (f"Hydro,{mw * 9}.0", f"Wind,{mw}.0")
    )
    nyiso_summer = "Time Stamp,Time Zone,Fuel Category,Gen MW\n07/01/2020 00:05:00,EDT,Wind,100\n"
    files: dict[str, bytes | str] = {
        "MISO/20081231_hwd_HIST.csv": MISO,
        "NYISO/20151201rtfuelmix_csv/20151209rtfuelmix.csv": nyiso,
        "NYISO/20200701rtfuelmix_csv/20200701rtfuelmix.csv": nyiso_summer,
        **{
            f"EIA860/eia8602020/{name}.xlsx": content
            for name, content in eia860(
                {
                    ("MISO", "wind"): pd.Series([3288.7], index=pd.period_range("2008-01", periods=1, freq="M")),
                    ("NYIS", "wind"): pd.Series([1751.7], index=pd.period_range("2015-12", periods=1, freq="M")),
                    ("ISNE", "wind"): pd.Series([400.0, 390.0], index=pd.period_range("2011-11", periods=2, freq="M")),
                    ("ISNE", "solar"): pd.Series([10.0], index=pd.period_range("2011-11", periods=1, freq="M")),
                }
            ).items()
        },
    }
    for tech in ("wind", "solar"):
        november = pd.DataFrame(
            {
                "Year": 2011,
                "Date": [*[pd.Timestamp("2011-11-06")] * 4, None],
                "Hour": ["01", "02", "02X", "03", None],
                "MWH": [100.0, 110.0, 120.0, 130.0, None],
                "FREQ": 1,
            }
        )
        name = "hourly_wind_gen_2011_2014" if tech == "wind" else "hourly_solar_gen_2011"
        files[f"ISONE/{name}.xlsx"] = book({"Notes": pd.DataFrame({"a": [1]}), "HourlyData": november})
    folder = "ERCOT/Hourly Aggregated Wind and Solar Output 2014 - 2023Mar09/rpt.1"
    for year in range(2012, 2021):
        hours = pd.DatetimeIndex([f"{year}-01-01 00:00", f"{year}-11-05 01:00", f"{year}-11-05 01:00"])
        content = book({"numbers": ercot_book(hours, [1.0, 2.0, 9.0], [10.0] * 3, "wind", new=False)})
        if year == 2015:
            inner = io.BytesIO()
            with zipfile.ZipFile(inner, "w") as packed:
                packed.writestr("ERCOT_2015_Hourly_Wind_Output.xlsx", content)
            files[f"{folder}.ERCOT_{year}_Hourly_Wind_Output.zip"] = inner.getvalue()
        else:
            files[f"{folder}.ERCOT_{year}_Hourly_Wind_Output.xlsx"] = content
    for year, start in ((2021, "00:00"), (2022, "01:00")):
        hours = pd.date_range(f"{year}-01-01 {start}", periods=3, freq="h")
        sheets = {
            f"{tech.title()} Data": ercot_book(hours, [3.0, 4.0, 5.0], [20.0] * 3, tech, new=True)
            for tech in ("wind", "solar")
        }
        files[f"{folder}.ERCOT_{year}_Hourly_WindSolar_Output.xlsx"] = book(sheets)
    return files


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    path = archive(tmp_path_factory.mktemp("archive"), small_files())
    table: pd.DataFrame = RULES[OPERATORS]([path])
    return table.set_index(["ba", "tech", "time"]).sort_index()


def test_clocks_are_those_that_the_reader_knows(made: pd.DataFrame) -> None:
    assert set(made["time_basis"]) == set(us_iso.ZONES)


def test_hours_of_miso_and_new_york_are_those_that_the_build_reads(made: pd.DataFrame) -> None:
    miso = made.loc[("MISO", "wind")]
    assert list(miso.index) == list(pd.date_range("2008-01-01", periods=3, freq="h"))
    assert miso["mw"].tolist() == pytest.approx([1104.05, 1210.31, 1173.34])
    assert miso["cf"].iloc[0] == pytest.approx(0.335710, abs=1e-6)
    york = made.loc[("NYIS", "wind")]
    assert york.loc["2015-12-09 05:00", "mw"] == pytest.approx(266.75), "stamps end their five minutes"
    assert york.loc["2015-12-09 05:00", "cf"] == pytest.approx(0.152281, abs=1e-6)
    assert york.loc["2020-07-01 04:00", "mw"] == 100.0, "summer time"


def test_november_in_new_england_has_two_hours_of_one_name(made: pd.DataFrame) -> None:
    wind = made.loc[("ISNE", "wind")].sort_values("mw")
    assert wind.index.strftime("%H").tolist() == ["00", "01", "01", "02"]
    assert wind["mw"].tolist() == [100.0, 110.0, 120.0, 130.0]
    assert wind["cap_mw"].tolist() == [400.0] * 4


def test_ercot_has_one_label_an_hour_and_its_own_capacity(made: pd.DataFrame) -> None:
    wind = made.loc[("ERCO", "wind")]
    assert wind.index.is_unique
    assert wind.loc["2015-11-05 01:00", "mw"] == 2.0, "the first of two"
    assert wind.loc["2021-01-01 00:00", "mw"] == 3.0
    assert wind.loc["2022-01-01 00:00", "mw"] == 3.0, "labels that begin at 01:00 end their hour"
    assert made.loc[("ERCO", "solar"), "cf"].iloc[0] == pytest.approx(0.15)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    files = {name: content for name, content in small_files().items() if "ERCOT_2018" not in name}
    with pytest.raises(GridDataError, match=r"no ERCOT wind for \[2018\]"):
        factors.us_operators([archive(tmp_path, files)])
    with pytest.raises(GridDataError, match=r"no file .*EIA860"):
        factors.us_operators([archive(tmp_path, {"x.csv": ""})])
    odd = tmp_path / "profile_hydro.nc"
    xr.Dataset({"profile": (("time", "bus"), [[0.1]])}).to_netcdf(odd)
    with pytest.raises(GridDataError, match="named for none of onwind"):
        factors.china_profiles([odd])
    with h5py.File(tmp_path / "temp.h5", "w") as file:
        file.create_group("other")
    with pytest.raises(GridDataError, match="no table 'temperature'"):
        factors.china_temperature([tmp_path / "temp.h5"])


# ---- turned back from what the build reads ---------------------------------------------------------------------


def test_china_comes_out_again(originals: Path, tmp_path: Path) -> None:
    known = pd.read_parquet(originals / CHINA)[["time", "province", "tech", "cf"]].astype(
        {"province": str, "tech": str}
    )
    parts = []
    for tech, rows in known.groupby("tech"):
        wide = rows.pivot(index="time", columns="province", values="cf")
        profile = (("bus", "time"), wide.to_numpy().T.astype(np.float64))
        coords = {"bus": [str(name) for name in wide.columns], "time": wide.index.to_numpy()}
        data = xr.Dataset({"profile": profile, "p_nom_max": ("bus", np.ones(wide.shape[1]))}, coords)
        parts.append(tmp_path / f"profile_{tech}.nc")
        data.to_netcdf(parts[-1])
    again = RULES[CHINA](parts)
    keys = ["tech", "province", "time"]
    pd.testing.assert_frame_equal(
        again.sort_values(keys, ignore_index=True)[[*keys, "cf"]],
        known.sort_values(keys, ignore_index=True)[[*keys, "cf"]],
        check_dtype=False,
    )


def test_temperature_comes_out_again(originals: Path, tmp_path: Path) -> None:
    known = pd.read_parquet(originals / TEMPERATURE)
    with h5py.File(tmp_path / "temp.h5", "w") as file:
        group = file.create_group("temperature")
        group["axis0"] = group["block0_items"] = [str(name).encode() for name in known.columns]
        group["axis1"] = known.index.to_numpy().astype("datetime64[ns]").astype(np.int64)
        group["axis1"].attrs["kind"] = "datetime64"
        group["block0_values"] = known.to_numpy(dtype=np.float64)
    again = RULES[TEMPERATURE]([tmp_path / "temp.h5"])
    pd.testing.assert_frame_equal(again, known, check_names=False, check_index_type=False, check_freq=False)


def test_nameplate_comes_out_again(originals: Path, tmp_path: Path) -> None:
    known = pd.read_parquet(originals / OPERATORS)
    steps = {}
    for ba, tech in (("ISNE", "solar"), ("ISNE", "wind"), ("MISO", "wind"), ("NYIS", "wind")):
        rows = known[(known["ba"] == ba) & (known["tech"] == tech) & known["cap_mw"].notna() & known["time"].notna()]
        months = pd.DatetimeIndex(rows["time"]).to_period("M")
        steps[ba, tech] = rows["cap_mw"].astype(float).groupby(months.to_numpy()).first()
    path = archive(tmp_path, {f"EIA860/eia8602020/{name}.xlsx": content for name, content in eia860(steps).items()})
    with zipfile.ZipFile(path) as opened:
        files = {name.split("/", 1)[-1]: name for name in opened.namelist()}
        again = factors.nameplate(opened, files)
    for key, wanted in steps.items():
        np.testing.assert_allclose(again[key].reindex(wanted.index).to_numpy(), wanted.to_numpy(), rtol=1e-6)
