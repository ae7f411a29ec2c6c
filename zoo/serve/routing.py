"""Which model answers a request: pure, from what the request says and which models there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from zoo.environment.model import ServedModel
from zoo.zoofile.model import Task


@dataclass(frozen=True, slots=True)
class Route:
    """The model that answers.

    Attributes:
        model: That model.
        fallback: Why it is not the one that was asked for; None where it is.
    """

    model: ServedModel
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class NoRoute:
    """Nothing here can answer.

    Attributes:
        code: As OpenAI's `error.code`.
        message: For the one who asked.
    """

    code: Literal["model_not_found", "no_model_for_task"]
    message: str


@dataclass(frozen=True, slots=True)
class Router:
    """Finds models by what a request may call them.

    Args:
        models: In the order of the zoofile; one of them is the main model.
        unknown: What a name that nothing here has leads to: the main model, or an error.
    """

    models: Sequence[ServedModel]
    unknown: Literal["main", "error"] = "main"
    _names: dict[str, ServedModel] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Names come before aliases, and earlier models before later ones."""
        for model in self.models:
            self._names.setdefault(model.name, model)
        for model in self.models:
            for alias in (model.digest, *model.aliases):
                self._names.setdefault(alias, model)
                self._names.setdefault(alias.removeprefix("sha256:"), model)

    @property
    def main(self) -> ServedModel | None:
        """The main model: the one marked so, else the first."""
        return next((model for model in self.models if model.main), next(iter(self.models), None))

    def find(self, name: str) -> ServedModel | None:
        """The model of this name, CID, digest (with or without `sha256:`, in any case) or file name."""
        return self._names.get(name) or self._names.get(name.lower())

    def route(self, name: str | None, task: Task | None) -> Route | NoRoute:
        """Choose the model for a request.

        Args:
            name: The request's `model`; None or empty where it has none.
            task: What the endpoint is for; None where any model will do.
        """
        asked = self.find(name) if name else None
        if name and asked is None and self.unknown == "error":
            return NoRoute("model_not_found", f"the model {shown(name)} is not here; {self._here()}")
        model = asked or self.main
        if model is not None and task in (None, model.task):
            return Route(model, None if asked or not name else f"{shown(name)} is not here")
        fitting = next((model for model in self.models if model.task == task), None)
        if fitting is None:
            return NoRoute("no_model_for_task", f"no model here has the task {task}; {self._here()}")
        return Route(fitting, self._why(name, asked, task))

    @staticmethod
    def _why(name: str | None, asked: ServedModel | None, task: Task | None) -> str | None:
        if not name:
            return None
        return f"{shown(name)} is for {asked.task}, not {task}" if asked else f"{shown(name)} is not here"

    def _here(self) -> str:
        return "here are " + ", ".join(f"{model.name} ({model.task})" for model in self.models)


def shown(name: str) -> str:
    """A name from outside, cut and escaped so that a header or a log line can hold it."""
    text = name.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)[:100]
