"""Which files of an official release are the builds that were asked for, and which it has as source only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from zoo.errors import EaiError
from zoo.lock.model import ToolchainRequest
from zoo.platform import PLATFORMS, Platform
from zoo.sources.releases import Asset, Release
from zoo.toolchains import known, variants

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """What a release has for one platform and variant."""

    asset: known.Asset
    variant: str
    files: tuple[Asset, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One platform and variant that was asked for; without an asset, it is built of the source code."""

    platform: Platform
    variant: str
    asset: known.Asset | None

    def __str__(self) -> str:
        return f"{self.variant} build for {self.platform}"


def wanted_builds(
    name: str,
    data: known.Github,
    source: known.Source,
    request: ToolchainRequest,
    platforms: Sequence[Platform] | None,
) -> tuple[Wanted, ...]:
    """Say which builds a request means; of several variants, those that a platform can't have are left out.

    Raises:
        EaiError: No platform has such a variant, or a platform has none of those asked for.
    """
    found: list[Wanted] = []
    for platform in sorted(set(platforms or PLATFORMS)):
        asked = variants.expanded(request.variants(platform))
        for variant in asked:
            _require(name, data, source, variant)
        here = [each for variant in asked for each in _here(data, source, platform, variant)]
        if not here and platforms is not None:
            raise _none(name, data, platform, asked)
        found += here
    if not found:
        raise _none(name, data, None, request.variants(PLATFORMS[0]))
    return tuple(found)


def is_built(data: known.Github, source: known.Source, variant: str) -> bool:
    """Whether a variant is in no release, and there is a recipe that builds it on the machine."""
    return variant in source.variants and all(asset.variant != variant for asset in data.assets)


def _here(data: known.Github, source: known.Source, platform: Platform, variant: str) -> Iterator[Wanted]:
    if not is_built(data, source, variant):
        yield from _assets(data, platform, variant)
    elif platform in source.variants[variant].platforms:
        yield Wanted(platform, variant, None)


def _assets(data: known.Github, platform: Platform, variant: str) -> Iterator[Wanted]:
    here = [asset for asset in data.assets if asset.platform == platform]
    named = [asset for asset in here if _names(asset, variant)]
    if not named and variant == "cpu":
        # Apple's builds are for GPU and processor alike.
        named = [asset for asset in here if asset.variant == "metal"]
    yield from (Wanted(platform, variant, asset) for asset in named)


def _names(asset: known.Asset, variant: str) -> bool:
    number = variants.number(asset.variant, variant)
    return number == "" or (number is not None and "(?P<number>" in asset.file)


def _require(name: str, data: known.Github, source: known.Source, variant: str) -> None:
    if is_built(data, source, variant):
        if data.lacks is not None:
            raise EaiError(
                f"no release of {name} has a {variant} build, and none can be made of the source archive that"
                f" GitHub has: it lacks {data.lacks}",
                hint='`from = "source"` builds it on the machine',
            )
        return
    if variant != "cpu" and not any(_names(asset, variant) for asset in data.assets):
        every = {asset.variant for asset in data.assets}
        if data.lacks is None:
            every |= {variants.JETSON, *source.variants}
        raise EaiError(
            f"no release of {name} has a variant {variant}", hint=f"there are {', '.join(sorted(every))}"
        )


def _none(name: str, data: known.Github, platform: Platform | None, asked: Sequence[str]) -> EaiError:
    has = sorted({asset.variant for asset in data.assets if asset.platform == platform})
    where = sorted({asset.platform for asset in data.assets})
    hint = (
        f"there are {', '.join(has)} for it"
        if has
        else f'there are some for {", ".join(where)}; `from = "source"` builds one on the machine'
    )
    return EaiError(
        f"no release of {name} has a {' or '.join(asked)} build for {platform or 'any platform'}", hint=hint
    )


def number(data: known.Github, tag: str) -> int | None:
    """The number in a tag, which grows from release to release; None where it is no tag of builds."""
    match = re.fullmatch(data.tag, tag) if _SAFE.fullmatch(tag) else None
    return int(match["number"]) if match else None


def fault(data: known.Github, number: int) -> str | None:
    """Why a release does not work; None where nothing is known against it."""
    return next((bad.why for bad in data.bad if bad.first <= number <= bad.last), None)


def lacking(data: known.Github, release: Release, wanted: Sequence[Wanted]) -> tuple[Wanted, ...]:
    """Those of the builds that a release does not have, or not yet with all their files."""
    return tuple(each for each in wanted if each.asset is not None and picked(data, release, each) is None)


def picked(data: known.Github, release: Release, wanted: Wanted) -> Picked | None:
    """The build of a release that is meant: of a family, the newest that has all its files."""
    if wanted.asset is None:
        return None
    match = re.fullmatch(data.tag, release.tag_name)
    known_by = {"tag": release.tag_name, **(match.groupdict() if match else {})}
    there = {name: file for name, file in release.complete().items() if _SAFE.fullmatch(name)}
    asset = wanted.asset
    exact = variants.number(asset.variant, wanted.variant)
    found: dict[str, Picked] = {}
    for name, file in there.items():
        named = re.fullmatch(_filled(asset.file, known_by), name)
        if named is None:
            continue
        number = named.groupdict().get("number") or ""
        beside = _beside(asset, {**known_by, "number": number}, there)
        if beside is not None and exact in {None, "", number}:
            variant = f"{asset.variant}-{number}" if number else asset.variant
            found[number] = Picked(asset=asset, variant=variant, files=(file, *beside))
    return found[max(found, key=variants.newness)] if found else None


def _beside(
    asset: known.Asset, groups: Mapping[str, str], there: Mapping[str, Asset]
) -> tuple[Asset, ...] | None:
    """The files that belong with a build; None if one is not there."""
    files: list[Asset] = []
    for pattern in asset.beside:
        matching = sorted(name for name in there if re.fullmatch(_filled(pattern, groups), name))
        if not matching:
            return None
        files.append(there[matching[0]])
    return tuple(files)


def _filled(pattern: str, groups: Mapping[str, str]) -> str:
    """Put what is known into a pattern: a tag holds nothing that `re` would take for more than it is."""
    for name, value in groups.items():
        pattern = pattern.replace(f"{{{name}}}", re.escape(value))
    return pattern
