"""Runs under outage notions where areas exchange power: order, chunks, engines, groups of one, what is refused."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from click.testing import CliRunner
from grid_factory import tiny_grid
from numpy.testing import assert_allclose, assert_array_equal

from capacity import CapacityError, cli_options, estimate
from capacity.adequacy import reliability
from capacity.draws import Draws, draw_ids
from capacity.network import outages as network_outages
from capacity.run_cli import run as run_command
from capacity.supply.fleet import Fleet
from scenarios import load

YEARS = [2025]
FOUND = ("firm_headroom_mw", "grid_headroom_mw", "isolated_headroom_mw", "copper_plate_headroom_mw")


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


def run(grid, notion, draws=2, exchange="network", scenario="reference", **how):
    how = {"device": "cpu", "outage_states": 1, **how}
    return estimate(grid, load([scenario]), years=YEARS, draws=draws, seed=5, adequacy=notion, exchange=exchange, **how)


@pytest.fixture(scope="module")
def whole(grid):
    return {notion: run(grid, notion) for notion in reliability.NOTIONS}


def test_notions_differ_in_firm_load_only_and_say_what_islands_say_of_groups_of_one(grid, whole):
    for notion, found in whole.items():
        assert (found["grid_headroom_mw"] > 0).all()
        assert_array_equal(found["grid_headroom_mw"], whole["lolh"]["grid_headroom_mw"])
        assert found.attrs["outage_states"] == 1
        assert "event_hours" not in found
        # the areas of the US are groups of one here, whose tables hold all that islands know
        us = found.sel(country="US")
        assert_allclose(us["isolated_headroom_mw"], us["copper_plate_headroom_mw"], rtol=1e-12)
        assert (found["firm_headroom_mw"].sel(country="CN") > 0).any(), notion
    firm = {notion: found["firm_headroom_mw"].sel(country="CN") for notion, found in whole.items()}
    assert (firm["lole"] <= firm["lolh"] * 1.1).all()  # states of their own, so only nearly
    assert "outage_states" not in run(grid, "lolh", draws=1, exchange="island").attrs


def test_any_chunk_any_threads_and_either_engine_find_the_same(grid, whole):
    block = run(grid, "lole", draws=[1], threads=1)
    for name in FOUND:
        assert_array_equal(block[name], whole["lole"][name].sel(draw=[1]), err_msg=name)
    if find_spec("numba") is None:
        return
    slow = run(grid, "lolh", draws=[1], engine="numpy")
    for name in FOUND:
        assert_allclose(slow[name], whole["lolh"][name].sel(draw=[1]), rtol=1e-9, atol=1e-6, err_msg=name)


def test_without_limits_no_less_fits(grid, whole):
    open_ = run(grid, "lole", exchange="copper-plate")
    assert (open_["firm_headroom_mw"] >= whole["lole"]["firm_headroom_mw"] * (1.0 - 1e-9)).all()
    assert_array_equal(open_["grid_headroom_mw"], whole["lole"]["copper_plate_headroom_mw"])


def test_what_outages_in_a_network_do_not_know_is_refused_by_name(grid):
    for scenario, text in (
        ("siting-for-total", "knows no split for the largest total"),
        ("us-power-capping", "keep to curtailable_fraction"),
    ):
        with pytest.raises(CapacityError, match=text):
            run(grid, "lolh", draws=1, scenario=scenario)
    capped = run(grid, "lolh", draws=1, scenario="us-net-import-caps")  # the areas of the US are groups of one here
    assert_array_equal(capped["grid_headroom_mw"], run(grid, "lolh", draws=1)["grid_headroom_mw"])
    zones = replace(Fleet.of(grid, "US"), areas=("us.ercot.p63", "us.ercot"))
    with pytest.raises(CapacityError, match="knows no zones"):
        network_outages.require(Draws(5, draw_ids(1), np.array(YEARS), load(["reference"])[0]), zones, "lolh")
    with pytest.raises(CapacityError, match="at least one state"):
        run(grid, "lolh", draws=1, outage_states=0)


def test_the_command_knows_the_states(tmp_path):
    option = next(one for one in run_command.params if one.name == "outage_states")
    assert option.default == reliability.DEFAULT_STATES
    assert cli_options.OUTAGE_STATES is not None
    refused = CliRunner().invoke(run_command, ["--outage-states", "0", "--out", str(tmp_path / "run")])
    assert refused.exit_code == 2
