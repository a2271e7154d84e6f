"""`gridflops compare`: pairs of draws, their differences, and runs that have no pairs."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from capacity import compare
from capacity.cli import main
from capacity.errors import CapacityError
from capacity.output import run_folder

YEARS = np.array([2029, 2030])


def _result(scenarios, draws, seed=7, *, deployed=True, shift=0.0, years=YEARS, exchange="island"):
    """A result as `gridflops run` writes it, cut down to what is compared; made-up numbers."""
    ids = np.arange(draws) if isinstance(draws, int) else np.asarray(draws)
    rng = np.random.default_rng(1)
    base = 1e3 * rng.uniform(1.0, 50.0, (1, len(years), len(ids), 2))
    step = np.arange(len(scenarios))[:, None, None, None]
    dims = ("scenario", "year", "draw", "country")
    hostable = base * (1.0 + 0.1 * step) + 1e3 * shift
    data = {"hostable_mw": (dims, hostable), "h100e": (dims, 1e3 * hostable)}
    if deployed:
        data |= {"deployed_mw": (dims, 0.5 * hostable), "deployed_h100e": (dims, 100.0 * hostable)}
    coords = {"scenario": list(scenarios), "year": years, "draw": ids, "country": ["US", "CN"]}
    attrs = {
        "seed": np.uint64(seed), "adequacy": "firm_capacity", "exchange": exchange, "gridflops_version": "0"
    }  # fmt: skip
    return xr.Dataset(data, coords=coords, attrs=attrs)


@pytest.fixture
def write(tmp_path):
    def _write(name, *arguments, zarr=False, **options):
        folder = tmp_path / name
        folder.mkdir()
        result = _result(*arguments, **options)
        run_folder.write_result(result, folder / ("result.zarr" if zarr else "result.nc"))
        (folder / "manifest.json").write_text('{"grid_sha256": "abc"}', encoding="utf-8")
        return str(folder)

    return _write


def gridflops(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_paired_differences_are_those_of_the_draws(write):
    first, second = write("one", ["reference"], 40), write("two", ["other"], 40, shift=2.0)
    done = gridflops("compare", first, second, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert told["paired"] is True
    assert told["differ_also_in"] == {}
    rows = told["differences"]
    assert len(rows) == 4 * 2 * 2
    row = next(r for r in rows if (r["variable"], r["country"], r["year"]) == ("deployed_mw", "CN", 2030))
    drawn = 0.5e-3 * _result(["reference"], 40)["hostable_mw"].sel(country="CN", year=2030).to_numpy()[0]
    assert row["first_median"] == pytest.approx(np.median(drawn))
    assert row["second_median"] == pytest.approx(np.median(drawn) + 1.0)
    assert row["difference_median"] == pytest.approx(1.0)
    assert row["difference_mean"] == pytest.approx(1.0)
    assert row["difference_mean_se"] == pytest.approx(0.0, abs=1e-12)
    assert (row["first_higher_share"], row["equal_share"], row["unit"]) == (0.0, 0.0, "GW")


def test_the_standard_error_is_that_of_the_differences(write):
    folder = write("both", ["reference", "other"], 50)
    done = gridflops("compare", f"{folder}::other", f"{folder}::reference", "--json")
    row = json.loads(done.output)["differences"][0]
    hostable = 1e-3 * _result(["reference", "other"], 50)["hostable_mw"].isel(country=0, year=0)
    difference = (hostable[0] - hostable[1]).to_numpy()
    assert row["difference_mean"] == pytest.approx(difference.mean())
    assert row["difference_mean_se"] == pytest.approx(difference.std(ddof=1) / np.sqrt(50))
    assert row["first_higher_share"] == 1.0
    assert row["first"] == f"{folder}::other"


def test_runs_with_several_scenarios_meet_by_name_and_the_first_is_the_yardstick(write):
    one = write("one", ["reference", "a"], 8)
    two, three = write("two", ["a", "b"], 8, exchange="network"), write("three", ["b", "reference"], 8, zarr=True)
    done = gridflops("compare", one, two, three)
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert f"{two}::a minus {one}::a, draw by draw" in said
    assert f"{three}::reference minus {one}::reference, draw by draw" in said
    assert "The runs differ in exchange as well: island, network" in done.output


def test_one_draw_has_no_standard_error_and_says_so(write):
    one, two = write("one", ["reference"], 1), write("two", ["reference"], 1)
    done = gridflops("compare", one, two)
    assert done.exit_code == 0, done.output
    assert "nan" not in done.output
    rows = json.loads(gridflops("compare", one, two, "--json").output)["differences"]
    assert {row["difference_mean_se"] for row in rows} == {None}


def test_what_only_one_run_has_is_left_out(write):
    one = write("one", ["reference"], 8, deployed=False)
    two = write("two", ["reference"], 8, years=np.array([2030, 2031]))
    rows = json.loads(gridflops("compare", one, two, "--json").output)["differences"]
    assert {row["variable"]: (row["what"], row["unit"]) for row in rows} == {
        "hostable_mw": ("hostable load", "GW"),
        "h100e": ("hostable compute", "million H100e"),
    }
    assert {row["year"] for row in rows} == {2030}
    late = write("late", ["reference"], 8, years=np.array([2035]))
    done = gridflops("compare", one, late)
    assert done.exit_code == 1
    assert f"{one} and {late} have no variable, country and year in common" in done.output


@pytest.mark.parametrize(
    ("draws", "seed", "said"),
    [
        (9, 7, "draws 0 to 7 and 0 to 8"),
        (8, 8, "seeds 7 and 8"),
        ([0, 2, 4, 5, 6, 7, 8, 9], 8, "seeds 7 and 8; draws 0 to 7 and 8 from 0 to 9, some left out"),
    ],
)
def test_runs_without_pairs_are_refused_and_compared_when_asked(write, draws, seed, said):
    one, two = write("one", ["reference"], 8), write("two", ["reference"], draws, seed)
    done = gridflops("compare", one, two)
    assert done.exit_code == 1
    assert f"{one} and {two} do not share their random numbers ({said})" in done.output
    assert "--unpaired" in done.output
    done = gridflops("compare", one, two, "--unpaired", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert told["paired"] is False
    assert all(row["difference_mean_se"] > 0.0 for row in told["differences"])


def test_one_draw_has_no_standard_error(write):
    one, two = write("one", ["reference"], 1), write("two", ["reference"], 1, shift=1.0)
    rows = json.loads(gridflops("compare", one, two, "--json").output)["differences"]
    assert all(row["difference_mean_se"] is None for row in rows)
    assert gridflops("compare", one, two).exit_code == 0


def test_wrong_runs_are_named(write, tmp_path):
    one, two = write("one", ["reference", "a"], 4), write("two", ["b"], 4)
    for asked, said in (
        ((one,), "give at least two runs"),
        ((one, tmp_path), "is no folder that gridflops run wrote"),
        ((one, f"{two}::c"), "holds no scenario 'c'; it holds b"),
        ((one, two), f"{one} holds reference/a and {two} holds b: none in common"),
    ):
        done = gridflops("compare", *asked)
        assert done.exit_code != 0
        assert said in done.output
    (tmp_path / "two" / "result.nc").write_bytes(b"no such thing")
    with pytest.raises(CapacityError, match="cannot be read"):
        compare.read(two)


numbers = st.floats(-1e3, 1e3, allow_subnormal=False).map(lambda x: round(x, 1))


@settings(max_examples=60, deadline=None)
@given(x=arrays(np.float64, st.integers(2, 12), elements=numbers), y=arrays(np.float64, 7, elements=numbers))
def test_unpaired_shares_are_those_of_all_pairs(x, y):
    found = compare._unpaired(x, y)
    assert found["first_higher_share"] == pytest.approx((x[:, None] > y[None, :]).mean())
    assert found["equal_share"] == pytest.approx((x[:, None] == y[None, :]).mean())
    turned = compare._unpaired(y, x)
    assert turned["difference_mean"] == pytest.approx(-found["difference_mean"])
    assert turned["difference_mean_se"] == pytest.approx(found["difference_mean_se"])
    lower = 1.0 - found["first_higher_share"] - found["equal_share"]
    assert turned["first_higher_share"] == pytest.approx(lower, abs=1e-12)
