"""What of ours stands beside a published figure: one function of a run for each kind of figure.

Energy of a year counts load that came during the year for half of it: a run holds what stands at the end of each year.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from capacity.draws import Draws
from capacity.limits import chips
from capacity.validate import datacenter_stock
from scenarios import Scenario
from scenarios.accelerators import Vintage, vintages
from scenarios.distributions import Lognormal

if TYPE_CHECKING:
    from capacity.validate.published import Published

Floats = NDArray[np.float64]

SHIPPING_NOW = "NVIDIA GB200"
"""Accelerator whose rating stands for what ships to the US in 2025; label J, the commonest of that year."""


@dataclass(frozen=True)
class Run:
    """What the measures read: the result of a run under one scenario, and how it was drawn.

    duke : xr.Dataset or None  Headroom of the 22 authorities (`duke`); None where no demand file was given.
    """

    result: xr.Dataset
    scenario: Scenario
    duke: xr.Dataset | None = None

    @property
    def draws(self) -> Draws:
        years = self.result["year"].to_numpy().astype(np.int64)
        return Draws(
            int(self.result.attrs["seed"]), self.result["draw"].to_numpy().astype(np.int64), years, self.scenario
        )


def _at(run: Run, name: str, country: str, year: int) -> Floats | None:
    """Draws (draw,) of a country's variable in a year, or None where the run does not hold it."""
    if name not in run.result or year not in run.result["year"].to_numpy():
        return None
    part = run.result[name].isel(scenario=0).sel(country=country, year=year)
    return np.asarray(part.transpose("draw", ...).to_numpy(), dtype=np.float64)


def _of(run: Run, name: str, figure: Published) -> Floats | None:
    """The same of a figure's country and year."""
    return _at(run, name, figure.country, figure.year)


def _scaled(name: str, factor: float) -> Callable[[Run, Published], Floats | None]:
    def measure(run: Run, figure: Published) -> Floats | None:
        values = _of(run, name, figure)
        return None if values is None else values * factor

    return measure


def _new_dc_twh(run: Run, country: str, year: int) -> Floats | None:
    """Energy of new data centres in a year: mean of what stands at its two ends, none at the start of the run."""
    end = _at(run, "operated_mwh", country, year)
    if end is None:
        return None
    start = _at(run, "operated_mwh", country, year - 1)
    if start is None and year != int(run.result["year"][0]):
        return None
    return (end + (0.0 if start is None else start)) / 2e6


def _all_dc_twh(run: Run, figure: Published) -> Floats | None:
    """All data centres: what stood before the model, counted from below, and from 2025 on new AI load."""
    if figure.year <= datacenter_stock.BASE_YEAR:
        return datacenter_stock.all_twh(figure.country, figure.year, run.draws)
    added = _new_dc_twh(run, figure.country, figure.year)
    if added is None:
        return None
    other = datacenter_stock.other_twh(figure.country, figure.year, run.draws)
    return added + other + datacenter_stock.base_ai_twh(figure.country, run.draws)


def _load_with_dc_twh(run: Run, figure: Published, year: int | None = None) -> Floats | None:
    """Native load and what new data centres take."""
    year = figure.year if year is None else year
    native, added = _at(run, "load_mwh", figure.country, year), _new_dc_twh(run, figure.country, year)
    return None if native is None or added is None else native / 1e6 + added


def _load_ratio(run: Run, figure: Published) -> Floats | None:
    """The same over that of the run's first year, so that what is counted as load does not matter."""
    now = _load_with_dc_twh(run, figure)
    first = _load_with_dc_twh(run, figure, int(run.result["year"][0]))
    return None if now is None or first is None else now / first


def _nameplate_gw(run: Run, figure: Published) -> Floats | None:
    values = _of(run, "nameplate_mw", figure)
    return None if values is None else values.sum(axis=1) / 1e3


def _vintage(name: str | None) -> Vintage:
    return next(vintage for vintage in vintages() if vintage.name == name)


def _chip_w_per_h100e(run: Run, figure: Published) -> Floats | None:
    """IT power for one H100-equivalent of the figure's accelerator, with its spread. [W]"""
    chip = _vintage(figure.chip)
    given = chip.it_power_per_accelerator_w
    spread = Lognormal(kind="lognormal", median=given.median, p5=given.p5, p95=given.p95)
    return spread.quantile(run.draws.uniform(f"measures.{chip.name}")) / chip.h100e


def _aligned_stock_million(run: Run, figure: Published) -> Floats | None:
    """Accelerators of US-aligned makers, those of a part of the next year too (`argument`)."""
    draws = run.draws
    count = draws.scalar("us_aligned_stock_2025_h100e")
    if figure.argument:
        if figure.year not in draws.years:
            return None
        count = count + figure.argument * chips.aligned_shipments(draws)[:, draws.years == figure.year][:, 0]
    return count / 1e6


def _china_stock_million(run: Run, figure: Published) -> Floats | None:
    """Accelerators in China, with `argument` of what it gets in the year after 2025; none has failed yet."""
    draws = run.draws
    if figure.year not in draws.years or figure.argument is None:
        return None
    pools = chips.pools(draws)
    got = (pools.imported + pools.domestic)[:, draws.years == figure.year][:, 0]
    return (draws.scalar("cn.stock_2025_h100e") + figure.argument * got) / 1e6


def _chip_share_percent(run: Run, figure: Published) -> Floats | None:
    """Rating of what ships now over its IT power times our peak PUE."""
    facility, it = _of(run, "hostable_mw", figure), _of(run, "it_power_mw", figure)
    if facility is None or it is None:
        return None
    chip = _vintage(SHIPPING_NOW)
    used = it > 0
    return 100.0 * chip.accelerator_tdp_w / chip.it_power_per_accelerator_w.median * it[used] / facility[used]


def _duke_gw(run: Run, figure: Published) -> Floats | None:
    from capacity.validate.duke import national_total_gw

    if run.duke is None or figure.argument is None:
        return None
    return np.atleast_1d(national_total_gw(run.duke).sel(share=figure.argument).isel(period=0).to_numpy())


MEASURES: dict[str, Callable[[Run, Published], Floats | None]] = {
    "all_dc_twh": _all_dc_twh,
    "operated_gw": _scaled("operated_mw", 1e-3),
    "chips_available_million": _scaled("chips_available_h100e", 1e-6),
    "aligned_stock_million": _aligned_stock_million,
    "china_stock_million": _china_stock_million,
    "chip_w_per_h100e": _chip_w_per_h100e,
    "chip_share_percent": _chip_share_percent,
    "largest_run_flop": _scaled("largest_run_flop", 1.0),
    "campus_run_flop": _scaled("campus_run_flop", 1.0),
    "load_with_dc_twh": _load_with_dc_twh,
    "load_ratio": _load_ratio,
    "nameplate_gw": _nameplate_gw,
    "supply_twh": _scaled("supply_mwh", 1e-6),
    "duke_gw": _duke_gw,
}
