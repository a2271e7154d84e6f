"""Figures: files that are whole, of the right size and not blank, from plain inputs; labels that do not collide."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from capacity.output import cell_map, figures
from capacity.output.page import DPI, WIDTH_IN, page, significant, spread

YEARS = list(range(2025, 2041))
SOURCE = "Source: made-up numbers of a test."
SQUARES = {
    "us.x": [np.array([[-100.0, 35.0], [-90.0, 35.0], [-90.0, 45.0], [-100.0, 45.0], [-100.0, 35.0]])],
    "cn.y": [np.array([[100.0, 25.0], [110.0, 25.0], [110.0, 35.0], [100.0, 35.0], [100.0, 25.0]])],
}


def fan(levels: tuple[float, ...] = (0.1, 0.5, 0.9)) -> xr.DataArray:
    scenarios = ["reference", "us-stagnant-grid", "cn-five-year-plan-surge", "us-flexible-load"]
    growth = np.arange(16)[:, None, None] * np.array([5.0, 30.0])[:, None] * np.linspace(0.7, 1.3, len(levels))
    values = 1000.0 * (80.0 + growth * np.arange(1, 5)[:, None, None, None])
    coords = {"scenario": scenarios, "year": YEARS, "country": ["us", "cn"], "quantile": list(levels)}
    return xr.DataArray(values, dims=tuple(coords), coords=coords)


def supply(years: list[int] = YEARS) -> xr.DataArray:
    technologies = [name for _, members, _ in figures.SUPPLY_LAYERS for name in members]
    values = 1000.0 * np.random.default_rng(3).uniform(1.0, 300.0, (len(years), 2, len(technologies)))
    coords = {"year": years, "country": ["us", "cn"], "technology": technologies}
    return xr.DataArray(values, dims=tuple(coords), coords=coords)


def cells(value: float | None = None) -> xr.Dataset:
    lon, lat = np.meshgrid(np.r_[-99.75:-90:0.5, 100.25:110:0.5], np.arange(25.25, 45.0, 0.5))
    sizes = np.random.default_rng(4).lognormal(3.0, 2.0, lon.size)
    sizes[::7] = 0.0
    values = sizes if value is None else np.full(lon.size, value)
    return xr.Dataset({"value_mw": ("cell", values)}, {"lat": ("cell", lat.ravel()), "lon": ("cell", lon.ravel())})


def pixels(path: Path) -> np.ndarray:
    image = matplotlib.image.imread(path)
    assert image.shape[1] == round(WIDTH_IN * DPI)
    assert image.shape[0] >= 900
    return image[..., :3]


def assert_drawn(path: Path) -> np.ndarray:
    image = pixels(path)
    assert image.std() > 0.05
    left, right = np.array_split(image, 2, axis=1)
    assert left.std() > 0.03
    assert right.std() > 0.03
    foot = image[int(0.96 * image.shape[0]) :]
    assert foot.min() < 0.6, "no source line at the foot"
    return image


def test_fan_chart(tmp_path: Path) -> None:
    figures.fan_chart(YEARS, fan(), tmp_path / "fan.png", SOURCE)
    assert_drawn(tmp_path / "fan.png")
    assert [item.name for item in tmp_path.iterdir()] == ["fan.png"]


def test_fan_chart_takes_other_orders_and_more_quantiles(tmp_path: Path) -> None:
    figures.fan_chart(YEARS, fan(), tmp_path / "a.png", SOURCE)
    wide = fan((0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95))
    plain = fan().transpose("country", "quantile", "year", "scenario")
    figures.fan_chart(YEARS, plain, tmp_path / "b.png", SOURCE)
    figures.fan_chart(YEARS, wide, tmp_path / "c.png", SOURCE)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert_drawn(tmp_path / "c.png")


def test_fan_chart_needs_its_quantiles(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"needs quantiles \[0.1, 0.5, 0.9\]"):
        figures.fan_chart(YEARS, fan((0.1, 0.5)), tmp_path / "fan.png", SOURCE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("years", [[2030], [2030, 2031], list(range(2025, 2051))])
def test_supply_for_any_number_of_years(tmp_path: Path, years: list[int]) -> None:
    figures.stacked_supply(years, supply(years), tmp_path / "supply.png", SOURCE)
    assert_drawn(tmp_path / "supply.png")


def test_supply_refuses_unknown_technologies(tmp_path: Path) -> None:
    strange = supply().assign_coords(technology=["fusion", *supply()["technology"].to_numpy()[1:]])
    with pytest.raises(ValueError, match="fusion"):
        figures.stacked_supply(YEARS, strange, tmp_path / "supply.png", SOURCE)


def test_map(tmp_path: Path) -> None:
    figures.hostable_map(cells(), SQUARES, tmp_path / "map.png", title="Test", source_line=SOURCE)
    image = assert_drawn(tmp_path / "map.png")
    colourful = (image.max(axis=2) - image.min(axis=2)) > 0.2
    assert colourful.mean() > 0.02
    grey = np.isclose(image, int(cell_map.ZERO[1:3], 16) / 255.0, atol=0.004).all(axis=2)
    assert grey.mean() > 0.002


@pytest.mark.parametrize("value", [0.0, np.nan, 7.0, 1e-3, 2e5])
def test_map_of_one_value_everywhere(tmp_path: Path, value: float) -> None:
    figures.hostable_map(cells(value), SQUARES, tmp_path / "map.png", title="Test", source_line=SOURCE)
    assert pixels(tmp_path / "map.png").std() > 0.02


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        figures.hostable_map(cells(), SQUARES, tmp_path / f"{name}.png", title="Test", source_line=SOURCE)
    one = (tmp_path / "one.png").read_bytes()
    assert one == (tmp_path / "two.png").read_bytes()
    assert b"gridflops" in one[:200]
    assert b"matplotlib" not in one


def test_a_failure_leaves_the_earlier_file(tmp_path: Path) -> None:
    (tmp_path / "old.png").write_bytes(b"old")
    with pytest.raises(RuntimeError), page(tmp_path / "old.png", 6.0):
        raise RuntimeError
    assert (tmp_path / "old.png").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("frame", cell_map.MAP_FRAMES.values(), ids=cell_map.MAP_FRAMES)
def test_projection_keeps_areas(frame: cell_map.Frame) -> None:
    for latitude in (22.0, 35.0, 48.0):
        for longitude in (frame.longitude - 25.0, frame.longitude, frame.longitude + 25.0):
            corners = np.add([longitude, latitude], [[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]])
            x, y = frame.project(*corners.T)
            drawn = 0.5 * abs(x @ np.roll(y, -1) - y @ np.roll(x, -1))
            band = np.sin(np.radians(latitude + 0.5)) - np.sin(np.radians(latitude))
            true = cell_map.EARTH_RADIUS_KM**2 * np.radians(0.5) * band
            assert drawn == pytest.approx(true, rel=1e-3)
    assert np.allclose(frame.project(np.array([frame.longitude]), np.array([frame.latitude])), 0.0)


@given(st.lists(st.tuples(st.floats(-0.2, 1.2), st.floats(0.01, 0.1)), min_size=1, max_size=9))
def test_labels_keep_apart_and_in_order(items: list[tuple[float, float]]) -> None:
    wanted, sizes = np.array(items).T
    places = spread(wanted, sizes)
    order = np.argsort(wanted, kind="stable")
    gaps = np.diff(places[order]) - (sizes[order][1:] + sizes[order][:-1]) / 2.0
    assert (gaps >= -1e-9).all()
    assert (places - sizes / 2.0 >= -1e-9).all()
    assert (places + sizes / 2.0 <= 1.0 + 1e-9).all()


def test_labels_with_room_stay_where_they_belong() -> None:
    np.testing.assert_allclose(spread(np.array([0.9, 0.2]), np.array([0.1, 0.1])), [0.9, 0.2])
    np.testing.assert_allclose(spread(np.array([0.5, 0.5]), np.array([0.1, 0.1])), [0.45, 0.55])


@pytest.mark.parametrize(("value", "text"), [(1234.4, "1,234"), (98.6, "99"), (9.96, "10"), (4.44, "4.4"), (0.0, "0")])
def test_numbers_carry_the_digits_they_earn(value: float, text: str) -> None:
    assert significant(value) == text


def test_all_figures_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    years, draws = [2029, 2030, 2031], 20
    rng = np.random.default_rng(5)
    hostable = rng.lognormal(11.0, 0.3, (2, len(years), draws, 2))
    lattice = cells()
    technologies = supply()["technology"].to_numpy()
    fleet = rng.uniform(1e3, 1e5, (2, len(years), draws, 2, technologies.size))
    result = xr.Dataset(
        {
            "hostable_mw": (("scenario", "year", "draw", "country"), hostable),
            "nameplate_mw": (("scenario", "year", "draw", "country", "technology"), fleet),
            "cell_hostable_mw_mean": (
                ("scenario", "year", "cell"),
                np.broadcast_to(lattice["value_mw"].to_numpy(), (2, len(years), lattice.sizes["cell"])),
            ),
        },
        {
            "scenario": ["reference", "us-flexible-load"],
            "scenario_title": ("scenario", ["Reference", "Flexible load in the US"]),
            "year": years,
            "country": ["us", "cn"],
            "technology": technologies,
            "cell_lat": ("cell", lattice["lat"].to_numpy()),
            "cell_lon": ("cell", lattice["lon"].to_numpy()),
        },
        {"seed": 7},
    )
    monkeypatch.setattr(figures, "read_outlines", lambda: SQUARES)
    written = figures.write_all(result, tmp_path)
    assert sorted(item.name for item in tmp_path.iterdir()) == sorted(item.name for item in written)
    assert "hostable_map_2030.png" in [item.name for item in written]
    for item in written:
        assert_drawn(item)
