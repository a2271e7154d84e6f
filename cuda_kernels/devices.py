"""What CUDA devices there are, how fast they can be at best, and how to time them.

Only the functions import CuPy, and only when called: this module answers "is there a card?" for those who ask.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._namespace import _import_cupy, resolve_device
from .errors import KernelError

_LANES = {"7.0": 64, "7.2": 64, "7.5": 64, "8.0": 64}  # float32 lanes of a multiprocessor; 128 on later ones
_DRIVER_FILE = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class Cuda:
    """Versions of what stands between this package and the devices.

    cupy : of CuPy; runtime : of the CUDA runtime CuPy was built for; driver : the newest CUDA the driver serves;
    kernel_module : the driver's own version where the system tells it, else "".
    """

    cupy: str
    runtime: str
    driver: str
    kernel_module: str


@dataclass(frozen=True)
class Device:
    """One CUDA device.

    number : as CUDA counts; name, capability : such as "9.0"; memory_bytes : all of it.
    operations_per_s : float64 additions or multiplications it can start in a second at its highest clock [1/s];
    half the data sheet's FLOP/s, which counts a fused multiply-add twice (these kernels are built without).
    bytes_per_s : memory clock times bus width, twice [B/s].
    """

    number: int
    name: str
    capability: str
    memory_bytes: int
    operations_per_s: float
    bytes_per_s: float


def survey() -> tuple[Cuda, tuple[Device, ...]]:
    """Versions and devices. Raises KernelError, in one line, where no device can be used."""
    resolve_device("gpu")
    cupy = _import_cupy()
    runtime = cupy.cuda.runtime
    versions = Cuda(
        cupy.__version__,
        _version(runtime.runtimeGetVersion()),
        _version(runtime.driverGetVersion()),
        _kernel_module(),
    )
    try:
        devices = tuple(_device(runtime, number) for number in range(int(runtime.getDeviceCount())))
    except runtime.CUDARuntimeError as error:
        raise KernelError(f"a CUDA device does not answer ({str(error).splitlines()[0]})") from error
    return versions, devices


def current() -> int:
    """Number of the device that work goes to."""
    return int(_import_cupy().cuda.runtime.getDevice())


def median_seconds(call: Callable[[], Any], repetitions: int) -> float:
    """Median wall-clock time of a call, device work included, after one call to warm up. [s]"""
    synchronize = _import_cupy().cuda.runtime.deviceSynchronize
    call()
    times = []
    for _ in range(repetitions):
        synchronize()
        begun = time.perf_counter()
        call()
        synchronize()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def release_memory() -> None:
    """Give back what CuPy's pool keeps, so that `pool_bytes` measures what follows."""
    _import_cupy().get_default_memory_pool().free_all_blocks()


def pool_bytes() -> int:
    """What CuPy's pool has taken from the device and not given back: the high-water mark since `release_memory`."""
    return int(_import_cupy().get_default_memory_pool().total_bytes())


def listed_hours(profiles: Any, coefficients: Any, curtailable_fraction: float) -> Any:
    """Hours that the headroom kernel's pruning leaves each block of cases, native load first; to count its work.

    profiles (K, H), coefficients (case, K) : float64 on the device. Returns int32 (block,), -1 where a block
    has no cases.
    """
    from ._headroom_cuda import listed_hours as on_device

    cupy = _import_cupy()
    shares = cupy.full((len(coefficients), 1), float(curtailable_fraction))
    return on_device((profiles, cupy.abs(profiles).max(axis=1)), coefficients, shares, True)


def _device(runtime: Any, number: int) -> Device:
    properties = runtime.getDeviceProperties(number)
    capability = f"{properties['major']}.{properties['minor']}"

    def attribute(name: str) -> int:
        return int(runtime.deviceGetAttribute(getattr(runtime, f"cudaDevAttr{name}"), number))

    lanes = _LANES.get(capability, 128) // max(1, attribute("SingleToDoublePrecisionPerfRatio"))
    return Device(
        number=number,
        name=properties["name"].decode(errors="replace"),
        capability=capability,
        memory_bytes=int(properties["totalGlobalMem"]),
        operations_per_s=1e3 * attribute("ClockRate") * attribute("MultiProcessorCount") * lanes,
        bytes_per_s=2e3 * attribute("MemoryClockRate") * attribute("GlobalMemoryBusWidth") / 8,
    )


def _version(number: int) -> str:
    """13020 -> "13.2"."""
    return f"{number // 1000}.{number % 1000 // 10}"


def _kernel_module() -> str:
    if not _DRIVER_FILE.exists():
        return ""
    words = _DRIVER_FILE.read_text(encoding="utf-8", errors="replace").splitlines()[0].split()
    return next((word for word in words if word[0].isdigit() and "." in word), "")
