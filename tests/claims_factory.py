"""A made-up result of all scenarios that the claims need. TEST MATERIAL: no number is a finding.

Simple rules, so that answers are known: China's supply grows by 5 % a year and that of the US by half a percent; power
limits six tenths of US compute, chips seven tenths of China's; China has a fifth of the compute; plans add a tenth; a
bust in 2027 takes half of US compute for four years.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from grid_factory import tiny_grid

from capacity.claims import growth, limits, money
from capacity.claims.evidence import Evidence, pinned
from capacity.claims.judge import NEEDS
from scenarios import load

DRAWS = 24
YEARS = np.arange(2025, 2041)
LIMITS = ("grid", "siting", "interconnection", "equipment", "chips", "capital")
SHARES = {"US": (0.1, 0.05, 0.35, 0.1, 0.3, 0.1), "CN": (0.05, 0.05, 0.1, 0.0, 0.7, 0.1)}


def evidence(**changed: np.ndarray) -> Evidence:
    """Evidence of made-up numbers; `changed` puts other values in the place of variables."""
    names = list(dict.fromkeys(name for needed in NEEDS.values() for name in needed))
    reference = load(["reference"])[0]
    said = {
        money.BUST: {"us.bust_year": 2027.0},
        money.SHOCK_LOW: {"demand_rebound": 0.6},
        money.SHOCK_HIGH: {"demand_rebound": 1.3},
    }
    scenarios = {name: pinned(reference, name, said.get(name, {})) for name in names}
    dims = ("scenario", "country", "draw", "year")
    coords = {
        "scenario": names,
        "country": ["US", "CN"],
        "draw": np.arange(DRAWS),
        "year": YEARS,
        "limit": list(LIMITS),
    }
    shares = np.array([SHARES["US"], SHARES["CN"]])[None, :, None, None, :] * np.ones(
        (len(names), 2, DRAWS, YEARS.size, 1)
    )
    variables = {name: (dims, values) for name, values in (_values(names) | changed).items()}
    attrs = {"seed": np.uint64(3), "gridflops_version": "0", "device": "cpu"}
    result = xr.Dataset(variables | {"binding_share": ((*dims, "limit"), shares)}, coords, attrs)
    fleet = 1e6 * np.ones((len(names), 2, DRAWS, YEARS.size, 2)) + 5e3 * np.arange(YEARS.size)[:, None]
    result["nameplate_mw"] = ((*dims, "technology"), fleet)
    return Evidence(tiny_grid(), result, scenarios)


def _values(names: list[str]) -> dict[str, np.ndarray]:
    """Values (scenario, country, draw, year) of every variable."""
    after = (YEARS - YEARS[0]).astype(float)
    luck = np.exp(0.1 * np.linspace(-1, 1, DRAWS))[None, None, :, None]
    size = np.array([1.0, 0.2])[None, :, None, None]
    grown = np.array([1.005, 1.05])[:, None] ** after
    factor = np.ones((len(names), 2, DRAWS, YEARS.size))
    factor[names.index(growth.SWAPPED), 0] *= 1.1
    factor[names.index(growth.SWAPPED), 1] *= 0.9
    factor[names.index(growth.REFORM), 0] *= 1.2
    factor[names.index(money.BUST), 0][:, (YEARS >= 2027) & (YEARS < 2031)] = 0.5
    factor[names.index(limits.FASTER["US"]), 0] *= 1.05
    power = factor.copy()
    for name, more in ((money.SHOCK_LOW, 0.9), (money.SHOCK_DRAWN, 0.97), (money.SHOCK_HIGH, 1.1)):
        power[names.index(name)] *= more
    gain = np.where([name in money.REBOUND for name in names], 1.5, 1.0)[:, None, None, None]
    supply = 1e9 * np.array([4.3, 11.0])[None, :, None, None] * grown[None, :, None, :]
    compute = 1e30 * size * luck * np.exp(0.3 * after)
    bust = np.zeros_like(factor)
    bust[names.index(money.BUST), 0, :, 2:8] = 1.0
    bust[names.index("reference"), 0, ::3, 5:] = 1.0
    return {
        "supply_mwh": supply * factor,
        "deployed_mw": 30e3 * size * luck * power,
        "deployed_flop_per_year": compute * power,
        "effective_flop_per_year": compute * power * gain,
        "deployed_h100e": compute * power / 3e22,
        "capital_busd": 500.0 * size * luck * power,
        "idle_mw": 3e3 * size * luck * (2.0 - factor),
        "bust": bust,
        "operated_mw": 25e3 * size * luck * factor,
        "operated_mwh": 25e3 * size * luck * factor * 8760 * 0.6,
        "hostable_mw": 60e3 * size * luck * factor,
        "it_power_mw": 48e3 * size * luck * factor,
        "h100e_per_gw": 2e5 * np.ones_like(factor),
        "h100e_per_h100e": 0.7 * np.ones_like(factor),
    }
