"""The benchmark of the supply projection runs, and threads change nothing but the time."""

from benchmarks import supply


def test_threads_give_the_same_total_and_memory_is_bounded(monkeypatch):
    monkeypatch.setattr("capacity.project.place.BLOCK", 3)
    one, two = supply.measure(7, 1), supply.measure(7, 2)
    assert one["total_gw"] == two["total_gw"] > 0.0
    assert (one["areas"], one["technologies"]) == (49, 12)
    assert two["wall_alone_s"] > 0.0
    assert two["peak_mb"] < 4_000.0
