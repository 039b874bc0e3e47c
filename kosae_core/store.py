"""The content-addressed cache of expensive things: atomic to write, checked by hash.

An entry is a folder `<store>/<kind>/<key>/`. It exists only once its `manifest.json`, with the specification and the
size and sha256 of every file, is in it: work happens in a `.partial-*` folder that is renamed when it is whole.
"""

import hashlib
import json
import logging
import os
import re
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from kosae_core import paths

log = logging.getLogger("kosae.store")

MANIFEST = "manifest.json"


class DamagedEntry(RuntimeError):
    """A cache entry is not what its manifest says."""


def key_of(spec: Mapping) -> str:
    """The sha256 (hex) of a specification: whatever determines the result, as plain JSON values.

    Raises  TypeError if a value has no JSON form; ValueError if it is NaN or infinite.
    """
    text = json.dumps(spec, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """The sha256 (hex) of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_of(kind: str, spec: Mapping) -> Path:
    """Where the entry of this specification is, or would be."""
    return paths.store_dir() / kind / key_of(spec)[:32]


def read_manifest(folder: Path) -> dict:
    """The manifest of an entry.

    Raises  DamagedEntry if it is missing, unreadable, or no manifest.
    """
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        whole = isinstance(found["spec"], dict) and all(
            isinstance(of["bytes"], int) and isinstance(of["sha256"], str) for of in found["files"].values()
        )
    except (OSError, ValueError) as error:
        raise DamagedEntry(f"{folder}: its {MANIFEST} cannot be read ({error}); delete the folder.") from error
    except (KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise DamagedEntry(f"{folder}: its {MANIFEST} is not one that this package wrote; delete the folder.")
    return found


def verify(folder: Path, *, full: bool = True) -> None:
    """Check an entry against its manifest: names and sizes, and with `full` every sha256.

    Raises  DamagedEntry naming the file.
    """
    files = read_manifest(folder)["files"]
    for name, expected in files.items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else None
        if size != expected["bytes"]:
            raise DamagedEntry(f"{path}: {size} bytes, not the {expected['bytes']} written; delete {folder}.")
        if full and sha256_of(path) != expected["sha256"]:
            raise DamagedEntry(f"{path}: its sha256 is not the one written; delete {folder}.")


def find(kind: str, spec: Mapping) -> Path | None:
    """The folder of a whole entry, or None; an entry whose files have other sizes counts as none."""
    folder = folder_of(kind, spec)
    if not folder.is_dir():
        return None
    try:
        verify(folder, full=False)
    except DamagedEntry as error:
        log.warning("made again: %s", error)
        return None
    return folder


@contextmanager
def alone(kind: str, spec: Mapping) -> Iterator[None]:
    """Let one process at a time make what this specification stands for; a process that is killed lets go of it."""
    locks = paths.store_dir() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / f"{kind}-{folder_of(kind, spec).name}"):
        yield


def made(kind: str, spec: Mapping, make: Callable[[Path], None]) -> Path:
    """The folder of an entry, which `make` fills if it is not there; a second process that wants it waits for the first."""
    if find(kind, spec) is None:
        with alone(kind, spec):
            if find(kind, spec) is None:
                with new_entry(kind, spec) as folder:
                    make(folder)
    return folder_of(kind, spec)


@contextmanager
def new_entry(kind: str, spec: Mapping) -> Iterator[Path]:
    """Give an empty folder to write into; it becomes the entry when the block ends without an error.

    When two processes make the same entry, the first to finish is kept.
    """
    target = folder_of(kind, spec)
    with partial(target.parent) as unfinished:
        yield unfinished
        _seal(unfinished, kind, spec)
        if find(kind, spec) is None:
            shutil.rmtree(target, ignore_errors=True)
            try:
                os.rename(unfinished, target)
            except OSError:
                if find(kind, spec) is None:
                    raise


@contextmanager
def partial(parent: Path) -> Iterator[Path]:
    """An empty folder in `parent` to write into and rename when it is whole; else it is removed, at the latest by the next call."""
    parent.mkdir(parents=True, exist_ok=True)
    _sweep(parent)
    folder = parent / f".partial-{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _seal(folder: Path, kind: str, spec: Mapping) -> None:
    files = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
        files[path.relative_to(folder).as_posix()] = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    manifest = {"kind": kind, "spec": spec, "files": files}
    with open(folder / MANIFEST, "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())


def _sweep(parent: Path) -> None:
    """Remove what processes of this machine that are no longer alive left unfinished."""
    for folder in parent.glob(".partial-*"):
        match = re.fullmatch(r"\.partial-(.+)-(\d+)-\w+", folder.name)
        if match and match[1] == socket.gethostname() and not _alive(int(match[2])):
            log.info("removing an unfinished entry: %s", folder)
            shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
