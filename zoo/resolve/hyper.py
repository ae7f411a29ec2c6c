"""Reads a model's hyperparameters out of its header, each within bounds, as llama.cpp would."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.errors import ZoofileError
from zoo.resolve.gguf import Header

MAX_LAYERS = 512
"""LLAMA_MAX_LAYERS of llama.cpp."""
MAX_DIMENSION = 1 << 24
MAX_TOKENS = 1 << 31


@dataclass(frozen=True, slots=True)
class Hyper:
    """The hyperparameters of one model; keys are written without the architecture before them.

    Attributes:
        header: Where they stand.
        architecture: Such as `llama`.
        name: What messages call the file.
    """

    header: Header
    architecture: str
    name: str

    def get(self, key: str, default: int = 0, *, most: int = MAX_DIMENSION) -> int:
        """Return a number; the default where there is none.

        Raises:
            ZoofileError: It is negative or larger than any model's.
        """
        number = self.header.number(f"{self.architecture}.{key}")
        return default if number is None else self._bounded(key, number, most)

    def required(self, key: str, *, most: int) -> int:
        """Return a number without which llama.cpp would not load the file.

        Raises:
            ZoofileError: There is none, or it is out of bounds, or 0.
        """
        number = self.get(key, most=most)
        if number == 0:
            raise ZoofileError(
                f"{self.name} is of the architecture {self.architecture!r} and does not say its "
                f"{self.architecture}.{key}: llama.cpp could not load it",
                hint="name a language or embedding model converted for llama.cpp",
            )
        return number

    def layers(self, key: str, count: int, default: tuple[int, ...]) -> tuple[int, ...]:
        """Return a number for each of `count` layers, from an array or one number for all.

        Raises:
            ZoofileError: A number is out of bounds, or the array is too short.
        """
        numbers = self.header.numbers(f"{self.architecture}.{key}")
        if numbers is None:
            number = self.header.number(f"{self.architecture}.{key}")
            return default if number is None else (self._bounded(key, number, MAX_DIMENSION),) * count
        if len(numbers) < count:
            raise ZoofileError(
                f"{self.name} says {self.architecture}.{key} for {len(numbers)} of its {count} layers",
                hint="name another file of the same model",
            )
        return tuple(self._bounded(key, number, MAX_DIMENSION) for number in numbers[:count])

    def _bounded(self, key: str, number: int, most: int) -> int:
        if 0 <= number <= most:
            return number
        raise ZoofileError(
            f"{self.name} says {self.architecture}.{key} = {number}, which no model has",
            hint="name another file of the same model",
        )
