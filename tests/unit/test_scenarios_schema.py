"""Parameters: rules, draws, and the documented defaults."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scenarios import Parameter, ScenarioError, default_parameters, load, parameter_number
from scenarios.accelerators import vintages
from scenarios.distributions import Constant, Distribution
from scenarios.distributions import Path as YearPath
from scenarios.schema import LABELS, UNITS

TECHNOLOGIES = [
    "coal",
    "gas",
    "oil",
    "nuclear",
    "hydro",
    "pumped_storage",
    "wind",
    "offshore_wind",
    "solar",
    "biomass",
    "geothermal",
    "battery",
]
TRENDS = ["coal", "gas", "oil", "nuclear", "hydro", "wind", "solar", "other"]


def _needed_ids() -> set[str]:
    """Every parameter that the model reads."""
    national = {
        *(f"nondatacenter_growth_{years}" for years in ("2025_2030", "2031_2035", "2036_2040")),
        *(f"{name}_{t}" for name in ("trend_damping", "trend_kappa", "growth_multiplier") for t in TRENDS),
        *(f"{name}_{t}" for name in ("pipeline_completion", "addition_limit") for t in TECHNOLOGIES),
        *(f"{name}_{t}" for name in ("survival_half_life", "survival_steepness") for t in TECHNOLOGIES),
        *["peak_energy_delta", "build_multiplier", "pipeline_slip_years", "growth_limit_ratio"],
        *["retirement_slip_probability", "retirement_slip_years", "forced_outage_multiplier"],
        *["reserve_margin", "battery_credit", "pumped_storage_credit", "hydro_year_factor", "curtailable_fraction"],
        *[
            "pue_multiplier",
            "it_power_per_h100e_2025_w",
            "flop_per_watt_growth",
            "chip_life_years",
            "mfu",
            "busy_share",
        ],
        "electricity_price_usd_per_mwh",
    }
    common = {
        *(f"{name}_{t}" for name in ("survival_max_age", "forced_outage_rate") for t in TECHNOLOGIES),
        *["retirement_notice_years", "hydro_minimum_share"],
        *["pue_electrical_loss", "pue_fan_loss", "pue_free_cooling_full_c", "pue_free_cooling_none_c"],
        *["pue_cop_at_20c", "pue_cop_slope", "arithmetic_precision_factor"],
        *["siting_temperature_usd_per_mwh", "campus_limit_mw", "cn.frontier_ratio_2025", "cn.frontier_closing_rate"],
    }
    return {f"{country}.{name}" for country in ("us", "cn") for name in national} | common


def _parameter(**changes: Any) -> Parameter:
    base: dict[str, Any] = {
        "id": "us.share",
        "value": {"kind": "beta", "a": 2, "b": 3},
        "unit": "1",
        "range": [0, 1],
        "description": "A share.",
        "label": "J",
        "source": "Test.",
    }
    return Parameter.model_validate({**base, **changes})


def test_the_defaults_hold_every_id_the_model_reads() -> None:
    assert _needed_ids() - default_parameters().keys() == set()


@pytest.mark.parametrize("parameter", default_parameters().values(), ids=lambda p: p.id)
def test_every_default_is_documented(parameter: Parameter) -> None:
    assert parameter.label in LABELS
    assert parameter.unit in UNITS
    assert len(parameter.source) >= 20
    assert len(parameter.description) >= 15
    if parameter.label in ("R", "J"):
        assert isinstance(parameter.value, Distribution) or parameter.fixed_because


def test_parameter_numbers_are_distinct_and_stay() -> None:
    numbers = {parameter_number(name) for name in default_parameters()}
    assert len(numbers) == len(default_parameters())
    assert all(0 <= number < 2**32 for number in numbers)
    assert parameter_number("123456789") == 0xCBF43926  # the check value of CRC-32


def test_defaults_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        default_parameters()["us.mfu"] = _parameter()  # type: ignore[index]
    with pytest.raises(ValidationError, match="frozen"):
        default_parameters()["us.mfu"].label = "F"  # type: ignore[misc]


@pytest.mark.parametrize("parameter", default_parameters().values(), ids=lambda p: p.id)
def test_default_draws_rise_with_u_inside_the_range(parameter: Parameter) -> None:
    drawn = parameter.at(np.array([1e-9, 0.01, 0.3, 0.5, 0.7, 0.99, 1 - 1e-9]), [2025, 2040])
    low, high = parameter.range
    assert drawn.shape == (7, 2)
    assert drawn.dtype == np.float64
    assert ((drawn >= low) & (drawn <= high)).all()
    assert (np.diff(drawn, axis=0) >= 0).all()
    assert (drawn[:, 0] == drawn[:, 1]).all()


@given(u=st.lists(st.floats(1e-12, 1 - 1e-12), min_size=1, max_size=9), years=st.integers(1, 5))
def test_each_draw_depends_on_its_own_u_alone(u: list[float], years: int) -> None:
    parameter = default_parameters()["us.pipeline_slip_years"]
    together = parameter.at(u, np.arange(2025, 2025 + years))
    alone = np.concatenate([parameter.at([one], np.arange(2025, 2025 + years)) for one in u])
    np.testing.assert_array_equal(together, alone)


def test_tails_are_clipped_to_the_range() -> None:
    parameter = _parameter(value={"kind": "normal", "mean": 0.5, "sd": 0.16})
    np.testing.assert_array_equal(parameter.at([1e-9, 0.5, 1 - 1e-9], [2030]), [[0.0], [0.5], [1.0]])


def test_a_fresh_u_each_year_gives_a_fresh_value_each_year() -> None:
    parameter = default_parameters()["us.hydro_year_factor"]
    u = np.array([[0.1, 0.9], [0.5, 0.5]])
    drawn = parameter.at(u, [2025, 2026])
    np.testing.assert_array_equal(drawn[0], parameter.at(u[0], [2025])[:, 0])
    assert drawn[0, 0] < drawn[0, 1]


def test_paths_vary_over_years_and_not_over_draws() -> None:
    path = {"kind": "path", "nodes": {2025: 0.0, 2035: 1.0}}
    drawn = _parameter(value=path, label="F").at([0.2, 0.8], [2020, 2030, 2040])
    np.testing.assert_array_equal(drawn, [[0.0, 0.5, 1.0]] * 2)


@pytest.mark.parametrize("u", [[0.0], [1.0], [float("nan")], [-0.1], [[0.5, 0.5, 0.5]], 0.5])
def test_bad_u_is_refused(u: Any) -> None:
    with pytest.raises(ScenarioError, match=r"us\.share: u must"):
        _parameter().at(u, [2025, 2026])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"value": 0.5}, "labelled J, so it must be a distribution"),
        ({"value": 0.5, "label": "R"}, "labelled R, so it must be a distribution"),
        ({"value": {"kind": "path", "nodes": {2025: 0.5}}}, "must be a distribution"),
        ({"fixed_because": "No reason."}, "only for a constant or path"),
        ({"value": 0.5, "label": "F", "fixed_because": "No reason."}, "only for a constant or path"),
        ({"value": 2, "label": "F"}, "2 is outside the range 0 to 1"),
        ({"value": {"kind": "path", "nodes": {2025: 0, 2026: 3}}, "label": "F"}, "2026: 3 lies outside"),
        ({"value": {"kind": "normal", "mean": 0.5, "sd": 0.2}}, "span, -0.118 to 1.118, leaves the range"),
        ({"range": [1, 0]}, "needs low < high"),
        ({"unit": "percent"}, "Input should be '1'"),
        ({"label": "X"}, "Input should be 'F'"),
        ({"source": "  "}, "at least 1 character"),
        ({"id": "US.Share"}, "should match pattern"),
        ({"sauce": "x"}, "Extra inputs"),
    ],
)
def test_rules_of_a_parameter(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        _parameter(**changes)


def test_a_judged_constant_may_say_why() -> None:
    parameter = _parameter(value=0.5, fixed_because="A lever.")
    assert isinstance(parameter.value, Constant)
    assert (parameter.at([0.1, 0.9], [2025]) == 0.5).all()


def test_pue_cannot_fall_below_one() -> None:
    defaults = default_parameters()
    losses = sum(defaults[name].range[0] for name in ("pue_electrical_loss", "pue_fan_loss"))
    for country in ("us", "cn"):
        assert (1 + losses) * defaults[f"{country}.pue_multiplier"].range[0] >= 1
    assert defaults["pue_free_cooling_full_c"].range[1] < defaults["pue_free_cooling_none_c"].range[0]


def test_scenarios_travel_to_other_processes() -> None:
    (scenario,) = load(["us-flexible-load"])
    twin = pickle.loads(pickle.dumps(scenario))
    assert twin == scenario
    assert isinstance(twin.parameter("us.curtailable_fraction").value, YearPath)


def test_asking_for_a_parameter_that_is_not_there_names_the_nearest() -> None:
    (scenario,) = load(["reference"])
    with pytest.raises(ScenarioError, match=r"'us.busy_shore'; did you mean 'us.busy_share'"):
        scenario.parameter("us.busy_shore")


def test_accelerators_have_ordered_spreads_and_plausible_power() -> None:
    assert len(vintages()) >= 20
    for vintage in vintages():
        power = vintage.it_power_per_accelerator_w
        assert power.p5 < power.median < power.p95
        assert power.p5 > vintage.accelerator_tdp_w, "a share of server power exceeds the chip's rating"
        if vintage.fp8_flop_per_s is not None and vintage.h100e_basis == "8-bit":
            assert vintage.h100e == pytest.approx(vintage.fp8_flop_per_s / 1979e12, rel=0.08)


def test_it_power_of_new_us_chips_lies_among_the_chips_sold() -> None:
    newest = {v.name: v.it_power_per_h100e_w for v in vintages() if v.first_ship_year >= 2024}
    low, high = default_parameters()["us.it_power_per_h100e_2025_w"].value.span()
    assert low < newest["NVIDIA GB200"] < high
    assert min(newest.values()) < (low + high) / 2 < max(newest.values())
