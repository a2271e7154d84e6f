"""What commands write: complete or not at all, and one clear line where a place takes nothing.

`check_folder` and `check_file` refuse before the work what could not be written after it; the other functions write.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from capacity.errors import CapacityError

RUN_MARK = "manifest.json"
"""The file by which the folder of a run is known."""


def check_folder(target: Path, option: str = "--out") -> None:
    """Raise CapacityError where `target` is a file, or lies where nothing can be written."""
    if target.exists() and not target.is_dir():
        raise CapacityError(f"{option} {target}: is a file; choose a folder")
    _try(target, target, option)


def check_file(target: Path, option: str) -> None:
    """Raise CapacityError where `target` is a folder, or lies where nothing can be written."""
    if target.is_dir():
        raise CapacityError(f"{option} {target}: is a folder; choose a file")
    _try(target, target.parent, option)


def check_run(target: Path) -> None:
    """As `check_folder`, and raise CapacityError where the folder holds what is no earlier run."""
    if target.is_dir() and any(target.iterdir()) and not (target / RUN_MARK).exists():
        raise CapacityError(
            f"--out {target}: holds files but no {RUN_MARK}, so it is no earlier run; choose another folder"
        )
    check_folder(target)


def _try(target: Path, folder: Path, option: str) -> None:
    """Make a folder, and let go of it, in the nearest folder that there is."""
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    try:
        Path(tempfile.mkdtemp(prefix=".gridflops.", dir=nearest)).rmdir()
    except OSError as error:
        raise CapacityError(
            f"{option} {target}: cannot write there ({error.strerror}); choose another place"
        ) from error


@contextmanager
def written(target: Path, option: str = "--out") -> Iterator[None]:
    """Raise CapacityError that names option and place for what a full disk or a closed place raises in the block."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not str(error).startswith("NetCDF"):
            raise  # the library of NetCDF says so of a full disk
        raise CapacityError(
            f"{option} {target}: writing failed ({getattr(error, 'strerror', None) or error}); nothing new was left "
            "there; free some space or choose another place"
        ) from error


@contextmanager
def replaced_file(target: Path, option: str) -> Iterator[Path]:
    """A path to write a file to, which takes the place of `target` when the block ends without an error."""
    with written(target, option):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as work:
            path = Path(work) / target.name
            yield path
            os.replace(path, target)


@contextmanager
def replaced_files(target: Path, option: str = "--out") -> Iterator[Path]:
    """A folder to fill. Its files take the places of those of their names in `target`, and leave all others alone,
    when the block ends without an error; else nothing of them stays."""
    with written(target, option):
        there = target.exists()
        target.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".gridflops.", dir=target))
        try:
            yield work
            for path in sorted(work.iterdir()):
                os.replace(path, target / path.name)
        finally:
            shutil.rmtree(work, ignore_errors=True)
            if not there:
                with suppress(OSError):  # it has been filled
                    target.rmdir()


@contextmanager
def replaced_run(target: Path) -> Iterator[Path]:
    """A folder to fill that takes the place of `target`, an earlier run, when the block ends without an error.

    On any error or interrupt nothing of it stays and an earlier `target` is untouched. Raises CapacityError
    where the place cannot be written or holds something that is not an earlier run.
    """
    check_run(target)
    with written(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            yield work
            _swap(work, target)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _swap(work: Path, target: Path) -> None:
    work.chmod(0o755)
    if not target.exists():
        os.replace(work, target)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    os.replace(target, aside / "run")
    try:
        os.replace(work, target)
    except OSError:
        os.replace(aside / "run", target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
