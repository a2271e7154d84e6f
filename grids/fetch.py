"""Download the public originals that the build reads, with checksums, resume and a way out when offline."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from grids.provenance import Source, SourceFile, sources
from grids.variables import GridDataError

if TYPE_CHECKING:
    import requests

Progress = Callable[[str, int, int | None], None]
"""Called with the file's path, the bytes received so far, and the total where the server says it."""

UPSTREAM = "upstream"
DOWNLOADABLE_HOSTS = ("raw.githubusercontent.com", "cdn.jsdelivr.net", "zenodo.org")
CHUNK_BYTES = 1 << 18
TIMEOUT_S = 30
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    status: `fetched`, `kept` (was there already), `upstream` (the original was fetched, but the build reads a
    re-encoding that has to be made from it) or `by hand` (no single file to download).
    """

    source: str
    path: str
    status: str
    url: str | None
    how: str | None


@dataclass(frozen=True)
class _Job:
    path: str
    url: str
    sha256: str | None
    status: str


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
    with the layout of `target`. Waits `wait_s`, doubled each time, between `attempts` tries of a file.

    Raises GridDataError naming every file that could not be had, its address and what to do.
    """
    target = Path(target)
    outcomes: list[Outcome] = []
    problems: list[str] = []
    unreachable: set[str] = set()
    for source in _chosen(wanted):
        for file in source.files:
            job = _job(source, file, base_url)
            status = "kept" if _complete(target, file) else "by hand" if job is None else job.status
            if job is not None and status != "kept":
                problem = _fetch_one(target, job, unreachable, progress, attempts, wait_s)
                if problem:
                    problems.append(problem)
                    continue
            outcomes.append(Outcome(source.id, file.path, status, file.url, file.reencoded))
    if problems:
        raise GridDataError(problems)
    return outcomes


def _chosen(wanted: Iterable[str] | None) -> list[Source]:
    known = sources()
    names = list(known) if wanted is None else list(wanted)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise GridDataError(f"unknown source {', '.join(unknown)}; known: {', '.join(known)}")
    return [known[name] for name in names]


def _complete(target: Path, file: SourceFile) -> bool:
    """True where the build's file is there, with the right checksum where one is known."""
    import pooch

    path = _inside(target, file.path)
    return path.is_file() and (file.sha256 is None or bool(pooch.file_hash(str(path)) == file.sha256))


def _job(source: Source, file: SourceFile, base_url: str | None) -> _Job | None:
    """What to download for `file`, or None where there is no single file to download."""
    if base_url is not None:
        return _Job(file.path, f"{base_url.rstrip('/')}/{quote(file.path)}", file.sha256, "fetched")
    if file.url is None or urlsplit(file.url).hostname not in DOWNLOADABLE_HOSTS:
        return None
    if file.sha256 is not None:
        return _Job(file.path, file.url, file.sha256, "fetched")
    name = PurePosixPath(urlsplit(file.url).path).name
    return _Job(f"{UPSTREAM}/{source.id}/{name}", file.url, None, "upstream")


def _inside(target: Path, path: str) -> Path:
    """`path` below `target`; an absolute path, a drive or a `..` is refused."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path or ":" in path:
        raise GridDataError(f"{path!r} leads out of the folder of originals; correct the entry in sources.yaml")
    return target.joinpath(*pure.parts)


def _fetch_one(
    target: Path, job: _Job, unreachable: set[str], progress: Progress | None, attempts: int, wait_s: float
) -> str | None:
    """Download one file through pooch; the problem in words, or None."""
    import pooch
    import requests

    destination = _inside(target, job.path)
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
