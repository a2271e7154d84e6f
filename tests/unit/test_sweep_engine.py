"""The engine against a client that is no Dask: what it holds of a plan of very many tasks."""

from __future__ import annotations

import pickle
import tracemalloc

import pytest

from capacity.sweep import orders, tasks
from capacity.sweep.plan import Layout

engine = pytest.importorskip("capacity.sweep.engine", exc_type=ImportError)

WORKERS = 2
WINDOW = 8 + 4 * WORKERS


class Future:
    """Done as soon as anybody asks."""

    status = "finished"

    def __init__(self, client, job):
        self._client, self._job = client, job

    def add_done_callback(self, call):
        call(self)

    def result(self, timeout):
        self._client.flying -= 1
        return tasks.Outcome(self._job.task)

    def cancel(self):
        self._client.flying -= 1


class Client:
    """Counts how many tasks it holds at a time, and how many bytes each is."""

    status, cluster = "running", None

    def __init__(self):
        self.flying, self.most, self.largest = 0, 0, 0

    def nthreads(self):
        return {f"worker-{number}": 1 for number in range(WORKERS)}

    def submit(self, work, job, **options):
        self.flying += 1
        self.most = max(self.most, self.flying)
        if job.task % 1000 == 0:
            self.largest = max(self.largest, len(pickle.dumps((work, job, options))))
        return Future(self, job)


def submitted(cut):
    """Client after a run of all tasks of a cut, number of outcomes, and peak memory of the engine in bytes."""
    client, seen = Client(), [0]

    def done(outcome):
        seen[0] += 1

    watch = orders.Watch(done, lambda outcome, tries: None, lambda text: None)
    jobs = (tasks.Job("s3://bucket/sweep", task, "0" * 64, 3600.0) for task in cut)
    tracemalloc.start()
    failed = engine.Run(orders.Pool("tcp://127.0.0.1:1"), client, tasks.run, orders.Limits(), watch)(jobs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert failed == 0
    return client, seen[0], peak


def test_a_plan_of_100_000_tasks_goes_out_in_waves_and_is_never_held():
    small, many = submitted(Layout(10, 25_600, 256)), submitted(Layout(1000, 25_600, 256))
    assert (small[1], many[1]) == (1_000, 100_000)
    assert small[0].most == many[0].most == WINDOW
    assert many[2] < small[2] + 50_000, "bytes that the engine holds do not follow the tasks"


def test_what_is_sent_for_a_task_does_not_follow_its_draws():
    few, many = submitted(Layout(4, 4, 1))[0], submitted(Layout(4, 4 * 4096, 4096))[0]
    assert 0 < few.largest == many.largest < 500
