"""Published figures beside ours: bands, tolerances, misses, and figures that nothing computes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from grid_factory import tiny_grid

from capacity.cli import main
from capacity.errors import CapacityError
from capacity.validate import datacenter_stock, measures, published
from capacity.validate.measures import Run
from capacity.validate.published import Published, compare
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
    assert load_row.ours == pytest.approx(100.0 + 87.6 / 2), "what came during the year counts for half of it"
    chip = next(v for v in measures.vintages() if v.name == measures.SHIPPING_NOW)
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
        "lbnl_us_dc_2014", "lbnl_us_dc_2018", "lbnl_us_dc_2023", "lbnl_us_dc_2028", "iea_us_dc_2024",
        "iea_us_dc_2030", "iea_cn_dc_2024", "iea_cn_dc_2030", "epoch_us_stock_2025", "epoch_aligned_stock_2025",
        "epoch_w_per_h100e_us", "epoch_gpu_share", "epoch_largest_run_2030",
        "aeo_us_load_2030", "cec_cn_load_2025", "duke_half_percent",
    } <= named  # fmt: skip
    assert len(named) == len(published.figures())
    assert all(entry.measure for entry in published.figures()), "every figure of the list is computed"


def test_a_miss_says_what_it_comes_from(run):
    rows = compare(run, [figure(value=80.0, miss="scope"), figure(value=99.0, miss="scope")])
    assert [(row.verdict, row.miss, row.in_band) for row in rows] == [
        ("misses", "scope", False),
        ("agrees", None, True),
    ]


def test_figures_about_one_accelerator_and_about_stocks(run):
    chip = next(v for v in measures.vintages() if v.name == "NVIDIA GB200")
    row, stock = compare(
        run,
        [
            figure(measure="chip_w_per_h100e", chip="NVIDIA GB200", unit="W"),
            figure(measure="aligned_stock_million", unit="million H100e", year=2025),
        ],
    )
    assert (
        chip.it_power_per_accelerator_w.p5 / chip.h100e <= row.ours <= chip.it_power_per_accelerator_w.p95 / chip.h100e
    )
    assert 15 < stock.ours < 25
    with pytest.raises(ValueError, match="unknown accelerator"):
        figure(chip="NVIDIA GB2")


def test_data_centres_before_the_model_are_counted_from_below(run):
    draws = run.draws
    at = {name: datacenter_stock.quantity("US", name, 2014, draws) for name in ("servers", "server_power", "pue")}
    more = datacenter_stock.quantity("US", "storage_and_network", 2014, draws)
    by_hand = at["servers"] * 1e6 * at["server_power"] * more * at["pue"] * 8760 / 1e12
    np.testing.assert_allclose(datacenter_stock.other_twh("US", 2014, draws), by_hand, rtol=1e-12)
    assert (datacenter_stock.all_twh("US", 2014, draws) > by_hand).all(), "accelerators come on top"
    old, between, new = (datacenter_stock.quantity("US", "servers", year, draws) for year in (2014, 2016, 2018))
    np.testing.assert_allclose(between, np.sqrt(old * new), rtol=1e-12)
    grown = datacenter_stock.other_twh("CN", 2026, draws) / datacenter_stock.other_twh("CN", 2024, draws)
    np.testing.assert_allclose(grown, (1 + datacenter_stock.quantity("CN", "growth", 2024, draws)) ** 2, rtol=1e-12)


def test_a_level_after_2024_is_what_stood_and_what_is_new(run):
    (row,) = compare(run, [figure(measure="all_dc_twh")])
    draws = run.draws
    stood = datacenter_stock.other_twh("US", 2030, draws) + datacenter_stock.base_ai_twh("US", draws)
    assert row.ours == pytest.approx(float(np.median(stood)) + 87.6 / 2)


def test_a_count_without_a_distribution_or_of_nothing_known_is_refused(tmp_path):
    good = (
        "- {country: US, quantity: servers, year: 2014, unit: million, value: {kind: uniform, min: 1, max: 2}, "
        "label: J, source: s}\n"
    )
    file = tmp_path / "stock.yaml"
    file.write_text(good)
    assert datacenter_stock.read(file)[0].year == 2014
    for broken, word in (
        (good.replace("{kind: uniform, min: 1, max: 2}", "14"), "distribution"),
        (good.replace("servers", "abacuses"), "unknown quantity"),
        (good.replace("label: J, ", ""), "label"),
    ):
        file.write_text(broken)
        with pytest.raises(CapacityError, match=word):
            datacenter_stock.read(file)


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
