"""How people type: patterns to sentences, with their capitals, marks, polite words and slips."""

from __future__ import annotations

import re
from random import Random

Words = dict[str, list[str]]

_CHOICE = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")
_QUESTION = re.compile(
    r"(what|who|where|when|why|how|which|is|are|do|does|did|can|could|will|would|should|may|whats|who's|has|have)\b"
)
_NAMES = frozenset({"person", "place", "other", "language", "tongue", "event"})
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def expanded(pattern: str, words: Words, rng: Random) -> str:
    """One sentence of a pattern: a choice is made in each (a|b), and each {slot} gets one of its words."""
    text = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), pattern)

    def fill(found: re.Match[str]) -> str:
        word = rng.choice(words[found[1]])
        return word.title() if found[1] in _NAMES and rng.random() < 0.6 else word

    return " ".join(_SLOT.sub(fill, text).split())


def typed(text: str, words: Words, rng: Random) -> str:
    """The sentence as somebody might type it."""
    is_question = bool(_QUESTION.match(text.lower()))
    if rng.random() < 0.25:
        old, new = rng.choice(words["shorter"]).split(">")
        text = text.replace(old, new)
    if rng.random() < 0.10:
        text = f"{rng.choice(words['before'])} {text}"
    if rng.random() < 0.07:
        after = rng.choice(words["after"])
        text += after if after.startswith(",") else f" {after}"
    if rng.random() < 0.12:
        for _ in range(rng.choice((1, 1, 1, 2))):
            text = _slip(text, rng)
    return _cased(text, rng) + _mark(text, rng, is_question=is_question)


def _slip(text: str, rng: Random) -> str:
    """One letter left out, doubled, exchanged with its neighbour, or another one."""
    at = rng.randrange(len(text))
    if not text[at].isalpha():
        return text
    kind = rng.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + text[at] + text[at:]
    if kind == 2:
        return text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :]
    return text[:at] + rng.choice(_LETTERS) + text[at + 1 :]


def _cased(text: str, rng: Random) -> str:
    draw = rng.random()
    if draw < 0.35:
        return text
    if draw < 0.42:
        return text.upper()
    if draw < 0.45:
        return text.title()
    text = re.sub(r"\bi\b", "I", text)
    return text[:1].upper() + text[1:]


def _mark(text: str, rng: Random, *, is_question: bool) -> str:
    if text[-1:] in ".?!":
        return ""
    draw = rng.random()
    if is_question:
        return "?" if draw < 0.62 else "" if draw < 0.90 else rng.choice(("??", "?!", ".", " ?", "!"))
    return "." if draw < 0.35 else "" if draw < 0.80 else rng.choice(("!", "?", "!!", "...", " !"))
