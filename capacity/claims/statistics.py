"""The statistics behind the claims: pure functions of a result Dataset or of arrays (draw,) and (draw, year).

Units are those of the inputs; growth rates and shares are fractions, never percent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.errors import CapacityError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

POWER = ("grid", "siting", "interconnection", "equipment")
"""Limits that keep power from a site; the other two are chips and capital."""
KINDS: dict[str, tuple[str, ...]] = {"power": POWER, "chips": ("chips",), "capital": ("capital",)}
RECOVERED = 0.95
"""Share of the path without the event from which compute counts as recovered; label J."""


def drawn(result: xr.Dataset, name: str, country: str, scenario: str) -> Floats:
    """Values (draw, year) of a country's variable. Raises CapacityError where the result does not hold them."""
    if name not in result:
        raise CapacityError(f"the result has no variable {name!r}")
    if scenario not in result["scenario"].to_numpy():
        raise CapacityError(f"scenario {scenario!r} was not run")
    part = result[name].sel(scenario=scenario, country=country).transpose("draw", "year")
    return np.asarray(part.to_numpy(), dtype=np.float64)


def years_of(result: xr.Dataset) -> NDArray[np.int64]:
    """Calendar years of a result."""
    return result["year"].to_numpy().astype(np.int64)


def at(result: xr.Dataset, values: Floats, year: int) -> Floats:
    """Column (draw,) of values (draw, year) in a calendar year. Raises CapacityError for a year outside the run."""
    years = years_of(result)
    if year not in years:
        raise CapacityError(f"{year} is outside the run, {years[0]}-{years[-1]}")
    return values[:, int(np.flatnonzero(years == year)[0])]


def growth_rate(first: Floats | float, last: Floats | float, years: int) -> Floats:
    """Compound growth a year from first to last, both positive. [1/yr]"""
    return np.asarray((np.asarray(last) / np.asarray(first)) ** (1.0 / years) - 1.0, dtype=np.float64)


def growth_by_origin(series: xr.DataArray, origins: Sequence[int], last: int) -> dict[int, float]:
    """Growth a year of observed generation (national_year,) from each origin to `last`. [1/yr]"""
    end = float(series.sel(national_year=last))
    return {year: float(growth_rate(float(series.sel(national_year=year)), end, last - year)) for year in origins}


def limit_shares(result: xr.Dataset, country: str, scenario: str) -> dict[str, Floats]:
    """Share (draw, year) of compute that each kind of limit accounts for: power, chips, capital; they sum to 1."""
    part = result["binding_share"].sel(scenario=scenario, country=country).transpose("draw", "year", "limit")
    names = [str(name) for name in part["limit"].to_numpy()]
    values = np.asarray(part.to_numpy(), dtype=np.float64)
    return {
        kind: np.asarray(sum(values[..., names.index(name)] for name in members)) for kind, members in KINDS.items()
    }


def largest(shares: dict[str, Floats], kind: str) -> Flags:
    """Where (draw, ...) a kind of limit has a larger share than every other."""
    others = np.stack([values for name, values in shares.items() if name != kind])
    return np.asarray(shares[kind] > others.max(axis=0))


def log_change(changed: Floats, base: Floats) -> Floats:
    """ln(changed / base) draw by draw; 0 where both are 0. Raises CapacityError where only one of them is."""
    empty = (changed <= 0.0) | (base <= 0.0)
    if (empty & (changed != base)).any():
        raise CapacityError("a paired change needs both values positive or both zero")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(empty, 1.0, changed / np.where(empty, 1.0, base))
    return np.asarray(np.log(ratio))


def loss(path: Floats, base: Floats) -> Floats:
    """Share (draw,) of the summed base (draw, year) that a path lacks; negative where it has more."""
    return np.asarray(1.0 - path.sum(axis=1) / base.sum(axis=1))


def years_to_recover(path: Floats, base: Floats, level: float = RECOVERED) -> Floats:
    """Years (draw,) from the first shortfall until the path stays at `level` x base or more to the end.

    path, base : (draw, year). 0 where it never falls short; inf where it is still short in the last year.
    """
    short = path < level * base
    count = short.shape[1]
    first = np.argmax(short, axis=1)
    last = count - 1 - np.argmax(short[:, ::-1], axis=1)
    lasting = np.where(last == count - 1, np.inf, (last - first + 1).astype(np.float64))
    return np.where(short.any(axis=1), lasting, 0.0)


def first_year_of(flags: Flags, years: NDArray[np.int64]) -> Floats:
    """First year (draw,) in which flags (draw, year) hold; inf where never."""
    return np.where(flags.any(axis=1), years[np.argmax(flags, axis=1)].astype(np.float64), np.inf)


def yearly_capital_cost(
    cost_busd_per_gw: Floats, shell_share: Floats, life_years: Floats, shell_years: float
) -> Floats:
    """Capital of one GW of IT power a year (draw,): chips over their life, the shell over its own. [10^9 $/yr]"""
    return np.asarray(cost_busd_per_gw * ((1.0 - shell_share) / life_years + shell_share / shell_years))


def energy_cost_share(
    price_usd_per_mwh: Floats, yearly_capital_busd: Floats, pue: Floats, load_factor: Floats
) -> Floats:
    """Share of the yearly cost of one GW of IT power that is electricity, all inputs (draw,). [1]"""
    energy = price_usd_per_mwh * 8760.0 * 1000.0 * pue * load_factor / 1e9
    return np.asarray(energy / (energy + yearly_capital_busd))


def compute_change_from_price(cost_share: Floats, price_ratio: Floats) -> Floats:
    """ln change (draw,) of the compute that a fixed yearly budget buys when the power price is multiplied.

    cost_share : share of electricity in the yearly cost before the change. [1]
    """
    return np.asarray(-np.log1p(cost_share * (price_ratio - 1.0)))
