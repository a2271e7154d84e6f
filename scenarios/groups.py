"""Twelve groups of parameters, so that one can ask which of them decides a result. See docs/sensitivity.md.

A group answers one question about the world; parameters of both countries stand in the same one. Every parameter is
in exactly one group.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from scenarios.errors import ScenarioError

GROUPS: Mapping[str, str] = {
    "demand": "Demand: other load, and requests for data centres",
    "retirements": "Retirement of power plants",
    "queue": "Queues and pace of building: plants, and connections of load",
    "equipment": "Equipment: what can be made and installed in a year",
    "adequacy": "Adequacy: reserves, outages, storage, water, weather",
    "transfer": "Transfer between areas, and siting within them",
    "flexibility": "Flexible load and power made on site",
    "efficiency": "Efficiency of chips, cooling, algorithms and use",
    "chips": "Chips: stock, shipments, life",
    "export control": "Export control",
    "capital": "Capital: spending, commitments, cost, bust",
    "rebound": "Rebound of demand to cheaper compute",
}
"""Key and title, in the order of the chain from load to compute."""

_TECHNOLOGY = "coal|gas|oil|nuclear|hydro|pumped_storage|wind|offshore_wind|solar|biomass|geothermal|battery|other"

_MEMBERS: Mapping[str, str] = {
    "demand": r"nondatacenter_growth_\d{4}_\d{4}|peak_energy_delta|added_share_\w+|component_(share|peak_error)"
    r"|base_year_datacenter_share|electric_heating_share|energised_\w+|request\w+",
    "retirements": rf"survival_(max_age|half_life|steepness)_({_TECHNOLOGY})|retirement_(slip|notice)_\w+",
    "queue": rf"(growth_multiplier|trend_damping|trend_kappa|pipeline_completion)_({_TECHNOLOGY})|build_multiplier"
    r"|second_expert_share|pipeline_(slip_years|delay_factor|memory_years|record_share|on_time_share)"
    r"|trend_recent_share|addition_pattern_share"
    r"|policy_build_lag_years|queue_suspension_limit|plan_\w+|federal_\w+|state_\w+"
    r"|moratorium_\w+|materialisation_share|opposition_share|energisation_\w+|connection_pace|lag_\w+",
    "equipment": rf"addition_(limit|floor)_({_TECHNOLOGY})|addition_factor|growth_limit_ratio"
    r"|equipment_\w+",
    "adequacy": rf"forced_outage_rate_({_TECHNOLOGY})|forced_outage_multiplier|reserve_margin"
    r"|(battery|pumped_storage)_(credit|duration_hours|efficiency)|hydro_year_factor|hydro_minimum_share|cold_\w+|hard_winter_share"
    rf"|(unit_size|outage_(cold|hot)_ratio|outage_hours)_({_TECHNOLOGY})|unserved_energy_limit"
    r"|loss_of_load_(hours|days)_limit",
    "transfer": r"transfer_\w+|siting_\w+|hub_\w+|campus_limit_mw|electricity_price_usd_per_mwh",
    "flexibility": r"curtailable_fraction|flexible_(lag_factor|connection_share|load_share)|onsite_\w+|sustained_depth"
    r"|longest_event_hours|events_a_year|ramp_share_an_hour|notice_hours|payback_share|site_battery_\w+|backup_\w+"
    r"|day_ahead_forecast_error",
    "efficiency": r"pue_\w+|it_power_per_h100e_2025_w|flop_per_watt_growth|frontier_(ratio_2025|closing_rate)"
    r"|stock_power_2024_ratio|mfu|busy_share|(idle|busy)_power_share|arithmetic_precision_factor|algorithmic_\w+"
    r"|training_share|joule_per_token_2025|distributed_overhead",
    "chips": r"us_aligned_\w+|stock_(2025_h100e|domestic_share|recent_share)|share_of_aligned"
    r"|domestic_\w+|accelerator_early_failure|chip_life_(years|spread_years)",
    "export control": r"legal_import\w+|smuggl\w+|import_(growth_elasticity|power_ratio)|control_\w+|memory_ramp_year",
    "capital": r"ai_capex_\w+|commitment\w+|cost_busd_per_gw|shell_\w+|bust_\w+|gdp_\w+|firm_share_of_national"
    r"|largest_run_years|campus_power_\w+",
    "rebound": r"demand_rebound",
}
"""Names without their country, as one regular expression for each group."""


@cache
def group_of(parameter_id: str) -> str:
    """The group of a parameter, a key of GROUPS. Raises ScenarioError unless exactly one group takes the id."""
    name = re.sub(r"^(us|cn)\.", "", parameter_id)
    found = [group for group, members in _MEMBERS.items() if re.fullmatch(members, name)]
    if len(found) != 1:
        what = f"belongs to {' and '.join(map(repr, found))}" if found else "belongs to no group"
        raise ScenarioError(f"parameter {parameter_id!r} {what}; give it one in scenarios/groups.py")
    return found[0]
