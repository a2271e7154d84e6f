"""Philox and the normal quantile against published vectors, plain integers, and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special

from cuda_kernels import KernelError
from cuda_kernels.philox import normal_from_uniform, philox4x32, uniform

# Known-answer vectors of Random123 (Salmon et al. 2011): counter, key, result.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
words = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(("counter", "key", "want"), KNOWN)
def test_known_answers(counter, key, want):
    got = philox4x32(np.array(counter, dtype=np.uint32), np.array(key, dtype=np.uint32))
    assert tuple(int(word) for word in got) == want
    assert reference.philox4x32(counter, key) == want


@settings(max_examples=100, deadline=None)
@given(counter=st.tuples(words, words, words, words), key=st.tuples(words, words))
def test_integers_equal_plain_python(counter, key):
    got = philox4x32(np.array([counter], dtype=np.uint32), np.array(key, dtype=np.uint32))
    assert got.dtype == np.uint32
    assert tuple(int(word) for word in got[0]) == reference.philox4x32(counter, key)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**64 - 1), draw=words, parameter=words, year=words, lane=words)
def test_uniform_is_one_word_of_one_block(seed, draw, parameter, year, lane):
    got = uniform(seed, np.array([draw]), parameter, np.array([year]), np.array([lane]))
    block = reference.philox4x32((draw, parameter, year, lane >> 2), (seed % 2**32, seed >> 32))
    assert got.shape == (1, 1, 1)
    assert got[0, 0, 0] == (block[lane % 4] + 0.5) / 2**32


def test_a_value_does_not_depend_on_how_many_are_drawn():
    years, lanes = np.arange(2025, 2041), np.arange(49)
    whole = uniform(42, np.arange(1000), 7, years, lanes)
    assert whole.shape == (1000, 16, 49)
    assert_array_equal(whole[:500], uniform(42, np.arange(500), 7, years, lanes))
    assert_array_equal(whole[300:310, 3, 5], uniform(42, np.arange(300, 310), 7, int(years[3]), 5))
    assert_array_equal(whole[[900, 2]][:, :, 48], uniform(42, np.array([900, 2]), 7, years, 48))


def test_numbers_are_uniform_and_independent():
    u = uniform(1, np.arange(4096), 3, np.arange(4), np.arange(8))
    assert u.min() > 0
    assert u.max() < 1
    counts = np.histogram(u, bins=64, range=(0, 1))[0]
    expected = u.size / 64
    assert ((counts - expected) ** 2 / expected).sum() < 120  # chi-squared, 63 degrees: p is about 1e-5
    z = normal_from_uniform(u).reshape(4096, -1)
    correlation = np.corrcoef(z.T)
    assert np.abs(correlation - np.eye(32)).max() < 5 / np.sqrt(4096)


def test_seeds_and_parameters_give_other_streams():
    base = uniform(1, np.arange(100), 3)
    for other in (
        uniform(2, np.arange(100), 3),
        uniform(1, np.arange(100), 4),
        uniform(1 + 2**32, np.arange(100), 3),
    ):
        assert not (base == other).any()


def test_normal_quantile_against_scipy():
    tails = 10.0 ** -np.linspace(0.31, 300, 5001)
    u = np.concatenate([np.linspace(1e-6, 1 - 1e-6, 20001), tails, 1 - tails[tails > 1e-15], [0.075, 0.925]])
    assert_allclose(normal_from_uniform(u), special.ndtri(u), rtol=1e-13, atol=1e-16)
    edge = 0.5 * 2.0**-32
    assert_allclose(normal_from_uniform(np.array([edge, 1 - edge])), special.ndtri([edge, 1 - edge]), rtol=1e-13)


def test_normal_quantile_is_odd_and_monotone():
    u = np.sort(uniform(9, np.arange(20000), 1))
    z = normal_from_uniform(u)
    assert (np.diff(z) >= 0).all()
    exact_half = np.array([0.5, 0.25, 0.75, 0.03125, 0.96875])
    z = normal_from_uniform(exact_half)
    assert z[0] == 0
    assert z[1] == -z[2]
    assert z[3] == -z[4]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: uniform(-1, np.arange(3), 0), "seed -1"),
        (lambda: uniform(2**64, np.arange(3), 0), "64 bits"),
        (lambda: uniform(0, np.arange(3), 2**32), "parameter_id"),
        (lambda: uniform(0, np.array([0, -4]), 0), "draws must lie in 0..2"),
        (lambda: uniform(0, np.array([0.5]), 0), "draws must be integers"),
        (lambda: uniform(0, np.arange(3), 0, -1), "years must lie"),
        (lambda: philox4x32(np.zeros(4), np.zeros(2, np.uint32)), "counter must be uint32"),
        (lambda: philox4x32(np.zeros(3, np.uint32), np.zeros(2, np.uint32)), "counter must be uint32"),
        (lambda: philox4x32(np.zeros(4, np.uint32), np.zeros(3, np.uint32)), "key must be uint32"),
        (lambda: normal_from_uniform(np.array([0.5, 1.0])), r"u\[1\] .* is 1.0"),
        (lambda: normal_from_uniform(np.array([np.nan])), r"u\[0\] .* is nan"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(KernelError, match=message):
        call()
