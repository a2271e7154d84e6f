"""From facility power to compute: PUE by climate, accelerators by vintage, FLOP. See docs/method.md, Compute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma

from capacity.draws import CentralPath, Draws
from cuda_kernels import array_namespace, beside

Floats = NDArray[np.float64]

H100_BF16_FLOP_PER_S = 989.5e12
"""Dense BF16 peak of one NVIDIA H100 SXM (data sheet: 1,979e12 with sparsity, half of it dense)."""
SECONDS_PER_YEAR = 8760 * 3600
H100_8BIT_OPS_PER_S = 1979e12
"""Dense 8-bit peak of the same, which makes one H100-equivalent (data sheet)."""


@dataclass(frozen=True)
class Cooling:
    """Parameters (draw,) of the cooling model; temperatures in degC. See `pue`."""

    electrical_loss: Floats
    fan_loss: Floats
    free_cooling_full_c: Floats
    free_cooling_none_c: Floats
    cop_at_20c: Floats
    cop_slope: Floats
    hottest_hours_above_month_c: Floats

    @classmethod
    def of(cls, draws: Draws | CentralPath) -> Cooling:
        return cls(*(draws.scalar(f"pue_{name}") for name in cls.__dataclass_fields__))


def pue(temperature_c: Floats, cooling: Cooling) -> Floats:
    """Facility over IT power at an air temperature. [1]

    temperature_c : (...)   Outdoor air. [degC]
    cooling : parameters (draw,)

    Returns (draw, ...) >= 1: 1 + electrical loss + fan loss + m / COP, where the chiller share m rises linearly
    from 0 below `free_cooling_full_c` to 1 above `free_cooling_none_c`. Form after Lei and Masanet 2022.
    """
    return _pue(temperature_c[None], cooling)


def _pue(temperature_c: Floats, cooling: Cooling) -> Floats:
    """The same at temperatures (draw or 1, ...)."""
    shape = (-1, *([1] * (temperature_c.ndim - 1)))
    full, none = cooling.free_cooling_full_c.reshape(shape), cooling.free_cooling_none_c.reshape(shape)
    chiller = np.clip((temperature_c - full) / np.maximum(none - full, 1.0), 0.0, 1.0)
    cop = cooling.cop_at_20c.reshape(shape) - cooling.cop_slope.reshape(shape) * (temperature_c - 20.0)
    losses = (cooling.electrical_loss + cooling.fan_loss).reshape(shape)
    return 1.0 + losses + chiller / np.maximum(cop, 1.5)


def peak_pue(monthly_temperature_c: Floats, cooling: Cooling) -> Floats:
    """PUE (draw, site) in the hottest 1 % of hours, which sizes the grid connection; temperatures (site, 12)."""
    hottest = monthly_temperature_c.max(axis=-1) + cooling.hottest_hours_above_month_c[:, None]
    return _pue(hottest, cooling)


def mean_pue(monthly_temperature_c: Floats, cooling: Cooling) -> Floats:
    """Energy-weighted annual PUE (draw, site) from monthly temperatures (site, 12)."""
    return pue(monthly_temperature_c, cooling).mean(axis=-1)


def it_power_per_h100e_w(country: str, draws: Draws | CentralPath) -> Floats:
    """IT power (draw, year) per H100-equivalent of accelerators shipped in a year. [W]

    New chips improve by `flop_per_watt_growth` a year from 2025; China's besides close part of their gap to
    the frontier.
    """
    pre = country.lower()
    elapsed = (draws.years - 2025).astype(float)[None, :]
    gain = draws.parameter(f"{pre}.flop_per_watt_growth") ** elapsed
    if country == "CN":
        ratio = draws.parameter("cn.frontier_ratio_2025")
        gain = gain * np.minimum(1.0, ratio + draws.parameter("cn.frontier_closing_rate") * elapsed) / ratio
    return draws.parameter(f"{pre}.it_power_per_h100e_2025_w") / gain


def life_survival(mean_life_years: Floats, spread_years: Floats, ages: int) -> Floats:
    """Share (draw, age) of accelerators alive 0, 1, 2, ... years after shipping.

    Weibull of the given mean and standard deviation (draw,), its shape by the approximation of Justus et al. 1978.
    """
    shape = (spread_years / mean_life_years) ** -1.086
    scale = mean_life_years / gamma(1.0 + 1.0 / shape)
    age = np.arange(ages, dtype=float)[None, :]
    return np.exp(-((age / scale[:, None]) ** shape[:, None]))


def fill_with_vintages(it_power_mw: Floats, survival: Floats) -> Floats:
    """IT power (draw, area, vintage, year) by the year its accelerators shipped, filling a hosted path. [MW]

    it_power_mw : (draw, area, year)  Hosted IT power. [MW]
    survival : (draw, age)            Share of a vintage alive at each age.

    Each year new accelerators fill what survivors leave free; where the hosted power falls below the survivors,
    all vintages run down in proportion. Sums over vintages equal the hosted power.
    """
    xp = array_namespace(it_power_mw, survival)
    years = it_power_mw.shape[-1]
    shipped = xp.zeros_like(it_power_mw)
    stock = xp.zeros((*it_power_mw.shape[:2], years, years))
    for y in range(years):
        alive = shipped[..., :y] * survival[:, None, y:0:-1]
        total = alive.sum(axis=-1)
        # Divided only where it is below 1: what is left of old vintages can be too little to divide by.
        run_down = total > it_power_mw[..., y]
        keep = xp.where(run_down, it_power_mw[..., y] / xp.where(run_down, total, 1.0), 1.0)
        stock[..., :y, y] = alive * keep[..., None]
        shipped[..., y] = xp.maximum(it_power_mw[..., y] - total, 0.0)
        stock[..., y, y] = shipped[..., y]
    return stock


@dataclass(frozen=True)
class Compute:
    """Compute of a hosted IT-power path. All (draw, area, year).

    h100e            Accelerators in use, in H100-equivalents of dense 8-bit throughput. [1]
    peak_flop_per_s  Dense peak at BF16. [FLOP/s]
    flop_per_year    Delivered: peak x precision factor x MFU x busy share x (1 - curtailed share) x seconds. [FLOP]
    """

    h100e: Floats
    peak_flop_per_s: Floats
    flop_per_year: Floats


def from_it_power(country: str, it_power_mw: Floats, served_share: Floats, draws: Draws | CentralPath) -> Compute:
    """Fill hosted IT power (draw, area, year) with accelerators of each year's make.

    served_share : (draw, year)  Share of the load's energy that is not curtailed. [1]

    Chips and capital are taken as available here: this is what the power could run, not what will be bought.
    Worked out where the IT power lies.
    """
    xp, move = array_namespace(it_power_mw), beside(it_power_mw)
    pre = country.lower()
    years = it_power_mw.shape[-1]
    life = life_survival(draws.scalar(f"{pre}.chip_life_years"), draws.scalar("chip_life_spread_years"), years)
    stock = fill_with_vintages(it_power_mw, move(life))
    h100e = xp.einsum("savy,sv->say", stock, move(1e6 / it_power_per_h100e_w(country, draws)))
    peak = h100e * H100_BF16_FLOP_PER_S
    delivered = move(delivered_share(country, served_share, draws))
    return Compute(h100e, peak, peak * delivered[:, None, :] * SECONDS_PER_YEAR)


def uncurtailed(country: str, draws: Draws | CentralPath) -> Floats:
    """Part (draw, year) of its energy that a load at its headroom gets where only the energy share limits it. [1]"""
    return np.clip(1.0 - draws.parameter(f"{country.lower()}.curtailable_fraction"), 0.0, 1.0)


def delivered_share(country: str, served_share: Floats, draws: Draws | CentralPath) -> Floats:
    """Delivered over dense BF16 peak (draw, year): precision factor x MFU x busy share x served share. [1]"""
    pre = country.lower()
    return (
        draws.parameter("arithmetic_precision_factor")
        * draws.parameter(f"{pre}.mfu")
        * draws.parameter(f"{pre}.busy_share")
        * served_share
    )
