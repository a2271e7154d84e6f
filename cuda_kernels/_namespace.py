"""Which array library an array belongs to, and moving arrays between the two.

CuPy is only ever looked up among the modules already loaded: a run on the CPU never imports it.
The one exception is a caller who asks for the GPU by name.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal

import numpy as np

from .errors import KernelError

Array = Any  # numpy.ndarray or cupy.ndarray; the two share no base class
DeviceName = Literal["auto", "cpu", "gpu"]

_NO_CUPY = "device 'gpu' needs CuPy: install gridflops[cuda12] or gridflops[cuda13], or choose device 'cpu'"


def array_namespace(*arrays: Array) -> Any:
    """NumPy, or CuPy when any array is on the device; never imports CuPy.

    Raises KernelError when host and device arrays are mixed.
    """
    cupy = sys.modules.get("cupy")
    if cupy is None:
        return np
    on_device = [isinstance(a, cupy.ndarray) for a in arrays]
    if not any(on_device):
        return np
    on_host = [isinstance(a, np.ndarray) for a in arrays]
    if any(on_host):
        raise KernelError(
            f"arguments {on_host.index(True)} and {on_device.index(True)} lie on host and device; "
            "move both with to_device('cpu') or to_device('gpu') first"
        )
    return cupy


def asnumpy(array: Array) -> Any:
    """The array on the host, as numpy.ndarray; a NumPy array comes back unchanged."""
    xp = array_namespace(array)
    return np.asarray(array) if xp is np else xp.asnumpy(array)


def to_device(device: DeviceName) -> Callable[[Array], Array]:
    """A function that moves one array to `device` ("cpu", "gpu", or "auto": gpu where there is one)."""
    if resolve_device(device) == "cpu":
        return asnumpy
    cupy = _import_cupy()
    move: Callable[[Array], Array] = cupy.asarray
    return move


def namespace_of(device: Literal["cpu", "gpu"]) -> Any:
    """NumPy or CuPy, by the device as `resolve_device` says it."""
    return np if device == "cpu" else _import_cupy()


def beside(array: Array) -> Callable[[Array], Array]:
    """A function that moves NumPy arrays to where `array` lies."""
    xp = array_namespace(array)
    move: Callable[[Array], Array] = np.asarray if xp is np else xp.asarray
    return move


def resolve_device(device: DeviceName) -> Literal["cpu", "gpu"]:
    """ "cpu" or "gpu": what `device` means on this machine.

    "auto" takes the GPU when CuPy is installed and finds a device, else the CPU. "gpu" without
    either raises KernelError in one line.
    """
    if device == "cpu":
        return "cpu"
    if device not in ("auto", "gpu"):
        raise KernelError(f"device is {device!r}; choose 'auto', 'cpu' or 'gpu'")
    problem = _gpu_problem()
    if problem is None:
        return "gpu"
    if device == "auto":
        return "cpu"
    raise KernelError(problem)


def _import_cupy() -> ModuleType:
    return importlib.import_module("cupy")


def _gpu_problem() -> str | None:
    """Why the GPU cannot be used here; None when it can."""
    try:
        cupy = _import_cupy()
    except ImportError:
        return _NO_CUPY
    try:
        count = int(cupy.cuda.runtime.getDeviceCount())
    except cupy.cuda.runtime.CUDARuntimeError as error:
        reason = str(error).splitlines()[0]
        return f"device 'gpu': CuPy finds no usable CUDA device ({reason}); choose device 'cpu'"
    if count == 0:
        return "device 'gpu': CuPy finds no CUDA device; choose device 'cpu'"
    return None
