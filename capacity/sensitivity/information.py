"""Value of information by regression: how much better one would decide if one group were known (Strong et al. 2014).

The regression is ridge on the normal scores behind a group's parameters and their squares, of which those that go
with the output most are kept. Every draw is predicted by a fit that has not seen it, so that a group that says nothing
is worth nothing, instead of what an overfitted curve pretends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_PENALTIES = (1.0, 10.0, 100.0, 1000.0)
_KEPT = (2, 8, 32)
"""Features kept, one of these; both are chosen by how well unseen draws are predicted."""
FOLDS = 10


@dataclass(frozen=True)
class Information:
    """What knowing one group is worth for the question whether an output is above a line.

    explained : part of the variance that the regression predicts, an estimate of the first-order index from below
    value : probability of a right answer with the group known, less that without; >= 0
    error : standard error of `value`
    low, high : 5 and 95 % quantile of the predicted output
    """

    explained: float
    value: float
    error: float
    low: float
    high: float


def worth_of_knowing(predicted: Floats, output: Floats, line: float) -> Information:
    """Value of knowing one group's parameters before saying whether `output` is above `line`.

    predicted : (draw,)   What they say about `output`, from `predict_unseen`.
    output : (draw,)      Of independent draws.

    Without knowledge the answer is the more frequent one. The value is counted on answers as given, not on fitted
    probabilities; below zero it is zero.
    """
    spread = float(((output - output.mean()) ** 2).sum())
    explained = 1.0 - float(((output - predicted) ** 2).sum()) / spread if spread > 0.0 else 0.0
    above = output > line
    known = (predicted > line) == above
    guess = above if above.mean() >= 0.5 else ~above
    gain = known.astype(float) - guess
    low, high = np.quantile(predicted, [0.05, 0.95])
    value = max(0.0, float(gain.mean()))
    return Information(max(0.0, explained), value, float(gain.std() / np.sqrt(len(gain))), float(low), float(high))


def predict_unseen(scores: Floats, output: Floats) -> Floats:
    """Prediction (draw,) of each output by a regression on other draws only, a tenth being left out at a time.

    scores : (draw, feature)   Normal scores of what a group draws; no feature is a group without chance.
    """
    features = np.concatenate([scores, scores**2 - 1.0], axis=1)
    fold = np.arange(len(output)) % FOLDS
    choices = sorted({min(kept, features.shape[1]) for kept in _KEPT} - {0})
    predicted = np.empty((1 + len(choices) * len(_PENALTIES), len(output)))
    for left_out in range(FOLDS):
        unseen = fold == left_out
        predicted[:, unseen] = _fits(features[~unseen], output[~unseen], features[unseen], choices)
    misses = ((predicted - output) ** 2).sum(axis=1)
    return predicted[int(misses.argmin())]


def _fits(features: Floats, output: Floats, unseen: Floats, choices: Sequence[int]) -> Floats:
    """Predictions (fit, unseen draw): the mean, then for each number of kept features each penalty."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0.0, spread, 1.0)
    known, new = (features - mean) / spread, (unseen - mean) / spread
    rest = output - output.mean()
    order = np.argsort(-np.abs(rest @ known), kind="stable")[: choices[-1] if choices else 0]
    known, new = known[:, order], new[:, order]
    products, target = known.T @ known, known.T @ rest
    found = [np.zeros(len(unseen))]
    for kept in choices:
        for penalty in _PENALTIES:
            held = products[:kept, :kept] + penalty * np.eye(kept)
            found.append(new[:, :kept] @ np.linalg.solve(held, target[:kept]))
    return np.stack(found) + output.mean()
