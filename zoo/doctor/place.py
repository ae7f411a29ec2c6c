"""The data folder: whose it is, what its file system can do, and how much room is left there."""

from __future__ import annotations

import fcntl
import mmap
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo.doctor.finding import Finding
from zoo.store.space import room

_LITTLE = 2 << 30
_ELSEWHERE = "EAI_HOME says which folder eai keeps its data in"
_REMOTE = ("nfs", "cifs", "smb", "9p", "drvfs", "fuse.sshfs", "afpfs")
_OTHERS = 0o022

Trial = tuple[str, Callable[[Path], None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is known of a data folder.

    Attributes:
        data: The folder.
        folder: It, or while there is none the nearest folder above.
        owner: Whose `folder` is.
        mine: Whether that is this user.
        writable: Whether this user may write there.
        read_only: Whether nobody may: so its file system is mounted.
        mode: Its permissions.
        filesystem: The kind, such as ext4; None where nobody says.
        total: Bytes of the disk.
        room: Bytes that eai may still write.
        fails: What was tried there and does not work: names of `TRIALS`.
    """

    data: Path
    folder: Path
    owner: str
    mine: bool
    writable: bool
    mode: int
    read_only: bool = False
    filesystem: str | None
    total: int
    room: int
    fails: tuple[str, ...] = ()

    @property
    def store(self) -> Path:
        """The folder of the store."""
        return self.data / "store"


def look(data: Path, mounts: Iterable[tuple[str, str]] | None = None) -> Place:
    """Look at a data folder; nothing of it is made, and what is tried there leaves nothing behind.

    Args:
        data: The folder, whether there is one or not.
        mounts: Where file systems are mounted, and their kinds; those of this machine where absent.
    """
    folder = next(each for each in (data / "store", data, *data.parents) if each.is_dir())
    status, usage = folder.stat(), shutil.disk_usage(folder)
    writable = os.access(folder, os.W_OK | os.X_OK)
    return Place(
        data=data,
        folder=folder,
        owner=_owner(folder),
        mine=status.st_uid == os.getuid(),
        writable=writable,
        mode=stat.S_IMODE(status.st_mode),
        read_only=bool(os.statvfs(folder).f_flag & os.ST_RDONLY),
        filesystem=_kind(folder.resolve(), _mounts() if mounts is None else mounts),
        total=usage.total,
        room=room(folder),
        fails=tuple(failing(folder)) if writable else (),
    )


def _owner(folder: Path) -> str:
    try:
        return folder.owner()
    except KeyError:
        return f"user {folder.stat().st_uid}"


def _mounts() -> Iterator[tuple[str, str]]:
    import psutil  # noqa: PLC0415 - 20 ms, for those who want to know

    for partition in psutil.disk_partitions(all=True):
        yield partition.mountpoint, partition.fstype


def _kind(folder: Path, mounts: Iterable[tuple[str, str]]) -> str | None:
    """The file system that a folder is on; of several mounted at one point, the last one is on top."""
    found: tuple[int, str] | None = None
    for point, kind in mounts:
        if folder.is_relative_to(point) and (found is None or len(point) >= found[0]):
            found = len(point), kind
    return found[1] if found else None


def failing(folder: Path, trials: Iterable[Trial] | None = None) -> Iterator[str]:
    """Try in a new folder beneath this one what eai does in its own, and name what fails."""
    try:
        with tempfile.TemporaryDirectory(prefix=".eai-doctor-", dir=folder) as made:
            for name, trial in TRIALS if trials is None else trials:
                try:
                    trial(Path(made))
                except (OSError, ValueError):
                    yield name
    except OSError:  # there is room for nothing, or nothing may be removed
        yield "files"


def _locks(folder: Path) -> None:
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _maps(folder: Path) -> None:
    path = folder / "map"
    path.write_bytes(b"eai")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        mapped[:]


def _links(folder: Path) -> None:
    (folder / "link").symlink_to("lock")


def _modes(folder: Path) -> None:
    path = folder / "mode"
    path.touch()
    path.chmod(0o555)
    if stat.S_IMODE(path.stat().st_mode) != 0o555:  # noqa: PLR2004 - as just set
        raise OSError


def _renames(folder: Path) -> None:
    for name in ("old", "new"):
        (folder / name).touch()
    (folder / "old").replace(folder / "new")


TRIALS: tuple[Trial, ...] = (
    ("locks", _locks),
    ("maps", _maps),
    ("links", _links),
    ("modes", _modes),
    ("renames", _renames),
)
_FAILS: dict[str, Finding] = {
    "files": Finding("error", "no file can be made and removed in {folder}", _ELSEWHERE),
    "locks": Finding(
        "warning",
        "the file system of {folder} knows no locks, so that one proxy is told from another by its process",
        "do not let two machines serve one project from there",
    ),
    "maps": Finding(
        "error", "the file system of {folder} maps no files, which is how engines read", _ELSEWHERE
    ),
    "links": Finding("error", "the file system of {folder} knows no symbolic links", _ELSEWHERE),
    "modes": Finding(
        "warning", "the file system of {folder} keeps no permissions: nothing protects what is there"
    ),
    "renames": Finding(
        "error", "the file system of {folder} puts no file in the place of another", _ELSEWHERE
    ),
}


def checks(place: Place) -> Iterator[Finding]:
    """Find what is wrong with a data folder."""
    yield from _access(place)
    for name in place.fails:
        finding = _FAILS[name]
        yield Finding(finding.level, finding.what.format(folder=place.folder), finding.remedy)
    yield from _room(place)
    yield from _distance(place)


def _access(place: Place) -> Iterator[Finding]:
    if place.read_only:
        yield Finding(
            "error",
            f"the file system of {place.folder} is mounted read-only",
            f"mount it for writing (`dmesg` may say why it is not); or {_ELSEWHERE}",
        )
    elif not place.writable:
        whose = "" if place.mine else f", which belongs to {place.owner}"
        mend = (
            f"`chmod u+rwx {place.folder}`"
            if place.mine
            else f"`sudo chown -R $USER {place.folder}`, if it is yours"
        )
        yield Finding(
            "error", f"this user may not write to {place.folder}{whose}", f"{mend}; or {_ELSEWHERE}"
        )
    elif not place.mine and place.folder.is_relative_to(place.data):
        yield Finding(
            "warning",
            f"{place.folder} belongs to {place.owner}, who may not be able to use what this user puts there",
            f"run eai as {place.owner}, or {_ELSEWHERE}",
        )
    elif place.mode & _OTHERS and place.folder.is_relative_to(place.data):
        yield Finding(
            "warning",
            f"other users may write to {place.folder}, and so change what is served",
            f"`chmod go-w {place.folder}`",
        )


def _room(place: Place) -> Iterator[Finding]:
    if place.room < _LITTLE:
        yield Finding(
            "warning",
            f"the disk of {place.folder} is nearly full: eai may write {place.room >> 20} MiB more",
            "`eai store ls` shows what is there; or EAI_HOME names a folder on a larger disk",
        )


def _distance(place: Place) -> Iterator[Finding]:
    kind = (place.filesystem or "").lower()
    if kind.startswith(_REMOTE):
        yield Finding(
            "note",
            f"{place.folder} is on {kind}, from where models load slowly",
            "EAI_HOME may name a folder on a disk of this machine",
        )
