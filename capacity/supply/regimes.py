"""Build regimes as Markov chains on calendar grids, each usable for either country. See docs/projection.md.

Five-year plans move all areas together and step in 2026, 2031, ...; a patchwork has a federal level that can change
in 2029, 2033, ... and areas whose own rules change in single years, nearly independently of each other. Both give
factors on additions around one, so what the experts say is the middle and the regime the spread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from capacity.draws import CentralPath, Draws
from capacity.supply.fleet import Fleet
from capacity.zones import parents
from grids.areas import parent_of
from grids.tables import read_table

Floats = NDArray[np.float64]
States = NDArray[np.int64]

RENEWABLES = ("wind", "offshore_wind", "solar", "battery", "geothermal")
GROUPS = ("renewables", "thermal")
"""Federal policy is one for wind, solar and what goes with them, another for everything else: how the model is cut."""
FIRST_TERM, TERM_YEARS = 2025, 4
FIRST_PLAN, PLAN_YEARS = 2026, 5
RESTRICT, NEUTRAL, EXPAND = -1, 0, 1
RULES = {"fast": 1, "median": 0, "slow": -1}


def group_of(technology: str) -> int:
    """Index into GROUPS."""
    return 0 if technology in RENEWABLES else 1


def factors(fleet: Fleet, draws: Draws | CentralPath) -> tuple[Floats, Floats]:
    """Factors on what experts add and on what owners plan, both (draw, area, group, year), group as in GROUPS.

    Each draw lives under plans with probability `plan_regime_share`, else under the patchwork; 1 on the central path.
    Owners who put a unit on record knew the federal policy of the first year, so for plans only its changes count.
    """
    shape = (len(draws), len(fleet.areas), len(GROUPS), len(draws.years))
    if isinstance(draws, CentralPath):
        return np.ones(shape), np.ones(shape)
    planned = draws.uniform(f"{fleet.prefix}.regime") < draws.scalar(f"{fleet.prefix}.plan_regime_share")
    added, on_record = np.empty(shape), np.empty(shape)
    if planned.any():
        added[planned] = five_year_plans(fleet, draws)[planned][:, :, None, :]
        on_record[planned] = added[planned]
    if not planned.all():
        rest = ~planned
        own, lag = state_rules(fleet, draws)[rest], draws.scalar("policy_build_lag_years")[rest]
        for g, group in enumerate(GROUPS):
            level = federal(fleet, draws, group)[rest][:, None, :]
            added[rest, :, g] = _lagged(own * level, lag)
            on_record[rest, :, g] = _lagged(own * (level / level[..., :1]), lag)
    return added, on_record


def _lagged(factor: Floats, lag: Floats) -> Floats:
    """What a policy (draw, area, year) does to additions, `lag` (draw,) years after it holds; 1 before it can show.

    What is being built goes on. A lag between two whole years is their mix.
    """
    whole = np.floor(lag).astype(int)
    late = np.ones_like(factor)
    for years in np.unique(whole):
        rows = whole == years
        part = (lag[rows] - years)[:, None, None]
        late[rows] = (1.0 - part) * _shifted(factor[rows], years) + part * _shifted(factor[rows], years + 1)
    return late


def _shifted(factor: Floats, years: int) -> Floats:
    late = np.ones_like(factor)
    late[..., years:] = factor[..., : max(factor.shape[-1] - years, 0)]
    return late


def five_year_plans(fleet: Fleet, draws: Draws) -> Floats:
    """Factor (draw, area, year): one multiplier a plan and area, correlated between areas, delivered towards the end.

    Years before the first plan keep 1.
    """
    pre = fleet.prefix
    parameter = draws.scenario.parameter(f"{pre}.plan_multiplier")
    shared = np.sqrt(np.clip(draws.scalar(f"{pre}.plan_correlation"), 0.0, 1.0))
    own = np.sqrt(1.0 - shared**2)
    rush = draws.scalar("plan_rush")
    names, owner = parents(fleet.areas)
    result = np.ones((len(draws), len(names), len(draws.years)))
    for start in _grid(draws.years, FIRST_PLAN, PLAN_YEARS):
        inside = (draws.years >= start) & (draws.years < start + PLAN_YEARS)
        # The share of a plan's year j of five, over its mean: linear around 1.
        place = (draws.years[inside] - start - 2) / 4.0
        delivery = 1.0 + 5.0 * rush[:, None] * place[None, :]
        common = draws.normal(f"{pre}.plan.{start}")
        for a, area in enumerate(names):
            latent = shared * common + own * draws.normal(f"{pre}.plan.{start}.{area}")
            multiplier = parameter.at(_uniform(latent), np.array([start]))[:, 0]
            result[:, a, inside] = multiplier[:, None] * delivery
    return result[:, owner]


def federal(fleet: Fleet, draws: Draws, group: str) -> Floats:
    """Factor (draw, year) of federal policy towards a group of technologies."""
    state = federal_states(fleet, draws, group)
    expand, restrict = (draws.scalar(f"federal_{name}_factor")[:, None] for name in ("expand", "restrict"))
    return np.where(state == EXPAND, expand, np.where(state == RESTRICT, restrict, 1.0))


def federal_states(fleet: Fleet, draws: Draws, group: str) -> States:
    """State (draw, year), -1 restrict, 0 neutral, 1 expand; changes in 2029, 2033, ... only."""
    stay = draws.scalar("federal_stay_probability")
    first = draws.scalar(f"federal_first_{group}")
    state = np.round(first).astype(np.int64)
    chance = _uniform(draws.normal(f"{fleet.prefix}.federal.{group}", yearly=True))
    result = np.empty((len(draws), len(draws.years)), dtype=np.int64)
    for y, year in enumerate(draws.years):
        if year > FIRST_TERM and (year - FIRST_TERM) % TERM_YEARS == 0:
            other = (chance[:, y] - stay) / np.maximum(1.0 - stay, 1e-12)
            step = np.where(other < 0.5, 1, 2)
            moved = (state + 1 + step) % 3 - 1
            state = np.where(chance[:, y] < stay, state, moved)
        result[:, y] = state
    return result


def state_rules(fleet: Fleet, draws: Draws) -> Floats:
    """Factor (draw, area, year) of the areas' own rules, over those of today."""
    factor = {
        1: draws.scalar("state_fast_factor"), 0: np.ones(len(draws)), -1: draws.scalar("state_slow_factor")
    }  # fmt: skip
    names, owner = parents(fleet.areas)
    first = [RULES[str(queues().get(area, {}).get("rules", "median"))] for area in names]
    rules, halted = area_states(fleet, draws, names, first)
    now = np.select([rules == 1, rules == -1], [factor[1][:, None, None], factor[-1][:, None, None]], 1.0)
    today = np.stack([factor[one] for one in first], axis=1)
    return np.where(halted, draws.scalar("moratorium_factor")[:, None, None], now / today[:, :, None])[:, owner]


def area_states(
    fleet: Fleet, draws: Draws, areas: Sequence[str], first: Sequence[int]
) -> tuple[States, NDArray[np.bool_]]:
    """Rules (draw, area, year), 1 fast, 0 median, -1 slow, and whether a moratorium holds; `first` are those of today.

    All areas share a part of their luck with rules, and none with moratoria.
    """
    pre = fleet.prefix
    change, hazard = (draws.scalar(name)[:, None] for name in ("state_change_probability", "moratorium_hazard"))
    ends = 1.0 / draws.scalar("moratorium_years")[:, None]
    shared = np.sqrt(np.clip(draws.scalar("state_correlation"), 0.0, 1.0))[:, None, None]
    own = np.stack([draws.normal(f"{pre}.state.{area}", yearly=True) for area in areas], axis=1)
    common = draws.normal(f"{pre}.states", yearly=True)[:, None, :]
    chance = _uniform(shared * common + np.sqrt(1.0 - shared**2) * own)
    stop = _uniform(np.stack([draws.normal(f"{pre}.moratorium.{area}", yearly=True) for area in areas], axis=1))
    rules = np.broadcast_to(np.asarray(first, dtype=np.int64), chance.shape[:2])
    halted = np.zeros(rules.shape, dtype=bool)
    states = np.empty(chance.shape, dtype=np.int64)
    holds = np.empty(chance.shape, dtype=bool)
    for y in range(len(draws.years)):
        step = (chance[..., y] > 1.0 - 0.5 * change).astype(np.int64) - (chance[..., y] < 0.5 * change)
        rules = np.clip(rules + step, -1, 1)
        halted = np.where(halted, stop[..., y] >= ends, stop[..., y] < hazard)
        states[..., y], holds[..., y] = rules, halted
    return states, holds


@cache
def queues() -> Mapping[str, Mapping[str, float | str]]:
    """Interconnection by US area (`data/us_queues.yaml`): years, suspended, rules, label."""
    areas: Mapping[str, Mapping[str, float | str]] = read_table("us_queues.yaml", "capacity")["areas"]
    return areas


def queue_factors(fleet: Fleet) -> tuple[Floats, Floats]:
    """Factors (area,) on the delay and on the completion of planned units; 1 where no queue is on record.

    Relative to the mean over planned capacity, so that the country's own parameters stay what they say.
    """
    weight = fleet.planned_addition_mw.sum(axis=(1, 2))
    known = [queues().get(parent_of(area)) for area in fleet.areas]
    if not any(known) or weight.sum() <= 0.0:
        return np.ones(len(known)), np.ones(len(known))
    years = np.array([float(q["years"]) if q else np.nan for q in known])
    kept = np.array([1.0 - float(q["suspended"]) if q else np.nan for q in known])
    return _relative(years, weight), _relative(kept, weight)


def suspension_limit(fleet: Fleet, draws: Draws | CentralPath) -> Floats:
    """Largest share (draw, year) of signed agreements that any area suspends; 1 where no queue is on record."""
    if not any(parent_of(area) in queues() for area in fleet.areas):
        return np.ones((len(draws), len(draws.years)))
    return draws.parameter(f"{fleet.prefix}.queue_suspension_limit")


def kept_share(fleet: Fleet, limit: Floats, completion: Floats) -> Floats:
    """Factor (draw, area, technology) on the completion of planned units where suspension has a limit (draw,).

    completion : (draw, technology)  What is finished at the country's mean.

    Relative to today's mean, so that a lower limit finishes more; never beyond all that is planned, unless today's
    factor already leads there.
    """
    _, today = queue_factors(fleet)
    table = np.broadcast_to(today, (len(limit), len(today)))
    if any(parent_of(area) in queues() for area in fleet.areas):
        suspended = np.array([float(queues().get(parent_of(area), {}).get("suspended", 0.0)) for area in fleet.areas])
        less = (1.0 - np.minimum(suspended, limit[:, None])) / (1.0 - suspended)
        table = np.where(suspended > limit[:, None], table * less, table)
    whole = 1.0 / np.maximum(completion, 1e-9)
    return np.minimum(table[:, :, None], np.maximum(whole[:, None, :], today[:, None]))


def _relative(values: Floats, weight: Floats) -> Floats:
    known = np.isfinite(values)
    mean = float((values[known] * weight[known]).sum() / max(weight[known].sum(), 1e-12))
    return np.where(known, values / mean, 1.0) if mean > 0.0 else np.ones(len(values))


def _grid(years: NDArray[np.int64], first: int, step: int) -> range:
    """Calendar years at which a regime can change, as far as the model years reach."""
    return range(first, int(years[-1]) + 1, step)


def _uniform(normal: Floats) -> Floats:
    from scipy.special import ndtr

    return np.asarray(ndtr(normal))
