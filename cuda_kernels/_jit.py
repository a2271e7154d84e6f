"""How this package compiles functions with numba: cached on disk, GIL released, no flag that swallows a NaN."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

from llvmlite import binding, ir
from numba import cfunc, njit, types
from numba.core import cgutils as untyped_cgutils
from numba.core import event
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.errors import TypingError
from numba.core.typed_passes import NativeLowering
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])
cgutils, unliteral = cast(Any, untyped_cgutils), cast(Any, types.unliteral)
# Without counting references to arrays, each an atomic operation: as numba's own register_jitable describes it. A
# division by zero gives an infinity rather than an exception, whose making would be compiled at each of them.
_UNCOUNTED: dict[str, Any] = {"_nrt": False, "error_model": "numpy"}

logger = logging.getLogger("gridflops")


class Announcer(event.Listener):
    """Logs once that something is being compiled; what numba finds in its cache on disk is not."""

    _said = False

    def on_start(self, event: Any) -> None:
        if not self._said:
            self._said = True
            logger.info("compiling kernels for this machine, once: about 25 seconds of one core")

    def on_end(self, event: Any) -> None:
        """All is said at the start."""


cast(Any, event).register("numba:run_pass", Announcer())


@cast(Any, register_pass)(mutates_CFG=True, analysis_only=False)
class _Lowering(NativeLowering):  # type: ignore[misc,unused-ignore]
    """Numba's last step, without optimising the function and making machine code of it.

    A function that only other compiled functions call goes into them as it is, and is optimised there. Numba would do
    both for it alone as well, and for all that it calls, which was a third of the time of compiling.
    """

    _name = "lowering_of_inner_functions"

    def run_pass(self, state: Any) -> Any:
        library = state.library = state.targetctx.codegen().create_library(state.func_id.func_qualname)
        library._optimize_final_module = lambda: None
        library._finalize_final_module = lambda: setattr(library, "_finalized", True)
        state.targetctx.get_executable = lambda *_: object().__sizeof__  # a name for it; nobody calls it
        try:
            return cast(Any, super()).run_pass(state)
        finally:
            del state.targetctx.get_executable


class _Inner(CompilerBase):  # type: ignore[misc,unused-ignore]
    def define_pipelines(self) -> list[Any]:
        steps = cast(Any, PassManager)("inner")
        for step, description in cast(Any, DefaultPassBuilder).define_nopython_pipeline(self.state).passes:
            steps.add_pass(_Lowering if step is NativeLowering else step, description)
        steps.finalize()
        return [steps]


_INNER: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": _Inner}


def in_order(function: F) -> F:
    """Every addition as written."""
    return cast(F, njit(cache=True, nogil=True)(function))


def any_order(function: F) -> F:
    """Sums may be reordered, and so vectorised; nothing else is relaxed (not nnan, not ninf, not contract)."""
    return cast(F, njit(cache=True, nogil=True, fastmath={"reassoc", "nsz"})(function))


def lean(function: F) -> F:
    """Called by compiled functions only, every addition as written. It can make no arrays, only views."""
    return cast(F, njit(**_UNCOUNTED, **_INNER)(function))


def fused(function: F) -> F:
    """As lean; sums may be reordered and products fuse with additions: where errors are bounded."""
    return cast(F, njit(fastmath={"reassoc", "nsz", "contract"}, **_UNCOUNTED, **_INNER)(function))


def entry(signature: Any) -> Callable[[F], F]:
    """As lean, for a function that Python calls; compiled at once."""
    return cast(Callable[[F], F], njit(signature, cache=True, nogil=True, **_UNCOUNTED))


def apart(signature: Any) -> Callable[[Any], Any]:
    """As lean, but compiled once on its own and called by its address. It is called with one tuple of arguments.

    numba compiles what a function calls again with it, and again with whatever calls that: the innermost of ten was
    compiled ten times.
    """

    def compiled(function: Any) -> Any:
        native = cfunc(signature, cache=True, **_UNCOUNTED)(function)
        symbol = f"{function.__module__}.{function.__name__}"
        binding.add_symbol(symbol, native.address)

        def typed(typing_context: Any, given: Any) -> Any:
            if tuple(map(unliteral, given)) != tuple(signature.args):
                raise TypingError(f"{symbol} takes {signature.args}, got {given}")

            def build(context: Any, builder: Any, called: Any, values: Any) -> Any:
                kinds = [context.get_value_type(kind) for kind in signature.args]
                kind = ir.FunctionType(context.get_value_type(signature.return_type), kinds)
                callee = cgutils.get_or_insert_function(builder.module, kind, symbol)
                return builder.call(callee, cgutils.unpack_tuple(builder, values[0]))

            return signature.return_type(given), build

        return intrinsic(typed)

    return compiled


def _part_of_array(typing_context: Any, array: Any, start: Any, size: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        whole = context.make_array(array)(context, builder, value=values[0])
        part = context.make_array(array)(context, builder)
        part.data = builder.gep(whole.data, [values[1]])
        part.nitems, part.itemsize = values[2], whole.itemsize
        part.shape = cgutils.pack_array(builder, [values[2]])
        part.strides = cgutils.pack_array(builder, [whole.itemsize])
        part.meminfo, part.parent = whole.meminfo.type(None), whole.parent.type(None)
        return part._getvalue()

    return array(array, types.intp, types.intp), build


view = cast(Callable[[Any, Any, Any], Any], intrinsic(_part_of_array))
"""view(array, start, size): array[start : start + size] of one dimension, unchecked, as quick to compile as to run."""


def _item_of_array(typing_context: Any, array: Any, place: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load(builder.gep(context.make_array(array)(context, builder, value=values[0]).data, [values[1]]))

    return array.dtype(array, types.intp), build


item = cast(Callable[[Any, Any], Any], intrinsic(_item_of_array))
"""item(array, place): array[place] of one dimension. Numba itself looks whether a place counts from the end."""


def _atomic(operation: str) -> Any:
    def typed(typing_context: Any, array: Any, place: Any, value: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            address = builder.gep(context.make_array(array)(context, builder, value=values[0]).data, [values[1]])
            return builder.atomic_rmw(operation, address, values[2], "seq_cst")

        return types.int64(array, types.intp, types.int64), build

    return intrinsic(cast(Any, typed))


add_to = cast(Callable[[Any, Any, Any], Any], _atomic("add"))
"""add_to(array, place, value): what stood in an int64 array before the value was added, at once for all threads."""
put = cast(Callable[[Any, Any, Any], Any], _atomic("xchg"))
"""put(array, place, value): what stood there before the value took its place, likewise."""


def _call_of_system(typing_context: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
        kind = ir.FunctionType(ir.IntType(32), [])
        return builder.sext(
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), []), ir.IntType(64)
        )

    return types.int64(), build


give_way = cast(Callable[[], Any], intrinsic(_call_of_system))
"""give_way(): let another thread have this core, if one wants it."""
