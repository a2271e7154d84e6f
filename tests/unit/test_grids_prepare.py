"""Preparing originals: rules tried on lines of the public files, and on files turned back from what the build reads."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from grids import prepare_tables as tables
from grids.prepare import RULES
from grids.sources.boundaries import STATE_OF_FIPS
from grids.variables import GridDataError

HOURLY = "date_time,raw demand (MW),category,cleaned demand (MW)\n"
FACTORS = 'Capacity data calculated from ERA5\n""\nBEGIN_DATA\nyear,month,day,hour,{}\n'
SREX = "Data used in Shaner et al (2018),,,,\nBEGIN_DATA,,,,\nyear,month,day,hour,demand\n2015,1,1,1,{}\n"

# First lines of the public files, and what the build has read from them so far.
PUBLISHED: dict[str, tuple[dict[str, str], dict[str, object]]] = {
    "truggles_eia930/hourly_demand_ba_subregion_mw_utc_2020_2024.parquet": (
        {"AEC.csv": HOURLY + "2020-01-01 00:00:00,525,OKAY,525\n2020-01-01 01:00:00,553,ANOMALOUS_REGION,536\n"},
        {"AEC": [525.0, 536.0]},
    ),
    "truggles_eia930/hourly_demand_regions_mw_utc_2020_2024.parquet": (
        {"TEXAS_IC.csv": "date_time,raw demand (MW),cleaned demand (MW)\n2020-01-01 00:00:00,39934,39934\n"},
        {"TEXAS_IC": [39934.0]},
    ),
    "pypsa_china_pik/hourly_demand_31_provinces_mwh.parquet": (
        {"load.csv": "Time Series,AH,BJ,CQ\n1,20117.7056,13226.9319,9422.850844\n"},
        {"AH": [20117.70508], "BJ": [13226.93164], "CQ": [9422.85059]},
    ),
    "eia_state/annual_generation_state_mwh_1990_2019.csv.gz": (
        {
            "g.csv": "YEAR,STATE,TYPE OF PRODUCER,ENERGY SOURCE,GENERATION (Megawatthours)\n"
            '1990,AK,Total Electric Power Industry,Total,"5,599,506"\n'
        },
        {"YEAR": [1990], "STATE": ["AK"], "ENERGY SOURCE": ["Total"], "GENERATION (Megawatthours)": [5599506]},
    ),
    "eia_international/capacity_gw_us_china_1980_2022.csv.gz": (
        {
            "c.csv": '"API","",' + ",".join(f'"{y}"' for y in range(1980, 2024)) + "\n"
            '"","United States",' + ",".join(['""'] * 44) + "\n"
            '"INTL.37-7-USA-MK.A","                Wind (million kW)","","0.00036",' + ",".join(['"--"'] * 42) + "\n"
            '"INTL.37-7-PER-MK.A","                Wind (million kW)",' + ",".join(['"1"'] * 44) + "\n"
        },
        {"API": ["INTL.37-7-USA-MK.A"], "country": ["USA"], "series": ["Wind (million kW)"], "1981": [0.00036]},
    ),
    "gem_maps/gogpt_oil_gas_units_aug2024_cn_us.csv.gz": (
        {
            "g.csv": "fuel_type,technology,project,unit,capacity,status,country,province,start_year\n"
            "fossil gas,combined cycle,Aalst Syral power station,1,48.0,operating,Belgium,East Flanders,2000\n"
            "fossil gas,gas turbine,48th Street power station,9,84.0,operating,United States,Michigan,2000\n"
        },
        {"project": ["48th Street power station"], "capacity": [84.0], "start_year": [2000]},
    ),
    "gem_maps/gnpt_nuclear_units_jul2024_cn_us.csv.gz": (
        {
            "n.csv": "country,project-name,unit-name,capacity-(mw),status,state/province\n"
            "China,Bailong nuclear power plant,1,1250.0,pre-construction,Guangxi\n"
            "Sweden,Agesta nuclear power plant,--,12.0,retired,\n"
        },
        {"project-name": ["Bailong nuclear power plant"], "capacity-(mw)": [1250.0]},
    ),
    "gem_maps/gbpt_bioenergy_sep2024_cn_us.csv.gz": (
        {
            "b.csv": "country/area,project-name,unit-name,capacity-(mw),status,start-year\n"
            "United Kingdom,3Rs Walsall power station,1,44.0,pre-construction,2027\n"
            "United States,Alabama Pine Pulp power station,GEN2,69.0,operating,1991\n"
        },
        {"project-name": ["Alabama Pine Pulp power station"], "capacity-(mw)": [69.0], "start-year": [1991]},
    ),
    "gem_maps/ggpt_geothermal_mar2025_cn_us.csv.gz": (
        {
            "g.csv": "country/area,project-name,unit-name,unit-capacity-(mw),status,start-year\n"
            "Kenya,Akiira One geothermal power plant,1,70.0,pre-construction,2025\n"
            "United States,Aidlin geothermal power plant,1,12.0,operating,1989\n"
        },
        {"project-name": ["Aidlin geothermal power plant"], "unit-capacity-(mw)": [12.0], "start-year": [1989]},
    ),
    "gem_maps/ghpt_hydro_apr2025_cn_us.csv.gz": (
        {
            "h.geojson": json.dumps(
                {
                    "features": [
                        {
                            "properties": {
                                **{"areas": "China;", "area2": "", "name": "Jiulongxia hydroelectric plant"},
                                **{"capacity": "81.0", "capacity2": 0.0, "status": "operating", "start-year": "2016"},
                                **{"owner": "", "river": "", "Latitude": 33.9444, "Longitude": 103.6579},
                                **{"subnat": "Gansu", "pid": "L604248", "url": "https://gem.wiki/x"},
                            }
                        },
                        {"properties": dict.fromkeys(tables.HYDRO_PLANTS, "") | {"areas": "Albania;", "capacity": "1"}},
                    ]
                }
            )
        },
        {"name": ["Jiulongxia hydroelectric plant"], "capacity": [81.0], "pid": ["L604248"], "river": [np.nan]},
    ),
    "owid_energy/electricity_by_source_twh_1985_2023.csv.gz": (
        {
            "o.csv": "Entity,Code,Year,Other renewables excluding bioenergy - TWh (a),Electricity from coal - TWh (a)\n"
            "Africa,,1985,0,139.51434\n"
        },
        {"entity": ["Africa"], "other_renewables_excluding_bioenergy_twh": [0.0], "coal_twh": [139.51434]},
    ),
    "era5_merra2_regional/us_conus_top25_era5_2010_2020.parquet": (
        {
            # The last line of the public file holds the first hour.
            "wind.csv": FACTORS.format("w_cfs") + "2010,1,1,1,0.22887872784055274\n2010,1,1,2,0.2297305934189154\n",
            "solar.csv": FACTORS.format("s_cfs") + "2010,1,1,1,0.25\n2010,1,1,2,0.5\n",
        },
        {"year": [2010, 2010], "hour_of_year_utc": [0, 1], "wind_cf": [0.22973059, 0.22887873]},
    ),
    "era5_merra2_regional/srex_merra2_2015_2016.parquet": (
        {"sCF_srex3.csv": SREX.format("0.0027361517918842925")},
        {"WNA_solar": [0.00273615]},
    ),
    "climate/narr_monthly_surface_solar_wm2_by_state_1979_2023.csv.gz": (
        {
            "n.txt": "YYYY  MM  tt  " + "  ".join(f"ID_{n:02d}" for n in range(1, 57)) + "\n"
            "1979  01  01  127.16  -9999.00  -9999.00  143.47" + "  99.00" * 52 + "\n"
        },
        {"YYYY": [1979], "MM": [1], "AL": [127.16], "AZ": [143.47]},
    ),
    "oet_efuels/custom_powerplants_us_2023.csv.gz": (
        {"p.csv": ",Name,Fueltype,Capacity,DateIn,lat,lon\n0,Sand Point 1,oil,0.9,2000.0,55.339722,-160.497222\n"},
        {"index": [0], "Name": ["Sand Point 1"], "Capacity": [0.9], "DateIn": [2000]},
    ),
    "wri_gppd/china_wri_raw_2017.csv.gz": (
        {
            "w.csv": ",".join([*tables.WRI_CHINA, "URL"]) + "\n"
            "1000453,Xiluodu,Hydro,12600,2013,Operational,28.26,103.65,Chinese National Committee on Large Dams,http\n"
        },
        {"Name": ["Xiluodu"], "Capacity (MW)": [12600], "Longitude": [103.65]},
    ),
}  # fmt: skip


def _made(path: str, texts: dict[str, str], folder: Path) -> pd.DataFrame:
    parts = []
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        parts.append(folder / name)
    made = RULES[path](parts)
    assert isinstance(made, pd.DataFrame)
    return made


@pytest.mark.parametrize("path", PUBLISHED)
def test_rules_know_the_public_files(path: str, tmp_path: Path) -> None:
    texts, expected = PUBLISHED[path]
    made = _made(path, texts, tmp_path)
    for column, values in expected.items():
        assert len(made) == len(values)  # type: ignore[arg-type]
        pd.testing.assert_series_equal(
            made[column], pd.Series(values, index=made.index), check_dtype=False, check_names=False, rtol=1e-6
        )


@pytest.mark.parametrize("path", PUBLISHED)
def test_rules_give_what_the_build_reads(path: str, tmp_path: Path, originals: Path) -> None:
    """The rows made from the lines above are rows of the file at hand."""
    texts, expected = PUBLISHED[path]
    made = _made(path, texts, tmp_path)[list(expected)]
    known = pd.read_parquet(originals / path) if path.endswith(".parquet") else pd.read_csv(originals / path)
    known = known[list(expected)]
    numbers = made.select_dtypes("number").columns
    words = [name for name in made.columns if name not in numbers]
    for row in made.itertuples(index=False):
        here = known
        for name, value in zip(made.columns, row, strict=True):
            if name in words:
                here = here[here[name].isna() if pd.isna(value) else here[name] == value]
            elif not pd.isna(value):
                here = here[np.isclose(here[name].astype(float), float(value), rtol=1e-6, atol=1e-9)]
        assert len(here) >= 1, row


def test_authorities_are_cleaned_summed_or_raw(tmp_path: Path) -> None:
    def write(folder: str, name: str, column: str, hour: str, mw: int) -> Path:
        path = tmp_path / folder / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"date_time,{column}\n{hour},{mw}\n", encoding="utf-8")
        return path

    cleaned, raw, early, late = "cleaned demand (MW)", "demand (MW)", "2016-01-01 00:00:00", "2020-01-01 00:00:00"
    parts = [write("balancing_authorities", name, cleaned, early, 1) for name in ("PJM", "SOCO", "NYIS")]
    parts += [
        write("subregions_and_balancing_authorities", name, cleaned, late, 2) for name in ("PJM-AE", "PJM-AP", "SOCO")
    ]
    rule = RULES["truggles_eia930/hourly_demand_22ba_mw_utc_2016_2024.parquet"]
    with pytest.raises(GridDataError, match=r"one half only: .*NYIS"):
        rule(parts)
    made = rule([*parts, write("original_eia_files", "NYIS", raw, late, 19437)])
    assert made.shape == (78912, 3)
    assert made.loc["2016-01-01 00:00+00:00"].tolist() == [1.0, 1.0, 1.0]
    assert made.loc["2020-01-01 00:00+00:00"].tolist() == [4.0, 2.0, 19437.0]
    assert made.isna().sum().tolist() == [78910] * 3


def test_workbooks_are_read_below_their_titles(tmp_path: Path) -> None:
    head = [name.replace("Capacity (", "Capacity\n(") for name in tables.STATE_CAPACITY]
    rows = [[year, "AK", "Total Electric Power Industry", "Coal", 3, 1, 27.5, 25.7] for year in (2022, 2023, 2024)]
    sheet = pd.DataFrame([["Existing capacity", *[None] * 7], head, *rows, ["Source: EIA", *[None] * 7]])
    with pd.ExcelWriter(tmp_path / "c.xlsx") as book:
        pd.DataFrame([["contents"]]).to_excel(book, sheet_name="Notes", index=False, header=False)
        sheet.to_excel(book, sheet_name="Existing", index=False, header=False)
    assert len(tables.state_capacity([tmp_path / "c.xlsx"])) == 3
    recent = tables.state_capacity_from(2023)([tmp_path / "c.xlsx"])
    assert list(recent.columns) == list(tables.STATE_CAPACITY)
    assert recent["Year"].astype(int).tolist() == [2023, 2024]
    with pytest.raises(GridDataError, match="no sheet with the columns"):
        tables.coal_units([tmp_path / "c.xlsx"])


def test_packages_are_read_without_being_installed(tmp_path: Path) -> None:
    folder = "powersimdata/network/usa_tamu/data"
    with zipfile.ZipFile(tmp_path / "p.whl", "w") as wheel:
        wheel.writestr(f"{folder}/bus.csv", "bus_id,Pd,zone_id\n1,4.0,1\n2,6.0,1\n3,0.0,2\n")
        wheel.writestr(f"{folder}/bus2sub.csv", "bus_id,sub_id\n1,7\n2,7\n3,8\n")
        wheel.writestr(f"{folder}/sub.csv", "sub_id,lat,lon,interconnect\n7,43.9,-70.2,Eastern\n8,44.1,-70.3,Eastern\n")
        wheel.writestr(f"{folder}/zone.csv", "zone_id,state\n1,Maine\n2,Ohio\n")
    made = tables.substation_load([tmp_path / "p.whl"])
    assert made.to_dict("records") == [
        {"sub_id": 7, "lat": 43.9, "lon": -70.2, "state": "Maine", "interconnect": "Eastern", "Pd": 10.0}
    ]
    with pytest.raises(KeyError):
        tables.packaged("nowhere.csv")([tmp_path / "p.whl"])


def test_outlines_are_simplified(tmp_path: Path) -> None:
    shapefile = pytest.importorskip("shapefile")
    with shapefile.Writer(str(tmp_path / "x.shp"), encoding="utf-8") as writer:
        for name in tables.PROVINCE_NAMES:
            writer.field(name, "C", 60)
        writer.poly([[[100.0, 30.0], [100.0, 31.0], [100.5, 31.001], [101.0, 31.0], [101.0, 30.0], [100.0, 30.0]]])
        writer.record("Gansu Province", "甘肃省", "CN062")
    made = json.loads(tables.simplified_provinces([tmp_path / "x.dbf", tmp_path / "x.shp"]))
    (feature,) = made["features"]
    assert feature["properties"] == {"ADM1_EN": "Gansu Province", "ADM1_ZH": "甘肃省", "ADM1_PCODE": "CN062"}
    assert len(feature["geometry"]["coordinates"][0]) == 5


def _turned_back(path: str, known: Path, folder: Path) -> list[Path]:
    """Public files as they would be, had they only the figures that the build reads."""
    part = folder / "part"
    if path.endswith(".nc"):
        with xr.open_dataset(known) as file:
            for name, field in (("scf_annual", "solar_cf"), ("wcf_annual", "wind_cf_100m")):
                for factor in (0.9, 1.1):
                    values = (("latitude", "longitude"), file[field].values * factor)
                    xr.Dataset({name: values}).to_netcdf(folder / f"{name}{factor}.nc", engine="netcdf4")
        return sorted(folder.glob("*.nc"))
    table = pd.read_csv(known)
    if path.startswith("ncep"):
        cube = np.full((12, 73, 144), np.nan)
        for row in table.itertuples(index=False):
            cube[:, round((90.0 - row[0]) / 2.5), round(row[1] / 2.5)] = row[2:]
        coords = {"time": np.arange(12.0), "lat": 90.0 - 2.5 * np.arange(73), "lon": 2.5 * np.arange(144)}
        air = (("time", "lat", "lon"), cube, {"units": "degC"})
        xr.Dataset({"air": air}, coords=coords).to_netcdf(part, engine="netcdf4")
    elif path.startswith("climate"):
        numbers = {state: f"ID_{number}" for number, state in STATE_OF_FIPS.items()}
        part.write_text(table.rename(columns=numbers).assign(tt=1).to_string(index=False), encoding="utf-8")
    elif path.startswith("eia_international"):
        table["series"] = "    " + table["series"]
        table.drop(columns="country").rename(columns={"series": ""}).to_csv(part, index=False)
    else:
        table.assign(country="USA", owner="x").to_csv(part, index=False)
    return [part]


@pytest.mark.parametrize(
    "path",
    [
        "ncep_air_climatology/air_sig995_monthly_us_2p5deg.csv",
        "ncep_air_climatology/air_sig995_monthly_china_2p5deg.csv",
        "climate/narr_monthly_surface_solar_wm2_by_state_1979_2023.csv.gz",
        "eia_international/generation_bkwh_us_china_1980_2022.csv.gz",
        "wri_gppd/usa_gppd_2019.csv.gz",
        "era5_merra2_regional/merra2_annual_mean_cf_2009_2018_global.nc",
    ],
)
def test_files_turned_back_come_out_again(path: str, tmp_path: Path, originals: Path) -> None:
    known = originals / path
    made = RULES[path](_turned_back(path, known, tmp_path))
    if path.endswith(".nc"):
        with xr.open_dataset(known) as file:
            xr.testing.assert_allclose(made, file.drop_attrs(), atol=1e-6)
        return
    made.to_csv(tmp_path / "again.csv", index=False)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "again.csv"), pd.read_csv(known))


# ---- the folder ------------------------------------------------------------------------------------------------
