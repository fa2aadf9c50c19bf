"""What a step may say: that two things are equal, and that a call is refused in a certain way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from monite.core.api_error import ApiError

T = TypeVar("T")


class Difference(Exception):
    """The sandbox answered something else than Monite would."""


def equal(what: str, actual: object, expected: object) -> None:
    if actual != expected:
        raise Difference(f"{what}: expected {expected!r}, got {actual!r}")


def true(what: str, holds: object) -> None:
    if not holds:
        raise Difference(what)


class Refused:
    """Filled when the block of `refused` has ended."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def message(self) -> str:
        return str(self.body["error"]["message"])

    @property
    def fields(self) -> list[list[Any]]:
        return [wrong["loc"] for wrong in self.body["detail"]]


@contextlib.contextmanager
def refused(what: str, kind: type[ApiError], status: int) -> Iterator[Refused]:
    """The block must raise exactly this class of the client, which says that the client knew what it was told."""
    seen = Refused()
    try:
        yield seen
    except ApiError as error:
        if type(error) is not kind or error.status_code != status:
            raise Difference(
                f"{what}: expected {kind.__name__} {status}, got {type(error).__name__}: {error}"
            ) from error
        seen.status, seen.headers = status, error.headers or {}
        # Of what it knows, the client makes a model; of the rest, plain JSON.
        body = error.body
        seen.body = body if isinstance(body, (dict, str, type(None))) else body.dict()
        return
    raise Difference(f"{what}: expected {kind.__name__} {status}, but it was not refused")


def soon(what: str, look: Callable[[], T | None], seconds: float = 10) -> T:
    """Looks until there is something to see; for what the sandbox does after it has answered."""
    end = time.monotonic() + seconds
    while (found := look()) is None:
        if time.monotonic() > end:
            raise Difference(f"after {seconds} s still waiting for {what}")
        time.sleep(0.02)
    return found
