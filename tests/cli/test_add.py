"""`eai add` and `eai remove` change one model of a zoofile, and nothing else."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.zoofile.model import Model, Sampling
from zoo.zoofile.read import load

Eai = Callable[..., subprocess.CompletedProcess[str]]

CID = "bafkreiacd5mwy4a5wkdmvxsk42nsupes5uf4q3dm52k36mvbhgdrez422y"
START = """\
# Ada's zoo

[models.first]  # hers
bundled = 'eai-toy.gguf'

# and how it is served
[server]
port = 1
"""


@pytest.fixture
def zoofile(work: Path) -> Path:
    path = work / "zoofile.toml"
    path.write_text(START)
    return path


@pytest.mark.parametrize(
    ("words", "name", "model"),
    [
        (["qwen3-1.7b", "--main"], "qwen3-1.7b", Model(main=True)),
        (
            ["lfm2-1.2b", "--name", "small"],
            "small",
            Model(
                hf="LiquidAI/LFM2-1.2B-GGUF",
                file="LFM2-1.2B-Q8_0.gguf",
                revision="main",
                task="chat",
                sampling=Sampling(temperature=0.3, min_p=0.15, repeat_penalty=1.05),
            ),
        ),
        (
            ["hf:o/r/A-Q8_0.gguf", "--revision", "v1", "--mmproj", "m.gguf", "--context-length", "4096"],
            "a",
            Model(hf="o/r", file="A-Q8_0.gguf", revision="v1", mmproj="m.gguf", context_length=4096),
        ),
        (["hf:o/Big-GGUF", "--pattern", "Q4_K_M"], "big", Model(hf="o/Big-GGUF", pattern="Q4_K_M")),
        ([f"ipfs:{CID}", "--name", "e", "--task", "embed"], "e", Model(ipfs=CID, task="embed")),
        (["https://h.test/A.gguf"], "a", Model(url="https://h.test/A.gguf")),
        (["https://hub.test/o/r/blob/main/A.gguf"], "a", Model(hf="o/r", file="A.gguf")),
        (["bundled:eai-toy.gguf", "--name", "toy"], "toy", Model(bundled="eai-toy.gguf")),
    ],
)
def test_a_model_is_added_and_the_rest_stays(
    eai: Eai, zoofile: Path, words: list[str], name: str, model: Model
) -> None:
    done = eai("add", *words, HF_ENDPOINT="https://hub.test")

    assert done.returncode == 0, done.stderr
    assert load(zoofile).models[name] == model
    line = (
        zoofile.read_text().splitlines().index(f'[models."{name}"]' if "." in name else f"[models.{name}]")
        + 1
    )
    assert f"zoofile.toml:{line}: added `{name}`" in done.stderr
    assert "run `eai lock`" in done.stderr

    assert eai("remove", name).returncode == 0
    assert zoofile.read_text() == START


def test_a_path_is_written_relative_to_the_zoofile(eai: Eai, zoofile: Path) -> None:
    folder = zoofile.parent / "models" / "deep"
    folder.mkdir(parents=True)
    (folder / "Mine-Q4_0.gguf").touch()
    (zoofile.parent.parent / "other.gguf").touch()

    assert eai("add", "Mine-Q4_0.gguf", "--mmproj", "p.gguf", cwd=folder).returncode == 0
    assert eai("add", str(zoofile.parent.parent / "other.gguf"), cwd=folder).returncode == 0

    models = load(zoofile).models
    assert models["mine"] == Model(path="models/deep/Mine-Q4_0.gguf", mmproj="models/deep/p.gguf")
    assert models["other"] == Model(path="../other.gguf")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["qwen3-1.7"], "neither in the catalogue nor a file", "did you mean `qwen3-1.7b`"),
        (["flux-dev"], "needs the engine mlx-flux", "eai catalog"),
        (["missing/model.gguf"], "there is no file missing/model.gguf", "write hf:missing/model.gguf"),
        (["~/mine.gguf"], "there is no file ~/mine.gguf", "check the path"),
        (["./mine.gguf"], "there is no file ./mine.gguf", "check the path"),
        (["./"], "is a folder", "name a file in it"),
        (["hf:owner"], 'cannot be "owner/"', 'write "OWNER/REPO"'),
        (["hf:o/r"], "names a repository, but no file in it", 'pattern = "Q4_K_M"'),
        (["hf:o/r/f.gguf", "--pattern", "Q4"], "stands beside `file`", "keep one"),
        (["hf:o/r/f.gguf", "--context-length", "0"], "must be an integer from 1", ""),
        (["https://h.test/f.gguf", "--revision", "v1"], "goes with `hf` only", "name the repository"),
        (["https://me:pw@h.test/f.gguf"], "cannot be", "leave out the user"),
        (["ipfs:nonsense", "--name", "a"], "cannot be", "a CID alone"),
        ([f"ipfs:{CID}"], "nothing tells what to call", "--name NAME"),
        (["s3:bucket/f.gguf"], "`s3:` is no place", "hf:OWNER/REPO/FILE"),
        (["hf:o/r/f.gguf", "--name", "no name"], "is no name of a model", "letters, digits"),
        (["hf:o/r/f.gguf", "--name", "FIRST"], "only in upper and lower case", "another name"),
    ],
)
def test_a_model_that_cannot_be_is_refused_before_anything_is_written(
    eai: Eai, zoofile: Path, words: list[str], message: str, hint: str
) -> None:
    done = eai("add", *words)

    assert done.returncode == 2
    assert message in done.stderr
    assert hint in done.stderr
    assert zoofile.read_text() == START


def test_a_name_of_the_catalogue_goes_before_a_file_of_that_name(eai: Eai, zoofile: Path) -> None:
    (zoofile.parent / "qwen3-1.7b").touch()

    assert eai("add", "qwen3-1.7b").returncode == 0
    assert eai("add", "./qwen3-1.7b", "--name", "mine").returncode == 0
    assert load(zoofile).models["qwen3-1.7b"] == Model()
    assert load(zoofile).models["mine"] == Model(path="qwen3-1.7b")


def test_a_name_is_given_once(eai: Eai, zoofile: Path) -> None:
    done = eai("add", "hf:o/r/first.gguf")

    assert done.returncode == 1
    assert "there is a model `first` already" in done.stderr
    assert zoofile.read_text() == START


def test_without_a_project_there_is_nothing_to_add_to(eai: Eai, work: Path) -> None:
    done = eai("add", "qwen3-1.7b")

    assert done.returncode == 1
    assert "`eai init` begins a project" in done.stderr


def test_removing_what_is_not_there_names_what_is(eai: Eai, zoofile: Path) -> None:
    done = eai("remove", "frist")

    assert done.returncode == 1
    assert "did you mean `first`?" in done.stderr
    assert zoofile.read_text() == START


def test_removing_mends_a_zoofile_that_is_wrong(eai: Eai, zoofile: Path) -> None:
    zoofile.write_text(START + "\n[models.wrong]\nnonsense = 1\n")

    assert eai("remove", "wrong").returncode == 0
    assert zoofile.read_text() == START


def test_a_zoofile_that_is_wrong_is_not_added_to(eai: Eai, zoofile: Path) -> None:
    zoofile.write_text("[server]\nprot = 1\n")

    done = eai("add", "qwen3-1.7b")

    assert done.returncode == 1
    assert done.stderr.startswith("error: zoofile.toml:2: `server.prot` is no key of [server]\n")
    assert "hint: did you mean `port`?" in done.stderr
