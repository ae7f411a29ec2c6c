"""`eai schema` prints what editors need."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

from zoo.zoofile.schema import DIALECT

Eai = Callable[..., subprocess.CompletedProcess[str]]


def test_the_schema_is_json_on_stdout(eai: Eai) -> None:
    done = eai("schema")

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["$schema"] == DIALECT
