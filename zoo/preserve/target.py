"""What a place to preserve at must be able to do, and the round that is made of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from zoo.preserve.content import Content
from zoo.preserve.events import Progress


class Target(Protocol):
    """A place that keeps files under their CIDs."""

    @property
    def label(self) -> str:
        """What people know it by."""
        ...

    def ready(self, tell: Progress) -> None:
        """See, before anything is hashed or sent, that it is there and lets us in; tell what is waited for.

        Raises:
            EaiError: With what to do about it.
        """
        ...

    def keep(self, contents: Sequence[Content], tell: Progress) -> Iterator[Content]:
        """Send what it does not have, read back, and give each file once it is known to be kept.

        Raises:
            Interrupted: It broke off too often; running again goes on from there.
            IntegrityError: It gives other bytes, or names another CID.
            TargetError: It refuses.
        """
        ...


def keep(
    contents: Sequence[Content],
    targets: Sequence[Target],
    *,
    tell: Progress,
    kept: Callable[[Content], None],
) -> None:
    """Preserve files at every target.

    Args:
        contents: The files.
        targets: The places, one after the other.
        tell: Is told what happens.
        kept: Is called with each file that all targets keep, also when another one fails later.

    Raises:
        EaiError: As `Target.keep` does.
    """
    *others, last = targets
    for target in others:
        for _ in target.keep(contents, tell):
            pass
    for content in last.keep(contents, tell):
        kept(content)
