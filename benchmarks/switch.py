"""Time a request for a model that is not loaded to its first token, where another must go first.

    python benchmarks/switch.py [--rounds 10] [--size 300] [--llama-swap PATH]

The same two models and the same engine behind eai, behind llama-swap, and started by hand (the engine's
own cold start: nothing has to go). In turns; each pair of models excludes each other. Then, with the
files of the next model out of the page cache and a stream of one second still to end: with eai reading
ahead meanwhile, and without.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import itertools
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import programs
import turns
from models import chat
from support.engine import PROGRAMS, wheel_folder
from support.serving import MIB, Proxies, environment, served

from zoo.environment.model import ServedModel

AIM_SWAP, AIM_OWN = 0.5, 0.050
NAMES = ("a", "b")


def models(folder: Path, size: int) -> tuple[ServedModel, ...]:
    """Two models of so many MiB, which exclude each other."""
    chat.BLOCKS, chat.FEED_FORWARD = 24, max(128, size * MIB // (24 * 3 * 64 * 4) // 64 * 64)
    made = []
    for name in NAMES:
        (path,) = chat.write_chat(folder / f"{name}.gguf", endless=True)
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        made.append(served(path, name, "--no-webui", main=name == "a", files=(path,)))
    return tuple(made)


def first_token(connect: programs.Connect, model: str, *, tokens: int = 1) -> Iterator[float]:
    """Ask until somebody answers; the seconds to the first token, and then to the end."""
    body = {
        "model": model,
        "stream": True,
        "max_tokens": tokens,
        "messages": [{"role": "user", "content": "x"}],
    }
    began = time.perf_counter()
    while True:
        connection = connect()
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.request(
                "POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"}
            )
            response = connection.getresponse()
            if response.status == 200:
                while b'"content":"' not in response.readline():
                    pass
                yield time.perf_counter() - began
                response.read()
                yield time.perf_counter() - began
                return
        time.sleep(0.002)


def by_hand(model: ServedModel, folder: Path) -> float:
    """Start the engine alone and ask it."""
    began = time.perf_counter()
    with programs.engine_alone(model, folder) as connect:
        answer = first_token(connect, model.name)
        next(answer)
        took = time.perf_counter() - began
        next(answer)
        return took


@contextlib.contextmanager
def llama_swap(program: str, made: tuple[ServedModel, ...], folder: Path) -> Iterator[programs.Connect]:
    """Run llama-swap over the same models and engine."""
    engines = {}
    for model in made:
        words = (*programs.TCP_ENGINE, "${PORT}", *model.engine.flags)
        path = f"PYTHONPATH={PROGRAMS}:{wheel_folder()}"
        engines[model.name] = {"cmd": " ".join(words), "env": [path], "proxy": "http://127.0.0.1:${PORT}"}
    config = folder / "swap.json"
    port, start = programs.free_port(), 20000 + os.getpid() % 20000
    config.write_text(json.dumps({"startPort": start, "models": engines, "logLevel": "error"}))
    listen = f"127.0.0.1:{port}"
    with programs.running(program, "-config", config, "-listen", listen):
        yield lambda: http.client.HTTPConnection(listen)


@contextlib.contextmanager
def eai(made: tuple[ServedModel, ...], folder: Path) -> Iterator[programs.Connect]:
    """Run eai over the models."""
    folder.mkdir()
    proxies = Proxies(folder)
    proxy = proxies.start(environment(*made, memory="150MiB"))
    proxy.until_ready()
    yield lambda: http.client.HTTPConnection(proxy.url.removeprefix("http://"))
    proxy.end()
    proxies.close()


def switch(connect: programs.Connect, name: str) -> float:
    """Seconds to the first token of a model while the other is loaded."""
    answer = first_token(connect, name)
    took = next(answer)
    next(answer)
    return took


def alternating(made: tuple[ServedModel, ...], ask: Callable[[ServedModel], float]) -> Callable[[], float]:
    """Ask for the second model and the first, in turns."""
    models = itertools.cycle(reversed(made))
    return lambda: ask(next(models))


def forget(model: ServedModel) -> None:
    """Have the kernel forget a model's files."""
    for file in model.files:
        descriptor = os.open(file, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def behind_a_stream(connect: programs.Connect, busy: str, model: ServedModel, *, tokens: int) -> float:
    """Seconds from the end of a stream to the first token of the next model, whose files are cold."""
    forget(model)
    stream = first_token(connect, busy, tokens=tokens)
    next(stream)
    ended: list[float] = []
    reading = threading.Thread(target=lambda: (next(stream), ended.append(time.perf_counter())))
    reading.start()
    switch(connect, model.name)
    now = time.perf_counter()
    reading.join()
    return now - ended[0]


def cold(made: tuple[ServedModel, ...], folder: Path, rounds: int) -> tuple[float, float]:
    """Medians of cold switches behind a stream: with files read ahead, and without."""
    without = tuple(dataclasses.replace(model, files=()) for model in made)
    medians = []
    # One after the other: the kernel forgets no file that an engine has mapped.
    for kind, served_ in (("ahead", made), ("not", without)):
        times = []
        with eai(served_, folder / kind) as connect:
            switch(connect, "b")
            for number in range(rounds):
                model, busy = made[number % 2], made[1 - number % 2].name
                times.append(behind_a_stream(connect, busy, model, tokens=TOKENS))
        medians.append(statistics.median(times))
    return medians[0], medians[1]


TOKENS = 150  # a stream of about a second


def main() -> int:
    """Alternate, and print medians and ratios; 1 where an aim is missed."""
    parser = turns.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--size", type=int, default=300, help="MiB of each model")
    parser.add_argument(
        "--llama-swap", default=shutil.which("llama-swap") or str(Path.home() / "go/bin/llama-swap")
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eai") as name:
        folder = Path(name)
        made = models(folder, args.size)
        with contextlib.ExitStack() as stack:
            ours = stack.enter_context(eai(made, folder / "eai"))
            ways = {
                "own": alternating(made, lambda model: by_hand(model, folder)),
                "eai": alternating(made, lambda model: switch(ours, model.name)),
            }
            if Path(args.llama_swap).is_file():
                theirs = stack.enter_context(llama_swap(args.llama_swap, made, folder))
                switch(theirs, "a")
                ways["swap"] = alternating(made, lambda model: switch(theirs, model.name))
            medians = turns.medians(ways, args.rounds, warm=0)
        ahead, alone = cold(made, folder, max(4, args.rounds // 2))
    return report(medians, ahead, alone)


def report(medians: dict[str, float], ahead: float, alone: float) -> int:
    """Print it all; 1 where an aim is missed."""
    own, ours = medians["own"], medians["eai"]
    more = ours - own
    print(f"the engine's own cold start {own:.3f} s, eai {ours:.3f} s: {more * 1000:+.0f} ms (aim: 50)")
    missed = more > AIM_OWN
    if (swap := medians.get("swap")) is not None:
        print(
            f"llama-swap {swap * 1000:.0f} ms: eai takes {ours / swap:.2f}x of it (aim: at most {AIM_SWAP}x)"
        )
        missed |= ours / swap > AIM_SWAP
    print(
        f"cold files, from the end of a stream: {ahead * 1000:.0f} ms read ahead, {alone * 1000:.0f} ms not: "
        f"{ahead / alone:.2f}x"
    )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
