"""What the benchmarks of the proxy compare it with: nginx, llama-swap, and the upstream without a proxy.

The upstream and what asks share one core, each proxy has another one. nginx is found on PATH, llama-swap
through EAI_BENCH_LLAMA_SWAP or on PATH; who is missing is skipped, and the program says so.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import programs
import psutil
from support.bench import a_model
from support.serving import Proxies, environment

from zoo.environment.model import EngineProgram, ServedModel

ELSE, MINE = "0", "1"  # cores: for upstream and load; for the proxy
PATIENCE = 60
CONFIG = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; default_type application/json;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    {http}
}}
"""
PROXY = """
upstream engine {{ server unix:{socket}; keepalive 64; keepalive_requests 1000000000; }}
server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
        proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection "";
        proxy_buffering off; client_max_body_size 32m; client_body_buffer_size 1m;
    }}
}}
"""
STATIC = """
server {{
    listen 127.0.0.1:{port} backlog=1024; listen unix:{socket} backlog=1024;
    location / {{ return 200 '{answer}'; }}
}}
"""
SWAP = """
healthCheckTimeout: 15
logLevel: error
models:
  main:
    cmd: sleep 1000000
    proxy: http://127.0.0.1:{port}
    checkEndpoint: none
    concurrencyLimit: 1000
"""


@dataclass(frozen=True)
class Upstream:
    """What answers: the same at a port and at a unix socket."""

    port: int
    socket: Path


@dataclass(frozen=True)
class Peer:
    """A running proxy.

    Attributes:
        process: The pid of the proxy; None for the upstream alone.
    """

    name: str
    port: int
    process: int | None

    def cpu(self) -> float:
        """Seconds of processor time that it has used."""
        return sum(psutil.Process(self.process).cpu_times()[:2]) if self.process else 0.0


@contextlib.contextmanager
def started(*command: str | Path, core: str, port: int, **more: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program on one core until the block ends, from when it listens."""
    with programs.running("taskset", "-c", core, *command, **more) as process:
        listening(port, process)
        yield process


def listening(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until something listens."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit(f"{process.args} did not start")


@contextlib.contextmanager
def static_upstream(folder: Path, answer: str) -> Iterator[Upstream]:
    """An nginx that answers everything with the same JSON."""
    if shutil.which("nginx") is None:
        raise SystemExit("no nginx, which is the upstream here: install it (Debian: nginx-light)")
    upstream = Upstream(programs.free_port(), folder / "up.sock")
    http = STATIC.format(port=upstream.port, socket=upstream.socket, answer=answer)
    with nginx_with(folder / "upstream", http, ELSE, upstream.port):
        yield upstream


@contextlib.contextmanager
def nginx_with(folder: Path, http: str, core: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """An nginx of one worker."""
    folder.mkdir()
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, http=http))
    with started("nginx", "-e", folder / "early.log", "-c", config, core=core, port=port) as process:
        yield process


@contextlib.contextmanager
def none(_: Path, upstream: Upstream) -> Iterator[Peer | str]:
    """No proxy."""
    yield Peer("none", upstream.port, None)


@contextlib.contextmanager
def nginx(folder: Path, upstream: Upstream) -> Iterator[Peer | str]:
    """Nginx as whoever wants speed sets it up: connections to the upstream are kept."""
    if shutil.which("nginx") is None:
        yield "nginx is skipped: it is not installed"
        return
    port = programs.free_port()
    with nginx_with(folder / "nginx", PROXY.format(port=port, socket=upstream.socket), MINE, port) as process:
        yield Peer("nginx", port, process.pid)


@contextlib.contextmanager
def llama_swap(folder: Path, upstream: Upstream) -> Iterator[Peer | str]:
    """llama-swap, whose model is the upstream; it knows no unix sockets."""
    program = os.environ.get("EAI_BENCH_LLAMA_SWAP") or shutil.which("llama-swap")
    if program is None:
        yield "llama-swap is skipped: it is neither on PATH nor named by EAI_BENCH_LLAMA_SWAP"
        return
    config, port = folder / "swap.yaml", programs.free_port()
    config.write_text(SWAP.format(port=upstream.port))
    words = (program, "-config", config, "-listen", f"127.0.0.1:{port}")
    with started(*words, core=MINE, port=port, env={**os.environ, "GOMAXPROCS": "1"}) as process:
        yield Peer("llama-swap", port, process.pid)


def stand_in(name: str, upstream: Upstream, *, main: bool = False) -> ServedModel:
    """A model whose engine is the upstream: it is called by the name that eai gives it, until eai is gone."""
    code = (
        "import os, sys\n"
        "said = dict(zip(sys.argv[1::2], sys.argv[2::2]))\n"
        f"os.symlink({str(upstream.socket)!r}, said['--host'])\n"
        "os.write(int(said['--ready-fd']), b'ready\\n')\n"
        "os.read(int(said['--alive-fd']), 1)\n"
    )
    program = EngineProgram(program=(sys.executable, "-S", "-c", code), flags=(), env={}, cwd=Path("/"))
    return a_model(name, 2**20, main=main, engine=program)


@contextlib.contextmanager
def eai(folder: Path, upstream: Upstream) -> Iterator[Peer | str]:
    """eai, as `eai up` serves: three models known, the main one loaded."""
    models = (stand_in("main", upstream, main=True), stand_in("other", upstream), stand_in("third", upstream))
    with contextlib.closing(Proxies(folder)) as proxies:
        proxy = proxies.start(environment(*models))
        os.sched_setaffinity(proxy.process.pid, {int(MINE)})
        proxy.until_ready()
        if not proxy.url:
            raise SystemExit(f"eai did not start: {proxy.said}")
        yield Peer("eai", int(proxy.url.rpartition(":")[2]), proxy.process.pid)


Maker = Callable[[Path, Upstream], contextlib.AbstractContextManager[Peer | str]]
ALL: tuple[Maker, ...] = (none, nginx, llama_swap, eai)


@contextlib.contextmanager
def all_of(folder: Path, upstream: Upstream, makers: tuple[Maker, ...] = ALL) -> Iterator[list[Peer]]:
    """Every peer that is at hand; the others are named."""
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(maker(folder, upstream)) for maker in makers]
        for skipped in made:
            if isinstance(skipped, str):
                print(skipped)
        yield [peer for peer in made if isinstance(peer, Peer)]
