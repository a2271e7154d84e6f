"""How this package compiles functions with numba: cached on disk, GIL released, no flag that swallows a NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])
_UNCOUNTED: dict[str, Any] = {"_nrt": False}  # as numba's own register_jitable describes it


def in_order(function: F) -> F:
    """Every addition as written."""
    return cast(F, njit(cache=True, nogil=True)(function))


def any_order(function: F) -> F:
    """Sums may be reordered, and so vectorised; nothing else is relaxed (not nnan, not ninf, not contract)."""
    return cast(F, njit(cache=True, nogil=True, fastmath={"reassoc", "nsz"})(function))


def lean(function: F) -> F:
    """As in_order, without counting references to arrays, each an atomic operation.

    Such a function must neither make arrays nor return any.
    """
    return cast(F, njit(cache=True, nogil=True, **_UNCOUNTED)(function))


def fused(function: F) -> F:
    """As lean; sums may be reordered, products fuse with additions, quotients be infinite: where errors are bounded."""
    flags = {"reassoc", "nsz", "contract"}
    return cast(F, njit(cache=True, nogil=True, fastmath=flags, error_model="numpy", **_UNCOUNTED)(function))


def _without_owner(typing_context: Any, array: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.return_type)(context, builder, value=arguments[0])
        view.meminfo = view.meminfo.type(None)
        return view._getvalue()

    return array(array), build


lent = cast(Callable[[Any], Any], intrinsic(_without_owner))
"""The same array without its owner: parts of it cost no reference count, which is an atomic operation each time.

Only for arguments of a function called from Python: arrays made within a function are freed after their last use.
"""
