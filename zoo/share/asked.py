"""What a request to a trustless gateway asks for: one block or a CAR, and which blocks of the DAG are in it.

Spec: ipfs/specs, http-gateways/trustless-gateway.md; IPIP-402 (scope and bytes), 412 (order and
duplicates), 523 (`format` counts before `Accept`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Self

RAW_TYPE = "application/vnd.ipld.raw"
CAR_TYPE = "application/vnd.ipld.car"
WANTED = f"ask for ?format=raw or ?format=car (Accept: {RAW_TYPE} or {CAR_TYPE})"
_TYPES = {RAW_TYPE: "raw", CAR_TYPE: "car"}
_BYTES = re.compile(r"(-?[0-9]{1,19}):(\*|-?[0-9]{1,19})", re.ASCII)


class Unanswerable(Exception):
    """A request that no answer fits.

    Attributes:
        status: Of HTTP.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Bytes:
    """`entity-bytes`: from which byte of a file to which, that one too; below zero they count from its end.

    Attributes:
        last: None for the end of the file.
    """

    first: int
    last: int | None

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `FROM:TO`.

        Raises:
            Unanswerable: It is no such thing.
        """
        match = _BYTES.fullmatch(text)
        if match is None:
            raise Unanswerable(400, "entity-bytes is FROM:TO, in bytes; TO may be *")
        return cls(int(match[1]), None if match[2] == "*" else int(match[2]))

    def of(self, size: int) -> range:
        """Say which bytes of a file of this size these are; none where it has none of them."""
        first = self.first if self.first >= 0 else size + self.first
        stop = size if self.last is None else (self.last if self.last >= 0 else size + self.last) + 1
        return range(max(0, first), min(stop, size))

    def outside(self, size: int) -> bool:
        """Whether all of these bytes would be beyond the ends of a file of this size."""
        last = size - 1 if self.last is None else self.last if self.last >= 0 else size + self.last
        return self.first >= size or last < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for.

    Attributes:
        form: One block, or a CAR.
        root_only: Whether the CAR has only the block that was named.
        bytes: Which bytes of the file the CAR must prove; None for all of it.
        dups: Whether a block is in the CAR as often as it is linked.
        by_header: Whether the form was chosen by `Accept` alone.
    """

    form: Literal["raw", "car"]
    root_only: bool = False
    bytes: Bytes | None = None
    dups: bool = False
    by_header: bool = False

    @property
    def content_type(self) -> str:
        """The type of the answer, with all that is known of it."""
        dups = "y" if self.dups else "n"
        return RAW_TYPE if self.form == "raw" else f"{CAR_TYPE}; version=1; order=dfs; dups={dups}"

    @property
    def query(self) -> str:
        """The query of the URL that asks for just this."""
        parts = [f"format={self.form}"]
        if self.form == "car":
            if self.root_only:
                parts.append("dag-scope=block")
            if self.bytes is not None:
                parts.append(f"entity-bytes={self.bytes.first}:{_end(self.bytes.last)}")
            if self.dups:
                parts.append("car-dups=y")
        return "&".join(parts)


def asked(query: Mapping[str, str], accept: str | None) -> Asked:
    """Say what a request asks for.

    Args:
        query: The parameters of its URL.
        accept: Its `Accept` header; None where it has none.

    Raises:
        Unanswerable: What is asked for cannot be given, or does not exist.
    """
    form = query.get("format")
    kinds = list(_accepted(accept or ""))
    if form is None:
        kind = next((kind for kind in kinds if kind.parameters.get("version", "1") == "1"), None)
    else:
        # The parameters of a type that is accepted hold for a form that the URL names, too.
        kind = next((kind for kind in kinds if kind.form == form), _Kind(form, {}))
    if kind is None or kind.form not in _TYPES.values():
        # One who says nothing of what is wanted wants what browsers do, and that is not to be had here.
        raise Unanswerable(400 if form is None and accept is None else 406, WANTED)
    if kind.form == "raw":
        return Asked(form="raw", by_header=form is None)
    return _car(query, kind.parameters, by_header=form is None)


def _car(query: Mapping[str, str], parameters: Mapping[str, str], *, by_header: bool) -> Asked:
    version = query.get("car-version") or parameters.get("version", "1")
    order = query.get("car-order") or parameters.get("order", "unk")
    dups = query.get("car-dups") or parameters.get("dups", "n")
    if version != "1" or order not in {"dfs", "unk"} or dups not in {"y", "n"}:
        raise Unanswerable(406, "a CAR has version 1 here, is in the order dfs, and has dups=y or n")
    scope = query.get("dag-scope", "all")
    if scope not in {"block", "entity", "all"}:
        raise Unanswerable(400, "dag-scope is block, entity or all")
    span = query.get("entity-bytes")
    return Asked(
        form="car",
        root_only=scope == "block" and span is None,
        bytes=None if span is None else Bytes.read(span),
        dups=dups == "y",
        by_header=by_header,
    )


@dataclass(frozen=True, slots=True)
class _Kind:
    form: str
    parameters: Mapping[str, str]


def _accepted(accept: str) -> Iterator[_Kind]:
    """Give the forms that an `Accept` header names, with their parameters."""
    for each in accept.lower().split(","):
        kind, *rest = (part.strip() for part in each.split(";"))
        if kind in _TYPES:
            pairs = (part.partition("=") for part in rest)
            yield _Kind(_TYPES[kind], {name.strip(): value.strip().strip('"') for name, _, value in pairs})


def _end(last: int | None) -> str:
    return "*" if last is None else str(last)
