"""A byte-level BPE tokenizer as GPT-2's, learned from the corpus; llama.cpp calls it `gpt-2`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise
from random import Random

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
# GPT-2's pattern; [^\W\d_] is what the module `re` has for \p{L}.
_WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")

Pair = tuple[str, str]


def _letters() -> list[str]:
    """GPT-2's printable letter for each of the 256 bytes."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in plain else next(others)) for byte in range(256)]


LETTERS = _letters()


def words(text: str) -> list[str]:
    """The words of a text, each in GPT-2's letters."""
    return ["".join(LETTERS[byte] for byte in word.encode()) for word in _WORD.findall(text)]


def _joined(parts: list[str], pair: Pair) -> list[str]:
    joined, at = [], 0
    while at < len(parts):
        if at + 1 < len(parts) and (parts[at], parts[at + 1]) == pair:
            joined.append(parts[at] + parts[at + 1])
            at += 2
        else:
            joined.append(parts[at])
            at += 1
    return joined


def learn(texts: Iterable[str], size: int) -> list[Pair]:
    """The merges, most frequent pair first, that fill a vocabulary of `size` tokens."""
    counts = Counter(word for text in texts for word in words(text))
    parts = {word: list(word) for word in counts}
    merges: list[Pair] = []
    while len(merges) < size - len(LETTERS) - len(SPECIAL):
        pairs: Counter[Pair] = Counter()
        for word, split in parts.items():
            for pair in pairwise(split):
                pairs[pair] += counts[word]
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        for word, split in parts.items():
            if best[0] in split:
                parts[word] = _joined(split, best)
    return merges


class Tokenizer:
    """Text to token numbers; the order of tokens is bytes, merges, special tokens."""

    def __init__(self, merges: list[Pair]) -> None:
        self.merges = merges
        self.tokens = [*LETTERS, *(first + second for first, second in merges), *SPECIAL]
        self.numbers = {token: number for number, token in enumerate(self.tokens)}
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._known: dict[str, list[int]] = {}

    def encode(self, text: str, *, dropout: float = 0.0, rng: Random | None = None) -> list[int]:
        """The tokens of a plain text; with dropout some merges are left out, to get used to odd spellings."""
        found: list[int] = []
        for word in words(text):
            if rng is not None and dropout:
                found += self._split(word, lambda: rng.random() >= dropout)
                continue
            if word not in self._known:
                self._known[word] = self._split(word, lambda: True)
            found += self._known[word]
        return found

    def _split(self, word: str, keeps: Callable[[], bool]) -> list[int]:
        parts = list(word)
        while True:
            pairs = [pair for pair in pairwise(parts) if pair in self._ranks and keeps()]
            if not pairs:
                return [self.numbers[part] for part in parts]
            parts = _joined(parts, min(pairs, key=self._ranks.__getitem__))

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of tokens; special tokens are shown by their names."""
        bytes_of = {letter: byte for byte, letter in enumerate(LETTERS)}
        shown = bytearray()
        for number in numbers:
            token = self.tokens[number]
            shown += token.encode() if token in SPECIAL else bytes(bytes_of[letter] for letter in token)
        return shown.decode(errors="replace")
