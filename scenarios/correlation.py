"""How parameters move together: a Gaussian copula over a few common factors. See docs/method.md, Draws.

A parameter's normal score is loading x factor + sqrt(1 - loading^2) x a score of its own, so each parameter keeps its
distribution and two of them go together by the product of their loadings and the correlation of their factors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SMALLEST_EIGENVALUE = 1e-9
"""Below this a matrix counts as not positive definite."""


@dataclass(frozen=True)
class Correlation:
    """Common factors, how they go together, and which parameters follow them. Without factors all are independent.

    factors : names, in the order of the matrix.
    between : two factors, in that order, and their correlation; pairs left out have none.
    loadings : parameter id, its factor, and the correlation of its score with it; by id, each once, none zero.
    """

    factors: tuple[str, ...] = ()
    between: tuple[tuple[str, str, float], ...] = ()
    loadings: tuple[tuple[str, str, float], ...] = ()

    @cached_property
    def _by_id(self) -> dict[str, tuple[int, float]]:
        return {name: (self.factors.index(factor), loading) for name, factor, loading in self.loadings}

    def of(self, parameter_id: str) -> tuple[int, float] | None:
        """Number of the factor that a parameter follows, and its loading; None where it follows none."""
        return self._by_id.get(parameter_id)

    @cached_property
    def matrix(self) -> Floats:
        """Correlation of the factors (factor, factor)."""
        found = np.eye(len(self.factors))
        for one, other, value in self.between:
            i, j = self.factors.index(one), self.factors.index(other)
            found[i, j] = found[j, i] = value
        return found

    @cached_property
    def root(self) -> Floats:
        """Lower Cholesky root (factor, factor) of the matrix."""
        return np.asarray(np.linalg.cholesky(self.matrix), dtype=np.float64) if self.factors else self.matrix

    @cached_property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """Numbers of factors that go together, directly or through others; blocks are independent of each other."""
        left, found = list(range(len(self.factors))), []
        while left:
            block, waiting = [], [left[0]]
            while waiting:
                factor = waiting.pop()
                if factor in left:
                    left.remove(factor)
                    block.append(factor)
                    waiting += [other for other in left if self.matrix[factor, other]]
            found.append(tuple(sorted(block)))
        return tuple(found)

    def fault(self) -> str:
        """What is wrong with the matrix, or an empty text."""
        least = float(np.linalg.eigvalsh(self.matrix)[0]) if self.factors else 1.0
        if least > SMALLEST_EIGENVALUE:
            return ""
        pairs = ", ".join(f"{one}-{other} {value:g}" for one, other, value in self.between)
        return (
            f"these correlations cannot hold together (the matrix is not positive definite, smallest eigenvalue "
            f"{least:.3g}): {pairs}; bring the largest closer to 0"
        )


INDEPENDENT = Correlation()
