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

from capacity.experts_data import TAILS
from capacity.hindcast import displacement, experts
from capacity.hindcast.mixture import Mixture, crps, pit, pool, single
from capacity.hindcast.panel import Panel

Floats = NDArray[np.float64]

KAPPAS = np.geomspace(0.3, 4.0, 15)
COARSE = KAPPAS[::3]
OWN_WEIGHTS = (0.3, 0.5, 0.7, 0.9)
"""How much an entity's own spread counts against what its size lets expect."""
SHARES = np.linspace(0.0, 1.0, 21)
LEAST_PAST = 100
"""Past pairs below which an origin keeps the standing settings; a setting of the learning."""
KEPT_FOR_EACH = 0.25
"""Weight that each expert keeps whatever the record says: equal weights are hard to beat (forecast combination
puzzle, Claeskens et al. 2016), so the fitted ones go half of the way; a setting of the learning."""
BLEND_WIDTH = 0.02
"""A setting whose score is this much worse than the best counts 1/e of it; a setting of the learning."""
MEMORY = 8
"""Years of outcomes that settings are learnt from; older ones are another age; a setting of the learning."""
AIM = 0.92
"""Coverage of the past that 90 % bands are made to have: two points more than they promise, since the settings are
fitted on the same past; a setting of the learning."""
WIDENINGS = np.arange(0.6, 3.01, 0.05)
HORIZON_GROUPS = ((1, 3), (4, 6), (7, 99))
DIFFUSING = ("wind", "solar")
DISPLACED = ("coal", "gas")
STANDING = {"trend": experts.Trend(0.8, 0.5), "diffusion": experts.Diffusion(0.9, 0.5, 1.0), "displacement": ()}
STANDING_KAPPA = 2.0
"""Factor on the unit spread while there is no record to learn it from: twice as wide as the past was; a setting."""
Setting = tuple[float, ...]
Blend = tuple[tuple[float, Setting], ...]
"""Settings of one expert with their weights, which sum to 1: the path is the weighted mean of theirs."""


class Learnt(NamedTuple):
    """What one origin knows, by expert, and by horizon for the weight of the second expert and the widening."""

    setting: dict[str, Blend]
    own: dict[str, float]
    kappa: dict[str, float]
    tail: dict[str, int]
    weight: Floats
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

    second : the expert beside the trend, or None where there is none for this series.
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
        return ("trend",) if self.second is None else ("trend", self.second)

    def raw(self, origin: int) -> Raw:
        """Paths of the eligible entities at `origin`, from the record until then."""
        if origin not in self._raw:
            self._raw[origin] = _raw_paths(self.panel.until(origin), self.second, self.horizon)
        return self._raw[origin]

    def forecast(self, origin: int) -> tuple[Mixture, Learnt, Raw]:
        """Pooled forecast (component, eligible entity, horizon) from `origin`."""
        learnt = self.learn(origin)
        return self._pooled(self.raw(origin), learnt).widened(learnt.widening), learnt, self.raw(origin)

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
        weight = np.full(self.horizon, 0.5 if self.second else 0.0)
        if count < LEAST_PAST:
            return Learnt(setting, own, kappa, tail, weight, np.ones(self.horizon), count)
        for name in self.names:
            setting[name], own[name], kappa[name], tail[name] = self._best(past, name)
        learnt = Learnt(setting, own, kappa, tail, weight, np.ones(self.horizon), count)
        if self.second:
            learnt = learnt._replace(weight=self._weights(past, learnt))
        return learnt._replace(widening=self._widening(past, learnt))

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
        """Weight of the second expert by horizon: best linear pool, each expert keeping its least share."""
        outcome = np.concatenate([o for _, o in past])
        parts = [[self._one(raw, name, learnt) for raw, _ in past] for name in self.names]
        first, second = (Mixture(*(np.concatenate(x, axis=1) for x in zip(*part, strict=True))) for part in parts)
        weight, last = np.zeros(self.horizon), 0.5
        for low, high in HORIZON_GROUPS:
            columns = slice(low - 1, min(high, self.horizon))
            use = np.isfinite(outcome[:, columns])
            if use.sum() >= LEAST_PAST:
                pair = [Mixture(*(x[:, :, columns][:, use] for x in part)) for part in (first, second)]
                truth = outcome[:, columns][use]
                scores = [float(crps(pool(pair, [np.array(1.0 - w), np.array(w)]), truth).mean()) for w in SHARES]
                last = KEPT_FOR_EACH + (1.0 - 2.0 * KEPT_FOR_EACH) * float(SHARES[int(np.argmin(scores))])
            weight[columns] = last
        return weight

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

    def _pooled(self, raw: Raw, learnt: Learnt) -> Mixture:
        parts = [self._one(raw, name, learnt) for name in self.names]
        if len(parts) == 1:
            return parts[0]
        return pool(parts, [1.0 - learnt.weight, learnt.weight])

    def _one(self, raw: Raw, name: str, learnt: Learnt) -> Mixture:
        path = np.sum([weight * raw.paths[name, setting] for weight, setting in learnt.setting[name]], axis=0)
        # An expert without a record yet says what the trend says.
        path = np.where(np.isfinite(path), path, raw.paths["trend", STANDING["trend"]])
        unit = raw.spread(learnt.own[name])[:, None] * experts.widening(self.horizon)
        return _shaped(path, learnt.kappa[name] * unit, learnt.tail[name])


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
    if second == "diffusion":
        for diffusion in experts.DIFFUSIONS:
            paths["diffusion", diffusion] = experts.diffusion_path(panel, diffusion, horizon)[rows]
    if second == "displacement":
        paths["displacement", ()] = displacement.displacement_path(panel, horizon)[rows]
    own, size = experts.spreads(panel)
    return Raw(rows, own[rows], size[rows], paths)
