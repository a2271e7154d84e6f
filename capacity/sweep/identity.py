"""What a sweep's numbers depend on, and in what two of them differ."""

from __future__ import annotations

import hashlib
import importlib.resources
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources.abc import Traversable
from typing import Any

LIBRARIES = ("numpy", "scipy", "xarray", "numba")
SUFFIXES = (".py", ".cu", ".cuh", ".yaml")
PACKAGES = ("capacity", "cuda_kernels", "scenarios", "grids")
NOT_NUMBERS = ("grids/build", "grids/sources", "grids/bundle")
"""Makes the grid, whose own hash says what came of it."""


@cache
def code_version() -> dict[str, str]:
    """Hash of the sources that the numbers come from, and versions of the libraries under them."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for name, content in sorted(_sources(importlib.resources.files(package), package)):
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
    found = {"source_sha256": digest.hexdigest(), "gridflops": version("gridflops")}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "none"
    return found


def _sources(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        path = f"{name}/{entry.name}"
        if entry.is_dir():
            if path not in NOT_NUMBERS and entry.name != "__pycache__":
                yield from _sources(entry, path)
        elif entry.name.endswith(SUFFIXES):
            yield path, entry.read_bytes()


def differences(stored: Mapping[str, Any], asked: Mapping[str, Any], prefix: str = "") -> list[str]:
    """One line for each entry in which two identities differ: `seed: 1 in the store, 2 now`."""
    lines: list[str] = []
    for key in sorted({*stored, *asked}):
        old, new = stored.get(key), asked.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            lines += differences(old, new, f"{prefix}{key}.")
        elif old != new:
            lines.append(f"{prefix}{key}: {_short(old)} in the store, {_short(new)} now")
    return lines


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 48 else f"{text[:20]}..."
