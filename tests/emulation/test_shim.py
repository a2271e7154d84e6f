"""The emulation itself: it must compute what CUDA computes and report what CUDA leaves undefined."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from . import stand_in

SUM = """
template <class T>
__global__ void block_sum(const T* values, T* out, int count) {
    __shared__ T part[256];
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    part[threadIdx.x] = i < count ? values[i] : T(0);
    __syncthreads();
    for (unsigned width = blockDim.x / 2; width > 0; width /= 2) {
        if (threadIdx.x < width) part[threadIdx.x] += part[threadIdx.x + width];
        __syncthreads();
    }
    if (threadIdx.x == 0) out[blockIdx.x] = part[0];
}
"""
WARP = """
extern "C" __global__ void warp_work(const int* values, int* out) {
    const int lane = threadIdx.x % 32;
    const int v = values[threadIdx.x];
    int* row = out + 6 * threadIdx.x;
    row[0] = __shfl_sync(0xffffffffu, v, 3);
    row[1] = __shfl_up_sync(0xffffffffu, v, 1);
    row[2] = __shfl_down_sync(0xffffffffu, v, 2);
    row[3] = __shfl_xor_sync(0xffffffffu, v, 1);
    row[4] = __popc(__ballot_sync(0xffffffffu, v > 5) & ((1u << lane) - 1));
    row[5] = __syncthreads_count(v > 5);
}
"""
ATOMIC = """
extern "C" __global__ void count_up(unsigned long long* total, int* highest) {
    atomicAdd(total, 1ull);
    atomicMax(highest, static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x));
}
"""
DYNAMIC = """
extern __shared__ double row[];
extern "C" __global__ void reversed(const double* in, double* out, int extra) {
    row[threadIdx.x + extra] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = row[blockDim.x - 1 - threadIdx.x + extra];
}
"""


def run(cupy, code, name, grid, block, args, shared=0):
    cupy.RawModule(code=code, name_expressions=(name,)).get_function(name)((grid,), (block,), args, shared_mem=shared)


def test_block_sum_with_templates_and_barriers(cupy, order):
    values = np.random.default_rng(0).integers(-100, 100, 1000)
    out = cupy.empty(4, dtype=np.int64)
    run(cupy, SUM, "block_sum<long long>", 4, 256, (cupy.asarray(values), out, np.int32(1000)))
    want = np.append(values, np.zeros(24, dtype=np.int64)).reshape(4, 256).sum(axis=1)
    assert_array_equal(out.get(), want)


def test_warp_operations(cupy, order):
    values = np.random.default_rng(1).integers(0, 10, 64).astype(np.int32)
    out = cupy.empty((64, 6), dtype=np.int32)
    run(cupy, WARP, "warp_work", 1, 64, (cupy.asarray(values), out))
    rows = values.reshape(2, 32)
    lane = np.arange(32)
    want = np.stack(
        [
            np.repeat(rows[:, 3:4], 32, axis=1),
            rows[:, np.maximum(lane - 1, 0)],
            rows[:, np.where(lane + 2 < 32, lane + 2, lane)],
            rows[:, lane ^ 1],
            np.cumsum(rows > 5, axis=1) - (rows > 5),
            np.full((2, 32), (values > 5).sum()),
        ],
        axis=-1,
    )
    assert_array_equal(out.get().reshape(2, 32, 6), want)


def test_atomics(cupy, order):
    total, highest = cupy.zeros(1, dtype=np.uint64), cupy.zeros(1, dtype=np.int32)
    run(cupy, ATOMIC, "count_up", 5, 96, (total, highest))
    assert (int(total[0]), int(highest[0])) == (480, 479)


def test_dynamic_shared_memory_is_fenced(cupy):
    values, out = cupy.asarray(np.arange(64.0)), cupy.empty(64)
    run(cupy, DYNAMIC, "reversed", 1, 64, (values, out, np.int32(0)), shared=64 * 8)
    assert_array_equal(out.get(), np.arange(64.0)[::-1])
    with pytest.raises(RuntimeError, match="behind the dynamic shared memory"):
        run(cupy, DYNAMIC, "reversed", 1, 64, (values, out, np.int32(1)), shared=64 * 8)


MISTAKES = {
    "different barriers": (
        "if (threadIdx.x % 2) {\n __syncthreads();\n } else {\n __syncthreads();\n }",
        "wait at different barriers",
    ),
    "barrier after exit": ("if (threadIdx.x == 5) return;\n __syncthreads();", "1 of 64 threads have exited"),
    "barrier some never reach": (
        "if (threadIdx.x < 32) __syncthreads(); else __syncwarp();",
        "have exited",
    ),
    "exited lane in a mask": (
        "if (threadIdx.x == 7) return;\n out[0] = __shfl_sync(0xffffffffu, 1, 0);",
        "names lane 7, which has exited",
    ),
    "not in the own mask": ("out[0] = __ballot_sync(0xfffffffeu, 1);", "lane 0 is not in its own mask"),
    "lanes disagree": (
        "if (threadIdx.x % 2) {\n __syncwarp();\n } else {\n __syncwarp();\n }",
        "disagree about a warp operation",
    ),
    "out of bounds of shared memory": (
        "__shared__ int part[64];\n part[threadIdx.x + blockDim.x] = 1;\n out[0] = part[threadIdx.x];",
        "behind the static shared memory",
    ),
    "out of bounds": ("if (threadIdx.x == 9) out[blockDim.x + threadIdx.x] = 1;", "wrote outside argument 0"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_reported(cupy, mistake):
    body, message = MISTAKES[mistake]
    code = f'extern "C" __global__ void wrong(int* out) {{\n{body}\n}}'
    with pytest.raises(RuntimeError, match=message):
        run(cupy, code, "wrong", 1, 64, (cupy.empty(64, dtype=np.int32),))


def test_shared_memory_starts_poisoned_in_every_block(cupy):
    code = """extern "C" __global__ void peek(unsigned int* out) {
        __shared__ unsigned int word[4];
        if (threadIdx.x == 0) { out[blockIdx.x] = word[2]; word[2] = 7; }
    }"""
    out = cupy.empty(3, dtype=np.uint32)
    run(cupy, code, "peek", 3, 32, (out,))
    assert_array_equal(out.get(), np.full(3, 2**32 - 1, dtype=np.uint32))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (lambda cp: (cp.empty(64, dtype=np.int32), np.int32(1)), "2 arguments for 1 parameters"),
        (lambda cp: (cp.empty(64),), "is float64, the kernel reads int32"),
        (lambda cp: (cp.empty((64, 2), dtype=np.int32)[:, 0],), "strided"),
        (lambda cp: (np.empty(64, dtype=np.int32),), "must be an array"),
        (lambda cp: (3,), "must be an array"),
    ],
)
def test_arguments_are_checked(cupy, args, message):
    with pytest.raises(TypeError, match=message):
        run(cupy, 'extern "C" __global__ void k(int* out) {}', "k", 1, 32, args(cupy))


def test_a_python_int_is_refused(cupy):
    with pytest.raises(TypeError, match="Python int"):
        run(cupy, 'extern "C" __global__ void k(int n) {}', "k", 1, 32, (3,))


@pytest.mark.parametrize(
    ("grid", "block", "shared", "message"),
    [(1, 2048, 0, "block size"), (0, 32, 0, "grid size"), (1, 32, 10, "dynamic shared memory for a kernel")],
)
def test_impossible_launches_are_refused(cupy, grid, block, shared, message):
    with pytest.raises(RuntimeError, match=message):
        run(cupy, 'extern "C" __global__ void k() {}', "k", grid, block, (), shared)


def test_stand_in_arrays_do_not_become_numpy(cupy):
    device = cupy.asarray(np.arange(4.0))
    for mix in (lambda: np.asarray(device), lambda: device + np.arange(4.0), lambda: np.arange(4.0) + device):
        with pytest.raises(TypeError):
            mix()
    with pytest.raises(TypeError):
        cupy.maximum(device, np.arange(4.0))
    assert_array_equal((2.0 * device + 1.0).get(), np.arange(4.0) * 2 + 1)
    assert_array_equal((np.float64(2.0) * device).get(), np.arange(4.0) * 2)
    assert np.isnan(cupy.empty(3).get()).all()


@pytest.mark.slow
def test_every_name_of_the_stand_in_exists_in_cupy(nvrtc):
    names = [*stand_in._CREATE, *stand_in._LIKE, *stand_in._SHAPE, *stand_in._MATHS, *stand_in._NAMES]
    names += ["RawModule", "asarray", "asnumpy", "array", "cuda.runtime.memGetInfo", "cuda.runtime.CUDARuntimeError"]
    names += ["cuda.compiler.CompileException", "ndarray.get", "ndarray.item", "ndarray.device"]
    names += [f"ndarray.{method}" for method in stand_in._METHODS]
    code = "import cupy, operator, sys\nfor name in sys.argv[1:]: operator.attrgetter(name)(cupy)"
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=False)
    assert done.stderr == ""
