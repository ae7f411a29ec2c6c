"""The catalogue has every featured model, each well-formed and found by name and by words."""

from __future__ import annotations

import re

import pytest

from zoo import catalog
from zoo.catalog import Entry
from zoo.zoofile.model import Model, Sampling
from zoo.zoofile.read import parse
from zoo.zoofile.request import request_of

FEATURED = """
qwen3-embedding-0.6b qwen3-embedding-4b qwen3-1.7b qwen3-4b qwen3-8b qwen3-14b qwen3-30b-a3b qwen3-32b
qwen3-235b-a22b qwen3-coder-480b-a35b dolphin-3.0-llama3.1-8b gemma-3-4b gemma-3-12b gemma-3-27b
gemma-3n-e4b devstral-small lfm2-1.2b openreasoning-nemotron-32b flux-dev flux-schnell flux-dev-nsfw
"""
OTHERS = """
qwen3-30b-a3b-instruct-2507 qwen3-30b-a3b-thinking-2507 qwen3-coder-30b-a3b-instruct gpt-oss-20b
gpt-oss-120b gpt-oss-20b-mlx qwen3-next-80b-a3b-instruct qwen3-next-80b-a3b-thinking hermes-4-14b
hermes-4-70b hermes-4-405b flux-krea-dev flux-dev-18-loras nsfw-lab lora-lab
"""
QWEN3 = Sampling(temperature=0.8, top_k=20, top_p=0.95, min_p=0.0, presence_penalty=1.5)
GEMMA3 = Sampling(temperature=1.0, top_p=0.95, top_k=64, min_p=0.0)
CODER = Sampling(temperature=0.7, top_k=20, min_p=0.0, repeat_penalty=1.05)
FAMILIES = {
    "qwen3": (QWEN3, "qwen3-1.7b qwen3-4b qwen3-8b qwen3-14b qwen3-30b-a3b qwen3-32b"),
    "qwen3-instruct-2507": (QWEN3, "qwen3-235b-a22b qwen3-30b-a3b-instruct-2507"),
    "qwen3-thinking-2507": (QWEN3, "qwen3-30b-a3b-thinking-2507"),
    "qwen3-coder": (CODER, "qwen3-coder-480b-a35b qwen3-coder-30b-a3b-instruct"),
    "gemma-3": (GEMMA3, "gemma-3-4b gemma-3-12b gemma-3-27b"),
    "gemma-3n": (GEMMA3, "gemma-3n-e4b"),
    "lfm2": (Sampling(temperature=0.3, min_p=0.15, repeat_penalty=1.05), "lfm2-1.2b"),
    "devstral-small": (
        Sampling(temperature=0.15, min_p=0.01, top_k=64, repeat_penalty=1.0),
        "devstral-small",
    ),
}


def test_every_featured_model_is_there_and_no_other() -> None:
    entries = catalog.entries()

    assert {name for name, entry in entries.items() if entry.featured} == set(FEATURED.split())
    assert {name for name, entry in entries.items() if not entry.featured} == set(OTHERS.split())


@pytest.mark.parametrize("entry", catalog.entries().values(), ids=lambda entry: entry.name)
def test_an_entry_is_what_a_zoofile_could_say(entry: Entry) -> None:
    request = entry.request

    if entry.supported:
        origin = {key: getattr(request, key) for key in ("hf", "file", "pattern", "mmproj")}
        said = "".join(f'{key} = "{value}"\n' for key, value in origin.items() if value is not None)
        model = parse(f'[models."{entry.name}"]\n{said}').models[entry.name]
        assert request_of(entry.name, model) == request
        assert request.file is None or request.file.endswith(".gguf")
    assert request_of(entry.name, Model()).catalog == entry.name
    assert entry.cid is None or re.fullmatch(r"bafkrei[a-z2-7]{52}", entry.cid)
    assert entry.base is None or entry.base in catalog.entries()
    for size in (entry.size, entry.ram):
        assert (size is not None) == entry.featured
        assert size is None or re.fullmatch(r"[0-9]+(\.[0-9]+)? [MG]B", size)


def test_sampling_belongs_to_the_family_that_a_model_names() -> None:
    named = {entry.name: entry for entry in catalog.entries().values() if entry.family is not None}

    for family, (sampling, names) in FAMILIES.items():
        for name in names.split():
            entry = named.pop(name)
            assert (entry.family, entry.sampling) == (family, sampling)
    assert not named
    assert all(e.sampling == Sampling() for e in catalog.entries().values() if e.family is None)


def test_what_was_wrong_at_the_origin_is_corrected_and_noted() -> None:
    moe, hermes = catalog.lookup("qwen3-30b-a3b"), catalog.lookup("hermes-4-70b")

    assert moe is not None
    assert moe.request.hf == "Qwen/Qwen3-30B-A3B-GGUF"
    assert moe.note is not None
    assert hermes is not None
    assert (hermes.request.file, hermes.request.pattern) == (None, "Q8_0")
    assert hermes.note is not None


def test_a_name_is_looked_up_exactly_and_near_ones_are_known() -> None:
    assert catalog.lookup("qwen3-1.7") is None
    assert catalog.near("Qwen3-1.7")[0] == "qwen3-1.7b"
    assert catalog.near("zzzzzz") == []


def test_words_find_models_whatever_their_case_and_order() -> None:
    assert [entry.name for entry in catalog.search("CODER qwen")] == [
        "qwen3-coder-480b-a35b",
        "qwen3-coder-30b-a3b-instruct",
    ]
    assert {entry.name for entry in catalog.search("embed")} == {"qwen3-embedding-0.6b", "qwen3-embedding-4b"}
    assert catalog.search("nothing-like-it") == []
    assert len(catalog.search("")) == len(catalog.entries())


def test_a_model_that_is_only_preserved_is_named_by_its_archive() -> None:
    cid = "bafkreib6pws5dx5ur6exbhulmf35twfcizdkxvup4cklzprlvaervfz5zy"

    [entry] = catalog.parse(f'[families]\n[models.lion]\ncid = "{cid}"\n').values()

    assert entry.request == request_of("lion", Model(ipfs=cid))
