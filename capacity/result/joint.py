"""Variables of the result that say what is deployed and run, and what limits it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.limits import joint

Floats = NDArray[np.float64]
Pick = Callable[[joint.Joint], Floats]


def _total(name: str) -> Pick:
    def pick(found: joint.Joint) -> Floats:
        values: Floats = getattr(found.deployment, name)
        return values.sum(axis=1)

    return pick


def _own(name: str) -> Pick:
    def pick(found: joint.Joint) -> Floats:
        values: Floats = getattr(found, name)
        return values

    return pick


COUNTRY_VARIABLES: Mapping[str, tuple[Pick, str, str]] = {
    "energised_queue_mw": (
        _total("queue_mw"),
        "MW",
        "New load that the connection queue has let through, power made on site aside, sum of areas",
    ),
    "onsite_mw": (_total("onsite_mw"), "MW", "New load with power made on site, sum of areas"),
    "deployed_mw": (
        _total("deployed_mw"),
        "MW",
        "New load connected: within grid, cells, queue and equipment, and on-site power; sum of areas",
    ),
    "supported_mw": (
        _total("supported_mw"),
        "MW",
        "Deployed load that the grid of that year can run, on-site power included, sum of areas",
    ),
    "operated_mw": (_own("operated_mw"), "MW", "Facility power of deployed load that accelerators in use draw"),
    "idle_mw": (_own("idle_mw"), "MW", "Deployed load without accelerators in use or without power this year"),
    "operated_mwh": (_own("operated_mwh"), "MWh", "Energy of the operated load in a year at its load factor"),
    "chips_available_h100e": (
        _own("chips_available_h100e"),
        "1",
        "Accelerators owned or on sale, the stock of 2025 included, in H100-equivalents",
    ),
    "capital_busd": (
        lambda found: found.capital.spending_busd,
        "bn_usd_2025",
        "Spending in the year on accelerators and the buildings for them; 0 before 2026",
    ),
    "bust": (lambda found: found.capital.bust, "1", "1 while spending has broken off, else 0"),
    "deployed_h100e": (
        _own("deployed_h100e"),
        "1",
        "Accelerators in use under all limits, the stock of 2025 included, in H100-equivalents",
    ),
    "deployed_flop_per_s": (_own("deployed_flop_per_s"), "FLOP/s", "Dense peak at BF16 of accelerators in use"),
    "deployed_ops_8bit_per_s": (
        _own("deployed_ops_8bit_per_s"),
        "OP/s",
        "Dense 8-bit peak of accelerators in use",
    ),
    "deployed_flop_per_year": (
        _own("deployed_flop_per_year"),
        "FLOP",
        "Delivered in a year by accelerators in use: peak x precision factor x MFU x busy share x uncurtailed share",
    ),
    "effective_flop_per_year": (
        _own("effective_flop_per_year"),
        "FLOP",
        "The same times the algorithmic factor: compute that algorithms of 2025 would need",
    ),
    "largest_run_flop": (
        _own("largest_run_flop"),
        "FLOP",
        "Largest feasible training run, on one campus or spread over a firm's sites",
    ),
    "campus_run_flop": (_own("campus_run_flop"), "FLOP", "Largest feasible training run on a single campus"),
    "tokens_per_day": (
        _own("tokens_per_day"),
        "1/day",
        "Tokens a day that inference can give, of a model with the capability of 2025",
    ),
    "h100e_per_gw": (_own("h100e_per_gw"), "1/GW", "Accelerators that one more gigawatt of IT power would run"),
    "h100e_per_h100e": (
        _own("h100e_per_h100e"),
        "1",
        "Accelerators that one more new accelerator on sale would add",
    ),
    "h100e_per_busd": (
        _own("h100e_per_busd"),
        "1/bn_usd_2025",
        "Accelerators that one more billion dollars of 2025 would add",
    ),
}
SHARE_TEXT = "Part of a limit in the accelerators in use: its shadow price times its amount over the total"


def country_variables(found: Sequence[joint.Joint]) -> dict[str, xr.Variable]:
    """National variables (year, draw, country), and shares with the limit in the end."""
    made = {
        name: _variable(("year", "draw", "country"), np.stack([pick(j) for j in found], -1).swapaxes(0, 1), units, text)
        for name, (pick, units, text) in COUNTRY_VARIABLES.items()
    }
    shares = np.stack([j.shares for j in found], axis=2).swapaxes(0, 1)
    made["binding_share"] = _variable(("year", "draw", "country", "limit"), shares, "1", SHARE_TEXT)
    return made


def area_shares(found: Sequence[joint.Joint]) -> xr.Variable:
    """Shares (year, area, limit), mean over draws."""
    shares = np.concatenate([joint.area_shares(j) for j in found], axis=0)
    return _variable(("year", "area", "limit"), shares.swapaxes(0, 1), "1", f"{SHARE_TEXT}, mean over draws")


def area_deployed(found: Sequence[joint.Joint]) -> Floats:
    """Deployed load (draw, area, year) of all countries' areas. [MW]"""
    return np.concatenate([j.deployment.deployed_mw for j in found], axis=1)


def _variable(dims: tuple[str, ...], values: Floats, units: str, text: str) -> xr.Variable:
    return xr.Variable(dims, np.ascontiguousarray(values), {"units": units, "long_name": text})
