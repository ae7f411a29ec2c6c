"""Small words for people."""

from __future__ import annotations

import pytest

from zoo.cli.text import count, size


def test_one_of_a_thing_has_no_s() -> None:
    assert (count(0, "model"), count(1, "model"), count(2, "model")) == ("0 models", "1 model", "2 models")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (4_978_912_345, "5.0 GB"),
        (2_500_000_000_000, "2.5 TB"),
    ],
)
def test_sizes_are_decimal(number: int, text: str) -> None:
    assert size(number) == text
