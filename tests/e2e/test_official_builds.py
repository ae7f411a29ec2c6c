"""A zoofile that asks for official builds: locked for every platform, and served here."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest
from models.chat import SENTENCE, write_chat
from support import official
from support.github import File, GitHub
from support.lying import honest
from support.shop import Shop, chat

from zoo.lock import toml
from zoo.platform import current
from zoo.toolchains.choose import choices
from zoo.toolchains.machine import look

pytestmark = pytest.mark.engine

ZOOFILE = """\
[zoo]
platforms = [
    "linux-x86_64", "linux-aarch64", "macos-arm64", "macos-x86_64", "windows-x86_64", "windows-arm64"
]

[toolchain.llama-cpp]
from = "github"
variant = ["cuda", "vulkan", "cpu"]

"""
MODEL = """\
[models.chat]
path = "models/chat.gguf"
context-length = 2048
"""


@pytest.fixture
def project(tmp_path: Path, github: GitHub) -> Iterator[Shop]:
    made = Shop(tmp_path / "project", tmp_path / "home", dict(github.env))
    (made.folder / "models").mkdir(parents=True)
    write_chat(made.folder / "models" / "chat.gguf")
    (made.folder / "zoofile.toml").write_text(ZOOFILE + MODEL)
    yield made
    made.eai("down", "--force")


def _done(project: Shop, *words: str) -> str:
    ran = project.eai(*words)
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def test_one_lock_has_every_platform_and_this_one_serves_it(
    github: GitHub, project: Shop, native_engine: bytes
) -> None:
    github.release(official.LLAMA, "b11549", *official.llama("b11549", native_engine))
    _done(project, "lock")
    lock = toml.load(project.folder / "zoo.lock")
    (toolchain,) = lock.toolchain
    assert {(build.platform, build.variant) for build in toolchain.builds} == {
        *(
            (where, what)
            for where in ("linux-x86_64", "linux-aarch64")
            for what in ("cuda-13.4", "vulkan", "cpu")
        ),
        *(
            (f"windows-{arch}", what)
            for arch in ("x86_64", "arm64")
            for what in ("cuda-13.4", "vulkan", "cpu")
        ),
        ("macos-arm64", "metal"),
        ("macos-x86_64", "cpu"),
    }
    assert github.storage.asked == []  # GitHub states the digests: nothing is downloaded to lock

    choice = choices(lock, current(), look())["llama-cpp"]
    done = project.eai("up", "-d", "--port", "0")
    assert done.returncode == 0, done.stderr
    assert chat(done.stdout.strip()) == SENTENCE
    assert done.stderr.count(f"llama-cpp b11549: takes {choice.taken.build.variant}") == choice.several
    for judged in choice.passed:
        assert f"not {judged.build.variant}: it {judged.obstacles[0]}\n" in done.stderr
    fetched = {asked.path.rpartition("/")[2] for asked in github.storage.asked}
    assert len(fetched) == 1 + len(choice.taken.build.beside)

    seen = json.loads(project.eai("status", "--json").stdout)
    assert seen["engines"] == [f"llama-cpp b11549, {choice.taken.build.variant}"]
    assert f"llama-cpp b11549, {choice.taken.build.variant}" in project.eai("status").stdout


def test_locking_again_and_elsewhere_gives_the_same_bytes(
    github: GitHub, project: Shop, native_engine: bytes, tmp_path: Path
) -> None:
    github.release(official.LLAMA, "b11549", *official.llama("b11549", native_engine))
    path = project.folder / "zoo.lock"
    _done(project, "lock")
    before = path.read_bytes()
    _done(project, "fetch")
    github.release(official.LLAMA, "b11550", *official.llama("b11550", native_engine))
    _done(project, "lock")
    assert path.read_bytes() == before

    github.repos[official.LLAMA].pop(0)
    path.unlink()
    project.home = tmp_path / "another home"
    _done(project, "lock")
    assert path.read_bytes() == before


def test_another_variant_is_another_environment(github: GitHub, project: Shop, native_engine: bytes) -> None:
    github.release(official.LLAMA, "b11549", *official.llama("b11549", native_engine))
    mine, declared = project.folder / "zoofile.toml", '["cuda-13.4", "cuda-12.8", "vulkan", "cpu"]'
    mine.write_text(f"[toolchain.llama-cpp]\nfrom = 'github'\nvariant = {declared}\n\n{MODEL}")
    _done(project, "lock")
    if platform.system() == "Darwin":
        assert project.eai("up", "-d", "--port", "0", "--variant", "vulkan").returncode == 2
        return
    ids = set()
    for variant in ("vulkan", "cpu", "cuda-13.4"):
        assert chat(project.up("--variant", variant)) == SENTENCE
        ids.add(json.loads(project.eai("status", "--json").stdout)["environment"])
        project.eai("down")
    assert len(ids) == 3


def test_all_variants_are_fetched_for_a_machine_elsewhere(
    github: GitHub, project: Shop, native_engine: bytes
) -> None:
    github.release(official.LLAMA, "b11549", *official.llama("b11549", native_engine))
    _done(project, "lock")
    _done(project, "fetch", "--platform", "windows-x86_64")
    assert len({asked.path for asked in github.storage.asked}) == 4  # cuda is two
    assert all("-win-" in asked.path for asked in github.storage.asked)


def test_bytes_that_are_not_the_locked_ones_are_refused(
    github: GitHub, project: Shop, native_engine: bytes
) -> None:
    github.release(official.LLAMA, "b11549", *official.llama("b11549", native_engine))
    _done(project, "lock")
    for path in list(github.storage.answers):
        content = next(
            file.content for file in github.repos[official.LLAMA][0].files if path.endswith(f"/{file.name}")
        )
        github.storage.on(path, honest(content[:-1] + bytes([content[-1] ^ 1])))

    ran = project.eai("up", "-d", "--port", "0")
    assert ran.returncode == 4
    assert "hint:" in ran.stderr


def _hostile(kind: str, tag: str) -> tuple[File, ...]:
    evil = official.hostile(kind, f"llama-{tag}")
    flat = official.zipped({"llama-server": b"#!", "../escaped": b"x"})
    return tuple(
        File(name=file.name, content=flat if file.name.endswith(".zip") else evil)
        for file in official.llama(tag, b"")
    )


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("climbing", "'..'"),
        ("absolute", "an absolute path, /'escaped'"),
        ("linking", "links out of it, to '/etc/passwd'"),
        ("bomb", "would become larger than an archive of its size may"),
    ],
)
def test_a_hostile_archive_is_refused_and_nothing_stays(
    github: GitHub, project: Shop, kind: str, says: str
) -> None:
    github.release(official.LLAMA, "b11549", *_hostile(kind, "b11549"))
    _done(project, "lock")

    ran = project.eai("up", "-d", "--port", "0", "--variant", "cpu")
    assert ran.returncode == 4
    assert says in ran.stderr
    assert list((project.home / "store" / "trees").iterdir()) == []
    assert list((project.home / "store" / "ingest").iterdir()) == []
    assert not list(project.home.rglob("escaped"))


def test_where_no_digest_is_stated_the_tree_is_locked_and_checked(
    github: GitHub, project: Shop, native_engine: bytes
) -> None:
    github.release(official.LLAMA, "b11549", *official.llama("b11549", native_engine, digest=False))
    _done(project, "lock")
    path = project.folder / "zoo.lock"
    builds = toml.load(path).toolchain[0].builds
    assert all(build.tree for build in builds)
    assert chat(project.up()) == SENTENCE
    project.eai("down")

    text = path.read_text()
    for build in builds:
        text = text.replace(str(build.tree), "ab" * 32)
    path.write_text(text)
    ran = project.eai("up", "-d", "--port", "0", "--frozen")
    assert ran.returncode == 4
    assert "is not the locked one" in ran.stderr


def test_a_used_up_limit_is_told_with_what_to_do(github: GitHub, project: Shop, native_engine: bytes) -> None:
    github.release(official.LLAMA, "b11549", *official.llama("b11549", native_engine))
    github.remaining, github.reset = 0, 4_000_000_000
    ran = project.eai("lock")
    assert ran.returncode == 5
    assert "answers no more questions" in ran.stderr
    assert "hint: wait until" in ran.stderr


def test_what_was_fetched_is_served_without_any_connection(
    github: GitHub, project: Shop, native_engine: bytes
) -> None:
    github.release(official.LLAMA, "b11549", *official.llama("b11549", native_engine))
    _done(project, "lock")
    _done(project, "fetch")
    project.extra |= {"GITHUB_API_URL": "http://127.0.0.1:9", "GITHUB_SERVER_URL": "http://127.0.0.1:9"}
    assert chat(project.up("--offline")) == SENTENCE
