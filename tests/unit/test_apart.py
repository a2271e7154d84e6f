"""Processes that work beside this one: what they answer, and that they end when nobody waits for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from grid_factory import tiny_grid

from capacity import CapacityError, apart, estimate, estimation
from scenarios import load

PATIENCE_S = 120.0  # until what should end counts as still there
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def test_few_are_called_here():
    for count in (0, 1):
        with apart.processes(count) as call:
            assert call(os.getpid) == os.getpid()


def test_processes_answer_threads_and_errors_come_back():
    with apart.processes(2) as call:
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda n: call(divmod, n, 7), range(40)))
        assert found == [divmod(n, 7) for n in range(40)]
        assert call(print, "what is printed is no answer") is None
        with pytest.raises(ZeroDivisionError) as error:
            call(divmod, 1, 0)
        assert "in serve" in error.value.__notes__[0]
        with pytest.raises(Exception, match="pickle"):
            call(lambda: 0)
        with pytest.raises(Exception, match="pickle"):
            call(eval, "lambda: 0")
        pids = {call(os.getpid) for _ in range(4)}
        assert os.getpid() not in pids
        assert len(pids) == 2


def test_one_that_ends_is_missed():
    with apart.processes(2) as call, pytest.raises(CapacityError, match=r"exit status 5.*fewer draws"):
        call(os._exit, 5)


def test_without_an_interpreter_functions_are_called_here(monkeypatch):
    monkeypatch.setattr(sys, "executable", str(Path(__file__).parent / "no such interpreter"))
    with apart.processes(2) as call:
        assert call(os.getpid) == os.getpid()


@POSIX
@pytest.mark.parametrize("ends", ["os.kill(os.getpid(), signal.SIGKILL)", "os.killpg(0, signal.SIGINT)"])
def test_they_end_with_their_caller(ends):
    """Everyone's standard error is one pipe, which closes when the last of them has ended."""
    script = f"""
import os, signal, time
from capacity import apart
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background ignores
with apart.processes(2) as call:
    call(os.getpid)
    {ends}
    time.sleep({PATIENCE_S})
"""
    command = [sys.executable, "-c", script]
    where = {"PYTHONPATH": os.pathsep.join(sys.path), **os.environ}
    caller = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True, env=where)
    said = caller.communicate(timeout=PATIENCE_S)[1].decode()
    assert caller.returncode in (-signal.SIGKILL, -signal.SIGINT)
    assert said.count("Traceback") == (caller.returncode == -signal.SIGINT), said


@pytest.mark.parametrize(("scenario", "storage"), [("reference", "equivalent"), ("us-power-capping", "credit")])
def test_a_run_of_many_cases_is_the_same_in_processes(monkeypatch, scenario, storage):
    """With storage and events, and with terms of a policy, of which each area fills in its part."""
    begun = []
    at_work = apart.processes

    def counted(count):
        begun.append(count)
        return at_work(count)

    monkeypatch.setattr(apart, "processes", counted)
    asked = {"years": [2025, 2026], "draws": 4, "seed": 3, "device": "cpu", "event_draws": 2, "storage": storage}
    here = estimate(tiny_grid(), load([scenario]), **asked, engine="numpy", threads=2)
    monkeypatch.setattr(estimation, "WORTH_PROCESSES", 1)
    there = estimate(tiny_grid(), load([scenario]), **asked, engine="numpy", threads=2)
    assert begun == [0, 2]
    for name in here.data_vars:
        np.testing.assert_array_equal(there[name].to_numpy(), here[name].to_numpy(), err_msg=str(name))


def test_a_long_run_within_limits_says_what_numba_would_spare(monkeypatch, caplog):
    class Enough(Exception):
        pass

    def stop(count):
        raise Enough

    monkeypatch.setattr(estimation.apart, "processes", stop)
    for engine, exchange, draws, said in (
        ("numpy", "network", 600, True),
        ("numpy", "network", 3, False),
        ("numpy", "island", 600, False),
        ("numba", "network", 600, False),
    ):
        monkeypatch.setattr(estimation, "resolve_engine", lambda engine: engine)
        caplog.clear()
        with pytest.raises(Enough):
            estimate(
                tiny_grid(), load(["reference"]), years=[2025], draws=draws, seed=1, engine=engine, exchange=exchange
            )
        assert ("install gridflops[fast]" in caplog.text) == said
