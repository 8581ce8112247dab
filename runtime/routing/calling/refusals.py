"""A function that refuses by Litestar's `HTTPException`: its status and detail, and nothing else of it."""

from collections.abc import Callable
from http import HTTPStatus
from typing import NoReturn

from litestar.exceptions import HTTPException

from shared import errors
from shared.errors import AnnexError

_NOUNS: dict[int, Callable[[], AnnexError]] = {
    400: errors.Invalid,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    408: errors.RequestTimeout,
    409: errors.Conflict,
    413: errors.TooLarge,
    414: errors.UriTooLong,
    415: errors.UnsupportedMediaType,
    429: errors.RateLimited,
    431: errors.HeadersTooLarge,
    503: errors.Unavailable,
    504: errors.DeadlineExceeded,
}


def refusal_of(error: HTTPException) -> AnnexError | None:
    """Return what is raised in place of `error`; None where it is no refusal but a bug, such as a 500."""
    status, detail = error.status_code, error.detail
    if status == 500 and detail.isdecimal():  # `HTTPException(404, "…")`, as FastAPI has it
        status, detail = int(detail), str(error.args[1]) if len(error.args) > 1 else ""
    if status not in HTTPStatus or status < 400 or status == 500:
        return None
    phrase = HTTPStatus(status).phrase
    if status == 405:
        noun: AnnexError = errors.MethodNotAllowed(())
        noun.detail = phrase
    else:
        noun = _NOUNS[status]() if status in _NOUNS else errors.Refused(status, phrase)
    if detail and detail != phrase:
        noun.detail = detail
    return noun


def raise_refusal(error: HTTPException) -> NoReturn:
    """Raise what stands for `error`, or itself where it is a bug."""
    refusal = refusal_of(error)
    if refusal is None:
        raise error
    raise refusal from error
