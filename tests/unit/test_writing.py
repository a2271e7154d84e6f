"""What commands write is whole or not there, and a place that takes nothing is one clear line, told before the work."""

import errno
import os

import pytest
from click.testing import CliRunner

from capacity.cli import main
from capacity.errors import CapacityError
from capacity.output import writing

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
FULL_NETCDF = RuntimeError("NetCDF: HDF error")
WRITERS = {
    "--out": writing.replaced_files,
    "--figure": writing.replaced_file,
}


def everything(folder):
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("failure", [FULL, FULL_NETCDF, KeyboardInterrupt(), RuntimeError("a fault of ours")])
@pytest.mark.parametrize("option", WRITERS)
def test_what_was_there_stays_when_writing_fails(option, failure, tmp_path):
    target = tmp_path / "kept"
    old = target if option == "--figure" else target / "table.csv"
    old.parent.mkdir(exist_ok=True)
    old.write_text("old")
    before = everything(tmp_path)
    told = CapacityError if failure in (FULL, FULL_NETCDF) else type(failure)

    def fail_half_way():
        with WRITERS[option](target, option) as place:
            (place if option == "--figure" else place / "table.csv").write_text("half")
            raise failure

    with pytest.raises(told) as raised:
        fail_half_way()
    assert everything(tmp_path) == before
    if told is CapacityError:
        assert all(word in str(raised.value) for word in (option, str(target), "free some space"))


def test_files_take_the_places_of_their_names_and_leave_others_alone(tmp_path):
    (tmp_path / "table.csv").write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    with writing.replaced_files(tmp_path) as folder:
        (folder / "table.csv").write_text("new")
        (folder / "figure.png").write_text("drawn")
        assert (tmp_path / "table.csv").read_text() == "old"
    assert everything(tmp_path) == {"table.csv": "new", "mine.txt": "mine", "figure.png": "drawn"}


def test_a_new_folder_goes_again_when_nothing_comes_of_it(tmp_path):
    with pytest.raises(CapacityError), writing.replaced_files(tmp_path / "new"):
        raise FULL
    assert list(tmp_path.iterdir()) == []


def test_the_old_run_is_back_when_the_rename_fails(tmp_path, monkeypatch):
    old = tmp_path / "kept"
    old.mkdir()
    (old / writing.RUN_MARK).write_text("{}")
    real = os.replace

    def replace(source, target):
        if str(target) == str(old) and ".old." not in str(source):
            raise OSError(errno.EIO, "I/O error")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(CapacityError, match="I/O"), writing.replaced_run(old) as work:
        (work / writing.RUN_MARK).write_text("new")
    assert everything(tmp_path) == {f"kept/{writing.RUN_MARK}": "{}"}


@pytest.mark.parametrize(
    ("verb", "option"),
    [
        (["run", "reference"], "--out"),
        (["claims"], "--out"),
        (["project"], "--out"),
        (["sensitivity"], "--out"),
        (["hindcast"], "--out"),
        (["hindcast", "--demand"], "--out"),
        (["hindcast", "--placement"], "--out"),
        (["hindcast"], "--write-weights"),
        (["explain", "us.ercot", "2030"], "--figure"),
        (["explain", "us.ercot", "2030"], "--csv"),
        (["frontier", "us.pjm_east", "us.miso_central"], "--figure"),
        (["summarise", "nowhere"], "--out"),
    ],
)
def test_a_closed_place_is_told_before_the_work(verb, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    place = tmp_path / "mine.txt" / "x"
    done = CliRunner().invoke(main, [*verb, option, str(place)])
    assert done.exit_code == 1, done.output
    assert all(word in done.output for word in (option, str(place), "cannot write there")), done.output
    assert everything(tmp_path) == {"mine.txt": "mine"}


@pytest.mark.parametrize("verb", [["explain", "us.ercot", "2030"], ["frontier", "us.pjm_east", "us.miso_central"]])
def test_a_folder_is_no_figure(verb, tmp_path):
    done = CliRunner().invoke(main, [*verb, "--figure", str(tmp_path)])
    assert done.exit_code == 1
    assert "is a folder; choose a file" in done.output


def test_hindcast_refuses_what_says_nothing(tmp_path):
    done = CliRunner().invoke(main, ["hindcast", "--demand", "--placement", "--series", "solar"])
    assert done.exit_code == 2
    assert "--placement takes no --demand, --series" in done.output
