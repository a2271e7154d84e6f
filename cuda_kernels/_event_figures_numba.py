"""numba body of event_figures; `event_figures.event_figures` holds the contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import in_order


@in_order
def count(profiles: Any, coefficients: Any, load: Any, kinds: Any, found: Any) -> None:
    """Fill the figures of all cases in, which must be nil before."""
    margin = np.empty(profiles.shape[1])
    for case in range(len(load)):
        if not load[case] > 0.0:
            continue
        margin[:] = coefficients[case, 0] * profiles[0]
        for term in range(1, len(profiles)):
            factor = coefficients[case, term]
            for h in range(len(margin)):
                margin[h] += factor * profiles[term, h]
        _events(margin, load[case], kinds, found[case])


@in_order
def _events(margin: Any, load: float, kinds: Any, found: Any) -> None:
    run, deepest = 0, 0.0
    for h in range(len(margin)):
        cut = load - max(margin[h], 0.0)
        if cut > 0.0:
            run += 1
            found[0] += 1.0
            found[1] += 1.0 if run == 1 else 0.0
            found[2] = max(found[2], run)
            deepest = max(deepest, cut)
            found[4 + kinds[0, h]] += 1.0
            found[8 + kinds[1, h]] += 1.0
        else:
            run = 0
    found[3] = deepest / load
