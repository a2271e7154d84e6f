"""Launch one kernel in a program of its own under AddressSanitizer or ThreadSanitizer."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import build, stand_in

RACE = 66  # ThreadSanitizer's exit code


@dataclass(frozen=True)
class Outcome:
    code: int
    report: str


def run(
    text: str, name: str, flags: tuple[str, ...], arguments: Sequence[np.ndarray | np.generic], **how: object
) -> Outcome:
    """Exit code and report. `how`: grid (blocks, or blocks and rows of them), block, order, folder."""
    program = build.compile_program(text, name, flags)
    file = Path(str(how["folder"])) / "arguments"
    with file.open("wb") as out:
        for argument in arguments:
            array = isinstance(argument, np.ndarray)
            data = argument.tobytes()
            out.write((b"a" if array else b"s") + struct.pack("<Q", len(data)) + data)
    grid = how.get("grid", 1)
    columns, rows = grid if isinstance(grid, tuple) else (grid, 1)
    size = [str(columns), str(rows), "1", str(how.get("block", 32)), "1", "1"]
    order = str(stand_in.ORDERS[str(how.get("order", "ascending"))])
    environment = {
        "TSAN_OPTIONS": f"exitcode={RACE}:halt_on_error=1",
        "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
    }
    done = subprocess.run(
        [str(program), str(file), *size, order, "1"], capture_output=True, text=True, check=False, env=environment
    )
    lines = [line for line in done.stderr.splitlines() if line and "doesn't fully support makecontext" not in line]
    return Outcome(done.returncode, "\n".join(lines)[:3000])
