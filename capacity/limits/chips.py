"""Accelerators: who ships how many, who gets them, how long they last. See docs/limits.md, Chips.

All counts are H100-equivalents of dense 8-bit peak. US-aligned makers ship one pool to the world; what China buys or
smuggles leaves it, the rest is divided between the US and elsewhere. China's own makers are a pool of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from capacity import compute
from capacity.draws import CentralPath, Draws

Floats = NDArray[np.float64]
States = NDArray[np.int64]

START = 2025
"""What was shipped up to the end of this year is the stock; later years are shipments."""
LEVEL_YEAR = 2032
"""From this year on US-aligned shipments grow at one rate."""
TIGHT, CURRENT, LOOSE = -1, 0, 1


@dataclass(frozen=True)
class Pools:
    """Shipments. All (draw, year), zero up to 2025. [H100e]

    aligned = us + elsewhere + imported; imported = legal + smuggled; domestic is made in China.
    """

    aligned: Floats
    us: Floats
    elsewhere: Floats
    legal: Floats
    smuggled: Floats
    domestic: Floats

    @property
    def imported(self) -> Floats:
        return self.legal + self.smuggled


def pools(draws: Draws | CentralPath) -> Pools:
    """Who gets what of the year's shipments."""
    aligned = aligned_shipments(draws)
    legal, smuggled = imports(draws, aligned)
    left = aligned - (legal + smuggled)
    us = left * draws.parameter("us.share_of_aligned")
    return Pools(aligned, us, left - us, legal, smuggled, domestic_shipments(draws))


def aligned_shipments(draws: Draws | CentralPath) -> Floats:
    """Shipments (draw, year) of US-aligned makers to anywhere after 2025. [H100e]

    The yearly growth factor goes on a straight line from that of 2026 to that of 2032 and stays there. The shipment
    factor applies in its own year only: what a shock takes is not made up for.
    """
    growth = _growth(draws)
    shipped = draws.parameter("us_aligned_shipments_2025_h100e") * np.cumprod(growth, axis=1)
    return _after_start(shipped * draws.parameter("us_aligned_shipment_factor"), draws)


def _growth(draws: Draws | CentralPath) -> Floats:
    """Growth factor (draw, year) of US-aligned shipments; 1 up to 2025."""
    first, last = draws.parameter("us_aligned_growth_2026"), draws.parameter("us_aligned_growth_2032")
    part = np.clip((draws.years - (START + 1.0)) / (LEVEL_YEAR - START - 1.0), 0.0, 1.0)[None, :]
    return np.where(draws.years[None, :] > START, first + (last - first) * part, 1.0)


def imports(draws: Draws | CentralPath, aligned: Floats) -> tuple[Floats, Floats]:
    """China's legal and smuggled imports (draw, year), never more than all that is shipped. [H100e]

    They grow with US-aligned shipments to the power of an elasticity. Export control changes the legal ones.
    """
    undisturbed = np.cumprod(_growth(draws), axis=1)
    of_2026 = draws.scalar("us_aligned_growth_2026")[:, None]
    scale = (undisturbed / of_2026) ** draws.parameter("cn.import_growth_elasticity")
    state = control_states(draws)
    tight, loose = (draws.scalar(f"cn.control_{name}_factor")[:, None] for name in ("tight", "loose"))
    control = np.where(state == TIGHT, tight, np.where(state == LOOSE, loose, 1.0))
    legal = draws.parameter("cn.legal_imports_2026_h100e") * draws.parameter("cn.legal_import_factor") * control
    smuggled = draws.parameter("cn.smuggled_2026_h100e") * draws.parameter("cn.smuggling_factor")
    legal, smuggled = _after_start(legal * scale, draws), _after_start(smuggled * scale, draws)
    total = legal + smuggled
    keep = np.divide(aligned, total, out=np.ones_like(total), where=total > aligned)
    return legal * keep, smuggled * keep


def control_states(draws: Draws | CentralPath) -> States:
    """Export control (draw, year): -1 tight, 0 current, 1 loose; moves by one step in some years only.

    These are `cn.control_first_year` and every `cn.control_step_years` after it, both rounded to whole years.
    """
    chance = np.asarray(ndtr(draws.normal("export_control", yearly=True)))
    move = draws.parameter("cn.control_change_probability")
    first, step_years = (np.round(draws.scalar(f"cn.control_{name}")) for name in ("first_year", "step_years"))
    state = np.zeros(len(draws), dtype=np.int64)
    result = np.empty((len(draws), len(draws.years)), dtype=np.int64)
    for y, year in enumerate(draws.years):
        step = (chance[:, y] > 1.0 - 0.5 * move[:, y]).astype(np.int64) - (chance[:, y] < 0.5 * move[:, y])
        due = (year >= first) & ((year - first) % step_years == 0.0)
        state = np.where(due, np.clip(state + step, TIGHT, LOOSE), state)
        result[:, y] = state
    return result


def domestic_shipments(draws: Draws | CentralPath) -> Floats:
    """Deliveries (draw, year) of Chinese makers after 2025. [H100e]

    Level until the memory year; then they grow by `cn.domestic_growth`, which fades over some years to the growth
    of US-aligned makers. A memory year within a calendar year counts for its part of it.
    """
    years = draws.years[None, :].astype(float)
    ramp = draws.parameter("cn.memory_ramp_year")
    fade = np.clip((years - ramp) / draws.parameter("cn.domestic_catch_up_years"), 0.0, 1.0)
    full = draws.parameter("cn.domestic_growth") * (1.0 - fade) + _growth(draws) * fade
    started = np.where(years > START + 1, np.clip(years - ramp, 0.0, 1.0), 0.0)
    return _after_start(draws.parameter("cn.domestic_2026_h100e") * np.cumprod(full**started, axis=1), draws)


def _after_start(values: Floats, draws: Draws | CentralPath) -> Floats:
    return np.where(draws.years[None, :] > START, values, 0.0)


@dataclass(frozen=True)
class Stock:
    """Accelerators in a country at the end of 2025. All (draw, vintage), vintages 2024 (and before) and 2025.

    count [H100e], watts : IT power of one H100-equivalent [W], ages at the end of 2025 : (vintage,) years.
    """

    count: Floats
    watts: Floats
    ages: Floats

    @property
    def base_it_w(self) -> Floats:
        """IT power (draw,) of the older vintage: it ran in the base year, inside native demand. [W]"""
        return self.count[:, 0] * self.watts[:, 0]


def stock(country: str, draws: Draws | CentralPath) -> Stock:
    """The stock at the end of 2025; of US-aligned chips not more than were made, China's imports first."""
    pre = country.lower()
    total = draws.scalar(f"{pre}.stock_2025_h100e")
    if country == "US":
        abroad = draws.scalar("cn.stock_2025_h100e") * (1.0 - draws.scalar("cn.stock_domestic_share"))
        total = np.minimum(total, np.maximum(draws.scalar("us_aligned_stock_2025_h100e") - abroad, 0.0))
    recent = draws.scalar("stock_recent_share")
    new = draws.scalar(f"{pre}.it_power_per_h100e_2025_w")
    # China's figure is one of all that was installed there up to 2025; old imports draw no more than that.
    old = new * draws.scalar("stock_power_2024_ratio") if country == "US" else new
    count = np.stack([total * (1.0 - recent), total * recent], axis=1)
    return Stock(count, np.stack([old, new], axis=1), np.array([1.0, 0.0]))


def watts(pool: str, draws: Draws | CentralPath) -> Floats:
    """IT power (draw, year) of one H100-equivalent by year of shipment, of a pool. [W]

    pool : "us", "imported" or "domestic". China's own chips follow their own path; imported ones draw
    `cn.import_power_ratio` times what the newest US-aligned ones do.
    """
    if pool == "domestic":
        return compute.it_power_per_h100e_w("CN", draws)
    newest = compute.it_power_per_h100e_w("US", draws)
    return newest * draws.parameter("cn.import_power_ratio") if pool == "imported" else newest


def survival(country: str, draws: Draws | CentralPath, ages: int) -> Floats:
    """Share (draw, age) of accelerators in service 0, 1, 2, ... years after shipment: Weibull ageing and failures."""
    life = draws.scalar(f"{country.lower()}.chip_life_years")
    aged = compute.life_survival(life, draws.scalar("chip_life_spread_years"), ages)
    failed = draws.scalar("accelerator_early_failure")[:, None]
    return aged * (1.0 - failed) ** np.arange(ages, dtype=float)[None, :]


def potential_it_w(
    start: Stock, offers: Sequence[tuple[Floats, Floats]], alive: Floats, years: NDArray[np.int64]
) -> Floats:
    """IT power (draw, year) of all accelerators that a country could have by then. [W]

    start : stock of 2025. offers : count and watts (draw, year) of the pools on sale. alive : survival (draw, age).
    years : calendar years, the first that of the stock.
    """
    total = np.zeros(offers[0][0].shape)
    for v, age in enumerate(start.ages):
        left = alive[:, int(age) : int(age) + len(years)] / alive[:, int(age), None]
        total += (start.count[:, v] * start.watts[:, v])[:, None] * left
    shipped = np.sum([count * watts_of for count, watts_of in offers], axis=0)
    for age in range(len(years)):
        total[:, age:] += shipped[:, : len(years) - age] * alive[:, age, None]
    return total
