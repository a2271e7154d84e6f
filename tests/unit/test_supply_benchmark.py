"""The benchmark of the supply projection runs, and ranges of draws add up."""

import pytest

from benchmarks import supply


def test_ranges_of_draws_add_up_and_memory_is_bounded():
    whole, first, second = supply.work(0, 6), supply.work(0, 2), supply.work(2, 6)
    assert whole.total_mw == pytest.approx(first.total_mw + second.total_mw, rel=1e-12)
    assert whole.cpu_s > 0.0
    assert whole.peak_mb < 4_000.0
