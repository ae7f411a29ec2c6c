"""What a zoofile that cannot be is refused with."""

from __future__ import annotations

import pytest

from zoo.errors import ZoofileError
from zoo.zoofile.read import parse


def is_refused(text: str, message: str, hint: str | None) -> None:
    """See that a zoofile is refused with an error that names the file and holds this message and hint."""
    with pytest.raises(ZoofileError) as caught:
        parse(text, name="my.toml")

    assert caught.value.message.startswith("my.toml")
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")
