"""The archives that were preserved before: their metadata is read with care, and written as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.digest import Digest
from zoo.errors import IntegrityError, Malformed
from zoo.ipfs import cid as cids
from zoo.ipfs import legacy
from zoo.ipfs.cid import DAG_PB, RAW
from zoo.ipfs.legacy import Archive, Lora, Part

DIGEST = "ab" * 32
PART_CID = str(cids.of(b"part", DAG_PB))
LORA = {"base_model": str(cids.of(b"base", RAW)), "lora_paths": ["a.gguf"], "lora_scales": [0.8]}


def metadata(**changed: object) -> dict[str, Any]:
    return {
        "folder_name": "qwen",
        "chunk_size_mb": 512,
        "files": [part(1), part(0)],
        "task": "chat",
        "ram": 5.71,
        "config_name": None,
        "hf_repo": "Qwen/Qwen3-1.7B-GGUF",
        "hf_file": "Qwen3-1.7B-Q8_0.gguf",
        "lora": False,
        "gguf_folder": False,
        "num_of_files": 2,
        **changed,
    }


def part(index: int, **changed: object) -> dict[str, Any]:
    name = legacy.part_name("qwen", index)
    return {"cid": PART_CID, "file_hash": DIGEST, "size_mb": 1.5, "file_name": name, **changed}


def parsed(value: object) -> Archive:
    return legacy.parse(json.dumps(value, indent=4).encode())


def test_metadata_is_read_and_its_parts_put_in_order() -> None:
    archive = parsed(metadata())
    assert archive.folder == "qwen"
    assert [one.name for one in archive.parts] == ["qwen.zip.part-aa", "qwen.zip.part-ab"]
    assert archive.parts[0] == Part(
        "qwen.zip.part-aa", cids.parse(PART_CID), Digest(f"sha256:{DIGEST}"), 1_572_864
    )
    assert (archive.task, archive.ram, archive.part_mib, archive.lora) == ("chat", 5.71, 512, False)


def test_the_oldest_metadata_with_unknown_keys_is_read() -> None:
    old = {
        "folder_name": "qwen",
        "files": [part(0)],
        "num_of_files": 1,
        "family": "qwen3",
        "ram": None,
        "filecoin_hash": "x",
    }
    archive = parsed(old)
    assert (archive.family, archive.task, archive.part_mib) == ("qwen3", None, None)


def test_metadata_is_checked_against_the_models_cid() -> None:
    data = json.dumps(metadata()).encode()
    assert legacy.parse(data, cids.of(data, RAW)).folder == "qwen"
    with pytest.raises(IntegrityError):
        legacy.parse(data + b" ", cids.of(data, RAW))
    with pytest.raises(Malformed, match="always one raw block"):
        legacy.parse(data, cids.of(data, DAG_PB))


def test_metadata_is_written_byte_for_byte_as_the_old_uploader_did() -> None:
    wanted = metadata(files=[part(0), part(1)])
    archive = parsed(wanted)
    assert legacy.dump(archive) == json.dumps(wanted, indent=4).encode()
    assert legacy.parse(legacy.dump(archive)) == archive


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([], "cannot be read"),
        ({}, "folder_name"),
        (metadata(files=[]), "files"),
        (metadata(num_of_files=3), "lists 2 parts, and should have 3"),
        (metadata(files=[part(0), part(0)]), "twice"),
        (metadata(files=[part(0), part(0, file_name="QWEN.zip.part-aa")]), "twice"),
        (metadata(folder_name="../x"), "lead out"),
        (metadata(folder_name=""), "0 bytes"),
        (metadata(files=[part(0), part(1, file_name="/etc/passwd")]), "lead out"),
        (metadata(files=[part(0), part(1, file_hash="ab")]), "file_hash"),
        (metadata(files=[part(0), part(1, cid="Qm")]), "no CID"),
        (metadata(files=[part(0), part(1, size_mb=-1)]), "size_mb"),
        (metadata(files=[part(0), part(1, size_mb="1")]), "size_mb"),
        (metadata(files=[part(0), part(1, size_mb=1e308)]), "size_mb"),
        (metadata(files=[part(0), part(1, file_hash=DIGEST + "\n")]), "file_hash"),
        (metadata(chunk_size_mb=0), "chunk_size_mb"),
        (metadata(task="x" * 2000), "task"),
    ],
)
def test_metadata_with_a_flaw_is_refused(value: object, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parsed(value)


def test_metadata_over_its_limit_is_refused() -> None:
    with pytest.raises(Malformed, match="262144 is the most"):
        legacy.parse(b" " * (legacy.METADATA_MAX + 1))


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_are_metadata_or_malformed(data: bytes) -> None:
    for parse in (legacy.parse, legacy.parse_lora):
        with pytest.raises(Malformed):
            parse(data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ),
    st.sampled_from(sorted(metadata())),
)
def test_any_value_of_a_key_is_taken_or_malformed(value: object, key: str) -> None:
    try:
        parsed(metadata(**{key: value}))
    except Malformed:
        return


def test_metadata_that_nests_without_end_is_refused() -> None:
    with pytest.raises(Malformed):
        legacy.parse(b'{"x":' + b"[" * 100_000)


def test_parts_are_named_as_split_names_them() -> None:
    names = [legacy.part_name("m", index) for index in range(20_000)]
    assert names == sorted(names)
    suffixes = [name.removeprefix("m.zip.part-") for name in names]
    assert [suffixes[index] for index in (0, 25, 26, 649, 650, 17_549, 17_550)] == [
        "aa",
        "az",
        "ba",
        "yz",
        "zaaa",
        "zyzz",
        "zzaaaa",
    ]


@pytest.mark.parametrize(
    ("name", "why"), [("it's", "a quote"), ("é" * 119, "237 is the most"), ("../x", "lead out")]
)
def test_a_folder_whose_name_someone_could_not_unpack_is_refused(name: str, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        legacy.check_folder(name)


def test_the_parts_of_a_folder_with_the_longest_name_have_names_that_are_read() -> None:
    name = legacy.check_folder("x" * legacy.FOLDER_MAX)
    last = legacy.part_name(name, legacy.PARTS_MAX - 1)
    assert parsed(metadata(folder_name=name, files=[part(0, file_name=last)], num_of_files=1)).parts


@pytest.mark.parametrize(
    ("about", "parts", "why"),
    [
        (Archive(folder="m", parts=()), 2000, "262144 is the most"),
        (Archive(folder="m", parts=()), 20_000, "10000 are the most"),
        (Archive(folder="m", parts=(), hf_repo="a/\udce9"), 1, "cannot be read"),
    ],
)
def test_metadata_that_nobody_could_read_is_refused_before_it_is_written(
    about: Archive, parts: int, why: str
) -> None:
    legacy.rehearse(Archive(folder="m", parts=()), parts=700)
    with pytest.raises(Malformed, match=why):
        legacy.rehearse(about, parts)


def test_a_lora_is_read() -> None:
    lora = legacy.parse_lora(json.dumps(LORA).encode())
    assert lora == Lora(cids.of(b"base", RAW), (("a.gguf", 0.8),))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"lora_scales": []}, "1 adapters, and 0 scales"),
        ({"lora_paths": [], "lora_scales": []}, "lora_paths"),
        ({"lora_paths": ["../a"]}, "lead out"),
        ({"lora_paths": ["/a"]}, "0 bytes"),
        ({"lora_paths": ["a//b"]}, "0 bytes"),
        ({"base_model": "nothing"}, "no CID"),
        ({"lora_scales": ["1"]}, "lora_scales"),
    ],
)
def test_a_lora_with_a_flaw_is_refused(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(Malformed, match=why):
        legacy.parse_lora(json.dumps({**LORA, **changed}).encode())


def test_a_loras_path_may_begin_with_a_dot() -> None:
    lora = legacy.parse_lora(json.dumps({**LORA, "lora_paths": ["./x/a.gguf"]}).encode())
    assert lora.adapters == (("x/a.gguf", 0.8),)
