"""A whole study: Sobol indices, Shapley effects, value of information, and the parameters one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capacity.draws import Draws
from capacity.sensitivity import dependent, estimators
from capacity.sensitivity.draws import NAMES, PARAMETERS, OneAtATime, scores
from capacity.sensitivity.information import Information, predict_unseen, worth_of_knowing
from capacity.sensitivity.model import Cost, Model
from scenarios.distributions import Distribution
from scenarios.groups import GROUPS

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

OUTPUTS = {
    "us": "Deployed compute, United States",
    "cn": "Deployed compute, China",
    "ratio": "Deployed compute, United States over China",
}
"""Outputs studied. Shares of variance are those of their logarithms, which no single draw dominates."""
LOW, HIGH = 0.1, 0.9
"""Quantiles between which one parameter is moved."""


@dataclass(frozen=True)
class OutputStudy:
    """One output: its quantiles in its own unit (million H100e, or 1), and shares of the variance of its logarithm."""

    p10: float
    p50: float
    p90: float
    first: estimators.Estimate
    total: estimators.Estimate
    shapley: estimators.Estimate


@dataclass(frozen=True)
class Question:
    """Whether the US deploys more than `line` times what China does: how sure, and what knowing more is worth.

    groups : of each group; parameters : of each parameter or chance of its own.
    """

    line: float
    probability: float
    groups: dict[str, Information]
    parameters: dict[str, Information]


@dataclass(frozen=True)
class Swing:
    """A parameter moved from its 10 % to its 90 % quantile with all others at the median: outputs at both."""

    parameter: str
    low: dict[str, float]
    high: dict[str, float]


@dataclass(frozen=True)
class Study:
    """What a study found about one scenario and year.

    outputs : of "us", "cn" and "ratio"             Indices and effects of the groups, and quantiles over draws.
    questions : on the ranking of the countries     What knowing a group or parameter is worth.
    middle : by output                              With every parameter at its median. [million H100e; ratio 1]
    swings : by parameter                           Outputs with one parameter moved at a time.
    """

    scenario: str
    year: int
    seed: int
    draws: int
    cost: Cost
    outputs: dict[str, OutputStudy]
    questions: tuple[Question, ...]
    middle: dict[str, float]
    swings: tuple[Swing, ...]


class Plan:
    """The runs of a study, known before any is made."""

    def __init__(self, model: Model, draws: int) -> None:
        self.model, self.draws = model, draws
        numbers = np.arange(draws), np.arange(draws, 2 * draws)
        a, b = (Draws(model.seed, ids, model.years, model.scenario) for ids in numbers)
        rng = np.random.default_rng(model.seed)
        self._order = rng.permuted(np.tile(np.arange(len(NAMES)), (draws, 1)), axis=1)
        one = np.eye(len(NAMES), dtype=bool)[:, None, :]
        none = np.zeros((1, 1, len(NAMES)), dtype=bool)
        blocks = [(a, b, none), (b, a, none), (b, a, ~one), (a, b, one), (a, b, estimators.chain_steps(self._order))]
        self._rows = dependent.Rows.join([dependent.exchanged(*block) for block in blocks])
        self.cost = model.cost(self._rows)

    def run(self) -> Study:
        deployed = self.model.deployed(self._rows)
        outputs = {name: self._output(values) for name, values in _outputs(deployed).items()}
        middle, swings = _one_at_a_time(self.model)
        return Study(
            scenario=self.model.scenario.name,
            year=self.model.year,
            seed=self.model.seed,
            draws=self.draws,
            cost=self.cost,
            outputs=outputs,
            questions=self._questions(_outputs(deployed[: 2 * self.draws])["ratio"]),
            middle=middle,
            swings=swings,
        )

    def _output(self, values: Floats) -> OutputStudy:
        logs = np.log(values).reshape(-1, self.draws)
        groups = len(NAMES)
        first, total = estimators.sobol(logs[0], logs[1], logs[2 : 2 + groups], logs[2 + groups : 2 + 2 * groups])
        p10, p50, p90 = np.quantile(values[: 2 * self.draws], [0.1, 0.5, 0.9])
        effects = estimators.shapley(logs[2 + 2 * groups :].reshape(-1), self._order)
        return OutputStudy(float(p10), float(p50), float(p90), first, total, effects)

    def _questions(self, ratio: Floats) -> tuple[Question, ...]:
        """The ranking itself, and the lead's own median, where one knows least; from the independent draws."""
        ids = np.arange(2 * self.draws)
        drawn = Draws(self.model.seed, ids, self.model.years, self.model.scenario)
        single, logs = self._scores(drawn), np.log(ratio)
        none = np.zeros((len(ids), 0))
        groups = {name: np.concatenate([none, *single[name].values()], axis=1) for name in NAMES}
        parameters = {name: values for members in single.values() for name, values in members.items()}
        say, say_alone = (
            {name: predict_unseen(values, logs) for name, values in features.items()}
            for features in (groups, parameters)
        )

        def worth(predicted: dict[str, Floats], line: float) -> dict[str, Information]:
            return {name: worth_of_knowing(values, logs, float(np.log(line))) for name, values in predicted.items()}

        return tuple(
            Question(line, float((ratio > line).mean()), worth(say, line), worth(say_alone, line))
            for line in (1.0, float(np.median(ratio)))
        )

    def _scores(self, drawn: Draws) -> dict[str, dict[str, Floats]]:
        """Normal scores (draw, number) of all that was read and is left to chance, by group and name."""
        found: dict[str, dict[str, Floats]] = {name: {} for name in NAMES}
        for group in NAMES:
            for name, kind in sorted({read for reads in self.model.reads.values() for read in reads.of(group)}):
                values = scores(drawn, name, kind)
                if values.shape[1]:
                    found[group][name] = values
        return found


def _outputs(deployed: Floats) -> dict[str, Floats]:
    """Outputs (run,) by name, compute in million H100e, of deployed H100e (run, country)."""
    us, cn = (np.maximum(deployed[:, i], 1.0) / 1e6 for i in range(2))
    return {"us": us, "cn": cn, "ratio": us / cn}


def _one_at_a_time(model: Model) -> tuple[dict[str, float], tuple[Swing, ...]]:
    """Outputs at the medians, and with each parameter that was read and has a distribution moved alone."""
    names = {name for reads in model.reads.values() for name, kind in reads.found if kind in PARAMETERS}
    spread = sorted(name for name in names if isinstance(model.scenario.parameter(name).value, Distribution))
    moved = [None, *((name, quantile) for name in spread for quantile in (LOW, HIGH))]
    draws = OneAtATime(model.seed, np.arange(len(moved)), model.years, model.scenario, moved=moved)
    found = _outputs(model.deployed_of(draws))
    at = [{name: float(values[row]) for name, values in found.items()} for row in range(len(moved))]
    swings = tuple(Swing(name, at[1 + 2 * i], at[2 + 2 * i]) for i, name in enumerate(spread))
    return at[0], swings


def largest_swings(study: Study, output: str, count: int) -> list[Swing]:
    """The `count` parameters that move an output's logarithm most, largest first."""

    def size(swing: Swing) -> float:
        return abs(float(np.log(swing.high[output] / swing.low[output])))

    return [swing for swing in sorted(study.swings, key=size, reverse=True)[:count] if size(swing) > 1e-9]


def group_rows(study: Study) -> list[dict[str, Any]]:
    """One row for each output and group: indices and effects with their standard errors."""
    return [
        {
            "output": output,
            "group": group,
            "title": GROUPS[group],
            **{
                f"{name}{suffix}": float(getattr(getattr(found, name), part)[i])
                for name in ("first", "total", "shapley")
                for suffix, part in (("", "value"), ("_se", "error"))
            },
        }
        for output, found in study.outputs.items()
        for i, group in enumerate(NAMES)
    ]


def question_rows(study: Study) -> list[dict[str, Any]]:
    """One row for each question and group, the group worth most first."""
    return [row for question in study.questions for row in _worth_rows(question, question.groups)]


def parameter_rows(study: Study, count: int) -> list[dict[str, Any]]:
    """The `count` parameters or chances worth most in each question, most first."""
    return [row for question in study.questions for row in _worth_rows(question, question.parameters)[:count]]


def _worth_rows(question: Question, known: dict[str, Information]) -> list[dict[str, Any]]:
    return [
        {
            "line": question.line,
            "probability": question.probability,
            "name": name,
            "value": one.value,
            "value_se": one.error,
            "explained": one.explained,
            "ratio_p05": float(np.exp(one.low)),
            "ratio_p95": float(np.exp(one.high)),
        }
        for name, one in sorted(known.items(), key=lambda item: (-item[1].value, -item[1].explained))
    ]


def swing_rows(study: Study) -> list[dict[str, Any]]:
    """One row for each output and parameter, the largest swing first."""
    return [
        {"output": output, "parameter": s.parameter, "at_p10": s.low[output], "at_p90": s.high[output]}
        for output in OUTPUTS
        for s in largest_swings(study, output, len(study.swings))
    ]
