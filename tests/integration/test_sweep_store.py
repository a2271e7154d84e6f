"""A sweep's store: the same bits as `capacity.estimate`, what it refuses, what it repairs, where it may live."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import sweep_faults
import xarray as xr
from click.testing import CliRunner
from sweep_factory import PLAN, prepared, write_inputs, write_plan

import grids
from capacity import CapacityError, estimate
from capacity.cli import main
from capacity.sweep import design, identity, lease, orders, places, session, store, summarise, tasks
from grids import store as grid_store

THREADS = orders.Pool("threads", workers=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sweep")


@pytest.fixture(scope="module")
def grid_file(folder):
    return write_inputs(folder)


@pytest.fixture(scope="module")
def plan_file(folder):
    return write_plan(folder)


@pytest.fixture(scope="module")
def ready(plan_file, grid_file):
    return prepared(plan_file, grid_file)


def make(ready, out, pool=THREADS, **options):
    opened = session.make_or_open(str(out), ready, resume=options.pop("resume", False), allow_code_change=False)
    return opened, session.execute(opened, pool, orders.Limits(retries=1), **options)


@pytest.fixture(scope="module")
def finished(ready, folder):
    opened, tally = make(ready, folder / "finished")
    assert (tally.done, tally.failed, tally.computed) == (12, 0, 12)
    return opened


@pytest.fixture(scope="module")
def reference(ready, grid_file):
    """All variants in one run without Dask."""
    inputs = ready.inputs
    variants = [
        design.variant(
            inputs.scenarios[i // 2], name, dict(zip(inputs.parameters, inputs.design[i].tolist(), strict=True))
        )
        for i, name in enumerate(inputs.names)
    ]
    return estimate(
        grids.open_grid(grid_file),
        variants,
        years=[2025, 2026],
        draws=10,
        seed=5,
        device="cpu",
        engine="numpy",
        area_draws=True,
    )


def copied(finished, target):
    """A copy of the finished store to do harm to."""
    subprocess.run(["cp", "-r", finished.url, str(target)], check=True)
    return store.open_store(target)


def numbers_a_draw(opened):
    """Of all variables, years and places."""
    return sum(int(np.prod(shape)) // shape[store.DRAW_AXIS] for shape in opened.shapes.values())


def contents(opened):
    return {
        (name, task): opened.place.get(opened.chunk_key(name, task)) for name in opened.shapes for task in opened.layout
    }


def test_every_draw_equals_the_run_without_dask(finished, reference):
    with xr.open_zarr(finished.url) as swept:
        drawn = {str(name): v.dims for name, v in reference.data_vars.items() if "draw" in v.dims}
        assert set(finished.shapes) == {name for name, dims in drawn.items() if "technology" not in dims}
        for name in finished.shapes:
            np.testing.assert_array_equal(swept[name].to_numpy(), reference[name].to_numpy(), err_msg=name)
            assert swept[name].attrs["units"] == reference[name].attrs["units"]
        assert swept["scenario"].to_numpy().tolist() == reference["scenario"].to_numpy().tolist()
        assert swept["draw"].to_numpy().tolist() == list(range(10))


@pytest.mark.parametrize(("block", "workers"), [(10, 1), (3, 3)])
def test_any_block_and_worker_count_gives_the_same_bits(block, workers, finished, grid_file, tmp_path):
    ready = prepared(write_plan(tmp_path, block=block), grid_file)
    opened, tally = make(ready, tmp_path / "s", orders.Pool("threads", workers=workers))
    assert tally.tasks == 4 * -(-10 // block)
    with xr.open_zarr(opened.url) as found, xr.open_zarr(finished.url) as wanted:
        for name in finished.shapes:
            np.testing.assert_array_equal(found[name].to_numpy(), wanted[name].to_numpy(), err_msg=name)


def test_a_slice_of_the_draws_is_the_slice(finished, grid_file, tmp_path):
    ready = prepared(write_plan(tmp_path, draws=3, first_draw=6, outputs="[hostable_mw]"), grid_file)
    opened, _ = make(ready, tmp_path / "s")
    with xr.open_zarr(opened.url) as found, xr.open_zarr(finished.url) as wanted:
        assert found["draw"].to_numpy().tolist() == [6, 7, 8]
        np.testing.assert_array_equal(found["hostable_mw"], wanted["hostable_mw"].isel(draw=slice(6, 9)))


def test_the_store_says_what_it_is(finished):
    said = json.loads(xr.open_zarr(finished.url).attrs["sweep"])
    assert said["plan"]["seed"] == 5
    assert said["grid_sha256"] == finished.identity["grid_sha256"]
    assert said["code"]["source_sha256"] == identity.code_version()["source_sha256"]
    assert set(said["scenarios"]) == {"reference", "us-flexible-load"}
    with xr.open_zarr(finished.url) as found:
        assert found["design_value"].shape == (4, 2)


def test_inputs_come_back_as_they_went_in(finished, ready):
    inputs = finished.inputs()
    assert inputs.scenarios == ready.inputs.scenarios
    np.testing.assert_array_equal(inputs.design, ready.inputs.design)


def test_a_finished_sweep_is_resumed_without_computing(finished, ready, tmp_path):
    copied(finished, tmp_path / "s")
    _, tally = make(ready, tmp_path / "s", resume=True)
    assert (tally.done, tally.computed, tally.damaged) == (12, 0, 0)


def test_flipped_truncated_and_lost_chunks_are_found_and_computed_again(finished, ready, tmp_path):
    opened = copied(finished, tmp_path / "s")
    root = tmp_path / "s"
    flipped, short, lost = (root / opened.chunk_key("hostable_mw", task) for task in (0, 4, 7))
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    short.write_bytes(short.read_bytes()[:-3])
    lost.unlink()
    (root / "sweep/done/000000009.json").write_text("{")
    with xr.open_zarr(root) as damaged, pytest.raises(Exception, match=r"(?i)checksum|crc|decod"):
        damaged["hostable_mw"].load()  # any reader notices
    _, tally = make(ready, root, resume=True)
    assert (tally.damaged, tally.computed, tally.done) == (4, 4, 12)
    assert contents(opened) == contents(finished)


def test_one_line_refuses_another_seed_grid_or_code(finished, plan_file, grid_file, tmp_path, monkeypatch):
    other = write_plan(tmp_path, seed=6)
    arguments = ["--grid", str(grid_file), "--out", finished.url, "--scheduler", "threads"]
    done = CliRunner().invoke(main, ["sweep", str(other), *arguments, "--resume"])
    assert done.exit_code == 1
    assert done.output.count("\n") == 1
    assert "plan.seed: 5 in the store, 6 now" in done.output
    changed_grid = tmp_path / "changed.nc"
    with grids.open_grid(grid_file) as grid:
        grid_store.write_grid(grid.assign(annual_load_mwh=grid["annual_load_mwh"] * 1.01), changed_grid)
    done = CliRunner().invoke(main, ["sweep", str(plan_file), "--grid", str(changed_grid), *arguments[2:], "--resume"])
    assert done.exit_code == 1
    assert done.output.count("\n") == 1
    assert "grid_sha256" in done.output
    done = CliRunner().invoke(main, ["sweep", str(plan_file), *arguments])
    assert done.exit_code == 1
    assert "--resume" in done.output
    changed = dict(identity.code_version()) | {"source_sha256": "0" * 64}
    monkeypatch.setattr(identity, "code_version", lambda: changed)
    done = CliRunner().invoke(main, ["sweep", str(plan_file), *arguments, "--resume"])
    assert done.exit_code == 1
    assert "source_sha256" in done.output
    assert "--allow-code-change" in done.output
    done = CliRunner().invoke(main, ["sweep", str(plan_file), *arguments, "--resume", "--allow-code-change"])
    assert done.exit_code == 0, done.output
    assert "12 of 12 tasks done (0 computed now" in done.output


def test_a_worker_with_other_code_stops_the_run(ready, tmp_path, monkeypatch):
    opened = session.make_or_open(str(tmp_path / "s"), ready, resume=False, allow_code_change=False)
    outcome = tasks.run(tasks.Job(opened.url, 0, "another"))
    assert outcome.fatal
    with pytest.raises(CapacityError, match="other code"):
        session.execute(opened, THREADS, orders.Limits(), work=lambda job: outcome)


def test_foreign_places_are_left_alone(ready, tmp_path):
    (tmp_path / "mine.txt").write_text("keep me")
    for out in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(CapacityError, match="no sweep"):
            session.make_or_open(str(out), ready, resume=True, allow_code_change=True)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_store_whose_making_was_interrupted_is_made_anew(ready, tmp_path):
    opened = session.make_or_open(str(tmp_path / "s"), ready, resume=False, allow_code_change=False)
    opened.place.delete(store.MARK)
    assert store.state(opened.url) == "unfinished"
    again = session.make_or_open(str(tmp_path / "s"), ready, resume=False, allow_code_change=False)
    assert store.state(again.url) == "sweep"


@pytest.mark.parametrize("key", ["../x", "/x", "a/../../x", ".hidden", "a//b", "a/./b", "", "a\\b", "a\n"])
def test_keys_that_leave_the_store_are_refused(key, tmp_path):
    place = places.of(tmp_path / "s")
    with pytest.raises(CapacityError, match="no key of a sweep"):
        place.put(key, b"x")
    assert list(tmp_path.iterdir()) == []


def test_arrays_that_do_not_fit_are_refused(finished, tmp_path):
    opened = copied(finished, tmp_path / "s")
    good = {name: np.ones((1, 2, 4, *shape[3:])) for name, shape in opened.shapes.items()}
    bad = good | {"hostable_mw": np.full((1, 2, 4, 2), np.nan)}
    with pytest.raises(CapacityError, match="not finite"):
        opened.write(0, bad, seconds=0.0, worker="")
    with pytest.raises(CapacityError, match="expected float64"):
        opened.write(0, good | {"hostable_mw": np.ones((1, 2, 3, 2))}, seconds=0.0, worker="")
    with pytest.raises(CapacityError, match="the store keeps"):
        opened.write(0, {}, seconds=0.0, worker="")


def test_a_poisoned_task_leaves_the_others_and_says_so(ready, plan_file, grid_file, tmp_path):
    opened, tally = make(ready, tmp_path / "s", work=sweep_faults.poisoned)
    assert (tally.done, tally.failed) == (11, 1)
    failure = opened.failure(sweep_faults.POISON)
    assert failure.attempts == 2
    assert "poisoned" in failure.error
    found = json.loads(CliRunner().invoke(main, ["sweep", "status", opened.url, "--json"]).stdout)
    assert (found["state"], found["done"], found["failed"], found["remaining"]) == ("partial", 11, 1, 0)
    assert "poisoned" in found["failures"][0]["error"]
    with pytest.raises(CapacityError, match="1 of 12 tasks are missing"):
        list(summarise.summaries(opened, xr.open_zarr(opened.url)))
    with xr.open_zarr(opened.url) as partial:
        draws = {s.scenario: s.draws for s in summarise.summaries(opened, partial, variables=["h100e"], partial=True)}
    assert sorted(draws.values()) == [6, 10, 10, 10]
    _, tally = make(ready, tmp_path / "s", resume=True)  # the trouble is gone
    assert (tally.done, tally.failed, tally.computed) == (12, 0, 1)
    assert opened.failed() == set()


def test_too_many_failures_stop_the_run(ready, tmp_path):
    opened = session.make_or_open(str(tmp_path / "s"), ready, resume=False, allow_code_change=False)
    limits = orders.Limits(retries=0, max_failed=3)
    with pytest.raises(CapacityError, match="3 tasks failed"):
        session.execute(opened, THREADS, limits, work=lambda job: tasks.Outcome(job.task, error="no luck"))


def test_summaries_equal_those_of_the_run_without_dask(finished, reference):
    with xr.open_zarr(finished.url, chunks=None) as dataset:
        for budget in (1, summarise.BUDGET_BYTES):
            found = list(
                summarise.summaries(finished, dataset, variables=["area_hostable_mw_draws", "h100e"], budget=budget)
            )
            for summary in found:
                said = reference.sel(scenario=summary.scenario)
                if summary.variable == "area_hostable_mw_draws":
                    wanted = said["area_hostable_mw"].transpose("quantile", "year", "area")
                    np.testing.assert_array_equal(summary.quantiles, wanted)
                    np.testing.assert_allclose(summary.mean, said["area_hostable_mw_mean"], rtol=1e-14)
                else:
                    wanted = np.quantile(said["h100e"], summarise.QUANTILES, axis=1)
                    np.testing.assert_array_equal(summary.quantiles, wanted)


def test_summarise_prints_rows(finished, tmp_path):
    done = CliRunner().invoke(main, ["summarise", finished.url, "--json", "--variable", "hostable_mw"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert len(found) == 4 * 2 * 2
    assert found[0]["p05"] <= found[0]["p50"] <= found[0]["p95"]
    done = CliRunner().invoke(main, ["summarise", finished.url, "--out", str(tmp_path / "all.csv")])
    assert done.exit_code == 0, done.output
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 1 + 4 * numbers_a_draw(finished)
    assert "hostable_mw" in CliRunner().invoke(main, ["summarise", finished.url]).stdout
    done = CliRunner().invoke(main, ["summarise", finished.url, "--variable", "nonsense"])
    assert done.exit_code == 1
    assert "hostable_mw" in done.output


def test_dry_run_says_what_it_takes_and_writes_nothing(finished, plan_file, grid_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["sweep", str(plan_file), "--grid", str(grid_file), "--dry-run", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["tasks"], found["variants"], found["chunks_a_task"]) == (12, 4, len(finished.shapes))
    assert found["output_bytes"] == 8 * 4 * 10 * numbers_a_draw(finished)
    assert found["seconds_a_task"] > 0
    assert found["working_bytes_a_task"] > found["output_bytes_a_task"]
    text = CliRunner().invoke(main, ["sweep", str(plan_file), "--grid", str(grid_file), "--dry-run"]).output
    assert "memory a task" in text
    assert list(tmp_path.iterdir()) == []


def test_unknown_outputs_and_designs_are_named(grid_file, tmp_path):
    ready = prepared(write_plan(tmp_path, outputs="[country, cells]"), grid_file)
    with pytest.raises(CapacityError, match="outputs: cells"):
        session.make_or_open(str(tmp_path / "s"), ready, resume=False, allow_code_change=False)
    text = PLAN + "design: {kind: full_grid, parameters: {us.no_such: {values: [1.0]}}}\n"
    with pytest.raises(CapacityError, match=r"us\.no_such"):
        prepared(write_plan(tmp_path, text), grid_file)


def test_only_the_engine_imports_the_scheduler():
    modules = ", ".join(f"capacity.sweep.{m}" for m in ("cli", "plan", "tasks", "store", "summarise", "prepare"))
    code = f"import sys, capacity.cli, {modules}; print([m for m in sys.modules if m == 'distributed'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def bucket(monkeypatch):
    """A local S3-compatible server with one bucket."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    fs = pytest.importorskip("s3fs").S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"], skip_instance_cache=True)
    fs.mkdir("sweeps")
    yield "s3://sweeps"
    server.stop()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_an_object_store_holds_the_same_bytes_written_by_worker_processes(bucket, grid_file, tmp_path):
    ready = prepared(write_plan(tmp_path, PLAN, draws=4, block=2, outputs="[h100e, hostable_mw]"), grid_file)
    folder, _ = make(ready, tmp_path / "folder")
    address = f"{bucket}/first"
    opened, tally = make(ready, address, orders.Pool("local", workers=1))
    assert (tally.done, tally.failed) == (4, 0)
    assert contents(opened) == contents(folder)
    assert all(f":{os.getpid()}" not in opened.record(task).worker for task in opened.layout)
    damaged = opened.chunk_key("h100e", 3)
    opened.place.put(damaged, opened.place.get(damaged)[:-1] + b"x")
    _, tally = make(ready, address, resume=True)
    assert (tally.damaged, tally.computed, tally.done) == (1, 1, 4)
    assert session.status(address)["state"] == "complete"
    assert opened.place.get(lease.KEY) is None
    with xr.open_zarr(address) as found, xr.open_zarr(folder.url) as wanted:
        np.testing.assert_array_equal(found["hostable_mw"], wanted["hostable_mw"])
