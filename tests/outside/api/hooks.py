"""What Schemathesis cannot know by itself: how lines are written, who is there, and what a session is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from typing import Any

import schemathesis

KNOWN = {"customer": "acme", "user": "ana"}


@schemathesis.serializer("application/x-ndjson")
def lines(_context: object, value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    documents = value if isinstance(value, list) else [value]
    return "\n".join(json.dumps(document) for document in documents).encode()


@schemathesis.hook
def map_path_parameters(_context: object, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Every other one is somebody who is there; of a customer who is there, half of the users."""
    if not path_parameters:
        return path_parameters
    drawn = json.dumps(path_parameters, sort_keys=True, default=str).encode()
    bits = hashlib.sha256(drawn).digest()[0]
    known = {name: KNOWN[name] for bit, name in enumerate(("customer", "user")) if bits >> bit & 1}
    return {name: known.get(name, value) for name, value in path_parameters.items()}


@schemathesis.hook
def before_call(_context: object, case: schemathesis.Case, _kwargs: dict[str, Any]) -> None:
    """Backends have a key, browsers a session."""
    key = session() if case.path == "/v1/token" else os.environ["API_KEY"]
    case.headers["Authorization"] = f"Bearer {key}"


def session() -> str:
    def part(value: dict[str, Any]) -> str:
        return encoded(json.dumps(value).encode())

    claims = {"org_id": KNOWN["customer"], "sub": KNOWN["user"], "exp": int(time.time()) + 600}
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    secret = os.environ["SESSION_SECRET"].encode()
    return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), 'sha256'))}"


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
