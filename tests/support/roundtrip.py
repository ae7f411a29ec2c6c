"""A model goes from a gateway into a lock, and from the lock into a store, as a person has it done."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from support.engine import native_server

from zoo.lock import toml
from zoo.lock.model import Lock
from zoo.store import Store

TOOLS = '[toolchain.llama-cpp]\nfrom = { path = "llama-server" }\n'

Eai = Callable[..., subprocess.CompletedProcess[str]]


def there_and_back(eai: Eai, work: Path, origin: str, gateway: str) -> tuple[Lock, Store]:
    """Lock a model of this origin, and fetch it into another store."""
    native_server(work / "llama-server", work)
    (work / "zoofile.toml").write_text(f'{TOOLS}[models.m]\nipfs = "{origin}"\n')
    (work / "config.toml").write_text(f"[ipfs]\ngateways = {json.dumps([gateway])}\n")
    env = {"EAI_CONFIG": str(work / "config.toml")}
    done = eai("lock", **env)
    assert done.returncode == 0, done.stderr
    assert eai("lock", "--check", **env).returncode == 0
    second = work.parent / "second"
    done = eai("fetch", **env, EAI_HOME=str(second))
    assert done.returncode == 0, done.stderr
    return toml.load(work / "zoo.lock"), Store(second / "store")
