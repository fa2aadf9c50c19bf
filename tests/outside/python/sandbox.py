"""A sandbox process of one's own: started on a free port, stopped by its process id."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from typing import Any

from monite import Monite

CLIENT_ID = "9d2b4c8f-2087-4738-ba91-7359683c49a4"
CLIENT_SECRET = "only-for-this-run"
API_VERSION = "2024-05-25"


class Sandbox:
    """Use it as a context manager; it is gone afterwards, whatever happened."""

    def __init__(self, binary: str, *, rate_limit: str = "off"):
        self._command = [
            binary,
            *("--listen", "127.0.0.1:0"),
            *("--client-id", CLIENT_ID, "--client-secret", CLIENT_SECRET),
            *("--rate-limit", rate_limit),
        ]

    def __enter__(self) -> Sandbox:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        # Its output ends when it ends, so this cannot wait for ever.
        for line in self._process.stdout or ():
            if line.startswith("listening on "):
                self.url = line.removeprefix("listening on ").strip()
                return self
        raise SystemExit(f"the sandbox ended before it listened, with exit code {self._process.wait()}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def client(self, token: str | None, entity_id: str | None = None, version: str = API_VERSION) -> Monite:
        """The official client, as a partner would make it."""
        return Monite(
            base_url=self.url,
            monite_version=version,
            monite_entity_id=entity_id,
            token=token,
            timeout=10,
        )

    def partner_token(self) -> str:
        answer = self.client(None).access_tokens.create(
            client_id=CLIENT_ID, client_secret=CLIENT_SECRET, grant_type="client_credentials"
        )
        return answer.access_token

    def user_token(self, entity_user_id: str) -> str:
        answer = self.client(None).access_tokens.create(
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            grant_type="entity_user",
            entity_user_id=entity_user_id,
        )
        return answer.access_token

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Calls one of the routes under `/_sandbox`, which are not part of Monite."""
        request = urllib.request.Request(
            self.url.removesuffix("/v1") + "/_sandbox" + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")
