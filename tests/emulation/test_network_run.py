"""`gridflops run --network network --device gpu` under emulation, every 60th hour of a year: the numbers of the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from grid_factory import tiny_grid
from numpy.testing import assert_array_equal

import capacity
from capacity.network import headroom
from capacity.network import on_device as network_on_device
from cuda_kernels.network import network_headroom
from scenarios import load

from . import stand_in
from .test_network import group


@pytest.fixture
def grid(monkeypatch: pytest.MonkeyPatch) -> xr.Dataset:
    of_group = headroom.of_group

    def fewer(margins, y):
        profiles, coefficients = of_group(margins, y)
        return np.ascontiguousarray(profiles[..., ::60]), coefficients

    monkeypatch.setattr(headroom, "of_group", fewer)
    return tiny_grid()


def run(grid: xr.Dataset, device: str, name: str, exchange: str) -> xr.Dataset:
    how = {"years": [2025, 2026], "draws": 3, "seed": 3, "exchange": exchange}
    return capacity.estimate(grid, load((name,)), device=device, **how)


@pytest.mark.parametrize(
    ("name", "exchange"),
    [("reference", "network"), ("siting-by-request", "copper-plate"), ("us-net-import-caps", "network")],
)
def test_the_numbers_are_those_of_the_cpu_from_one_launch_a_group(cupy, grid, monkeypatch, name, exchange):
    launches = []
    answered = network_on_device._found

    def counted(asked, engine):
        before = len(stand_in.launches)
        found = answered(asked, engine)
        launches.append((len(asked), len(stand_in.launches) - before))
        return found

    monkeypatch.setattr(network_on_device, "_found", counted)
    got = run(grid, "gpu", name, exchange)
    assert set(launches) == {(2, 1)}  # both years
    xr.testing.assert_allclose(got, run(grid, "cpu", name, exchange), rtol=1e-9)


def test_caps_on_what_sets_of_areas_import_are_left_to_the_cpu(cupy):
    inputs, _ = group(3, 4, 5)
    sets = np.array([[True, True, False, False]]), np.full((3, 1), 0.5)
    asked = headroom.Asked(inputs, (None, sets), np.zeros((3, 4)), np.zeros((3, 4)))
    stand_in.launches.clear()
    (found,) = network_on_device._found([asked], "auto")
    assert stand_in.launches == []
    assert_array_equal(found.headroom_mw, network_headroom(*inputs, import_sets=sets).headroom_mw)


def test_years_are_cut_where_there_are_many_cases(cupy, grid, monkeypatch):
    want = run(grid, "gpu", "reference", "network")
    monkeypatch.setattr(network_on_device, "CASES_AT_ONCE", 1)
    xr.testing.assert_identical(run(grid, "gpu", "reference", "network"), want)
