"""What is predicted of a model's memory, held against what the real engine says it takes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from models.shapes import ARCHITECTURES, write_shape

from zoo.resolve.facts import BATCH, facts
from zoo.resolve.gguf import read
from zoo.resolve.ranges import Local

SLOTS, SLOT = 2, 2048
MIB = 1 << 20
START = """
import sys, threading, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.hostnames = sys.argv[1], [sys.argv[2]]
params.n_ctx, params.n_parallel = int(sys.argv[3]), int(sys.argv[4])
params.n_batch = params.n_ubatch = int(sys.argv[5])
params.embedding = sys.argv[6] == "True"
params.cpuparams.n_threads, params.verbosity, params.warmup = 1, 4, False
server = xllamacpp.Server(params)
threading.Event().wait()
"""
BUFFER = re.compile(r"(\w+):\s+CPU (KV|RS|compute) buffer size =\s+([0-9.]+) MiB")

pytestmark = pytest.mark.engine


def buffers(model: Path, *, embedding: bool) -> dict[str, float]:
    """Start the engine once, and add up the buffers that it says it made, by kind, in MiB."""
    command = [
        sys.executable,
        "-c",
        START,
        model,
        model.with_suffix(".sock"),
        str(SLOTS * SLOT),
        str(SLOTS),
        str(BATCH),
        str(embedding),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as engine:
        assert engine.stdout is not None
        # The engine logs from a thread of its own: what it wrote is whole once its last line is there.
        lines = []
        for line in engine.stdout:
            lines.append(line)
            if "listening on" in line:
                break
        engine.kill()
    said = "".join(lines)
    assert "listening on" in said, said
    sizes: dict[str, float] = {"KV": 0.0, "RS": 0.0, "compute": 0.0}
    for _, kind, size in BUFFER.findall(said):
        sizes[kind] += float(size)
    return sizes


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_caches_take_what_was_predicted(tmp_path: Path, architecture: str) -> None:
    path = write_shape(tmp_path / f"{architecture}.gguf", architecture)
    predicted = facts(read(Local(path), path.name), path.name)

    taken = buffers(path, embedding=predicted.embedding)

    windowed = min(SLOT, -(-(predicted.window + BATCH) // 256) * 256)
    cache = SLOTS * (predicted.kv_token * SLOT + predicted.kv_window_token * windowed)
    assert taken["KV"] == pytest.approx(cache / MIB, abs=0.011)
    assert taken["RS"] == pytest.approx(SLOTS * predicted.state / MIB, abs=0.006)
    assert 0 < taken["compute"] * MIB < predicted.overhead
