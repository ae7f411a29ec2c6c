"""zoo.lock as a file: read strictly, written canonically and whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import tomli

from zoo import __version__
from zoo.digest import Digest
from zoo.errors import EaiError, LockError, NoSpace
from zoo.lock.check import validate
from zoo.lock.conflict import is_conflicted
from zoo.lock.model import VERSION, Lock
from zoo.lock.render import render

_LONGEST = 64 * 1024 * 1024
_TAKE_A_SIDE = (
    "restore it with `git checkout zoo.lock` (in a merge, `git checkout --ours zoo.lock`), "
    "then run `eai lock`"
)


def loads(text: str, *, name: str = "zoo.lock") -> Lock:
    """Read a lock from text. What it says is not checked against itself: see `zoo.lock.check`.

    Args:
        text: The file's content.
        name: What messages call the file.

    Raises:
        LockError: It is conflicted, no TOML, of another version, or holds an unknown key, a missing
            one, or a value of a wrong type.
    """
    data = _table(text, name)
    _check_version(data, name)
    try:
        return msgspec.convert(data, Lock, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise LockError(f"{name}: {_located(str(error), data)}", hint=_TAKE_A_SIDE) from None


def load(path: Path) -> Lock:
    """Read a lock from a file, and check that it agrees with itself.

    Raises:
        LockError: As for `loads` and `zoo.lock.check.validate`; or there is no such file.
    """
    lock = loads(decode(read(path), name=path.name), name=path.name)
    validate(lock, name=path.name)
    return lock


def read(path: Path) -> bytes:
    """Read a lock's bytes.

    Raises:
        LockError: There is no such file, or it is too long to be a lock.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
    except FileNotFoundError:
        raise LockError(f"there is no {path}", hint="run `eai lock`, then commit zoo.lock") from None
    except OSError as error:
        raise LockError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > _LONGEST:
        raise LockError(f"{path} is longer than {_LONGEST >> 20} MiB, so it is no lock")
    return content


def decode(content: bytes, *, name: str = "zoo.lock") -> str:
    """Take a lock's bytes as text.

    Raises:
        LockError: They are no UTF-8.
    """
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise LockError(f"{name} is no UTF-8: byte {error.start} is wrong", hint=_TAKE_A_SIDE) from None


def dumps(lock: Lock) -> str:
    """Write a lock as its canonical text: equal locks give equal bytes.

    Raises:
        LockError: It holds what TOML cannot.
    """
    return render(lock)


def write(path: Path, lock: Lock, *, seen: bytes | None = None) -> bool:
    """Write a lock to a file, atomically; a file that has the same bytes is left alone.

    A link is followed, so that it stays one; the mode of the file that was there is kept.

    Args:
        path: Where to.
        lock: What; it is checked first, so that nothing is written that could not be read again.
        seen: What was in the file when the lock was decided; empty if there was none.

    Returns:
        Whether the file had to be written.

    Raises:
        LockError: The file changed since it was `seen`, or the lock does not agree with itself.
        NoSpace: The disk is full.
        EaiError: The file cannot be written.
    """
    validate(lock, name=path.name)
    content = dumps(lock).encode()
    try:
        return _replaced(path.resolve(), content, seen)
    except OSError as error:
        kind = NoSpace if error.errno in {errno.ENOSPC, errno.EDQUOT} else EaiError
        raise kind(
            f"{path} cannot be written: {error.strerror}", hint="what was there is unchanged"
        ) from None


def _replaced(target: Path, content: bytes, seen: bytes | None) -> bool:
    before = _content(target)
    if before == content:
        return False
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        _write_new(temporary, content, mode=target.stat().st_mode & 0o7777 if before else None)
        with _alone(target.parent):
            if _content(target) != (before if seen is None else seen):
                raise LockError(
                    f"{target} was changed by something else meanwhile", hint="run the command again"
                )
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)
    return True


def _table(text: str, name: str) -> dict[str, Any]:
    if is_conflicted(text):
        raise LockError(f"{name} has git conflict markers", hint="run `eai lock`: it merges both sides")
    try:
        return tomli.loads(text)
    except ValueError as error:  # also a number that is too long to be one
        raise LockError(f"{name} is no TOML: {error}", hint=_TAKE_A_SIDE) from None
    except RecursionError:
        raise LockError(f"{name} is no lock: it is nested too deeply", hint=_TAKE_A_SIDE) from None


def _check_version(data: dict[str, Any], name: str) -> None:
    """Look at `version` before all else: of a later one nothing more is known, not even its keys."""
    version = data.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise LockError(f"{name} has no `version`, which must be a whole number", hint=_TAKE_A_SIDE)
    if version > VERSION:
        raise LockError(
            f"{name} has version {version}, and this eai ({__version__}) knows only up to {VERSION}",
            hint=f"it needs an eai that knows lock version {version}: upgrade eai. Nothing was changed",
        )


def _decode(kind: type, value: object) -> object:
    if kind is Digest and isinstance(value, str):
        return Digest(value)
    msg = f"Expected `str`, got `{type(value).__name__}`"
    raise TypeError(msg)


def _located(message: str, data: dict[str, Any]) -> str:
    """Say `model "x": settings.parallel: …` for msgspec's `… - at `$.model[3].settings.parallel``."""
    what, _, place = message.rpartition(" - at `$")
    if not what:
        return message
    section, _, rest = place.rstrip("`").removeprefix(".").partition("]")
    table, _, index = section.partition("[")
    if not index.isdecimal():
        return f"{section}: {what}"
    entry = data[table][int(index)]
    named = entry.get("name", entry.get("digest", index)) if isinstance(entry, dict) else index
    key = rest.removeprefix(".")
    return f'{table} "{named}": {key + ": " if key else ""}{what}'


def _content(target: Path) -> bytes:
    """What is in the file; nothing where there is none."""
    return read(target) if target.exists() else b""


def _write_new(temporary: Path, content: bytes, *, mode: int | None) -> None:
    """Write a file that is on the disk when this returns, so that a power cut finds old or new."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(temporary, flags, 0o666), "wb") as file:
        file.write(content)
        file.flush()
        if mode is not None:
            temporary.chmod(mode)
        os.fsync(file.fileno())


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let no other eai replace a lock in a folder meanwhile, where the filesystem knows locks."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(
            OSError
        ):  # it knows none; that the file is as it was `seen` is checked anyway
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make the file's new name last, where the filesystem can."""
    with contextlib.suppress(OSError):  # it cannot, and the file itself is there and whole
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
