"""Serves in the background: starts another `eai up`, and waits for its word that all is ready."""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys

import msgspec

from zoo.cli.output import Output
from zoo.cli.project import Project, data_dir
from zoo.errors import EaiError
from zoo.serve.logfile import LogFile
from zoo.serve.rundir import run_dir

_TOLD = 12


class Word(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the background process says, once.

    Attributes:
        lines: What a person is told when all is ready; the first of them is data.
        error: Why it is not.
        hint: What to do about that.
        code: The exit code that goes with it.
    """

    lines: tuple[str, ...] = ()
    error: str | None = None
    hint: str | None = None
    code: int = 0


def give(pipe: int, word: Word) -> None:
    """Tell the process that started this one, if it is still there."""
    with contextlib.suppress(BrokenPipeError), os.fdopen(pipe, "wb") as file:
        file.write(msgspec.json.encode(word))


def detach(project: Project, args: argparse.Namespace, out: Output) -> int:
    """Start the background process and wait until it serves.

    Returns:
        0 when it does, else its exit code; why it does not has been said.
    """
    run = run_dir(data_dir(), project.folder)
    run.prepare()
    log = run.proxy_log
    log.turn_over()
    reading, writing = os.pipe()
    output = log.open()
    try:
        process = subprocess.Popen(
            _command(project, args, writing),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(writing,),
            start_new_session=True,
        )
    finally:
        os.close(output)
        os.close(writing)
    word = _listen(process, reading, log)
    if word.error is not None:
        out.error(EaiError(word.error, hint=word.hint))
        return word.code
    out.print(word.lines[0])
    stop = "eai down" if project.folder.parent != data_dir() / "model" else "eai model stop"
    for line in (*word.lines[1:], f"  stop it      {stop}"):
        out.say(line)
    return 0


def _listen(process: subprocess.Popen[bytes], pipe: int, log: LogFile) -> Word:
    try:
        with os.fdopen(pipe, "rb") as file:
            said = file.read()
    except KeyboardInterrupt:
        process.terminate()
        raise
    if said:
        return msgspec.json.decode(said, type=Word)
    lines = "\n".join(f"    {line}" for line in log.tail(_TOLD))
    return Word(error=f"the background process ended and did not say why; its log ends so:\n{lines}", code=1)


def _command(project: Project, args: argparse.Namespace, pipe: int) -> list[str]:
    """The same command in the foreground; all has been checked and fetched already."""
    command = [sys.executable, "-P", "-m", "zoo", "up", "--project", str(project.folder)]
    command += ["--frozen", "--report-fd", str(pipe)]
    command += ["--offline"] if args.offline else []
    if args.host is not None:
        command += ["--host", args.host]
    if args.port is not None:
        command += ["--port", str(args.port)]
    if args.variant is not None:
        command += ["--variant", args.variant]
    return command
