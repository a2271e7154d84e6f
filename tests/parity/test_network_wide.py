"""Networks of more areas than bits in a word: walked with one flow, against side-by-side flows and linear programs."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from network_reference import headroom_lp, random_network
from numpy.testing import assert_allclose, assert_array_equal

from cuda_kernels._network_numpy import MOST_IN_A_WORD, augmented, imports_into
from cuda_kernels.network import curtailed_mw, network_headroom

pytestmark = pytest.mark.skipif(find_spec("numba") is None, reason="the extra [fast] is not installed")


def cut_value(deficit, member, limits):
    inside = member.astype(float)
    return np.maximum((deficit * inside).sum(axis=1) - imports_into(inside, limits), 0.0)


@pytest.mark.parametrize("seed", range(24))
def test_sides_are_as_tight_as_those_of_flows_side_by_side(seed):
    from cuda_kernels._network_wide import short_sides

    margin, limits, _ = random_network(seed, areas=2 + 4 * seed, hours=30)
    if seed % 3 == 0:  # ties
        margin, limits = np.round(margin), np.round(limits)
    found, want = short_sides(-margin, limits), augmented(-margin, limits)[0]
    assert_allclose(cut_value(-margin, found, limits), cut_value(-margin, want, limits), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_headroom_of_a_wide_network_equals_a_linear_program_and_numpy(share):
    margin, limits, direction = random_network(11, areas=MOST_IN_A_WORD + 9, hours=8)
    margin += 4.0  # some room in every hour
    asked = (margin.T[:, None, :], np.ones((1, margin.shape[1], 1)), limits, direction, share)
    found, slow = (network_headroom(*asked, engine=engine) for engine in ("numba", "numpy"))
    assert found.headroom_mw[0, 0] > 0.0
    assert_allclose(found.headroom_mw[0, 0], headroom_lp(margin, limits, direction, share), rtol=1e-9)
    assert_allclose(found.headroom_mw, slow.headroom_mw, rtol=1e-12)
    assert_array_equal(found.curtailed_hours, slow.curtailed_hours)


def test_curtailment_of_a_wide_network_is_that_of_flows_side_by_side_and_ends_at_its_headroom(monkeypatch):
    margin, limits, direction = random_network(11, areas=MOST_IN_A_WORD + 9, hours=8)
    margin += 4.0
    case = margin.T[:, None, :], np.ones((1, margin.shape[1], 1)), limits
    load = network_headroom(*case, direction, 0.05).headroom_mw[0, 0] * direction[None]
    slow = curtailed_mw(*case, load, engine="numpy")
    monkeypatch.setattr("cuda_kernels._network_numpy.augmented", None)  # takes minutes for a year of zones
    found = curtailed_mw(*case, load, engine="numba")
    assert_allclose(found, slow, rtol=1e-9, atol=1e-9)
    assert_allclose(found.sum(), 0.05 * 8 * load.sum(), rtol=1e-9)
