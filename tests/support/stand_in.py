"""A stand-in for another machine: copies of the scripts, and programs that say what its own would."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
_USUAL = (
    "bash",
    "sh",
    "cat",
    "tr",
    "grep",
    "head",
    "awk",
    "sed",
    "dirname",
    "basename",
    "id",
    "mktemp",
    "rm",
    "cut",
)


@dataclass
class Machine:
    """A folder with copies of the scripts, and programs that say what another machine's would."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def has(self, program: str, body: str = "exit 0") -> None:
        """Put a program on its path, as a shell script."""
        path = self.folder / "bin" / program
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def run(self, script: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a script to its end, with nothing on the path but what it has and the usual small tools."""
        return subprocess.run(
            ("bash", str(self.folder / "scripts" / script), *words),
            env={"PATH": f"{self.folder / 'bin'}", "HOME": str(self.folder), **self.env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def machine(folder: Path) -> Machine:
    """Make one in a folder."""
    (folder / "bin").mkdir()
    shutil.copytree(SCRIPTS, folder / "scripts")
    for tool in _USUAL:
        (folder / "bin" / tool).symlink_to(shutil.which(tool) or f"/usr/bin/{tool}")
    return Machine(folder)
