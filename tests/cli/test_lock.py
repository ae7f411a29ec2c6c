"""`eai lock` as a person runs it: what it says, what it exits with, and what it leaves alone."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from zoo.cli.lock_write import write
from zoo.cli.output import Output
from zoo.cli.project import Project
from zoo.digest import Digest
from zoo.errors import EaiError, LockError
from zoo.lock import toml
from zoo.lock.freshness import toolchain_requests
from zoo.lock.model import VERSION, Artifact, Build, Facts, File, Lock, Model, Toolchain
from zoo.lock.settings import settle
from zoo.zoofile import read
from zoo.zoofile.model import Zoofile
from zoo.zoofile.request import main_model, request_of

Eai = Callable[..., subprocess.CompletedProcess[str]]

ZOOFILE = """\
[models.qwen]
url = "https://example.org/qwen.gguf"

[models.mine]
path = "mine.gguf"
context-length = 4096
"""
HEAVY = (
    "httpx2 huggingface_hub aiohttp rich tomlkit blake3 psutil pypi_simple json dataclasses_json "
    "zoo.store zoo.resolve zoo.toolchains zoo.catalog zoo.lock.merge subprocess difflib"
)


def locked(zoofile: Zoofile, *, offset: int = 0) -> Lock:
    """Lock a zoofile as resolving would, with bytes of our own invention."""
    facts = Facts(
        architecture="llama",
        quantisation="Q4_0",
        context_length=131072,
        embedding=False,
        chat_template=True,
        mmproj=False,
        kv_token=1,
    )
    models, artifacts = [], []
    for number, (name, declared) in enumerate(zoofile.models.items(), 1 + offset):
        digest = Digest.of_hex(f"{number:08x}" + "0" * 56)
        models.append(
            Model(
                name=name,
                request=request_of(name, declared),
                facts=facts,
                settings=settle(declared, facts, main=name == main_model(zoofile)),
                memory=1,
                weights=(File(path="x.gguf", digest=digest),),
            )
        )
        artifacts.append(
            Artifact(digest=digest, size=1_000_000 * number, url=(f"https://example.org/{number}",))
        )
    tools = []
    for name, request in toolchain_requests(zoofile).items():
        digest = Digest.of_hex("f" * 64)
        build = Build(platform="linux-x86_64", variant="cpu", program="bin", digest=digest)
        tools.append(Toolchain(name=name, request=request, version="b10000", builds=(build,)))
        artifacts.append(Artifact(digest=digest, size=7, url=("https://example.org/llama",)))
    return Lock(
        version=VERSION,
        server=zoofile.server,
        model=tuple(models),
        toolchain=tuple(tools),
        artifact=tuple(artifacts),
    )


@pytest.fixture
def fresh(work: Path) -> Path:
    """A project whose lock is fresh."""
    (work / "zoofile.toml").write_text(ZOOFILE, encoding="utf-8")
    toml.write(work / "zoo.lock", locked(read.load(work / "zoofile.toml")))
    return work


def written(project: Path) -> tuple[int, int]:
    """Tell which file the lock is, and when it was written last."""
    found = (project / "zoo.lock").stat()
    return found.st_ino, found.st_mtime_ns


def test_a_fresh_lock_is_said_to_be_so(eai: Eai, fresh: Path) -> None:
    before = written(fresh)
    done = eai("lock", "--check")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "zoo.lock is fresh: 2 models, 1 toolchain\n"
    assert written(fresh) == before


def test_checking_works_from_a_folder_below(eai: Eai, fresh: Path) -> None:
    below = fresh / "a" / "b"
    below.mkdir(parents=True)
    assert eai("lock", "--check", cwd=below).returncode == 0
    assert eai("lock", "--check", "--project", str(fresh), cwd=fresh.parent).returncode == 0


def test_what_is_stale_is_listed_with_the_reason_and_exits_3(eai: Eai, fresh: Path) -> None:
    text = ZOOFILE.replace("qwen.gguf", "qwen4.gguf").replace("4096", "2048")
    (fresh / "zoofile.toml").write_text(
        text + '[models.new]\nhf = "o/r"\nfile = "f.gguf"\n', encoding="utf-8"
    )
    done = eai("lock", "--check")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "error: zoo.lock is out of date\n"
        '  qwen  request changed: url "https://example.org/qwen.gguf" → "https://example.org/qwen4.gguf"\n'
        "  mine  setting changed: context-length 4096 → 2048\n"
        "  new   in zoofile.toml, not in zoo.lock\n"
        "\nhint: run `eai lock`, then commit zoo.lock\n"
    )


def test_what_is_stale_can_be_read_by_programs(eai: Eai, fresh: Path) -> None:
    assert json.loads(eai("lock", "--check", "--json").stdout) == {"fresh": True, "stale": []}
    (fresh / "zoofile.toml").write_text(ZOOFILE.replace("4096", "2048"), encoding="utf-8")
    done = eai("lock", "--check", "--json")
    assert (done.returncode, done.stderr) == (3, "")
    assert json.loads(done.stdout) == {
        "fresh": False,
        "stale": [
            {"subject": "model", "name": "mine", "reason": "setting changed: context-length 4096 → 2048"}
        ],
    }


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda text: None, "there is no zoo.lock"),
        (lambda text: text + "# mine\n", "says the same, but not as eai writes it"),
        (lambda text: "<<<<<<< HEAD\n" + text, "has git conflict markers"),
        (lambda text: text.replace("version = 1", "version = 2", 1), "has version 2"),
        (lambda text: text.replace("size = 7", "size = 0", 1), "size: must be at least 1"),
    ],
)
def test_a_lock_that_cannot_be_used_exits_3(
    eai: Eai, fresh: Path, spoil: Callable[[str], str | None], says: str
) -> None:
    spoilt = spoil((fresh / "zoo.lock").read_text(encoding="utf-8"))
    (fresh / "zoo.lock").unlink()
    if spoilt is not None:
        (fresh / "zoo.lock").write_text(spoilt, encoding="utf-8")
    done = eai("lock", "--check")
    assert done.returncode == 3
    assert says in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_checking_imports_nothing_heavy(fresh: Path) -> None:
    code = (
        "import sys; from zoo.cli.main import main; code = main(['lock', '--check']);"
        f"print(code, *sorted(set({HEAVY!r}.split()) & set(sys.modules)))"
    )
    env = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=fresh, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "0\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--upgrade-model", "qwem"), "no model named qwem"),
        (("--upgrade-toolchain", "llamacpp"), "no toolchain named llamacpp"),
        (("--check", "--upgrade-model", "qwen"), "nothing to upgrade"),
        (("--check", "--upgrade"), "not allowed with argument"),
        (("--zap",), "unrecognized arguments"),
        (("--diff", "no-such-revision"), "neither a file nor a git revision"),
    ],
)
def test_a_wrong_command_exits_2(eai: Eai, fresh: Path, words: tuple[str, ...], says: str) -> None:
    done = eai("lock", *words)
    assert done.returncode == 2
    assert says in done.stderr


def test_an_unknown_name_is_answered_with_near_ones(eai: Eai, fresh: Path) -> None:
    assert "did you mean qwen?" in eai("lock", "--upgrade-model", "qwem").stderr
    assert "did you mean llama-cpp?" in eai("lock", "--upgrade-toolchain", "llama").stderr


def test_help_shows_examples(eai: Eai) -> None:
    done = eai("lock", "--help")
    assert done.returncode == 0
    assert "eai lock --check" in done.stdout
    assert "usage: eai lock" in done.stdout


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def test_a_diff_shows_what_changed_since_the_last_commit(eai: Eai, fresh: Path) -> None:
    git(fresh, "init", "-q")
    git(fresh, "commit", "-q", "--allow-empty", "-m", "empty")
    assert "+ qwen: 000000010000 (1 file, 1.0 MB)" in eai("lock", "--diff").stdout
    git(fresh, "add", ".")
    git(fresh, "commit", "-qm", "lock")
    done = eai("lock", "--diff")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "zoo.lock is as in HEAD\n")

    zoofile = read.parse(ZOOFILE.replace("4096", "2048"))
    shutil.copy(fresh / "zoo.lock", fresh / "old.lock")
    toml.write(fresh / "zoo.lock", locked(zoofile, offset=1))
    expected = (
        "~ mine: 000000020000 → 000000030000 (1 file, 3.0 MB)\n"
        "~ mine: settings.context-length 4096 → 2048\n"
        "~ qwen: 000000010000 → 000000020000 (1 file, 2.0 MB)\n"
    )
    assert eai("lock", "--diff").stdout == expected
    assert eai("lock", "--diff", "HEAD").stdout == expected
    assert eai("lock", "--diff", "old.lock").stdout == expected
    assert json.loads(eai("lock", "--diff", "--json").stdout)[0] == {
        "subject": "model",
        "name": "mine",
        "action": "changed",
        "what": "pin",
        "before": "000000020000",
        "after": "000000030000",
        "files": 1,
        "size": 3000000,
    }


def test_a_diff_without_git_says_so(eai: Eai, fresh: Path, tmp_path: Path) -> None:
    done = eai("lock", "--diff", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "git is not installed" in done.stderr


class Told:
    """What `write` told, and the resolver it was given."""

    def __init__(self, folder: Path, new: Lock, *, as_json: bool = False) -> None:
        self.old: list[Lock | None] = []
        data, talk = io.StringIO(), io.StringIO()

        def resolver(old: Lock | None) -> Lock:
            self.old.append(old)
            return new

        write(Project(folder), resolver, Output(data, talk), as_json=as_json)
        self.data, self.talk = data.getvalue(), talk.getvalue()


def test_a_first_lock_says_what_it_holds(tmp_path: Path) -> None:
    told = Told(tmp_path, locked(read.parse(ZOOFILE)))
    assert told.old == [None]
    assert told.data == ""
    assert told.talk == (
        "+ mine: 000000020000 (1 file, 2.0 MB)\n"
        "+ qwen: 000000010000 (1 file, 1.0 MB)\n"
        "+ llama-cpp: b10000 (1 build, 7 bytes)\n"
        "locked 2 models, 1 toolchain: 3 new\n"
    )


def test_locking_again_writes_nothing(fresh: Path) -> None:
    before = written(fresh)
    assert (
        Told(fresh, locked(read.parse(ZOOFILE))).talk == "zoo.lock is fresh already: 2 models, 1 toolchain\n"
    )
    assert written(fresh) == before


def test_the_summary_counts_kept_new_changed_and_removed(fresh: Path) -> None:
    text = ZOOFILE.replace("4096", "2048").replace("models.qwen", "models.other")
    assert Told(fresh, locked(read.parse(text))).talk.splitlines()[-1] == (
        "locked 2 models, 1 toolchain: 1 kept, 1 new, 1 changed, 1 removed"
    )


def test_changes_can_be_read_by_programs(fresh: Path) -> None:
    told = Told(fresh, locked(read.parse(ZOOFILE.replace("4096", "2048"))), as_json=True)
    said = json.loads(told.data)
    assert said["written"] is True
    assert [change["what"] for change in said["changes"]] == ["settings.context-length"]


def test_a_conflicted_lock_is_merged_and_what_differs_is_resolved_again(fresh: Path) -> None:
    one = locked(read.parse(ZOOFILE))
    moved = locked(read.parse(ZOOFILE), offset=1)
    other = replace(one, model=(one.model[0], moved.model[1]), artifact=(*one.artifact, moved.artifact[1]))
    text = f"<<<<<<< HEAD\n{toml.dumps(one)}=======\n{toml.dumps(other)}>>>>>>> theirs\n"
    (fresh / "zoo.lock").write_text(text, encoding="utf-8")
    told = Told(fresh, one)
    assert told.talk.startswith("merged zoo.lock: 2 kept, 1 resolved again (mine)\n")
    assert [model.name for model in told.old[0].model] == ["qwen"]
    assert toml.load(fresh / "zoo.lock").model == tuple(sorted(one.model, key=lambda model: model.name))


def test_a_lock_that_a_clean_merge_broke_is_repaired(fresh: Path) -> None:
    whole = locked(read.parse(ZOOFILE))
    (fresh / "zoo.lock").write_text(toml.dumps(replace(whole, artifact=whole.artifact[1:])), encoding="utf-8")
    assert Told(fresh, whole).talk.startswith("repaired zoo.lock: 2 kept, 1 resolved again (qwen)\n")


def test_a_lock_of_a_later_version_is_never_overwritten(fresh: Path) -> None:
    text = "version = 9\n"
    (fresh / "zoo.lock").write_text(text, encoding="utf-8")
    with pytest.raises(LockError, match="version 9"):
        Told(fresh, locked(read.parse(ZOOFILE)))
    assert (fresh / "zoo.lock").read_text(encoding="utf-8") == text


def test_a_lock_that_changes_while_we_resolve_is_not_overwritten(fresh: Path) -> None:
    def resolver(old: Lock | None) -> Lock:
        (fresh / "zoo.lock").write_text("someone else's", encoding="utf-8")
        return locked(read.parse(ZOOFILE.replace("4096", "2048")))

    with pytest.raises(EaiError, match="was changed by something else"):
        write(Project(fresh), resolver, Output(io.StringIO(), io.StringIO()))
    assert (fresh / "zoo.lock").read_text(encoding="utf-8") == "someone else's"
