"""The curl commands of the README do what it says, before the real engine."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from models.chat import SENTENCE, write_chat, write_lora
from models.eyes import write_projector
from models.vectors import write_vectors
from support.pictures import png
from support.serving import Proxies, Proxy, environment, served

from zoo.digest import Digest
from zoo.environment.model import Adapter

pytestmark = pytest.mark.engine

README = Path(__file__).parent.parent / "README.md"
SECTION = "## Asking with curl"
HOST = "http://localhost:8080"


def commands() -> list[str]:
    """Every command of the section: each begins a line, and ends before the next one."""
    _, _, rest = README.read_text().partition(f"{SECTION}\n")
    section, _, _ = rest.partition("\n## ")
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    return [
        command
        for block in blocks
        for command in re.split(r"^(?=curl )", block, flags=re.MULTILINE)
        if command
    ]


@dataclass(frozen=True)
class Shell:
    """A folder with a picture, and a server at another port than the README's."""

    folder: Path
    proxy: Proxy

    def run(self, command: str) -> Any:  # noqa: ANN401 - JSON
        assert HOST in command
        ran = subprocess.run(
            ("bash", "-euc", command.replace(HOST, self.proxy.url).replace("curl ", "curl -sSf ", 1)),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, (command, ran.stderr)
        return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("shell")
    (folder / "cat.png").write_bytes(png())
    (chat,) = write_chat(folder / "chat.gguf")
    speaks = ("--lora-scaled", f"{write_lora(folder / 'pirate.gguf')}:0.0")
    pirate = Adapter(name="pirate.gguf", digest=Digest.of_hex("ad" * 32), scale=0.0)
    sees = ("--mmproj", str(write_projector(folder / "eyes.gguf")))
    vectors = write_vectors(folder / "vectors.gguf")
    with tempfile.TemporaryDirectory(prefix="eai") as short:
        proxies = Proxies(Path(short))
        proxy = proxies.start(
            environment(
                served(chat, "qwen3-1.7b", *speaks, main=True, lora_config=(pirate,)),
                served(chat, "gemma-3-4b", *sees),
                served(vectors, "qwen3-embedding-0.6b", "--embeddings", task="embed"),
                memory="1GiB",
                unknown_model="error",
            )
        )
        try:
            proxy.until_ready()
            yield Shell(folder, proxy)
        finally:
            proxies.close()


def test_every_command_of_the_readme_works(shell: Shell) -> None:
    plain, sees, embeds, switches, lists, scales = commands()

    answer = shell.run(plain)
    assert (answer["model"], answer["choices"][0]["message"]["content"]) == ("qwen3-1.7b", SENTENCE)
    answer = shell.run(sees)
    assert (answer["model"], answer["choices"][0]["message"]["content"]) == ("gemma-3-4b", SENTENCE)
    assert [len(each["embedding"]) for each in shell.run(embeds)["data"]] == [32, 32]
    assert shell.run(switches)["model"] == "gemma-3-4b"
    listed = shell.run(lists)["data"]
    assert {each["id"] for each in listed if each["active"]} == {
        "qwen3-1.7b",
        "gemma-3-4b",
        "qwen3-embedding-0.6b",
    }
    assert shell.run(scales)["lora"][0]["scale"] == 0.5
