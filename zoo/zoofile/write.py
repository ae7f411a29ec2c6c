"""Write a zoofile whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from stat import S_IMODE
from typing import Any

from zoo.errors import ZoofileError


def replace(path: Path, text: str) -> None:
    """Give a file new content at once: readers see the old or the new, never a part.

    A link is followed and stays one; the file's mode stays as it is.

    Raises:
        ZoofileError: It cannot be written.
    """
    target = path.resolve()
    try:
        mode = S_IMODE(target.stat().st_mode)
        descriptor, partial = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(text.encode())
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(partial, mode)  # noqa: PTH101 - beside os.unlink, on the name that mkstemp gave
            os.replace(partial, target)  # noqa: PTH105 - as above
        except BaseException:
            os.unlink(partial)  # noqa: PTH108 - as above
            raise
    except OSError as error:
        raise ZoofileError(f"cannot write {path}: {error.strerror}", hint="nothing was changed") from None


def written(head: str, tables: dict[str, Any]) -> str:
    """The text of a new zoofile.

    Args:
        head: Comments above all else.
        tables: What it says.
    """
    import tomlkit  # noqa: PLC0415 - slow to import, and seldom needed

    return head + tomlkit.dumps(tables)


def create(path: Path, text: str) -> bool:
    """Write a file where none is, and say whether that was so; what is there stays.

    Raises:
        ZoofileError: It cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8", newline="") as stream:
            stream.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        raise ZoofileError(f"cannot write {path}: {error.strerror}") from None
    return True
