"""`gridflops run` as a user meets it: files, tables, errors, interrupts, a full disk."""

import errno
import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner

from capacity import estimation, open_result
from capacity.cli import main
from capacity.output import figures


def gridflops(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def run_folder(grid_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "first"
    done = gridflops(
        "run", "reference", "us-flexible-load", "--years", "2025-2028", "--draws", 8, "--grid", grid_file, "--out", out
    )
    assert done.exit_code == 0, done.output
    assert "Hostable and deployed AI load and compute" in done.output
    assert "Largest areas" in done.output
    return out


def test_a_run_leaves_every_file_and_nothing_else(run_folder):
    names = {p.name for p in run_folder.iterdir()}
    assert {"result.nc", "areas.csv", "summary.csv", "manifest.json"} <= names
    assert {p for p in names if p.endswith(".png")} >= {"hostable_fan.png", "supply.png"}
    assert [p.name for p in run_folder.parent.iterdir()] == ["first"], "no temporary folder stays behind"


def test_result_opens_without_a_warning_and_agrees_with_the_tables(run_folder):
    with open_result(run_folder / "result.nc") as result:
        summary = pd.read_csv(run_folder / "summary.csv")
        assert len(summary) == 2 * 2 * 4
        row = summary.query("scenario == 'reference' and country == 'CN' and year == 2027").iloc[0]
        drawn = result["hostable_mw"].sel(scenario="reference", country="CN", year=2027)
        assert row["hostable_gw_p50"] == pytest.approx(float(drawn.median()) / 1e3, rel=1e-5)
        assert result.attrs["device"] in ("cpu", "gpu")
        assert result["cell_lat"].attrs["standard_name"] == "latitude"
    areas = pd.read_csv(run_folder / "areas.csv")
    assert len(areas) == 2 * 4 * 5
    total = areas.groupby(["scenario", "year"])["hostable_gw_mean"].sum()
    assert (total > 0).all()


def test_manifest_says_what_it_takes_to_repeat_the_run(run_folder):
    manifest = json.loads((run_folder / "manifest.json").read_text())
    assert manifest["draws"] == 8
    assert manifest["years"] == [2025, 2028]
    assert set(manifest["scenarios"]) == {"reference", "us-flexible-load"}
    assert len(manifest["grid_sha256"]) == 64
    assert manifest["versions"]["gridflops"]


def test_the_same_seed_gives_the_same_bytes(run_folder, grid_file, tmp_path):
    arguments = ("run", "reference", "us-flexible-load", "--years", "2025-2028", "--draws", 8, "--grid", grid_file)
    done = gridflops(*arguments, "--out", tmp_path / "again")
    assert done.exit_code == 0, done.output
    for name in ("result.nc", "summary.csv", "areas.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (run_folder / name).read_bytes(), name


def test_json_holds_the_summary(grid_file, tmp_path):
    done = gridflops(
        "run", "reference", "--years", "2025", "--draws", 2, "--grid", grid_file, "--out", tmp_path / "j", "--json"
    )
    assert done.exit_code == 0, done.output
    assert {row["country"] for row in json.loads(done.stdout)["summary"]} == {"US", "CN"}


def test_zarr_holds_the_same_numbers(run_folder, grid_file, tmp_path):
    done = gridflops(
        "run", "reference", "--years", "2025-2026", "--draws", 8, "--grid", grid_file, "--out", tmp_path / "z", "--zarr"
    )
    assert done.exit_code == 0, done.output
    with (
        xr.open_zarr(tmp_path / "z" / "result.zarr", consolidated=False) as other,
        open_result(run_folder / "result.nc") as result,
    ):
        np.testing.assert_array_equal(
            other["hostable_mw"].to_numpy(),
            result["hostable_mw"].sel(scenario=["reference"], year=[2025, 2026]).to_numpy(),
        )


def test_a_new_run_replaces_an_earlier_one(grid_file, tmp_path):
    out = tmp_path / "same"
    for draws in (2, 3):
        done = gridflops("run", "reference", "--years", "2025", "--draws", draws, "--grid", grid_file, "--out", out)
        assert done.exit_code == 0, done.output
    assert json.loads((out / "manifest.json").read_text())["draws"] == 3
    assert [p.name for p in tmp_path.iterdir()] == ["same"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "refrence"], ["refrence", "reference"]),
        (["run", "--years", "2050-2040"], ["2050-2040", "2040-2050"]),
        (["run", "--years", "soon"], ["soon", "2025-2040"]),
        (["run", "--years", "1990-2000"], ["1990-2000", "2025"]),
        (["run", "--draws", "0"], ["0", "draws"]),
        (["run", "--seed", "-1"], ["-1"]),
        (["run", "--device", "tpu"], ["tpu", "gpu"]),
        (["run", "--grid", "nowhere.nc"], ["nowhere.nc"]),
    ],
)
def test_a_wrong_request_ends_in_one_clear_line(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = gridflops(*arguments)
    assert done.exit_code != 0
    errors = [line for line in done.output.splitlines() if line.startswith("Error")]
    assert len(errors) == 1
    for word in words:
        assert word in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_grid_is_named(grid_file, tmp_path):
    broken = tmp_path / "broken.nc"
    broken.write_bytes(grid_file.read_bytes()[:5000])
    done = gridflops("run", "--grid", broken, "--out", tmp_path / "o")
    assert done.exit_code == 1
    assert str(broken) in done.output.replace("\n", "")
    assert not (tmp_path / "o").exists()


def test_an_out_that_is_no_run_is_refused(grid_file, tmp_path):
    (tmp_path / "mine.txt").write_text("keep me")
    for out, word in (
        (tmp_path, "manifest.json"),
        (tmp_path / "mine.txt", "is a file"),
        (tmp_path / "mine.txt" / "x", "cannot write"),
    ):
        done = gridflops("run", "reference", "--years", "2025", "--draws", 1, "--grid", grid_file, "--out", out)
        assert done.exit_code == 1, done.output
        assert word in done.output
    assert (tmp_path / "mine.txt").read_text() == "keep me"


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_or_ctrl_c_leaves_the_earlier_run_intact(failure, grid_file, tmp_path, monkeypatch):
    out = tmp_path / "run"
    first = gridflops("run", "reference", "--years", "2025", "--draws", 2, "--grid", grid_file, "--out", out)
    assert first.exit_code == 0, first.output
    before = {p.name: p.read_bytes() for p in out.iterdir()}

    def fail(*_):
        raise failure

    monkeypatch.setattr(figures, "write_all", fail)
    done = gridflops("run", "reference", "--years", "2025", "--draws", 3, "--grid", grid_file, "--out", out)
    assert done.exit_code == 1
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_base_year_shows_both_notions(grid_file):
    done = gridflops("base-year", "--grid", grid_file)
    assert done.exit_code == 0, done.output
    assert "firm_capacity" in done.output
    assert "historic_peak" in done.output
    data = json.loads(gridflops("base-year", "--grid", grid_file, "--json").stdout)
    assert {row["country"] for row in data["national"]} == {"US", "CN"}
    assert len(data["areas"]) == 5


@pytest.mark.parametrize(
    "command", [[], ["run"], ["base-year"], ["grids"], ["scenarios"], ["validate"], ["validate", "duke"]]
)
def test_every_command_explains_itself(command):
    done = gridflops(*command, "--help")
    assert done.exit_code == 0
    if command in ([], ["run"], ["base-year"], ["validate", "duke"]):
        assert "Example" in done.output


def test_device_gpu_without_one_is_one_clear_line(grid_file, tmp_path, monkeypatch):
    from cuda_kernels import KernelError

    def no_device(device):
        raise KernelError("device 'gpu': CuPy finds no usable CUDA device; choose device 'cpu'")

    monkeypatch.setattr(estimation, "resolve_device", no_device)
    done = gridflops("run", "reference", "--device", "gpu", "--grid", grid_file, "--out", tmp_path / "g")
    assert done.exit_code == 1
    assert "choose device 'cpu'" in done.output
    assert not (tmp_path / "g").exists()
