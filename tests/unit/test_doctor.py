"""`gridflops doctor`: what it finds wrong, what it only notes, and its exit code."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import grids.store
from capacity import doctor
from capacity.cli import main
from capacity.doctor import Finding
from cuda_kernels import KernelError, devices
from grids import GridDataError


def one(findings, word: str) -> Finding:
    (found,) = [finding for finding in findings if word in finding.text]
    return found


def pretend(monkeypatch, requirements: list[str], versions: dict[str, str]) -> None:
    def version(name: str) -> str:
        if name not in versions:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(importlib.metadata, "requires", lambda name: requirements)
    monkeypatch.setattr(importlib.metadata, "version", version)


def test_packages_are_held_against_the_projects_own_requirements(monkeypatch):
    requirements = [
        "click>=8.1",
        "numpy>=2.0",
        "dask[array]>=2024.8",
        "scipy>=1.13",
        "numba>=0.61; extra == 'fast'",
        'cupy-cuda12x>=13.4; extra == "cuda12"',
        "cuda-toolkit[cudart,nvrtc]==13.*; extra == 'cuda13'",
        "pytest>=8.2; extra == 'test'",
    ]
    versions = {"gridflops": "0.1.0", "click": "8.1", "numpy": "2.0.0rc1", "dask": "2024.10.1", "numba": "0.60.2"}
    pretend(monkeypatch, requirements, versions)
    found = list(doctor.packages())
    assert len(found) == 8  # itself and seven; pytest is for development
    assert one(found, "click").status == one(found, "numpy").status == one(found, "dask").status == "ok"
    assert one(found, "scipy") == Finding("packages", "fault", "scipy is not installed; pip install 'scipy'")
    assert one(found, "numba").status == "fault"
    assert one(found, "numba").text.startswith("numba [fast] 0.60.2 is older than 0.61; pip install --upgrade")
    assert one(found, "cupy").status == one(found, "cuda-toolkit").status == "note"
    assert "pip install 'gridflops[cuda12]'" in one(found, "cupy").text


def test_a_copy_that_is_not_installed_is_a_fault(monkeypatch):
    def unknown(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", unknown)
    assert [finding.status for finding in doctor.packages()] == ["fault"]


def test_an_engine_that_does_not_import_is_a_fault_and_an_absent_one_is_not(monkeypatch):
    def broken(name: str) -> None:
        raise ImportError("Numba needs NumPy 2.3 or less.\nGot NumPy 2.9.")

    monkeypatch.setattr(doctor, "find_spec", lambda name: object())
    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    assert "does not import (Numba needs NumPy 2.3 or less. Got NumPy 2.9.)" in one(doctor.engines(), "numba").text
    assert [finding.status for finding in doctor.engines()] == ["ok", "fault"]
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    assert [finding.status for finding in doctor.engines()] == ["ok", "note"]


def test_devices_are_described(monkeypatch):
    card = devices.Device(0, "Made-up 9000", "9.0", 80 * 2**30, 1e12, 1e12)
    versions = devices.Cuda("14.2.0", "13.2", "13.0", "580.1")
    monkeypatch.setattr(devices, "survey", lambda: (versions, (card,)))
    texts = [finding.text for finding in doctor.gpu()]
    assert texts == [
        "CuPy 14.2.0, CUDA 13.2, driver 580.1 for CUDA up to 13.0",
        "device 0: Made-up 9000, compute capability 9.0, 80.0 GiB",
    ]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KernelError("device 'gpu': CuPy finds no CUDA device"), "device 'gpu': CuPy finds no CUDA device"),
        (OSError("libcuda.so.1:\nnot found"), "CuPy does not work (libcuda.so.1: not found); runs use the CPU"),
    ],
)
def test_no_device_is_a_note_with_the_reason(monkeypatch, error, text):
    def fails() -> None:
        raise error

    monkeypatch.setattr(devices, "survey", fails)
    assert list(doctor.gpu()) == [Finding("gpu", "note", text)]


def test_ours_alone_are_found_here(tmp_path):
    (found,) = doctor.foreign(tmp_path)
    assert found.status == "ok"
    assert found.text.endswith(str(Path(doctor.__file__).parents[1]))
    assert [finding.status for finding in doctor.foreign(Path(doctor.__file__).parents[1])] == ["ok"]


def test_folders_and_files_with_our_names(tmp_path):
    (tmp_path / "grids").mkdir()
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "__init__.py").touch()
    (tmp_path / "capacity.py").touch()
    found = list(doctor.foreign(tmp_path))
    assert one(found, str(tmp_path / "grids")).status == "note"
    assert one(found, str(tmp_path / "scenarios")).status == "fault"
    assert one(found, str(tmp_path / "capacity.py")).status == "fault"
    assert len(found) == 3


@pytest.mark.parametrize("regular", [True, False])
def test_a_package_imported_instead_of_ours(tmp_path, monkeypatch, regular):
    (tmp_path / "elsewhere_grids").mkdir()
    if regular:
        (tmp_path / "elsewhere_grids" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(doctor, "OWN", ("elsewhere_grids", "nowhere_scenarios"))
    found = list(doctor.foreign(Path.home()))
    assert f"elsewhere_grids is imported from {tmp_path / 'elsewhere_grids'}, not from" in found[0].text
    assert found[1] == Finding("foreign packages", "fault", "nowhere_scenarios cannot be imported; reinstall gridflops")


def test_a_distribution_that_brings_our_names(tmp_path, monkeypatch):
    installed = {"grids": ["gridflops", "grids"], "scenarios": ["gridflops"]}
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: installed)
    (found,) = doctor.foreign(tmp_path)
    assert (found.status, found.text[:33]) == ("fault", "grids is also installed by grids;")


def test_the_grids_problems_are_told_one_by_one(monkeypatch):
    def damaged() -> None:
        raise GridDataError(["grid.nc: load is\nmissing", "grid.nc: peak is negative"])

    monkeypatch.setattr(grids.store, "open_grid", damaged)
    found = [(finding.status, finding.text) for finding in doctor.grid()]
    assert found == [("fault", "grid.nc: load is missing"), ("fault", "grid.nc: peak is negative")]


def test_the_embedded_grid_is_valid_and_has_its_checksum():
    (found,) = doctor.grid()
    assert found.status == "ok"
    assert found.text.split()[-1] == grids.store.grid_hash(grids.store.open_grid())


def test_the_exit_code_follows_the_faults(monkeypatch):
    note = [Finding("gpu", "note", "no card"), Finding("machine", "ok", "two cores")]
    monkeypatch.setattr(doctor, "examine", lambda: note)
    done = CliRunner().invoke(main, ["doctor"])
    assert done.exit_code == 0
    assert done.output == "gpu\n  --  no card\nmachine\n  ok  two cores\n\nReady to run.\n"
    monkeypatch.setattr(doctor, "examine", lambda: [*note, Finding("grid", "fault", "no grid")])
    assert "To repair: 1, marked !!" in CliRunner().invoke(main, ["doctor"]).output
    done = CliRunner().invoke(main, ["doctor", "--json"])
    assert done.exit_code == 1
    document = json.loads(done.output)
    assert document["ok"] is False
    assert document["findings"][2] == {"topic": "grid", "status": "fault", "text": "no grid"}


def test_nothing_is_imported_before_it_is_asked_for():
    code = (
        "import sys, capacity.doctor_cli, capacity.verify_gpu.cli, cuda_kernels.devices, capacity.doctor; "
        "print([m for m in ('cupy', 'numba', 'xarray') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
