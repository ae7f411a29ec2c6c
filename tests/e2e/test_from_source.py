"""The engines that are built of the package index's own source archives, as projects use them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from models.chat import SENTENCE, write_chat
from support import index as indexed
from support import native
from support.shop import ZOOFILE, Shop, chat

from zoo.lock.toml import load
from zoo.store import Store
from zoo.toolchains import derive

pytestmark = pytest.mark.engine


@pytest.fixture(scope="session")
def llama_cpp() -> Path:
    """The folder with llama.cpp's programs."""
    return native.tree(native.LLAMA_CPP)


@pytest.fixture
def project(tmp_path: Path, llama_cpp: Path) -> Iterator[Shop]:
    """A project whose engine comes from an index as source code, over the store that has it built."""
    made = Shop(tmp_path / "project", native.HOME)
    (made.folder / "models").mkdir(parents=True)
    write_chat(made.folder / "models" / "chat.gguf")
    write_chat(made.folder / "models" / "endless.gguf", say="one two three four five, ", endless=True)
    asked = f'from = "source"\nversion = "{native.version(native.LLAMA_CPP)}"'
    (made.folder / "zoofile.toml").write_text(ZOOFILE.replace('from = { path = "bin/llama-server" }', asked))
    name, content = native.sdist(native.LLAMA_CPP)
    published = indexed.Published(filename=name, content=content)
    with indexed.serving(indexed.Simple({"xllamacpp": [published]})) as index:
        made.extra["PIP_INDEX_URL"] = f"{index.url}simple/"
        done = made.eai("lock")
        assert done.returncode == 0, done.stderr
        yield made
        made.eai("down", "--force")


def test_what_was_built_of_source_code_is_what_serves(project: Shop, llama_cpp: Path) -> None:
    (toolchain,) = load(project.folder / "zoo.lock").toolchain
    assert toolchain.version == native.version(native.LLAMA_CPP)
    assert Store(native.HOME / "store").tree(derive.key(toolchain.builds[0])) == llama_cpp

    url = project.up()

    assert chat(url) == SENTENCE
    assert chat(url, model="endless", max_tokens=6).startswith("one two three")


def test_the_tools_that_come_with_it_work(llama_cpp: Path, tmp_path: Path) -> None:
    (path,) = write_chat(tmp_path / "chat.gguf")

    def run(name: str, *words: str) -> str:
        command = [llama_cpp / name, *words]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=True, env={}
        ).stdout

    run("llama-gguf-split", "--split", "--split-max-tensors", "8", str(path), "part")
    run("llama-quantize", str(path), "small.gguf", "Q8_0")

    assert len(list(tmp_path.glob("part-*-of-00003.gguf"))) == 3
    assert (tmp_path / "small.gguf").stat().st_size < path.stat().st_size / 2


def test_what_was_built_names_its_number_and_no_folder_of_this_machine(llama_cpp: Path) -> None:
    command = [llama_cpp / "llama-server", "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)

    assert f"build {native.version(native.LLAMA_CPP).removeprefix('b')}" in said.stderr + said.stdout
    for program in ("llama-server", "llama-gguf-split", "llama-quantize"):
        assert str(native.HOME).encode() not in (llama_cpp / program).read_bytes()


def test_stable_diffusion_is_built_too() -> None:
    program = native.tree(native.STABLE_DIFFUSION_CPP) / "sd-server"

    said = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)

    assert "--diffusion-model" in said.stdout + said.stderr
    assert str(native.HOME).encode() not in program.read_bytes()
