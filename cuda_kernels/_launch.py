"""Compile and launch the .cu files through CuPy, checking what CuPy does not.

CuPy passes arguments to a kernel by position without looking at them: a wrong dtype, a strided array or a
Python int (which arrives as long long) corrupts silently. Every launch therefore states its parameters.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from .errors import KernelError

logger = logging.getLogger("gridflops")

# --fmad=false: a fused multiply-add rounds once where the NumPy twin rounds twice.
_OPTIONS = ("--std=c++17", "--fmad=false")
_MAX_BLOCKS, _MAX_ROWS = 2**31 - 1, 2**16 - 1


@dataclass(frozen=True)
class Kernel:
    """One __global__ function.

    module : stem of the .cu file; name : its C++ name, template arguments included;
    parameters : one entry per argument, a NumPy scalar type name, with "[]" behind it for an array.
    """

    module: str
    name: str
    parameters: tuple[str, ...]


def source(module: str) -> str:
    """The text of a .cu file of this package."""
    return files(__package__).joinpath(f"{module}.cu").read_text(encoding="utf-8")


def compile_options() -> tuple[str, ...]:
    """Options handed to NVRTC beside those CuPy adds; the folder holds the shared .cuh headers."""
    return (*_OPTIONS, f"-I{Path(str(files(__package__)))}")


def launch(kernel: Kernel, threads: int, arguments: Sequence[Any], *, block: int = 128, rows: int = 1) -> None:
    """Run `kernel` with at least `threads` threads in blocks of `block`, on the current device and stream.

    rows : how often, told apart by blockIdx.y. No thread or row: nothing is launched.
    Raises KernelError when an argument is not what the kernel declares.
    """
    cupy = sys.modules["cupy"]
    device = int(cupy.cuda.runtime.getDevice())
    problems = _problems(cupy, kernel, arguments, device)
    blocks = -(-threads // block)
    if blocks > _MAX_BLOCKS or rows > _MAX_ROWS:
        problems.append(f"{blocks} x {rows} blocks exceed the largest grid; pass fewer cases or shares at a time")
    if problems:
        raise KernelError(f"{kernel.module}.cu {kernel.name}: " + "; ".join(problems))
    if blocks > 0 and rows > 0:
        _function(kernel.module, kernel.name, device)((blocks, rows), (block,), tuple(arguments))


def fewer(at_once: int, what: tuple[str, str], one: tuple[str, int], error: Exception) -> int:
    """Half as many at once, after memory ran out; says so. KernelError where one was too much.

    what : the kernel, and what it takes at once; one : what one of them is, and its bytes
    """
    reason = " ".join(str(error).split())
    if at_once == 1:
        raise KernelError(
            f"the device's memory does not hold {one[0]} ({one[1]:,} bytes): {reason}; "
            "free what else lies on the device, or choose device 'cpu'"
        ) from error
    half = at_once // 2
    logger.warning("%s: out of device memory with %d %s; trying %d (%s)", what[0], at_once, what[1], half, reason)
    return half


@cache
def _function(module: str, name: str, device: int) -> Any:
    """The compiled function; once per device (CuPy keeps the binary on disk per architecture)."""
    cupy = sys.modules["cupy"]
    built = cupy.RawModule(code=source(module), options=compile_options(), name_expressions=(name,))
    try:
        return built.get_function(name)
    except cupy.cuda.compiler.CompileException as error:
        raise KernelError(f"{module}.cu does not compile for device {device}:\n{error}") from error


def _problems(cupy: Any, kernel: Kernel, arguments: Sequence[Any], device: int) -> list[str]:
    if len(arguments) != len(kernel.parameters):
        return [f"{len(arguments)} arguments for {len(kernel.parameters)} parameters"]
    problems = []
    for number, (argument, parameter) in enumerate(zip(arguments, kernel.parameters, strict=True)):
        dtype = np.dtype(parameter.removesuffix("[]"))
        if not parameter.endswith("[]"):
            if not isinstance(argument, np.generic) or argument.dtype != dtype:
                problems.append(f"argument {number} must be numpy.{dtype}, got {type(argument).__name__}")
        elif not isinstance(argument, cupy.ndarray):
            problems.append(f"argument {number} must be a CuPy array, got {type(argument).__name__}")
        elif argument.dtype != dtype or not argument.flags.c_contiguous:
            order = "contiguous" if argument.flags.c_contiguous else "strided"
            problems.append(f"argument {number} must be contiguous {dtype}, got {order} {argument.dtype}")
        elif int(argument.device.id) != device:
            problems.append(f"argument {number} lies on device {argument.device.id}, the launch is on {device}")
    return problems
