"""The toy benchmark of the network kernel runs and its solvers agree: HiGHS always, PyPSA where it is installed."""

from __future__ import annotations

import pytest

from benchmarks import network_toy


@pytest.mark.filterwarnings("ignore")
def test_solvers_agree_on_the_toy_network():
    found = network_toy.compare(cases=2, hours=12, areas=3)
    assert {"gridflops", "HiGHS"} <= set(found)
    assert found["gridflops"][1] == 0.0
    for name, (_, difference) in found.items():
        assert difference < 1e-6, name


@pytest.mark.filterwarnings("ignore")  # PyPSA's own announcements
def test_pypsa_gives_the_same_headroom():
    pytest.importorskip("pypsa")
    margin, limits, direction = network_toy.random_network(4, 3, 12)
    limits = limits.clip(max=1e6)
    want = network_toy.kernel(margin, limits, direction)
    assert network_toy.pypsa_headroom(margin, limits, direction) == pytest.approx(want, rel=1e-6)
