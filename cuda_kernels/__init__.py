"""Array kernels with one contract and several bodies: NumPy, numba, CUDA.

Importing this package imports neither CuPy nor numba.
"""

from . import philox
from ._namespace import DeviceName, array_namespace, asnumpy, beside, namespace_of, resolve_device, to_device
from .errors import KernelError
from .headroom import Engine, Headroom, headroom_mw, resolve_engine

__all__ = [
    "DeviceName",
    "Engine",
    "Headroom",
    "KernelError",
    "array_namespace",
    "asnumpy",
    "beside",
    "headroom_mw",
    "namespace_of",
    "philox",
    "resolve_device",
    "resolve_engine",
    "to_device",
]
