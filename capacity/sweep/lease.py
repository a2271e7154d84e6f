"""One client a sweep: who runs it says so in the store, and says so again every few seconds.

A client whose process is seen to be gone, or that gives no sign for a while, no longer counts: a killed client never
blocks a resume. No clock is compared and no lock of the file system is needed, so this holds on object stores too.
Should two clients ever pass each other in the moment of taking, both read back who holds the sweep and all but one
stop; even then no byte would differ, since a task's chunks depend on nothing but the store.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from capacity.errors import CapacityError
from capacity.sweep.places import Place

KEY = "sweep/client.json"
BEAT_S = 5.0
SILENT_S = 30.0
"""A client on another machine that gave no sign for so long is taken to be gone: six beats."""
POLL_S = 1.0


class Lease:
    """Held by this process until `release`, or until another client is found to have it."""

    def __init__(self, place: Place) -> None:
        self._place, self._taken_by = place, ""
        self._said: dict[str, Any] = {
            "id": uuid.uuid4().hex,
            "machine": _machine(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": _start_of(os.getpid()),
            "since": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "beat": 0,
        }
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="sweep-lease", daemon=True)

    def take(self) -> None:
        """Say that this client runs the sweep.

        Raises CapacityError where another took it in the same moment, or where the place takes no bytes.
        """
        try:
            self._put()
        except OSError as error:
            raise CapacityError(f"--out {self._place.url}: cannot write there ({error}); make room") from error
        now = holder(self._place)
        if now is None or now["id"] != self._said["id"]:
            raise _refusal(self._place, now or {})
        self._thread.start()

    @property
    def lost(self) -> bool:
        return bool(self._taken_by)

    def check(self) -> None:
        """Raises CapacityError once another client has taken the sweep."""
        if self._taken_by:
            raise CapacityError(
                f"{self._place.url}: another client ({self._taken_by}) has taken this sweep over; stopped here, "
                "nothing is lost"
            )

    def release(self) -> None:
        self._end.set()
        self._thread.join()
        now = holder(self._place)
        if now is not None and now["id"] == self._said["id"]:
            self._place.delete(KEY)

    def _put(self) -> None:
        self._place.put(KEY, json.dumps(self._said).encode())

    def _beat(self) -> None:
        while not self._end.wait(BEAT_S) and not self._taken_by:
            # A full disk or a place out of reach for a while must not stop the run; the next beat may get through.
            with suppress(Exception):
                now = holder(self._place)
                if now is not None and now["id"] != self._said["id"]:
                    self._taken_by = name_of(now)
                    return
                self._said["beat"] += 1
                self._put()


@contextmanager
def held(place: Place, say: Callable[[str], None] = lambda text: None) -> Iterator[Lease]:
    """The sweep at a place for this client alone.

    Raises CapacityError in one line where another client runs it. One on this machine is known to be alive or gone at
    once; one elsewhere is watched for a sign, which takes up to `SILENT_S` seconds where it is gone.
    """
    found = holder(place)
    if found is not None and is_alive(found, place, say):
        raise _refusal(place, found)
    lease = Lease(place)
    lease.take()
    try:
        yield lease
    finally:
        with suppress(Exception):  # what ends the block matters more than a mark that goes stale by itself
            lease.release()


def holder(place: Place) -> dict[str, Any] | None:
    """What the client that runs a sweep says of itself; None where nobody does, or where it cannot be read."""
    content = place.get(KEY)
    if content is None:
        return None
    try:
        said = json.loads(content)
    except ValueError:
        return None
    return said if isinstance(said, dict) and {"id", "machine", "host", "pid", "started", "beat"} <= set(said) else None


def name_of(said: dict[str, Any]) -> str:
    """A client in words, from what the store says of it."""
    return f"process {said.get('pid')} on {said.get('host')}, since {said.get('since')}"


def is_alive(said: dict[str, Any], place: Place, say: Callable[[str], None] = lambda text: None) -> bool:
    """Whether the client that a store names still runs."""
    if said["machine"] == _machine() and said["started"]:
        return bool(_start_of(int(said["pid"])) == said["started"])
    say(f"another client ({name_of(said)}) ran this sweep; waiting up to {SILENT_S:.0f} s for a sign of it")
    deadline = time.monotonic() + SILENT_S
    while time.monotonic() < deadline:
        time.sleep(POLL_S)
        now = holder(place)
        if now is None:
            return False
        if (now["id"], now["beat"]) != (said["id"], said["beat"]):
            return True
    return False


def _refusal(place: Place, said: dict[str, Any]) -> CapacityError:
    return CapacityError(
        f"--out {place.url}: another client runs this sweep ({name_of(said)}); wait for it, stop it, or choose another"
    )


def _machine() -> str:
    """Name of what process numbers mean something in: this boot of this machine, and the space of process numbers."""
    boot, space = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    try:
        return f"{socket.gethostname()} {boot.read_text().strip()} {os.readlink(space)}"
    except OSError:
        return socket.gethostname()


def _start_of(pid: int) -> str:
    """When a running process started, so that a number used again is not taken for it; empty where it is gone, or
    where the system does not say."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = text.rsplit(")", 1)[1].split()
    return "" if fields[0] in "ZX" else fields[19]
