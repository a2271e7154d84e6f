"""What stops it? Power, interconnection, equipment, chips and capital together, for both countries of a scenario.

The countries meet in one place only: what China gets of US-aligned accelerators is not there for the US. So this runs
after both are solved. See docs/limits.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from capacity import compute, deployment
from capacity.country import CountryResult
from capacity.draws import Draws
from capacity.errors import CapacityError
from capacity.limits import capital, chips, efficiency, operation, runs
from cuda_kernels import asnumpy

Floats = NDArray[np.float64]

LIMITS = (*deployment.POWER_LIMITS, "chips", "capital")
MW = 1e6  # W
HOURS = 8760


@dataclass(frozen=True)
class Joint:
    """What one country deploys and runs. (draw, year) unless said otherwise.

    deployment : by area; its load is new load after the base year.
    operated_mw : what of it accelerators draw at full load; idle_mw : the rest of what is deployed. [MW]
    operated_mwh : energy of that load in a year at its load factor and the mean PUE. [MWh]
    chips_available_h100e, deployed_h100e : owned or on sale, and in use, the stock of 2025 included. [H100e]
    shares : (draw, year, limit)   Part of each limit in what is in use, in the order of LIMITS; sums to 1.
    power_share : (draw, year)     What of it is power, before it is split over areas.
    """

    deployment: deployment.Deployment
    capital: capital.Capital
    operated_mw: Floats
    idle_mw: Floats
    operated_mwh: Floats
    chips_available_h100e: Floats
    deployed_h100e: Floats
    deployed_flop_per_s: Floats
    deployed_ops_8bit_per_s: Floats
    deployed_flop_per_year: Floats
    effective_flop_per_year: Floats
    largest_run_flop: Floats
    campus_run_flop: Floats
    tokens_per_day: Floats
    h100e_per_gw: Floats
    h100e_per_h100e: Floats
    h100e_per_busd: Floats
    shares: Floats
    power_share: Floats


def solve(results: Mapping[str, CountryResult], draws: Draws) -> dict[str, Joint]:
    """Deployed load, accelerators in use and what limits them, by country.

    Raises CapacityError where the model years do not start in 2025.
    """
    fault = start_fault(int(draws.years[0]))
    if fault:
        raise CapacityError(fault)
    shared = chips.pools(draws)
    demand = efficiency.rebound(draws)
    return {country: _country(result, shared, demand, draws) for country, result in results.items()}


def start_fault(first_year: int) -> str:
    """What is wrong with the first model year, or an empty text."""
    if first_year == chips.START:
        return ""
    return (
        f"the model starts in {first_year}, right after the grid's base year; chips and requests are of the end "
        f"of {chips.START}, so a base year of {chips.START - 1} is needed"
    )


def _country(result: CountryResult, shared: chips.Pools, demand: Floats, draws: Draws) -> Joint:
    country = result.fleet.country
    stock = chips.stock(country, draws)
    offers = _offers(country, shared, draws)
    alive = chips.survival(country, draws, len(draws.years) + 2)
    pue_by_area = asnumpy(result.pue)
    pue = pue_by_area.mean(axis=1)
    # Beyond what runs on load of the base year; a connection is asked for somewhat ahead of the accelerators.
    chips_it_w = chips.potential_it_w(stock, [(o.count, o.watts) for o in offers], alive, draws.years)
    new_w = np.maximum(chips_it_w - stock.base_it_w[:, None], 0.0)
    useful_mw = draws.parameter("shell_overbuild_ratio") * new_w * pue / MW
    deployed = deployment.deploy(
        country,
        result.fleet.areas,
        asnumpy(result.placed.hostable_mw),
        asnumpy(result.placed.siting_limited),
        deployment.Demand(demand, useful_mw, result.supply.equipped),
        draws,
    )
    money = capital.spending(country, demand, draws)
    new_it_mw = deployed.supported_mw / pue_by_area
    it_power_w = new_it_mw.sum(axis=1) * MW + stock.base_it_w[:, None]
    ran = operation.operate(
        draws.years,
        stock,
        offers,
        alive,
        operation.Power(it_power_w, runs.campus_power_mw(country, draws) * MW / pue),
        operation.Money(
            money.spending_busd,
            draws.parameter(f"{country.lower()}.cost_busd_per_gw"),
            draws.scalar("shell_cost_share"),
        ),
    )
    served = compute.uncurtailed(country, draws) if result.served is None else result.served
    found = _outcome(country, deployed, money, ran, (new_it_mw, it_power_w, served), draws)
    energy = found.operated_mwh * _energy_pue(result.mean_over_peak_pue, deployed.supported_mw)
    return replace(found, operated_mwh=energy)


def _energy_pue(mean_over_peak: Floats, supported_mw: Floats) -> Floats:
    """Mean over peak PUE (draw, year) of supported load (draw, area, year), from that of areas (draw, area)."""
    total = supported_mw.sum(axis=1)
    alike = np.broadcast_to(mean_over_peak.mean(axis=1)[:, None], total.shape).copy()
    return np.divide((supported_mw * mean_over_peak[:, :, None]).sum(axis=1), total, out=alike, where=total > 0.0)


def _offers(country: str, shared: chips.Pools, draws: Draws) -> list[operation.Offer]:
    if country == "US":
        return [operation.Offer(shared.us, chips.watts("us", draws))]
    return [
        operation.Offer(shared.imported, chips.watts("imported", draws)),
        operation.Offer(shared.domestic, chips.watts("domestic", draws)),
    ]


def _outcome(
    country: str,
    deployed: deployment.Deployment,
    money: capital.Capital,
    ran: operation.Operation,
    supported: tuple[Floats, Floats, Floats],
    draws: Draws,
) -> Joint:
    """supported : new IT power by area [MW], all IT power [W], and the part of the energy that is served."""
    new_it_mw, it_power_w, served = supported
    # Accelerators do not care in which area they stand, so all areas run at the same share of what they support.
    used = np.divide(ran.used_it_w, it_power_w, out=np.zeros_like(it_power_w), where=it_power_w > 0.0)
    operated = deployed.supported_mw.sum(axis=1) * np.minimum(used, 1.0)
    factor = efficiency.algorithmic_factor(country, draws)
    peak = ran.h100e * compute.H100_BF16_FLOP_PER_S
    delivered = peak * compute.delivered_share(country, served, draws) * compute.SECONDS_PER_YEAR
    campus, spread = runs.run_flop(country, ran.campus, ran.h100e, draws)
    return Joint(
        deployment=deployed,
        capital=money,
        operated_mw=operated,
        idle_mw=deployed.deployed_mw.sum(axis=1) - operated,
        operated_mwh=operated * HOURS * runs.load_factor(country, draws) * served,
        chips_available_h100e=ran.available,
        deployed_h100e=ran.h100e,
        deployed_flop_per_s=peak,
        deployed_ops_8bit_per_s=ran.h100e * compute.H100_8BIT_OPS_PER_S,
        deployed_flop_per_year=delivered,
        effective_flop_per_year=delivered * factor,
        largest_run_flop=np.maximum(campus, spread),
        campus_run_flop=campus,
        tokens_per_day=runs.tokens_per_day(country, ran.h100e, factor, served, draws),
        h100e_per_gw=ran.per_gw,
        h100e_per_h100e=ran.per_h100e,
        h100e_per_busd=ran.per_busd,
        shares=attribution(ran.shares, new_it_mw, deployed.limit),
        power_share=ran.shares[..., 0],
    )


def attribution(shares: Floats, it_power_mw: Floats, limit: NDArray[np.int8]) -> Floats:
    """Shares (draw, year, limit) of all LIMITS from those of power, chips and capital (draw, year, 3).

    it_power_mw, limit : (draw, area, year)  New IT power of an area, and what holds it (`Deployment.limit`).

    The share of power goes to areas in proportion to their IT power, and in each to the limit that holds it; where
    no area has any, to all areas alike. Each row sums to 1.
    """
    total = it_power_mw.sum(axis=1, keepdims=True)
    alike = np.full_like(it_power_mw, 1.0 / it_power_mw.shape[1])
    part = np.divide(it_power_mw, total, out=alike, where=total > 0.0)
    kinds = [(part * (limit == kind)).sum(axis=1) for kind in range(len(deployment.POWER_LIMITS))]
    power = np.stack(kinds, axis=-1) * shares[..., :1]
    return np.concatenate([power, shares[..., 1:]], axis=-1)


def area_shares(found: Joint) -> Floats:
    """Mean over draws (area, year, limit) of an area's shares: power's to what holds it, the rest as in the country."""
    power = found.power_share[:, None, :]
    kinds = [(power * (found.deployment.limit == kind)).mean(axis=0) for kind in range(len(deployment.POWER_LIMITS))]
    rest = found.shares[..., len(deployment.POWER_LIMITS) :].mean(axis=0)
    areas = len(kinds[0])
    return np.concatenate([np.stack(kinds, axis=-1), np.broadcast_to(rest, (areas, *rest.shape))], axis=-1)
