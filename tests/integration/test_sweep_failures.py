"""Sweeps on real worker processes with everything going wrong: nothing is lost, nothing counted twice."""

import contextlib
import importlib.util
import os
import random
import signal
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
import sweep_faults as faults
from sweep_factory import write_inputs
from sweep_runs import PATIENCE_S, alive, chunks, finished_output, gridflops, opened_in, ready_in, tally_of, until

from capacity.sweep import engine, lease, orders, session, store, tasks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("failures")


@pytest.fixture(scope="module")
def grid_file(folder):
    return write_inputs(folder)


@pytest.fixture(scope="module")
def undisturbed(folder, grid_file):
    """The same plan where nothing goes wrong: 12 tasks."""
    (folder / "quiet").mkdir()
    opened = opened_in(folder / "quiet", ready_in(folder / "quiet", grid_file))
    tally = session.execute(opened, orders.Pool("threads", workers=2), orders.Limits())
    assert tally.done == tally.tasks == 12
    return chunks(opened)


@pytest.fixture(scope="module")
def stormy(folder, grid_file):
    """One run of the command with a poisoned, a killing, a hung and a disk-filling task, and some that fail once."""
    home = folder / "stormy"
    home.mkdir()
    ready_in(home, grid_file)
    limits = ["--retries", 1, "--task-timeout", faults.TIME_LIMIT_S, "--memory", 900, "--workers", 2]
    arguments = ["sweep", home / "plan.yaml", "--grid", grid_file, "--out", home / "store", *limits]
    code, output = finished_output(gridflops(*arguments, work="troubled"))
    return store.open_store(home / "store"), code, output


QUARANTINED = {faults.POISON, faults.KILLER, faults.HUNG, faults.FULL}


def test_what_keeps_failing_is_quarantined_and_the_rest_is_done(stormy):
    opened, code, output = stormy
    assert opened.failed() == QUARANTINED, output
    assert opened.done() == set(opened.layout) - QUARANTINED
    assert code == 3, "partial"
    assert "8 of 12 tasks done" in output
    assert "4 failed" in output
    assert "partial: see `gridflops sweep status" in output
    assert session.status(opened.url)["state"] == "partial"


def test_the_dashboards_address_is_printed_and_logged(stormy):
    opened, _, output = stormy
    address = "http://127.0.0.1:" if importlib.util.find_spec("bokeh") else "none (install bokeh for it)"
    assert f"Dask dashboard: {address}" in output
    [log] = opened.place.names("sweep/logs")
    assert address in opened.place.get(f"sweep/logs/{log}").decode()


def test_what_fails_once_is_retried_to_the_same_bits(stormy, undisturbed):
    """SIGKILL, out of memory and a full disk once each; and every other task that shared a worker with trouble."""
    opened, _, _ = stormy
    tried = {path.name for path in Path(opened.url).parent.glob("tried-*")}
    assert tried == {f"tried-{task}" for task in (faults.KILLED_ONCE, faults.GREEDY, faults.FULL_ONCE)}
    found = chunks(opened)
    for (name, task), content in undisturbed.items():
        if task not in QUARANTINED:
            assert found[name, task] == content, (name, task)


def test_each_quarantined_task_says_why(stormy):
    opened, _, _ = stormy
    reasons = {task: opened.failure(task) for task in QUARANTINED}
    assert "ZeroDivisionError: poisoned" in reasons[faults.POISON].error
    assert "poisoned" in reasons[faults.POISON].traceback
    assert "worker process died" in reasons[faults.KILLER].error
    assert f"time limit of {faults.SHORT_LIMIT_S:g} s" in reasons[faults.HUNG].error
    assert "OSError" in reasons[faults.FULL].error
    # one retry of an error; a death is retried, and tried once more alone
    assert {task: failure.attempts for task, failure in reasons.items()} == {
        faults.POISON: 2,
        faults.FULL: 2,
        faults.KILLER: 3,
        faults.HUNG: 3,
    }


def test_failed_writes_leave_no_partial_files(stormy):
    opened, _, _ = stormy
    assert [path for path in Path(opened.url).rglob("*") if path.name.endswith((".part", ".partial"))] == []


def test_resume_without_the_trouble_completes_it(stormy, undisturbed):
    opened, _, _ = stormy
    tally = session.execute(opened, orders.Pool("threads", workers=2), orders.Limits())
    assert (tally.done, tally.failed, tally.computed, tally.damaged) == (12, 0, 4, 0)
    assert chunks(opened) == undisturbed


def test_a_killed_client_is_resumed_and_only_what_was_in_flight_is_lost(folder, grid_file, undisturbed):
    """SIGKILL at half, SIGTERM at three quarters, then to the end; a second client in between is sent away."""
    home = folder / "killed"
    home.mkdir()
    ready_in(home, grid_file)
    arguments = ["sweep", home / "plan.yaml", "--grid", grid_file, "--out", home / "store", "--workers", 2]

    def done():
        return session.status(home / "store")["done"] if store.state(home / "store") == "sweep" else 0

    faults.raise_gate(home, 6)
    client = gridflops(*arguments, work="gated")
    until(lambda: done() == 6 and len(faults.begun(home)) == 8, "half of the tasks, and two in flight")
    code, output = finished_output(gridflops(*arguments, "--resume"))
    assert (code, output.count("\n")) == (1, 1), output
    assert f"another client runs this sweep (process {client.pid} on" in output
    client.kill()
    client.communicate()
    until(lambda: not any(alive(pid) for _, pid in faults.begun(home)), "the workers of a killed client to end")
    assert done() == 6

    faults.raise_gate(home, 9)
    client = gridflops(*arguments, "--resume", work="gated")
    until(lambda: done() == 9, "progress of the second run")
    client.terminate()
    code, output = finished_output(client)
    assert code == 130, output
    assert "--resume" in output
    assert not store.open_store(home / "store").place.get(lease.KEY)

    faults.raise_gate(home, 12)
    code, output = finished_output(gridflops(*arguments, "--resume", "--json", work="gated"))
    assert code == 0, output
    tally = tally_of(output)
    assert (tally["computed"], tally["damaged"]) == (3, 0)
    assert chunks(store.open_store(home / "store")) == undisturbed
    often = Counter(task for task, _ in faults.begun(home))
    assert all(often[task] == 1 for task in range(6)), "what was done is not begun again"
    assert sum(often.values()) <= 12 + 2 + 2, "at most the two tasks in flight, twice"


def test_random_workers_killed_all_along_change_nothing(folder, grid_file, undisturbed):
    home = folder / "hunted"
    home.mkdir()
    opened = opened_in(home, ready_in(home, grid_file))
    stop, killed = threading.Event(), []

    def hunt():
        chance = random.Random(1)
        while not stop.wait(0.05) and len(killed) < 3:
            prey = sorted(spawned())
            if len(opened.done()) < 2 + 3 * len(killed) or not prey:
                continue
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(prey), signal.SIGKILL)
                killed.append(len(opened.done()))

    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        tally = session.execute(
            opened, orders.Pool("local", workers=2), orders.Limits(retries=3), work=faults.unhurried
        )
    finally:
        stop.set()
        hunter.join()
    assert len(killed) == 3
    assert (tally.done, tally.failed) == (12, 0)
    assert chunks(opened) == undisturbed


def spawned():
    """Worker processes of this process, those that are still starting included."""
    for listing in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread may end while its children are listed
            yield from (int(pid) for pid in listing.read_text().split() if is_spawned(pid))


def is_spawned(pid):
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to find starting processes")
def test_processes_killed_while_they_start_are_replaced(monkeypatch):
    """Dask gives up on a worker that dies before it is up; without the engine's own repair the run would starve."""
    monkeypatch.setattr(engine, "HEAL_AFTER_S", 2.0)
    done, failed, said = [], [], []
    watch = orders.Watch(lambda o: done.append(o.task), lambda o, _: failed.append(o.task), said.append)
    pool = orders.Pool("local", workers=2)

    def hunt():
        until(lambda: any(spawned()), "the first process")
        end = time.monotonic() + 2.0
        while time.monotonic() < end:
            for pid in spawned():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    with engine.connected(pool) as client:
        hunter = threading.Thread(target=hunt)
        hunter.start()
        jobs = [tasks.Job("none", task, "none") for task in range(8)]
        engine.Run(pool, client, faults.idle, orders.Limits(retries=5), watch)(jobs)
        hunter.join()
    assert sorted(done) == list(range(8))
    assert failed == []
    assert any("starting new ones" in text for text in said)


def mounted(path):
    """A file system of 8 MiB, where the machine lets us make one."""
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(path)], capture_output=True)
    return done.returncode == 0


def test_a_disk_that_is_full_ends_in_partial_and_resumes_with_room(folder, grid_file):
    home = folder / "full"
    home.mkdir()
    ready = ready_in(home, grid_file)
    disk = home / "disk"
    if not mounted(disk):
        pytest.skip("no right to mount a small file system here")
    try:
        ballast = disk / "ballast"
        opened = session.make_or_open(str(disk / "s"), ready, resume=False, allow_code_change=False)
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        ballast.write_bytes(b"x" * max(0, free - 80_000))
        limits = orders.Limits(retries=1)
        pool = orders.Pool("threads", workers=2)
        tally = session.execute(opened, pool, limits)
        assert 0 < tally.failed < 12
        assert {opened.failure(task) is None for task in opened.failed()} <= {False}
        assert tally.done + tally.failed == 12
        ballast.unlink()
        tally = session.execute(opened, pool, limits)
        assert (tally.done, tally.failed, tally.damaged) == (12, 0, 0)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_local_scheduler_listens_on_loopback_only_and_has_a_dashboard():
    with engine.connected(orders.Pool("local", workers=1)) as client:
        client.wait_for_workers(1, timeout=PATIENCE_S)
        info = client.scheduler_info()
        assert info["address"].startswith("tcp://127.0.0.1:")
        assert all(address.startswith("tcp://127.0.0.1:") for address in client.nthreads())
        assert list(client.nthreads().values()) == [1]
        address = engine.dashboard(client)
        if importlib.util.find_spec("bokeh") is None:
            assert address == "none (install bokeh for it)"
            return
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert answer.status == 200
