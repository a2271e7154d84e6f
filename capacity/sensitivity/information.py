"""Value of information by regression: how much better one would decide if one group were known (Strong et al. 2014).

The regression is ridge on the normal scores behind a group's parameters and their squares. Every draw is predicted by
the fit without it, so that a group that says nothing is worth nothing, instead of what an overfitted curve pretends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_PENALTIES = 10.0 ** np.arange(-2.0, 7.0, 0.5)


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


def worth_of_knowing(scores: Floats, output: Floats, line: float) -> Information:
    """Value of knowing one group's parameters before saying whether `output` is above `line`.

    scores : (draw, feature)   Normal scores of what the group draws; no feature is a group without chance.
    output : (draw,)           Of independent draws.

    Without knowledge the answer is the more frequent one. The value is counted on answers as given, not on fitted
    probabilities; below zero it is zero.
    """
    predicted = predict_left_out(scores, output)
    spread = float(((output - output.mean()) ** 2).sum())
    explained = 1.0 - float(((output - predicted) ** 2).sum()) / spread if spread > 0.0 else 0.0
    above = output > line
    known = (predicted > line) == above
    guess = above if above.mean() >= 0.5 else ~above
    gain = known.astype(float) - guess
    low, high = np.quantile(predicted, [0.05, 0.95])
    value = max(0.0, float(gain.mean()))
    return Information(max(0.0, explained), value, float(gain.std() / np.sqrt(len(gain))), float(low), float(high))


def predict_left_out(scores: Floats, output: Floats) -> Floats:
    """Ridge prediction (draw,) of each output from all other draws; the penalty is the one that predicts best."""
    features = np.concatenate([scores, scores**2 - 1.0], axis=1)
    mean = output.mean()
    n = len(output)
    nothing = (n * mean - output) / (n - 1)  # mean of the others
    features = features - features.mean(axis=0)
    spread = features.std(axis=0)
    features = features[:, spread > 0.0] / spread[spread > 0.0]
    if not features.shape[1]:
        return nothing
    basis, sizes, _ = np.linalg.svd(features, full_matrices=False)
    weight = basis.T @ (output - mean)
    best, least = nothing, float(((output - nothing) ** 2).sum())
    for penalty in _PENALTIES:
        shrink = sizes**2 / (sizes**2 + penalty)
        leverage = 1.0 / n + (basis**2 * shrink).sum(axis=1)
        fitted = mean + basis @ (shrink * weight)
        left_out = output - (output - fitted) / np.maximum(1.0 - leverage, 1e-9)
        miss = float(((output - left_out) ** 2).sum())
        if miss < least:
            best, least = left_out, miss
    return best
