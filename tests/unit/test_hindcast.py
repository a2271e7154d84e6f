"""Forecasts of the past: nothing later than the origin goes in, scores are exact, weights are shares."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from capacity.errors import CapacityError
from capacity.hindcast import baselines, displacement, experts, outlooks, rolling, scores, shares, shipping, weights
from capacity.hindcast.mixture import crps, pit, pool, quantile, single
from capacity.hindcast.panel import Panel, read_panel
from capacity.hindcast.tuning import Forecaster
from capacity.supply.experts_data import TAILS, held, read_experts
from grids.history import history_hash, open_history


@pytest.fixture(scope="module")
def history():
    return open_history()


def small_panel(series: str = "wind", seed: int = 3, entities: int = 25, years: int = 30) -> Panel:
    """Random walks with drift; shares of a total that grows slowly."""
    generator = np.random.default_rng(seed)
    total = 100.0 * np.exp(np.cumsum(generator.normal(0.02, 0.02, (entities, years)), axis=1))
    level = 1.0 * np.exp(np.cumsum(generator.normal(0.05, 0.06, (entities, years)), axis=1))
    names = tuple(f"E{i:02d}" for i in range(entities))
    least = (0.1, 1.0)
    return Panel(names, np.arange(1990, 1990 + years), level, total, 0.5 * level, least, series, "us_state", "TWh")


@pytest.mark.parametrize("series", ["total", "wind", "coal"])
def test_nothing_after_the_origin_changes_a_forecast(series):
    """Outcomes, totals and renewables after the origin are replaced by nonsense: every bit stays."""
    panel, origin = small_panel(series), 2010
    after = panel.years > origin
    generator = np.random.default_rng(99)
    spoilt = replace(
        panel,
        **{
            name: np.where(after, generator.uniform(0.0, 1e6, panel.level.shape), getattr(panel, name))
            for name in ("level", "total", "renewables")
        },
    )
    first, learnt, _ = Forecaster(panel, 8, 1995).forecast(origin)
    second, again, _ = Forecaster(spoilt, 8, 1995).forecast(origin)
    for left, right in zip(first, second, strict=True):
        assert_array_equal(left, right)
    assert learnt.setting == again.setting
    assert_array_equal(learnt.weight, again.weight)
    assert_array_equal(learnt.own_factor, again.own_factor)


def test_a_change_before_the_origin_does_change_it():
    panel = small_panel()
    level = panel.level.copy()
    level[:, 15] *= 1.3
    first = Forecaster(panel, 5, 1995).forecast(2010)[0]
    second = Forecaster(replace(panel, level=level), 5, 1995).forecast(2010)[0]
    assert not np.array_equal(first.mean, second.mean)


@pytest.mark.parametrize("name", rolling.FAST)
def test_baselines_know_only_the_past(name):
    panel = small_panel()
    known = panel.until(2010)
    assert known.years[-1] == 2010
    forecast = getattr(baselines, name)(known, 6)
    assert (np.diff(forecast.spread[0], axis=1) > 0).all()


@settings(max_examples=25, deadline=None)
@given(
    means=st.lists(st.floats(-2, 2), min_size=2, max_size=2),
    spreads=st.lists(st.floats(0.05, 2), min_size=2, max_size=2),
    share=st.floats(0.05, 0.95),
    outcome=st.floats(-4, 4),
)
def test_crps_of_a_mixture_is_that_of_its_samples(means, spreads, share, outcome):
    weights = [np.array(1 - share), np.array(share)]
    parts = [single(np.array([m]), np.array([s])) for m, s in zip(means, spreads, strict=True)]
    forecast = pool(parts, weights)
    grid = np.linspace(-25.0, 25.0, 40001)
    below = pit(forecast, grid)
    step = (grid >= outcome).astype(float)
    want = np.trapezoid((below - step) ** 2, grid)
    assert_allclose(crps(forecast, np.array([outcome]))[0], want, atol=2e-3)


@settings(max_examples=25, deadline=None)
@given(level=st.floats(0.01, 0.99), mean=st.floats(-3, 3), spread=st.floats(0.01, 3), share=st.floats(0, 1))
def test_quantile_inverts_pit(level, mean, spread, share):
    parts = [single(np.array([mean]), np.array([spread])), single(np.array([0.0]), np.array([1.0]))]
    forecast = pool(parts, [np.array(share), np.array(1 - share)])
    assert_allclose(pit(forecast, quantile(forecast, level)), level, atol=1e-6)


def test_a_calibrated_forecast_scores_as_calibrated():
    generator = np.random.default_rng(0)
    outcome = generator.normal(0.0, 0.3, 20000)
    share = pit(single(np.zeros(20000), np.full(20000, 0.3)), outcome)
    assert abs((np.abs(share - 0.5) < 0.45).mean() - 0.9) < 0.01
    wide = crps(single(np.zeros(20000), np.full(20000, 0.6)), outcome).mean()
    assert crps(single(np.zeros(20000), np.full(20000, 0.3)), outcome).mean() < wide


def test_weights_of_a_pool_sum_to_one_and_leave_a_part_to_each():
    forecaster = Forecaster(small_panel(), 8, 1995)
    forecast, learnt, raw = forecaster.forecast(2012)
    assert_allclose(forecast.weight.sum(axis=0), 1.0)
    assert_allclose(learnt.weight.sum(axis=0), 1.0)
    trust = 17 / (17 + shares.ORIGINS_TO_TRUST)  # as many origins with outcomes as there are from 1995 to 2011
    assert (
        learnt.weight >= (1.0 - trust) * shares.standing(("trend", "diffusion", "smoothing"))[:, None] - 1e-12
    ).all()
    assert ((learnt.own_factor > 0.0) & (learnt.own_factor <= 1.0)).all()
    assert forecast.mean.shape[1:] == (len(raw.rows), 8)
    for blend in learnt.setting.values():
        assert sum(weight for weight, _ in blend) == pytest.approx(1.0)


def test_weights_of_the_pool_are_the_best_on_a_fine_grid():
    """Three experts, scored as a pool of nine normals, against the quadratic form that the fit uses."""
    generator = np.random.default_rng(4)
    outcome = generator.normal(0.0, 0.3, 300)
    parts = [single(outcome + generator.normal(0.1 * i, 0.2 + 0.1 * i, 300), np.full(300, 0.2)) for i in range(3)]
    found = shares.fitted(parts, outcome)

    def score(weight):
        return crps(pool(parts, [np.array(w) for w in weight]), outcome).mean()

    best = min(
        ((a / 20, b / 20, (20 - a - b) / 20) for a in range(21) for b in range(21 - a)), key=score
    )  # fmt: skip
    assert_allclose(found, best)
    assert_allclose(shares.trusted(found, shares.standing(("trend", "diffusion", "smoothing")), 0), [0.25, 0.5, 0.25])
    assert_allclose(shares.standing(("trend", "smoothing")), 0.5)


def test_an_entity_without_a_record_of_its_own_gets_the_weights_of_all():
    error = np.array([[0.0, 30.0, 30.0], [0.0, 60.0, 60.0]])
    factor = shares.own_factors(error, np.array([0.0, 20.0, 80.0]))
    assert_allclose(factor[:, 0], 1.0)
    assert factor[1, 2] < factor[1, 1] < factor[0, 1] == factor[0, 2] == 1.0


def test_diffusion_slows_as_its_share_rises():
    panel = small_panel("solar")
    small, large = replace(panel, level=0.05 * panel.level), replace(panel, level=12.0 * panel.level)
    setting = experts.Diffusion(1.0, 0.0, 1.0)
    slow, fast = (experts.diffusion_path(p.until(2010), setting, 15)[:, -1].mean() for p in (large, small))
    assert slow < fast
    share = (
        large.level[:, 20] / large.total[:, 20] * np.exp(experts.diffusion_path(large.until(2010), setting, 15)[:, -1])
    )
    assert np.isfinite(share).all()


def test_displacement_learns_that_renewables_push_coal_out():
    panel = small_panel("coal", entities=60)
    green = np.linspace(0.0, 0.4, 60)[:, None] * panel.total
    pushed = panel.level * np.exp(-0.3 * np.linspace(0.0, 0.4, 60)[:, None] * np.arange(30))
    path = displacement.displacement_path(replace(panel, level=pushed, renewables=green).until(2012), 6)
    assert path[-10:, -1].mean() < path[:10, -1].mean()


def test_shipping_rule_widens_a_forecast_that_is_too_narrow(history, monkeypatch):
    request = rolling.Request(("us-states",), ("hydro",), (2013, 2015), 4, rolling.FAST)
    table = rolling.hindcast(history, request)
    assert shipping.verdict(history, request, "us-states", "hydro", table).factor == 1.0
    narrow = Forecaster.forecast

    def too_narrow(self, origin):
        forecast, learnt, raw = narrow(self, origin)
        return forecast.widened(0.2), learnt, raw

    monkeypatch.setattr(Forecaster, "forecast", too_narrow)
    table = rolling.hindcast(history, request)
    ruling = shipping.verdict(history, request, "us-states", "hydro", table)
    assert ruling.factor > 1.5
    assert ruling.flag
    assert 0.80 <= ruling.coverage_90 <= 0.98


def test_one_country_is_widened_for_itself_and_never_narrowed(history, monkeypatch):
    """Bands too narrow for one entity grow until they hold enough; bands too wide stay and are flagged."""
    request = rolling.Request(("us-states",), ("hydro",), (2013, 2015), 4, rolling.FAST)
    honest = Forecaster.forecast

    def scaled(factor):
        def forecast(self, origin):
            pooled, learnt, raw = honest(self, origin)
            return pooled.widened(factor), learnt, raw

        monkeypatch.setattr(Forecaster, "forecast", forecast)
        table = rolling.hindcast(history, request)
        return shipping.verdict(history, request, "us-states", "hydro", table, "US-WA")

    narrow, wide = scaled(0.1), scaled(1.0)
    assert narrow.factor > 1.5
    assert narrow.coverage_90 >= 0.80
    assert narrow.flag
    assert (wide.kind, wide.factor) == ("wide_bands", 1.0)
    assert wide.flag


def test_a_centre_worse_than_naive_drift_is_widened_only_until_its_bands_comply(history):
    """US coal, whatever the width: the flag says so, and its bands hold at least what they must."""
    request = rolling.Request(("countries",), ("coal",), (2014, 2018), 8, rolling.FAST)
    table = rolling.hindcast(history, request)
    ruling = shipping.verdict(history, request, "countries", "coal", table, "USA")
    assert ruling.kind == "worse_than_naive_drift"
    assert ruling.crps_over_naive > 1.0
    assert 0.80 <= ruling.coverage_90 <= 0.98
    flags = shipping.flags(history, request, table)
    assert flags["USA coal"] == ruling.flag


def weights_in_use() -> dict[str, object]:
    text = files("capacity").joinpath("data", "experts.json").read_text(encoding="utf-8")
    return json.loads(text)


def assert_same(found, stored, place=""):
    """Same form; numbers to a few units of the sixth digit, for another library may round otherwise."""
    if isinstance(stored, dict):
        assert found.keys() == stored.keys(), place
        for key in stored:
            assert_same(found[key], stored[key], f"{place}.{key}")
    elif isinstance(stored, list):
        assert len(found) == len(stored), place
        for i, (left, right) in enumerate(zip(found, stored, strict=True)):
            assert_same(left, right, f"{place}[{i}]")
    elif isinstance(stored, float):
        assert found == pytest.approx(stored, rel=1e-4, abs=2e-6), place
    else:
        assert found == stored, place


def test_the_weights_in_use_are_what_the_command_writes(history):
    """One series in full, as `gridflops hindcast --write-weights` makes it, rules included."""
    request = rolling.Request(tuple(rolling.SCOPES), ("nuclear",), tuple(range(2012, 2023)), 10, ("naive_drift",))
    made = weights.earned(history, request, rolling.hindcast(history, request))
    stored = weights_in_use()
    assert_same(made["series"]["nuclear"], stored["series"]["nuclear"])
    assert_same(made["about"], stored["about"])


def without_rules(entry):
    """What the experts learnt, without what the shipping rule says, which takes the whole hindcast."""
    if not isinstance(entry, dict):
        return entry
    return {key: without_rules(value) for key, value in entry.items() if key not in ("rule", "areas")}


@pytest.mark.slow
def test_everything_learnt_in_use_is_what_the_command_learns(history, monkeypatch):
    said = shipping.Verdict(1.0, "complies", None, 1.0, 0.9)
    monkeypatch.setattr(weights, "verdict", lambda *arguments: said)
    request = rolling.Request(tuple(rolling.SCOPES), rolling.SERIES, tuple(range(2012, 2023)), 10, ("naive_drift",))
    made = weights.earned(history, request, pd.DataFrame({"scope": [], "series": []}))
    assert_same(without_rules(made), without_rules(weights_in_use()))


def test_weights_need_every_scope(history):
    request = rolling.Request(("us-states",), ("nuclear",), (2015,), 3, rolling.FAST)
    with pytest.raises(CapacityError, match="countries, us-states-capacity, cn-provinces"):
        weights.earned(history, request, rolling.hindcast(history, request))


def test_finished_parts_are_taken_up_again_and_only_by_the_same_question(history, tmp_path, monkeypatch):
    """Same request: nothing is worked out twice and no bit differs. Another origin, or a record changed: anew."""
    request = rolling.Request(("us-states",), ("hydro",), (2015,), 3, rolling.FAST)
    first = rolling.hindcast(history, request, kept=tmp_path)
    (part,) = tmp_path.iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(Forecaster, "forecast", lambda self, origin: pytest.fail("worked out again"))
        again = rolling.hindcast(history, request, kept=tmp_path)
        for other in (replace(request, origins=(2014,)), replace(request, horizon=4)):
            with pytest.raises(pytest.fail.Exception, match="again"):
                rolling.hindcast(history, other, kept=tmp_path)
        with pytest.raises(pytest.fail.Exception, match="again"):
            rolling.hindcast(history.assign(generation_twh=history["generation_twh"] * 1.01), request, kept=tmp_path)
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    part.write_bytes(part.read_bytes()[:300])
    pd.testing.assert_frame_equal(first, rolling.hindcast(history, request, kept=tmp_path), check_exact=True)


GOLDEN = {"solar": (0.325, 1.0), "wind": (0.399, 0.933)}
"""CRPS over naive drift, 90 % coverage; origin 2014, horizons 1 to 8."""


def test_golden_scores_of_held_out_origins(history):
    """CRPS over naive drift and coverage on one origin each; figures of this version, tolerance for libraries."""
    request = rolling.Request(("countries",), ("solar", "wind"), (2014,), 8, rolling.FAST)
    found = {(r["series"], r["model"]): r for r in scores.summary(rolling.hindcast(history, request))}
    assert found["solar", "naive_drift"]["crps_over_naive"] == pytest.approx(1.0)
    assert found["solar", "pooled"]["crps_over_naive"] == pytest.approx(GOLDEN["solar"][0], abs=0.01)
    assert found["wind", "pooled"]["crps_over_naive"] == pytest.approx(GOLDEN["wind"][0], abs=0.01)
    assert found["solar", "pooled"]["coverage_90"] == pytest.approx(GOLDEN["solar"][1], abs=0.02)
    assert found["wind", "pooled"]["coverage_90"] == pytest.approx(GOLDEN["wind"][1], abs=0.02)


def test_statistical_baselines_run_and_are_ordered(history):
    pytest.importorskip("statsmodels")
    from capacity.hindcast import statistical

    known = read_panel(history, "generation_twh", "country", "total").until(2015)
    rows = np.flatnonzero(known.eligible)[:3]
    for fit in (statistical.ets, statistical.auto_arima):
        forecast = fit(known, rows, 5)
        assert forecast.mean.shape == (1, 3, 5)
        assert (np.diff(forecast.spread[0], axis=1) >= -1e-9).all()


def test_faults_of_a_request_are_named_together(history):
    request = rolling.Request(("mars",), ("total",), (1950,), 99, ("last_value",))
    with pytest.raises(CapacityError, match=r"(?s)mars.*naive_drift.*1950.*99"):
        rolling.hindcast(history, request)


def test_history_is_the_one_the_weights_were_learnt_on(history):
    about = weights_in_use()["about"]
    assert about["history_sha256"] == history_hash(history)
    assert about["learnt_until"] == 2024


def test_embedded_history_keeps_known_figures(history):
    twh = history["generation_twh"]
    assert float(twh.sel(entity="CHN", series="total", year=2024)) == pytest.approx(10087, rel=1e-3)
    assert float(twh.sel(entity="USA", series="total", year=2023)) == pytest.approx(4254, rel=2e-3)
    assert (history["scope"] == "country").sum() > 200
    assert (history["scope"] == "us_state").sum() == 48
    assert (history["scope"] == "cn_province").sum() == 31
    provinces = twh.isel(entity=(history["scope"] == "cn_province").to_numpy()).sel(series="total", year=2024)
    assert float(provinces.sum()) == pytest.approx(float(twh.sel(entity="CHN", series="total", year=2024)), rel=0.02)


def test_expert_records_are_shares_and_spreads():
    records = read_experts()
    assert {country for country, _ in records} == {"US", "CN"}
    for record in records.values():
        assert all(((weight >= 0) & (weight <= 1)).all() for weight in record.weight.values())
        assert_allclose(np.sum(list(record.weight.values()), axis=0), 1.0)
        assert sum(share for share, _ in record.trust) == pytest.approx(1.0, abs=1e-3)
        assert (record.widening > 0).all()
        assert all(0 <= tail < len(TAILS) for tail in record.tail.values())
        assert np.isfinite(record.growth(36)).all()
    assert_array_equal(held(np.array([1.0, 2.0]), 4), [1.0, 2.0, 2.0, 2.0])
    for shape in TAILS:
        assert sum(weight for weight, _ in shape) == pytest.approx(1.0)


@pytest.mark.slow
def test_history_can_be_rebuilt_from_the_originals(originals, history):
    from grids.build import history as builder

    assert history_hash(builder.build(originals)) == history_hash(history)


def test_annual_energy_outlooks_stand_beside_our_forecasts(history):
    records = outlooks.against_aeo(history)
    assert len(records) == 8
    assert {record["quantity"] for record in records} == {"sales", "wind", "solar"}
    wind = records[5]
    assert (wind["publication"], wind["years"]) == ("Annual Energy Outlook 2013", "2013-2021")
    assert wind["bias"] == pytest.approx(-0.416, abs=0.001)
    assert wind["ours_crps"] < wind["ours_error"] < wind["error"] < wind["naive_error"]
