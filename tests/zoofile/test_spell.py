"""One word says where a model comes from."""

from __future__ import annotations

import pytest

from zoo.errors import UsageError
from zoo.zoofile.spell import Spelled, name_of, spelled

HUB = "https://hub.test"
CID = "bafkreiacd5mwy4a5wkdmvxsk42nsupes5uf4q3dm52k36mvbhgdrez422y"


@pytest.mark.parametrize(
    ("word", "origin", "name"),
    [
        ("hf:o/r/s/My-Model-Q4_K_M.gguf", {"hf": "o/r", "file": "s/My-Model-Q4_K_M.gguf"}, "my-model"),
        ("hf://o/r/f.gguf", {"hf": "o/r", "file": "f.gguf"}, "f"),
        ("HF:o/My-Model-GGUF", {"hf": "o/My-Model-GGUF"}, "my-model"),
        (f"ipfs:{CID}", {"ipfs": CID}, ""),
        (f"ipfs://{CID}/m/A.gguf", {"ipfs": f"{CID}/m/A.gguf"}, "a"),
        ("bundled:eai-toy.gguf", {"bundled": "eai-toy.gguf"}, "eai-toy"),
        ("https://h.test/m/A-Q8_0.gguf?x=1", {"url": "https://h.test/m/A-Q8_0.gguf?x=1"}, "a"),
        (f"{HUB}/o/r/blob/main/f-F16.gguf", {"hf": "o/r", "file": "f-F16.gguf"}, "f"),
        (f"{HUB}/o/r/resolve/v1/s/f%20.gguf?x=1", {"hf": "o/r", "file": "s/f .gguf", "revision": "v1"}, "f"),
        (f"{HUB}/o/r", {"url": f"{HUB}/o/r"}, "r"),
        ("https://evil.test/o/r/blob/main/f.gguf", {"url": "https://evil.test/o/r/blob/main/f.gguf"}, "f"),
    ],
)  # fmt: skip
def test_a_word_with_a_scheme_is_an_origin(word: str, origin: dict[str, str], name: str) -> None:
    assert spelled(word, hub=HUB) == Spelled(origin, name)


def test_a_hub_under_a_path_is_known_too() -> None:
    told = spelled("https://m.test/hub/o/r/blob/main/f.gguf", hub="https://m.test/hub/")

    assert told == Spelled({"hf": "o/r", "file": "f.gguf"}, "f")


@pytest.mark.parametrize("word", ["qwen3-1.7b", "./models/a.gguf", "C:\\models\\a.gguf", "o/r"])
def test_a_word_without_one_is_a_name_or_a_path(word: str) -> None:
    assert spelled(word, hub=HUB) is None


def test_a_scheme_that_nothing_comes_from_is_refused() -> None:
    with pytest.raises(UsageError, match="`s3:` is no place"):
        spelled("s3:bucket/a.gguf", hub=HUB)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("Dolphin3.0-Llama3.1-8B-Q4_0.gguf", "dolphin3.0-llama3.1-8b"),
        ("Qwen3-235B-A22B-UD-Q4_K_XL-00001-of-00003.gguf", "qwen3-235b-a22b"),
        ("openai_gpt-oss-20b-MXFP4.gguf", "openai_gpt-oss-20b"),
        ("model.IQ4_XS.GGUF", "model"),
        ("a b (1).gguf", "a-b-1"),
        ("Q8_0.gguf", "q8_0"),
        ("モデル.gguf", ""),
        ("x" * 300, "x" * 128),
    ],
)
def test_a_name_is_derived_from_the_file(file: str, name: str) -> None:
    assert name_of(file) == name
