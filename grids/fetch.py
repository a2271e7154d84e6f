"""Bring the public originals that the build reads: download with checksums, resume and a way out when offline,
then prepare what the build reads in another form."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urldefrag, urlsplit

from grids.originals import Outcome, checksum, chosen, inside, outcome, upstream_path, upstream_urls
from grids.prepare import prepare_file
from grids.provenance import Source, SourceFile, sources
from grids.store import check_folder
from grids.variables import GridDataError

if TYPE_CHECKING:
    import requests

Progress = Callable[[str, int, int | None], None]
"""Called with the file's path, the bytes received so far, and the total where the server says it."""

DOWNLOADABLE_HOSTS = (
    "raw.githubusercontent.com",
    "codeload.github.com",
    "cdn.jsdelivr.net",
    "zenodo.org",
    "files.pythonhosted.org",
)
CHUNK_BYTES = 1 << 18
TIMEOUT_S = 30
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True)
class _Job:
    path: str
    url: str
    sha256: str | None


class Interrupted(Exception):
    """The connection ended before the file did; what came is kept and the next attempt continues there."""


def fetch(
    target: Path | str,
    wanted: Iterable[str] | None = None,
    base_url: str | None = None,
    progress: Progress | None = None,
    *,
    attempts: int = 4,
    wait_s: float = 1.0,
) -> list[Outcome]:
    """Bring the originals of the `wanted` sources (all by default) into the folder `target`.

    A file that is there with the right checksum is kept; an interrupted download continues where it stopped
    (HTTP Range); a file appears under its final name only when complete and checked. `base_url` is a mirror
    with the layout of `target`. Waits `wait_s`, doubled each time, between `attempts` tries of a file. What the
    build reads in another form than the public one is prepared at the end (`grids.prepare`).

    Raises GridDataError naming every file that could not be had, its address and what to do.
    """
    target = Path(target)
    check_folder(target)
    states: list[tuple[Source, SourceFile, str]] = []
    problems: list[str] = []
    unreachable: set[str] = set()
    for source in chosen(wanted, sources()):
        for file in source.files:
            jobs = [] if _complete(target, file) else _jobs(source, file, base_url)
            failed = [
                problem
                for job in jobs
                if (problem := _fetch_one(target, job, unreachable, progress, attempts, wait_s)) is not None
            ]
            problems += failed
            if not failed:
                states.append((source, file, _status(target, file, jobs)))
    outcomes = []
    for source, file, status in states:
        try:
            made = prepare_file(target, source, file) if status == "upstream" else status
        except GridDataError as error:
            problems += error.problems
            continue
        outcomes.append(outcome(source, file, status if made == "by hand" else made))
    if problems:
        raise GridDataError(problems)
    return outcomes


def _status(target: Path, file: SourceFile, jobs: list[_Job]) -> str:
    """What the downloads led to; `upstream` where the file itself has still to be made."""
    if not jobs:
        return "kept" if _complete(target, file) else "by hand"
    return "fetched" if jobs[0].path == file.path else "upstream"


def _complete(target: Path, file: SourceFile) -> bool:
    """True where the build's file is there, with the right checksum where one is known."""
    import pooch

    path = inside(target, file.path)
    return path.is_file() and (file.sha256 is None or bool(pooch.file_hash(str(path)) == file.sha256))


def _jobs(source: Source, file: SourceFile, base_url: str | None) -> list[_Job]:
    """What to download for `file`; nothing where it has no address that a program can download."""
    if base_url is not None:
        return [_Job(file.path, f"{base_url.rstrip('/')}/{quote(file.path)}", file.sha256)]
    urls = upstream_urls(file)
    if not all(urlsplit(url).hostname in DOWNLOADABLE_HOSTS for url in urls):
        return []
    if file.sha256 is not None:
        return [_Job(file.path, url, file.sha256) for url in urls]
    return [_Job(upstream_path(source, url), urldefrag(url).url, checksum(url)) for url in urls]


def _fetch_one(
    target: Path, job: _Job, unreachable: set[str], progress: Progress | None, attempts: int, wait_s: float
) -> str | None:
    """Download one file through pooch; the problem in words, or None."""
    import pooch
    import requests

    destination = inside(target, job.path)
    host = str(urlsplit(job.url).netloc)
    way_out = f"place it by hand at {destination}, then run again"
    if host in unreachable:
        return f"{job.path}: {host} cannot be reached; get {job.url} and {way_out}"
    pooch.get_logger().setLevel("WARNING")
    known_hash = f"sha256:{job.sha256}" if job.sha256 else None
    keeper = pooch.create(target, base_url="", registry={job.path: known_hash}, urls={job.path: job.url})
    download = ResumingDownloader(destination, job.path, progress, attempts=attempts, wait_s=wait_s)
    try:
        keeper.fetch(job.path, downloader=download)
    except requests.HTTPError as error:
        code = error.response.status_code if error.response is not None else "?"
        return f"{job.path}: {job.url} answered {code}; get the file elsewhere and {way_out}"
    except (requests.RequestException, Interrupted) as error:
        unreachable.add(host)
        return f"{job.path}: {host} cannot be reached ({_brief(error)}); get {job.url} and {way_out}"
    except ValueError:
        return f"{job.path}: what {job.url} sent has not the checksum {job.sha256}; get the right version and {way_out}"
    except OSError as error:
        return f"{job.path}: cannot be written below {target} ({_brief(error)}); check folder and free space"
    return None


def _brief(error: Exception) -> str:
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:120]}"


class ResumingDownloader:
    """A pooch downloader that keeps what came in `NAME.part` and continues there, now or in a later run."""

    def __init__(
        self, destination: Path, label: str, progress: Progress | None, *, attempts: int, wait_s: float
    ) -> None:
        self.part = destination.with_name(destination.name + ".part")
        self.label = label
        self.progress = progress
        self.attempts = attempts
        self.wait_s = wait_s

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """Fill `output_file` from `url`; pooch checks it and gives it its final name."""
        import requests

        for attempt in range(self.attempts):
            try:
                self._continue(url)
                break
            except (requests.RequestException, Interrupted) as error:
                if _final(error) or attempt == self.attempts - 1:
                    raise
                time.sleep(self.wait_s * 2**attempt)
        os.replace(self.part, output_file)

    def _continue(self, url: str) -> None:
        import requests

        have = self.part.stat().st_size if self.part.exists() else 0
        # Without "identity" a server may compress, and a range of a compressed answer cannot be continued.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable and have:
                self._settle(answer, have)
                return
            answer.raise_for_status()
            resumed = answer.status_code == requests.codes.partial_content
            self._receive(answer, have if resumed else 0)

    def _settle(self, answer: requests.Response, have: int) -> None:
        """The server has nothing after what we have: that is the file, or another one, and we start anew."""
        if answer.headers.get("Content-Range", "") != f"bytes */{have}":
            self.part.unlink()
            raise Interrupted("the part on disk is longer than the file; starting anew")

    def _receive(self, answer: requests.Response, start: int) -> None:
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length is not None else None
        done = start
        with self.part.open("ab" if start else "wb") as file:
            for chunk in answer.iter_content(CHUNK_BYTES):
                file.write(chunk)
                done += len(chunk)
                if self.progress is not None:
                    self.progress(self.label, done, total)
            file.flush()
            os.fsync(file.fileno())
        if total is not None and done != total:
            raise Interrupted(f"{done} of {total} bytes came")


def _final(error: Exception) -> bool:
    """True for an answer that another attempt will not change, such as 404."""
    response = getattr(error, "response", None)
    if response is None:
        return False
    return bool(response.status_code < 500 and response.status_code != TOO_MANY_REQUESTS)
