"""The registry, and that `validate` finds every fault of a grid and says where it is."""

from __future__ import annotations

import time

import numpy as np
import pytest
import xarray as xr
from grid_factory import tiny_grid

from grids.areas import AREA_IDS, TECHNOLOGIES
from grids.variables import REGISTRY, GridDataError, attrs_for, source_ids, validate


def faults(grid: xr.Dataset, **options) -> tuple[str, ...]:
    with pytest.raises(GridDataError) as caught:
        validate(grid, **options)
    return caught.value.problems


def test_registry_entries_are_complete():
    for name, known in REGISTRY.items():
        assert known.name == name
        assert known.doc.endswith(".")
        assert known.kind in {"float", "integer", "string"}
        assert known.label in {"F", "P", "R", "J"}
        assert all(dim in REGISTRY and REGISTRY[dim].coordinate for dim in known.dims)
        assert known.masked == bool(known.missing)
        if known.range is not None:
            assert known.range[0] < known.range[1]


def test_numbers_have_units_and_a_range():
    bare = [n for n, v in REGISTRY.items() if not v.coordinate and v.kind == "float" and not (v.units and v.range)]
    assert bare == []


def test_good_grid_passes():
    validate(tiny_grid())


def test_masked_variable_may_hold_nan():
    grid = tiny_grid()
    assert np.isnan(grid["offshore_wind_capacity_factor"].values).any()
    validate(grid)


def test_attributes_are_cf():
    attrs = attrs_for("peak_load_mw")
    assert attrs == {"long_name": "Highest hourly load of a year.", "units": "MW", "label": "P"}
    assert attrs_for("annual_capacity_factor")["missing"]
    with pytest.raises(GridDataError, match="nearest: 'peak_load_mw'"):
        attrs_for("peak_load_gw")


def set_attr(name: str, key: str, value: object):
    def change(grid: xr.Dataset) -> xr.Dataset:
        grid[name].attrs[key] = value
        return grid

    return change


def set_value(name: str, place: tuple[int, ...], value: object):
    def change(grid: xr.Dataset) -> xr.Dataset:
        values = grid[name].values.copy()
        if values.dtype.kind == "U":
            values = values.astype(object)
        values[place] = value
        return grid.assign({name: (grid[name].dims, values, grid[name].attrs)})

    return change


def scale(name: str, factor: float):
    def change(grid: xr.Dataset) -> xr.Dataset:
        return grid.assign({name: (grid[name] * factor).assign_attrs(grid[name].attrs)})

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda g: g.drop_vars("link_record"), ("'link_record'", "missing")),
        (lambda g: g.assign(load_gw=g["peak_load_mw"]), ("'load_gw'", "not a variable", "rename")),
        (set_attr("peak_load_mw", "units", "GW"), ("'peak_load_mw'", "'MW'", "'GW'")),
        (set_attr("peak_load_mw", "label", "X"), ("'peak_load_mw'", "label", "'X'", "F, P, R, J")),
        (set_attr("peak_load_mw", "source", ""), ("'peak_load_mw'", "source", "sources.yaml")),
        (lambda g: g.assign(peak_load_mw=g["peak_load_mw"].T), ("'peak_load_mw'", "dimensions", "transpose")),
        (lambda g: g.assign(weather_year=g["weather_year"] * 1.0), ("'weather_year'", "integer", "float64")),
        (
            set_value("peak_load_mw", (1, 3), -5.0),
            ("'peak_load_mw'[area=us.ercot, history_year=2013]", "-5 MW", "[0, 400000]"),
        ),
        (
            set_value("load_shape", (2, 7), np.nan),
            ("'load_shape'[profile=us.ercot/2020, hour=7]", "missing is not zero"),
        ),
        (
            set_value("offshore_wind_capacity_factor", (0, 1), np.inf),
            ("profile=us.nyiso/2020, hour=1", "infinity is not"),
        ),
        (set_value("area_name", (0,), ""), ("'area_name'[area=us.nyiso]", "empty")),
        (set_value("profile_area", (0,), "us.nowhere"), ("'profile_area'", "us.nowhere", "not an area")),
        (set_value("link_to", (2,), "cn.moon"), ("'link_to'[link=cn.gansu->cn.jiangsu]", "cn.moon")),
        (set_value("area_country", (0,), "UK"), ("'area_country'[area=us.nyiso]", "'UK'")),
        (set_value("weather_year", (1,), 1999), ("us.nyiso/2021", "us.nyiso/1999")),
        (scale("load_shape", 1.01), ("'load_shape'[profile=us.nyiso/2020]", "1.01", "divide by its mean")),
        (
            scale("cell_nameplate_mw", 0.9),
            ("'cell_nameplate_mw'[area=us.nyiso, technology=coal]", "nameplate_mw says"),
        ),
        (scale("cell_planned_mw", 9.0), ("'cell_planned_mw'", "planned_addition_mw says")),
        (scale("cell_load_weight", 0.5), ("'cell_load_weight'[area=us.nyiso]", "0.5", "must be 1")),
        (
            lambda g: g.assign_coords(technology=["coke", *g["technology"].values[1:]]),
            ("'technology'", "'coke'", "known: coal"),
        ),
        (lambda g: g.assign_coords(hour=g["hour"] + 1), ("'hour'", "0 to 8759")),
        (lambda g: g.drop_vars("month"), ("coordinate 'month'", "missing")),
        (lambda g: g.assign_coords(area=["us.nyiso"] * 5), ("coordinate 'area'", "us.nyiso", "more than once")),
    ],
)
def test_fault_is_named_with_place_value_and_way_out(change, words):
    message = "\n".join(faults(change(tiny_grid())))
    for word in words:
        assert word in message


def test_unknown_source_is_named_with_the_nearest():
    good = sorted(source_ids())[0]
    grid = set_attr("peak_load_mw", "source", f"{good} {good}x")(tiny_grid())
    (problem,) = faults(grid)
    assert f"'{good}x' is not in" in problem
    assert f"nearest: {good!r}" in problem


def test_all_problems_come_at_once():
    grid = tiny_grid().drop_vars(["link_record", "cell_lat"])
    grid["peak_load_mw"].attrs["units"] = "GW"
    grid = set_value("load_shape", (0, 0), np.nan)(grid)
    problems = faults(grid)
    assert len(problems) == 4
    with pytest.raises(GridDataError, match=r"^4 problems in the grid data:\n- "):
        validate(grid)


def test_a_part_is_checked_for_its_own_variables():
    part = tiny_grid()[["annual_load_mwh", "peak_load_mw"]]
    validate(part, variables=["annual_load_mwh", "peak_load_mw"])
    assert len(faults(part)) > 20
    assert "'nothing'" in faults(part, variables=["nothing"])[0]


def test_long_lists_are_cut_but_counted():
    error = GridDataError([f"problem {number}" for number in range(500)])
    assert len(error.problems) == 500
    assert "500 problems" in str(error)
    assert "and 300 more" in str(error)


def full_size_grid() -> xr.Dataset:
    """As many areas, profiles and cells as the embedded grid; the numbers of the tiny one, repeated and added up."""
    small = tiny_grid()
    areas = np.array(AREA_IDS)
    profiles = [(area, 2020 + k) for area in areas for k in range(5 if area.startswith("us.") else 1)]
    cells = np.arange(8000)
    home = areas[cells % areas.size]
    picks = {"area": areas.size, "profile": len(profiles), "cell": cells.size}
    big = small.isel({dim: np.arange(size) % small.sizes[dim] for dim, size in picks.items()})
    big = big.assign_coords(area=areas, profile=[f"{area}/{year}" for area, year in profiles], cell=cells)
    text = {"profile_area": np.array([area for area, _ in profiles]), "cell_area_id": home}
    years = {"weather_year": np.array([year for _, year in profiles])}
    for name, values in (text | years).items():
        big[name] = (big[name].dims, values, big[name].attrs)
    for cell_name, area_name in (
        ("cell_nameplate_mw", "nameplate_mw"),
        ("cell_planned_mw", "planned_addition_mw"),
    ):
        total = big[cell_name].groupby(big["cell_area_id"].rename("home")).sum().sel(home=areas)
        values = np.zeros(big[area_name].shape)
        values[:, :, -1] = total.transpose("home", "technology").values / 1e3
        big[area_name] = (big[area_name].dims, values, big[area_name].attrs)
        big[cell_name] = (big[cell_name] / 1e3).assign_attrs(big[cell_name].attrs)
    weight = 1.0 / np.array([np.count_nonzero(home == area) for area in home])
    big["cell_load_weight"] = ("cell", weight, big["cell_load_weight"].attrs)
    return big


def test_checking_a_full_grid_is_quick():
    grid = full_size_grid()
    assert (grid.sizes["area"], grid.sizes["profile"], grid.sizes["technology"]) == (49, 121, len(TECHNOLOGIES))
    start = time.process_time()
    validate(grid)
    assert time.process_time() - start < 2.0
