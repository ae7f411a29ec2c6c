"""Add and remove models in the text of a zoofile, touching nothing else that a person wrote.

The text is cut where statements begin and end, so all else stays as it is to the byte; tomlkit writes
what is new. Every edit is parsed again and compared with what it should mean before anyone sees it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import ZoofileError
from zoo.zoofile.inline import add_entry, remove_entry
from zoo.zoofile.locate import Statement, split_lines, statements
from zoo.zoofile.problem import plain

if TYPE_CHECKING:
    from tomlkit.items import Item

Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Section:
    """A table's header, and all up to the next one.

    Attributes:
        keys: The path that the header names; empty for what stands before the first header.
        body: Its statements, the header among them.
        last: Whether no other follows.
    """

    keys: tuple[str, ...]
    body: tuple[Statement, ...]
    last: bool = False

    @property
    def stop(self) -> int:
        """The line after what belongs to it: its last statement, and remarks right under that."""
        said = [at for at, it in enumerate(self.body) if not (it.blank or it.comment)]
        at = said[-1] + 1 if said else 0
        under = at
        while under < len(self.body) and self.body[under].comment:
            under += 1
        # Remarks that run up to the next header are about that one.
        if under < len(self.body) or self.last:
            at = under
        return self.body[at - 1].stop if at else self.body[0].start


def add_model(text: str, name: str, table: Table) -> str:
    """Add a model after the others, or at the end where there is none.

    Args:
        text: A valid TOML document.
        name: No model of that name may be there.
        table: The entry, with keys as the zoofile has them.

    Raises:
        ZoofileError: There is such a model, or `models` is no table that can be added to.
    """
    wanted = tomllib.loads(text)
    models = wanted.setdefault("models", {})
    if not isinstance(models, dict):
        raise ZoofileError("`models` is no table", hint="write [models.NAME]")
    if name in models:
        raise ZoofileError(f"there is a model `{name}` already", hint="give it another name with --name")
    models[name] = dict(table)
    inline = _inline_models(text)
    if inline is not None:
        entry = _inline({name: _inline(table)}).as_string().removeprefix("{").removesuffix("}").strip()
        return _verified(_replaced(text, inline, add_entry(inline.text, entry)), wanted)
    lines = split_lines(text)
    at = _place(text, lines)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    block = _block(name, table).replace("\n", end)
    if at and not lines[at - 1].endswith("\n"):  # the file has no last line end, and gets none
        return _verified(text + end + end + block.removesuffix(end), wanted)
    above = end if at else ""
    return _verified("".join((*lines[:at], above, block, *lines[at:])), wanted)


def remove_model(text: str, name: str) -> str:
    """Remove a model: its tables, and the blank line above each.

    Raises:
        ZoofileError: There is no such model.
    """
    wanted = tomllib.loads(text)
    if name not in wanted.get("models", {}):
        raise ZoofileError(f"there is no model `{name}`", hint=_nearest(name, wanted.get("models", {})))
    del wanted["models"][name]
    inline = _inline_models(text)
    if inline is not None:
        return _verified(_replaced(text, inline, remove_entry(inline.text, name)), wanted)
    lines = split_lines(text)
    for start, stop in reversed(list(_extents(text, lines, name))):
        if stop == len(lines) and start and not lines[-1].endswith("\n"):
            lines[start - 1] = lines[start - 1].rstrip("\r\n")
        del lines[start:stop]
    return _verified("".join(lines), wanted)


def _sections(text: str) -> list[_Section]:
    found: list[_Section] = []
    keys: tuple[str, ...] = ()
    body: list[Statement] = []
    for statement in statements(text):
        if statement.header:
            found.append(_Section(keys, tuple(body)))
            keys, body = statement.header_keys(), []
        body.append(statement)
    return [section for section in (*found, _Section(keys, tuple(body), last=True)) if section.body]


def _place(text: str, lines: Sequence[str]) -> int:
    """The line before which a new model goes: after the last model, else after all that is said."""
    models = [section for section in _sections(text) if section.keys[:1] == ("models",)]
    if models:
        return models[-1].stop
    return next((at + 1 for at in range(len(lines) - 1, -1, -1) if lines[at].strip()), 0)


def _extents(text: str, lines: Sequence[str], name: str) -> Iterator[tuple[int, int]]:
    """The runs of lines, from the first to the last, that make up a model."""
    for section in _sections(text):
        if section.keys[:2] == ("models", name):
            start = section.body[0].start
            above = start > 0 and not lines[start - 1].strip()
            yield start - above, section.stop
        elif section.keys in {(), ("models",)}:
            for statement in section.body:
                if (*section.keys, *_key(statement))[:2] == ("models", name):
                    yield statement.start, statement.stop


def _key(statement: Statement) -> tuple[str, ...]:
    """The dotted key of a statement; nothing for a header or a remark."""
    return () if statement.header else tuple(key for key, _ in _steps(statement))


def _steps(statement: Statement) -> Iterator[tuple[str, Item]]:
    """The parts of a statement's dotted key, each with what it leads to."""
    import tomlkit  # noqa: PLC0415 - only edits need it
    from tomlkit.items import Table as Dotted  # noqa: PLC0415 - as above

    step: Any = tomlkit.parse(statement.text)
    while isinstance(step, (Dotted, tomlkit.TOMLDocument)) and step:
        key = next(iter(step))
        step = step[key]
        yield str(key), step


def _inline_models(text: str) -> Statement | None:
    """The statement `models = { … }`, if that is how the models are written."""
    top = _sections(text)[:1]
    for statement in top[0].body if top and not top[0].keys else ():
        if not statement.header and _key(statement) == ("models",):
            return statement
    return None


def _replaced(text: str, statement: Statement, new: str) -> str:
    lines = split_lines(text)
    return "".join((*lines[: statement.start], new, *lines[statement.stop :]))


def _block(name: str, table: Table) -> str:
    """A model's entry as a table of its own; tables in it are written inline."""
    import tomlkit  # noqa: PLC0415 - only edits need it

    head = tomlkit.dumps({"models": {name: {}}}).splitlines()[-1]
    rows = tomlkit.document()
    for key, value in table.items():
        rows.append(key, _inline(value) if isinstance(value, Mapping) else tomlkit.item(value))
    return f"{head}\n{tomlkit.dumps(rows)}"


def _inline(table: Table) -> Any:  # noqa: ANN401 - what tomlkit calls it is no public name
    import tomlkit  # noqa: PLC0415 - only edits need it

    inline = tomlkit.inline_table()
    for key, value in table.items():
        inline.append(key, _inline(value) if isinstance(value, Mapping) else value)
    return inline


def _nearest(name: str, names: Table) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415 - only for errors

    if near := get_close_matches(name, names, n=1):
        return f"did you mean `{plain(near[0])}`?"
    return f"there are {', '.join(map(plain, names))}" if names else "there are no models"


def _verified(text: str, wanted: dict[str, Any]) -> str:
    """The text, if it means what is wanted.

    Raises:
        ZoofileError: It does not: the document is written in a way that this edit does not know.
    """
    try:
        got = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        got = None
    if got is None or got | {"models": got.get("models", {})} != wanted | {
        "models": wanted.get("models", {})
    }:
        raise ZoofileError("this zoofile is written in a way that eai cannot edit", hint="edit it by hand")
    return text
