"""Every kernel compiles as CuPy compiles it, for old and new architectures, within stated resources."""

from __future__ import annotations

import pytest

from cuda_kernels import (
    _event_figures_cuda,
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
from cuda_kernels._launch import Kernel

from . import nvrtc as compiler

pytestmark = pytest.mark.usefixtures("nvrtc")


def headroom(*profiles: int) -> tuple[Kernel, ...]:
    own = [(_headroom_cuda.finish_kernel(count), _headroom_cuda.prune_kernel(count)) for count in profiles]
    shares = {count: (1, 2) if count <= _headroom_cuda.PAIRED else (1,) for count in profiles}
    search = [_headroom_cuda.search_kernel(count, number) for count in profiles for number in shares[count]]
    return (*search, *(kernel for pair in own for kernel in pair))


def deal(*profiles: int) -> tuple[Kernel, ...]:
    return tuple(of(count) for count in profiles for of in (headroom_deal.keys_kernel, headroom_deal.deal_kernel))


def weighted(*profiles: int) -> tuple[Kernel, ...]:
    return tuple(_headroom_weighted_cuda.kernel(count, shares) for count in profiles for shares in (1, 2))


PHILOX = (_philox_cuda.BLOCKS, _philox_cuda.UNIFORM, _philox_cuda.NORMAL)
# The model has six or seven profiles, winter scenarios nine, demand by component up to twelve.
FILES = {
    "philox": PHILOX,
    "headroom": headroom(6, 7, 9, 12),
    "headroom_deal": deal(1, 7, 12),
    "headroom_weighted": weighted(7, 12),
    "quantile": (_quantile_cuda.KERNEL,),
    "water_fill": (_water_fill_cuda.KERNEL,),
    "event_figures": (_event_figures_cuda.KERNEL,),
    "storage": (_storage_cuda.KERNEL,),
    "storage_firm": (_storage_firm_cuda.KERNEL,),
    "network": (_network_cuda.KERNEL,),
}
QUICK = ("75", "90", "120")
ON_ALL = [
    pytest.param(
        file, architecture, marks=[] if architecture in QUICK else pytest.mark.slow, id=f"{architecture}-{file}"
    )
    for architecture in compiler.ARCHITECTURES
    for file in FILES
]
BLOCKS = {"quantile_select": 256, "headroom_deal": 512, "headroom_search": 512}  # threads; 128 elsewhere

REGISTERS_PER_SM = 65536
THREADS_PER_SM = {"75": 1024, "86": 1536, "89": 1536, "120": 1536}  # 2048 elsewhere


def occupancy(used: compiler.Usage, architecture: str, block: int) -> float:
    """Resident threads over what the multiprocessor holds, by registers and shared memory."""
    most = THREADS_PER_SM.get(architecture, 2048)
    per_warp = -(-used.registers * 32 // 256) * 256  # registers are handed out in units of 256 a warp
    by_registers = REGISTERS_PER_SM // (per_warp * (block // 32))
    shared = {"75": 64, "80": 164, "86": 100, "89": 100, "120": 100}.get(architecture, 228) * 1024
    by_shared = shared // max(used.shared_bytes + 1024, 1)
    return min(by_registers, by_shared, most // block) * block / most


@pytest.mark.parametrize(("file", "architecture"), ON_ALL)
def test_compiles_without_a_word_or_a_spill_and_with_enough_threads(file: str, architecture: str) -> None:
    kernels = FILES[file]
    found = compiler.compiled(kernels, architecture)
    assert found.words == []
    assert found.size > 1000
    assert set(found.usage) == {kernel.name for kernel in kernels}
    check(found.usage, architecture)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["80", "90"])
def test_every_number_of_profiles_holds_two_fifths_of_the_threads(architecture: str) -> None:
    others = [count for count in range(1, _headroom_cuda.MAX_PROFILES + 1) if count not in (7, 12)]
    for kernels in (headroom(*others), deal(*others), weighted(*others)):
        check(compiler.compiled(kernels, architecture).usage, architecture)


def check(usage: dict[str, compiler.Usage], architecture: str) -> None:
    for name, used in usage.items():
        block = BLOCKS.get(name.split("<")[0], 128)
        assert used.spill_bytes == 0, name
        assert used.stack_bytes == 0, name
        # The finish of more than nine profiles fills the small shared memory of the oldest architecture.
        least = 0.37 if architecture == "75" and name == "headroom_finish<12>" else 0.4
        assert occupancy(used, architecture, block) >= least, (name, used)


def test_a_broken_kernel_is_reported_with_its_line() -> None:
    from cupy.cuda.compiler import CompileException

    with pytest.raises(CompileException, match=r"headroom_nowhere"):
        compiler.build("headroom", ("headroom_nowhere",), "80")
