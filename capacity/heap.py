"""How memory that threads give back is kept, where the C library lets one say so (glibc)."""

from __future__ import annotations

import ctypes
import sys

_ARENAS, _TRIM, _MAPPED = -8, -1, -3  # of mallopt
_LARGEST = 30_000_000  # bytes; the library takes up to 32 MiB
_KEPT = 1_000_000_000  # bytes


def share() -> None:
    """One heap for all threads, from which arrays of a few tens of MB are taken again rather than mapped afresh.

    Each thread has one of its own else, and most arrays of a year's hours come as new pages, which the system clears: a
    twelfth of the processor time and a third of the memory of a run in which areas exchange power. Call it early.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        for option, value in ((_ARENAS, 1), (_TRIM, _KEPT), (_MAPPED, _LARGEST)):
            library.mallopt(option, value)
