"""Looks into the files of a model: that each is what it was named as, and what the lock says of them."""

from __future__ import annotations

from zoo.errors import ZoofileError
from zoo.lock.model import Facts
from zoo.resolve import drawing
from zoo.resolve.facts import facts
from zoo.resolve.gguf import Header, read
from zoo.resolve.kinds import Kind, require, require_same_architecture, require_shards
from zoo.resolve.origins import Wanted, kind_of
from zoo.resolve.pins import Pinned
from zoo.resolve.sighted import Role

LONGEST_TEMPLATE = 1 << 20
"""Bytes of a chat template; the longest known ones have some twenty thousand."""

_KINDS: dict[Role, Kind] = {"weights": "model", "mmproj": "mmproj", "lora": "lora"}


def look(pinned: tuple[Pinned, ...], want: Wanted, opened: drawing.Open) -> Facts:
    """Say what the lock keeps of a model.

    Args:
        pinned: Its files.
        want: What it was asked to consist of.
        opened: drawing.Opens one of them.

    Raises:
        ZoofileError: A file is not what it was named as, or no engine could load it.
        SourceError: A file cannot be read.
    """
    if want.draws:
        return drawing.look(pinned, opened)
    weights = _of(pinned, "weights")
    several = want.weights.pattern is not None or "ipfs" in {kind_of(want.weights), weights[0].kind}
    if len(weights) > 1 and not several:
        raise ZoofileError(f"{len(weights)} files were found where one was named")
    headers = tuple(_header(each, opened) for each in weights)
    names = tuple(each.file.path for each in weights)
    require_shards(headers, names)
    for header, name in zip(headers, names, strict=True):
        if header is headers[0] or header.text("general.architecture") is not None:
            require(header, "model", name)
    for each in (*_of(pinned, "mmproj"), *_of(pinned, "lora")):
        header = _header(each, opened)
        require(header, _KINDS[each.role], each.file.path)
        if each.role == "lora":
            require_same_architecture(header, headers[0], each.file.path)
    for each in _of(pinned, "chat_template"):
        _check_template(each, opened)
    return facts(
        headers[0],
        names[0],
        mmproj=bool(_of(pinned, "mmproj")),
        task=want.task,
        sampling=want.sampling,
    )


def _of(pinned: tuple[Pinned, ...], role: Role) -> tuple[Pinned, ...]:
    return tuple(each for each in pinned if each.role == role)


def _header(pinned: Pinned, opened: drawing.Open) -> Header:
    with opened(pinned) as reader:
        return read(reader, pinned.file.path)


def _check_template(pinned: Pinned, opened: drawing.Open) -> None:
    if pinned.size > LONGEST_TEMPLATE:
        raise ZoofileError(
            f"{pinned.file.path} has {pinned.size:,} bytes, which no chat template has",
            hint="set `chat-template` to a Jinja template",
        )
    with opened(pinned) as reader:
        content = reader.read(0, pinned.size)
    try:
        content.decode()
    except UnicodeDecodeError:
        raise ZoofileError(
            f"{pinned.file.path} is no chat template: it is no UTF-8 text",
            hint="set `chat-template` to a Jinja template",
        ) from None
