"""Quantile functions: order, support, and the figures by which each distribution is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy import stats

from scenarios.distributions import Path, Value

VALUE: TypeAdapter[Any] = TypeAdapter(Value)
U = np.linspace(0.0005, 0.9995, 1999)

numbers = st.floats(-1e6, 1e6)
sizes = st.floats(1e-3, 1e6)
shares = st.floats(0.01, 0.99)


def _make(kind: str, **numbers: float) -> dict[str, Any]:
    return {"kind": kind, **numbers}


@st.composite
def raw_distributions(draw: st.DrawFn) -> dict[str, Any]:
    """Any sound distribution, as YAML gives it."""
    a, b, c = draw(numbers), draw(sizes), draw(st.floats(0.0, 1.0))
    median = draw(sizes)
    return draw(
        st.sampled_from(
            [
                _make("normal", mean=a, sd=b),
                _make("lognormal", median=median, p5=median * draw(shares), p95=median / draw(shares)),
                _make("triangular", min=a, mode=a + c * b, max=a + b),
                _make("uniform", min=a, max=a + b),
                _make("beta", a=draw(st.floats(0.5, 100)), b=draw(st.floats(0.5, 100))),
                _make("beta_mean", mean=draw(shares), n=draw(st.floats(2, 200))),
                _make("exponential", mean=b),
            ]
        )
    )


@given(raw=raw_distributions(), u=st.lists(st.floats(1e-9, 1 - 1e-9), min_size=2, max_size=20))
def test_quantile_never_falls(raw: dict[str, Any], u: list[float]) -> None:
    at = VALUE.validate_python(raw).quantile(np.sort(u))
    assert at.dtype == np.float64
    assert np.isfinite(at).all()
    scale = max(1.0, float(np.abs(at).max()))
    assert (np.diff(at) >= -1e-12 * scale).all()


@given(raw=raw_distributions(), u=st.floats(1e-9, 1 - 1e-9))
def test_one_number_at_a_time_is_the_same(raw: dict[str, Any], u: float) -> None:
    value = VALUE.validate_python(raw)
    assert value.quantile(u) == value.quantile(np.array([[u, 0.5]]))[0, 0]


@pytest.mark.parametrize(
    ("raw", "reference"),
    [
        (_make("normal", mean=0.047, sd=0.008), stats.norm(0.047, 0.008)),
        (_make("triangular", min=0.05, mode=0.08, max=0.12), stats.triang(3 / 7, 0.05, 0.07)),
        (_make("triangular", min=0, mode=0, max=2), stats.triang(0, 0, 2)),
        (_make("triangular", min=0, mode=2, max=2), stats.triang(1, 0, 2)),
        (_make("uniform", min=1.3, max=2.0), stats.uniform(1.3, 0.7)),
        (_make("beta", a=14, b=6), stats.beta(14, 6)),
        (_make("beta_mean", mean=0.8, n=20), stats.beta(16, 4)),
        (_make("exponential", mean=3), stats.expon(scale=3)),
        (_make("lognormal", median=6, p5=3, p95=12), stats.lognorm(np.log(2) / stats.norm.ppf(0.95), scale=6)),
    ],
    ids=lambda part: part["kind"] if isinstance(part, dict) else "",
)
def test_agrees_with_scipy_stats(raw: dict[str, Any], reference: Any) -> None:
    np.testing.assert_allclose(VALUE.validate_python(raw).quantile(U), reference.ppf(U), rtol=1e-9, atol=1e-12)


@given(median=sizes, below=shares, above=shares)
def test_lognormal_meets_its_three_figures(median: float, below: float, above: float) -> None:
    value = VALUE.validate_python(_make("lognormal", median=median, p5=median * below, p95=median / above))
    want = [median * below, median, median / above]
    np.testing.assert_allclose(value.quantile([0.05, 0.5, 0.95]), want, rtol=1e-9)


def test_span_is_the_middle_998_permille() -> None:
    np.testing.assert_allclose(VALUE.validate_python(_make("uniform", min=0, max=1)).span(), (0.001, 0.999))


def test_path_is_linear_between_nodes_and_flat_outside() -> None:
    path = VALUE.validate_python({"kind": "path", "nodes": {2030: 0.01, 2025: 0.005}})
    assert isinstance(path, Path)
    np.testing.assert_allclose(path.at([2020, 2025, 2027.5, 2030, 2040]), [0.005, 0.005, 0.0075, 0.01, 0.01])
    assert path.span() == (0.005, 0.01)
    assert path.model_dump() == {"kind": "path", "nodes": {2025: 0.005, 2030: 0.01}}


def test_bare_number_is_a_constant() -> None:
    assert VALUE.validate_python(5).value == 5.0


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (_make("lognormal", median=1, p5=2, p95=3), "p5 < median < p95"),
        (_make("lognormal", median=1, p5=-1, p95=3), "greater than 0"),
        (_make("triangular", min=1, mode=0, max=3), "min <= mode <= max"),
        (_make("triangular", min=1, mode=1, max=1), "min < max"),
        (_make("uniform", min=1, max=1), "min < max"),
        (_make("normal", mean=1, sd=0), "greater than 0"),
        (_make("normal", mean=float("nan"), sd=1), "finite"),
        (_make("beta", a=0, b=1), "greater than 0"),
        (_make("beta_mean", mean=1, n=20), "less than 1"),
        ({"kind": "path", "nodes": {}}, "at least one node"),
        ({"kind": "path", "nodes": {2025: "x"}}, "finite number"),
        ({"kind": "path", "nodes": {2025: float("inf")}}, "finite number"),
        ({"kind": "path", "nodes": {25: 1}}, "not a year"),
        ({"kind": "path", "nodes": {True: 1}}, "not a year"),
        ({"kind": "normal", "mean": "0.1", "sd": 1}, "valid number"),
        ({"kind": "normal", "mean": True, "sd": 1}, "valid number"),
        (True, "valid dictionary"),
    ],
)
def test_unsound_values_are_refused(raw: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        VALUE.validate_python(raw)
