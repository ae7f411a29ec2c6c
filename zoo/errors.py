"""Every failure that a person can do something about, as one tree.

EaiError                    1  it failed
├── UsageError              2  the command was wrong
├── ZoofileError            1  zoofile.toml says something impossible
├── EngineError             1  an engine did not start, or died
│   ├── EngineBusy          1  there is no room for it now
│   │   └── QueueFull       1  too many wait for it
│   ├── EngineDown          1  it failed, and is not started again yet
│   └── EngineTooLarge      1  it would need more memory than there may be
├── TargetError             1  a place to preserve at refuses what it was given, or did not keep it
├── LockError               3  zoo.lock is missing, stale, conflicted or unreadable
├── IntegrityError          4  bytes are not what their digest says
│   └── SizeMismatch        4  there are too many or too few of them
├── SourceError             5  one source could not give what was asked of it
│   ├── NotThere            5  it answered that it has no such thing
│   ├── AccessDenied        5  it wants other credentials
│   ├── Interrupted         5  the bytes stopped coming
│   ├── SourceChanged       5  it changed the file while we read
│   └── Malformed           5  what it gave has no valid form, or breaks a limit
├── SourcesExhausted        5  every source of an artifact failed
├── Offline                 5  a connection would have been needed
└── NoSpace                 6  the disk is full, or would be

Anything else that is raised is a bug and keeps its traceback.
"""

from __future__ import annotations

from typing import ClassVar


class EaiError(Exception):
    """An expected failure: what happened, and on a line of its own what to do about it.

    Args:
        message: What happened, to which file, model or URL. May hold several lines.
        hint: What the reader can do next; shown behind `hint:`.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(EaiError):
    """The command was wrong."""

    exit_code = 2


class ZoofileError(EaiError):
    """zoofile.toml says something that cannot be."""


class EngineError(EaiError):
    """An engine did not start, or died."""


class _Later(EngineError):
    """An engine cannot be had now; asking again may help.

    Args:
        message: What happened.
        hint: What the reader can do next.
        retry_after: Seconds after which asking again may help; None where nobody can say.
    """

    def __init__(self, message: str, *, hint: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class EngineBusy(_Later):
    """There is no room for an engine now."""


class QueueFull(EngineBusy):
    """Too many requests wait for an engine already."""


class EngineDown(_Later):
    """An engine failed, and is not started again yet."""


class EngineTooLarge(EngineError):
    """An engine would need more memory than all of them may take."""


class TargetError(EaiError):
    """A place to preserve at refuses what it was given, or did not keep it."""


class LockError(EaiError):
    """zoo.lock is missing, stale, conflicted, or cannot be read by this eai."""

    exit_code = 3


class IntegrityError(EaiError):
    """Bytes are not what their digest says."""

    exit_code = 4


class SizeMismatch(IntegrityError):
    """A complete answer has another length than the lock says."""


class SourceError(EaiError):
    """One source could not give what was asked of it; another may."""

    exit_code = 5


class NotThere(SourceError):
    """The source answered, and has no such thing."""


class AccessDenied(SourceError):
    """The source wants other credentials, or an agreement to its terms."""


class Interrupted(SourceError):
    """The bytes stopped coming before the end; asking again may help.

    Args:
        message: What happened.
        hint: What the reader can do next.
        retry_after: Seconds after which the source asks us to come back; None if it says nothing.
    """

    def __init__(self, message: str, *, hint: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class SourceChanged(SourceError):
    """The source changed the file while it was being read."""


class Malformed(SourceError):
    """What the source gave has no valid form, or breaks a limit that keeps us safe."""


class SourcesExhausted(EaiError):
    """Every source of an artifact failed; the message lists each attempt."""

    exit_code = 5


class Offline(EaiError):
    """A connection would have been needed, and none was allowed."""

    exit_code = 5


class NoSpace(EaiError):
    """The disk is full, or what is to come would not fit on it."""

    exit_code = 6


EXIT_INTERRUPTED = 130
