"""What numba compiles for processors that lack what this one has: the same bits, by other instructions."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

registry = pytest.importorskip("numba.core.registry")

CHECK = """
import numpy as np
from storage_reference import days_and_nights
from cuda_kernels import headroom_mw
from cuda_kernels.storage_firm import storage_as_firm
from numba.core.registry import cpu_target

features = cpu_target.target_context.codegen()._tm_features
assert "+avx512f" not in features and ("+avx2" in features) == {avx2}, features
rng = np.random.default_rng(4)
hour = np.arange(1200)
wave = np.sin(hour * 2 * np.pi / 24)
profiles = np.stack([np.ones(1200), -1 - 0.3 * wave + rng.normal(0, 0.05, 1200), rng.random(1200), np.maximum(wave, 0)])
weights = np.array([1.2e5, 9e4, 3e4, 2e4]) * np.exp(rng.normal(0, 0.1, (700, 4)))
one, two = (headroom_mw(profiles, weights, [0.005, 0.0, 0.05], engine=engine) for engine in ("numba", "numpy"))
assert (one.headroom_mw == two.headroom_mw).all() and (one.headroom_mw > 0).any()
sets, store, share = days_and_nights(2, 40)
for left, right in zip(*(storage_as_firm(sets, store, share, engine=e) for e in ("numba", "numpy")), strict=True):
    assert (left == right).all()
"""

NAMES = {"without-vectors": "", "avx2": "+avx,+avx2,+fma,+bmi,+bmi2,+popcnt,+sse4.2,+lzcnt"}


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names of x86 processors")
@pytest.mark.parametrize("features", NAMES)
def test_engines_agree_on_other_processors(features, tmp_path):
    environment = os.environ | {
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": NAMES[features],
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    if features == "avx2" and "+avx512f" not in registry.cpu_target.target_context.codegen()._tm_features:
        pytest.skip("this processor has no AVX-512: all other tests run what is compiled without it")
    script = CHECK.format(avx2=features == "avx2")
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
