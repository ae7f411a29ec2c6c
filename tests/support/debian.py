"""A bare Debian in a folder, made by debootstrap once on a machine: a new one for whoever asks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.native import HOME

SUITE = "bookworm"
_WHAT_MAKES_A_CONNECTION = (
    "etc/resolv.conf",
    "etc/hosts",
    "etc/pip.conf",
    "etc/ssl/certs/ca-certificates.crt",
    "usr/local/share/ca-certificates",
    "etc/apt/sources.list",
    "etc/apt/sources.list.d",
    "etc/apt/apt.conf.d",
    "usr/share/keyrings",
)
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, slots=True)
class Root:
    """The root of a Debian."""

    path: Path

    def run(self, *words: str, user: str = "root", **env: str) -> subprocess.CompletedProcess[str]:
        """Run a program in it, with an environment of its own."""
        return subprocess.run(
            ("chroot", f"--userspec={user}", str(self.path), *words),
            env={
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": "/root" if user == "root" else "/tmp",
                "LANG": "C.UTF-8",
                "PIP_CERT": _CERTIFICATES,
                "SSL_CERT_FILE": _CERTIFICATES,
                **env,
            },
            cwd="/",
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    def copy_repository(self, source: Path) -> None:
        """Put what git knows of a repository into `/eai`."""
        listed = subprocess.run(
            ("git", "ls-files", "-co", "--exclude-standard", "-z"),
            cwd=source,
            capture_output=True,
            check=True,
        )
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (source / name).is_file():
                target = self.path / "eai" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source / name, target)


@contextmanager
def unpacked(folder: Path) -> Iterator[Root]:
    """A new one in a folder, with this machine's connection to package indexes, gone with the block."""
    tarball = _tarball()
    folder.mkdir()
    subprocess.run(("tar", "--extract", "--file", str(tarball), "--directory", str(folder)), check=True)
    root = Root(folder)
    (folder / "etc" / "apt" / "sources.list").unlink()
    for name in _WHAT_MAKES_A_CONNECTION:
        _copied(Path("/") / name, folder / name)
    mounts = [folder / name for name in ("proc", "dev")]
    try:
        subprocess.run(("mount", "-t", "proc", "proc", str(mounts[0])), check=True)
        subprocess.run(("mount", "--bind", "/dev", str(mounts[1])), check=True)
        yield root
    finally:
        for mount in reversed(mounts):
            subprocess.run(("umount", "--lazy", str(mount)), check=False, capture_output=True)
        if not any(os.path.ismount(mount) for mount in mounts):
            shutil.rmtree(folder, ignore_errors=True)


def _copied(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _tarball() -> Path:
    """The bare system, made once; else skip the test, or fail it where nothing may be skipped."""
    tarball = HOME / f"debian-{SUITE}.tar"
    if tarball.is_file():
        return tarball
    if os.getuid() != 0 or shutil.which("debootstrap") is None:
        what = "no bare Debian: this needs root, and debootstrap"
        if os.environ.get("CI"):
            pytest.fail(what)
        pytest.skip(what)
    tarball.parent.mkdir(parents=True, exist_ok=True)
    made, packed = tarball.with_name(f"debian-{os.getpid()}"), tarball.with_name(f"debian-{os.getpid()}.tar")
    subprocess.run(("debootstrap", "--variant=minbase", SUITE, str(made)), check=True, capture_output=True)
    subprocess.run(("tar", "--create", "--file", str(packed), "--directory", str(made), "."), check=True)
    packed.replace(tarball)
    shutil.rmtree(made, ignore_errors=True)
    return tarball
