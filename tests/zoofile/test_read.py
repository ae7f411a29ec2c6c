"""A good zoofile becomes values; of a bad one every problem is told, with file, line, key and remedy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.refusing import is_refused

from zoo.errors import ZoofileError
from zoo.zoofile.model import Lora, Model, Own, Sampling, Toolchain
from zoo.zoofile.read import LARGEST, LONGEST_LINE, load, parse, problems_with

ROOT = Path(__file__).parents[2]

GOOD = """\
[zoo]
name = "assistant"
platforms = ["linux-x86_64", "macos-arm64"]

[server]
port = 8081
idle-timeout = "never"

[toolchain.llama-cpp]
from = { path = "../bin/llama-server" }
variant = { linux-x86_64 = "vulkan" }

[models."qwen3-1.7b"]
main = true

[models.big]
hf = "unsloth/Qwen3-235B-A22B-Thinking-2507-GGUF"
pattern = "Q4_K_M"
revision = "refs/pr/1"

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
sampling = { temperature = 1, top-k = 20 }
chat-template = "mine.jinja"
lora = [{ path = "adapter.gguf", scale = 0.8 }]
args = ["--flash-attn", "on", "--chat-template-kwargs", '{"a": 1}', "--swa-full"]
"""


def test_a_good_zoofile_becomes_values() -> None:
    zoofile = parse(GOOD)

    assert zoofile.server.port == 8081
    assert zoofile.server.host == "127.0.0.1"
    assert zoofile.toolchain["llama-cpp"] == Toolchain(
        source=Own(path="../bin/llama-server"), variant={"linux-x86_64": "vulkan"}
    )
    assert zoofile.models["qwen3-1.7b"] == Model(main=True)
    assert zoofile.models["mine"].sampling == Sampling(temperature=1.0, top_k=20)
    assert zoofile.models["mine"].lora == (Lora(path="adapter.gguf", scale=0.8),)


def test_the_example_is_good() -> None:
    zoofile = load(ROOT / "zoofile.toml.example")

    assert zoofile.models["toy"].bundled == "eai-toy.gguf"


def test_all_that_the_example_only_shows_is_good_too() -> None:
    text = (ROOT / "zoofile.toml.example").read_text(encoding="utf-8")
    shown = "\n".join(line.removeprefix("# ") if _is_toml(line) else line for line in text.splitlines())

    assert set(parse(shown).models) == {
        "toy", "qwen3-1.7b", "dolphin", "big", "eyes", "elsewhere", "kept", "qwen3-embedding-0.6b",
        "flux", "mine",
    }  # fmt: skip


def _is_toml(line: str) -> bool:
    return line.startswith("# [") or (line.startswith("# ") and " = " in line)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('[server]\nhost = "a\\u0000b"', "2: `server.host` holds a character that does not print", None),
        ("a", "1: this is no TOML: expected '=' after a key", "`key = "),
        ("[server]\nhost = localhost", "2:8: this is no TOML: invalid value", "in quotes"),
        ("[a]\n[a]", "2:3: this is no TOML: cannot declare ('a',) twice", "each table may stand only once"),
        ("a = 1\na = 2\n", "2:6: this is no TOML: cannot overwrite a value", "each key may stand only once"),
        ("a = 1\n<<<<<<< ours\n", "2: a merge conflict begins", "resolve it"),
        ("a = " + "[\n" * 3000, " is nested too deeply", None),
        ("a." * LONGEST_LINE, f"1: the line is longer than {LONGEST_LINE} characters", "over several lines"),
        ("#\n" * LARGEST, " is larger than 1 MiB", None),
    ],
)
def test_what_is_no_toml_is_told_with_its_line_and_remedy(text: str, message: str, hint: str | None) -> None:
    is_refused(text, message, hint)


def test_what_would_be_wrong_with_one_more_model_is_known_before_it_is_written() -> None:
    zoofile = parse(GOOD)

    assert problems_with(zoofile, "more", {"path": "x.gguf"}) == ()
    assert [p.keys for p in problems_with(zoofile, "more", {"main": True})] == [("models", "more", "main")]
    assert [p.keys for p in problems_with(zoofile, "more", {"parallel": 0})] == [
        ("models", "more", "parallel")
    ]


def test_reading_what_is_good_loads_nothing_that_only_edits_and_errors_need() -> None:
    late = "tomlkit difflib rich huggingface_hub zoo.zoofile.diagnose zoo.zoofile.locate zoo.catalog"
    code = (
        f"import sys, zoo.zoofile.read as r; r.parse({GOOD!r}); print(*sys.modules.keys() & {late.split()})"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.split() == []


def test_a_file_is_read_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "zoofile.toml"
    path.write_bytes(GOOD.replace("\n", "\r\n").encode())

    assert load(path) == parse(GOOD)


@pytest.mark.parametrize(
    "text",
    [
        '[models."a\\u001b"]\n[models."A\\u001b"]',
        '[models."\\u001b"]\nmain = true\n[models.b]\nmain = true',
        '[models.a]\nhf = "o/r/\\u001b"',
        '[models.a]\n"\\u001b" = 1',
        '[models.a]\nmain = "\\u001b"',
        '[models.a]\nargs = ["\\u001b"]',
        '["\\u001b"]\n["\\u001b"]',
    ],
)
def test_a_zoofile_cannot_steer_the_terminal_through_its_errors(text: str) -> None:
    with pytest.raises(ZoofileError) as caught:
        parse(text)

    assert "\x1b" not in caught.value.message + (caught.value.hint or "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xef\xbb\xbf[zoo]", "begins with a byte order mark"),
        (b"\xff\xfe[\x00", "begins with a byte order mark"),
        (b"[zoo]\nname = '\xe9'", "zoofile.toml:2: byte 0xe9 is no UTF-8"),
        (b"#" * (LARGEST + 1), "is larger than 1 MiB"),
    ],
)
def test_bytes_that_are_no_zoofile_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "zoofile.toml"
    path.write_bytes(content)

    with pytest.raises(ZoofileError, match=message):
        load(path)


def test_a_path_that_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    for name in ("", "pipe"):
        with pytest.raises(ZoofileError, match="is no file"):
            load(tmp_path / name)
    with pytest.raises(ZoofileError, match="there is no"):
        load(tmp_path / "missing")
    with pytest.raises(ZoofileError, match="cannot read"):
        load(tmp_path / ("x" * 1000))


SIGNS = "aZ09_-.'\"\\=[]{},#\n\r\t \x00\x1b\u00e9\u202e\U0001f40d"
KEYS = st.sampled_from((
    "zoo", "server", "toolchain", "models", "a", "b.c", "main", "hf", "file", "pattern", "path", "lora",
    "sampling", "args", "top-k", "from", "variant", "platforms", "port", "memory", "task", "scale",
))  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(SIGNS, max_size=6)
    | st.sampled_from(["embed", "o/r"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_whatever_toml_says_is_either_good_or_a_zoofile_error(data: dict[str, object]) -> None:
    text = "".join(f"{_key(key)} = {_toml(value)}\n" for key, value in data.items())
    try:
        parse(text)
    except ZoofileError as error:
        assert "\x1b" not in error.message  # noqa: PT017 - it need not be raised


@given(st.text(SIGNS))
def test_whatever_text_says_is_either_good_or_a_zoofile_error(text: str) -> None:
    try:
        parse(text)
    except ZoofileError as error:
        assert error.message.startswith("zoofile.toml")  # noqa: PT017 - it need not be raised


@given(
    st.lists(st.sampled_from([*GOOD.splitlines(keepends=True), "\n", '"""', "'", "[[", "]", "=", "\\", "#"]))
)
def test_a_shuffled_zoofile_is_either_good_or_a_zoofile_error(lines: list[str]) -> None:
    try:
        parse("".join(lines))
    except ZoofileError as error:
        assert error.message.startswith("zoofile.toml")  # noqa: PT017 - it need not be raised


def _key(key: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08X}" for c in key) + '"'


def _toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _key(value)
        case dict():
            return "{" + ", ".join(f"{_key(key)} = {_toml(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case None:
            return "1979-05-27T07:32:00"
        case _:
            return str(value)
