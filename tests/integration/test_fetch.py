"""Downloading the originals, against a server on this machine that can break off, refuse and count."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from grids import fetch as fetching
from grids import prepare as preparing
from grids.fetch import fetch
from grids.originals import Outcome
from grids.provenance import Source, SourceFile
from grids.variables import GridDataError

CONTENT = bytes(range(256)) * 4000  # about 1 MB, several chunks


class Server:
    """Files by path, and what the server should do wrong."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.break_after: int | None = None  # bytes of a body after which the connection ends, once
        self.always_break = False
        self.status: list[int] = []  # answers to give first
        self.ranges: list[str | None] = []  # Range header of every request
        self.knows_ranges = True
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *words: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range")
        self.ranges.append(wanted)
        content = self.files.get(unquote(handler.path).lstrip("/"))
        if self.status:
            return self._empty(handler, self.status.pop(0))
        if content is None:
            return self._empty(handler, 404)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.knows_ranges else 0
        if start >= len(content) > 0:
            return self._empty(handler, 416, {"Content-Range": f"bytes */{len(content)}"})
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        body = content[start:]
        if self.break_after is not None:
            body = body[: self.break_after]
            handler.close_connection = True
            if not self.always_break:
                self.break_after = None
        handler.wfile.write(body)

    def _empty(self, handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str] | None = None) -> None:
        handler.send_response(status)
        for name, value in ({"Content-Length": "0"} | (headers or {})).items():
            handler.send_header(name, value)
        handler.end_headers()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def _source(*files: SourceFile, name: str = "demo") -> dict[str, Source]:
    origin = {"title": "t", "publisher": "p", "repository": "https://example.org", "commit": None}
    terms = {"licence": "CC0-1.0", "standing": "attribution", "used": "tests", "note": ""}
    return {name: Source(id=name, files=files, **origin, **terms)}


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Source]:
    """One source with one exact file; tests may add to it."""
    checksum = hashlib.sha256(CONTENT).hexdigest()
    known = _source(SourceFile("demo/a file.csv", "https://raw.githubusercontent.com/x/y/z/a.csv", checksum, None))
    monkeypatch.setattr(fetching, "sources", lambda: known)
    return known


def _quick(target: Path, server: Server, **options: object) -> list[Outcome]:
    return fetch(target, base_url=server.url, wait_s=0.0, **options)  # type: ignore[arg-type]


def _names(target: Path) -> list[str]:
    return sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())


def test_fetches_then_keeps(server: Server, listed: dict[str, Source], tmp_path: Path) -> None:
    server.files["demo/a file.csv"] = CONTENT
    seen: list[tuple[str, int, int | None]] = []
    outcomes = _quick(tmp_path, server, progress=lambda *args: seen.append(args))
    assert [(item.source, item.path, item.status) for item in outcomes] == [("demo", "demo/a file.csv", "fetched")]
    assert (tmp_path / "demo" / "a file.csv").read_bytes() == CONTENT
    assert seen[-1] == ("demo/a file.csv", len(CONTENT), len(CONTENT))
    assert len(server.ranges) == 1
    again = _quick(tmp_path, server)
    assert [item.status for item in again] == ["kept"]
    assert len(server.ranges) == 1  # nothing was asked a second time
    assert _names(tmp_path) == ["demo/a file.csv"]


def test_a_broken_connection_continues_with_a_range(server: Server, listed: dict[str, Source], tmp_path: Path) -> None:
    server.files["demo/a file.csv"] = CONTENT
    server.break_after = 300_000
    _quick(tmp_path, server)
    assert (tmp_path / "demo" / "a file.csv").read_bytes() == CONTENT
    assert server.ranges[0] is None
    first = int(str(server.ranges[1]).removeprefix("bytes=").rstrip("-"))
    assert 0 < first <= 300_000
    assert _names(tmp_path) == ["demo/a file.csv"]


def test_a_later_run_continues_what_an_earlier_one_left(
    server: Server, listed: dict[str, Source], tmp_path: Path
) -> None:
    server.files["demo/a file.csv"] = CONTENT
    server.break_after, server.always_break = 300_000, True
    with pytest.raises(GridDataError, match="cannot be reached"):
        _quick(tmp_path, server, attempts=1)
    assert _names(tmp_path) == ["demo/a file.csv.part"]  # nothing under the final name
    server.break_after = None
    left = (tmp_path / "demo" / "a file.csv.part").stat().st_size
    assert left > 0
    _quick(tmp_path, server)
    assert server.ranges[-1] == f"bytes={left}-"
    assert (tmp_path / "demo" / "a file.csv").read_bytes() == CONTENT
    assert _names(tmp_path) == ["demo/a file.csv"]


def test_a_server_without_ranges_sends_all_again(server: Server, listed: dict[str, Source], tmp_path: Path) -> None:
    server.files["demo/a file.csv"] = CONTENT
    server.break_after, server.knows_ranges = 300_000, False
    _quick(tmp_path, server)
    assert (tmp_path / "demo" / "a file.csv").read_bytes() == CONTENT


@pytest.mark.parametrize("left", [CONTENT, CONTENT + b"more than the file"], ids=["complete", "too long"])
def test_a_part_that_needs_no_more_bytes(
    server: Server, listed: dict[str, Source], tmp_path: Path, left: bytes
) -> None:
    server.files["demo/a file.csv"] = CONTENT
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "a file.csv.part").write_bytes(left)
    _quick(tmp_path, server)
    assert (tmp_path / "demo" / "a file.csv").read_bytes() == CONTENT


def test_wrong_content_never_gets_the_final_name(server: Server, listed: dict[str, Source], tmp_path: Path) -> None:
    server.files["demo/a file.csv"] = b"something else"
    with pytest.raises(GridDataError, match=r"demo/a file\.csv: what http.* has not the checksum [0-9a-f]{64}"):
        _quick(tmp_path, server)
    assert _names(tmp_path) == []


def test_a_changed_file_on_disk_is_fetched_again(server: Server, listed: dict[str, Source], tmp_path: Path) -> None:
    server.files["demo/a file.csv"] = CONTENT
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "a file.csv").write_bytes(b"edited")
    assert [item.status for item in _quick(tmp_path, server)] == ["fetched"]
    assert (tmp_path / "demo" / "a file.csv").read_bytes() == CONTENT


def test_404_is_not_tried_again_and_names_the_way_out(
    server: Server, listed: dict[str, Source], tmp_path: Path
) -> None:
    with pytest.raises(GridDataError, match=r"answered 404; .*place it by hand at .*a file\.csv") as caught:
        _quick(tmp_path, server)
    assert f"{server.url}/demo/a%20file.csv" in str(caught.value)
    assert len(server.ranges) == 1
    assert _names(tmp_path) == []


def test_a_busy_server_is_asked_again(server: Server, listed: dict[str, Source], tmp_path: Path) -> None:
    server.files["demo/a file.csv"] = CONTENT
    server.status = [503, 429]
    _quick(tmp_path, server)
    assert len(server.ranges) == 3


def test_offline_is_one_error_that_lists_every_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = [SourceFile(f"demo/{n}.csv", "https://raw.githubusercontent.com/x", "0" * 64, None) for n in "abc"]
    monkeypatch.setattr(fetching, "sources", lambda: _source(*files))
    server = Server()
    server.close()  # the port is free again: nobody answers
    with pytest.raises(GridDataError) as caught:
        fetch(tmp_path, base_url=server.url, attempts=2, wait_s=0.0)
    assert len(caught.value.problems) == 3
    for name, problem in zip("abc", caught.value.problems, strict=True):
        assert "cannot be reached" in problem
        assert f"{server.url}/demo/{name}.csv" in problem
        assert f"place it by hand at {tmp_path / 'demo' / name}.csv" in problem


def test_a_folder_that_cannot_be_written_is_one_error_and_no_download(
    server: Server, listed: dict[str, Source], tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(GridDataError, match="cannot write there") as caught:
        fetch(tmp_path / "mine.txt" / "x", base_url=server.url)
    assert len(caught.value.problems) == 1
    assert server.ranges == []


@pytest.mark.parametrize("path", ["../outside.csv", "/etc/outside.csv", "a/../../outside.csv", "C:/x.csv", "a\\b.csv"])
def test_a_path_out_of_the_folder_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str
) -> None:
    checksum = hashlib.sha256(CONTENT).hexdigest()
    monkeypatch.setattr(fetching, "sources", lambda: _source(SourceFile(path, "https://x.org/x", checksum, None)))
    with pytest.raises(GridDataError, match="leads out of the folder"):
        _quick(tmp_path / "in", server)
    assert server.ranges == []
    assert _names(tmp_path) == []


def test_what_has_to_be_made_by_hand_is_said(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = SourceFile("demo/table.parquet", f"{server.url}/data/table.csv", None, "the CSV as Parquet")
    folder = SourceFile("demo/all.parquet", "https://github.com/x/y/tree/z", None, "all files as one table")
    monkeypatch.setattr(fetching, "sources", lambda: _source(made, folder))
    monkeypatch.setattr(fetching, "DOWNLOADABLE_HOSTS", ("127.0.0.1",))
    server.files["data/table.csv"] = CONTENT
    outcomes = fetch(tmp_path, wait_s=0.0)
    assert [(item.status, item.how) for item in outcomes] == [
        ("upstream", "the CSV as Parquet"),
        ("by hand", "all files as one table"),
    ]
    assert _names(tmp_path) == ["upstream/demo/table.csv"]
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "table.parquet").write_bytes(b"made")
    assert [item.status for item in fetch(tmp_path, wait_s=0.0)] == ["kept", "by hand"]


def test_only_the_wanted_sources(server: Server, listed: dict[str, Source], tmp_path: Path) -> None:
    listed.update(_source(SourceFile("other/b.csv", "https://x.org/b", "0" * 64, None), name="other"))
    server.files["demo/a file.csv"] = CONTENT
    assert [item.source for item in _quick(tmp_path, server, wanted=["demo"])] == ["demo"]
    with pytest.raises(GridDataError, match="unknown source nowhere; known: demo, other"):
        _quick(tmp_path, server, wanted=["nowhere"])


def test_what_was_fetched_is_prepared(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two public files become one original, also in a second run; the problem of one file does not stop another."""
    checksum = hashlib.sha256(b"wheel").hexdigest()
    joined = SourceFile("demo/ab.csv", None, None, "joined", (f"{server.url}/data/{{a,b}}.csv",), "unchecked")
    packed = SourceFile("demo/w.csv", None, None, "unpacked", (f"{server.url}/w.whl#sha256={checksum}",), "unchecked")
    monkeypatch.setattr(fetching, "sources", lambda: _source(packed, joined))
    monkeypatch.setattr(fetching, "DOWNLOADABLE_HOSTS", ("127.0.0.1",))
    rules = dict.fromkeys(("demo/ab.csv", "demo/w.csv"), lambda parts: b"".join(part.read_bytes() for part in parts))
    monkeypatch.setattr(preparing, "RULES", rules)
    server.files |= {"data/a.csv": b"1\n", "data/b.csv": b"2\n", "w.whl": b"another"}
    with pytest.raises(GridDataError, match="has not the checksum") as caught:
        fetch(tmp_path, wait_s=0.0)
    assert len(caught.value.problems) == 1
    assert (tmp_path / "demo" / "ab.csv").read_bytes() == b"1\n2\n"
    server.files["w.whl"] = b"wheel"
    assert [(item.path, item.status) for item in fetch(tmp_path, wait_s=0.0)] == [
        ("demo/w.csv", "prepared"),
        ("demo/ab.csv", "kept"),
    ]
    (tmp_path / "demo" / "ab.csv").unlink()
    server.close()
    assert [item.status for item in fetch(tmp_path, wait_s=0.0)] == ["kept", "prepared"]
