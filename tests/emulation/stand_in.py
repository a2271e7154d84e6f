"""A strict stand-in for the `cupy` module: NumPy behind a wall, kernels run by the CPU emulation.

Arrays are not NumPy arrays and do not turn into them unasked; host and device arrays do not mix; fresh memory
is poisoned and fenced; every transfer is counted. The functions offered are NumPy's of the same name, and
each name used is recorded, so that a test can check it against the real CuPy where that is installed.
"""

from __future__ import annotations

import ctypes
import operator
from collections import Counter
from collections.abc import Callable, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from . import build, streams

FENCE = 64
POISON, FENCE_BYTE = 0xFF, 0xA5
ORDERS = {"ascending": 0, "descending": 1, "random": 2, "interleaved": 3}

_CREATE = ("empty", "zeros", "ones", "full", "arange", "linspace")
_LIKE = ("empty_like", "zeros_like", "ones_like", "full_like")
_SHAPE = (
    "ascontiguousarray", "broadcast_to", "broadcast_arrays", "concatenate", "stack", "ravel", "reshape", "moveaxis",
    "transpose", "expand_dims", "squeeze", "tile", "repeat", "take", "take_along_axis",
)  # fmt: skip
_MATHS = (
    "abs", "add", "all", "any", "argmax", "argmin", "argsort", "clip", "count_nonzero", "cumsum", "diff", "divide",
    "dot", "einsum", "exp", "floor", "frexp", "isfinite", "isinf", "isnan", "ldexp", "log", "matmul", "max", "maximum",
    "mean", "min", "minimum", "nonzero", "partition", "power", "quantile", "rint", "searchsorted", "sign", "sort",
    "sqrt", "square", "std", "subtract", "sum", "tensordot", "unique", "where",
)  # fmt: skip
_NAMES = (
    "bool_", "float32", "float64", "int8", "int32", "int64", "uint8", "uint32", "uint64", "inf", "nan", "newaxis", "pi"
)  # fmt: skip


class Array:
    """A device array. `_host` is only for this module."""

    __array_ufunc__ = None  # NumPy's own operators give up and let ours speak

    def __init__(self, host: np.ndarray, fenced: np.ndarray | None = None) -> None:
        self._host = host
        self._fenced = fenced

    dtype = property(lambda self: self._host.dtype)
    shape = property(lambda self: self._host.shape)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    nbytes = property(lambda self: self._host.nbytes)
    flags = property(lambda self: SimpleNamespace(c_contiguous=self._host.flags.c_contiguous))
    device = property(lambda self: SimpleNamespace(id=0))
    T = property(lambda self: Array(self._host.T, self._fenced))

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Any:
        return (Array(np.asarray(item), self._fenced) for item in self._host)

    def __getitem__(self, key: Any) -> Array:
        return Array(np.asarray(self._host[_unwrap(key)]), self._fenced)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._host[_unwrap(key)] = _unwrap(value)

    def _scalar(self, kind: Callable[[Any], Any]) -> Any:
        transfers["device to host"] += 1
        return kind(self._host)

    def __bool__(self) -> bool:
        return self._scalar(bool)

    def __float__(self) -> float:
        return self._scalar(float)

    def __int__(self) -> int:
        return self._scalar(int)

    def __index__(self) -> int:
        return self._scalar(operator.index)

    def get(self) -> np.ndarray:
        transfers["device to host"] += 1
        return self._host.copy()

    def set(self, host: np.ndarray, stream: Any = None) -> None:
        transfers["host to device"] += 1
        streams.copy_later(self._host, host, stream)

    def view(self, dtype: Any) -> Array:
        return Array(self._host.view(dtype), self._fenced)

    def item(self) -> Any:
        return self._scalar(np.ndarray.item)

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(f"cupy.ndarray has no {name!r} in the stand-in")
        method = getattr(self._host, name)
        return lambda *args, **kwargs: _wrap(method(*_unwrap(args), **_unwrap(kwargs)), self._fenced)


_METHODS = {
    "all", "any", "argmax", "argmin", "argsort", "astype", "copy", "cumsum", "dot", "fill", "max", "mean", "min",
    "nonzero", "ravel", "repeat", "reshape", "round", "sort", "squeeze", "std", "sum", "transpose",
}  # fmt: skip


def _operator(name: str) -> Callable[..., Any]:
    def apply(self: Array, *others: Any) -> Any:
        for other in others:
            if isinstance(other, np.ndarray):
                raise TypeError(f"Unsupported type {type(other)}: host and device arrays do not mix")
        result = getattr(self._host, name)(*(_unwrap(other) for other in others))
        if name.startswith("__i") and name != "__invert__":
            return self
        return result if result is NotImplemented else _wrap(result)

    return apply


_OPERATORS = """
add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow matmul rmatmul
and rand or ror xor lshift rlshift rshift rrshift lt le gt ge eq ne neg pos abs invert
iadd isub imul itruediv iand ior
"""
for _name in _OPERATORS.split():
    setattr(Array, f"__{_name}__", _operator(f"__{_name}__"))


def _unwrap(value: Any) -> Any:
    if isinstance(value, Array):
        return value._host
    if isinstance(value, (tuple, list)):
        return type(value)(_unwrap(v) for v in value)
    if isinstance(value, dict):
        return {key: _unwrap(v) for key, v in value.items()}
    return value


def _wrap(value: Any, fenced: np.ndarray | None = None) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(_wrap(v, fenced) for v in value)
    if not isinstance(value, (np.ndarray, np.generic)):
        return value
    if fenced is not None and isinstance(value, np.ndarray) and np.shares_memory(value, fenced):
        return Array(value, fenced)
    return _allocate(np.asarray(value))


def _allocate(value: np.ndarray) -> Array:
    """A copy in memory of its own, fenced on both sides."""
    memory = np.full(value.nbytes + 2 * FENCE, FENCE_BYTE, dtype=np.uint8)
    inside = memory[FENCE : FENCE + value.nbytes].view(value.dtype).reshape(value.shape)
    inside[...] = value
    return Array(inside, memory)


def _poisoned(shape: Any, dtype: Any) -> Array:
    host = np.empty(shape, dtype=dtype)
    host.reshape(-1).view(np.uint8)[...] = POISON
    return _allocate(host)


transfers: Counter[str] = Counter()
used: set[str] = set()
launches: list[tuple[str, int, int]] = []
settings = SimpleNamespace(order="ascending", seed=0, flags=build.PLAIN)


def _refuse_host(name: str, args: Any) -> None:
    for value in args:
        if isinstance(value, np.ndarray):
            raise TypeError(f"cupy.{name}: Unsupported type {type(value)}")
        if isinstance(value, (tuple, list)):
            _refuse_host(name, value)


def _device_function(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        _refuse_host(name, [*args, *kwargs.values()])
        return _wrap(function(*_unwrap(args), **_unwrap(kwargs)))

    return call


def _asarray(value: Any, dtype: Any = None) -> Array:
    if isinstance(value, Array):
        return value if dtype is None or value.dtype == dtype else _wrap(value._host.astype(dtype))
    transfers["host to device"] += 1
    return _allocate(np.asarray(value, dtype=dtype))


def _ascontiguousarray(value: Any, dtype: Any = None) -> Array:
    array = _asarray(value, dtype)
    return array if array.flags.c_contiguous else _wrap(np.ascontiguousarray(array._host))


def _asnumpy(value: Any) -> np.ndarray:
    return value.get() if isinstance(value, Array) else np.asarray(value)


class RawModule:
    """Kernels of one source text, built for the CPU; every argument is checked against the C++ signature."""

    def __init__(
        self, *, code: str, options: tuple[str, ...] = (), name_expressions: Sequence[str] | None = None
    ) -> None:
        if not isinstance(options, tuple) or not all(isinstance(option, str) for option in options):
            raise TypeError("options must be a tuple of str")
        self._names = tuple(name_expressions or ())
        self._code = code

    def get_function(self, name: str) -> Callable[..., None]:
        number = self._names.index(name)
        library = build.load(self._code, self._names, settings.flags)
        signature = getattr(library, f"emu_signature_{number}")().decode().split()
        start = getattr(library, f"emu_launch_{number}")

        def run(grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...], *, shared_mem: int = 0) -> None:
            if len(args) != len(signature):
                raise TypeError(f"{name}: {len(args)} arguments for {len(signature)} parameters")
            pointers = (ctypes.c_void_p * len(args))()
            kept = [_argument(name, i, *pair, pointers) for i, pair in enumerate(zip(args, signature, strict=True))]
            size = (ctypes.c_uint * 6)(*(*grid, 1, 1)[:3], *(*block, 1, 1)[:3])
            streams.log.append((streams.CURRENT.name, f"launches {name}"))
            launches.append((name, int(np.prod(grid)), int(np.prod(block))))
            problem = start(size, ctypes.c_size_t(shared_mem), ORDERS[settings.order], settings.seed, pointers)
            if problem:
                raise RuntimeError(f"{name}: {problem.decode()}")
            _check_fences(name, args)
            del kept

        return run


def _argument(name: str, number: int, value: Any, wanted: str, pointers: Any) -> Any:
    """Check one argument against `wanted`, such as "*f8" or "i4"; keeps what the pointer points to alive."""
    pointer, kind = wanted.startswith("*"), wanted.lstrip("*")
    if pointer != isinstance(value, Array):
        raise TypeError(f"{name}: argument {number} must be {'an array' if pointer else 'a scalar'} for {wanted}")
    if not pointer and not isinstance(value, np.generic):
        raise TypeError(f"{name}: argument {number} is a Python {type(value).__name__}; pass numpy.{np.dtype(kind)}")
    if value.dtype != np.dtype(kind):
        raise TypeError(f"{name}: argument {number} is {value.dtype}, the kernel reads {np.dtype(kind)}")
    if pointer and not value.flags.c_contiguous:
        raise TypeError(f"{name}: argument {number} is strided")
    cell: Any = ctypes.c_void_p(value._host.ctypes.data) if pointer else np.array([value])
    pointers[number] = ctypes.addressof(cell) if pointer else cell.ctypes.data
    return cell


def _check_fences(name: str, args: tuple[Any, ...]) -> None:
    for number, value in enumerate(args):
        fenced = value._fenced if isinstance(value, Array) else None
        if fenced is not None and not ((fenced[:FENCE] == FENCE_BYTE).all() and (fenced[-FENCE:] == FENCE_BYTE).all()):
            raise RuntimeError(f"{name}: wrote outside argument {number}")


NAME = "emulated on the CPU"
ATTRIBUTES = {  # of the device, by the numbers of the CUDA runtime; those of an H100 SXM by its data sheet
    "cudaDevAttrMultiProcessorCount": 16,
    "cudaDevAttrClockRate": 13,
    "cudaDevAttrMemoryClockRate": 36,
    "cudaDevAttrGlobalMemoryBusWidth": 37,
    "cudaDevAttrSingleToDoublePrecisionPerfRatio": 87,
}
_VALUES = {16: 132, 13: 1_980_000, 36: 2_619_000, 37: 5120, 87: 2}


class OutOfMemoryError(MemoryError):
    """As raised by the real module when the device's memory is spent."""


class CUDARuntimeError(RuntimeError):
    """As raised by the real module when there is no driver."""


class CompileException(Exception):
    """As raised by the real module when NVRTC refuses the source."""


def make_module() -> ModuleType:
    """The module to put at sys.modules["cupy"]."""
    module = ModuleType("cupy")
    own: dict[str, Any] = {
        "ndarray": Array,
        "asarray": _asarray,
        "ascontiguousarray": _ascontiguousarray,
        "asnumpy": _asnumpy,
        "array": lambda value, dtype=None: _asarray(value, dtype).copy(),
        "empty": lambda shape, dtype=np.float64: _poisoned(shape, dtype),
        "empty_like": lambda like: _poisoned(like.shape, like.dtype),
        "RawModule": RawModule,
        "get_default_memory_pool": lambda: SimpleNamespace(free_all_blocks=lambda: None, total_bytes=lambda: 2**20),
        "cuda": SimpleNamespace(
            Stream=streams.Stream,
            Event=streams.Event,
            get_current_stream=lambda: streams.CURRENT,
            alloc_pinned_memory=streams.pinned,
            runtime=SimpleNamespace(
                getDevice=lambda: 0,
                getDeviceCount=lambda: 1,
                memGetInfo=lambda: (2**30, 2**31),
                deviceSynchronize=lambda: None,
                runtimeGetVersion=lambda: 13020,
                driverGetVersion=lambda: 13000,
                getDeviceProperties=lambda number: {
                    "name": NAME.encode(),
                    "major": 9,
                    "minor": 0,
                    "totalGlobalMem": 2**31,
                },
                deviceGetAttribute=lambda attribute, number: _VALUES[attribute],
                CUDARuntimeError=CUDARuntimeError,
                **ATTRIBUTES,
            ),
            memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
            compiler=SimpleNamespace(CompileException=CompileException),
        ),
    }

    def look_up(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        used.add(name)
        if name in own:
            return own[name]
        if name in _NAMES:
            return getattr(np, name)
        if name in (*_CREATE, *_LIKE, *_SHAPE, *_MATHS):
            return _device_function(name)
        raise AttributeError(f"the stand-in has no cupy.{name}; add it to stand_in.py if CuPy has it")

    module.__version__ = "0+stand.in"  # type: ignore[attr-defined]
    module.__getattr__ = look_up  # type: ignore[method-assign]
    return module
