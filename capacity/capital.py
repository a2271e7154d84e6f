"""Money for AI data centres: spending plans, commitments, busts, and what a chip costs. See docs/limits.md, Capital."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capacity.draws import CentralPath, Draws

Floats = NDArray[np.float64]

FIRST = 2026
"""First year of spending that the model decides on; what was bought before is in the stock of chips."""
LATER = 2031
"""First year of the later growth rate."""


@dataclass(frozen=True)
class Capital:
    """Spending of one country. All (draw, year).

    spending_busd : for chips and buildings, in bn_usd_2025; 0 before 2026.
    bust : 1 from the year in which spending breaks off until half of the gap has closed, else 0.
    """

    spending_busd: Floats
    bust: Floats


def spending(country: str, demand_factor: Floats, draws: Draws | CentralPath) -> Capital:
    """Spending on AI data centres: plans and realised commitments, times a bust, times demand.

    demand_factor : (draw, year)   1 in the reference (`efficiency.rebound`). [1]
    """
    left, bust = bust_path(country, draws)
    planned = planned_busd(country, draws)
    if country == "US":
        planned = planned + commitments_busd(draws)
    return Capital(planned * left * demand_factor, bust)


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


def bust_path(country: str, draws: Draws | CentralPath) -> tuple[Floats, Floats]:
    """Share (draw, year) of planned spending that a bust leaves, and whether one holds (0 or 1).

    One bust a draw at most: in `bust_year`, or where that is 0 in the first year whose chance strikes. Spending falls
    by the depth for the trough; then half of the gap closes every `bust_recovery_years`.
    """
    pre = country.lower()
    began = bust_began(country, draws)
    trough, half = draws.scalar("bust_trough_years")[:, None], draws.scalar("bust_recovery_years")[:, None]
    since = draws.years[None, :] - began[:, None]
    gap = draws.scalar(f"{pre}.bust_depth")[:, None] * 0.5 ** (np.maximum(since - trough, 0.0) / half)
    struck = since >= 0
    return np.where(struck, 1.0 - gap, 1.0), (struck & (since < trough + half)).astype(float)


def bust_began(country: str, draws: Draws | CentralPath) -> Floats:
    """Calendar year (draw,) of the bust; infinity where there is none."""
    pre = country.lower()
    chance = draws.normal(f"{pre}.bust", yearly=True)
    from scipy.special import ndtri

    with np.errstate(divide="ignore"):
        strikes = (chance < ndtri(draws.parameter(f"{pre}.bust_hazard"))) & (draws.years[None, :] >= FIRST)
    first = np.where(strikes.any(axis=1), draws.years[strikes.argmax(axis=1)], np.inf)
    fixed = draws.scalar(f"{pre}.bust_year")
    return np.where(fixed > 0.0, np.round(fixed), first)
