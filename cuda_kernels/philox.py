"""Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011) and normals by inversion.

A number is a pure function of (seed, draw, parameter, year, lane): it does not depend on how many
draws are computed, in which chunks, or on which device. The integers are bit-identical on NumPy and
CUDA; the normals use the rational approximations of Wichura 1988 (AS 241, PPND16).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._namespace import Array, array_namespace
from .errors import KernelError

_M0, _M1 = 0xD2511F53, 0xCD9E8D57  # multipliers and Weyl increments of Philox4x32
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10
_MASK = 0xFFFFFFFF

# Wichura 1988, Applied Statistics 37, 477-484: numerator and denominator, lowest power first, for
# the centre (|u - 0.5| <= 0.425), the shoulders (r <= 5) and the tails (r > 5).
_CENTRE = (
    (
        3.3871328727963666080e0,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ),
    (
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ),
)
_SHOULDER = (
    (
        1.42343711074968357734e0,
        4.63033784615654529590e0,
        5.76949722146069140550e0,
        3.64784832476320460504e0,
        1.27045825245236838258e0,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ),
    (
        1.0,
        2.05319162663775882187e0,
        1.67638483018380384940e0,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)
_TAIL = (
    (
        6.65790464350110377720e0,
        5.46378491116411436990e0,
        1.78482653991729133580e0,
        2.96560571828504891230e-1,
        2.65321895265761230930e-2,
        1.24266094738807843860e-3,
        2.71155556874348757815e-5,
        2.01033439929228813265e-7,
    ),
    (
        1.0,
        5.99832206555887937690e-1,
        1.36929880922735805310e-1,
        1.48753612908506148525e-2,
        7.86869131145613259100e-4,
        1.84631831751005468180e-5,
        1.42151175831644588870e-7,
        2.04426310338993978564e-15,
    ),
)


def philox4x32(counter: Array, key: Array) -> Array:
    """Ten rounds of Philox4x32 on each counter.

    counter : uint32 (..., 4)
    key : uint32 (2,)
    Returns uint32 (..., 4). Raises KernelError for another dtype or shape.
    """
    xp = array_namespace(counter)
    if counter.dtype != np.uint32 or counter.ndim < 1 or counter.shape[-1] != 4:
        raise KernelError(f"counter must be uint32 (..., 4), got {counter.dtype} {counter.shape}")
    words = np.asarray(key) if xp is np else key
    if words.dtype != np.uint32 or words.shape != (2,):
        raise KernelError(f"key must be uint32 (2,), got {words.dtype} {words.shape}")
    k0, k1 = (int(word) for word in words)
    if xp is not np:
        from ._philox_cuda import blocks

        return blocks(counter, k0, k1)
    lanes = [counter[..., i].astype(np.uint64) for i in range(4)]
    return np.stack([lane.astype(np.uint32) for lane in _rounds(lanes, k0, k1)], axis=-1)


def uniform(seed: int, draws: Array, parameter_id: int, years: Array | int = 0, lanes: Array | int = 0) -> Array:
    """Uniform numbers in the open interval (0, 1), as (x + 0.5) / 2**32.

    seed : 0 <= int < 2**64, the Philox key.
    draws : non-negative integers (n,), first counter word.
    parameter_id : 0 <= int < 2**32, second word.
    years : integers (m,) or one int, third word.
    lanes : integers (l,) or one int; four lanes share a counter, one output word each.
    Returns float64 of shape draws.shape + years.shape + lanes.shape, on the device of `draws`.
    """
    xp = array_namespace(draws)
    if not 0 <= seed < 2**64:
        raise KernelError(f"seed {seed} does not fit 64 bits without sign; choose 0 <= seed < 2**64")
    draw, year, lane = _words("draws", draws, xp), _words("years", years, xp), _words("lanes", lanes, xp)
    if not 0 <= parameter_id <= _MASK:
        raise KernelError(f"parameter_id {parameter_id} does not fit 32 bits")
    shape = draw.shape + year.shape + lane.shape
    key = (seed & _MASK, seed >> 32)
    if xp is not np:
        from ._philox_cuda import uniform as on_device

        return on_device((draw, year, lane), shape, parameter_id, key)
    draw = draw.reshape(draw.shape + (1,) * (year.ndim + lane.ndim))
    year = year.reshape(year.shape + (1,) * lane.ndim)
    counter = [
        np.uint64(parameter_id) if word is None else word.astype(np.uint64) for word in (draw, None, year, lane >> 2)
    ]
    words = np.broadcast_arrays(*_rounds(counter, *key))
    chosen = words[int(lane) & 3] if lane.ndim == 0 else np.choose(lane & 3, words)
    return (np.broadcast_to(chosen, shape).astype(np.float64) + 0.5) * 2.0**-32


def normal_from_uniform(u: Array) -> Array:
    """Standard normal quantile of `u` (AS 241), monotone in `u`.

    u : float64 in the open interval (0, 1), any shape.
    Returns float64 of the same shape. Raises KernelError naming the first value outside.
    """
    xp = array_namespace(u)
    u = xp.asarray(u, dtype=xp.float64)
    outside = ~((u > 0.0) & (u < 1.0))
    if bool(outside.any()):
        at = int(xp.argmax(outside.ravel()))
        raise KernelError(f"u[{at}] (flat index) is {float(u.ravel()[at])}; the open interval (0, 1) is needed")
    if xp is not np:
        from ._philox_cuda import normal

        return normal(u)
    q = u - 0.5
    z = q * _ratio(_CENTRE, 0.180625 - q * q)
    far = np.abs(q) > 0.425
    if far.any():
        z[far] = _far(u[far], q[far])
    return z


def _far(u: Any, q: Any) -> Any:
    r = np.sqrt(-np.log(np.minimum(u, 1.0 - u)))
    size = np.where(r <= 5.0, _ratio(_SHOULDER, r - 1.6), _ratio(_TAIL, r - 5.0))
    return np.copysign(size, q)


def _ratio(table: tuple[tuple[float, ...], tuple[float, ...]], x: Any) -> Any:
    """Ratio of two polynomials by Horner's rule, in place: of large arrays most of the time goes into new memory."""
    top, bottom = (np.full_like(x, coefficients[-1]) for coefficients in table)
    for a, b in zip(table[0][-2::-1], table[1][-2::-1], strict=True):
        top *= x
        top += a
        bottom *= x
        bottom += b
    top /= bottom
    return top


def _rounds(words: list[Any], k0: int, k1: int) -> list[Any]:
    """The ten rounds on four uint64 arrays that hold 32-bit words."""
    c0, c1, c2, c3 = words
    mask, shift = np.uint64(_MASK), np.uint64(32)
    m0, m1 = np.uint64(_M0), np.uint64(_M1)
    for _ in range(_ROUNDS):
        p0, p1 = m0 * c0, m1 * c2
        c1, c3 = (p1 >> shift) ^ c1 ^ np.uint64(k0), (p0 >> shift) ^ c3 ^ np.uint64(k1)
        p0 &= mask
        p1 &= mask
        c0, c1, c2, c3 = c1, p1, c3, p0
        k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    return [c0, c1, c2, c3]


def _words(name: str, values: Array | int, xp: Any) -> Any:
    """Counter words as int64, checked to fit 32 bits."""
    words = xp.asarray(values)
    if words.dtype.kind not in "iu":
        raise KernelError(f"{name} must be integers, got {words.dtype}")
    words = words.astype(xp.int64)
    if words.size and not (int(words.min()) >= 0 and int(words.max()) <= _MASK):
        raise KernelError(f"{name} must lie in 0..2**32-1, got {int(words.min())}..{int(words.max())}")
    return words
