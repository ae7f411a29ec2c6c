"""The launcher of the wheel's engine, with real models."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from models.chat import ADAPTED, SENTENCE
from support.engine import PROGRAMS, WAIT, Engine, Engines, Models, UnixConnection

pytestmark = pytest.mark.engine

BASE = ("-c", "512", "-np", "1", "-t", "1", "--no-ui", "--offline", "--fit", "off")


def test_a_model_answers_once_the_line_came(engines: Engines, models: Models) -> None:
    engine = engines.start("-m", models.chat, "--alias", "tiny", *BASE).until_ready()

    assert engine.ask("/health") == {"status": "ok"}
    assert engine.say() == SENTENCE
    assert engine.ask("/v1/models")["data"][0]["id"] == "tiny"


def test_an_answer_is_streamed(engines: Engines, models: Models) -> None:
    engine = engines.start("-m", models.chat, *BASE).until_ready()
    connection = UnixConnection(engine.socket)

    events = [line for line in _stream(connection).read().split(b"\n\n") if line.startswith(b"data: ")]
    connection.close()

    assert len(events) > 10
    assert events[-1] == b"data: [DONE]"


def test_embeddings_are_given(engines: Engines, models: Models) -> None:
    engine = engines.start("-m", models.chat, *BASE, "--embeddings", "--pooling", "mean").until_ready()

    vector = engine.ask("/v1/embeddings", {"input": "hello"})["data"][0]["embedding"]

    assert len(vector) == 64


def test_a_reranker_ranks(engines: Engines, models: Models) -> None:
    engine = engines.start("-m", models.chat, *BASE, "--reranking").until_ready()

    answer = engine.ask("/v1/rerank", {"query": "hello", "documents": ["hi", "who"]})

    assert {result["index"] for result in answer["results"]} == {0, 1}


def test_shards_load_through_links_to_files_of_other_names(
    engines: Engines, models: Models, tmp_path: Path
) -> None:
    view = tmp_path / "view"
    view.mkdir()
    for number, shard in enumerate(models.shards):
        stored = tmp_path / f"object{number}"
        stored.write_bytes(shard.read_bytes())
        (view / shard.name).symlink_to(f"../{stored.name}")

    engine = engines.start("-m", view / models.shards[0].name, *BASE).until_ready()

    assert engine.say() == SENTENCE


@pytest.mark.parametrize(("scale", "said"), [("1.0", ADAPTED), ("0", SENTENCE)])
def test_an_adapter_speaks_as_loudly_as_it_is_scaled(
    engines: Engines, models: Models, scale: str, said: str
) -> None:
    engine = engines.start("-m", models.chat, *BASE, "--lora-scaled", f"{models.lora}:{scale}")

    assert engine.until_ready().say() == said


def test_every_setting_takes_effect(engines: Engines, models: Models, tmp_path: Path) -> None:
    template = tmp_path / "mine.jinja"
    template.write_text("{{ messages[0].content }} äöü")
    engine = engines.start(
        *("-m", models.chat, "-c", "1024", "-np", "2", "-b", "256", "-ub", "128", "-t", "1", "-tb", "1"),
        *("-ngl", "all", "--fit", "off", "--flash-attn", "on", "--cache-ram", "64", "--no-kv-unified"),
        *("--temp", "0.25", "--top-k", "7", "--top-p", "0.5", "--min-p", "0.125", "--seed", "42"),
        *("--repeat-penalty", "1.5", "--presence-penalty", "0.25", "--frequency-penalty", "0.75"),
        *("--chat-template-file", template, "--no-context-shift", "--jinja", "--sse-ping-interval", "5"),
        *("--no-ui", "--offline", "--no-slots", "--cache-type-k", "bf16", "-lv", "5"),
    ).until_ready()

    props = engine.ask("/props")
    params = props["default_generation_settings"]["params"]

    assert props["total_slots"] == 2
    assert props["default_generation_settings"]["n_ctx"] == 512
    assert props["chat_template"] == "{{ messages[0].content }} äöü"
    wanted = {"temperature": 0.25, "top_k": 7, "top_p": 0.5, "min_p": 0.125, "seed": 42}
    wanted |= {"repeat_penalty": 1.5, "presence_penalty": 0.25, "frequency_penalty": 0.75}
    assert {key: params[key] for key in wanted} == wanted
    engine.logged(
        "n_batch               = 256",
        "n_ubatch              = 128",
        "kv_unified            = false",
        "flash_attn            = enabled",
        "K (bf16)",
        "size limit: 64 MiB",
    )
    assert engine.ask("/slots")["error"]["code"] == 501


def test_a_sampling_flag_overrides_the_models_own_header(engines: Engines, models: Models) -> None:
    engine = engines.start("-m", models.with_temperature, *BASE, "--temp", "0.25").until_ready()
    other = engines.start("-m", models.with_temperature, *BASE).until_ready()

    assert _temperature(engine.ask("/props")) == 0.25
    assert _temperature(other.ask("/props")) == 1.5


def _temperature(props: dict[str, dict[str, dict[str, float]]]) -> float:
    return props["default_generation_settings"]["params"]["temperature"]


def test_the_environment_changes_nothing(engines: Engines, models: Models) -> None:
    env = {"LLAMA_ARG_CTX_SIZE": "128", "LLAMA_API_KEY": "secret"}
    engine = engines.start("-m", models.chat, *BASE, env=env).until_ready()

    assert engine.ask("/props")["default_generation_settings"]["n_ctx"] == 512


def test_sigterm_ends_it_at_once_though_a_stream_never_ends(engines: Engines, models: Models) -> None:
    engine = engines.start("-m", models.endless, *BASE).until_ready()
    connection = UnixConnection(engine.socket)
    response = _stream(connection, max_tokens=-1)
    assert response.read(200)

    begun = time.monotonic()
    engine.process.send_signal(signal.SIGTERM)

    assert engine.ended() == 0
    assert time.monotonic() - begun < 5  # llama-server itself may hang here for 30 s, or for ever
    connection.close()


def test_it_dies_with_its_parent_though_a_stream_never_ends(engines: Engines, models: Models) -> None:
    engine = engines.start("-m", models.endless, *BASE).until_ready()
    connection = UnixConnection(engine.socket)
    response = _stream(connection, max_tokens=-1)
    assert response.read(200)

    engine.leave()

    assert engine.ended() == -signal.SIGKILL
    connection.close()


def test_it_dies_with_a_parent_that_is_killed(engines: Engines, models: Models, tmp_path: Path) -> None:
    """A parent of its own is killed: what ends the pipe is the kernel."""
    parent = subprocess.Popen(
        (sys.executable, "-c", _PARENT, str(engines.folder / "child.sock"), str(models.chat)),
        env={"PYTHONPATH": f"{PROGRAMS}:{engines.tree}"},
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    with parent.stdout:
        assert parent.stdout.readline() == b"ready\n"

        parent.kill()

        assert parent.stdout.read() == b""  # the engine held stdout; its end is the engine's
    parent.wait(WAIT)


_PARENT = """
import os, subprocess, sys
alive, held = os.pipe()
words = ["-S", "-P", "-B", "-m", "launcher", "--alive-fd", str(alive), "--ready-fd", "1"]
words += ["--host", sys.argv[1], "-m", sys.argv[2], "-c", "256", "-np", "1", "-t", "1"]
subprocess.run([sys.executable, *words], pass_fds=[alive], stderr=subprocess.DEVNULL)
"""


def _loading(engines: Engines) -> Engine:
    """An engine that loads for ever: its model is a pipe, and nobody opens the other end."""
    pipe = engines.folder / "model.gguf"
    os.mkfifo(pipe)
    engine = engines.start("-m", pipe, *BASE)
    engine.logged("loading model")
    return engine


def test_it_dies_with_its_parent_in_the_middle_of_loading(engines: Engines) -> None:
    engine = _loading(engines)

    engine.leave()

    assert engine.ended() == -signal.SIGKILL


def test_sigterm_ends_it_in_the_middle_of_loading(engines: Engines) -> None:
    engine = _loading(engines)

    engine.process.send_signal(signal.SIGTERM)

    assert engine.ended() == -signal.SIGTERM


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--nope", "1"), "the pypi build of llama.cpp cannot honour --nope"),
        (("--log-file", "x"), "the pypi build of llama.cpp cannot honour --log-file"),
        (("--device", "none"), "the pypi build of llama.cpp cannot honour --device"),
        (("-c",), "-c needs a value"),
        (("-c", "many"), "-c cannot be 'many'"),
        (("--flash-attn", "perhaps"), "--flash-attn cannot be 'perhaps'"),
        (("--repeat-penalty", "0"), "--repeat-penalty cannot be '0'"),
        (("--chat-template-file", "/none"), "--chat-template-file cannot be '/none'"),
    ],
)
def test_what_cannot_be_honoured_is_refused(engines: Engines, flags: tuple[str, ...], reason: str) -> None:
    engine = engines.start(*flags)

    assert engine.ended() == 1
    assert engine.log.read_text().splitlines()[-1].startswith(f"error: {reason}")
    assert os.read(engine.ready, 1) == b""


def test_a_broken_model_ends_it_with_the_engines_last_words(
    engines: Engines, models: Models, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(models.chat.read_bytes()[:200_000])

    engine = engines.start("-m", broken, *BASE)

    assert engine.ended() == 1
    lines = engine.log.read_text().splitlines()
    assert lines[-1].startswith("error: the model did not load")
    assert any("corrupted or incomplete" in line for line in lines)


def test_a_taken_socket_is_no_success(engines: Engines, models: Models) -> None:
    (engines.folder / "0.sock").touch()

    assert engines.start("-m", models.chat, *BASE).ended() == 1


def _stream(connection: UnixConnection, **more: object) -> http.client.HTTPResponse:
    body = {"messages": [{"role": "user", "content": "hello"}], "stream": True, **more}
    connection.request("POST", "/v1/chat/completions", json.dumps(body))
    return connection.getresponse()
