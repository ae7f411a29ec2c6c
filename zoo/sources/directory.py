"""Which files of a directory on IPFS are meant: the one model in it, with its shards and projector."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from zoo.ipfs import listing
from zoo.ipfs.cid import Cid
from zoo.ipfs.listing import File
from zoo.ipfs.walk import Get
from zoo.sources.base import Part
from zoo.sources.shards import is_shard, only

_PROJECTOR = "mmproj"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A file that is meant.

    Attributes:
        path: Its name as an engine should see it.
        size: In bytes.
        part: None where it was named itself.
    """

    path: str
    cid: Cid
    size: int
    part: Part | None


def choose(root: Cid, path: str, get: Get) -> tuple[Chosen, ...]:
    """Say which files are meant by a CID, or by a CID and a path below it.

    A file is meant itself, but a shard stands for all shards of its model. In a directory it is the one
    model, and the projector where there is one only.

    Raises:
        NotThere: There is no such thing, no model, several, or one whose shards are not all there.
        Malformed: The directory breaks its format or a limit.
        IntegrityError: A block is another one than its CID names.
    """
    target = listing.resolve(root, path, get)
    files = tuple(listing.files(target, get))
    name = PurePosixPath(path).name or f"{target}.gguf"
    where = f"{root}/{path}" if path else str(root)
    if len(files) == 1 and not files[0].path:
        if not is_shard(name) or "/" not in f"/{path}".rstrip("/"):
            return (_chosen(files[0], name, None, get),)
        return _shards(root, path, get, where)
    names = {file.path: file for file in files}
    chosen = [_chosen(names[each], PurePosixPath(each).name, "weights", get) for each in only(names, where)]
    projectors = [each for each in names if _is_projector(each)]
    if len(projectors) == 1:
        [each] = projectors
        chosen.append(_chosen(names[each], PurePosixPath(each).name, "mmproj", get))
    return tuple(chosen)


def _shards(root: Cid, path: str, get: Get, where: str) -> tuple[Chosen, ...]:
    """Find the other shards beside one."""
    parent = listing.resolve(root, str(PurePosixPath(path).parent).removeprefix("."), get)
    beside = {entry.name: entry.cid for entry in listing.entries(parent, get)}
    stem, _, _ = PurePosixPath(path).name.rpartition("-of-")
    model = stem.rpartition("-")[0]
    paths = only((name for name in beside if is_shard(name) and name.startswith(f"{model}-")), where)
    files = {name: next(listing.files(beside[name], get)) for name in paths}
    return tuple(_chosen(file, name, None, get) for name, file in files.items())


def _chosen(file: File, name: str, part: Part | None, get: Get) -> Chosen:
    # What a directory says of a single block's size is a hint; the block is small, so it is fetched.
    size = len(listing.fetch(file.cid, get)) if file.size is None else file.size
    return Chosen(name, file.cid, size, part)


def _is_projector(path: str) -> bool:
    return path.lower().endswith(".gguf") and _PROJECTOR in PurePosixPath(path).name.lower()
