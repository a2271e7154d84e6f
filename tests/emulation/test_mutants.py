"""Seeded bugs in the .cu files: each must be noticed by parity with the NumPy twins, the emulation, or a sanitizer."""

from __future__ import annotations

import numpy as np
import pytest

from cuda_kernels import KernelError, _headroom_cuda, _launch, headroom_mw
from cuda_kernels.philox import normal_from_uniform, philox4x32, uniform

from . import build, sanitizer, stand_in, test_sanitizers

pytestmark = pytest.mark.slow

# file, what stands there, what the mutant puts there
HEADROOM = {
    "tail of the last tile read": ("if (h < width) {", "if (h <= width) {"),
    "tile not waited for": ("        __syncthreads();\n        for (int h = 0;", "        for (int h = 0;"),
    "tile overwritten too early": ("        __syncthreads();   // nobody still reads the previous tile\n", ""),
    "tile one row short": ("__shared__ double tile[TILE * K];", "__shared__ double tile[TILE * K - K];"),
    "tile strided by the wrong size": ("problem.tile[h * K + k] =", "problem.tile[h * (K - 1) + k] ="),
    "last hours left out": ("first < problem.hours; first += TILE", "first + TILE < problem.hours; first += TILE"),
    "last profile left out": ("for (int k = 1; k < K; ++k) margin", "for (int k = 1; k < K - 1; ++k) margin"),
    "floor forgotten": ("return fmax(margin, lowest);", "return margin;"),
    "at the load instead of below": ("if (margin >= load) return;", "if (margin > load) return;"),
    "hours without margin charged": (
        "problem.lowest == 0.0 && margin <= 0.0",
        "problem.lowest == 1.0 && margin <= 0.0",
    ),
    "finish started at the root": ("found + NEAR * fmax", "found - NEAR * fmax"),
    "allowance forgotten": ("total / (count - allowed)", "total / count"),
    "some cases stop with the first": ("if (!__syncthreads_or(moved)) break;", "if (!moved) break;"),
    "finish stops with the first": ("if (!__syncthreads_or(open)) break;", "if (!open) break;"),
    "share of the neighbour": ("row + first_share;", "row;"),
    "spare threads past the cases": ("const int at = min(mine, cases - 1);", "const int at = mine;"),
    "spare threads leave early": (
        "    double c[K];\n    for (int k = 0; k < K; ++k) c[k] = coeff",
        "    if (mine >= cases) return;\n    double c[K];\n    for (int k = 0; k < K; ++k) c[k] = coeff",
    ),
    "grid steps not scaled": ("static_cast<double>(steps[k]) * grid", "static_cast<double>(steps[k])"),
    "root kept when there is none": ("if (load <= 0.0 || rootless)", "if (load <= 0.0)"),
    "firm load not floored": ("answer = {fmax(least, 0.0), 0};", "answer = {least, 0};"),
    "anchors of the first thread only": (
        "if (threadIdx.x < K) anchor[threadIdx.x]",
        "if (threadIdx.x < 1) anchor[threadIdx.x]",
    ),
}
PHILOX = {
    "nine rounds": ("philox.cuh", "round < 10", "round < 9"),
    "key words swapped": ("philox.cuh", "c.word[1] ^ k0", "c.word[1] ^ k1"),
    "wrong increment": ("philox.cuh", "k1 += 0xBB67AE85u", "k1 += 0xBB67AE86u"),
    "wrong multiplier": ("philox.cuh", "0xCD9E8D57ull", "0xCD9E8D59ull"),
    "uniform may be zero": ("philox.cuh", "(static_cast<double>(word) + 0.5)", "static_cast<double>(word)"),
    "tail guard broken": (
        "philox.cu",
        "    if (i >= count) return;\n    out[i] = normal",
        "    if (i > count) return;\n    out[i] = normal",
    ),
    "words two and three swapped": ("philox.cu", "lane & 2 ? high : low", "lane & 2 ? low : high"),
    "years and draws mixed": ("philox.cu", "draws[i / lane_count / year_count]", "draws[i / lane_count % year_count]"),
    "tail sign lost": ("philox.cuh", "return copysign(size, q);", "return size;"),
    "far tail like the shoulder": ("philox.cuh", "r <= 5.0", "r <= 50.0"),
}


def headroom_differs(cupy) -> bool:
    """Whether any thread order gives other bits than NumPy, or the emulation objects."""
    rng = np.random.default_rng(3)
    profiles = np.vstack([np.ones(300), rng.normal(size=(2, 300))])
    coefficients = np.column_stack([rng.normal(1.5, 1, 150), rng.normal(size=(150, 2))])
    tied = np.vstack([np.repeat([3.0, 5.0, 9.0], 100), np.zeros(300), np.zeros(300)])
    shares = np.array([0.0, 0.01, 0.3, 0.1, 0.02])
    for order in ("ascending", "descending", "random"):
        stand_in.settings.order = order
        for shapes, rule in ((profiles, "native_first"), (profiles, "plain"), (tied, "native_first")):
            want = headroom_mw(shapes, coefficients, shares, rule=rule, engine="numpy")
            try:
                got = headroom_mw(cupy.asarray(shapes), cupy.asarray(coefficients), shares, rule=rule)
            except RuntimeError:
                return True
            if any((one.get() != other).any() for one, other in zip(got, want, strict=True)):
                return True
    return False


def race_found(text: str, folder) -> bool:
    name, arguments = _headroom_cuda.kernel(3, 2).name, test_sanitizers.headroom_arguments(150, 300)
    for flags in (build.THREAD, build.ADDRESS):
        if sanitizer.run(text, name, flags, arguments, grid=2, block=128, folder=folder).code != 0:
            return True
    return False


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(stand_in.settings, "flags", ("-O1",))
    monkeypatch.setattr(stand_in.settings, "order", "ascending")
    monkeypatch.setattr(_headroom_cuda, "_SHARES_AT_ONCE", (2, 1))


def mutate(text: str, old: str, new: str) -> str:
    assert text.count(old) >= 1, f"the kernel no longer holds {old!r}: move the mutant along"
    return text.replace(old, new)


@pytest.mark.parametrize("name", HEADROOM)
def test_headroom_mutant_is_killed(cupy, quick, monkeypatch, tmp_path, name):
    text = mutate(_launch.source("headroom"), *HEADROOM[name])
    monkeypatch.setattr(_launch, "source", lambda module: text)
    assert headroom_differs(cupy) or race_found(text, tmp_path)


def test_the_unchanged_kernels_survive(cupy, quick, tmp_path):
    assert not headroom_differs(cupy)
    assert not race_found(_launch.source("headroom"), tmp_path)
    assert not philox_differs(cupy)


def philox_differs(cupy) -> bool:
    rng = np.random.default_rng(2)
    counter = rng.integers(0, 2**32, (70, 4), dtype=np.uint32)
    key = rng.integers(0, 2**32, 2, dtype=np.uint32)
    u = np.concatenate([np.linspace(0.001, 0.999, 99), 10.0 ** -np.linspace(3, 300, 50)])
    draws, years, lanes = np.arange(11), np.arange(3), np.arange(5)
    device = cupy.asarray
    try:
        return bool(
            (philox4x32(device(counter), key).get() != philox4x32(counter, key)).any()
            or (uniform(5, device(draws), 6, years, lanes).get() != uniform(5, draws, 6, years, lanes)).any()
            or not np.allclose(normal_from_uniform(device(u)).get(), normal_from_uniform(u), rtol=1e-13, atol=0)
        )
    except (RuntimeError, KernelError):
        return True


@pytest.mark.parametrize("name", PHILOX)
def test_philox_mutant_is_killed(cupy, quick, monkeypatch, name):
    file, old, new = PHILOX[name]
    header = (build.INCLUDE / "philox.cuh").read_text()
    text = _launch.source("philox")
    header, text = (mutate(header, old, new), text) if file == "philox.cuh" else (header, mutate(text, old, new))
    inlined = mutate(text, '#include "philox.cuh"', header.replace("#pragma once", ""))
    monkeypatch.setattr(_launch, "source", lambda module: inlined)
    assert philox_differs(cupy)
