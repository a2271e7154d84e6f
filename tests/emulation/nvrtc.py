"""Compile a kernel the way CuPy's RawModule does, on a machine without a device or a driver.

Only three things on CuPy's path ask the device anything: the architecture (twice) and loading the finished
binary. Those three are replaced; every option and header is CuPy's own.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from cuda_kernels._launch import Kernel, compile_options, source

ARCHITECTURES = ("75", "80", "86", "89", "90", "100", "120")  # NVRTC 13 changes its front end at 100


@dataclass(frozen=True)
class Usage:
    """What the assembler reports for one kernel on one architecture."""

    registers: int
    spill_bytes: int
    stack_bytes: int
    shared_bytes: int
    barriers: int


def _module_class() -> type:
    from cupy.cuda import function

    class Unloaded(function.Module):
        """A module that keeps its binary instead of handing it to a driver."""

        def load(self, binary: bytes) -> None:
            self.binary = binary

        def _set_mapping(self, mapping: dict[str, str]) -> None:
            self.names = mapping or {}

    return Unloaded


@contextmanager
def _no_device(architecture: str) -> Iterator[None]:
    from cupy.cuda import compiler

    def pair(arch: str | None = None) -> tuple[str, str]:
        return f"-arch=sm_{architecture}", "cubin"

    with (
        patch.object(compiler, "_get_arch", lambda: architecture),
        patch.object(compiler, "_get_arch_for_options_for_nvrtc", pair),
        patch.object(compiler, "function", SimpleNamespace(Module=_module_class())),
        patch.dict("os.environ", {"CUPY_CACHE_IN_MEMORY": "1"}),
    ):
        yield


def build(module: str, names: tuple[str, ...], architecture: str, extra: tuple[str, ...] = ()) -> tuple[Any, str]:
    """Binary and compiler log of some kernels of one .cu file."""
    from cupy._core import core

    log = io.StringIO()
    with _no_device(architecture):
        built = core.compile_with_cache(
            source(module),
            (*compile_options(), *extra),
            arch=architecture,
            backend="nvrtc",
            name_expressions=names,
            log_stream=log,
            jitify=False,
        )
    return built, log.getvalue().strip("\0\n ")


@dataclass(frozen=True)
class Compiled:
    """Kernels of one .cu file: the binary's size, what was said about each (by kernel name), and what else was said."""

    size: int
    usage: dict[str, Usage]
    words: list[str]


@cache
def compiled(kernels: tuple[Kernel, ...], architecture: str) -> Compiled:
    """Compile once with the assembler's report on; everything in the log that is not that report is a complaint."""
    built, log = build(kernels[0].module, tuple(k.name for k in kernels), architecture, ("--ptxas-options=-v",))
    words = [line for line in log.splitlines() if not _REPORT.match(line)]
    return Compiled(len(built.binary), _usage(built, log), words)


def _usage(built: Any, log: str) -> dict[str, Usage]:
    by_symbol = {symbol: name for name, symbol in built.names.items()}
    table = {}
    for chunk in log.split("Compiling entry function")[1:]:
        symbol = re.search(r"'(\w+)'", chunk)[1]
        number = {key: _first(pattern, chunk) for key, pattern in _PATTERNS.items()}
        spills = number.pop("store") + number.pop("load")
        table[by_symbol[symbol]] = Usage(spill_bytes=spills, **number)
    return table


_REPORT = re.compile(r"ptxas (info    : |        \. )")
_PATTERNS = {
    "registers": r"Used (\d+) registers",
    "stack_bytes": r"(\d+) bytes stack frame",
    "store": r"(\d+) bytes spill stores",
    "load": r"(\d+) bytes spill loads",
    "shared_bytes": r"(\d+) bytes smem",
    "barriers": r"used (\d+) barriers",
}


def _first(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    return int(found[1]) if found else 0
