"""Completes the events of `/v1/responses`, where llama.cpp leaves out what OpenAI's client counts on.

Its events say neither their number nor which item and part of the answer they are about, and the first
ones name no model. Everything they do say stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

PATH = "/v1/responses"

_DATA = b"data: "
_IN_A_PART = ("response.content_part.", "response.output_text.", "response.reasoning_text.")


@dataclass(slots=True)
class Events:
    """The events of one answer, completed as their bytes come.

    Args:
        model: The name of the model that answers.
        created: When, in seconds since 1970.
    """

    model: str
    created: float
    _rest: bytes = b""
    _sent: int = 0
    _places: dict[str, int] = field(default_factory=dict)

    def feed(self, chunk: bytes) -> bytes:
        """Take the engine's next bytes; give all events that are whole now."""
        *whole, self._rest = (self._rest + chunk).split(b"\n\n")
        return b"".join(self._event(event) + b"\n\n" for event in whole)

    def _event(self, event: bytes) -> bytes:
        return b"\n".join(
            _DATA + self._completed(line.removeprefix(_DATA)) if line.startswith(_DATA) else line
            for line in event.split(b"\n")
        )

    def _completed(self, data: bytes) -> bytes:
        try:
            said: Any = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return data
        if not isinstance(said, dict) or not str(said.get("type", "")).startswith("response."):
            return data
        said["sequence_number"] = self._sent
        self._sent += 1
        self._place(said)
        if isinstance(response := said.get("response"), dict):
            known = {"created_at": int(self.created), "model": self.model, "output": []}
            said["response"] = known | response
        return msgspec.json.encode(said)

    def _place(self, said: dict[str, Any]) -> None:
        """Say which item of the answer, and which part of that, an event is about; an item has one part."""
        item = said.get("item")
        name = said.get("item_id") or (item.get("id") if isinstance(item, dict) else None)
        if name is None:
            return
        said.setdefault("output_index", self._places.setdefault(str(name), len(self._places)))
        if said["type"].startswith(_IN_A_PART):
            said.setdefault("content_index", 0)
        if said["type"].startswith("response.output_text."):
            said.setdefault("logprobs", [])
