"""Statistical baselines fitted series by series with statsmodels: exponential smoothing and ARIMA of the log level.

Slow (tens of milliseconds a series), so the hindcast runs them on the largest systems only.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capacity.errors import CapacityError
from capacity.hindcast.mixture import Mixture, single
from capacity.hindcast.panel import LEAST_SPREAD, Panel

Floats = NDArray[np.float64]

LEAST_YEARS = 8
ORDERS = ((0, 0), (1, 0), (0, 1), (2, 0))
STEPS = 40
"""Iterations of a likelihood search; twenty points and two parameters need no more."""
WIDE = 5.0
"""Spread of one year, in log points, that no fit may exceed: beyond it the fit has failed."""


def ets(panel: Panel, rows: NDArray[np.int64], horizon: int) -> Mixture:
    """Exponential smoothing with damped additive trend, ETS(A,Ad,N), of the log level of some entities."""
    return _each(panel, rows, horizon, _ets)


def auto_arima(panel: Panel, rows: NDArray[np.int64], horizon: int) -> Mixture:
    """ARIMA(p,1,q) with (p, q) in ORDERS, with or without drift, of the log level; order and drift by AICc."""
    return _each(panel, rows, horizon, _arima)


def require_statsmodels() -> None:
    """Raise CapacityError with the way out where statsmodels is not installed."""
    try:
        import statsmodels  # noqa: F401
    except ImportError as error:
        raise CapacityError(
            "ets and auto_arima need statsmodels: pip install 'gridflops[hindcast]', or leave them out with "
            "--baselines naive_drift,last_value"
        ) from error


def _each(panel: Panel, rows: NDArray[np.int64], horizon: int, fit: Any) -> Mixture:
    require_statsmodels()
    mean, spread = np.empty((len(rows), horizon)), np.empty((len(rows), horizon))
    for i, row in enumerate(rows):
        known = np.isfinite(panel.growth[row])
        # The unbroken run of growth rates up to the origin.
        start = int(np.flatnonzero(~known)[-1]) + 1 if (~known).any() else 0
        growth = panel.growth[row, start:]
        with warnings.catch_warnings():
            # Short series often stop short of the optimum; the fit is then what it is, as for any user of a baseline.
            warnings.simplefilter("ignore")
            mean[i], spread[i] = fit(growth, horizon)
    return single(mean, np.clip(spread, LEAST_SPREAD, WIDE * np.sqrt(np.arange(1.0, horizon + 1.0))))


def _ets(growth: Floats, horizon: int) -> tuple[Floats, Floats]:
    """Mean and spread of the log level over that of the origin; variance after Hyndman et al. 2008."""
    from statsmodels.tsa.holtwinters import Holt

    level = np.concatenate([[0.0], np.cumsum(growth)])
    if len(growth) < LEAST_YEARS - 1:
        return _walk(growth, horizon)
    fitted = Holt(level, damped_trend=True, initialization_method="estimated").fit(optimized=True)
    alpha, beta, phi = (float(fitted.params[k]) for k in ("smoothing_level", "smoothing_trend", "damping_trend"))
    error = float(np.sqrt(fitted.sse / max(len(level) - 5, 1)))
    steps = np.cumsum(phi ** np.arange(1.0, horizon))
    weight = alpha * (1.0 + (beta / alpha if alpha > 0.0 else 0.0) * steps)
    variance = np.concatenate([[1.0], 1.0 + np.cumsum(weight**2)])
    return np.asarray(fitted.forecast(horizon)) - level[-1], error * np.sqrt(variance)


def _arima(growth: Floats, horizon: int) -> tuple[Floats, Floats]:
    best: tuple[float, float, Floats, Floats, float] | None = None
    count = len(growth)
    for drifts in (False, True):
        mean = float(growth.mean()) if drifts else 0.0
        for p, q in ORDERS:
            free = p + q + drifts + 1
            if count < max(LEAST_YEARS - 1, free + 3):
                continue
            ar, ma, variance, likelihood = _arma(growth - mean, p, q)
            score = 2.0 * free - 2.0 * likelihood + 2.0 * free * (free + 1) / (count - free - 1)
            if best is None or score < best[0]:
                best = (score, mean, ar, ma, variance)
    return _walk(growth, horizon) if best is None else _integrated(growth, horizon, *best[1:])


def _arma(growth: Floats, p: int, q: int) -> tuple[Floats, Floats, float, float]:
    """AR and MA parameters, variance and log likelihood of ARMA(p, q) around zero."""
    variance = max(float(np.mean(growth**2)), 1e-8)
    if p == q == 0:
        likelihood = -0.5 * len(growth) * (np.log(2.0 * np.pi * variance) + 1.0)
        return np.zeros(0), np.zeros(0), variance, float(likelihood)
    from statsmodels.tsa.arima.estimators.innovations import innovations_mle

    start = np.array([*np.zeros(p + q), variance])
    options = {"options": {"maxiter": STEPS}}
    found, details = innovations_mle(growth, order=(p, 0, q), demean=False, start_params=start, minimize_kwargs=options)
    likelihood = -float(details.minimize_results.fun)
    return np.asarray(found.ar_params), np.asarray(found.ma_params), float(found.sigma2), likelihood


def _integrated(
    growth: Floats, horizon: int, mean: float, ar: Floats, ma: Floats, variance: float
) -> tuple[Floats, Floats]:
    """Sum of the forecast growth rates, and its error from the cumulated weights of the moving average."""
    past = list(growth - mean)
    errors: list[float] = []
    for t in range(len(past)):
        ahead = sum(a * past[t - i - 1] for i, a in enumerate(ar) if t > i)
        ahead += sum(m * errors[t - i - 1] for i, m in enumerate(ma) if t > i)
        errors.append(past[t] - ahead)
    for _ in range(horizon):
        ahead = sum(a * past[-i - 1] for i, a in enumerate(ar)) + sum(m * errors[-i - 1] for i, m in enumerate(ma))
        past.append(ahead)
        errors.append(0.0)
    path = np.cumsum(np.asarray(past[-horizon:]) + mean)
    weights = np.zeros(horizon)
    weights[0] = 1.0
    for j in range(1, horizon):
        weights[j] = sum(a * weights[j - i - 1] for i, a in enumerate(ar) if j > i) + (ma[j - 1] if j <= len(ma) else 0)
    return path, np.sqrt(variance * np.cumsum(np.cumsum(weights) ** 2))


def _walk(growth: Floats, horizon: int) -> tuple[Floats, Floats]:
    """Random walk with drift, where a series is too short for more."""
    h = np.arange(1.0, horizon + 1.0)
    spread = max(float(growth.std(ddof=1)), LEAST_SPREAD)
    return float(growth.mean()) * h, spread * np.sqrt(h + h**2 / len(growth))
