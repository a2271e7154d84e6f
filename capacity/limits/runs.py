"""What the accelerators in use can do: the largest training run, and tokens. See docs/limits.md, Largest run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capacity.compute import H100_BF16_FLOP_PER_S, SECONDS_PER_YEAR
from capacity.draws import CentralPath, Draws

Floats = NDArray[np.float64]

START = 2025
SECONDS_PER_DAY = 86_400.0
HOURS_PER_YEAR = 8760


def campus_power_mw(country: str, draws: Draws | CentralPath) -> Floats:
    """Facility power (draw, year) of the country's largest campus: exponential growth up to one campus's limit. [MW]"""
    elapsed = (draws.years - START).astype(float)[None, :]
    grown = draws.parameter("campus_power_2025_mw") * draws.parameter("campus_power_growth") ** elapsed
    if country == "CN":
        grown = grown * draws.parameter("cn.campus_power_ratio")
    return np.minimum(grown, draws.parameter("campus_limit_mw"))


def campus_h100e(count: Floats, watts: Floats, campus_it_w: Floats) -> Floats:
    """Accelerators (draw,) that a campus runs when it takes a country's most efficient ones first. [H100e]

    count : (draw, item) in use. watts : (draw, item) of one, > 0. campus_it_w : (draw,) IT power. [W]
    """
    order = np.argsort(watts, axis=1, kind="stable")
    sorted_count, sorted_watts = np.take_along_axis(count, order, 1), np.take_along_axis(watts, order, 1)
    drawn = sorted_count * sorted_watts
    before = np.cumsum(drawn, axis=1) - drawn
    left = np.clip(campus_it_w[:, None] - before, 0.0, drawn)
    return (left / sorted_watts).sum(axis=1)


def run_flop(country: str, campus: Floats, national: Floats, draws: Draws | CentralPath) -> tuple[Floats, Floats]:
    """Largest run (draw, year) on one campus and spread over a firm's sites. [FLOP]

    campus, national : (draw, year)  Accelerators of the campus and of the country in use. [H100e]

    A firm has `firm_share_of_national` of the country's accelerators and lends no more than these to one campus;
    spreading a run costs the overhead.
    """
    firm = draws.parameter("firm_share_of_national") * national
    each = (
        H100_BF16_FLOP_PER_S
        * draws.parameter("arithmetic_precision_factor")
        * draws.parameter(f"{country.lower()}.mfu")
        * draws.parameter("largest_run_years")
        * SECONDS_PER_YEAR
    )
    return np.minimum(campus, firm) * each, firm * draws.parameter("distributed_overhead") * each


def tokens_per_day(country: str, h100e: Floats, factor: Floats, served: Floats, draws: Draws | CentralPath) -> Floats:
    """Tokens (draw, year) of a model with the capability of 2025 that inference can give in a day. [1/day]

    h100e, factor, served : (draw, year)  Accelerators in use, algorithmic factor, uncurtailed share of energy.

    An H100-equivalent of 2025 gives its IT power over the energy of a token; newer ones do the same on fewer watts.
    """
    per_second = draws.parameter("us.it_power_per_h100e_2025_w") / draws.parameter("joule_per_token_2025")
    inference = h100e * (1.0 - draws.parameter("training_share")) * draws.parameter(f"{country.lower()}.busy_share")
    return inference * served * per_second * SECONDS_PER_DAY * factor


def load_factor(country: str, draws: Draws | CentralPath) -> Floats:
    """Mean over rated power (draw, year) of accelerators that are busy a part of the time. [1]"""
    idle = draws.parameter("idle_power_share")
    busy = draws.parameter(f"{country.lower()}.busy_share")
    return draws.parameter("busy_power_share") * (idle + (1.0 - idle) * busy)
