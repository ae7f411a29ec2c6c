"""The JSON Schema says of a zoofile what reading it says."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from zoo.zoofile.read import parse
from zoo.zoofile.schema import DESCRIPTIONS, json_schema

ROOT = Path(__file__).parents[2]

DESIGN = """\
[zoo]
name = "assistant"
platforms = ["linux-x86_64", "linux-aarch64", "macos-arm64"]
[server]
host = "127.0.0.1"
port = 8080
memory = "auto"
idle-timeout = "30m"
drain-timeout = "60s"
unknown-model = "main"
remote-images = "public"
[toolchain.llama-cpp]
version = "latest"
from = "pypi"
variant = { linux-x86_64 = "vulkan" }
[models."qwen3-1.7b"]
main = true
[models.dolphin]
hf = "dphn/Dolphin3.0-Llama3.1-8B-GGUF"
file = "Dolphin3.0-Llama3.1-8B-Q4_0.gguf"
revision = "main"
[models.big]
hf = "unsloth/Qwen3-235B-A22B-Thinking-2507-GGUF"
pattern = "Q4_K_M"
[models.eyes]
hf = "unsloth/Qwen2.5-VL-7B-Instruct-GGUF"
file = "Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf"
mmproj = "mmproj-F16.gguf"
[models.embedder]
ipfs = "bafkreiacd5mwy4a5wkdmvxsk42nsupes5uf4q3dm52k36mvbhgdrez422y"
task = "embed"
[models.mine]
path = "models/mine.gguf"
context-length = 32768
sampling = { temperature = 0.7, top-k = 20 }
chat-template = "mine.jinja"
lora = [{ path = "adapter.gguf", scale = 0.8 }]
args = ["--flash-attn", "on"]
"""


def test_it_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("text", [DESIGN, (ROOT / "zoofile.toml.example").read_text(encoding="utf-8"), ""])
def test_good_zoofiles_are_valid(text: str) -> None:
    parse(text)

    Draft202012Validator(json_schema()).validate(tomllib.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        "x = 1",
        "[server]\nprot = 1",
        "[server]\nport = 70000",
        '[server]\nidle-timeout = "soon"',
        '[models.a]\ntask = "caht"',
        '[models.a]\nhf = "o/r"',
        '[models.a]\nhf = "o/r"\nfile = "f"\npattern = "p"',
        '[models.a]\nfile = "f"',
        '[models.a]\npath = "p"\nurl = "https://h/f"',
        "[[models.a.lora]]\nscale = 1.0",
        '[[models.a.lora]]\nhf = "o/r"\npattern = "p"',
        "[models.a.sampling]\ntop-p = 2.0",
        "[toolchain.x]\nfrom = {}",
        '[zoo]\nplatforms = ["beos"]',
    ],
)
def test_wrong_zoofiles_are_not_valid(text: str) -> None:
    assert not Draft202012Validator(json_schema()).is_valid(tomllib.loads(text))


def test_every_key_is_described_and_none_may_be_null() -> None:
    definitions = json_schema()["$defs"]

    assert definitions.keys() == DESCRIPTIONS.keys()
    for name, definition in definitions.items():
        assert definition["properties"].keys() == DESCRIPTIONS[name].keys()
        assert all(prop["description"].endswith(".") for prop in definition["properties"].values())
    assert '"null"' not in json.dumps(definitions)
