"""Sweeps on real worker processes with everything going wrong: nothing is lost, nothing counted twice."""

import contextlib
import datetime
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sweep_faults as faults
from sweep_factory import PLAN, prepared, write_inputs, write_plan

from capacity.sweep import engine, orders, session, store, tasks

pytestmark = pytest.mark.slow

PATIENCE_S = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("failures")


@pytest.fixture(scope="module")
def grid_file(folder):
    return write_inputs(folder)


def ready_in(folder, grid_file, **changes):
    return prepared(write_plan(folder, PLAN, **({"years": "'2025'", "draws": 6, "block": 1} | changes)), grid_file)


def opened_in(folder, ready):
    return session.make_or_open(str(folder / "store"), ready, resume=False, allow_code_change=False)


def chunks(opened):
    return {
        (name, task): opened.place.get(opened.chunk_key(name, task)) for name in opened.shapes for task in opened.layout
    }


@pytest.fixture(scope="module")
def undisturbed(folder, grid_file):
    """The same plan where nothing goes wrong: 12 tasks."""
    (folder / "quiet").mkdir()
    opened = opened_in(folder / "quiet", ready_in(folder / "quiet", grid_file))
    tally = session.execute(opened, orders.Pool("threads", workers=2), orders.Limits())
    assert tally.done == tally.tasks == 12
    return chunks(opened)


def until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.05)


def gridflops(*arguments, **options):
    code = "from capacity.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def finished_output(process):
    output, _ = process.communicate(timeout=PATIENCE_S)
    return process.returncode, output


@pytest.fixture(scope="module")
def stormy(folder, grid_file):
    """One run with a poisoned, a killing, a hung and a disk-filling task, and some that fail only once."""
    (folder / "stormy").mkdir()
    ready = ready_in(folder / "stormy", grid_file)
    opened = opened_in(folder / "stormy", ready)
    pool = orders.Pool("local", workers=2, memory=900 * 2**20)
    limits = orders.Limits(retries=1, timeout_s=faults.TIME_LIMIT_S)
    tally = session.execute(opened, pool, limits, work=faults.troubled)
    return opened, tally


QUARANTINED = {faults.POISON, faults.KILLER, faults.HUNG, faults.FULL}


def test_what_keeps_failing_is_quarantined_and_the_rest_is_done(stormy):
    opened, tally = stormy
    assert opened.failed() == QUARANTINED
    assert opened.done() == set(opened.layout) - QUARANTINED
    assert (tally.done, tally.failed) == (8, 4)
    assert session.status(opened.url)["state"] == "partial"


def test_what_fails_once_is_retried_to_the_same_bits(stormy, undisturbed):
    """SIGKILL, out of memory and a full disk once each; and every other task that shared a worker with trouble."""
    opened, _ = stormy
    tried = {path.name for path in Path(opened.url).parent.glob("tried-*")}
    assert tried == {f"tried-{task}" for task in (faults.KILLED_ONCE, faults.GREEDY, faults.FULL_ONCE)}
    found = chunks(opened)
    for (name, task), content in undisturbed.items():
        if task not in QUARANTINED:
            assert found[name, task] == content, (name, task)


def test_each_quarantined_task_says_why(stormy):
    opened, _ = stormy
    reasons = {task: opened.failure(task) for task in QUARANTINED}
    assert "ZeroDivisionError: poisoned" in reasons[faults.POISON].error
    assert "poisoned" in reasons[faults.POISON].traceback
    assert "worker process died" in reasons[faults.KILLER].error
    assert "time limit of 8 s" in reasons[faults.HUNG].error
    assert "OSError" in reasons[faults.FULL].error
    # one retry of an error; a death is retried, and tried once more alone
    assert {task: failure.attempts for task, failure in reasons.items()} == {
        faults.POISON: 2,
        faults.FULL: 2,
        faults.KILLER: 3,
        faults.HUNG: 3,
    }


def test_failed_writes_leave_no_partial_files(stormy):
    opened, _ = stormy
    assert [path for path in Path(opened.url).rglob("*") if path.name.endswith((".part", ".partial"))] == []


def test_resume_without_the_trouble_completes_it(stormy, undisturbed):
    opened, _ = stormy
    tally = session.execute(opened, orders.Pool("threads", workers=2), orders.Limits())
    assert (tally.done, tally.failed, tally.computed, tally.damaged) == (12, 0, 4, 0)
    assert chunks(opened) == undisturbed


def test_a_killed_client_is_resumed_and_only_what_was_in_flight_is_lost(folder, grid_file, undisturbed):
    """SIGKILL at about half, a random worker killed now and then, SIGTERM later, then to the end."""
    home = folder / "killed"
    home.mkdir()
    ready_in(home, grid_file)
    arguments = ["sweep", home / "plan.yaml", "--grid", grid_file, "--out", home / "store", "--workers", 2]
    done = home / "store" / "sweep" / "done"

    def count():
        return len(list(done.glob("*.json"))) if done.is_dir() else 0

    client = gridflops(*arguments)
    until(lambda: count() >= 6, "half of the tasks")
    client.kill()
    client.communicate()
    kept = count()
    workers = [int(json.loads(path.read_text())["worker"].split(":")[1]) for path in done.glob("*.json")]
    until(lambda: not any(alive(pid) for pid in workers), "the workers of a killed client to end")
    kept_after = count()
    assert kept <= kept_after <= kept + 2, "at most the two tasks in flight finish"
    client = gridflops(*arguments, "--resume")
    until(lambda: count() >= kept_after + 2, "progress of the second run")
    client.terminate()
    code, output = finished_output(client)
    assert code == 130, output
    assert "--resume" in output
    second = count()
    code, output = finished_output(gridflops(*arguments, "--resume", "--json"))
    assert code == 0, output
    tally = json.loads(output)
    assert tally["computed"] == 12 - second
    assert tally["damaged"] == 0
    assert chunks(store.open_store(home / "store")) == undisturbed


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


def test_random_workers_killed_all_along_change_nothing(folder, grid_file, undisturbed):
    home = folder / "hunted"
    home.mkdir()
    opened = opened_in(home, ready_in(home, grid_file))
    stop, killed = threading.Event(), []

    def hunt():
        chance = random.Random(1)
        while not stop.wait(4.0) and len(killed) < 4:
            pids = {opened.record(task).worker.split(":")[1] for task in opened.done() if opened.record(task)}
            prey = sorted(int(pid) for pid in pids if alive(int(pid)) and int(pid) != os.getpid())
            if prey:
                killed.append(chance.choice(prey))
                os.kill(killed[-1], signal.SIGKILL)

    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        tally = session.execute(
            opened, orders.Pool("local", workers=2), orders.Limits(retries=3), work=faults.unhurried
        )
    finally:
        stop.set()
        hunter.join()
    assert killed
    assert (tally.done, tally.failed) == (12, 0)
    assert chunks(opened) == undisturbed


def spawned():
    """Worker processes of this process, those that are still starting included."""
    for listing in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        for pid in listing.read_text().split():
            with contextlib.suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    yield int(pid)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to find starting processes")
def test_processes_killed_while_they_start_are_replaced(monkeypatch):
    """Dask gives up on a worker that dies before it is up; without the engine's own repair the run would starve."""
    monkeypatch.setattr(engine, "HEAL_AFTER_S", 4.0)
    done, failed, said = [], [], []
    watch = orders.Watch(lambda o: done.append(o.task), lambda o, _: failed.append(o.task), said.append)
    pool = orders.Pool("local", workers=2)

    def hunt():
        time.sleep(1.0)
        end = time.monotonic() + 4.0
        while time.monotonic() < end:
            for pid in spawned():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)

    with engine.connected(pool) as client:
        hunter = threading.Thread(target=hunt)
        hunter.start()
        jobs = [tasks.Job("none", task, "none") for task in range(16)]
        engine.Run(pool, client, faults.idle, orders.Limits(retries=5), watch)(jobs)
        hunter.join()
    assert sorted(done) == list(range(16))
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
        ballast.write_bytes(b"x" * max(0, free - 400_000))
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


# ------------------------------------------------------------------ an outside scheduler, over TLS


def certificate(folder):
    """A self-signed certificate that is its own authority."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gridflops-test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


class Outside:
    """A scheduler and a worker as an administrator would start them."""

    def __init__(self, folder, cert, key):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"tls://127.0.0.1:{self.port}"
        self.tls = ["--tls-ca-file", cert, "--tls-cert", cert, "--tls-key", key]
        self.folder = folder
        self.processes = []

    def start(self):
        scheduler = ["scheduler", "--protocol", "tls", "--host", "127.0.0.1", "--port", self.port, "--no-dashboard"]
        worker = ["worker", self.address, "--nthreads", 1, "--host", "127.0.0.1", "--no-dashboard"]
        for command in (scheduler, [*worker, "--local-directory", self.folder]):
            arguments = [sys.executable, "-m", "dask", *map(str, command), *map(str, self.tls)]
            log = (self.folder / "outside.log").open("a")
            self.processes.append(subprocess.Popen(arguments, stdout=log, stderr=log, start_new_session=True))
            log.close()

    def kill(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes = []


def test_a_scheduler_that_is_killed_and_started_again_loses_nothing(folder, grid_file, undisturbed):
    home = folder / "outside"
    home.mkdir()
    ready_in(home, grid_file)
    cert, key = certificate(home)
    outside = Outside(home, cert, key)
    arguments = ["sweep", home / "plan.yaml", "--grid", grid_file, "--out", home / "store", "--json"]
    arguments += ["--scheduler", outside.address, "--tls-ca", cert, "--tls-cert", cert, "--tls-key", key]
    try:
        outside.start()
        client = gridflops(*arguments)
        done = home / "store" / "sweep" / "done"
        until(lambda: done.is_dir() and len(list(done.iterdir())) >= 4, "four tasks")
        outside.kill()
        outside.start()
        code, output = finished_output(client)
        assert code == 0, output
        tally = json.loads(output)
        assert (tally["done"], tally["failed"]) == (12, 0)
        logs = "".join(path.read_text() for path in (home / "store/sweep/logs").iterdir())
        assert "lost" in logs or tally["computed"] == 12
        plain = gridflops(*arguments[:-6], "--scheduler", outside.address, "--resume")
        code, output = finished_output(plain)
        assert code == 1
        assert "--tls-ca" in output
    finally:
        outside.kill()
    assert chunks(store.open_store(home / "store")) == undisturbed


def test_a_local_scheduler_listens_on_loopback_only():
    with engine.connected(orders.Pool("local", workers=1)) as client:
        client.wait_for_workers(1, timeout=PATIENCE_S)
        info = client.scheduler_info()
        assert info["address"].startswith("tcp://127.0.0.1:")
        assert all(address.startswith("tcp://127.0.0.1:") for address in client.nthreads())
        assert list(client.nthreads().values()) == [1]
