"""The forms that names, paths, URLs and CIDs take in a zoofile; each check answers what would be right."""

from __future__ import annotations

import re

from zoo.errors import Malformed
from zoo.zoofile.problem import quoted

NAME_LIMIT = 128

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._+-]{0,126}[A-Za-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_PAGE = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_REMOTE = re.compile(
    r"[0-9A-Fa-f:.]{2,45}/(?P<bits>[0-9]{1,3})"
    r"|(\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|[A-Za-z0-9][A-Za-z0-9._-]{0,252})(:(?P<port>[0-9]{1,5}))?"
)
_REPO = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}/[A-Za-z0-9_][A-Za-z0-9._-]{0,95}")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+-]{0,254}")
_URL = re.compile(r"https?://(?P<user>[^\s/?#]*@)?(?P<host>[^\s/?#@]+)(/[^\s#]*)?", re.IGNORECASE)
_CID = re.compile(r"(?=Qm|[bBkKz])[0-9A-Za-z]{46,250}")
_BUNDLED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_DRIVE = re.compile(r"[A-Za-z]:")


def name(text: str) -> str | None:
    """Check the name of a model or a toolchain."""
    if _NAME.fullmatch(text):
        return None
    return (
        f"use up to {NAME_LIMIT} letters, digits and `.`, `_`, `+`, `-`, with a letter or digit at both ends"
    )


def alias(text: str) -> str | None:
    """Check what else a model may be called: what a client may send, so blanks and slashes too."""
    if 0 < len(text) <= NAME_LIMIT and text.isprintable() and text == text.strip():
        return None
    return f"use 1 to {NAME_LIMIT} characters that print, with none of them blank at either end"


def host(text: str) -> str | None:
    """Check an address to listen on."""
    return None if _HOST.fullmatch(text) else 'write an address without scheme and port, such as "127.0.0.1"'


def called(text: str) -> str | None:
    """Check a name by which a server is called: the Host of a request, without its port."""
    if _HOST.fullmatch(text) and text == text.lower():
        return None
    return 'write a name or an address in small letters, without scheme and port, such as "zoo.lan"'


def origin(text: str) -> str | None:
    """Check the origin of a web page."""
    return None if _PAGE.fullmatch(text) else 'write it as browsers do, such as "https://app.example"'


def remote(text: str) -> str | None:
    """Check a host, with or without a port, or a network that images may be fetched from."""
    match = _REMOTE.fullmatch(text)
    if match is None:
        return 'write a host, such as "images.example" or "10.0.0.7:8000", or a network, such as "10.0.0.0/8"'
    if match["port"] and not 0 < int(match["port"]) < 2**16:
        return "a port is a number from 1 to 65535"
    if match["bits"]:
        return _network(text)
    return _network(match["six"]) if match["six"] else None


def _network(text: str) -> str | None:
    from ipaddress import ip_network  # noqa: PLC0415 - a zoofile seldom has one

    try:
        ip_network(text)
    except ValueError as error:
        return f"write it as a network is written: {error}"
    return None


def repository(text: str) -> str | None:
    """Check a repository of the Hugging Face Hub."""
    if _REPO.fullmatch(text) and ".." not in text and "--" not in text:
        return None
    owner, _, rest = text.partition("/")
    repo, _, file = rest.partition("/")
    if file and "://" not in text:
        return f"write hf = {quoted(f'{owner}/{repo}')} and file = {quoted(file)}"
    return 'write "OWNER/REPO", such as "Qwen/Qwen3-1.7B-GGUF"'


def revision(text: str) -> str | None:
    """Check a branch, a tag or a commit."""
    if _REVISION.fullmatch(text) and ".." not in text:
        return None
    return "write a branch, a tag or a commit of the repository"


def inside(text: str) -> str | None:
    """Check a path inside a repository or folder: it may not lead out of it."""
    return path(text) or ("leave out `..`" if ".." in text.split("/") else None)


def path(text: str) -> str | None:
    """Check a path relative to zoofile.toml, with `/` between folders; `..` is allowed."""
    if "\\" in text:
        return "write `/` between folders, on every system"
    if text.startswith(("/", "~")) or _DRIVE.match(text):
        return "write it relative to zoofile.toml, so that it holds on every machine"
    if not text.strip("./ ") or text.endswith("/"):
        return "write the path of a file"
    return None


def url(text: str) -> str | None:
    """Check the URL of a file."""
    match = _URL.fullmatch(text)
    if match is None:
        return "write an http or https URL without a `#` part; for a file on this machine use `path`"
    return "leave out the user and password: they would be shared with the lock" if match["user"] else None


def cid(text: str) -> str | None:
    """Check an IPFS CID, or a CID and a path in the folder that it names."""
    root, slash, rest = text.partition("/")
    if not _CID.fullmatch(root):
        return 'write a CID alone, such as "bafybei…", or a CID, `/` and the path of a file in it'
    from zoo.ipfs.cid import parse  # noqa: PLC0415 - most zoofiles have no CID

    try:
        parse(root)
    except Malformed as error:
        return error.message
    if rest.startswith("/"):
        return "write one `/` behind the CID"
    return inside(rest) if slash else None


def bundled(text: str) -> str | None:
    """Check the name of a model that comes with eai."""
    return None if _BUNDLED.fullmatch(text) else "write the name of a file that comes with eai"


def pattern(text: str) -> str | None:
    """Check what picks the files of a model out of a repository."""
    good = text.strip() == text and 0 < len(text) <= NAME_LIMIT and "\\" not in text and ".." not in text
    return None if good else 'write a part of the file names, such as "Q4_K_M"'


def version(text: str) -> str | None:
    """Check the version or the variant of a toolchain."""
    return None if _NAME.fullmatch(text) else 'write "latest" or a version, such as "b11549"'
