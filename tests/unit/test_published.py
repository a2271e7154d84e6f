"""Published figures beside ours: bands, tolerances, misses, and figures that nothing computes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from grid_factory import tiny_grid

from capacity import published
from capacity.cli import main
from capacity.errors import CapacityError
from capacity.published import Published, Run, compare
from scenarios import load


def figure(**changed: object) -> Published:
    plain: dict[str, object] = {
        "id": "x", "what": "A figure", "country": "US", "year": 2030, "unit": "TWh", "value": 100.0, "tolerance": 0.1,
        "measure": "supply_twh", "publisher": "P", "published": 2025, "source": "S", "label": "F", "why": "w",
    }  # fmt: skip
    return Published(**(plain | changed))


@pytest.fixture
def run() -> Run:
    """Eleven draws of 95 to 105 TWh of US supply in 2030; 87.6 TWh of new data centres."""
    drawn = np.linspace(95e6, 105e6, 11)
    values = np.stack([drawn, 2 * drawn])[None, :, :, None]
    dims = ("scenario", "country", "draw", "year")
    coords = {"scenario": ["reference"], "country": ["US", "CN"], "draw": np.arange(11), "year": [2030]}
    data = {
        "supply_mwh": (dims, values),
        "load_mwh": (dims, values),
        "operated_mwh": (dims, np.full((1, 2, 11, 1), 87.6e6)),
        "hostable_mw": (dims, np.full((1, 2, 11, 1), 1.5)),
        "it_power_mw": (dims, np.full((1, 2, 11, 1), 1.0)),
    }
    return Run(xr.Dataset(data, coords, {"seed": np.uint64(1)}), load(["reference"])[0])


def test_median_band_and_difference_of_one_figure(run):
    (row,) = compare(run, [figure(value=80.0)])
    assert row.ours == pytest.approx(100.0)
    assert (row.low, row.high) == pytest.approx((95.5, 104.5))
    assert row.difference == pytest.approx(0.25)
    assert row.verdict == "misses"


@pytest.mark.parametrize(
    ("changed", "verdict", "difference"),
    [
        ({"value": 91.0}, "agrees", 100 / 91 - 1),
        ({"value": 110.1}, "misses", 100 / 110.1 - 1),
        ({"value": None, "low": 90.0, "high": 101.0}, "agrees", 0.0),
        ({"value": None, "low": 120.0, "high": 130.0}, "misses", 100 / 120 - 1),
        ({"value": 240.0, "tolerance": 1.5}, "agrees", 100 / 240 - 1),
    ],
)
def test_tolerance_is_a_factor_either_way(run, changed, verdict, difference):
    (row,) = compare(run, [figure(**changed)])
    assert row.verdict == verdict
    assert row.difference == pytest.approx(difference)


def test_what_is_not_modelled_or_not_at_hand_has_no_number(run):
    rows = compare(run, [figure(measure=None), figure(year=2031), figure(measure="operated_gw")])
    assert [row.verdict for row in rows] == ["not modelled", "no data", "no data"]
    assert all(row.ours is None and row.difference is None for row in rows)


def test_measures_with_a_formula(run):
    load_row, share = compare(run, [figure(measure="load_with_dc_twh"), figure(measure="chip_share_percent", unit="%")])
    assert load_row.ours == pytest.approx(100.0 + 87.6)
    chip = next(v for v in published.vintages() if published.SHIPPING_NOW in v.name)
    assert share.ours == pytest.approx(
        100 * chip.accelerator_tdp_w / chip.it_power_per_accelerator_w.median / 1.5, rel=1e-12
    )


def test_duke_totals_come_from_a_headroom_dataset(run):
    headroom = xr.Dataset(
        {"headroom_mw": (("authority", "share", "period"), np.array([[[40e3]], [[50e3]]]))},
        {"authority": ["A", "B"], "share": [0.005], "period": ["pooled"]},
    )
    (row,) = compare(Run(run.result, run.scenario, headroom), [figure(measure="duke_gw", argument=0.005, unit="GW")])
    assert row.ours == pytest.approx(90.0)


def test_the_file_is_sound_and_covers_what_was_asked_for():
    named = {entry.id for entry in published.figures()}
    assert {
        "lbnl_us_dc_2014", "lbnl_us_dc_2018", "lbnl_us_dc_2023", "lbnl_us_dc_growth_2028", "iea_us_dc_2024",
        "iea_us_dc_growth_2030", "iea_cn_dc_2024", "iea_cn_dc_growth_2030", "epoch_us_stock_2025",
        "epoch_w_per_h100e_us", "epoch_gpu_share", "epoch_largest_run_2030",
        "aeo_us_load_2030", "cec_cn_load_2025", "duke_half_percent",
    } <= named  # fmt: skip
    assert len(named) == len(published.figures())


def test_a_figure_without_a_label_or_with_two_values_is_refused(tmp_path):
    good = (
        "- {id: a, what: w, country: US, year: 2030, unit: GW, value: 1.0, tolerance: 0.1, measure: null, "
        "publisher: p, published: 2025, source: s, label: F, why: y}\n"
    )
    file = tmp_path / "published.yaml"
    file.write_text(good)
    assert published.read(file)[0].span == (1.0, 1.0)
    for broken, word in (
        (good.replace("label: F, ", ""), "label"),
        (good.replace("value: 1.0", "value: 1.0, low: 0.5, high: 2.0"), "either value"),
        (good.replace("measure: null", "measure: magic"), "magic"),
    ):
        file.write_text(broken)
        with pytest.raises(CapacityError, match=word):
            published.read(file)


def test_national_totals_keep_their_verdict():
    rows = published.national(tiny_grid())
    assert rows
    assert {row.verdict for row in rows} <= set(published.VERDICTS)


@pytest.mark.parametrize("command", [["validate"], ["validate", "figures"]])
def test_command_prints_every_figure(command, monkeypatch):
    monkeypatch.setattr("grids.open_grid", lambda path=None: tiny_grid())
    extra = ["--draws", "3"] if len(command) > 1 else []
    done = CliRunner().invoke(main, [*command, *extra], catch_exceptions=False)
    assert done.exit_code == 0
    for entry in published.figures():
        assert entry.id in done.output


def test_command_as_json(monkeypatch):
    monkeypatch.setattr("grids.open_grid", lambda path=None: tiny_grid())
    done = CliRunner().invoke(main, ["validate", "figures", "--draws", "3", "--json"], catch_exceptions=False)
    said = json.loads(done.output)
    assert said["draws"] == 3
    assert {row["id"] for row in said["figures"]} == {entry.id for entry in published.figures()}
    assert {row["label"] for row in said["figures"]} <= set("FPRJ")
