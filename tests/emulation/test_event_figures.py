"""event_figures.cu, run on the CPU through the product's own launcher."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cuda_kernels.event_figures import event_figures, event_figures_of_sets


def made_up(cases: int, hours: int, terms: int = 3, sets: int = 2) -> tuple[np.ndarray, ...]:
    """Profiles, coefficients, loads and kinds of hours; some loads are nil, some never met, some always."""
    rng = np.random.default_rng(cases + hours)
    profiles = np.stack([np.vstack([np.ones(hours), rng.normal(size=(terms - 1, hours))]) for _ in range(sets)])
    profiles[0, -1].sort()  # long runs
    profiles[1, -1] = np.where(np.arange(hours) // 32 % 2, 9.0, -9.0)  # runs of whole words of 32 hours
    coefficients = rng.normal(0.5, 1, (sets, cases, terms))
    load = rng.exponential(size=(sets, cases))
    load[:, ::5], load[:, 1::7] = 0.0, 1e3
    return profiles, coefficients, load, rng.integers(0, 4, (2, hours))


@pytest.mark.parametrize(("cases", "hours", "terms"), [(3, 1, 1), (6, 31, 2), (4, 1025, 3), (9, 2500, 7)])
def test_bits_of_the_twin_in_any_thread_order(cupy, order, cases, hours, terms):
    arrays = made_up(cases, hours, terms)
    got = event_figures_of_sets(*map(cupy.asarray, arrays))
    profiles, coefficients, load, kinds = arrays
    for set_ in range(2):
        want = event_figures(profiles[set_], coefficients[set_], load[set_], kinds, engine="numpy")
        assert_array_equal(got.get()[set_], want)
    one = event_figures(*(cupy.asarray(array[0]) for array in arrays[:3]), cupy.asarray(kinds))
    assert_array_equal(one.get(), got.get()[0])


def test_no_case_launches_nothing_and_nothing_is_moved(cupy):
    from . import stand_in

    arrays = [cupy.asarray(array) for array in made_up(4, 50)]
    stand_in.transfers.clear()
    event_figures_of_sets(*arrays)
    assert not stand_in.transfers
    stand_in.launches.clear()
    assert event_figures_of_sets(arrays[0], arrays[1][:, :0], arrays[2][:, :0], arrays[3]).shape == (2, 0, 12)
    assert stand_in.launches == []
