"""Money for AI data centres: spending plans, commitments, busts, and what a chip costs. See docs/limits.md, Capital."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from capacity.draws import CentralPath, Draws

Floats = NDArray[np.float64]

FIRST = 2026
"""First year of spending that the model decides on; what was bought before is in the stock of chips."""
STOCK_YEAR = 2025
"""Year of the gross domestic product that the parameters give."""
LATER = 2031
"""First year of the later growth rate."""


@dataclass(frozen=True)
class Capital:
    """Spending of one country. All (draw, year).

    spending_busd : for chips and buildings, in bn_usd_2025; 0 before 2026.
    bust : 1 from a year in which spending breaks off until half of the gap has closed, else 0.
    """

    spending_busd: Floats
    bust: Floats


def spending(country: str, demand_factor: Floats, draws: Draws | CentralPath) -> Capital:
    """Spending on AI data centres: plans and realised commitments, times demand, times what busts leave.

    demand_factor : (draw, year)   1 in the reference (`efficiency.rebound`). [1]
    """
    wanted = planned_busd(country, draws)
    if country == "US":
        wanted = wanted + commitments_busd(draws)
    wanted = wanted * demand_factor
    left, bust = bust_path(country, wanted, draws)
    return Capital(wanted * left, bust)


def planned_busd(country: str, draws: Draws | CentralPath) -> Floats:
    """Spending (draw, year) if nothing breaks off, commitments aside. [bn_usd_2025]"""
    pre = country.lower()
    years = draws.years[None, :]
    early = draws.parameter(f"{pre}.ai_capex_growth_2027_2030")
    late = draws.parameter(f"{pre}.ai_capex_growth_2031_2040")
    growth = np.where(years <= FIRST, 0.0, np.where(years < LATER, early, late))
    path = draws.parameter(f"{pre}.ai_capex_2026_busd") * np.cumprod(1.0 + growth, axis=1)
    return np.where(years >= FIRST, path, 0.0)


def commitments_busd(draws: Draws | CentralPath) -> Floats:
    """Spending (draw, year) on commitments that is not in the plans of others, level over the stated years.

    A part of the draws takes the figure of November 2025, the rest the lower one of February 2026. [bn_usd_2025]
    """
    revised = draws.uniform("us.commitments") < draws.scalar("us.commitment_revised_share")
    total = np.where(revised, draws.scalar("us.commitments_revised_busd"), draws.scalar("us.commitments_busd"))
    span = np.where(revised, draws.scalar("us.commitment_revised_years"), draws.scalar("us.commitment_years"))
    paid = draws.scalar("us.commitment_realised_share") * draws.scalar("us.commitment_outside_share")
    elapsed = draws.years[None, :] - FIRST
    within = np.clip(span[:, None] - elapsed, 0.0, 1.0) * (elapsed >= 0)
    return (total * paid / span)[:, None] * within


def bust_path(country: str, wanted_busd: Floats, draws: Draws | CentralPath) -> tuple[Floats, Floats]:
    """Share (draw, year) of the spending wanted that busts leave, and whether one holds (0 or 1).

    wanted_busd : (draw, year)   Spending if nothing breaks off.

    In each year in which spending is above `bust_spending_share` of gross domestic product a bust strikes with the
    hazard's chance; where `bust_year` is not 0, in that year alone. Spending falls by the depth for the trough; then
    half of the gap closes every `bust_recovery_years`. Another bust can strike once the trough is over, and takes its
    part of what there is then.
    """
    years = draws.years
    strikes = _strikes(country, draws)
    depth = draws.scalar(f"{country.lower()}.bust_depth")
    trough, half = draws.scalar("bust_trough_years"), draws.scalar("bust_recovery_years")
    line = draws.scalar("bust_spending_share")[:, None] * gdp_busd(country, draws)
    fixed = draws.scalar(f"{country.lower()}.bust_year")
    began, fall = np.full(len(draws), -np.inf), np.zeros(len(draws))
    left, bust = np.empty(strikes.shape), np.empty(strikes.shape)
    for y, year in enumerate(years):
        since = year - began
        gap = fall * 0.5 ** (np.maximum(since - trough, 0.0) / half)
        high = wanted_busd[:, y] * (1.0 - gap) > line[:, y]
        struck = np.where(fixed > 0.0, np.round(fixed) == year, strikes[:, y] & high & (since >= trough))
        gap = np.where(struck, 1.0 - (1.0 - gap) * (1.0 - depth), gap)
        began, fall = np.where(struck, year, began), np.where(struck, gap, fall)
        left[:, y] = 1.0 - gap
        bust[:, y] = year - began < trough + half
    return left, bust


def gdp_busd(country: str, draws: Draws | CentralPath) -> Floats:
    """Gross domestic product (draw, year) at prices of 2025. [bn_usd_2025/yr]"""
    pre = country.lower()
    growth = 1.0 + draws.scalar(f"{pre}.gdp_growth")[:, None]
    return draws.scalar(f"{pre}.gdp_2025_busd")[:, None] * growth ** (draws.years - STOCK_YEAR)


def _strikes(country: str, draws: Draws | CentralPath) -> NDArray[np.bool_]:
    """Whether the hazard strikes (draw, year), where spending is high enough for it."""
    pre = country.lower()
    with np.errstate(divide="ignore"):
        line = ndtri(draws.parameter(f"{pre}.bust_hazard"))
    strikes: NDArray[np.bool_] = (draws.normal(f"{pre}.bust", yearly=True) < line) & (draws.years >= FIRST)
    return strikes
