"""Scenarios with a few numbers replaced, and draws of them. TEST MATERIAL."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np

from capacity.draws import Draws
from scenarios import Scenario, load
from scenarios.distributions import Constant, Path

YEARS = np.arange(2025, 2041)
AREAS = {"US": ("us.nyiso", "us.ercot", "us.caiso"), "CN": ("cn.jiangsu", "cn.gansu")}
AMPLE_MW = 1e7


def scenario_with(values: Mapping[str, float | Mapping[int, float]]) -> Scenario:
    """The reference with parameters set to a constant or a path over years."""
    whole = load(["reference"])[0]
    unknown = set(values) - {p.id for p in whole.parameters}
    assert not unknown, unknown
    changed = tuple(
        # "P", so that a bare number needs no reason.
        p.model_copy(update={"value": _value(values[p.id]), "label": "P", "fixed_because": None})
        if p.id in values
        else p
        for p in whole.parameters
    )
    return Scenario.model_validate(dict(whole.model_copy(update={"parameters": changed})))


def _value(given: float | Mapping[int, float]) -> Constant | Path:
    if isinstance(given, Mapping):
        return Path(kind="path", nodes=dict(given))
    return Constant(kind="constant", value=given)


def drawn(values: Mapping[str, float | Mapping[int, float]] | None = None, count: int = 64, seed: int = 3) -> Draws:
    return Draws(seed, np.arange(count), YEARS, scenario_with(values or {}))


def solved_country(country: str, draws: Draws, hostable_mw: float = AMPLE_MW, pue: float = 1.25) -> SimpleNamespace:
    """What the joint model reads of a solved country: level hostable load in two or three areas."""
    areas = AREAS[country]
    shape = (len(draws), len(areas), len(draws.years))
    placed = SimpleNamespace(hostable_mw=np.full(shape, hostable_mw), siting_limited=np.zeros(shape, dtype=bool))
    fleet = SimpleNamespace(country=country, prefix=country.lower(), areas=areas)
    supply = SimpleNamespace(equipped=np.ones((len(draws), len(draws.years))))
    return SimpleNamespace(
        fleet=fleet,
        supply=supply,
        placed=placed,
        pue=np.full(shape, pue),
        mean_over_peak_pue=np.full(shape[:2], 0.8),
        served=None,
    )
