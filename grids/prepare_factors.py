"""Rules that prepare hourly wind and solar: China's provinces from ERA5, and what US operators and EIA-860 publish."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from grids.sources.checks import Frame, require_columns
from grids.variables import GridDataError

PROFILE_TECHNOLOGIES: Final = ("onwind", "offwind", "solar")
FACTOR_DECIMALS: Final = 5
TEMPERATURE_KEY: Final = "temperature"
TEMPERATURE_DECIMALS: Final = 2

OPERATOR_FOLDER: Final = "source/validation_datasets"
CENTRAL: Final = "US/Central as published"
EASTERN: Final = "US/Eastern prevailing hour-beginning (Nov repeat hour folded)"
EST: Final = "EST hour-beginning"
UTC: Final = "UTC hour-beginning"
ERCOT_YEARS: Final = {"wind": range(2012, 2023), "solar": range(2021, 2023)}
OUTPUT_NAMES: Final = {
    "wind": ("ERCOT.WIND.GEN", "Total Wind Output, MW", "Total Wind Output at Hour", "Hourly Wind Output"),
    "solar": ("ERCOT.PVGR.GEN", "Total Solar Output, MW"),
}
INSTALLED_NAMES: Final = {
    "wind": ("Total Wind Installed, MW", "Installed Wind Capacity", "Wind Capacity Installed"),
    "solar": ("Total Solar Installed, MW",),
}
TIME_NAMES: Final = ("time-date stamp", "Time (Hour-Ending)")
HEADER_WITHIN_ROWS: Final = 10
REPEATED_HOUR: Final = "02X"
"""New England's name of the hour that occurs twice in November."""
EASTERN_STANDARD_FROM_UTC_H: Final = 5
NYISO_STEP_MINUTES: Final = 5
PLANT_YEAR: Final = 2020
PLANT_COLUMNS: Final = ("Plant Code", "Balancing Authority Code")
UNIT_COLUMNS: Final = ("Plant Code", "Nameplate Capacity (MW)", "Operating Month", "Operating Year")


def china_profiles(parts: Sequence[Path]) -> Frame:
    """Hourly factors of the provinces as a long table: time as published, province, tech, cf. float32.

    `parts` are the files that atlite wrote, `profile_onwind.nc` and so on, each with `profile` on (time, bus).
    """
    import pandas as pd
    import xarray as xr

    tables = []
    for part in parts:
        tech = part.stem.removeprefix("profile_")
        if tech not in PROFILE_TECHNOLOGIES:
            raise GridDataError(f"{part}: named for none of {', '.join(PROFILE_TECHNOLOGIES)}")
        with xr.open_dataset(part, engine="netcdf4") as file:
            if "profile" not in file or set(file["profile"].dims) != {"time", "bus"}:
                raise GridDataError(f"{part}: no profile on time and bus")
            wide = pd.DataFrame(file["profile"].transpose("time", "bus").to_pandas())
        wide.index = pd.DatetimeIndex(wide.index).tz_localize(None)
        flat = wide.rename_axis(index="time", columns=None).reset_index()
        long = flat.melt(id_vars="time", var_name="province", value_name="cf")
        long["cf"] = long["cf"].astype(np.float64).round(FACTOR_DECIMALS).astype(np.float32)
        tables.append(long.assign(tech=tech, province=long["province"].astype(str)))
    table: Frame = pd.concat(tables, ignore_index=True)
    return table[["time", "province", "tech", "cf"]]


def china_temperature(parts: Sequence[Path]) -> Frame:
    """Hourly mean temperature of the provinces by people, degC, from a pandas table in an HDF5 file. float32."""
    import h5py
    import pandas as pd

    with h5py.File(parts[0]) as file:
        if TEMPERATURE_KEY not in file or "block0_values" not in file[TEMPERATURE_KEY]:
            raise GridDataError(f"{parts[0]}: no table {TEMPERATURE_KEY!r}")
        group = file[TEMPERATURE_KEY]
        names = [name.decode() if isinstance(name, bytes) else str(name) for name in group["block0_items"][:]]
        unit = "us" if "[us]" in str(group["axis1"].attrs.get("kind", "")) else "ns"
        hours = pd.DatetimeIndex(group["axis1"][:].astype(f"datetime64[{unit}]"), name="time")
        values = group["block0_values"][:]
    table = pd.DataFrame(values.astype(np.float64).round(TEMPERATURE_DECIMALS), index=hours, columns=names)
    return table.astype(np.float32)


def us_operators(parts: Sequence[Path]) -> Frame:
    """Hourly wind and solar of ERCOT, MISO, ISO New England and NYISO with the capacity that stood behind it.

    `parts` holds the archive of the repository that collects them. Columns ba, tech, time and time_basis (the clock
    as published), mw, cap_mw (of the operator for ERCOT, else EIA-860 of 2020 by month, NaN after 2020), cf.
    """
    import pandas as pd

    with zipfile.ZipFile(parts[0]) as archive:
        files = {name.split("/", 1)[-1]: name for name in archive.namelist()}
        files = {name: full for name, full in files.items() if name.startswith(OPERATOR_FOLDER + "/")}
        capacity = nameplate(archive, files)
        series = [
            ("ERCO", "solar", CENTRAL, ercot(archive, files, "solar")),
            ("ERCO", "wind", CENTRAL, ercot(archive, files, "wind")),
            ("ISNE", "solar", EASTERN, new_england(archive, files, "solar")),
            ("ISNE", "wind", EASTERN, new_england(archive, files, "wind")),
            ("MISO", "wind", EST, miso(archive, files)),
            ("NYIS", "wind", UTC, nyiso(archive, files)),
        ]
    tables = []
    for ba, tech, basis, table in series:
        if "cap_mw" not in table:
            months = pd.DatetimeIndex(table["time"]).to_period("M")
            table["cap_mw"] = capacity[ba, tech].reindex(months).to_numpy()
        tables.append(table.assign(ba=ba, tech=tech, time_basis=basis))
    whole: Frame = pd.concat(tables, ignore_index=True)
    numbers = {name: whole[name].astype(np.float32) for name in ("mw", "cap_mw")}
    whole = whole.assign(**numbers, cf=(whole["mw"] / whole["cap_mw"]).astype(np.float32))
    return whole[["ba", "tech", "time", "time_basis", "mw", "cap_mw", "cf"]]


def _members(files: Mapping[str, str], pattern: str) -> list[tuple[re.Match[str], str]]:
    """(match, member) of the files below the operators' folder whose path matches; GridDataError for none."""
    found = [(match, files[name]) for name in sorted(files) if (match := re.search(pattern, name)) is not None]
    if not found:
        raise GridDataError(f"the archive has no file {pattern} below {OPERATOR_FOLDER}")
    return found


def miso(archive: zipfile.ZipFile, files: Mapping[str, str]) -> Frame:
    """Wind of MISO: lines of day, hour ending 1-24 in EST, and MWh, under a head of seven lines; a note at the end."""
    import pandas as pd

    tables = []
    for _, member in _members(files, r"/MISO/\d{8}_hwd_hist\.csv$|/MISO/\d{8}_hwd_HIST\.csv$"):
        table = pd.read_csv(io.BytesIO(archive.read(member)), skiprows=7, dtype=str)
        table.columns = [str(name).strip() for name in table.columns]
        require_columns(table, ("Market Day", "Hour Ending", "MWh"), Path(member))
        tables.append(table[pd.to_numeric(table["Hour Ending"], errors="coerce").notna()])
    whole = pd.concat(tables, ignore_index=True)
    days = pd.to_datetime(whole["Market Day"].str.strip(), format="%m/%d/%y")
    time = days + pd.to_timedelta(whole["Hour Ending"].astype(int) - 1, unit="h")
    return pd.DataFrame({"time": time, "mw": pd.to_numeric(whole["MWh"])}).sort_values("time", ignore_index=True)


def nyiso(archive: zipfile.ZipFile, files: Mapping[str, str]) -> Frame:
    """Wind of NYISO: means over the five-minute figures of each hour, each labelled by the end of its five minutes."""
    import pandas as pd

    tables = []
    for _, member in _members(files, r"/NYISO/.*\d{8}rtfuelmix\.csv$"):
        table = pd.read_csv(io.BytesIO(archive.read(member)))
        mw = next((name for name in ("Gen MW", "Gen MWh") if name in table.columns), None)
        if mw is None:
            raise GridDataError(f"{member}: no column Gen MW or Gen MWh")
        tables.append(table.loc[table["Fuel Category"] == "Wind", ["Time Stamp", "Time Zone", mw]].set_axis(
            ["stamp", "zone", "mw"], axis="columns"
        ))  # fmt: skip
    whole = pd.concat(tables, ignore_index=True)
    # Some months write seconds, others do not.
    stamp = pd.to_datetime(whole["stamp"].str[: len("12/31/2020 23:55")], format="%m/%d/%Y %H:%M")
    begin = stamp - pd.Timedelta(minutes=NYISO_STEP_MINUTES)
    summer = pd.to_timedelta((whole["zone"] == "EDT").astype(int), unit="h")
    utc = begin - summer + pd.Timedelta(hours=EASTERN_STANDARD_FROM_UTC_H)
    hourly = whole["mw"].astype(float).groupby(utc.dt.floor("h")).mean()
    return pd.DataFrame({"time": hourly.index, "mw": hourly.to_numpy()})


def new_england(archive: zipfile.ZipFile, files: Mapping[str, str], tech: str) -> Frame:
    """Wind or solar of ISO New England: year, day, hour ending 01-24 of the clock on the wall, MW."""
    import pandas as pd

    tables = []
    for _, member in _members(files, rf"/ISONE/hourly_{tech}_gen_[\d_]+\.xlsx$"):
        table = pd.read_excel(io.BytesIO(archive.read(member)), sheet_name="HourlyData")
        table = table.iloc[:, 1:4].set_axis(["day", "hour", "mw"], axis="columns")
        tables.append(table[table["day"].notna()])
    whole = pd.concat(tables, ignore_index=True)
    hour = whole["hour"].astype(str).replace(REPEATED_HOUR, "02").astype(float).astype(int) - 1
    time = pd.to_datetime(whole["day"]).dt.normalize() + pd.to_timedelta(hour, unit="h")
    table = pd.DataFrame({"time": time, "mw": pd.to_numeric(whole["mw"])})
    return table.sort_values("time", kind="stable", ignore_index=True)


def ercot(archive: zipfile.ZipFile, files: Mapping[str, str], tech: str) -> Frame:
    """Wind or solar of ERCOT with its installed MW; of two equal labels in November the first.

    Labels that begin a year at 01:00 end their hour; those are moved to its beginning.
    """
    import pandas as pd

    books = {int(match[1]): member for match, member in _members(files, r"/ERCOT/.*ERCOT_(\d{4})_Hourly_Wind")}
    missing = [year for year in ERCOT_YEARS[tech] if year not in books]
    if missing:
        raise GridDataError(f"no ERCOT {tech} for {missing} in the archive")
    tables = []
    for year in ERCOT_YEARS[tech]:
        table = _ercot_sheet(archive, books[year], tech)
        if table["time"].min() == pd.Timestamp(year, 1, 1, 1):
            table["time"] -= pd.Timedelta(hours=1)
        inside = table["time"].dt.year == year
        tables.append(table[inside & ~table["time"].duplicated()])
    whole: Frame = pd.concat(tables, ignore_index=True)
    return whole.sort_values("time", ignore_index=True)


def _ercot_sheet(archive: zipfile.ZipFile, member: str, tech: str) -> Frame:
    import pandas as pd

    for content in _workbooks(archive, member):
        with pd.ExcelFile(content) as book:
            for name in book.sheet_names:
                raw = pd.read_excel(book, sheet_name=name, header=None)
                found = _ercot_head(raw, tech)
                if found is not None:
                    row, time, output, installed = found
                    columns = {"time": raw[time], "mw": raw[output], "cap_mw": raw[installed]}
                    table = pd.DataFrame(columns).iloc[row + 1 :]
                    table["time"] = pd.to_datetime(table["time"], errors="coerce").dt.round("h")
                    table[["mw", "cap_mw"]] = table[["mw", "cap_mw"]].apply(pd.to_numeric, errors="coerce")
                    return table[table["time"].notna()].reset_index(drop=True)
    raise GridDataError(f"{member}: no sheet with the output and the installed MW of {tech}")


def _workbooks(archive: zipfile.ZipFile, member: str) -> Iterator[io.BytesIO]:
    """The workbook itself, or those inside a zip file."""
    content = io.BytesIO(archive.read(member))
    if not member.endswith(".zip"):
        yield content
        return
    with zipfile.ZipFile(content) as inner:
        for name in inner.namelist():
            if name.lower().endswith((".xls", ".xlsx")):
                yield io.BytesIO(inner.read(name))


def _ercot_head(raw: Frame, tech: str) -> tuple[int, Any, Any, Any] | None:
    """Row of the heads, and the columns of time, output and installed MW; time is the first where it has no name."""
    for row in range(min(HEADER_WITHIN_ROWS, len(raw))):
        heads = {" ".join(str(value).split()): column for column, value in raw.iloc[row].items()}
        output = next((heads[name] for name in OUTPUT_NAMES[tech] if name in heads), None)
        installed = next((heads[name] for name in INSTALLED_NAMES[tech] if name in heads), None)
        if output is not None and installed is not None:
            time = next((heads[name] for name in TIME_NAMES if name in heads), raw.columns[0])
            return row, time, output, installed
    return None


def nameplate(archive: zipfile.ZipFile, files: Mapping[str, str]) -> dict[tuple[str, str], Any]:
    """Nameplate MW by (authority, technology) and month, 2008-2020, from EIA-860 of 2020.

    A unit counts from the month in which it began to operate to the one before it retired.
    """
    import pandas as pd

    plants = _eia_sheets(archive, files, r"/EIA860/.*2___Plant_Y2020\.xlsx$", PLANT_COLUMNS)
    of_plant: dict[Any, Any] = (
        pd.concat(plants).drop_duplicates("Plant Code").set_index("Plant Code")["Balancing Authority Code"].to_dict()
    )
    months = pd.period_range("2008-01", f"{PLANT_YEAR}-12", freq="M")
    out: dict[tuple[str, str], Any] = {}
    for tech, name in (("wind", "3_2_Wind"), ("solar", "3_3_Solar")):
        units = pd.concat(_eia_sheets(archive, files, rf"/EIA860/.*{name}_Y2020\.xlsx$", UNIT_COLUMNS))
        units["ba"] = units["Plant Code"].map(of_plant)
        begin = _month(units, "Operating")
        end = _month(units, "Retirement") if "Retirement Year" in units else pd.Series(np.inf, index=units.index)
        mw = pd.to_numeric(units["Nameplate Capacity (MW)"], errors="coerce").to_numpy()
        ordinal = np.array([month.year * 12 + month.month for month in months])[:, None]
        running = (begin.to_numpy() <= ordinal) & (ordinal < end.fillna(np.inf).to_numpy())
        for ba in sorted(units["ba"].dropna().unique()):
            own = (units["ba"] == ba).to_numpy() & np.isfinite(mw)
            out[str(ba), tech] = pd.Series(running[:, own] @ mw[own], index=months)
    return out


def _month(units: Frame, kind: str) -> Any:
    """Months since the year 0, NaN where none is given."""
    import pandas as pd

    year, month = (pd.to_numeric(units[f"{kind} {word}"], errors="coerce") for word in ("Year", "Month"))
    return year * 12 + month


def _eia_sheets(
    archive: zipfile.ZipFile, files: Mapping[str, str], pattern: str, columns: Sequence[str]
) -> list[Frame]:
    """The sheets of a workbook of EIA-860 that have these columns, under a title of one line; never planned units."""
    import pandas as pd

    (_, member), *_ = _members(files, pattern)
    wanted = (*columns, "Retirement Month", "Retirement Year")
    found = []
    with pd.ExcelFile(io.BytesIO(archive.read(member))) as book:
        for name in book.sheet_names:
            table = pd.read_excel(book, sheet_name=name, skiprows=1)
            if set(columns) <= set(table.columns) and "proposed" not in str(name).lower():
                kept = table[[column for column in wanted if column in table.columns]]
                found.append(kept[kept["Plant Code"].notna()])
    if not found:
        raise GridDataError(f"{member}: no sheet with {', '.join(columns)}")
    return found
