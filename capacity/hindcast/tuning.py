"""What an origin may learn from the forecasts before it: settings, spreads, weights; nothing later.

Raw paths of every expert and setting are made once per origin from `panel.until(origin)`. At an origin the forecasts
of earlier origins are compared with the outcomes on record by then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from capacity.hindcast import displacement, experts, shares
from capacity.hindcast.mixture import Mixture, crps, pit, pool, single
from capacity.hindcast.panel import Panel
from capacity.supply.experts_data import TAILS

Floats = NDArray[np.float64]

KAPPAS = np.geomspace(0.3, 4.0, 15)
COARSE = KAPPAS[::3]
OWN_WEIGHTS = (0.3, 0.5, 0.7, 0.9)
"""How much an entity's own spread counts against what its size lets expect."""
LEAST_PAST = 100
"""Past pairs below which an origin keeps the standing settings; a setting of the learning."""
BLEND_WIDTH = 0.02
"""A setting whose score is this much worse than the best counts 1/e of it; a setting of the learning."""
MEMORY = 8
"""Years of outcomes that settings are learnt from; older ones are another age; a setting of the learning."""
AIM = 0.92
"""Coverage of the past that 90 % bands are made to have: two points more than they promise, since the settings are
fitted on the same past; a setting of the learning."""
WIDENINGS = np.arange(0.6, 3.005, 0.01)
HORIZON_GROUPS = ((1, 3), (4, 6), (7, 99))
DIFFUSING = ("wind", "solar")
DISPLACED = ("coal", "gas")
STANDING: dict[str, tuple[float, ...]] = {
    "trend": experts.Trend(0.8, 0.5),
    "diffusion": experts.Diffusion(0.9, 0.5, 1.0),
    "displacement": (),
    "smoothing": experts.Smoothing(0.25),
}
STANDING_KAPPA = 2.0
"""Factor on the unit spread while there is no record to learn it from: twice as wide as the past was; a setting."""
Setting = tuple[float, ...]
Blend = tuple[tuple[float, Setting], ...]
"""Settings of one expert with their weights, which sum to 1: the path is the weighted mean of theirs."""


class Learnt(NamedTuple):
    """What one origin knows, by expert.

    weight : (expert, horizon)   Of all entities, in the order of `Forecaster.names`; sums to 1 over experts.
    own_factor : (expert, entity)  What an entity's own record makes of them, before they are scaled to sum to 1.
    widening : (horizon,)
    """

    setting: dict[str, Blend]
    own: dict[str, float]
    kappa: dict[str, float]
    tail: dict[str, int]
    weight: Floats
    own_factor: Floats
    widening: Floats
    pairs: int


@dataclass(frozen=True)
class Raw:
    """Paths of one origin: eligible rows, unit spread (entity,), and the mean path by expert and setting."""

    rows: NDArray[np.int64]
    own_spread: Floats
    size_spread: Floats
    paths: dict[tuple[str, Setting], Floats]

    def spread(self, own: float) -> Floats:
        """Geometric mean of the entity's own spread, with weight `own`, and of what its size lets expect."""
        return np.asarray(self.own_spread**own * self.size_spread ** (1.0 - own))


@dataclass
class Forecaster:
    """Forecasts of one panel from any origin, each from what was known then.

    second : the structural expert beside the two statistical ones, or None where there is none for this series.
    """

    panel: Panel
    horizon: int
    first_origin: int
    _raw: dict[int, Raw] = field(default_factory=dict)

    @property
    def second(self) -> str | None:
        series = self.panel.series
        return "diffusion" if series in DIFFUSING else "displacement" if series in DISPLACED else None

    @cached_property
    def names(self) -> tuple[str, ...]:
        return ("trend", "smoothing") if self.second is None else ("trend", self.second, "smoothing")

    def raw(self, origin: int) -> Raw:
        """Paths of the eligible entities at `origin`, from the record until then."""
        if origin not in self._raw:
            self._raw[origin] = _raw_paths(self.panel.until(origin), self.second, self.horizon)
        return self._raw[origin]

    def forecast(self, origin: int) -> tuple[Mixture, Learnt, Raw]:
        """Pooled forecast (component, eligible entity, horizon) from `origin`."""
        learnt = self.learn(origin)
        raw = self.raw(origin)
        return self._pooled(raw, learnt, learnt.own_factor).widened(learnt.widening), learnt, raw

    def expert(self, origin: int, name: str, learnt: Learnt) -> Mixture:
        """One expert alone, as it goes into the pool."""
        return self._one(self.raw(origin), name, learnt)

    def learn(self, origin: int) -> Learnt:
        """Settings by CRPS, weights by the CRPS of the pool, widening by coverage; all over outcomes until `origin`."""
        past = self._past(origin)
        count = int(sum(np.isfinite(outcome).sum() for _, outcome in past))
        setting: dict[str, Blend] = {name: ((1.0, STANDING[name]),) for name in self.names}
        kappa = dict.fromkeys(self.names, STANDING_KAPPA)
        tail = dict.fromkeys(self.names, 0)
        own = dict.fromkeys(self.names, 0.5)
        weight = np.repeat(shares.standing(self.names)[:, None], self.horizon, axis=1)
        nothing = np.ones((len(self.names), len(self.panel.entities)))
        learnt = Learnt(setting, own, kappa, tail, weight, nothing, np.ones(self.horizon), count)
        if count < LEAST_PAST:
            return learnt
        for name in self.names:
            setting[name], own[name], kappa[name], tail[name] = self._best(past, name)
        learnt = learnt._replace(weight=self._weights(past, learnt))
        # The widening is that of the weights of all: those of its own make an entity's past look better than it was.
        return learnt._replace(widening=self._widening(past, learnt), own_factor=self._own_factors(past, learnt))

    def _past(self, origin: int) -> list[tuple[Raw, Floats]]:
        """Earlier origins with their outcomes of the last MEMORY years; older outcomes are another age."""
        known = self.panel.until(origin)
        past = []
        for earlier in range(self.first_origin, origin):
            raw = self.raw(earlier)
            if raw.rows.size:
                outcome = known.outcomes(earlier, self.horizon)[raw.rows]
                year = earlier + np.arange(1, self.horizon + 1)
                past.append((raw, np.where(year > origin - MEMORY, outcome, np.nan)))
        return past

    def _best(self, past: list[tuple[Raw, Floats]], name: str) -> tuple[Blend, float, float, int]:
        """Setting, weight of the own spread, kappa and tail with the least CRPS: first the setting, then the rest."""
        outcome = np.concatenate([o for _, o in past])
        settings = [key[1] for key in past[-1][0].paths if key[0] == name]
        middle = _unit(past, 0.5)
        found: list[tuple[float, Setting, Floats]] = []
        for setting in settings:
            mean = np.concatenate([raw.paths[name, setting] for raw, _ in past])
            use = np.isfinite(outcome) & np.isfinite(mean)
            if use.any():
                scores = [crps(_shaped(mean[use], k * middle[use], 1), outcome[use]).mean() for k in COARSE]
                found.append((float(min(scores)), setting, mean))
        if not found:
            return ((1.0, STANDING[name]),), 0.5, STANDING_KAPPA, 0
        blend = _blend([(score, setting) for score, setting, _ in found])
        means = {setting: mean for _, setting, mean in found}
        mean = np.sum([weight * means[setting] for weight, setting in blend], axis=0)
        use = np.isfinite(outcome) & np.isfinite(mean)
        tried = {}
        for own in OWN_WEIGHTS:
            unit = _unit(past, own)[use]
            for tail in range(len(TAILS)):
                for kappa in map(float, KAPPAS):
                    score = crps(_shaped(mean[use], kappa * unit, tail), outcome[use]).mean()
                    tried[own, kappa, tail] = float(score)
        return blend, *min(tried, key=tried.__getitem__)

    def _weights(self, past: list[tuple[Raw, Floats]], learnt: Learnt) -> Floats:
        """Weight of each expert by horizon: the best linear pool, nearer to standing weights where origins are few."""
        outcome = np.concatenate([o for _, o in past])
        parts = [[self._one(raw, name, learnt) for raw, _ in past] for name in self.names]
        whole = [Mixture(*(np.concatenate(x, axis=1) for x in zip(*part, strict=True))) for part in parts]
        start = last = shares.standing(self.names)
        weight = learnt.weight.copy()
        for low, high in HORIZON_GROUPS:
            columns = slice(low - 1, min(high, self.horizon))
            use = np.isfinite(outcome[:, columns])
            if use.sum() >= LEAST_PAST:
                origins = sum(bool(np.isfinite(o[:, columns]).any()) for _, o in past)
                each = [Mixture(*(x[:, :, columns][:, use] for x in part)) for part in whole]
                last = shares.trusted(shares.fitted(each, outcome[:, columns][use]), start, origins)
            weight[:, columns] = last[:, None]
        return weight

    def _own_factors(self, past: list[tuple[Raw, Floats]], learnt: Learnt) -> Floats:
        """What the errors of each expert's path have been for each entity, over the spread that was to be expected."""
        error = np.zeros_like(learnt.own_factor)
        pairs = np.zeros(len(self.panel.entities))
        for raw, outcome in past:
            unit = raw.spread(0.5)[:, None] * experts.widening(self.horizon)
            for e, name in enumerate(self.names):
                missed = np.abs(outcome - self._path(raw, name, learnt)) / unit
                error[e, raw.rows] += np.where(np.isfinite(missed), missed, 0.0).sum(axis=1)
            pairs[raw.rows] += np.isfinite(outcome).sum(axis=1)
        return shares.own_factors(error, pairs)

    def _widening(self, past: list[tuple[Raw, Floats]], learnt: Learnt) -> Floats:
        """By horizon: least factor with which the 90 % bands would have held AIM of the outcomes so far."""
        outcome = np.concatenate([o for _, o in past])
        parts = [self._pooled(raw, learnt) for raw, _ in past]
        whole = Mixture(*(np.concatenate(x, axis=1) for x in zip(*parts, strict=True)))
        widening, last = np.ones(self.horizon), 1.0
        for low, high in HORIZON_GROUPS:
            columns = slice(low - 1, min(high, self.horizon))
            use = np.isfinite(outcome[:, columns])
            if use.sum() >= LEAST_PAST:
                kept = Mixture(*(x[:, :, columns][:, use] for x in whole))
                last = _least_factor(kept, outcome[:, columns][use])
            widening[columns] = last
        return widening

    def _pooled(self, raw: Raw, learnt: Learnt, own_factor: Floats | None = None) -> Mixture:
        """Linear pool with the weights of all, or with each entity's own."""
        weight = np.repeat(learnt.weight[:, None, :], len(raw.rows), axis=1)
        if own_factor is not None:
            weight = weight * own_factor[:, raw.rows, None]
            weight /= weight.sum(axis=0)
        return pool([self._one(raw, name, learnt) for name in self.names], list(weight))

    def _path(self, raw: Raw, name: str, learnt: Learnt) -> Floats:
        path = np.sum([weight * raw.paths[name, setting] for weight, setting in learnt.setting[name]], axis=0)
        # An expert without a record yet says what the trend says.
        return np.where(np.isfinite(path), path, raw.paths["trend", STANDING["trend"]])

    def _one(self, raw: Raw, name: str, learnt: Learnt) -> Mixture:
        unit = raw.spread(learnt.own[name])[:, None] * experts.widening(self.horizon)
        return _shaped(self._path(raw, name, learnt), learnt.kappa[name] * unit, learnt.tail[name])


def _blend(scored: list[tuple[float, Setting]]) -> Blend:
    """Settings weighted by how near their scores come to the best; those below a hundredth are left out."""
    score = np.array([entry[0] for entry in scored])
    weight = np.exp(-(score / score.min() - 1.0) / BLEND_WIDTH)
    weight = np.where(weight >= 0.01 * weight.sum(), weight, 0.0)
    weight /= weight.sum()
    return tuple((float(w), setting) for w, (_, setting) in zip(weight, scored, strict=True) if w > 0.0)


def _shaped(mean: Floats, spread: Floats, tail: int) -> Mixture:
    """One expert's error as a mixture of normals around one mean."""
    shape = TAILS[tail]
    return pool([single(mean, width * spread) for _, width in shape], [np.array(weight) for weight, _ in shape])


def _least_factor(forecast: Mixture, outcome: Floats) -> float:
    for factor in WIDENINGS:
        if (np.abs(pit(forecast.widened(float(factor)), outcome) - 0.5) < 0.45).mean() >= AIM:
            return float(factor)
    return float(WIDENINGS[-1])


def _unit(past: list[tuple[Raw, Floats]], own: float) -> Floats:
    """Unit spreads (row, horizon) of all past origins one below the other."""
    unit = np.concatenate([raw.spread(own) for raw, _ in past])
    return unit[:, None] * experts.widening(past[0][1].shape[1])


def _raw_paths(panel: Panel, second: str | None, horizon: int) -> Raw:
    rows = np.flatnonzero(panel.eligible)
    if not rows.size:
        return Raw(rows, np.zeros(0), np.zeros(0), {})
    paths: dict[tuple[str, Setting], Floats] = {}
    for trend in experts.TRENDS:
        paths["trend", trend] = experts.trend_path(panel, trend, horizon)[rows]
    for smoothing in experts.SMOOTHINGS:
        paths["smoothing", smoothing] = experts.smoothing_path(panel, smoothing, horizon)[rows]
    if second == "diffusion":
        for diffusion in experts.DIFFUSIONS:
            paths["diffusion", diffusion] = experts.diffusion_path(panel, diffusion, horizon)[rows]
    if second == "displacement":
        paths["displacement", ()] = displacement.displacement_path(panel, horizon)[rows]
    own, size = experts.spreads(panel)
    return Raw(rows, own[rows], size[rows], paths)
