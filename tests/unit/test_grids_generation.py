"""Generation: sums are kept, masks mean something, national and regional totals meet the published ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from grids.build import fleet, generation, hydro_us
from grids.build.axes import CN_AREAS, HISTORY_YEARS, US_AREAS
from grids.hours import DAYS_IN_MONTH
from grids.sources import eia_state
from grids.variables import GridDataError

YEARS = list(HISTORY_YEARS)
IDS = list(generation.AREA_IDS)


def by_area(values: float | np.ndarray, areas: list[str]) -> xr.DataArray:
    full = np.broadcast_to(np.asarray(values, dtype=float), (len(areas), len(YEARS))).copy()
    return xr.DataArray(full, coords={"area": areas, "history_year": YEARS}, dims=("area", "history_year"))


def by_technology(gas_mwh: float, battery_mwh: float) -> xr.DataArray:
    gas = by_area(gas_mwh, IDS).expand_dims(technology=["gas"])
    battery = by_area(battery_mwh, IDS).expand_dims(technology=["battery"])
    return xr.concat([gas, battery], dim="technology").transpose("area", "technology", "history_year")


def national(value: float) -> xr.DataArray:
    return xr.DataArray([value] * len(YEARS), coords={"history_year": YEARS}, dims="history_year")


@settings(deadline=None, max_examples=25)
@given(st.floats(0, 300), st.floats(-300, 300), st.floats(80, 120))
def test_net_exports_add_up_to_the_country(imports: float, exports: float, load: float) -> None:
    onsite = by_area(30.0, list(US_AREAS))
    result = generation.net_export(
        by_technology(load + 18.0, -1.0), by_area(load, IDS), onsite, national(imports), national(exports)
    )
    us, cn = result.sel(area=list(US_AREAS)).sum("area"), result.sel(area=list(CN_AREAS)).sum("area")
    np.testing.assert_allclose(us, -imports, atol=1e-6)
    np.testing.assert_allclose(cn, exports, atol=1e-6)
    assert list(result["area"].values) == IDS


def test_contradicting_load_is_refused() -> None:
    onsite = by_area(1.0, list(US_AREAS))
    with pytest.raises(GridDataError, match="industrial output"):
        generation.net_export(by_technology(110.0, -1.0), by_area(100.0, IDS), onsite, national(0.0), national(0.0))


def test_capacity_factor_uses_mean_capacity_and_masks() -> None:
    years = [2023, 2024]
    coordinates = {"area": ["us.ercot"], "technology": ["gas", "oil", "coal"], "history_year": years}
    dims = tuple(coordinates)
    capacity = xr.DataArray([[[100.0, 300.0], [1.0, 1.0], [50.0, 50.0]]], coords=coordinates, dims=dims)
    mwh = xr.DataArray([[[1e5, 200 * 8784 * 0.5], [10.0, 10.0], [1e5, 1e9]]], coords=coordinates, dims=dims)
    factor = generation.capacity_factor(mwh, capacity)
    assert float(factor.sel(area="us.ercot", technology="gas", history_year=2024)) == pytest.approx(0.5)
    assert factor.sel(technology="oil").isnull().all()  # too little capacity to say
    assert np.isnan(factor.sel(area="us.ercot", technology="coal", history_year=2024))  # more than the plants can give


@pytest.mark.parametrize("area", sorted(hydro_us.AREA_SHAPE))
def test_runoff_shapes_keep_the_annual_level(area: str) -> None:
    monthly = hydro_us.monthly_factor(area, 0.4)
    assert np.average(monthly, weights=DAYS_IN_MONTH) == pytest.approx(0.4)
    assert monthly.min() > 0


def test_every_us_area_has_a_runoff_shape() -> None:
    assert set(hydro_us.AREA_SHAPE) == set(US_AREAS)


@pytest.fixture(scope="module")
def built(originals: Path) -> xr.Dataset:
    from grids.build import demand

    return generation.build(originals, fleet.build(originals), demand.build(originals))


def twh(built: xr.Dataset, areas: tuple[str, ...], year: int) -> xr.DataArray:
    return built["generation_mwh"].sel(area=list(areas), history_year=year).sum("area") / 1e6


@pytest.mark.parametrize(("year", "fifty_states"), [(2010, 4125), (2019, 4127), (2023, 4180), (2024, 4306)])
def test_us_total(built: xr.Dataset, year: int, fifty_states: float) -> None:
    # EIA Electric Power Monthly, net utility-scale generation; Alaska and Hawaii (16 TWh) are outside.
    assert float(twh(built, US_AREAS, year).sum()) == pytest.approx(fifty_states - 16, rel=0.002)


def test_china_total(built: xr.Dataset) -> None:
    total = twh(built, CN_AREAS, 2024)
    assert float(total.sum()) == pytest.approx(10_087, rel=0.002)
    assert float(total.sel(technology="coal")) == pytest.approx(5_828, rel=0.001)
    assert float(total.sel(technology=["hydro", "pumped_storage"]).sum()) == pytest.approx(1_354, rel=0.001)


def test_invariants(built: xr.Dataset) -> None:
    mwh, factor = built["generation_mwh"], built["annual_capacity_factor"]
    assert np.isfinite(mwh).all()
    storage = mwh.sel(technology=["battery", "pumped_storage"])
    # Net of own use: idle oil plants of a state may take more than they give, by a little.
    assert float(mwh.drop_sel(technology=["battery", "pumped_storage"]).min()) > -1e5
    assert float(storage.min()) > -1e7
    assert float(factor.max()) <= 1.0
    assert float(factor.min()) > -0.3
    for name, values in built.data_vars.items():
        assert {"units", "label", "source", "method"} <= set(values.attrs), name


def test_known_capacity_factors(built: xr.Dataset) -> None:
    factor = built["annual_capacity_factor"].sel(history_year=2024)
    assert float(factor.sel(area="us.ercot", technology="wind")) == pytest.approx(0.34, abs=0.04)
    assert float(factor.sel(area="us.pjm_west", technology="nuclear")) == pytest.approx(0.93, abs=0.06)
    assert float(factor.sel(area="cn.fujian", technology="offshore_wind")) > 0.35
    assert float(factor.sel(area="cn.sichuan", technology="hydro")) == pytest.approx(0.46, abs=0.05)


def test_monthly_hydro(built: xr.Dataset) -> None:
    monthly = built["hydro_monthly_capacity_factor"]
    assert np.isfinite(monthly).all()
    assert int(monthly.sel(area="cn.yunnan").argmax("month")) + 1 in (7, 8, 9)  # monsoon
    assert int(monthly.sel(area="us.northerngrid_west").argmax("month")) + 1 in (5, 6)  # snow melt
    assert float(monthly.sel(area="cn.sichuan").mean()) == pytest.approx(0.48, abs=0.04)


def test_national_series(built: xr.Dataset) -> None:
    series = built["national_generation_twh"]
    assert float(series.sel(country="CN", source="total", national_year=2024)) == pytest.approx(10_086.9, abs=0.1)
    assert float(series.sel(country="US", source="total", national_year=2005)) == pytest.approx(4_033, rel=0.01)
    assert series.sel(source="total").notnull().all()
    assert np.isnan(series.sel(country="US", source="bioenergy", national_year=1995))  # a gap, not zero


def test_exporters_and_importers(built: xr.Dataset) -> None:
    last = (built["net_export_mwh"].sel(history_year=2024) / 1e6).to_series()
    out = ["inner_mongolia", "shanxi", "sichuan", "yunnan", "xinjiang", "ningxia", "gansu"]
    into = ["guangdong", "zhejiang", "jiangsu", "shandong", "beijing", "hebei", "shanghai"]
    assert all(last[f"cn.{name}"] > 20 for name in out)
    assert all(last[f"cn.{name}"] < -50 for name in into)
    assert last["us.caiso"] == pytest.approx(-65, abs=20)
    assert abs(last["us.ercot"]) < 20  # an island but for small DC ties
    assert last[list(US_AREAS)].sum() == pytest.approx(-13.8, abs=0.1)
    assert last[list(CN_AREAS)].sum() == pytest.approx(17.0, abs=0.1)


@pytest.mark.parametrize(("year", "published"), [(2019, 15.82), (2023, 15.5)])
def test_alaska_and_hawaii_are_what_the_known_totals_subtract(originals: Path, year: int, published: float) -> None:
    assert eia_state.generation_of_alaska_and_hawaii_twh(originals, year) == pytest.approx(published, abs=0.02)
