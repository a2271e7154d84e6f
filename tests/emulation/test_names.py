"""What the product asks of CuPy exists in the real module, where that is installed: the stand-in must not be kinder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import capacity
import cuda_kernels

from . import stand_in

FILES = [*Path(cuda_kernels.__file__).parent.glob("*.py"), *Path(capacity.__file__).parent.rglob("*.py")]
NAME = re.compile(r"\b(?:cupy|xp)\.([A-Za-z_]\w*)")
STREAM = ("wait_event", "record", "synchronize")


def test_functions_that_the_product_calls_exist_in_cupy():
    cupy = pytest.importorskip("cupy")
    asked = {name for file in FILES for name in NAME.findall(file.read_text(encoding="utf-8"))}
    assert {"empty", "concatenate", "moveaxis", "cuda"} <= asked
    assert sorted(name for name in asked if not hasattr(cupy, name)) == []


def test_methods_that_the_stand_in_allows_exist_in_cupy():
    cupy = pytest.importorskip("cupy")
    assert sorted(name for name in (*stand_in._METHODS, "set", "view", "get") if not hasattr(cupy.ndarray, name)) == []
    assert [name for name in STREAM if not hasattr(cupy.cuda.Stream, name)] == []
    assert all(hasattr(cupy.cuda.Event, name) for name in ("record", "synchronize"))
    assert callable(cupy.cuda.alloc_pinned_memory)
    assert callable(cupy.cuda.get_current_stream)
