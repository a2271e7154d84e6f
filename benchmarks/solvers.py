"""The same headrooms by other means: what one would write first, and what other tools make of it.

Each solver takes profiles (K, H), coefficients (case, K) and one curtailable fraction and returns headroom (case,).
Optional tools are looked for by `available`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cuda_kernels import headroom_mw

Floats = NDArray[np.float64]
Solver = Callable[[Floats, Floats, float], Floats]

STEPS = 60  # of a bisection: to the last bit of a float64
BLOCK = 64  # cases at a time where margins are stored


def ours_numba(profiles: Floats, coefficients: Floats, share: float) -> Floats:
    """This project with the extra [fast]."""
    return np.asarray(headroom_mw(profiles, coefficients, share, engine="numba").headroom_mw)


def ours_numpy(profiles: Floats, coefficients: Floats, share: float) -> Floats:
    """This project with NumPy alone."""
    return np.asarray(headroom_mw(profiles, coefficients, share, engine="numpy").headroom_mw)


def numpy_sort(profiles: Floats, coefficients: Floats, share: float) -> Floats:
    """Sort every case's margins; the root is the least mean over the lowest j hours, raised by the allowance."""
    hours = profiles.shape[1]
    first = int(share * hours)
    divisor = np.arange(1, hours + 1) - share * hours
    out = np.empty(len(coefficients))
    for at in range(0, len(coefficients), BLOCK):
        margin = np.sort(np.maximum(coefficients[at : at + BLOCK] @ profiles, 0.0), axis=1)
        sums = np.cumsum(margin, axis=1)
        out[at : at + BLOCK] = (sums[:, first:] / divisor[first:]).min(axis=1)
    return out


def xarray_bisection(profiles: Floats, coefficients: Floats, share: float) -> Floats:
    """Labelled arrays and a bisection over all cases at once, in chunks that fit memory."""
    import xarray as xr

    shape = xr.DataArray(profiles, dims=("k", "hour"))
    out = []
    for at in range(0, len(coefficients), BLOCK):
        weights = xr.DataArray(coefficients[at : at + BLOCK], dims=("case", "k"))
        margin = xr.dot(weights, shape, dim="k").clip(min=0.0)
        low, high = xr.zeros_like(margin.isel(hour=0)), margin.max("hour") / (1.0 - share)
        for _ in range(STEPS):
            middle = 0.5 * (low + high)
            rate = (middle - margin).clip(min=0.0).mean("hour") - share * middle
            low, high = xr.where(rate <= 0, middle, low), xr.where(rate <= 0, high, middle)
        out.append(low.values)
    return np.concatenate(out)


def numba_direct() -> Solver:
    """Newton over all hours of every case, compiled; no pruning."""
    from numba import njit

    @njit(fastmath={"reassoc", "nsz", "contract"})
    def solve(profiles: Any, coefficients: Any, share: Any) -> Any:
        out = np.empty(len(coefficients))
        margin = np.empty(profiles.shape[1])
        for case in range(len(coefficients)):
            margin[:] = 0.0
            for k in range(profiles.shape[0]):
                c = coefficients[case, k]
                for h in range(margin.size):
                    margin[h] += c * profiles[k, h]
            load = 0.0
            for h in range(margin.size):
                margin[h] = max(margin[h], 0.0)
                load += margin[h]
            load /= margin.size * (1.0 - share)
            for _ in range(100):
                depth = 0.0
                count = 0.0
                for h in range(margin.size):
                    depth += min(margin[h] - load, 0.0)
                    count += 1.0 if margin[h] < load else 0.0
                excess = count - share * margin.size
                step = -(depth + share * margin.size * load) / excess if excess > 0.0 else 0.0
                if not step > 1e-12 * load:
                    break
                load -= step
            out[case] = load
        return out

    return solve  # type: ignore[no-any-return]


def jax_newton() -> Callable[[Any, Any, Any], Any]:
    """Headroom of one case (profiles, coefficients, hours that may be curtailed) in JAX: Newton over all hours."""
    import jax
    import jax.numpy as jnp

    def one(profiles: Any, c: Any, allowed: Any) -> Any:
        margin = jnp.maximum(c @ profiles, 0.0)

        def step(state: Any) -> Any:
            load, _, turn = state
            below = margin < load
            excess = below.sum() - allowed
            lower = jnp.where(below, margin, 0.0).sum() / excess
            return jnp.where(excess > 0, jnp.minimum(lower, load), load), load, turn + 1

        start = margin.sum() / (margin.size - allowed)
        return jax.lax.while_loop(lambda s: (s[0] < s[1]) & (s[2] < 50), step, (start, 2 * start + 1, 0))[0]

    return one


def jax_map() -> Solver:
    """JAX, float32, one case after another inside one compiled program."""
    import jax
    import jax.numpy as jnp

    one = jax_newton()

    @jax.jit
    def solve(profiles: Any, coefficients: Any, share: Any) -> Any:
        return jax.lax.map(lambda c: one(profiles, c, share * profiles.shape[1]), coefficients)

    def run(profiles: Floats, coefficients: Floats, share: float) -> Floats:
        arrays = (jnp.asarray(profiles, jnp.float32), jnp.asarray(coefficients, jnp.float32))
        return np.asarray(solve(*arrays, jnp.float32(share)), dtype=np.float64)

    return run


def torch_newton() -> Solver:
    """torch.compile, float32, a fixed number of Newton steps on blocks of cases."""
    import torch

    def newton(margin: Any, allowed: float) -> Any:
        load = margin.sum(1) / (margin.shape[1] - allowed)
        for _ in range(12):
            below = margin < load[:, None]
            excess = below.sum(1) - allowed
            lower = torch.where(below, margin, 0.0).sum(1) / excess
            load = torch.where(excess > 0, torch.minimum(lower, load), load)
        return load

    torch.set_num_threads(1)
    compiled = torch.compile(newton, dynamic=False)

    def run(profiles: Floats, coefficients: Floats, share: float) -> Floats:
        shapes, weights = torch.tensor(profiles, dtype=torch.float32), torch.tensor(coefficients, dtype=torch.float32)
        blocks = [weights[at : at + BLOCK] for at in range(0, len(weights), BLOCK)]
        done = [compiled(torch.clamp(block @ shapes, min=0.0), share * profiles.shape[1]) for block in blocks]
        return torch.cat(done).double().numpy()  # type: ignore[no-any-return]

    return run


def available() -> dict[str, Solver]:
    """Every solver this environment can run, ours first."""
    solvers: dict[str, Solver] = {}
    if find_spec("numba") is not None:
        solvers["gridflops [fast]"] = ours_numba
    solvers["gridflops NumPy"] = ours_numpy
    if find_spec("numba") is not None:
        solvers["numba, all hours"] = numba_direct()
    if find_spec("jax") is not None:
        solvers["JAX lax.map"] = jax_map()
    if find_spec("torch") is not None:
        solvers["torch.compile"] = torch_newton()
    solvers["NumPy sort"] = numpy_sort
    if find_spec("xarray") is not None:
        solvers["xarray bisection"] = xarray_bisection
    return solvers
