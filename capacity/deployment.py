"""From hostable to deployed load: requests, delays, equipment, power made on site. See docs/limits.md, Deployment.

Deployed is what is connected: the least of what the grid and the cells can take, what the connection queue has let
through, and what transformers allow, plus what brings its own power. Chips and capital come later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from capacity import pace, sites, zones
from capacity.draws import CentralPath, Draws
from grids.areas import parent_of
from grids.tables import read_table

Floats = NDArray[np.float64]

POWER_LIMITS = ("grid", "siting", "interconnection", "equipment")
"""What can limit deployed load, in the order of `Deployment.limit`."""
GRID, SITING, INTERCONNECTION, EQUIPMENT = range(4)
START = 2025
"""The year at whose end requests are counted; load connected in it is given."""
GW = 1e3  # MW


@dataclass(frozen=True)
class Deployment:
    """Deployed load of one country. All (draw, area, year); new load after the base year, facility power.

    queue_mw : connections that the queue has let through, on-site power aside. [MW]
    onsite_mw : load with power of its own. [MW]
    deployed_mw : connected load; what is connected stays. [MW]
    supported_mw : what of it the grid of that year can run: at most hostable and on-site power. [MW]
    limit : index into POWER_LIMITS of what holds the area's load where it is.
    """

    queue_mw: Floats
    onsite_mw: Floats
    deployed_mw: Floats
    supported_mw: Floats
    limit: NDArray[np.int8]


@dataclass(frozen=True)
class Demand:
    """Demand for data centres in one country. All (draw, year).

    factor : on new requests, 1 in the reference (`efficiency.rebound`). [1]
    useful_mw : load beyond which nobody connects more, for want of accelerators to fill it. [MW]
    equipped : part of a year's connections that gets transformers beside plants (`Supply.equipped`); None for all.
    """

    factor: Floats
    useful_mw: Floats
    equipped: Floats | None = None


def deploy(
    country: str,
    areas: Sequence[str],
    hostable_mw: Floats,
    siting_limited: NDArray[np.bool_],
    demand: Demand,
    draws: Draws | CentralPath,
) -> Deployment:
    """Deployed load of a country's areas.

    hostable_mw : (draw, area, year), >= 0    What grid and cells can take. [MW]
    siting_limited : (draw, area, year)       True where the cells are the tighter of the two.
    """
    queue, onsite = energised(country, areas, hostable_mw, demand.factor, draws)
    want = np.minimum(hostable_mw, queue)
    useful = np.where(draws.years[None, :] > START, demand.useful_mw, np.inf)
    part = np.ones(useful.shape) if demand.equipped is None else demand.equipped
    connected, short = connect(want, equipment_mw(country, draws), useful, part)
    limit = np.where(siting_limited, SITING, GRID)
    limit = np.where(queue <= hostable_mw, INTERCONNECTION, limit)
    limit = np.where(short, EQUIPMENT, limit)
    return Deployment(
        queue_mw=queue,
        onsite_mw=onsite,
        deployed_mw=connected + onsite,
        supported_mw=np.minimum(connected, hostable_mw) + onsite,
        limit=limit.astype(np.int8),
    )


def energised(
    country: str, areas: Sequence[str], hostable_mw: Floats, demand_factor: Floats, draws: Draws | CentralPath
) -> tuple[Floats, Floats]:
    """Load (draw, area, year) let through by the connection queue, and load with power of its own. [MW]

    Each year's requests r_u, times the share that comes true, are connected with a lognormal delay F:
    queue_y = what 2025 connected + sum over u of r_u m F(y - u). A part f of them takes a connection that may be
    curtailed and waits `flexible_lag_factor` times as long; a part o makes its own power and skips the queue. Shares
    may change with the year of filing, and the pace of the queue with the calendar year (`connection_pace`). Power made
    on site grows by at most `onsite_addition_limit_gw` a year over the country; what that holds back comes later.
    """
    pre = country.lower()
    weight, ratio = request_pattern(areas)
    own = (draws.parameter(f"{pre}.onsite_share") * draws.parameter(f"{pre}.onsite_realised_share"))[:, None, :]
    made = _placed_requests(country, areas, weight, hostable_mw, demand_factor, draws)
    spread = draws.scalar(f"{pre}.lag_spread")[:, None, None]
    median = draws.scalar(f"{pre}.energisation_lag_years")[:, None, None] * ratio[None, :, None]
    quick = draws.scalar(f"{pre}.flexible_lag_factor")[:, None, None]
    flexible = draws.scalar(f"{pre}.flexible_connection_share")[:, None, None]

    def ready(age_years: Floats) -> Floats:
        firm, sooner = lag_cdf(age_years, median, spread), lag_cdf(age_years, median * quick, spread)
        return (1.0 - flexible) * firm + flexible * sooner

    ages = ages_of_open(draws.scalar(f"{pre}.request_growth_before_2025"), draws.scalar("request_memory_years"))
    # Filed in the middle of a year, counted at its end.
    age = np.arange(len(draws.years) + ages.shape[1], dtype=np.float64) + 0.5
    own_ready = lag_cdf(age, draws.scalar(f"{pre}.onsite_lag_years")[:, None, None], spread)
    begun = (draws.years >= START).astype(float)
    base = draws.scalar(f"{pre}.energised_2025_gw")[:, None, None] * GW * weight[None, :, None] * begun
    speed = draws.parameter(f"{pre}.connection_pace")
    if (speed == 1.0).all():
        on_grid = _come(made * (1.0 - own), ready(age), draws.years, ages)
    else:
        on_grid = pace.come(made * (1.0 - own), ready, speed, ages)
    on_site = _come(made * own, own_ready, draws.years, ages)
    return base + on_grid, pace.held_back(on_site, draws.parameter(f"{pre}.onsite_addition_limit_gw") * GW)


def _come(made: Floats, ready: Floats, years: NDArray[np.int64], ages: Floats) -> Floats:
    """Load (draw, area, year) that has come of requests made (draw, area, year filed) by each year. [MW]

    ready : (draw, area or 1, age)  Share connected half a year after the filing, one and a half, ...
    ages : (draw, age)  How old those open in 2025 are (`ages_of_open`).
    """
    count = len(years)
    open_now = made[..., years == START]
    new = np.where(years == START, 0.0, made)
    total = delayed(new, ready[..., :count])
    if open_now.shape[-1]:
        later = int((years >= START).sum())
        total[..., count - later :] += open_now * ready_of_open(ready[..., : later + ages.shape[1]], ages)
    return total


def ready_of_open(ready: Floats, ages: Floats) -> Floats:
    """Share (draw, area or 1, k) of the requests open at the end of 2025 that are connected k years later.

    Of those filed a years ago 1 - F(a) are still open, and (F(a + k) - F(a)) / (1 - F(a)) of these are connected by k.
    ages : (draw, age)                 Their shares by age.
    ready : (draw, area or 1, age)     At as many ages more than there are k.
    """
    later = ready.shape[-1] - ages.shape[1]
    total = np.zeros((*ready.shape[:-1], later))
    for a in range(ages.shape[1]):
        gone = ready[..., a : a + 1]
        still = 1.0 - gone
        part = np.divide(ready[..., a : a + later] - gone, still, out=np.ones_like(total), where=still > 1e-12)
        total += ages[:, a, None, None] * part
    return total


def ages_of_open(before: Floats, memory_years: Floats) -> Floats:
    """Share (draw, age) of the requests open at the end of 2025 that were filed 0.5, 1.5, ... years earlier.

    before : (draw,)         Factor by which requests grew each year up to then.
    memory_years : (draw,)   Older ones are left out.
    """
    age = np.arange(int(np.ceil(memory_years.max())), dtype=float)[None, :]
    weight = before[:, None] ** -age * (age < memory_years[:, None])
    return weight / weight.sum(axis=1, keepdims=True)


def _placed_requests(
    country: str,
    areas: Sequence[str],
    weight: Floats,
    hostable_mw: Floats,
    demand_factor: Floats,
    draws: Draws | CentralPath,
) -> Floats:
    """Requests (draw, area, year filed) that come true in the end. [MW]

    Those of 2025 and before count in 2025 and follow the pattern of that year; of later ones a part can move and goes
    where the grid has room, in China a share of that part to the areas of the national computing hubs.
    """
    pre = country.lower()
    filed = requests_filed(country, draws)
    filed[:, draws.years > START] *= demand_factor[:, draws.years > START]
    true_share = draws.parameter(f"{pre}.materialisation_share")
    if country == "US":
        true_share = true_share * (1.0 - draws.parameter("us.opposition_share"))
    total = hostable_mw.sum(axis=1, keepdims=True)
    pattern = np.broadcast_to(weight[None, :, None], hostable_mw.shape)
    room = np.divide(hostable_mw, total, out=pattern.copy(), where=total > 0.0)
    if country == "CN":
        hub = draws.parameter("cn.hub_request_share")[:, None, :]
        room = (1.0 - hub) * room + hub * sites.hub_shares(areas)[None, :, None]
    mobile = draws.scalar(f"{pre}.request_mobility")[:, None, None] * (draws.years > START)
    return ((1.0 - mobile) * pattern + mobile * room) * (filed * true_share)[:, None, :]


def requests_filed(country: str, draws: Draws | CentralPath) -> Floats:
    """Requests (draw, year filed): all open ones in 2025, then the yearly growth of the total ever made. [MW]"""
    pre = country.lower()
    growth = 1.0 + draws.scalar(f"{pre}.request_growth")[:, None]
    elapsed = (draws.years - START).astype(float)[None, :]
    new = np.where(elapsed > 0, growth**elapsed - growth ** (elapsed - 1.0), np.where(elapsed == 0, 1.0, 0.0))
    return draws.scalar(f"{pre}.requests_2025_gw")[:, None] * GW * new


def lag_cdf(age_years: Floats, median_years: Floats, spread: Floats) -> Floats:
    """Share (..., age) of requests connected at an age, lognormal with a median and a standard deviation of logs.

    median_years, spread : (..., 1). A median of zero means at once. At age 0 nothing is connected otherwise.
    """
    with np.errstate(divide="ignore"):
        past = np.log(age_years) - np.log(median_years)
    past = np.where(median_years > 0.0, past, np.inf)
    return np.asarray(ndtr(past / spread))


def delayed(made: Floats, ready: Floats) -> Floats:
    """Sum over cohorts u <= y of made (..., u) times ready (..., y - u): what has come by each year (..., y)."""
    total = np.zeros(made.shape)
    years = made.shape[-1]
    for age in range(years):
        total[..., age:] += made[..., : years - age] * ready[..., age, None]
    return total


def equipment_mw(country: str, draws: Draws | CentralPath) -> Floats:
    """Load (draw, year) that can newly be connected in a year; without limit up to 2025, which is given. [MW]"""
    pre = country.lower()
    elapsed = (draws.years - START - 1).astype(float)[None, :]
    growth = 1.0 + draws.scalar(f"{pre}.equipment_growth")[:, None]
    limit = draws.parameter(f"{pre}.equipment_limit_gw") * GW * growth ** np.maximum(elapsed, 0.0)
    return np.where(elapsed < 0, np.inf, limit)


def connect(
    want_mw: Floats, added_mw: Floats, useful_mw: Floats, part: Floats | float = 1.0
) -> tuple[Floats, NDArray[np.bool_]]:
    """Connected load (draw, area, year) under national limits, and where the one on additions holds.

    want_mw : (draw, area, year)   Load that could be connected. [MW]
    added_mw : (draw, year)        What can be added in a year; may be infinite. [MW]
    useful_mw : (draw, year)       Nothing is added beyond this total; may be infinite. [MW]
    part : (draw, year) or one     Of what a year could add this part gets its equipment. [1]

    Additions are cut in proportion. What is connected stays; where less is wanted later, nothing is added.
    """
    connected = np.zeros_like(want_mw)
    short = np.zeros(want_mw.shape, dtype=bool)
    standing = np.zeros(want_mw.shape[:2])
    part = np.broadcast_to(part, added_mw.shape)
    for y in range(want_mw.shape[-1]):
        wanted = np.maximum(want_mw[..., y] - standing, 0.0)
        room = np.maximum(useful_mw[:, y] - standing.sum(axis=1), 0.0)
        asked = np.minimum(wanted.sum(axis=1), room)
        total = np.minimum(asked * part[:, y], added_mw[:, y])
        share = np.divide(total, wanted.sum(axis=1), out=np.zeros_like(total), where=total > 0.0)
        short[..., y] = (total < asked)[:, None] & (wanted > 0.0)
        standing = standing + wanted * share[:, None]
        connected[..., y] = standing
    return connected, short


def request_pattern(areas: Sequence[str]) -> tuple[Floats, Floats]:
    """Share (area,) of requests and their delay (area,) over the country's, whose weighted mean is 1.

    An area that is not in the table gets the mean weight and delay of those that are; a zone has the delay of its area
    and a part of its weight.
    """
    known = [request_table().get(parent_of(area)) for area in areas]
    if not any(known):
        return np.full(len(areas), 1.0 / len(areas)), np.ones(len(areas))
    inside = zones.request_shares(areas, *state_requests())
    weight = np.array([float(row["weight"]) if row else np.nan for row in known]) * inside
    years = np.array([float(row["years"]) if row else np.nan for row in known])
    weight = np.where(np.isfinite(weight), weight, np.nanmean(weight))
    weight = weight / weight.sum()
    there = np.isfinite(years)
    mean = float((years[there] * weight[there]).sum() / weight[there].sum())
    return weight, np.where(there, years, mean) / mean


def request_table() -> Mapping[str, Mapping[str, float | str]]:
    """Weight and delay of requests by area, with a label (`data/datacenter_requests.yaml`)."""
    areas: Mapping[str, Mapping[str, float | str]] = _requests()["areas"]
    return areas


def state_requests() -> tuple[Mapping[str, float], float]:
    """Requests by US state, those that are known, and of the country. [GW]"""
    known = _requests()["us_states"]
    return known["gw"], float(known["total_gw"])


@cache
def _requests() -> Mapping[str, Any]:
    table: Mapping[str, Any] = read_table("datacenter_requests.yaml", "capacity")
    return table
