"""One client a sweep: a living one is respected, a dead one never in the way."""

import json
import os
import subprocess
import sys
import time

import pytest

from capacity.errors import CapacityError
from capacity.sweep import lease, places

ELSEWHERE = {"machine": "elsewhere", "host": "elsewhere", "started": "1"}


@pytest.fixture
def place(tmp_path):
    return places.of(tmp_path / "s")


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(lease, "BEAT_S", 0.02)
    monkeypatch.setattr(lease, "POLL_S", 0.01)
    monkeypatch.setattr(lease, "SILENT_S", 0.3)


def left(place, **changes):
    """What a client that was killed leaves behind, with some fields changed."""
    with lease.held(place):
        said = lease.holder(place)
    place.put(lease.KEY, json.dumps(said | {"id": "another"} | changes).encode())


def test_a_second_client_is_sent_away_in_one_line_and_the_first_goes_on(place):
    with lease.held(place) as first:
        with pytest.raises(CapacityError, match=rf"another client runs this sweep \(process {os.getpid()} on") as error:
            lease.held(place).__enter__()
        assert "\n" not in str(error.value)
        first.check()
    assert lease.holder(place) is None
    with lease.held(place):
        pass


def test_a_killed_client_is_known_to_be_gone_at_once(place):
    code = (
        "import os, sys; from capacity.sweep import lease, places\n"
        "with lease.held(places.of(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, place.url]).returncode == -9
    said = lease.holder(place)
    assert said is not None
    started = time.monotonic()
    with lease.held(place):
        assert lease.holder(place)["pid"] == os.getpid()
    assert time.monotonic() - started < lease.SILENT_S / 3


def test_a_process_number_used_again_is_not_the_client(place):
    left(place, started="12345")
    with lease.held(place):
        pass


def test_a_client_elsewhere_that_gives_no_sign_is_waited_for_and_replaced(place, quick):
    left(place, **ELSEWHERE)
    said = []
    started = time.monotonic()
    with lease.held(place, said.append) as mine:
        assert time.monotonic() - started >= lease.SILENT_S
        mine.check()
    assert len(said) == 1
    assert "on elsewhere" in said[0]


def test_a_client_elsewhere_that_gives_a_sign_is_respected(place, quick, monkeypatch):
    left(place, **ELSEWHERE)
    beats = []

    def sleep(seconds):
        beats.append(seconds)
        left_there = lease.holder(place)
        if len(beats) == 5:
            place.put(lease.KEY, json.dumps(left_there | {"beat": 1}).encode())

    monkeypatch.setattr(lease.time, "sleep", sleep)
    with pytest.raises(CapacityError, match="on elsewhere"):
        lease.held(place).__enter__()
    assert len(beats) == 5


def test_a_client_elsewhere_that_ends_while_it_is_watched_is_followed(place, quick, monkeypatch):
    left(place, **ELSEWHERE)
    monkeypatch.setattr(lease.time, "sleep", lambda seconds: place.delete(lease.KEY))
    with lease.held(place):
        pass


def test_a_client_that_was_replaced_stops_and_leaves_the_other_alone(place, quick):
    with lease.held(place) as mine:
        other = json.dumps(lease.holder(place) | {"id": "other", "host": "there"}).encode()
        deadline = time.monotonic() + 60
        while not mine.lost and time.monotonic() < deadline:
            place.put(lease.KEY, other)  # again and again: a beat may come between
            time.sleep(0.005)
        with pytest.raises(CapacityError, match=r"there, since .* has taken this sweep over"):
            mine.check()
    assert lease.holder(place)["id"] == "other"


def test_two_that_take_in_the_same_moment_leave_one(place, monkeypatch):
    put = places.LocalPlace.put

    def overtaken(self, key, content):
        put(self, key, content)
        put(self, key, json.dumps(json.loads(content) | {"id": "faster"}).encode())

    monkeypatch.setattr(places.LocalPlace, "put", overtaken)
    with pytest.raises(CapacityError, match="another client"):
        lease.held(place).__enter__()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"id": 1}'])
def test_a_mark_that_cannot_be_read_is_nobodys(place, content):
    place.put(lease.KEY, content)
    assert lease.holder(place) is None
    with lease.held(place):
        pass


def test_a_place_that_takes_no_bytes_is_one_line(place, monkeypatch):
    def full(self, key, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(places.LocalPlace, "put", full)
    with pytest.raises(CapacityError, match="cannot write there"):
        lease.held(place).__enter__()


def test_a_full_disk_does_not_end_the_run(place, quick, monkeypatch):
    with lease.held(place) as mine:

        def full(self, key, content):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(places.LocalPlace, "put", full)
        time.sleep(0.1)
        mine.check()
        monkeypatch.undo()
    assert lease.holder(place) is None
