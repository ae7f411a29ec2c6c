"""Says what the Hugging Face Hub's client ran into, in eai's own errors, each with what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from zoo.errors import AccessDenied, EaiError, Interrupted, NotThere, Offline, SourceError

if TYPE_CHECKING:
    import httpx2

_MALFORMED = (KeyError, TypeError, ValueError, AttributeError)
"""What the client raises where it does not expect an answer to be so."""
_MODEL = re.compile(r"/api/models/(?P<repo>[^/?]+/[^/?]+)(?=[/?]|$)")


class Moved(Exception):
    """The Hub answered with a redirect, which is not followed: it would take the token along.

    Args:
        url: Where it leads to.
    """


def not_moved(response: httpx2.Response) -> None:
    """Look at each answer of the Hub for a redirect.

    Raises:
        Moved: It is one.
    """
    if response.is_redirect:
        raise Moved(response.headers["location"])


def renamed(repo: str, new: str) -> NotThere:
    """Make the error for a repository that has another name by now."""
    new = ascii(new[:200])[1:-1]
    return NotThere(f"the repository {repo} is now called {new}", hint=f'write hf = "{new}"')


def gated(repo: str, endpoint: str, *, token: bool) -> AccessDenied:
    """Make the error for a repository whose terms have to be accepted first."""
    then = "the token in HF_TOKEN must be of that account" if token else "then set HF_TOKEN"
    return AccessDenied(
        f"{repo} is gated: only those who accepted its terms may download it",
        hint=f"accept the terms at {endpoint}/{repo}, {then} (or run `hf auth login`)",
    )


def no_repo(repo: str, endpoint: str, *, token: bool) -> SourceError:
    """Make the error for a repository that is not there, or not for this token."""
    if token:
        return NotThere(
            f"{endpoint} has no repository {repo}, or this token may not see it",
            hint="check the name; for a private repository, HF_TOKEN must be a token that may read it",
        )
    return AccessDenied(
        f"{endpoint} has no repository {repo}, or it is private and no token is set",
        hint="check the name; for a private repository, set HF_TOKEN or run `hf auth login`",
    )


def no_revision(repo: str, revision: str) -> NotThere:
    """Make the error for a branch, tag or commit that is not there."""
    return NotThere(
        f"{repo} has no revision {revision!r}",
        hint="set `revision` to a branch, a tag, or a whole commit of 40 digits, or leave it out for main",
    )


def bad_token(endpoint: str) -> AccessDenied:
    """Make the error for a token that is none."""
    return AccessDenied(
        f"{endpoint} does not know the token that it was given",
        hint="set HF_TOKEN to a valid token, or unset it for public models",
    )


def too_many(endpoint: str, retry_after: str | None) -> Interrupted:
    """Make the error for a limit on requests."""
    when = f"in {retry_after} seconds" if retry_after and retry_after.isdigit() else "in a few minutes"
    return Interrupted(
        f"{endpoint} has had too many requests from here",
        hint=f"try again {when}; with a token in HF_TOKEN the limit is higher",
    )


def no_name(repo: str) -> NotThere:
    """Make the error for what cannot be a repository's name."""
    return NotThere(
        f"{repo!a} is no name that a repository can have",
        hint="write OWNER/NAME, as in the address of the model's page",
    )


def silent(endpoint: str) -> Interrupted:
    """Make the error for a server that does not answer."""
    return Interrupted(f"{endpoint} did not answer in time", hint="try again")


def unreachable(endpoint: str, error: Exception) -> SourceError:
    """Make the error for a server that no connection can be made to."""
    said = f"{type(error).__name__}: {error}"[:200]
    return SourceError(
        f"{endpoint} cannot be reached: {said}", hint="check the network, and HF_ENDPOINT if you set it"
    )


def malformed(repo: str, endpoint: str, error: Exception) -> SourceError:
    """Make the error for an answer that no Hub would give."""
    return SourceError(
        f"{endpoint} answered about {repo} what no Hub answers ({type(error).__name__})",
        hint="check HF_ENDPOINT, if you set it",
    )


@contextmanager
def told(repo: str, revision: str, endpoint: str, *, token: bool) -> Iterator[None]:
    """Turn what the client raises into an error that says what is wrong with this repository.

    Raises:
        SourceError: In one of its forms.
        Offline: HF_HUB_OFFLINE is set.
    """
    import httpx2  # noqa: PLC0415 - heavy, and only needed where the Hub is asked
    from huggingface_hub import constants, errors  # noqa: PLC0415 - as above

    if constants.is_offline_mode():
        raise Offline(
            f"{repo} cannot be looked up: HF_HUB_OFFLINE is set",
            hint="unset HF_HUB_OFFLINE to let eai ask the Hub",
        )
    # The first kind that fits counts, so those that derive from others stand before them.
    makers: tuple[tuple[type[Exception], Callable[[Exception], EaiError]], ...] = (
        (Moved, lambda error: _moved(str(error), repo, endpoint)),
        (errors.GatedRepoError, lambda _: gated(repo, endpoint, token=token)),
        (errors.RepositoryNotFoundError, lambda _: no_repo(repo, endpoint, token=token)),
        (errors.RevisionNotFoundError, lambda _: no_revision(repo, revision)),
        (errors.HfHubHTTPError, lambda error: _by_status(error, repo, endpoint)),
        (errors.HFValidationError, lambda _: no_name(repo)),
        (httpx2.TimeoutException, lambda _: silent(endpoint)),
        (httpx2.HTTPError, lambda error: unreachable(endpoint, error)),
        *((kind, lambda error: malformed(repo, endpoint, error)) for kind in _MALFORMED),
    )
    try:
        yield
    except tuple(kind for kind, _ in makers) as error:
        raise next(make(error) for kind, make in makers if isinstance(error, kind)) from error


def _moved(url: str, repo: str, endpoint: str) -> SourceError:
    match = _MODEL.search(url)
    if match is not None and match["repo"] != repo:
        return renamed(repo, match["repo"])
    return SourceError(
        f"{endpoint} sends us on to {ascii(url[:200])[1:-1]}",
        hint="set HF_ENDPOINT to the server that answers itself",
    )


def _by_status(error: Exception, repo: str, endpoint: str) -> SourceError:
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", 0)
    headers = getattr(response, "headers", {})
    said = headers.get("x-error-message") or ""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return too_many(endpoint, headers.get("retry-after"))
    if status == HTTPStatus.UNAUTHORIZED:
        return bad_token(endpoint)
    if status == HTTPStatus.FORBIDDEN:
        return AccessDenied(
            f"{endpoint} forbids access to {repo}{_quoted(said)}",
            hint="the token in HF_TOKEN must have the right to read this repository",
        )
    if status == HTTPStatus.NOT_FOUND:
        return NotThere(f"{endpoint} has no repository {repo}", hint="check the name, and HF_ENDPOINT")
    kind = Interrupted if status >= HTTPStatus.INTERNAL_SERVER_ERROR else SourceError
    return kind(f"{endpoint} answered {status} about {repo}{_quoted(said)}", hint="try again later")


def _quoted(said: str) -> str:
    return f": {ascii(said[:200])[1:-1]}" if said else ""
