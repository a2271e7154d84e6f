"""The same headrooms on a card: this project's kernel, and what one would write with CuPy, JAX and torch.

Each solver takes profiles (K, H) and coefficients (case, K) and gives a call of one curtailable fraction that returns
headroom (case,) on the host; what it reads is on the card before the call. Tools that are missing are left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cuda_kernels import asnumpy, headroom_mw, namespace_of, to_device

from .solvers import jax_newton

Floats = NDArray[np.float64]
Call = Callable[[float], Floats]
Solver = Callable[[Floats, Floats], Call]

BLOCK = 4096
"""Cases whose margins are stored at once: 140 MB in float32."""

STEPS = 16
"""Of Newton's method where their number is fixed: three more than any of the cases needs for a millionth."""


def ours(profiles: Floats, coefficients: Floats) -> Call:
    """headroom.cu behind its launcher."""
    there = [to_device("gpu")(array) for array in (profiles, coefficients)]
    return lambda share: np.asarray(asnumpy(headroom_mw(*there, share).headroom_mw))


def cupy_sort(profiles: Floats, coefficients: Floats) -> Call:
    """As `solvers.numpy_sort`, on the card."""
    xp, move = namespace_of("gpu"), to_device("gpu")
    shapes, weights = move(profiles), move(coefficients)
    rank = xp.arange(1, profiles.shape[1] + 1)

    def solve(share: float) -> Floats:
        allowed = share * profiles.shape[1]
        first = int(allowed)
        done = []
        for at in range(0, len(weights), BLOCK):
            margin = xp.sort(xp.maximum(weights[at : at + BLOCK] @ shapes, 0.0), axis=1)
            done.append((xp.cumsum(margin, axis=1)[:, first:] / (rank - allowed)[first:]).min(axis=1))
        return np.asarray(asnumpy(xp.concatenate(done)))

    return solve


def jax_batched(profiles: Floats, coefficients: Floats) -> Call:
    """JAX, float32: Newton over all hours of a block of cases, block after block inside one compiled program."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax
    import jax.numpy as jnp

    one = jax_newton()

    @jax.jit
    def solve(shapes: Any, weights: Any, allowed: Any) -> Any:
        return jax.lax.map(lambda c: one(shapes, c, allowed), weights, batch_size=BLOCK)

    there = [jnp.asarray(array, jnp.float32) for array in (profiles, coefficients)]

    def run(share: float) -> Floats:
        with jax.default_matmul_precision("highest"):  # else products of ten bits, and errors of a hundredth
            return np.asarray(solve(*there, jnp.float32(share * profiles.shape[1])), dtype=np.float64)

    return run


def torch_newton(profiles: Floats, coefficients: Floats) -> Call:
    """torch.compile, float32, a fixed number of Newton steps on blocks of cases."""
    import torch

    torch.set_float32_matmul_precision("highest")

    @torch.compile(dynamic=False)
    def newton(weights: Any, shapes: Any, allowed: Any) -> Any:
        margin = torch.clamp(weights @ shapes, min=0.0)
        load = margin.sum(1) / (margin.shape[1] - allowed)
        for _ in range(STEPS):
            below = margin < load[:, None]
            excess = below.sum(1) - allowed
            lower = torch.where(below, margin, 0.0).sum(1) / excess
            load = torch.where(excess > 0, torch.minimum(lower, load), load)
        return load

    shapes, weights = (torch.tensor(array, dtype=torch.float32, device="cuda") for array in (profiles, coefficients))

    def solve(share: float) -> Floats:
        allowed = torch.tensor(share * profiles.shape[1], device="cuda")
        blocks = [weights[at : at + BLOCK] for at in range(0, len(weights), BLOCK)]
        done = [newton(block, shapes, allowed) for block in blocks]
        return torch.cat(done).double().cpu().numpy()  # type: ignore[no-any-return]

    return solve


def available() -> dict[str, Solver]:
    """Every solver this environment can run, ours first."""
    solvers: dict[str, Solver] = {"gridflops CUDA": ours}
    if find_spec("jax") is not None:
        solvers["JAX lax.map, batched"] = jax_batched
    if find_spec("torch") is not None:
        solvers["torch.compile"] = torch_newton
    return solvers | {"CuPy sort": cupy_sort}
