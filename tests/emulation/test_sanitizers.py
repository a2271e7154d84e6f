"""The kernels under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer, and proof that those bite."""

from __future__ import annotations

import numpy as np
import pytest

from cuda_kernels import (
    _event_figures_cuda,
    _exact,
    _headroom_cuda,
    _headroom_weighted_cuda,
    _network_cuda,
    _philox_cuda,
    _quantile_cuda,
    _storage_cuda,
    _storage_firm_cuda,
    _water_fill_cuda,
    headroom_deal,
)
from cuda_kernels._launch import source

from . import build, sanitizer, test_event_figures, test_storage, test_water_fill

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(build.compiler is None, reason="g++ is not installed: kernels cannot run on the CPU"),
]
FLAGS = {"address": build.ADDRESS, "thread": build.THREAD}


Arguments = list[np.ndarray | np.generic]


def headroom_arguments(cases: int, hours: int) -> tuple[Arguments, Arguments, Arguments]:
    """Arguments of headroom_prune<3>, headroom_search<3, 2> and headroom_finish<3> for two blocks, the second short."""
    rng = np.random.default_rng(0)
    profiles = np.vstack([np.ones(hours), rng.normal(size=(2, hours))])
    peaks = np.abs(profiles).max(axis=1)
    anchor = _exact.anchors(np, peaks, hours)
    coefficients = np.column_stack([rng.normal(1, 1, cases), rng.normal(size=(cases, 2))])
    width = -(-cases // 2)
    order = np.where(np.arange(2 * width) < cases, np.arange(2 * width), -1).astype(np.int32).reshape(2, width)
    shares = np.tile([0.0, 0.1], (cases, 1))
    reach = np.abs(coefficients) @ peaks
    rounded = _exact.rounded(profiles, anchor)
    lists = np.tile(np.arange(hours, dtype=np.int32), (2, 1))
    planes = np.zeros((2, 4))
    planes[:, 3] = reach.max() / 0.9
    pruned = [planes, np.full(2, hours, dtype=np.int32), lists]
    sizes = [np.int32(n) for n in (hours, width, 2, cases)]
    inputs = [rounded, anchor, coefficients, shares, reach, order, *pruned]
    found = [np.full((cases, 2), reach.max() / 0.9), *sizes, np.int32(1), np.float64(0.0)]
    return (
        [*inputs, *sizes, np.float64(0.0)],
        [*inputs, *found, np.int32(0)],
        [*inputs, *found, np.zeros((cases, 2), dtype=np.int64)],
    )


def deal_arguments() -> Arguments:
    """Of headroom_deal<3> for two sets of 300 cases."""
    values = np.random.default_rng(0).normal(size=(2, 300, 3))
    plan = headroom_deal._plan(300)
    order, effects = np.zeros((2 * 2**plan.halvings, plan.width), dtype=np.int32), np.ones((2, 3))
    sizes = [np.int32(n) for n in (300, *plan)]
    return [np.arange(600, dtype=np.int32), values, effects, effects, order, np.zeros((2, 300)), *sizes]


def key_arguments() -> Arguments:
    """Of headroom_keys<3> for two sets of 70 cases."""
    values = np.random.default_rng(0).normal(size=(2, 70, 3))
    moments = [values.mean(axis=1), values.std(axis=1)]
    return [values, *moments, np.ones((2, 3)), np.zeros(140, dtype=np.int64), *(np.int32(n) for n in (70, 2, 5))]


def weighted_arguments() -> Arguments:
    """Of headroom_weighted<3, 2> for two sets of two blocks."""
    rng = np.random.default_rng(0)
    rows = rng.normal(1, 1, (2, 4, 140))
    rows[:, 3] = rng.choice([0.0, 0.5, 1.0], 140)
    coefficients = rng.normal(1, 1, (2, 151, 3))
    reach = (np.abs(coefficients) * np.abs(rows).max(axis=2)[:, None, :3]).sum(axis=2)
    allowed = np.tile([0.0, 0.1 * rows[0, 3].sum()], (2, 151, 1))
    sizes = [np.int32(n) for n in (140, 151, 2, 0)]
    answers = [np.zeros(allowed.shape), np.zeros(allowed.shape)]
    return [rows, coefficients, allowed, reach / 0.9, reach, *answers, *sizes, np.float64(0.0)]


def uniform_arguments() -> Arguments:
    words = [np.arange(n, dtype=np.uint32) for n in (11, 3, 5)]
    sizes = [np.uint64(n) for n in (3, 5, 165)]
    return [*words, np.zeros(165), np.uint32(1), np.uint32(2), np.uint32(3), *sizes]


def quantile_arguments() -> Arguments:
    """Of quantile_select for two columns."""
    columns = np.random.default_rng(0).normal(size=(2, 300))
    ranks = np.array([0, 1, 10, 11, 299, 299], dtype=np.int32)
    sizes = [np.int32(n) for n in (300, 3, 2)]
    return [columns, ranks, np.array([0.25, 0.5, 0.0]), np.zeros((3, 2)), *sizes]


def storage_arguments() -> Arguments:
    """Of storage_scan for five cases, of which the second block has one."""
    found = [np.zeros(5), np.zeros(5), np.zeros(5, dtype=np.int64)]
    return [*test_storage.seldom_full(5, 500), np.linspace(0.0, 1.0, 5), *found, np.int32(500), np.int32(5)]


def storage_firm_arguments() -> Arguments:
    """Of storage_firm for five cases."""
    margin, *store = test_storage.seldom_full(5, 500)
    stores = np.column_stack([*(np.rint(100 * values) for values in store[:2]), np.full(5, 0.75), np.full(5, 9.0)])
    inside = np.column_stack([stores, np.linspace(0.0, 25.0, 5)])
    return [np.rint(100 * margin), inside, np.zeros((5, 4)), np.int32(500), np.int32(5)]


def network_arguments() -> Arguments:
    """Of network_headroom for two cases of six areas and ten links."""
    rng = np.random.default_rng(0)
    start, end = (part[:10] for part in np.triu_indices(6, 1))
    own = np.stack([np.full((2, 6), 1 / 6), np.full((2, 6), 0.9), np.full((2, 6), 0.3)], axis=1)
    numbers = [rng.normal(1, 1, (1, 40, 2, 6)), rng.uniform(0.5, 2, (2, 2, 6)), rng.exponential(0.3, (2, 20)), own]
    found = [
        np.tile([4.0, 0.0], (2, 1)),
        _network_cuda._slots(start, end),
        np.zeros((2, 5)),
        np.zeros((2, 19), np.int64),
    ]
    return [*numbers, *found, np.zeros((2, 40, 4)), *(np.int32(n) for n in (40, 2, 6, 10, 2, 2, 0))]


def water_fill_arguments() -> Arguments:
    """Of water_fill for two areas with two blocks of loads each."""
    tables, loads = test_water_fill.areas((5, 3), 4, 47)
    outputs = [np.zeros((8, 4, 47)), np.zeros((2, 4, 47)), np.zeros((2, 4, 47))]
    return [*tables, *loads, *outputs, *(np.int32(n) for n in (4, 33, 4, 47))]


def event_arguments() -> Arguments:
    """Of event_figures for two sets of three cases."""
    profiles, coefficients, load, kinds = test_event_figures.made_up(3, 1100)
    sizes = [np.int32(n) for n in (3, 1100, 3)]
    return [profiles, coefficients, load, kinds, np.zeros((2, 3, 12)), *sizes]


LAUNCHES = {
    "event_figures": ("event_figures", _event_figures_cuda.KERNEL.name, event_arguments(), (3, 2), 128),
    "quantile": ("quantile", _quantile_cuda.KERNEL.name, quantile_arguments(), 2, 256),
    "storage": ("storage", _storage_cuda.KERNEL.name, storage_arguments(), 2, 128),
    "storage_firm": ("storage_firm", _storage_firm_cuda.KERNEL.name, storage_firm_arguments(), 2, 128),
    "network": ("network", _network_cuda.KERNEL.name, network_arguments(), 2, 128),
    "water_fill": ("water_fill", _water_fill_cuda.KERNEL.name, water_fill_arguments(), (2, 2), 128),
    "deal": ("headroom_deal", headroom_deal.deal_kernel(3).name, deal_arguments(), 2, 512),
    "keys": ("headroom_deal", headroom_deal.keys_kernel(3).name, key_arguments(), 2, 128),
    "prune": ("headroom", _headroom_cuda.prune_kernel(3).name, headroom_arguments(151, 300)[0], 2, 128),
    "search": ("headroom", _headroom_cuda.search_kernel(3, 2).name, headroom_arguments(151, 140)[1], 2, 512),
    "finish": ("headroom", _headroom_cuda.finish_kernel(3).name, headroom_arguments(151, 140)[2], 2, 128),
    "weighted": ("headroom_weighted", _headroom_weighted_cuda.kernel(3, 2).name, weighted_arguments(), (2, 2), 128),
    "philox_uniform": ("philox", _philox_cuda.UNIFORM.name, uniform_arguments(), 3, 64),
    "normal": (
        "philox",
        _philox_cuda.NORMAL.name,
        [np.linspace(0.01, 0.99, 100), np.zeros(100), np.uint64(100)],
        2,
        64,
    ),
}


@pytest.mark.parametrize("kind", FLAGS)
@pytest.mark.parametrize("launch", LAUNCHES)
def test_no_complaint(launch, kind, tmp_path):
    module, name, arguments, grid, block = LAUNCHES[launch]
    outcome = sanitizer.run(source(module), name, FLAGS[kind], arguments, grid=grid, block=block, folder=tmp_path)
    assert outcome == sanitizer.Outcome(0, "")


def wrong(body: str) -> str:
    return f'extern "C" __global__ void wrong(int* data, int n) {{\n    {body}\n}}'


NEIGHBOUR = (
    "__shared__ int part[64];\n const int i = threadIdx.x;\n part[i] = i;\n BARRIER\n data[i % n] = part[63 - i];"
)
COUNTER = (
    "__shared__ int sum;\n if (threadIdx.x == 0) sum = 0;\n __syncthreads();\n"
    " sum += n;\n __syncthreads();\n if (threadIdx.x == 0) data[0] = sum;"
)
COMPLAINTS = {
    "read past the end": ("address", "data[0] = data[n];", 1, "heap-buffer-overflow"),
    "signed overflow": ("address", "data[0] = n * 2147483647;", 2, "signed integer overflow"),
    "shared memory without a barrier": ("thread", NEIGHBOUR.replace("BARRIER", ""), 64, "data race"),
    "one shared address from many threads between barriers": ("thread", COUNTER, 64, "data race"),
    "one address from many threads": ("thread", "data[0] += 1;", 64, "data race"),
}


@pytest.mark.parametrize("name", COMPLAINTS)
def test_seeded_mistakes_are_found(name, tmp_path):
    kind, body, n, message = COMPLAINTS[name]
    arguments = [np.zeros(n, dtype=np.int32), np.int32(n)]
    outcome = sanitizer.run(wrong(body), "wrong", FLAGS[kind], arguments, grid=2, block=64, folder=tmp_path)
    assert outcome.code not in (0, 2, 3)
    assert message in outcome.report
    if kind == "thread":
        assert outcome.code == sanitizer.RACE


def test_a_barrier_silences_the_race(tmp_path):
    code = wrong(NEIGHBOUR.replace("BARRIER", "__syncthreads();"))
    arguments = [np.zeros(64, dtype=np.int32), np.int32(64)]
    outcome = sanitizer.run(code, "wrong", build.THREAD, arguments, grid=1, block=64, folder=tmp_path)
    assert outcome == sanitizer.Outcome(0, "")
