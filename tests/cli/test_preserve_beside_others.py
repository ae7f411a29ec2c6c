"""`eai preserve` beside others: who reads what it prints, and who writes to the same lock."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import kubo
from support.preserving import FILES, adopt, lock

import zoo
from zoo.cli.main import main
from zoo.preserve.carfile import CarFile
from zoo.preserve.content import Content
from zoo.preserve.events import Progress
from zoo.store import Store

Eai = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home" / "store")


def test_whoever_reads_the_cids_may_stop_before_all_is_done(
    node: kubo.Node, work: Path, tmp_path: Path, store: Store
) -> None:
    files = [adopt(store, tmp_path, name, data) for name, data in FILES.items()]
    locked = lock(work, **{f"m{at}": {"weights": (file,)} for at, file in enumerate(files)})
    words = f"'{sys.executable}' -m zoo preserve --to kubo; echo code $? >&2"
    done = subprocess.run(
        ["bash", "-c", f"({words}) | head -1"],
        cwd=work,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(zoo.__file__).parents[1]),
            "EAI_HOME": str(tmp_path / "home"),
            "EAI_KUBO_API": node.api,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "code 0" in done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert locked.read_text().count('"ipfs://') == len(FILES)


def test_a_lock_that_became_unreadable_while_files_were_sent_says_that_nothing_is_lost(
    work: Path,
    tmp_path: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    locked = lock(work, m={"weights": (adopt(store, tmp_path, "m.gguf", b"GGUF"),)})
    conflicted = f"<<<<<<< HEAD\n{locked.read_text()}=======\n>>>>>>> theirs\n"
    real = CarFile.keep

    def keep(self: CarFile, contents: Sequence[Content], tell: Progress) -> Iterator[Content]:
        locked.write_text(conflicted)
        yield from real(self, contents, tell)

    monkeypatch.setattr(CarFile, "keep", keep)
    monkeypatch.setenv("EAI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(work)
    assert main(["preserve", "--to", "car", "m.car"]) == 3
    said = capsys.readouterr().err
    assert "zoo.lock has 0 CIDs of 1" in said
    assert "it merges both sides; then preserve again: nothing is sent twice" in said
    assert locked.read_text() == conflicted


def test_several_preserve_at_once_and_no_line_is_lost(
    work: Path, tmp_path: Path, store: Store, eai: Eai
) -> None:
    names = [f"m{at}" for at in range(6)]
    files = {name: adopt(store, tmp_path, f"{name}.gguf", name.encode() * 1000) for name in names}
    locked = lock(work, **{name: {"weights": (file,)} for name, file in files.items()})
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(eai, "preserve", name, "--to", "car", f"{name}.car") for name in names]
    assert [run.result().stderr for run in runs if run.result().returncode] == []
    assert locked.read_text().count('"ipfs://') == len(names)
