"""Durations and sizes."""

from __future__ import annotations

import pytest

from zoo.serve import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("90s", 90), ("30m", 1800), ("2h", 7200), ("never", None), ("0s", 0)],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert units.seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("1KB", 1000), ("1KiB", 1024), ("2.5MB", 2_500_000), ("12 GiB", 12 * 2**30), ("1TiB", 2**40)],
)
def test_sizes(text: str, size: int) -> None:
    assert units.size(text) == size


@pytest.mark.parametrize(("size", "text"), [(0, "0 MiB"), (812 * 2**20, "812 MiB"), (15 * 2**29, "7.5 GiB")])
def test_spelling(size: int, text: str) -> None:
    assert units.spell(size) == text
