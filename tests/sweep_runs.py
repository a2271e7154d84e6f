"""Running small sweeps in processes, and waiting for what they do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from sweep_factory import PLAN, prepared, write_plan

from capacity.sweep import session

PATIENCE_S = 600
"""For anything that is waited for: long, since a busy machine is no fault."""
TESTS = Path(__file__).parent
SMALL = {"years": "'2025'", "draws": 6, "block": 1, "outputs": "[hostable_mw, area_h100e_draws]"}


def ready_in(folder, grid_file, **changes):
    return prepared(write_plan(folder, PLAN, **(SMALL | changes)), grid_file)


def opened_in(folder, ready):
    return session.make_or_open(str(folder / "store"), ready, resume=False, allow_code_change=False)


def chunks(opened):
    return {
        (name, task): opened.place.get(opened.chunk_key(name, task)) for name in opened.shapes for task in opened.layout
    }


def until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.05)


def gridflops(*arguments, work=""):
    """The command in a process of its own; `work` names a function of `sweep_faults` for the workers."""
    code = f"import sweep_faults; sweep_faults.main({work!r})" if work else "from capacity.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
    )


def environment():
    """Of a process that can import this folder's modules."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])}


def finished_output(process):
    try:
        output, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    return process.returncode, output


def tally_of(output):
    """The JSON that a command printed with --json, without what other libraries logged before it."""
    return json.loads(output[output.index("{\n") :])


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
