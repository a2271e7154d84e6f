"""Python processes that work beside this one, where threads would wait for each other.

NumPy alone takes many small steps, and threads take turns at the interpreter between them: two of them kept one and a
half cores busy, and a quarter of their time went into taking turns. A process here is a fresh interpreter that is sent
functions and arguments through a pipe. Unlike those of `multiprocessing` it does not import the caller's main module
again, so that a script needs no guard, and daemonic processes, such as Dask's workers, may have it; nothing is forked.
It ends with its pipe, however the caller ends.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from typing import Any

from capacity.errors import CapacityError

Call = Callable[..., Any]
"""Takes a function and its arguments, and gives what comes of it."""

MOST = 8
"""Processes at a time: each takes some 0.4 GB, and more would wait for the last areas of each country."""
PATIENCE_S = 10.0
"""For a process that says nothing sensible any more to end."""
_BEGIN = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller says when to end
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from capacity.apart import serve
serve()
"""
_SETTINGS = {
    "OPENBLAS_NUM_THREADS": "1",  # there is a process for each core
    "MALLOC_MMAP_MAX_": "0",  # glibc: memory of large arrays is kept for the next,
    "MALLOC_TRIM_THRESHOLD_": str(2**29),  # which spares the system's time of giving and taking pages
}


def here(function: Callable[..., Any], /, *arguments: Any) -> Any:
    """Calls a function in this process."""
    return function(*arguments)


@contextmanager
def processes(count: int) -> Iterator[Call]:
    """What calls functions in other processes, at most MOST, until the block ends; in this one for fewer than two.

    It may be called from several threads, which wait while all processes are at work. Functions, arguments, results and
    errors are pickled; an error has the traceback of its process as a note. Raises CapacityError where a process has
    ended. Where none can be begun, functions are called here.
    """
    begun = _begun(min(count, MOST)) if count > 1 else []
    try:
        yield _Elsewhere(begun) if begun else here
    finally:
        _end(begun)


class _Elsewhere:
    def __init__(self, begun: list[_Process]) -> None:
        self._idle: SimpleQueue[_Process] = SimpleQueue()
        for process in begun:
            self._idle.put(process)

    def __call__(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        content = pickle.dumps((function, arguments), pickle.HIGHEST_PROTOCOL)
        process = self._idle.get()
        try:
            done, found = process.answer(content)
        finally:
            self._idle.put(process)
        if done:
            return found
        raise found


class _Process:
    """One of them, as its caller sees it."""

    def __init__(self) -> None:
        command, pipe = [sys.executable, "-c", _BEGIN], subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=_SETTINGS | os.environ)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._there, self._back = self._process.stdin, self._process.stdout

    def send(self, content: bytes) -> None:
        self._there.write(content)
        self._there.flush()

    def answer(self, content: bytes) -> tuple[bool, Any]:
        """Whether a task was done, and what came of it or the error."""
        try:
            self.send(content)
            found: tuple[bool, Any] = pickle.load(self._back)
            return found
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE_S)
            raise CapacityError(
                f"a process that solves areas has ended (exit status {self._process.poll()}), perhaps for lack of "
                "memory: ask for fewer draws, or install gridflops[fast], which needs no such processes"
            ) from error

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        with suppress(OSError):  # what nobody reads any more
            self._there.close()
        self._back.close()
        self._process.wait()


def _begun(count: int) -> list[_Process]:
    """Processes that load the package while the caller goes on; none where the system refuses."""
    begun: list[_Process] = []
    if not sys.executable or getattr(sys, "frozen", False):
        return begun
    try:
        for _ in range(count):
            begun.append(_Process())
            begun[-1].send(pickle.dumps(sys.path))
    except OSError:
        _end(begun)
        return []
    return begun


def _end(begun: list[_Process]) -> None:
    for process in begun:
        process.kill()  # nobody waits for what it is at
    for process in begun:
        process.close()


def serve() -> None:
    """What a process does: calls what it is sent and sends back what comes of it, until its caller is gone."""
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is printed is no answer
    with suppress(EOFError, BrokenPipeError):
        while True:
            function, arguments = pickle.load(asked)
            try:
                content = pickle.dumps((True, function(*arguments)), pickle.HIGHEST_PROTOCOL)
            except Exception as error:
                error.add_note(traceback.format_exc())
                content = pickle.dumps((False, error), pickle.HIGHEST_PROTOCOL)
            answers.write(content)
            answers.flush()
