"""Writing that survives a crash: each step of making bytes durable, with the reason for it.

A file is safe once its bytes are flushed (`sync_file`), its name is put in place in one step
(`rename`, so that no reader sees half of it), and the folder that holds the name is flushed too
(`sync_folder`: on ext4 and XFS a rename is only in memory until then).
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zoo.errors import EaiError, NoSpace

READ_ONLY = 0o444
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_OFFERED = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.ENOTTY})


def sync_file(fd: int) -> None:
    """Force the bytes of an open file onto the disk.

    On macOS `fsync` stops at the drive's own cache; only F_FULLFSYNC goes through it, and file
    systems that don't know it (network shares) still take `fsync`.
    """
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 - not on every platform

        try:
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        except OSError as error:
            if error.errno not in _NOT_OFFERED:
                raise
        else:
            return
    os.fsync(fd)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder onto the disk; some file systems can't, and need not."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        sync_file(fd)
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise
    finally:
        os.close(fd)


def move(source: Path, target: Path) -> None:
    """Put a flushed file at its final path in one step, and make the name durable."""
    source.replace(target)
    sync_folder(target.parent)


def write(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
    """Replace a small file by these bytes: at every instant it is the old one or the new one.

    Args:
        path: The file; its folder must exist.
        data: All of its bytes.
        mode: Its permissions, whatever the umask.
        durable: Whether to wait for the disk; a cache need not.
    """
    temporary = _beside(path)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with _replacing(path, temporary), os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(fd, mode)
        if durable:
            sync_file(fd)
    if durable:
        sync_folder(path.parent)


def point(link: Path, target: str | Path) -> None:
    """Make a symbolic link point somewhere else, in one step."""
    temporary = _beside(link)
    with _replacing(link, temporary):
        temporary.symlink_to(target)
    sync_folder(link.parent)


def _beside(path: Path) -> Path:
    """A name in the same folder that nobody else takes."""
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")


@contextmanager
def _replacing(path: Path, temporary: Path) -> Iterator[None]:
    """Put what is made at a temporary name at its own, when the block has made it; else leave nothing."""
    try:
        yield
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):  # what went wrong before is raised
            temporary.unlink()
        raise


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that it holds, also where its folders are read-only."""
    with suppress(FileNotFoundError):  # another process is removing it as well
        for inner, _, _ in os.walk(folder):
            Path(inner).chmod(0o755)
        shutil.rmtree(folder)


def is_full(error: BaseException) -> bool:
    """Whether an error says that the disk, or the user's share of it, is full."""
    return isinstance(error, OSError) and error.errno in FULL


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a path into an error for people.

    Raises:
        NoSpace: The disk is full.
        EaiError: Anything else that it refuses.
    """
    try:
        yield
    except OSError as error:
        where = error.filename or path
        if is_full(error):
            raise NoSpace(
                f"the disk is full: {where}",
                hint="make room and run the command again: what was fetched is kept, and goes on from there",
            ) from error
        raise EaiError(
            f"{where}: {error.strerror or error}",
            hint="eai keeps its data in the folder that EAI_HOME names; it must be readable and writable",
        ) from error
