"""A partner's webhook receiver: a real server on this machine that keeps what arrives."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import threading
from dataclasses import dataclass

from check import equal, soon, true
from monite.types import EventResourceForWebhookClient


@dataclass
class Arrived:
    """One request, as it came."""

    path: str
    signature: str
    content_type: str
    body: bytes

    @property
    def event(self) -> EventResourceForWebhookClient:
        """The body in the client's own words, which complains when something is missing."""
        return EventResourceForWebhookClient.model_validate_json(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """Checks `t=SECONDS,v1=HEX` over `SECONDS.BODY`, without any of our own code."""
        parts = dict(part.split("=", 1) for part in self.signature.split(","))
        signed = parts["t"].encode() + b"." + self.body
        expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return parts.keys() == {"t", "v1"} and hmac.compare_digest(parts["v1"], expected)


class Receiver:
    """Answers 200, or whatever `status` says."""

    def __init__(self) -> None:
        self.arrived: list[Arrived] = []
        self.status = 200
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                signature = self.headers["monite-signature"] or ""
                receiver.arrived.append(Arrived(self.path, signature, self.headers["content-type"], body))
                self.send_response(receiver.status)
                self.end_headers()
                self.wfile.write(b"thanks")

            def log_message(self, *_: object) -> None:
                """Standard error is for differences."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait_for(self, path: str, count: int) -> list[Arrived]:
        """What has arrived at a path, once it is `count`."""

        def look() -> list[Arrived] | None:
            there = [request for request in self.arrived if request.path == path]
            return there if len(there) >= count else None

        there = soon(f"{count} webhooks at {path}", look)
        equal(f"webhooks at {path}", len(there), count)
        true("each says that it is JSON", all(request.content_type == "application/json" for request in there))
        return there
