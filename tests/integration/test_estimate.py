"""`estimate` end to end on a tiny made-up grid: sums, order, chunking, common random numbers."""

import numpy as np
import pytest
from grid_factory import tiny_grid
from joint_factory import scenario_with

from capacity import CapacityError, estimate
from capacity.adequacy.parts import weather_by_area
from capacity.area_hours import How
from capacity.country import run as run_country
from capacity.draws import Draws
from capacity.estimation import after_the_grid
from grids import GridDataError
from scenarios import ScenarioError, load

YEARS = range(2025, 2031)


@pytest.fixture(scope="module")
def grid():
    return tiny_grid()


@pytest.fixture(scope="module")
def result(grid):
    return estimate(grid, load(["reference", "us-flexible-load"]), years=YEARS, draws=24, seed=5, device="cpu")


def test_every_number_is_there(result):
    for name, variable in result.data_vars.items():
        if variable.dtype.kind == "f":
            assert np.isfinite(variable).all(), name
        assert "units" in variable.attrs, name
        assert "long_name" in variable.attrs, name


def test_cells_sum_to_areas_and_areas_to_countries(result):
    by_area = result["cell_hostable_mw_mean"].groupby("cell_area_id").sum().rename(cell_area_id="area")
    np.testing.assert_allclose(
        by_area.sel(area=result["area"].to_numpy()).transpose("scenario", "year", "area"),
        result["area_hostable_mw_mean"],
        rtol=1e-9,
    )
    national = result["area_hostable_mw_mean"].groupby("area_country").sum()
    for country in ("US", "CN"):
        np.testing.assert_allclose(
            national.sel(area_country=country),
            result["hostable_mw"].sel(country=country).mean("draw"),
            rtol=1e-9,
        )


def test_projected_cells_sum_to_projected_areas(result):
    by_area = result["cell_nameplate_mw_mean"].groupby("cell_area_id").sum().rename(cell_area_id="area")
    np.testing.assert_allclose(
        by_area.sel(area=result["area"].to_numpy()).transpose("scenario", "year", "area", "technology"),
        result["area_nameplate_mw_mean"],
        rtol=1e-9,
        atol=1e-6,
    )


def test_quantiles_rise_and_bracket_the_mean(result):
    for name in ("area_hostable_mw", "area_h100e", "cell_hostable_mw"):
        axis = "cell_quantile" if name.startswith("cell") else "quantile"
        assert (result[name].diff(axis) >= -1e-9).all()
    assert (result["area_hostable_mw_mean"] <= result["area_hostable_mw"].sel(quantile=0.95) * 1.5 + 1e-6).all()


def test_flexibility_and_firmness_are_ordered(result):
    assert (result["grid_headroom_mw"] >= result["firm_headroom_mw"] - 1e-6).all()
    assert (result["hostable_mw"] <= result["grid_headroom_mw"] + 1e-6).all()
    flexible, reference = (
        result["hostable_mw"].sel(scenario=s, country="US") for s in ("us-flexible-load", "reference")
    )
    assert (flexible.drop_vars("scenario") >= reference.drop_vars("scenario") - 1e-6).all()
    assert (flexible.sel(year=2030).mean() > reference.sel(year=2030).mean()).item()


def test_shares_of_limits_sum_to_one(result):
    for name in ("binding_share", "area_binding_share"):
        np.testing.assert_allclose(result[name].sum("limit"), 1.0, rtol=0, atol=1e-9)
        assert (result[name] >= -1e-12).all()
    assert list(result["limit"].to_numpy()) == ["grid", "siting", "interconnection", "equipment", "chips", "capital"]


def test_deployed_load_of_areas_sums_to_the_country_and_is_used_or_idle(result):
    national = result["area_deployed_mw_mean"].groupby("area_country").sum()
    for country in ("US", "CN"):
        deployed = result["deployed_mw"].sel(country=country)
        np.testing.assert_allclose(national.sel(area_country=country), deployed.mean("draw"), rtol=1e-9)
    np.testing.assert_allclose(result["operated_mw"] + result["idle_mw"], result["deployed_mw"], rtol=1e-9)
    assert (result["deployed_mw"].diff("year") >= -1e-6).all()
    assert (result["supported_mw"] <= result["hostable_mw"] + result["onsite_mw"] + 1e-6).all()
    assert (result["deployed_h100e"] <= result["chips_available_h100e"] * (1 + 1e-9)).all()
    assert (result["campus_run_flop"] <= result["largest_run_flop"]).all()


def test_export_control_reaches_both_countries_and_nothing_of_the_grid(grid, result):
    """The one place where the countries meet: aligned accelerators that China gets are not there for the US."""
    other = estimate(
        grid, [scenario_with({"cn.legal_import_factor": 5.0})], years=YEARS, draws=24, seed=5, device="cpu"
    )
    base = result.sel(scenario=["reference"])
    np.testing.assert_array_equal(other["hostable_mw"].to_numpy(), base["hostable_mw"].to_numpy())
    change = other["chips_available_h100e"].to_numpy()[:, 1:] - base["chips_available_h100e"].to_numpy()[:, 1:]
    assert (change[..., 0] < 0).all()
    assert (change[..., 1] > 0).all()


def test_an_override_for_one_country_leaves_the_other_alone(result):
    """Common random numbers: the same draw of China is the same in both scenarios (I20)."""
    china = result.sel(country="CN")
    for name in ("hostable_mw", "h100e", "supply_mwh"):
        values = china[name].to_numpy()
        np.testing.assert_array_equal(values[0], values[1])


def test_draws_do_not_depend_on_their_company(grid, result):
    """Bit-identical for any blocks of draws (I18), and the first draws of a longer run are the shorter run."""
    scenarios = load(["reference"])
    whole = result.sel(scenario=["reference"])
    for part in (range(5), range(5, 17), [23, 2]):
        block = estimate(grid, scenarios, years=YEARS, draws=list(part), seed=5, device="cpu")
        for name in (
            "hostable_mw", "firm_headroom_mw", "flop_per_year", "nameplate_mw", "supply_mwh",
            "deployed_mw", "deployed_h100e", "binding_share", "largest_run_flop",
        ):  # fmt: skip
            np.testing.assert_array_equal(block[name].to_numpy(), whole[name].sel(draw=list(part)).to_numpy())


def test_threads_change_no_bit(grid, result):
    alone = estimate(grid, load(["reference"]), years=YEARS, draws=24, seed=5, device="cpu", threads=1)
    for name in ("hostable_mw", "flop_per_year"):
        np.testing.assert_array_equal(alone[name].to_numpy(), result[name].sel(scenario=["reference"]).to_numpy())


@pytest.mark.parametrize(("name", "other"), [("US", "cn."), ("CN", "us.")])
def test_a_country_reads_no_parameter_of_the_other_or_of_the_joint_limits(grid, name, other):
    """What lets scenarios that say the same about a country's grid share its result."""
    whole = load(["regimes-swapped"])[0]
    later = after_the_grid()
    assert len(later) > 60
    kept = tuple(p for p in whole.parameters if not p.id.startswith(other) and p.id not in later)
    half = whole.model_copy(update={"parameters": kept})
    half = type(whole).model_validate(dict(half))
    with pytest.raises(ScenarioError):
        half.parameter(f"{other}mfu")
    draws = Draws(5, np.arange(4), np.arange(2025, 2028), half)
    weather = weather_by_area(grid)
    for exchange in ("island", "network"):
        how = How("firm_capacity", "cpu", "auto", exchange)
        run_country(grid, name, draws, weather, how, lambda _: None)


def test_a_later_first_year_changes_nothing(grid, result):
    late = estimate(grid, load(["reference"]), years=[2029, 2030], draws=24, seed=5, device="cpu")
    np.testing.assert_array_equal(
        late["hostable_mw"].to_numpy(),
        result["hostable_mw"].sel(scenario=["reference"], year=[2029, 2030]).to_numpy(),
    )


def test_engines_agree(grid, result):
    other = estimate(grid, load(["reference"]), years=YEARS, draws=24, seed=5, device="cpu", engine="numpy")
    np.testing.assert_allclose(
        other["hostable_mw"], result["hostable_mw"].sel(scenario=["reference"]), rtol=1e-8, atol=1e-6
    )


def test_another_seed_is_another_answer(grid, result):
    other = estimate(grid, load(["reference"]), years=YEARS, draws=24, seed=6, device="cpu")
    assert (other["hostable_mw"].to_numpy() != result["hostable_mw"].sel(scenario=["reference"]).to_numpy()).any()


def test_all_faults_of_a_request_are_named_at_once(grid):
    with pytest.raises(CapacityError) as caught:
        estimate(grid, [], years=[2030, 2029], draws=0, seed=-1)
    text = str(caught.value)
    for word in ("scenario", "draws=0", "seed=-1", "years=[2030, 2029]"):
        assert word in text


def test_a_grid_of_another_base_year_is_refused_before_any_work(grid):
    shifted = grid.assign_coords(history_year=grid["history_year"] - 1)
    with pytest.raises(CapacityError, match="a base year of 2024 is needed"):
        estimate(shifted, load(["reference"]), years=[2024, 2025], draws=1, seed=1)


def test_a_grid_in_other_units_is_refused(grid):
    wrong = grid.copy()
    wrong["peak_load_mw"] = wrong["peak_load_mw"].assign_attrs(units="GW")
    with pytest.raises(GridDataError, match=r"peak_load_mw.*GW"):
        estimate(wrong, load(["reference"]), years=[2025], draws=1, seed=1)


def test_progress_counts_to_the_end(grid):
    seen = []
    estimate(
        grid,
        load(["reference"]),
        years=[2025],
        draws=1,
        seed=1,
        device="cpu",
        progress=lambda *a: seen.append(a),
    )
    assert seen[-1][1] == seen[-1][2] == grid.sizes["profile"]


@pytest.mark.parametrize("exchange", ["island", "network"])
@pytest.mark.parametrize("threads", [1, 2])
def test_an_interruption_ends_all_countries(grid, threads, exchange):
    def interrupt(*_):
        raise KeyboardInterrupt

    where = {"years": [2025], "draws": 1, "seed": 1, "threads": threads, "exchange": exchange}
    with pytest.raises(KeyboardInterrupt):
        estimate(grid, load(["reference"]), **where, progress=interrupt)


def test_a_network_under_way_ends_when_told(grid):
    """Its hours ask between years whether anybody still waits for them."""
    told = []

    def progress(name, done, total):
        told.append(done)
        if done == told[-2:][0] and len(told) > 1:
            raise KeyboardInterrupt

    where = {"years": [2025], "draws": 1, "seed": 1, "threads": 1, "exchange": "network"}
    with pytest.raises(KeyboardInterrupt):
        estimate(grid, load(["reference"]), **where, progress=progress)


def test_adequacy_notions_are_chosen_by_name(grid, result):
    peak = estimate(grid, load(["reference"]), years=YEARS, draws=24, seed=5, device="cpu", adequacy="historic_peak")
    assert peak.attrs["adequacy"] == "historic_peak"
    lowest = peak["firm_headroom_mw"].sel(country="CN").min()
    assert lowest == 0, "in the weather year of the peak nothing is left without curtailment"
    assert (peak["grid_headroom_mw"] > 0).all()
    assert (peak["grid_headroom_mw"].to_numpy() != result["grid_headroom_mw"].to_numpy()[:1]).any()
    with pytest.raises(CapacityError, match="firm_capacity, historic_peak"):
        estimate(grid, load(["reference"]), years=YEARS, draws=1, seed=5, adequacy="duke")
