"""The built wheel holds the data that the program needs, and a folder named like a package does not shadow it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("capacity", "grids", "scenarios", "cuda_kernels")
DATA = {".cu", ".cuh", ".yaml", ".json", ".nc", ".gz"}


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        return set(content.namelist())


def test_wheel_holds_every_module_and_data_file(names):
    tracked = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, check=True, capture_output=True, text=True)
    wanted = {line for line in tracked.stdout.splitlines() if Path(line).suffix in DATA | {".py"}}
    assert len(wanted) > 100
    assert not wanted - names


def test_wheel_holds_each_kind_of_data(names):
    for ending in (".cu", ".cuh", ".yaml", "grids/bundle/grid.nc"):
        assert any(name.endswith(ending) for name in names), ending


def test_wheel_holds_nothing_else(names):
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)


def test_an_empty_folder_of_our_name_does_not_shadow_a_package(tmp_path):
    for package in PACKAGES:
        (tmp_path / package).mkdir()
    code = "import grids.areas, scenarios, cuda_kernels; print(len(grids.areas.AREAS))"
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "49"
