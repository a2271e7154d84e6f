"""What a networked run adds to the result: isolated, networked and copper-plate headroom, and which cuts bind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from capacity.country import CountryResult
from capacity.network.hours import NetworkHours, cut_name, main_cut


def variables(results: Sequence[CountryResult]) -> dict[str, xr.Variable]:
    """Variables over draws by country, over areas, and over groups; none for a run of islands."""
    joined = [result.network for result in results if result.network is not None]
    if len(joined) < len(results):
        return {}
    return _by_country(joined) | _by_area(joined) | _by_group(results, joined)


def _by_country(joined: Sequence[NetworkHours]) -> dict[str, xr.Variable]:
    texts = {
        "isolated_headroom_mw": ("isolated_mw", "MW", "Headroom of areas that import nothing, sum of areas"),
        "copper_plate_headroom_mw": ("copper_plate_mw", "MW", "Headroom if transfers inside a group had no limit"),
        "native_unserved_mwh": ("native_unserved_mwh", "MWh", "Native load left unserved before any new load"),
    }
    found = {}
    for name, (field, units, text) in texts.items():
        values = np.stack([getattr(hours, field).sum(axis=1) for hours in joined], axis=-1)
        found[name] = _variable(("year", "draw", "country"), values.swapaxes(0, 1), units, text)
    return found


def _by_area(joined: Sequence[NetworkHours]) -> dict[str, xr.Variable]:
    texts = {
        "area_isolated_headroom_mw_mean": ("isolated_mw", "MW", "Headroom of the area on its own, mean over draws"),
        "area_short_share": (
            "short_share",
            "1",
            "Share of its group's curtailed hours in which the area is on the short side of the cut, mean over draws",
        ),
    }
    return {
        name: _variable(
            ("year", "area"), np.concatenate([getattr(h, field).mean(axis=0) for h in joined]).T, units, text
        )
        for name, (field, units, text) in texts.items()
    }


def _by_group(results: Sequence[CountryResult], joined: Sequence[NetworkHours]) -> dict[str, xr.Variable]:
    """The short side that binds most often, in words, over (year, group); groups in the order of `group_name`."""
    names, cuts, shares = [], [], []
    for result, hours in zip(results, joined, strict=True):
        for g, group in enumerate(hours.groups):
            years = range(hours.firm_mw.shape[2])
            main = [main_cut(hours, (g, y)) for y in years]
            names.append(group.name)
            cuts.append([cut_name(side, group, result.fleet.areas) for side, _ in main])
            shares.append([share for _, share in main])
    text = "Areas on the short side of the cut that binds in most curtailed hours over draws"
    return {
        "group_name": xr.Variable(
            ("group",), np.array(names), {"units": "1", "long_name": "Areas that exchange power"}
        ),
        "binding_cut": xr.Variable(("year", "group"), np.array(cuts).T, {"units": "1", "long_name": text}),
        "binding_cut_share": _variable(
            ("year", "group"), np.array(shares).T, "1", "Share of curtailed hours over draws in which that cut binds"
        ),
    }


def _variable(dims: tuple[str, ...], values: np.ndarray, units: str, text: str) -> xr.Variable:
    return xr.Variable(dims, np.ascontiguousarray(values), {"units": units, "long_name": text})
