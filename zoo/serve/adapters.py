"""LoRA scales while the proxy runs: what the lock says, until somebody says otherwise.

A change is for this run alone: the lock stays as it is, and with it the environment. It outlives its
engine: whenever the model is loaded again, the scales are set before the first request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

import aiohttp

from zoo.environment.model import ServedModel
from zoo.errors import EngineError

_PATIENCE = 60.0  # an engine hears of it between two steps of what it computes
_OK = 200


class Adapters:
    """The scales of every model's adapters.

    Args:
        models: All of them; what the lock says is what they begin with.
    """

    def __init__(self, models: Iterable[ServedModel]) -> None:
        every = tuple(models)
        self._locked = {model.name: tuple(each.scale for each in model.lora_config) for model in every}
        self._draw = {model.name for model in every if model.image is not None}
        self._scales = dict(self._locked)
        self._engines: dict[str, Path] = {}
        self._turns = {name: asyncio.Lock() for name in self._locked}

    def scales(self, model: str) -> tuple[float, ...]:
        """The scale of each adapter of a model, in their order."""
        return self._scales[model]

    async def loaded(self, model: str, engine: Path) -> None:
        """Bring a new engine in line, before it has its first request.

        Args:
            model: Its name.
            engine: The socket that its engine listens on.

        Raises:
            EngineError: It does not take them.
        """
        if not self._locked[model] or model in self._draw:
            return  # to a model that draws, each request says them
        async with self._turns[model]:
            if self._scales[model] != self._locked[model]:
                try:
                    await _tell(model, engine, self._scales[model])
                except OSError as error:
                    raise _refused(model, "is gone") from error
            self._engines[model] = engine

    async def change(self, model: str, changes: Mapping[int, float]) -> None:
        """Change scales: of requests that come from now on, not of those under way.

        Args:
            model: Its name.
            changes: New scales, by the number of the adapter; the others stay.

        Raises:
            EngineError: The engine runs, and does not take them; then nothing has changed.
        """
        async with self._turns[model]:
            wanted = tuple(changes.get(number, scale) for number, scale in enumerate(self._scales[model]))
            if (engine := self._engines.get(model)) is not None:
                try:
                    await _tell(model, engine, wanted)
                except OSError:  # it is not loaded any more
                    del self._engines[model]
            self._scales[model] = wanted


async def _tell(model: str, engine: Path, scales: tuple[float, ...]) -> None:
    """Set all scales of an engine: one that is not told of it sets to 0.

    Raises:
        EngineError: It refuses.
        OSError: It is gone.
    """
    body = [{"id": number, "scale": scale} for number, scale in enumerate(scales)]
    timeout = aiohttp.ClientTimeout(total=_PATIENCE)
    connector = aiohttp.UnixConnector(str(engine), force_close=True)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.post("http://engine/lora-adapters", json=body) as answer,
        ):
            if answer.status != _OK:
                raise _refused(model, f"gave status {answer.status}")
    except TimeoutError as error:
        raise _refused(model, f"did not answer within {_PATIENCE:.0f} s") from error
    except aiohttp.ServerDisconnectedError as error:
        raise ConnectionResetError from error


def _refused(model: str, why: str) -> EngineError:
    return EngineError(
        f"the engine of {model} did not take the scales of its adapters: it {why}",
        hint=f"`eai logs {model}` shows what it said",
    )
