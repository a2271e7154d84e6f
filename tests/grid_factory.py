"""A tiny, complete, seeded grid. TEST MATERIAL: every number is made up, none is a fact about a real grid.

Five areas carry real ids so that lookups by country and name work. The tables agree with each other the way a
real bundle must: cells sum to areas, shapes have a mean of one, generation minus load is the net export.
"""

from __future__ import annotations

import functools
import importlib.resources

import numpy as np
import xarray as xr
from ruamel.yaml import YAML

HOURS = 8760
TECHNOLOGIES = (
    "coal", "gas", "oil", "nuclear", "hydro", "pumped_storage",
    "wind", "offshore_wind", "solar", "biomass", "geothermal", "battery",
)  # fmt: skip
SOURCES = ("total", "coal", "gas", "oil", "nuclear", "hydro", "wind", "solar", "bioenergy", "other")
# id, English, Chinese, interconnection, time zone, hours from UTC, mean load [MW], latitude, longitude,
# members, region
AREAS = (
    (
        "us.nyiso",
        "New York",
        "纽约",
        "Eastern",
        "America/New_York",
        -5,
        17_000.0,
        42.75,
        -75.25,
        "NYIS; NY",
        "NY",
    ),
    (
        "us.ercot",
        "Texas",
        "得克萨斯",
        "ERCOT",
        "America/Chicago",
        -6,
        52_000.0,
        31.25,
        -98.25,
        "ERCO; TX",
        "TX",
    ),
    (
        "us.caiso",
        "California",
        "加利福尼亚",
        "Western",
        "America/Los_Angeles",
        -8,
        27_000.0,
        36.75,
        -119.75,
        "CISO; CA",
        "CA",
    ),
    (
        "cn.jiangsu",
        "Jiangsu",
        "江苏",
        "East China",
        "Asia/Shanghai",
        8,
        95_000.0,
        32.75,
        119.25,
        "Jiangsu",
        "Jiangsu",
    ),
    (
        "cn.gansu",
        "Gansu",
        "甘肃",
        "Northwest China",
        "Asia/Shanghai",
        8,
        20_000.0,
        37.75,
        102.25,
        "Gansu",
        "Gansu",
    ),
)
# Installed MW per MW of mean load, by technology; enough firm plant for a peak of about 1.5 times the mean.
MIX = (0.45, 0.95, 0.05, 0.2, 0.15, 0.05, 0.5, 0.03, 0.5, 0.02, 0.0, 0.1)
ANNUAL_FACTOR = (0.45, 0.35, 0.05, 0.9, 0.4, np.nan, 0.3, 0.35, 0.22, 0.5, np.nan, np.nan)
COASTAL = ("us.nyiso", "us.caiso", "cn.jiangsu")  # the areas with offshore wind
CELLS_PER_AREA = 4


def tiny_grid(seed: int = 0) -> xr.Dataset:
    """Complete valid grid of 5 areas, 8 profiles and 20 cells; the same seed gives the same numbers."""
    rng = np.random.default_rng(seed)
    ds = xr.Dataset(coords=_coordinates())
    for part in (_areas, _profiles, _fleet, _history, _cells, _links):
        ds = ds.assign(part(ds, rng))
    for name, variable in ds.data_vars.items():
        variable.attrs.update(_attributes(str(name)))
    ds.attrs["title"] = "Tiny made-up grid for tests; not data"
    return ds


def _coordinates() -> dict[str, tuple[str, np.ndarray]]:
    areas = np.array([row[0] for row in AREAS])
    us = [f"{area}/{year}" for area in areas if area.startswith("us.") for year in (2020, 2021)]
    cn = [f"{area}/2020" for area in areas if area.startswith("cn.")]
    values = {
        "area": areas,
        "technology": np.array(TECHNOLOGIES),
        "vintage": np.arange(1950, 2021, 5),
        "history_year": np.arange(2010, 2025),
        "plan_year": np.arange(2025, 2036),
        "country": np.array(["US", "CN"]),
        "source": np.array(SOURCES),
        "national_year": np.arange(1985, 2026),
        "profile": np.array(us + cn),
        "hour": np.arange(HOURS),
        "month": np.arange(1, 13),
        "cell": np.arange(len(AREAS) * CELLS_PER_AREA),
        "link": np.array(["us.ercot->us.caiso", "us.caiso->us.ercot", "cn.gansu->cn.jiangsu"]),
    }
    return {name: (name, array) for name, array in values.items()}


def _areas(ds: xr.Dataset, rng: np.random.Generator) -> dict[str, tuple]:
    return {
        "area_name": ("area", np.array([row[1] for row in AREAS])),
        "area_name_zh": ("area", np.array([row[2] for row in AREAS])),
        "area_country": ("area", np.array([row[0][:2].upper() for row in AREAS])),
        "area_interconnection": ("area", np.array([row[3] for row in AREAS])),
        "area_timezone": ("area", np.array([row[4] for row in AREAS])),
        "area_members": ("area", np.array([row[9] for row in AREAS])),
    }


def _profiles(ds: xr.Dataset, rng: np.random.Generator) -> dict[str, tuple]:
    ids = [str(value) for value in ds["profile"].values]
    area = np.array([profile.split("/")[0] for profile in ids])
    year = np.array([int(profile.split("/")[1]) for profile in ids])
    offset = {row[0]: row[5] for row in AREAS}
    hour = np.arange(HOURS)
    local = np.array([(hour + offset[name]) % 24 for name in area])
    season = np.cos(2 * np.pi * (hour / HOURS - 0.56))  # highest in late July
    noise = _smooth(rng.standard_normal((len(ids), HOURS)), 24)
    load = 1 + 0.13 * season + 0.12 * np.cos(2 * np.pi * (local - 17) / 24) + 0.04 * noise
    sun = np.maximum(0.0, np.cos(2 * np.pi * (local - 12) / 24)) * (1 + 0.25 * season)
    solar = np.clip(sun * rng.uniform(0.5, 0.9, (len(ids), 1)), 0, 1)
    wind = np.clip(0.32 + 0.22 * _smooth(rng.standard_normal((len(ids), HOURS)), 12), 0, 1)
    coastal = np.array([name in COASTAL for name in area])
    return {
        "profile_area": ("profile", area),
        "weather_year": ("profile", year),
        "vre_year": ("profile", year),
        "load_record": ("profile", _record(area, "observed")),
        "wind_record": ("profile", _record(area, "modelled")),
        "solar_record": ("profile", _record(area, "borrowed")),
        "load_shape": (("profile", "hour"), load / load.mean(axis=1, keepdims=True)),
        "wind_capacity_factor": (("profile", "hour"), wind),
        "offshore_wind_capacity_factor": (("profile", "hour"), np.where(coastal[:, None], wind, np.nan)),
        "solar_capacity_factor": (("profile", "hour"), solar),
    }


def _record(area: np.ndarray, us: str) -> np.ndarray:
    """One record a profile: `us` for American areas, modelled for Chinese ones."""
    kinds = [us if name.startswith("us.") else "modelled" for name in area]
    return np.array([f"{kind}: made up for tests" for kind in kinds])


def _fleet(ds: xr.Dataset, rng: np.random.Generator) -> dict[str, tuple]:
    mean_load = np.array([row[6] for row in AREAS])
    share = rng.dirichlet(np.full(ds.sizes["vintage"], 2.0), (len(AREAS), len(TECHNOLOGIES)))
    nameplate = mean_load[:, None, None] * np.array(MIX)[None, :, None] * share
    inland = [row[0] not in COASTAL for row in AREAS]
    nameplate[inland, TECHNOLOGIES.index("offshore_wind")] = 0.0
    plan = 0.01 * nameplate.sum(axis=2)[:, :, None] * rng.uniform(0, 1, (1, 1, ds.sizes["plan_year"]))
    retirement = 0.005 * nameplate.sum(axis=2)[:, :, None] * np.ones((1, 1, ds.sizes["plan_year"]))
    return {
        "nameplate_mw": (("area", "technology", "vintage"), nameplate),
        "summer_capability_fraction": (("country", "technology"), np.full((2, len(TECHNOLOGIES)), 0.95)),
        "planned_addition_mw": (("area", "technology", "plan_year"), plan),
        "planned_retirement_mw": (("area", "technology", "plan_year"), retirement),
    }


def _history(ds: xr.Dataset, rng: np.random.Generator) -> dict[str, tuple]:
    years = ds.sizes["history_year"]
    growth = np.where(np.array([row[0][:2] for row in AREAS]) == "us", 1.005, 1.05)
    level = growth[:, None] ** np.arange(1 - years, 1)  # 1 in 2024
    mean_load = np.array([row[6] for row in AREAS])
    first = np.array([list(ds["profile_area"].values).index(area) for area in ds["area"].values])
    highest = ds["load_shape"].values[first].max(axis=1)
    annual_load = mean_load[:, None] * level * HOURS
    peak = mean_load[:, None] * level * highest[:, None]
    capacity = ds["nameplate_mw"].sum("vintage").values[:, :, None] * level[:, None, :]
    mean_capacity = 0.5 * (capacity + capacity / growth[:, None, None])
    factor = np.array(ANNUAL_FACTOR)[None, :, None] * rng.uniform(0.95, 1.05, capacity.shape)
    known = np.isfinite(factor) & (capacity > 0)
    generation = np.where(known, mean_capacity * np.where(known, factor, 0.0) * HOURS, 0.0)
    water = 0.4 + 0.15 * np.sin(np.arange(12) / 2)
    national = np.full((2, len(SOURCES), ds.sizes["national_year"]), np.nan)
    national[:, :, :-1] = rng.uniform(10, 400, (2, len(SOURCES), ds.sizes["national_year"] - 1))
    national[:, 0] = national[:, 1:].sum(axis=1)
    return {
        "annual_load_mwh": (("area", "history_year"), annual_load),
        "peak_load_mw": (("area", "history_year"), peak),
        "load_history_record": (("area", "history_year"), np.full(level.shape, "derived: made up for tests")),
        "capacity_history_mw": (("area", "technology", "history_year"), capacity),
        "generation_mwh": (("area", "technology", "history_year"), generation),
        "annual_capacity_factor": (("area", "technology", "history_year"), np.where(known, factor, np.nan)),
        "net_export_mwh": (("area", "history_year"), generation.sum(axis=1) - annual_load),
        "hydro_monthly_capacity_factor": (("area", "month"), np.tile(water, (len(AREAS), 1))),
        "national_generation_twh": (("country", "source", "national_year"), national),
    }


def _cells(ds: xr.Dataset, rng: np.random.Generator) -> dict[str, tuple]:
    order = np.repeat(np.arange(len(AREAS)), CELLS_PER_AREA)
    corner = np.tile(np.array([[0.0, 0.0], [0.0, 0.5], [0.5, 0.0], [0.5, 0.5]]), (len(AREAS), 1))
    weight = rng.dirichlet(np.full(CELLS_PER_AREA, 3.0), len(AREAS)).ravel()
    plant_share = rng.dirichlet(np.full(CELLS_PER_AREA, 3.0), (len(TECHNOLOGIES), len(AREAS))).reshape(
        len(TECHNOLOGIES), -1
    )
    nameplate = ds["nameplate_mw"].sum("vintage").values.T[:, order] * plant_share
    planned = 0.5 * ds["planned_addition_mw"].sum("plan_year").values.T[:, order] * plant_share
    month = np.arange(12)
    temperature = 14 - 13 * np.cos(2 * np.pi * (month - 0.5) / 12)[None, :] + rng.normal(0, 1, (len(order), 1))
    price = np.array([80.0, 65.0, np.nan, 90.0, 60.0])[order]
    latitude = np.array([row[7] for row in AREAS])[order] + corner[:, 0]
    return {
        "cell_lat": ("cell", latitude),
        "cell_lon": ("cell", np.array([row[8] for row in AREAS])[order] + corner[:, 1]),
        "cell_area_id": ("cell", np.array([row[0] for row in AREAS])[order]),
        "cell_region": ("cell", np.array([row[10] for row in AREAS])[order]),
        "cell_land_km2": ("cell", 3080.0 * np.cos(np.radians(latitude))),
        "cell_nameplate_mw": (("technology", "cell"), nameplate),
        "cell_planned_mw": (("technology", "cell"), planned),
        "cell_load_weight": ("cell", weight),
        "cell_climate": ("cell", np.array(["Dfb", "Cfa", "Csa", "Cfa", "BWk"])[order]),
        "cell_temperature_c": (("cell", "month"), temperature),
        "cell_price_usd_per_mwh": ("cell", price),
    }


def _links(ds: xr.Dataset, rng: np.random.Generator) -> dict[str, tuple]:
    ends = [str(link).split("->") for link in ds["link"].values]
    low = np.array([0.0, 400.0, 8_000.0])
    return {
        "link_from": ("link", np.array([end[0] for end in ends])),
        "link_to": ("link", np.array([end[1] for end in ends])),
        "link_limit_low_mw": ("link", low),
        "link_limit_high_mw": ("link", low * 1.25 + 100.0),
        "link_record": ("link", np.array(["made up for tests"] * len(ends))),
    }


def _smooth(noise: np.ndarray, width: int) -> np.ndarray:
    """Running mean over `width` hours around the year's end, rescaled to a standard deviation of one."""
    kernel = np.fft.rfft(np.r_[np.full(width, 1 / width), np.zeros(noise.shape[1] - width)])
    running = np.fft.irfft(np.fft.rfft(noise, axis=1) * kernel, noise.shape[1], axis=1)
    return running / running.std(axis=1, keepdims=True)


def _attributes(name: str) -> dict[str, str]:
    spec = _registry()[name]
    made_up = {"source": "test-material", "method": "Made up for tests."}
    return {"units": spec["units"], "label": spec["label"], "long_name": spec["doc"], **made_up}


@functools.cache
def _registry() -> dict[str, dict[str, str]]:
    text = (importlib.resources.files("grids") / "data" / "variables.yaml").read_text(encoding="utf-8")
    variables: dict[str, dict[str, str]] = YAML(typ="safe").load(text)["variables"]
    return variables
