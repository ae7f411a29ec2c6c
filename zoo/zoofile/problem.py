"""What can be wrong with a zoofile, and how all of it is told in one error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.errors import ZoofileError

SHOWN = 20
_BARE = re.compile(r"[A-Za-z0-9_-]{1,128}")
_LONGEST = 80

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        keys: Where: the keys from the top of the document down; numbers count in arrays, from 0.
        what: What is wrong there, as the rest of a sentence that begins with the key.
        remedy: What would be right.
    """

    keys: Keys
    what: str
    remedy: str | None = None


def failure(problems: Sequence[Problem], text: str, name: str) -> ZoofileError:
    """Make the one error that tells all problems, each with its line in the text.

    Args:
        problems: At least one.
        text: The document that they are in; it must be valid TOML.
        name: What the document is called.
    """
    from zoo.zoofile.locate import lines_of  # noqa: PLC0415 - only for errors

    shown = problems[:SHOWN]
    lines = lines_of(text, [problem.keys for problem in shown])
    told = sorted(zip(lines, shown, strict=True), key=lambda pair: pair[0])
    if len(problems) == 1:
        line, problem = told[0]
        return ZoofileError(f"{name}:{line}: {_sentence(problem)}", hint=problem.remedy)
    rows = [f"  {name}:{line}: {_sentence(problem, full=True)}" for line, problem in told]
    if len(problems) > SHOWN:
        rows.append(f"  and {len(problems) - SHOWN} more")
    return ZoofileError("\n".join((f"{name} has {len(problems)} problems", *rows)))


def _sentence(problem: Problem, *, full: bool = False) -> str:
    told = f"`{dotted(problem.keys)}` {problem.what}"
    return f"{told}; {problem.remedy}" if full and problem.remedy else told


def dotted(keys: Keys) -> str:
    """Write keys as TOML would, with the place in an array in brackets."""
    out = ""
    for key in keys:
        if isinstance(key, int):
            out += f"[{key}]"
        else:
            out += ("." if out else "") + (key if _BARE.fullmatch(key) else quoted(key))
    return out


def quoted(text: str) -> str:
    """Write text from outside so that it is safe to print: short, in quotes, everything odd escaped."""
    short = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    plain = short.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else _escaped(c) for c in plain) + '"'


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04X}" if ord(character) < 0x10000 else f"\\U{ord(character):08X}"  # noqa: PLR2004 - where `\u` ends
