"""The endpoints that engines answer: which path is for which task."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.zoofile.model import Task


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint; all of them take POST, and JSON.

    Attributes:
        path: As clients and engines call it.
        task: What a model must be for; None where any will do.
        echoes: Whether engines answer with the request's `model`, and not with the model's own name.
    """

    path: str
    task: Task | None
    echoes: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """The path, and the same without `/v1`."""
        return (self.path, self.path.removeprefix("/v1")) if self.path.startswith("/v1/") else (self.path,)


ENDPOINTS = (
    Endpoint("/v1/chat/completions", "chat"),
    Endpoint("/v1/completions", "chat"),
    Endpoint("/v1/responses", "chat"),
    Endpoint("/v1/messages", "chat"),
    Endpoint("/v1/messages/count_tokens", "chat"),
    Endpoint("/v1/embeddings", "embed", echoes=True),
    Endpoint("/v1/rerank", "rerank", echoes=True),
    Endpoint("/tokenize", None),
    Endpoint("/detokenize", None),
)
