"""Scenarios made in a test: the reference with a few parameters set."""

from __future__ import annotations

import numpy as np

from capacity.draws import Draws
from scenarios import Scenario, default_parameters, load
from scenarios.distributions import Constant
from scenarios.distributions import Path as YearPath

YEARS = np.arange(2025, 2041)


def scenario(**values: float | dict[int, float]) -> Scenario:
    """The reference with parameters set: a number, or a path over years; `us__mfu` stands for `us.mfu`."""
    changed = {}
    for name, value in values.items():
        default = default_parameters()[name.replace("__", ".")]
        new = YearPath(kind="path", nodes=value) if isinstance(value, dict) else Constant(value=value)
        changed[default.id] = default.model_copy(update={"value": new})
    (reference,) = load(["reference"])
    merged = tuple(changed.get(p.id, p) for p in reference.parameters)
    return Scenario(
        name="levers",
        title="T",
        rationale="R",
        sources=("S",),
        overridden=tuple(changed),
        correlation=reference.correlation,
        parameters=tuple(p.model_copy(update={"label": "F", "fixed_because": None}) for p in merged),
    )


def drawn(count: int = 60, **values: float | dict[int, float]) -> Draws:
    return Draws(5, np.arange(count), YEARS, scenario(**values))
