"""Where a store lives: a local folder or any fsspec address, as keys and bytes. Every put is whole or not there."""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path
from typing import Any, Protocol

from capacity.errors import CapacityError

KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
"""Keys that are written: plain words under the store, never upwards and never hidden."""


class Place(Protocol):
    """Keys and bytes under one root."""

    url: str

    def get(self, key: str) -> bytes | None:
        """Bytes of a key, or None where there is none."""

    def put(self, key: str, content: bytes) -> None:
        """Write a key; a reader sees the old bytes or all of the new ones."""

    def delete(self, key: str) -> None:
        """Remove a key; nothing happens where there is none."""

    def names(self, prefix: str) -> list[str]:
        """Names directly under a prefix, sorted; none where it does not exist."""


def checked_key(key: str) -> str:
    """The key. Raises CapacityError for one that could lead out of the store."""
    if not KEY.fullmatch(key):
        raise CapacityError(f"{key!r}: no key of a sweep; a store is written only below its own folder")
    return key


def of(address: str | Path) -> Place:
    """The place of an address: a path, file://, or any other fsspec address (s3://, gs://, memory://)."""
    text = str(address)
    if "://" not in text:
        return LocalPlace(Path(text))
    if text.startswith("file://"):
        return LocalPlace(Path(text.removeprefix("file://")))
    return RemotePlace(text)


class LocalPlace:
    """A folder."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))
        self.url = str(self.root)

    def get(self, key: str) -> bytes | None:
        try:
            return (self.root / checked_key(key)).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def put(self, key: str, content: bytes) -> None:
        target = self.root / checked_key(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def delete(self, key: str) -> None:
        (self.root / checked_key(key)).unlink(missing_ok=True)

    def names(self, prefix: str) -> list[str]:
        folder = self.root / prefix if prefix else self.root
        try:
            return sorted(name for name in os.listdir(folder) if not name.endswith(".part"))
        except (FileNotFoundError, NotADirectoryError):
            return []


class RemotePlace:
    """An fsspec file system. Object stores put objects whole, so no rename is needed."""

    def __init__(self, url: str) -> None:
        try:
            from fsspec.core import url_to_fs

            fs, root = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise CapacityError(f"{url}: cannot be opened ({error}); install the file system's package") from error
        self.url = url.rstrip("/")
        self._fs: Any = fs
        self._root = root.rstrip("/")

    def _path(self, key: str) -> str:
        return f"{self._root}/{checked_key(key)}"

    def get(self, key: str) -> bytes | None:
        try:
            return bytes(self._fs.cat_file(self._path(key)))
        except FileNotFoundError:
            return None

    def put(self, key: str, content: bytes) -> None:
        self._fs.pipe_file(self._path(key), content)

    def delete(self, key: str) -> None:
        try:
            self._fs.rm_file(self._path(key))
        except FileNotFoundError:
            return

    def names(self, prefix: str) -> list[str]:
        path = f"{self._root}/{prefix}" if prefix else self._root
        self._fs.invalidate_cache()
        try:
            found = self._fs.ls(path, detail=False)
        except FileNotFoundError:
            return []
        return sorted(name.rstrip("/").rsplit("/", 1)[-1] for name in found if name.rstrip("/") != path)
