"""How a person spells, in one word, where a model comes from: `hf:…`, `ipfs:…`, `bundled:…` or a URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from posixpath import basename

from zoo.errors import UsageError

_SUFFIX = re.compile(r"\.(gguf|bin|safetensors)$", re.IGNORECASE)
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_QUANT = re.compile(
    r"[-._](UD-)?(I?Q\d+(_[A-Z0-9]+)*|B?F(16|32)|FP(8|16|32)|MXFP4(_MOE)?|NVFP4)$", re.IGNORECASE
)
_REPO_SUFFIX = re.compile(r"[-_]GGUF$", re.IGNORECASE)
_OTHER = re.compile(r"[^a-z0-9._+-]+")
_HUB_PAGE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/(?:blob|resolve|raw)/(?P<revision>[^/]+)/(?P<file>.+)")


@dataclass(frozen=True, slots=True)
class Spelled:
    """What a word says.

    Attributes:
        origin: The keys of the zoofile that say the same.
        name: What a model from there may be called; empty where nothing tells.
    """

    origin: dict[str, str]
    name: str


def spelled(word: str, *, hub: str) -> Spelled | None:
    """Read a word with a scheme; None for one without, which is a name or a path.

    Args:
        word: As it was typed.
        hub: The address of the Hugging Face Hub; the page of a file there stands for the file.

    Raises:
        UsageError: The scheme is none that a model can come from.
    """
    scheme, colon, rest = word.partition(":")
    if not colon or len(scheme) == 1:  # one letter is a drive
        return None
    match scheme.lower():
        case "http" | "https":
            return _hub_file(word, hub) or Spelled({"url": word}, name_of(word.partition("?")[0]))
        case "hf":
            return _hub(rest.lstrip("/"))
        case "ipfs":
            rest = rest.lstrip("/")
            return Spelled({"ipfs": rest}, name_of(rest) if "/" in rest else "")
        case "bundled":
            return Spelled({"bundled": rest}, name_of(rest))
        case _:
            raise UsageError(
                f"`{scheme}:` is no place that a model can come from",
                hint="write hf:OWNER/REPO/FILE, ipfs:CID, bundled:FILE, an http or https URL, or a path",
            )


def name_of(file: str) -> str:
    """Derive a model's name from its file: without folders, quantisation, part and ending, in lower case."""
    stem = _SHARD.sub("", _SUFFIX.sub("", basename(file.rstrip("/"))))
    return _clean(_QUANT.sub("", stem))


def whole_name_of(file: str) -> str:
    """Derive a name as `name_of` does, but with the quantisation, so that two files have two names."""
    return _clean(_SHARD.sub("", _SUFFIX.sub("", basename(file.rstrip("/")))))


def _hub(rest: str) -> Spelled:
    owner, _, more = rest.partition("/")
    repo, _, file = more.partition("/")
    origin = {"hf": f"{owner}/{repo}"} | ({"file": file} if file else {})
    return Spelled(origin, name_of(file) if file else _clean(_REPO_SUFFIX.sub("", repo)))


def _hub_file(url: str, hub: str) -> Spelled | None:
    """The file whose page, or whose download, a URL of the Hub is."""
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - only for URLs

    asked, home = urlsplit(url), urlsplit(hub)
    path = asked.path.removeprefix(home.path.rstrip("/"))
    match = _HUB_PAGE.fullmatch(path) if asked.netloc == home.netloc else None
    if match is None:
        return None
    revision, file = unquote(match["revision"]), unquote(match["file"])
    origin = {"hf": unquote(match["repo"]), "file": file}
    return Spelled(origin | ({} if revision == "main" else {"revision": revision}), name_of(file))


def _clean(text: str) -> str:
    return _OTHER.sub("-", text.lower()).strip("-._+")[:128].rstrip("-._+")
