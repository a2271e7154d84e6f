"""Labelled tables of a result, with the unit in each header."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from capacity.supply import hindcast_flags

SUMMARY_QUANTILES = (0.1, 0.5, 0.9)


def summary(result: xr.Dataset) -> pd.DataFrame:
    """One row per scenario, country and year: medians over draws, hostable and deployed load with their 10-90 % bands.

    `main_limit` is the limit with the largest share in the mean over draws, `main_limit_share` that share.

    `flagged_supply` names the technologies whose series the hindcast's shipping rule flags.
    `hostable_gw_p50_se` is the Monte-Carlo standard error of the median: half the distance between the order
    statistics one binomial standard deviation below and above the middle.
    """
    places = ("scenario", "country", "year")
    index = pd.MultiIndex.from_product([result[name].to_numpy() for name in places], names=places)
    frame = pd.DataFrame({name: values.ravel() for name, values in _figures(result).items()}, index=index)
    flagged = {country: hindcast_flags.flagged(result, str(country)) for country in result["country"].to_numpy()}
    return frame.reset_index().assign(flagged_supply=lambda rows: rows["country"].map(flagged))


def _figures(result: xr.Dataset) -> dict[str, NDArray[Any]]:
    """Columns of the summary, each (scenario, country, year)."""

    def draws(name: str) -> NDArray[np.float64]:
        return result[name].transpose("scenario", "country", "year", "draw").to_numpy()

    def median(name: str) -> NDArray[np.float64]:
        return np.asarray(np.median(draws(name), axis=-1))

    hostable = draws("hostable_mw") / 1e3
    low, middle, high = np.quantile(hostable, SUMMARY_QUANTILES, axis=-1)
    deployed = np.quantile(draws("deployed_mw") / 1e3, SUMMARY_QUANTILES, axis=-1)
    limit, share = main_limit(result["binding_share"].mean("draw").transpose("scenario", "country", "year", "limit"))
    return {
        "supply_twh": median("supply_mwh") / 1e6,
        "native_load_twh": median("load_mwh") / 1e6,
        "native_peak_gw": median("peak_load_mw") / 1e3,
        "firm_headroom_gw_p50": median("firm_headroom_mw") / 1e3,
        "hostable_gw_p10": low,
        "hostable_gw_p50": middle,
        "hostable_gw_p50_se": median_standard_error(hostable),
        "hostable_gw_p90": high,
        "it_power_gw_p50": median("it_power_mw") / 1e3,
        "h100e_million_p50": median("h100e") / 1e6,
        "peak_bf16_flop_per_s_p50": median("peak_flop_per_s"),
        "flop_per_year_p50": median("flop_per_year"),
        "deployed_gw_p10": deployed[0],
        "deployed_gw_p50": deployed[1],
        "deployed_gw_p90": deployed[2],
        "supported_gw_p50": median("supported_mw") / 1e3,
        "operated_gw_p50": median("operated_mw") / 1e3,
        "idle_gw_p50": median("idle_mw") / 1e3,
        "operated_twh_p50": median("operated_mwh") / 1e6,
        "main_limit": limit,
        "main_limit_share": share,
        "deployed_h100e_million_p50": median("deployed_h100e") / 1e6,
        "deployed_flop_per_year_p50": median("deployed_flop_per_year"),
        "largest_run_flop_p50": median("largest_run_flop"),
        "tokens_per_day_p50": median("tokens_per_day"),
    }


def main_limit(shares: xr.DataArray) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    """The limit with the largest share (..., limit), and that share."""
    values = shares.to_numpy()
    return shares["limit"].to_numpy().astype(str)[values.argmax(axis=-1)], values.max(axis=-1)


def median_standard_error(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard error (...) of the sample median of independent draws (..., draw), from their order statistics."""
    count = values.shape[-1]
    ordered = np.sort(values, axis=-1)
    half = 0.5 * np.sqrt(count)
    low = int(np.clip(np.floor(0.5 * count - half), 0, count - 1))
    high = int(np.clip(np.ceil(0.5 * count + half), 0, count - 1))
    return np.asarray(0.5 * (ordered[..., high] - ordered[..., low]))


def areas(result: xr.Dataset) -> pd.DataFrame:
    """One row per scenario, year and area: quantiles of hostable and deployed load and the means beside them."""
    columns = {
        f"hostable_gw_p{round(100 * q):02d}": result["area_hostable_mw"].sel(quantile=q, drop=True) / 1e3
        for q in SUMMARY_QUANTILES
    }
    columns |= {
        f"deployed_gw_p{round(100 * q):02d}": result["area_deployed_mw"].sel(quantile=q, drop=True) / 1e3
        for q in SUMMARY_QUANTILES
    }
    shares = result["area_binding_share"]
    columns |= {
        "deployed_gw_mean": result["area_deployed_mw_mean"] / 1e3,
        "main_limit": shares["limit"][shares.argmax("limit")].drop_vars("limit"),
        "main_limit_share": shares.max("limit"),
        "hostable_gw_mean": result["area_hostable_mw_mean"] / 1e3,
        "firm_headroom_gw_p50": result["area_firm_headroom_mw"].sel(quantile=0.5, drop=True) / 1e3,
        "native_load_twh_mean": result["area_load_mwh_mean"] / 1e6,
        "native_peak_gw_mean": result["area_peak_load_mw_mean"] / 1e3,
        "it_power_gw_mean": result["area_it_power_mw_mean"] / 1e3,
        "h100e_million_mean": result["area_h100e_mean"] / 1e6,
        "curtailed_hours_mean": result["area_curtailed_hours_mean"],
        "peak_pue_mean": result["area_pue_mean"],
        "siting_limited_share": result["area_siting_limited_share"],
    }
    frame = xr.Dataset(columns).to_dataframe().reset_index()
    front = ["scenario", "year", "area_country", "area", "area_name"]
    return frame[front + list(columns)]


def largest_areas(result: xr.Dataset, scenario: str, year: int, count: int = 8) -> pd.DataFrame:
    """Areas with the highest median hostable load in one scenario and year."""
    table = areas(result.sel(scenario=[scenario], year=[year]))
    return table.sort_values("hostable_gw_p50", ascending=False).head(count).reset_index(drop=True)
