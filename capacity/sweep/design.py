"""From a plan to its scenario variants: base scenarios x points of a design, as overrides of frozen constants."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import scenarios
from capacity.errors import CapacityError
from capacity.sweep.plan import Design, Interval, Plan, Spread, Values
from scenarios import Parameter, Scenario, ScenarioError
from scenarios.distributions import Constant, Distribution

Floats = NDArray[np.float64]


def base_scenarios(plan: Plan, folder: Path) -> tuple[Scenario, ...]:
    """The plan's scenarios: from the library, or from files at or below `folder`, links resolved; `a+b` composes two.

    Raises CapacityError for a file outside, ScenarioError for a scenario with faults.
    """
    return scenarios.load([tuple(_place(member, folder) for member in name.split("+")) for name in plan.scenarios])


def _place(name: str, folder: Path) -> str | Path:
    """A library name as it is; a file as its path."""
    if not name.endswith((".yaml", ".yml")):
        return name
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise CapacityError(f"scenarios: {name!r} leads out of {folder}; copy the file beside the plan")
    return path


def design_points(plan: Plan, base: Sequence[Scenario]) -> Floats:
    """Values (variant, parameter) of the design, base scenario by base scenario; (variant, 0) without a design."""
    if plan.design is None:
        return np.zeros((len(base), 0))
    unit = _unit_points(plan.design)
    return np.concatenate([_values(plan.design, unit, scenario) for scenario in base])


def _unit_points(design: Design) -> Floats:
    """Points (point, parameter): positions in the lists of a full grid, else in the unit cube, 0 < u < 1."""
    axes = list(design.parameters.values())
    if design.kind == "full_grid":
        sizes = [range(len(axis.values)) for axis in axes if isinstance(axis, Values)]
        return np.array(list(itertools.product(*sizes)), dtype=np.float64)
    from scipy.stats import qmc

    count = design.points or 1
    generator = np.random.default_rng(design.seed)
    if design.kind == "latin_hypercube":
        points = qmc.LatinHypercube(len(axes), rng=generator).random(count)
    else:
        with warnings.catch_warnings():
            # A number of points that is no power of two is the user's choice; docs/sweeps.md says what it costs.
            warnings.filterwarnings("ignore", message="The balance properties of Sobol", category=UserWarning)
            points = qmc.Sobol(len(axes), scramble=True, rng=generator).random(count)
    tiny = 2.0**-53
    return np.clip(np.asarray(points, dtype=np.float64), tiny, 1.0 - tiny)


def _values(design: Design, unit: Floats, scenario: Scenario) -> Floats:
    columns = []
    for k, (name, axis) in enumerate(design.parameters.items()):
        u = unit[:, k]
        if isinstance(axis, Values):
            columns.append(np.asarray(axis.values, dtype=np.float64)[u.astype(np.int64)])
        elif isinstance(axis, Interval):
            columns.append(axis.low + (axis.high - axis.low) * u)
        else:
            columns.append(_quantiles(scenario.parameter(name), axis, u))
    return np.stack(columns, axis=1)


def _quantiles(parameter: Parameter, axis: Spread, u: Floats) -> Floats:
    if not isinstance(parameter.value, Distribution):
        raise CapacityError(f"{parameter.id}: has no distribution to take quantiles of; give {{low:, high:}} instead")
    at = axis.quantile_low + (axis.quantile_high - axis.quantile_low) * u
    return np.clip(parameter.value.quantile(at), *parameter.range)


def parameter_names(plan: Plan) -> tuple[str, ...]:
    """Parameters that the plan's design varies; none without a design."""
    return tuple(plan.design.parameters) if plan.design is not None else ()


def variant_names(base: Sequence[Scenario], variants: int) -> tuple[str, ...]:
    """Name of each variant: the base scenario's, with the number of the point where there is a design of several."""
    points = variants // len(base)
    if points == 1:
        return tuple(scenario.name for scenario in base)
    width = len(str(points - 1))
    return tuple(f"{scenario.name}-{point:0{width}d}" for scenario in base for point in range(points))


def variant(base: Scenario, name: str, values: Mapping[str, float]) -> Scenario:
    """`base` with parameters frozen at a design point, checked as any override is.

    Raises CapacityError naming the parameters that do not exist or whose value lies outside their range.
    """
    if not values:
        return base if base.name == name else base.model_copy(update={"name": name})
    frozen: dict[str, Parameter] = {}
    problems = []
    for parameter_id, value in values.items():
        try:
            frozen[parameter_id] = _frozen(base.parameter(parameter_id), value)
        except (ScenarioError, ValueError) as error:
            lines = [line.strip() for line in str(error).splitlines()]
            problems.append(next((line for line in lines if parameter_id in line), lines[0]))
    if problems:
        raise CapacityError(f"design: {'; '.join(problems)}")
    return Scenario(
        name=name,
        title=f"{base.title}; " + ", ".join(f"{key} = {value:g}" for key, value in values.items()),
        rationale=base.rationale,
        sources=base.sources,
        overridden=tuple(sorted({*base.overridden, *values})),
        parameters=tuple(frozen.get(p.id, p) for p in base.parameters),
        correlation=base.correlation,
    )


def _frozen(parameter: Parameter, value: float) -> Parameter:
    fields = {name: getattr(parameter, name) for name in ("id", "unit", "range", "description")}
    return Parameter(
        **fields,
        value=Constant(value=value),
        label="J",
        source="Point of a sweep's design",
        fixed_because="Held at this value to see what the others do",
    )
