"""Does one thing for many names side by side, so that order and errors do not depend on who is first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from zoo.errors import EaiError

WORKERS = 8

T = TypeVar("T")


def for_each(names: Iterable[str], do: Callable[[str], T]) -> dict[str, T]:
    """Return what `do` gives for each name, in the order of the names.

    Raises:
        EaiError: What one of them raised, with its name before the message; what several of them
            raised as one error of the first one's kind.
    """
    pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="resolve")
    try:
        futures = {name: pool.submit(do, name) for name in names}
        errors = {name: error for name, future in futures.items() if (error := _error(future)) is not None}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    if errors:
        raise joined(errors)
    return {name: future.result() for name, future in futures.items()}


def in_turn(names: Iterable[str], do: Callable[[str], T]) -> dict[str, T]:
    """Return what `do` gives for each name, one after the other; the first error ends it.

    Raises:
        EaiError: What one of them raised, with its name before the message.
    """
    done = {}
    for name in names:
        try:
            done[name] = do(name)
        except EaiError as error:
            raise joined({name: error}) from error
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


def _error(future: Future[T]) -> EaiError | None:
    """Wait for a future; what is no error of ours is a bug and comes through."""
    try:
        future.result()
    except EaiError as error:
        return error
    return None
