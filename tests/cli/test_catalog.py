"""`eai catalog` lists and searches the featured models."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

Eai = Callable[..., subprocess.CompletedProcess[str]]


def test_the_catalogue_is_listed_a_model_a_line(eai: Eai) -> None:
    done = eai("catalog")

    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["name", "task", "size", "memory", "where"]
    assert len(rows) == 36
    assert "qwen3-1.7b chat 1.8 GB 5.3 GiB Qwen/Qwen3-1.7B-GGUF" in [" ".join(row.split()) for row in rows]
    assert "\x1b" not in done.stdout
    assert "eai add NAME" in done.stderr


def test_words_and_a_task_narrow_it_down(eai: Eai) -> None:
    coders, embedders = (
        eai("catalog", "qwen3", "CODER", "--json"),
        eai("catalog", "--task", "embed", "--json"),
    )

    assert [entry["name"] for entry in json.loads(coders.stdout)] == [
        "qwen3-coder-480b-a35b",
        "qwen3-coder-30b-a3b-instruct",
    ]
    assert {entry["task"] for entry in json.loads(embedders.stdout)} == {"embed"}
    assert json.loads(coders.stdout)[0]["request"]["pattern"] == "Q4_K_M"


def test_what_this_eai_cannot_serve_is_marked(eai: Eai) -> None:
    assert "needs mlx-flux" in eai("catalog", "flux-schnell").stdout
    assert [entry["supported"] for entry in json.loads(eai("catalog", "flux-schnell", "--json").stdout)] == [
        False
    ]


def test_where_nothing_fits_near_names_are_told(eai: Eai) -> None:
    done = eai("catalog", "gema-3-4b")

    assert (done.returncode, done.stdout) == (0, "")
    assert "did you mean `gemma-3-4b`" in done.stderr
