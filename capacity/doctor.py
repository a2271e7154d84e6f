"""What an installation consists of and whether it can run: packages, engines, devices, data, foreign packages."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

Status = Literal["ok", "note", "fault"]

OWN = ("capacity", "grids", "scenarios", "cuda_kernels")
FOREIGN = "foreign packages"
EXTRAS = ("fast", "cuda12", "cuda13", "hindcast", "sweep")
"""Those a user chooses among; the others serve development."""

_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)(?:\[[^]]*])?\s*(?:\(?>=\s*(?P<least>[\d.]+))?.*?(?:extra == ['\"](?P<extra>[\w-]+)['\"])?$"
)


@dataclass(frozen=True)
class Finding:
    """One line of the answer. `ok`: as it should be; `note`: something optional is absent; `fault`: a run may fail."""

    topic: str
    status: Status
    text: str


def examine(folder: Path | None = None) -> list[Finding]:
    """All findings; `folder` (default: the working directory) is searched for foreign packages."""
    return [
        *machine(),
        *packages(),
        *engines(),
        *gpu(),
        *foreign(folder or Path.cwd()),
        *grid(),
    ]


def machine() -> Iterator[Finding]:
    """Python, system, and the cores this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("machine", "ok", f"Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    yield Finding("machine", "ok", f"{usable} of {os.cpu_count()} cores usable")


def packages() -> Iterator[Finding]:
    """gridflops itself and what it requires, from its own metadata, with versions."""
    try:
        requirements = importlib.metadata.requires("gridflops") or []
    except importlib.metadata.PackageNotFoundError:
        yield Finding("packages", "fault", "gridflops is not installed, only importable; pip install it")
        return
    yield Finding("packages", "ok", f"gridflops {importlib.metadata.version('gridflops')}")
    for requirement in requirements:
        found = _REQUIREMENT.match(requirement)
        if found is None or (found["extra"] is not None and found["extra"] not in EXTRAS):
            continue
        yield _package(found["name"], found["least"], found["extra"])


def _package(name: str, least: str | None, extra: str | None) -> Finding:
    where = f" [{extra}]" if extra else ""
    bad: Status = "note" if extra else "fault"
    install = f"gridflops[{extra}]" if extra else name
    try:
        present = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding("packages", bad, f"{name}{where} is not installed; pip install '{install}'")
    if least is not None and _numbers(present) < _numbers(least):
        text = f"{name}{where} {present} is older than {least}; pip install --upgrade '{install}'"
        return Finding("packages", "fault", text)
    return Finding("packages", "ok", f"{name}{where} {present}")


def _numbers(text: str) -> tuple[int, ...]:
    """ "2.4.6rc1" -> (2, 4, 6): enough to compare with a lower bound."""
    release = re.match(r"[\d.]*\d|", text)
    numbers = [int(part) for part in release[0].split(".")] if release and release[0] else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def engines() -> Iterator[Finding]:
    """CPU bodies of the kernels; numba is imported, since an unfit pair of numba and NumPy shows only then."""
    yield Finding("engines", "ok", "numpy")
    if find_spec("numba") is None:
        yield Finding(
            "engines", "note", "numba is not installed: about fifteen times slower; pip install 'gridflops[fast]'"
        )
        return
    try:
        importlib.import_module("numba")
    except Exception as error:  # numba fails in many ways where its parts do not fit
        text = f"numba is installed but does not import ({_line(error)}); pip install --upgrade 'gridflops[fast]'"
        yield Finding("engines", "fault", text)
    else:
        yield Finding("engines", "ok", "numba (the default)")


def gpu() -> Iterator[Finding]:
    """CuPy, CUDA and the devices, or why there is none."""
    from cuda_kernels import KernelError, devices

    try:
        versions, found = devices.survey()
    except KernelError as error:
        yield Finding("gpu", "note", str(error))
        return
    except Exception as error:  # a broken CuPy fails on import in ways of its own
        yield Finding("gpu", "note", f"CuPy does not work ({_line(error)}); runs use the CPU")
        return
    driver = f"driver {versions.kernel_module} " if versions.kernel_module else "driver "
    text = f"CuPy {versions.cupy}, CUDA {versions.runtime}, {driver}for CUDA up to {versions.driver}"
    yield Finding("gpu", "ok", text)
    for device in found:
        memory = f"{device.memory_bytes / 2**30:.1f} GiB"
        text = f"device {device.number}: {device.name}, compute capability {device.capability}, {memory}"
        yield Finding("gpu", "ok", text)


def foreign(folder: Path) -> Iterator[Finding]:
    """Packages that carry our names but are not ours: imported instead of ours, installed over them, or lying about."""
    home = Path(__file__).resolve().parents[1]
    installed = importlib.metadata.packages_distributions()
    findings: list[Finding] = []
    for name in OWN:
        findings += _imported(name, home / name)
        findings += _installed_twice(name, installed.get(name, []))
        findings += _lying_about(name, folder.resolve(), home / name)
    yield from findings or [Finding(FOREIGN, "ok", f"none; ours lie in {home}")]


def _imported(name: str, ours: Path) -> Iterator[Finding]:
    imported = _location(name)
    if imported is None:
        yield Finding(FOREIGN, "fault", f"{name} cannot be imported; reinstall gridflops")
    elif imported != ours:
        text = f"{name} is imported from {imported}, not from {ours}; remove it or move it off the import path"
        yield Finding(FOREIGN, "fault", text)


def _installed_twice(name: str, distributions: Iterable[str]) -> Iterator[Finding]:
    others = sorted(set(distributions) - {"gridflops"})
    if others:
        text = f"{name} is also installed by {', '.join(others)}; pip uninstall that, then reinstall gridflops"
        yield Finding(FOREIGN, "fault", text)


def _lying_about(name: str, folder: Path, ours: Path) -> Iterator[Finding]:
    """What Python would take for ours when started in the folder."""
    here, module = folder / name, folder / f"{name}.py"
    if here == ours:
        return
    if (here / "__init__.py").is_file() or module.is_file():
        intruder = here if here.is_dir() else module
        text = f"{intruder} hides ours from `python` started in this folder; rename it or work elsewhere"
        yield Finding(FOREIGN, "fault", text)
    elif here.is_dir():
        text = f"{here} has a package's name: harmless while gridflops is installed, else imported as an empty package"
        yield Finding(FOREIGN, "note", text)


def _location(name: str) -> Path | None:
    """Folder a package would be imported from (the file for a plain module); None where there is none."""
    spec = getattr(sys.modules.get(name), "__spec__", None) or find_spec(name)
    if spec is None:
        return None
    places = list(spec.submodule_search_locations or [])
    if places:
        return Path(places[0]).resolve()
    return Path(spec.origin).resolve() if spec.origin else None


def grid() -> Iterator[Finding]:
    """The embedded grid: read, validated, and its checksum."""
    from grids import GridDataError
    from grids.store import grid_hash, open_grid

    try:
        dataset = open_grid()
    except GridDataError as error:
        for problem in error.problems:
            yield Finding("grid", "fault", " ".join(problem.split()))
        return
    sizes = f"{dataset.sizes['area']} areas, {dataset.sizes['profile']} profiles"
    yield Finding("grid", "ok", f"valid, {sizes}, checksum {grid_hash(dataset)}")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
