"""What the hindcast's shipping rule says of supply reaches every result that rests on it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from capacity import compare, open_result
from capacity.cli import main
from capacity.output import report
from capacity.supply import hindcast_flags
from capacity.supply.experts import TREND_OF
from capacity.supply.experts_data import UNTESTED, VERDICTS, read_experts
from capacity.supply.hindcast_flags import ATTRIBUTE, VARIABLE


def gridflops(*arguments):
    done = CliRunner().invoke(main, [str(a) for a in arguments])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def run(grid_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "one"
    printed = gridflops("run", "reference", "--years", "2025", "--draws", 2, "--grid", grid_file, "--out", out)
    return out, printed


def flagged_records():
    return {key: record for key, record in read_experts().items() if record.flags and key[1] in TREND_OF.values()}


def test_there_is_something_to_flag_and_something_to_leave_alone():
    flagged = flagged_records()
    assert ("US", "coal") in flagged
    assert "us-states" in flagged["US", "coal"].flags
    assert ("US", "wind") not in flagged


def test_a_run_says_every_flag_in_file_table_and_summary(run):
    out, printed = run
    with open_result(out / "result.nc") as result:
        lines = hindcast_flags.of_result(result)
        assert len(lines) == len(flagged_records())
        for (country, series), record in flagged_records().items():
            (line,) = [line for line in lines if line.startswith(f"{country} {series}: ")]
            assert all(text in line for text in record.flags.values())
            assert f"Supply flagged by the hindcast: {line}" in printed
        codes, attrs = result[VARIABLE], result[VARIABLE].attrs
        assert attrs["flag_meanings"].split() == list(VERDICTS)
        assert attrs["flag_values"].dtype == codes.dtype
        assert VERDICTS[int(codes.sel(country="US", technology="coal"))] == "worse_than_naive_drift"
        assert VERDICTS[int(codes.sel(country="US", technology="battery"))] == UNTESTED
        assert VERDICTS[int(codes.sel(country="US", technology="wind"))] == "complies"
        summary = report.summary(result).set_index("country")["flagged_supply"]
    assert "coal" in summary["US"].split()
    assert "wind" not in summary["US"].split()
    assert "battery" not in summary["US"].split()
    assert "flagged_supply" in (out / "summary.csv").read_text(encoding="utf-8").splitlines()[0]


def test_a_run_without_a_flag_says_nothing(monkeypatch):
    monkeypatch.setattr(hindcast_flags, "read_experts", dict)
    assert hindcast_flags.lines(["US", "CN"]) == []
    assert hindcast_flags.of_result(xr.Dataset(attrs=hindcast_flags.attribute(["US"]))) == []
    assert hindcast_flags.flagged(xr.Dataset(), "US") == ""


def test_comparisons_carry_the_flags_and_name_the_runs_that_have_them(run, tmp_path):
    out, _ = run
    (sample,) = compare.read(str(out))
    assert len(sample.flags) == len(flagged_records())
    told = json.loads(gridflops("compare", out, out, "--json"))
    assert set(told["hindcast_flags"]) == set(sample.flags)
    printed = gridflops("compare", out, out)
    assert f"Supply flagged by the hindcast: {sample.flags[0]}" in printed
    older = sample.__class__(**(vars(sample) | {"run": "older", "flags": ()}))
    assert compare.flags([sample, older])[sample.flags[0]] == [str(out)]


def test_a_projection_is_flagged_by_country_and_on_the_cells(grid_file, tmp_path):
    printed = gridflops(
        "project", "--where", "US", "--years", "2025-2030", "--draws", 4, "--grid", "--grid-file", grid_file,
        "--out", tmp_path,
    )  # fmt: skip
    assert "flagged by the hindcast: coal: " in printed
    with xr.open_dataset(tmp_path / "supply.nc") as one, xr.open_dataset(tmp_path / "supply_cells.nc") as cells:
        assert all(line.startswith("US ") for line in one.attrs[ATTRIBUTE].split("\n"))
        rows = cells[VARIABLE].sel(country="US")
        np.testing.assert_array_equal(one[VARIABLE].to_numpy(), rows.to_numpy())
        assert cells[VARIABLE].dtype.kind == "i"
        assert "CN nuclear: " in cells.attrs[ATTRIBUTE]
