"""Runs a server that listens on TCP only, and passes to it what comes in on a unix socket.

stable-diffusion.cpp's sd-server knows no unix sockets and no keys: whoever reaches its port may use it.
So it runs in a network of its own together with this relay, which the unix socket alone leads into, and
nobody else on the machine can reach it, nor can it reach anything. Where the kernel refuses such a
network (containers without user namespaces, macOS), it listens on a free port of 127.0.0.1, which other
users of the same machine could find.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from typing import NoReturn

from . import enclosure, sentinel

_HOST = "127.0.0.1"
_POLL = 0.005  # seconds between two looks whether it answers
_LOOK = 2.0  # seconds that one look may take
_PIECE = 1 << 16
_GRACE = 3.0  # seconds that the program gets to end
_ASK = b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def main(words: list[str]) -> NoReturn:
    """Run the program that the first word names, and serve until it ends or a signal comes.

    Exits 0 after a signal, 1 where the program ended by itself, 126 where it cannot be started.
    """
    pipes, rest = sentinel.take_pipes(words[1:])
    if "--host" not in rest[:-1]:
        sys.exit("error: the program needs `--host SOCKET`")
    at = rest.index("--host")
    path, rest = rest[at + 1], rest[:at] + rest[at + 2 :]
    sentinel.wait_for_go(pipes)
    sentinel.post(pipes)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    enclosure.enter(loopback=True)
    with _reserved() as reserved:
        port = reserved.getsockname()[1]
        where = ["--listen-ip", _HOST, "--listen-port", str(port)]
        argv = [words[0], *where, *rest]
        code = asyncio.run(_serve(argv, port, listening, pipes))
    sys.stderr.flush()
    os._exit(code)


def _reserved() -> socket.socket:
    """A free port, which nobody else is given while this is open, but the program may share.

    It is bound and never listens: so all that comes to the port comes to the program, which asks to
    share its port with anybody who asks the same.
    """
    held = socket.socket(socket.AF_INET)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind((_HOST, 0))
    return held


async def _serve(argv: list[str], port: int, listening: socket.socket, pipes: sentinel.Pipes) -> int:
    """Be the relay; the exit code."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    try:
        program = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, preexec_fn=enclosure.die_with_parent
        )
    except OSError as error:
        sys.stderr.write(f"error: cannot start {argv[0]}: {error.strerror}\n")
        return 126
    ended = asyncio.ensure_future(program.wait())
    told = asyncio.ensure_future(asked.wait())
    relaying = asyncio.ensure_future(_relay(port, listening, pipes))
    await asyncio.wait((ended, told, relaying), return_when=asyncio.FIRST_COMPLETED)
    if told.done():
        await _end(program, ended)
        return 0
    if relaying.done():
        relaying.result()  # which never ends but by an error
    sys.stderr.write(f"error: the engine ended with exit code {ended.result()}\n")
    return 1


async def _end(program: Process, ended: asyncio.Future[int]) -> None:
    """Have the program end; the signal may have come to it as well."""
    with contextlib.suppress(ProcessLookupError):  # it has ended already
        program.terminate()
    await asyncio.wait((ended,), timeout=_GRACE)
    with contextlib.suppress(ProcessLookupError):  # it did in time
        program.kill()
    await ended


async def _relay(port: int, listening: socket.socket, pipes: sentinel.Pipes) -> None:
    """Wait until the program answers, say so, and pass on every connection from then on."""
    await _loaded(port)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_pass(port, reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async with await asyncio.start_unix_server(connected, sock=listening) as server:
        sentinel.tell_ready(pipes)
        await server.serve_forever()


async def _loaded(port: int) -> None:
    """Ask until the program answers; it listens only once its model is loaded."""
    while True:
        if await _answers(port):
            return
        await asyncio.sleep(_POLL)


async def _answers(port: int) -> bool:
    """Whether GET /v1/models gives 200."""
    try:
        async with asyncio.timeout(_LOOK):
            reader, writer = await asyncio.open_connection(_HOST, port)
            try:
                writer.write(_ASK)
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split(b" ")[1:2] == [b"200"]


async def _pass(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on a connection, in both ways, until one side is gone."""
    # Who asked sees that the connection ends, which is all that can be said to them here.
    with contextlib.closing(writer), contextlib.suppress(OSError):
        there, back = await asyncio.open_connection(_HOST, port)
        with contextlib.closing(back):
            ways = [asyncio.ensure_future(_copy(reader, back)), asyncio.ensure_future(_copy(there, writer))]
            # The program's end of file ends it all; ours only says that the request is whole.
            await asyncio.wait(ways[1:])
            ways[0].cancel()
            await asyncio.gather(*ways, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # one side is gone, which ends the other as well
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()


if __name__ == "__main__":
    main(sys.argv[1:])
