"""The form of a source: what each kind of URI in a lock must look like, so that it is safe to follow."""

from __future__ import annotations

import re

SOURCE_ARCHIVE = "source.tar.gz"
"""The name by which a lock means the archive that GitHub makes of a tag, and no file of its release."""
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_HF = re.compile(rf"hf://{_PART}/{_PART}@[0-9a-f]{{40}}/(?P<path>.+)", re.DOTALL)
_PYPI = re.compile(
    rf"pypi://{_PART}@[A-Za-z0-9][A-Za-z0-9._!+-]*/(?P<path>[A-Za-z0-9][A-Za-z0-9._!+-]*\.(whl|tar\.gz))"
)
_GITHUB = re.compile(rf"github://{_PART}/{_PART}@[A-Za-z0-9][A-Za-z0-9._+-]*/(?P<path>{_PART})")
_IPFS = re.compile(r"ipfs://b[a-z2-7]{20,200}(/(?P<path>.+))?", re.DOTALL)
_URL = re.compile(r"https?://(?P<host>[^/?#\s]+)([/?#][^\s\\]*)?", re.IGNORECASE)
_BUNDLED = re.compile(r"bundled:(?P<path>[A-Za-z0-9][A-Za-z0-9._-]*)")
_DRIVE = re.compile(r"[A-Za-z]:")

_FORMS = {"github": _GITHUB, "hf": _HF, "pypi": _PYPI, "ipfs": _IPFS, "url": _URL, "bundled": _BUNDLED}
_SAYS = {
    "github": "must be github://OWNER/REPO@TAG/FILE, a file of a release, or source.tar.gz",
    "hf": "must be hf://OWNER/REPO@COMMIT/PATH with a commit of 40 lower-case hex digits",
    "pypi": "must be pypi://PROJECT@VERSION/FILE.whl, or .tar.gz",
    "ipfs": "must be ipfs://CID, a version 1 CID in lower-case base32",
    "url": "must be http:// or https://, with no blanks",
    "bundled": "must be bundled:NAME, without folders",
    "path": "must be path: and a path relative to zoofile.toml, with / between its parts",
}


def fault(kind: str, uri: str) -> str | None:
    """Say what is wrong with a source of a kind; None if it is well formed."""
    if kind == "path":
        return None if is_relative(uri.removeprefix("path:")) and uri.startswith("path:") else _SAYS[kind]
    match = _FORMS[kind].fullmatch(uri)
    if match is None or not _is_visible(uri):
        return _SAYS[kind]
    parts = match.groupdict()
    if "@" in (parts.get("host") or ""):
        return "must hold no user name or password: a lock is for everyone"
    if (path := parts.get("path")) is not None and not is_clean(path):
        return "must end in a clean path: no `..`, no backslash, no empty part"
    return None


def is_clean(path: str) -> bool:
    """Whether a path is relative, stays below its folder, and means the same on every platform."""
    return is_relative(path) and ".." not in path.split("/")


def is_relative(path: str) -> bool:
    """Whether a path is relative and has no odd parts; it may begin with `../`."""
    if not _is_visible(path) or "\\" in path or _DRIVE.match(path):
        return False
    parts = path.split("/")
    while len(parts) > 1 and parts[0] == "..":
        del parts[0]
    return not {"", ".", ".."} & set(parts)


def _is_visible(text: str) -> bool:
    return bool(text) and not any(char < " " or char == "\x7f" for char in text)
