"""Which files of a repository are the one model that is meant."""

from __future__ import annotations

import pytest

from zoo.errors import NotThere
from zoo.sources.shards import choose

REPO = (
    "README.md",
    "lion-IQ4_XS.gguf",
    "lion-Q2_K.gguf",
    "lion-Q2_K_L.gguf",
    "lion-Q4_K_M.gguf",
    "lion-UD-Q4_K_XL.gguf",
    "Q8_0/lion-Q8_0-00001-of-00002.gguf",
    "Q8_0/lion-Q8_0-00002-of-00002.gguf",
    "mmproj-lion-F16.gguf",
    "lion.imatrix.gguf",
)


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("Q4_K_M", ("lion-Q4_K_M.gguf",)),
        ("Q2_K", ("lion-Q2_K.gguf",)),
        ("XL", ("lion-UD-Q4_K_XL.gguf",)),
        ("Q8_0", REPO[6:8]),
        ("Q8_0/", REPO[6:8]),
        ("*IQ4*", ("lion-IQ4_XS.gguf",)),
        ("Q8_0/*", REPO[6:8]),
        ("mmproj", ("mmproj-lion-F16.gguf",)),
    ],
)
def test_a_pattern_means_the_one_model_that_it_fits_best(pattern: str, chosen: tuple[str, ...]) -> None:
    assert choose(reversed(REPO), pattern, "zoo/lion") == chosen


def test_a_pattern_that_fits_several_lists_them() -> None:
    with pytest.raises(NotThere, match=r"2 models .* lion-Q4_K_M.gguf, lion-UD-Q4_K_XL.gguf"):
        choose(REPO, "Q4_K", "zoo/lion")


def test_a_pattern_that_fits_none_lists_what_there_is() -> None:
    with pytest.raises(NotThere, match=r"'Q5'; it has Q8_0/lion-Q8_0-\*-of-00002.gguf, lion-IQ4_XS.gguf"):
        choose(REPO, "Q5", "zoo/lion")


def test_a_repository_without_models_says_so() -> None:
    with pytest.raises(NotThere, match="none at all"):
        choose(["README.md"], "Q5", "zoo/lion")


def test_a_missing_shard_is_told_by_its_number() -> None:
    with pytest.raises(NotThere, match="of 3 shards, shard 2 is missing"):
        choose(["a-00001-of-00003.gguf", "a-00003-of-00003.gguf"], "a", "zoo/lion")


def test_a_model_that_is_there_split_and_whole_is_two_models() -> None:
    with pytest.raises(NotThere, match="2 models"):
        choose(["a.gguf", "a-00001-of-00001.gguf"], "a", "zoo/lion")


def test_more_shards_than_are_announced_are_not_believed() -> None:
    with pytest.raises(NotThere, match="has 3 files"):
        choose(["a-00000-of-00002.gguf", "a-00001-of-00002.gguf", "a-00002-of-00002.gguf"], "a", "zoo/lion")
