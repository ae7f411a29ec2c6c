"""Does one thing for many names side by side, so that order and errors do not depend on who is first."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

from zoo.errors import EaiError

WORKERS = 8

T = TypeVar("T")

Judge = Callable[[str, EaiError], EaiError | None]
"""Says what becomes of the error of a name: which one is raised, or None to go on without that name."""


@dataclass(frozen=True, slots=True)
class _Done(Generic[T]):
    name: str
    result: T


@dataclass(frozen=True, slots=True)
class _Failed:
    name: str
    error: BaseException


def as_it_is(_: str, error: EaiError) -> EaiError:
    """Raise every error."""
    return error


def for_each(names: Iterable[str], do: Callable[[str], T], judge: Judge = as_it_is) -> dict[str, T]:
    """Return what `do` gives for each name, in the order of the names.

    Errors are judged in that order too, on the thread that calls.

    The threads are daemons, and nobody waits for them when all is lost: an interrupted `eai lock` ends
    at once, whatever server it is waiting for.

    Raises:
        EaiError: What one of them raised, with its name before the message; what several of them
            raised as one error of the first one's kind.
    """
    order = list(names)
    waiting = deque(order)
    answers: SimpleQueue[_Done[T] | _Failed] = SimpleQueue()
    for _ in range(min(WORKERS, len(order))):
        threading.Thread(target=_work, args=(waiting, do, answers), name="eai-resolve", daemon=True).start()
    results: dict[str, T] = {}
    errors: dict[str, EaiError] = {}
    try:
        for _ in order:
            answer = answers.get()
            if isinstance(answer, _Done):
                results[answer.name] = answer.result
            elif isinstance(answer.error, EaiError):
                errors[answer.name] = answer.error
            else:
                raise answer.error  # a bug, which comes through
    finally:
        waiting.clear()
    judged = {name: judge(name, errors[name]) for name in order if name in errors}
    if left := {name: error for name, error in judged.items() if error is not None}:
        raise joined(left)
    return {name: results[name] for name in order if name in results}


def _work(waiting: deque[str], do: Callable[[str], T], answers: SimpleQueue[_Done[T] | _Failed]) -> None:
    while True:
        try:
            name = waiting.popleft()
        except IndexError:
            return
        try:
            answers.put(_Done(name, do(name)))
        except BaseException as error:  # noqa: BLE001 - raised again, in the thread that waits for it
            answers.put(_Failed(name, error))


def in_turn(names: Iterable[str], do: Callable[[str], T], judge: Judge = as_it_is) -> dict[str, T]:
    """Return what `do` gives for each name, one after the other; the first error that is left ends it.

    Raises:
        EaiError: What one of them raised, with its name before the message.
    """
    done = {}
    for name in names:
        try:
            done[name] = do(name)
        except EaiError as error:
            if (left := judge(name, error)) is not None:
                raise joined({name: left}) from error
    return done


def joined(errors: dict[str, EaiError]) -> EaiError:
    """Make one error of several, each told with its name."""
    first = next(iter(errors.values()))
    if len(errors) == 1:
        [(name, error)] = errors.items()
        return _named(error, f"{name}: {error.message}", error.hint)
    lines = [f"{len(errors)} models could not be locked"]
    for name, error in errors.items():
        lines.append(f"  {name}: {error.message}")
        if error.hint is not None:
            lines.append(f"    {error.hint}")
    return _named(first, "\n".join(lines), None)


def _named(error: EaiError, message: str, hint: str | None) -> EaiError:
    named = type(error)(message, hint=hint)
    named.__cause__ = error
    return named
