"""Requests that cannot be answered: every fault of one is told, before memory or time goes into it."""

import os

import pytest
from click.testing import CliRunner

import grids
import scenarios
from capacity import compare, estimate
from capacity.cli import main
from capacity.cli_errors import plain_errors
from capacity.errors import CapacityError
from capacity.output import run_folder, writing
from capacity.output.plain_json import finite


def gridflops(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_one_fault_is_a_line_and_several_a_list():
    assert str(CapacityError("years: give some")) == "years: give some"
    assert str(CapacityError(["years: give some"])) == "years: give some"
    assert str(CapacityError(iter(["a", "b"]))).splitlines() == ["2 problems in the request:", "- a", "- b"]


@pytest.mark.skipif("SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}), reason="no word of the machine's memory")
def test_more_draws_than_memory_holds_are_refused_at_once(tmp_path):
    done = gridflops("run", "reference", "--draws", 10**10, "--out", tmp_path / "out")
    assert done.exit_code == 1, done.output
    assert all(word in done.output for word in ("draws=10000000000", "GB", "gridflops sweep"))
    assert list(tmp_path.iterdir()) == []


def test_memory_that_is_not_there_is_one_clear_line():
    import click

    with pytest.raises(click.ClickException, match="ask for fewer draws"), plain_errors():
        raise MemoryError("Unable to allocate 74.5 GiB")


def test_states_of_outages_that_nothing_looks_at_are_refused():
    for more in ([], ["--network", "network"], ["--adequacy", "lole"]):
        done = gridflops("run", "reference", "--outage-states", 8, *more)
        assert done.exit_code == 2
        assert "--outage-states counts only where" in done.output


def test_origins_outside_the_record_are_told_together(tmp_path):
    done = gridflops("hindcast", "--origins", "2030-2031", "--baselines", "last_value", "--out", tmp_path / "h")
    assert done.exit_code == 1
    lines = [line for line in done.output.splitlines() if line.startswith("- ")]
    assert len(lines) == 2
    assert "origins 2030, 2031: give years from 1995" in done.output
    assert "keep it" in done.output


def test_a_plan_that_is_no_plan_is_told_line_by_line(tmp_path):
    (tmp_path / "plan.yaml").write_text("name: x\nspeed: 9\n")
    done = gridflops("sweep", tmp_path / "plan.yaml", "--dry-run")
    assert done.exit_code == 1
    lines = [line for line in done.output.splitlines() if line.startswith("- ")]
    assert len(lines) == 5
    assert sum("is missing" in line for line in lines) == 4


def test_a_broken_run_is_named_once(tmp_path):
    result = estimate(grids.open_grid(), scenarios.load(["reference"]), years=[2025], draws=1, seed=1)
    run_folder.write_result(result, tmp_path / "result.nc")
    (tmp_path / writing.RUN_MARK).write_text('{"grid_sha256": "x"}')
    for text, words in ((f"{tmp_path}::other", "holds no scenario 'other'"), (str(tmp_path), "cannot be read")):
        with pytest.raises(CapacityError, match=words) as caught:
            compare.read(text)
        assert str(caught.value).count("run it again") <= 1
        (tmp_path / "result.nc").write_bytes((tmp_path / "result.nc").read_bytes()[:5000])


def test_a_folder_in_the_place_of_hourly_demand_is_called_so(tmp_path):
    done = gridflops("validate", "duke", tmp_path)
    assert done.exit_code == 1
    assert "is a folder" in done.output


def test_json_says_none_where_a_number_never_ends():
    told = finite({"a": [1.0, float("inf")], "b": ({"c": float("nan")}, "text", 2)})
    assert told == {"a": [1.0, None], "b": [{"c": None}, "text", 2]}
