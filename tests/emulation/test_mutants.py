"""Seeded bugs in the .cu files: each must be noticed by parity with the NumPy twins, the emulation, or a sanitizer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cuda_kernels import _headroom_cuda, _launch

from . import build, sanitizer, test_sanitizers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(build.compiler is None, reason="g++ is not installed: kernels cannot run on the CPU"),
]

# What stands in headroom.cu, and what the mutant puts there.
HEADROOM = {
    "tail of the last tile read": ("if (h < width) {", "if (h <= width) {"),
    "tile not waited for": ("        __syncthreads();\n        for (int h = 0;", "        for (int h = 0;"),
    "tile overwritten too early": ("        __syncthreads();   // nobody still reads the previous tile\n", ""),
    "tile one row short": ("__shared__ double tile[TILE * K];", "__shared__ double tile[TILE * K - K];"),
    "tile strided by the wrong size": ("problem.tile[h * K + k] =", "problem.tile[h * (K - 1) + k] ="),
    "last hours left out": ("first < problem.hours; first += TILE", "first + TILE < problem.hours; first += TILE"),
    "list ignored": ("problem.list == nullptr ? first + h", "true ? first + h"),
    "last profile left out": ("for (int k = 1; k < K; ++k) margin", "for (int k = 1; k < K - 1; ++k) margin"),
    "floor forgotten": ("return fmax(margin, lowest);", "return margin;"),
    "at the load instead of below": ("if (margin >= load) return;", "if (margin > load) return;"),
    "floored hours charged": ("problem.lowest == 0.0 && margin <= 0.0", "problem.lowest == 1.0 && margin <= 0.0"),
    "finish started left of the root": ("found + NEAR * fmax", "found - NEAR * fmax"),
    "allowance forgotten": ("total / (count - allowed)", "total / count"),
    "search: some cases stop with the first": ("if (!__syncthreads_or(moved)) break;", "if (!moved) break;"),
    "finish: some cases stop with the first": ("if (!__syncthreads_or(open)) break;", "if (!open) break;"),
    "share of the neighbour": ("input.row + first_share;", "input.row;"),
    "spare threads write too": ("if (mine >= 0) {", "if (at >= 0) {"),
    "spare threads leave early": (
        "    double c[K];\n    for (int k = 0; k < K; ++k) c[k] = input",
        "    if (mine < 0) return;\n    double c[K];\n    for (int k = 0; k < K; ++k) c[k] = input",
    ),
    "grid steps not scaled": ("static_cast<double>(steps[k]) * grid", "static_cast<double>(steps[k])"),
    "root kept when there is none": ("if (load <= 0.0 || rootless)", "if (load <= 0.0)"),
    "firm load not floored": ("answer = {fmax(least, 0.0), 0};", "answer = {least, 0};"),
    "anchor of one profile only": ("if (threadIdx.x < K) anchor[", "if (threadIdx.x < 1) anchor["),
    "block sum without its barrier": (
        "scratch[threadIdx.x + half];\n        __syncthreads();",
        "scratch[threadIdx.x + half];",
    ),
    "block sum reuses its scratch at once": (
        "    __syncthreads();\n    scratch[threadIdx.x] = value;",
        "    scratch[threadIdx.x] = value;",
    ),
    "box without its upper end": ("high = fmax(high, value);", "high = fmin(high, value);"),
    "plane used as if it were a lower bound": ("box, plane).low <= 0.0", "box, plane).high <= 0.0"),
    "chord left out": ("sums[K] -= slope * bounds.low;", "sums[K] -= 0.0;"),
    "allowance left out of the plane": ("block_sum(below, scratch) - box.allowed;", "block_sum(below, scratch);"),
    "list in the order of lanes": ("(1u << lane) - 1u)", "(2u << lane) - 1u)"),
    "counts overwritten too early": (
        "        __syncthreads();   // everyone has read the counts of the previous round\n",
        "",
    ),
    "length forgets the last warp": ("length += kept[w];", "length += w < BLOCK / 32 - 1 ? kept[w] : 0;"),
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


def race_found(text: str, folder) -> bool:
    names = (_headroom_cuda.prune_kernel(3).name, _headroom_cuda.solve_kernel(3, 2).name)
    for flags in (build.THREAD, build.ADDRESS):
        for name, arguments in zip(names, test_sanitizers.headroom_arguments(151, 300), strict=True):
            if sanitizer.run(text, name, flags, arguments, grid=2, block=128, folder=folder).code != 0:
                return True
    return False


def differs(kind: str, text: str, folder) -> bool:
    """Whether the changed source gives other results than NumPy, is objected to, or brings its process down."""
    file = folder / "mutant.cu"
    file.write_text(text)
    command = [sys.executable, "-m", "emulation.judge", kind, str(file)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3) or done.returncode < 0, done.stderr
    return done.returncode != 0


def mutate(text: str, old: str, new: str) -> str:
    assert text.count(old) >= 1, f"the kernel no longer holds {old!r}: move the mutant along"
    return text.replace(old, new)


@pytest.mark.parametrize("name", HEADROOM)
def test_headroom_mutant_is_killed(tmp_path, name):
    text = mutate(_launch.source("headroom"), *HEADROOM[name])
    assert differs("headroom", text, tmp_path) or race_found(text, tmp_path)


def test_the_unchanged_kernels_survive(tmp_path):
    assert not differs("headroom", _launch.source("headroom"), tmp_path)
    assert not race_found(_launch.source("headroom"), tmp_path)
    assert not differs("philox", _launch.source("philox"), tmp_path)


@pytest.mark.parametrize("name", PHILOX)
def test_philox_mutant_is_killed(tmp_path, name):
    file, old, new = PHILOX[name]
    header = (build.INCLUDE / "philox.cuh").read_text()
    text = _launch.source("philox")
    header, text = (mutate(header, old, new), text) if file == "philox.cuh" else (header, mutate(text, old, new))
    inlined = mutate(text, '#include "philox.cuh"', header.replace("#pragma once", ""))
    assert differs("philox", inlined, tmp_path)
