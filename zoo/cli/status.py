"""`eai status`: shows what is being served."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from zoo.cli.output import Output
from zoo.cli.project import Project, add_project_option, running
from zoo.cli.text import count
from zoo.errors import EaiError
from zoo.serve.units import spell, spell_seconds

if TYPE_CHECKING:
    from zoo.serve.state import RunState

_PATIENCE = 5.0
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = "Show what is being served for this project. Exits 0 if it is, and 1 if it is not."
    parser.epilog = "example:\n  eai status --json | jq .models"
    add_project_option(parser)
    parser.add_argument("--json", action="store_true", help="say it as JSON")


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 if the project is being served and 1 if not."""
    project = Project.of(args)
    seen = running(project.folder)
    if seen is None:
        if args.json:
            out.json({"running": False, "project": str(project.folder)})
        else:
            out.say(f"{project.folder} is not being served; `eai up` serves it")
        return 1
    status = {
        "running": True,
        "url": f"{seen.url}/v1",
        "project": seen.project,
        "overrides": seen.overrides,
        **_ask(seen),
    }
    if args.json:
        out.json(status)
    else:
        for line in lines(status):
            out.print(line)
    return 0


def _ask(seen: RunState) -> dict[str, Any]:
    """What the proxy itself says.

    Raises:
        EaiError: It does not answer.
    """
    from urllib.error import URLError  # noqa: PLC0415 - as above
    from urllib.request import ProxyHandler, Request, build_opener  # noqa: PLC0415 - as above

    direct = build_opener(ProxyHandler({}))
    try:
        asked = Request(f"{seen.url}/api/status", headers=seen.headers)  # noqa: S310 - http, our own
        with direct.open(asked, timeout=_PATIENCE) as answer:
            said: dict[str, Any] = json.load(answer)
    except (URLError, TimeoutError, ConnectionError, ValueError) as error:
        raise EaiError(
            f"process {seen.pid} serves {seen.project} at {seen.url}, but does not answer: {error}",
            hint="`eai logs` shows what it says; `eai down --force` ends it",
        ) from error
    return said


def lines(status: Mapping[str, Any]) -> Iterator[str]:
    """The status for people."""
    memory = status["memory"]
    overrides = ", ".join(f"{key} {value}" for key, value in status["overrides"].items())
    yield status["url"] + (f"  (not as zoofile.toml says: {overrides})" if overrides else "")
    yield f"  environment  {status['environment']}"
    if engines := status.get("engines"):  # an older eai that still runs does not say
        yield f"  engine       {'; '.join(engines)}"
    yield f"  running      {duration(status['uptime'])}, process {status['pid']}"
    shared = ", shared with the GPU" if memory["unified"] else ""
    yield f"  memory       {spell(memory['loaded'])} of {spell(memory['budget'])}{shared}"
    if memory["gpu"] and not memory["unified"]:
        yield f"  GPU memory   {spell(memory['gpu']['loaded'])} of {spell(memory['gpu']['budget'])}"
    names = [f"{model['name']}{'  (main)' if model['main'] else ''}" for model in status["models"]]
    width = max(map(len, names))
    for name, model in zip(names, status["models"], strict=True):
        yield f"  {name:<{width}}  {model['task']:<6}  {', '.join(_doing(model))}"
        for lora in model["lora"]:
            if lora["scale"] != lora["locked"]:
                yield f"    {lora['name']} at {lora['scale']:g}, not at {lora['locked']:g} as locked"
        if model["problem"]:
            yield f"    {model['problem'].splitlines()[0]}"


def _doing(model: Mapping[str, Any]) -> Iterator[str]:
    """What one model does, in words."""
    yield model["state"]
    used = model["used"]
    yield spell(model["memory"]) + (f" (takes {spell(sum(used.values()))})" if used else "")
    if model["streams"]:
        yield count(model["streams"], "stream")
    if model["waiting"]:
        yield f"{model['waiting']} waiting"
    if model.get("drawing"):
        yield _drawing(model["drawing"])
    if model["crashes"]:
        yield f"died {count(model['crashes'], 'time')}"
    if model["retry"]:
        yield f"not started again for {spell_seconds(model['retry'])}"


def _drawing(drawing: Mapping[str, Any]) -> str:
    """How far a picture is."""
    waiting = f", {drawing['waiting']} waiting" if drawing["waiting"] else ""
    return f"step {drawing['step']} of {drawing['steps']}{waiting}"


def duration(seconds: float) -> str:
    """The two largest units: `2 h 5 min`."""
    parts: list[str] = []
    rest = int(seconds)
    for unit, length in _UNITS:
        number, rest = divmod(rest, length)
        if number or (unit == "s" and not parts):
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2])
