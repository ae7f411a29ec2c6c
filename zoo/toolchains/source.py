"""The provider `source`: an engine's source code, pinned by digest, and how it is built where it is used."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename
from packaging.version import InvalidVersion, Version

from zoo.digest import Digest
from zoo.errors import EaiError, NotThere, SourceError
from zoo.lock.model import Artifact, Build, Recipe, Toolchain, ToolchainRequest
from zoo.platform import Platform
from zoo.sources import pypi
from zoo.sources.index import IndexFile, PackageIndex
from zoo.toolchains import known, tarball, variants
from zoo.zoofile.model import Own

LATEST = "latest"
_SUFFIX = ".tar.gz"
_NUMBER = re.compile(r"b?(?P<build>[1-9][0-9]{0,8})")


class SourceProvider:
    """Pins source code, out of a package index or a project's own; see `zoo.toolchains.base.Provider`.

    Args:
        index: Gives the index, when it is to be asked.
        base: The folder of zoofile.toml, which an archive's path starts from.
        data: Says how a toolchain is built.
    """

    def __init__(
        self,
        index: Callable[[], PackageIndex],
        base: Path,
        data: Callable[[str], known.Source] = known.source,
    ) -> None:
        self._index, self._base, self._data = functools.cache(index), base, data

    def lock(
        self, name: str, request: ToolchainRequest, platforms: Sequence[Platform] | None
    ) -> tuple[Toolchain, tuple[Artifact, ...]]:
        """Pin one archive for all platforms; see `Provider.lock`."""
        data = self._data(name)
        if isinstance(request.source, Own):
            version, folder, artifact = self._own(data, request)
        else:
            version, folder, artifact = self._indexed(data, request)
        builds = tuple(
            Build(
                platform=platform,
                variant=variant,
                program=data.program,
                digest=artifact.digest,
                recipe=recipe(data, folder, version, platform, variant),
            )
            for platform, kinds in _wanted(name, data, request, platforms).items()
            for variant in kinds
        )
        return Toolchain(name=name, request=request, version=version, builds=builds), (artifact,)

    def _indexed(self, data: known.Source, request: ToolchainRequest) -> tuple[str, str, Artifact]:
        """The newest source archive of the index that is what was asked for."""
        releases = {
            version: file
            for version, file in self._releases(data).items()
            if request.version in {LATEST, _named(data, version)}
        }
        if not releases:
            raise NotThere(
                f"the package index has no source archive of {data.project} for {request.version}"
                f" that eai can build; the oldest is {_named(data, Version(data.oldest))}",
                hint='`version = "latest"` takes the newest that it has',
            )
        version = max(releases)
        file = releases[version]
        if file.sha256 is None:
            raise SourceError(
                f"the package index does not say the sha256 of {file.filename}",
                hint="use an index that follows PEP 503 or PEP 691 with hashes",
            )
        artifact = Artifact(
            digest=Digest.of_hex(file.sha256),
            size=self._index().size(file),
            pypi=(pypi.uri(data.project, str(version), file.filename),),
        )
        return _named(data, version), f"{file.filename.removesuffix(_SUFFIX)}/{data.folder}", artifact

    def _releases(self, data: known.Source) -> dict[Version, IndexFile]:
        found: dict[Version, IndexFile] = {}
        for file in self._index().files(data.project):
            if file.yanked or not file.filename.endswith(_SUFFIX):
                continue
            try:
                project, version = parse_sdist_filename(file.filename)
            except (InvalidSdistFilename, InvalidVersion):
                continue
            ours = project == canonicalize_name(data.project) and re.fullmatch(data.version, str(version))
            if ours and version >= Version(data.oldest):
                found[version] = file
        return found

    def _own(self, data: known.Source, request: ToolchainRequest) -> tuple[str, str, Artifact]:
        """An archive of the project's own; its engine's number is what the zoofile says, or unknown."""
        declared = request.source.source if isinstance(request.source, Own) else None
        if declared is None:
            raise TypeError("the request is for another provider")
        path = self._base / PurePosixPath(declared)
        if not path.is_file():
            raise NotThere(
                f"there is no archive {declared} in {self._base}",
                hint=f"`source` of a toolchain is relative to zoofile.toml, and names a {_SUFFIX}",
            )
        with path.open("rb") as file:
            digest = Digest.of_hex(hashlib.file_digest(file, "sha256").hexdigest())
            size = file.tell()
        artifact = Artifact(digest=digest, size=size, path=(f"path:{declared}",))
        version = "unknown" if request.version == LATEST else request.version
        return version, _root(path, data, declared), artifact


def _named(data: known.Source, version: Version) -> str:
    """What a version of the project is called as one of the engine."""
    match = re.fullmatch(data.version, str(version))
    number = match.groupdict().get("build") if match else None
    return str(version) if number is None else f"b{number}"


def _root(path: Path, data: known.Source, declared: str) -> str:
    """The folder of an archive that holds the engine: the uppermost one with the file that marks it."""
    marker = tuple(data.marker.split("/"))
    found: list[tuple[str, ...]] = [
        member[: -len(marker)] for member in tarball.members(path) if member[-len(marker) :] == marker
    ]
    if not found:
        raise EaiError(
            f"{declared} holds no source code of {data.program}: no folder of it has {data.marker}",
            hint=f"take a source archive of the engine, or leave `source` out: {data.project} has some",
        )
    depth = min(len(folder) for folder in found)
    return "/".join(min(folder for folder in found if len(folder) == depth))


def _wanted(
    name: str, data: known.Source, request: ToolchainRequest, platforms: Sequence[Platform] | None
) -> dict[Platform, tuple[str, ...]]:
    """Which builds are asked for; where no platforms are named, those that can have none are left out."""
    if platforms is not None:
        return {platform: _variants(name, data, platform, request) for platform in sorted(set(platforms))}
    found: dict[Platform, tuple[str, ...]] = {}
    refused: EaiError | None = None
    for platform in sorted(data.platforms):
        try:
            found[platform] = _variants(name, data, platform, request)
        except EaiError as error:
            refused = error
    if refused is not None and not found:
        raise refused
    return found


def _variants(
    name: str, data: known.Source, platform: Platform, request: ToolchainRequest
) -> tuple[str, ...]:
    """Which kinds of build are asked for; `cpu` is whatever a platform has where it has no such kind.

    Of several, those that a platform can't have are left out, as long as one remains.
    """
    if platform not in data.platforms:
        raise EaiError(
            f"{name} cannot be built from source for {platform}",
            hint=f"it can for {', '.join(sorted(data.platforms))}: name those in `zoo.platforms`",
        )
    has = {"cpu"} | {variant for variant, kind in data.variants.items() if platform in kind.platforms}
    asked = variants.expanded(request.variants(platform))
    unknown = [variant for variant in asked if variant not in data.variants]
    if unknown or not has & set(asked):
        raise EaiError(
            f"there is no recipe for a build of {name} for {platform} with {' or '.join(unknown or asked)}",
            hint=f"there are some for {', '.join(sorted(has))}",
        )
    usual = data.platforms[platform].variant
    meant = (usual if variant == "cpu" else variant for variant in asked if variant in has)
    return tuple(dict.fromkeys(meant))


def recipe(data: known.Source, folder: str, version: str, platform: Platform, variant: str) -> Recipe:
    """How a build is made of the source code that is in a folder of an archive, and of this version."""
    match = _NUMBER.fullmatch(version)
    number = match["build"] if match else "0"
    flags = (*data.flags, *data.platforms[platform].flags, *data.variants[variant].flags)
    return Recipe(
        folder=folder, flags=tuple(flag.replace("{build}", number) for flag in flags), targets=data.targets
    )
