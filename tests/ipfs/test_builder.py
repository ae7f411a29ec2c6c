"""The builder makes the CIDs that other tools make, from any reader, on any number of threads."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import SMALL

from zoo.errors import EaiError, Malformed, SourceChanged
from zoo.ipfs import builder, directory
from zoo.ipfs import cid as cids
from zoo.ipfs.builder import Block, Reader
from zoo.ipfs.cid import DAG_PB, RAW, SHA2_256, Cid
from zoo.ipfs.profiles import PROFILES, UNIXFS_V0_2015, UNIXFS_V1_2025, Profile

BY_NAME = {profile.name: profile for profile in PROFILES}


def over(data: bytes) -> Reader:
    return lambda offset, length: data[offset : offset + length]


def test_a_file_gets_the_cid_that_other_tools_give_it(
    files_vector: dict[str, Any], readers: dict[str, Reader]
) -> None:
    size = files_vector["size"]
    for name, expected in files_vector["cids"].items():
        dag = builder.build(readers[files_vector["input"]], size, BY_NAME[name])
        assert str(dag.root) == expected
        assert dag.dag_size == files_vector["dag_size"][name]


def test_a_directory_gets_the_cid_that_other_tools_give_it(
    directories_vector: dict[str, Any], shake: bytes
) -> None:
    for name, expected in directories_vector["cids"].items():
        cid, _, size = _folder(directories_vector["entries"], BY_NAME[name], shake)
        assert str(cid) == expected
        assert size == directories_vector.get("dag_size", {}).get(name, size)


def _folder(entries: dict[str, str], profile: Profile, shake: bytes) -> tuple[Cid, bytes, int]:
    below: dict[str, dict[str, str]] = {}
    made: list[tuple[str, Cid, int]] = []
    for path, what in entries.items():
        name, slash, rest = path.partition("/")
        if slash:
            below.setdefault(name, {}).update({rest: what} if rest else {})
            continue
        data = _content(what, shake)
        dag = builder.build(over(data), len(data), profile)
        made.append((name, dag.root, dag.dag_size))
    for name, inner in below.items():
        cid, _, size = _folder(inner, profile, shake)
        made.append((name, cid, size))
    return directory.build(made, version=profile.version)


def _content(what: str, shake: bytes) -> bytes:
    if not what.startswith("shake["):
        return b"" if what == "(empty file)" else what.encode()
    start, stop = what.removeprefix("shake[").removesuffix("]").split(":")
    return shake[int(start) : int(stop)]


@given(st.binary(max_size=200), SMALL)
def test_every_block_can_be_cut_from_the_file_again(data: bytes, profile: Profile) -> None:
    read = over(data)
    dag = builder.build(read, len(data), profile)
    total = 0
    for item in dag.blocks():
        block = item.data if isinstance(item, Block) else dag.cut(item, read)
        cids.check(item.cid, block)
        total += len(block)
    assert total == dag.dag_size
    assert next(dag.blocks()).cid == dag.root
    assert [(leaf.offset, leaf.size) for leaf in dag.leaves] == _cuts(len(data), profile.chunk)


def _cuts(size: int, chunk: int) -> list[tuple[int, int]]:
    return [(at, min(chunk, size - at)) for at in range(0, size or 1, chunk)]


def test_threads_change_nothing(shake: bytes) -> None:
    roots = {
        str(builder.build(over(shake), len(shake), UNIXFS_V0_2015, jobs=jobs).root) for jobs in (1, 2, 7)
    }
    assert len(roots) == 1


def test_progress_counts_every_byte_once(readers: dict[str, Reader]) -> None:
    told: list[int] = []
    builder.build(readers["pattern"], 50_000_001, progress=told.append, jobs=4)
    assert sum(told) == 50_000_001


def test_an_interruption_stops_the_work() -> None:
    """As Ctrl-C does: the main thread is told, and those that hash must not go on until the end."""
    offsets: list[int] = []
    main = threading.main_thread().ident or 0

    def read(offset: int, length: int) -> bytes:
        offsets.append(offset)
        if len(offsets) == 20:
            signal.pthread_kill(main, signal.SIGINT)
        return bytes(length)

    with pytest.raises(KeyboardInterrupt):
        builder.build(read, 1 << 30, jobs=2)
    assert len(offsets) < 256


def test_what_progress_raises_stops_the_work(readers: dict[str, Reader]) -> None:
    read_bytes = 0
    lock = threading.Lock()

    def read(offset: int, length: int) -> bytes:
        nonlocal read_bytes
        with lock:
            read_bytes += length
        return readers["pattern"](offset, length)

    def stop(_: int) -> None:
        raise EaiError("enough")

    with pytest.raises(EaiError, match="enough"):
        builder.build(read, 1 << 30, progress=stop, jobs=2)
    assert read_bytes < 100 << 20


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_shrinks_is_noticed(jobs: int) -> None:
    data = bytes(30 << 20)
    with pytest.raises(SourceChanged, match="ends at byte"):
        builder.build(over(data), (30 << 20) + 1, jobs=jobs)
    dag = builder.build(over(data), len(data))
    with pytest.raises(SourceChanged):
        dag.cut(dag.leaves[-1], over(data[:-1]))


def test_leaves_are_found_by_their_place(shake: bytes) -> None:
    leaves = builder.build(over(shake), len(shake), UNIXFS_V1_2025).leaves
    assert leaves[-1] == leaves[4] == leaves[3:][1]
    assert leaves[1].cid == cids.of(shake[1 << 20 : 2 << 20], RAW)
    with pytest.raises(IndexError):
        leaves[5]


def test_the_profile_that_someone_used_is_recognised(shake: bytes) -> None:
    data = shake[: 3 << 20]

    def hashed(profile: Profile) -> bytes:
        return builder.hash_leaves(over(data), len(data), profile)

    for profile in PROFILES:
        root = builder.build(over(data), len(data), profile).root
        for named in (root, Cid(1, DAG_PB, SHA2_256, root.digest)):
            found = builder.recognise(len(data), named, PROFILES, hashed)
            assert found is not None
            assert found.root == root
    assert builder.recognise(len(data), cids.of(b"other", DAG_PB), PROFILES, hashed) is None


@pytest.mark.parametrize("name", ["..", "a/b", "", "nul", "a\x00b", "x" * 256])
def test_a_directory_with_a_bad_name_is_not_written(name: str) -> None:
    with pytest.raises(Malformed, match="file name"):
        directory.build([(name, cids.of(b"", RAW), 0)])


def test_a_directory_with_equal_names_or_too_many_is_not_written() -> None:
    leaf = cids.of(b"", RAW)
    with pytest.raises(EaiError, match="same name"):
        directory.build([("Model", leaf, 0), ("model", leaf, 0)])
    with pytest.raises(EaiError, match="too large"):
        directory.build((f"file-{index}", leaf, 0) for index in range(6000))


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20])
def test_a_real_kubo_agrees(size: int, shake: bytes, tmp_path: Path, kubo: Callable[..., list[str]]) -> None:
    path = tmp_path / "file"
    path.write_bytes(shake[:size])
    for profile in PROFILES:
        command = kubo(
            "add",
            "--only-hash",
            "--quieter",
            f"--cid-version={profile.version}",
            f"--raw-leaves={'true' if profile.raw else 'false'}",
            f"--chunker=size-{profile.chunk}",
            f"--max-file-links={profile.width}",
            str(path),
        )
        out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        assert out.stdout.strip() == str(builder.build(over(shake[:size]), size, profile).root)


def test_the_vectors_inputs_are_what_they_should_be(
    files_vector: dict[str, Any], readers: dict[str, Reader]
) -> None:
    read, size = readers[files_vector["input"]], files_vector["size"]
    digest = hashlib.sha256()
    for offset in range(0, size, 1 << 20):
        digest.update(read(offset, min(1 << 20, size - offset)))
    assert digest.hexdigest() == files_vector["sha256"]
