"""Lets Schemathesis make up requests from the bridge's own OpenAPI document, and holds every answer against that document.

    python run.py PATH-OF-THE-BINARY

Ends with 1 if there was a server error, or an answer that the document does not describe. What is made up comes from a fixed seed.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

HERE = pathlib.Path(__file__).resolve().parent
CLIENT_ID = "9d2b4c8f-2087-4738-ba91-7359683c49a4"
CLIENT_SECRET = "only-for-this-run"
API_KEY = "an-api-key-only-for-this-run-0123456789"
SESSION_SECRET = "a-session-secret-only-for-this-run-0123456789"

# Seconds; far more than it has ever taken.
LIMIT = 240

# What an answer is held against. Whether a made-up document is accepted is not: more is checked at the door than a schema can say.
CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]

# Streams without an end: there is no answer to hold against anything.
ENDLESS = ["/v1/events"]


@contextmanager
def server(command: list[str], home: str, **env: str) -> Iterator[str]:
    """Starts a server, gives its address, and stops it by its process id, whatever happened."""
    process = subprocess.Popen(command, cwd=home, env={**os.environ, **env}, stdout=subprocess.PIPE, text=True)
    try:
        # Its output ends when it ends, so this cannot wait for ever.
        for line in process.stdout or ():
            if address := re.match(r"listening on (http://\S+)", line):
                yield address[1]
                return
        raise SystemExit(f"{command[0]} ended before it listened, with exit code {process.wait()}")
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def put(url: str, document: dict[str, object]) -> None:
    """Tells the bridge of somebody, and waits until Monite has been told."""
    headers = {"authorization": f"Bearer {API_KEY}", "content-type": "application/json", "prefer": "wait=20"}
    request = urllib.request.Request(url, method="PUT", headers=headers, data=json.dumps(document).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        state = json.load(answer)["sync"]["state"]
    if state != "in_sync":
        raise SystemExit(f"PUT {url}: not at Monite after 20 s, but {state}")


def main(binary: str) -> int:
    with tempfile.TemporaryDirectory(prefix="outside-api-") as home:
        listen = ["--listen", "127.0.0.1:0", "--rate-limit", "off"]
        credentials = ["--client-id", CLIENT_ID, "--client-secret", CLIENT_SECRET]
        env = {
            "MONITE_CLIENT_ID": CLIENT_ID,
            "MONITE_CLIENT_SECRET": CLIENT_SECRET,
            "MONITE_BRIDGE_API_KEY": API_KEY,
            "MONITE_BRIDGE__SERVER__LISTEN": "127.0.0.1:0",
            "MONITE_BRIDGE__DATABASE__URL": f"sqlite://{home}/bridge.db",
            "MONITE_BRIDGE__SESSION__HS256_SECRET_ENV": "SESSION_SECRET",
            "SESSION_SECRET": SESSION_SECRET,
            # A request that fails says why in its answer; the log would only hide it.
            "RUST_LOG": "error",
        }
        with (
            server([binary, "sandbox", *listen, *credentials], home) as monite,
            server([binary, "serve"], home, MONITE_BRIDGE__MONITE__BASE_URL=monite, **env) as url,
        ):
            address = {"country": "DE", "city": "Berlin", "line1": "Musterweg 1", "postal_code": "10115"}
            acme = {"type": "organization", "email": "acme@example.com", "organization": {"legal_name": "Acme GmbH"}}
            ana = {"login": "ana", "first_name": "Ana", "last_name": "Novak", "email": "ana@example.com", "role": "admin"}
            put(f"{url}/v1/customers/acme", acme | {"address": address})
            put(f"{url}/v1/customers/acme/users/ana", ana)
            command = [
                str(pathlib.Path(sys.executable).with_name("schemathesis")),
                *("--config-file", str(HERE / "schemathesis.toml")),
                *("run", f"{url}/openapi.json", "--url", url),
                *("--checks", ",".join(CHECKS)),
                *("--phases", "examples,coverage,fuzzing"),
                *("--request-timeout", "30"),
                *("--suppress-health-check", "all"),
                *(part for path in ENDLESS for part in ("--exclude-path", path)),
            ]
            # The hooks lie beside this file, and add keys and sessions.
            outer = os.environ | {"PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "hooks"}
            outer |= {"API_KEY": API_KEY, "SESSION_SECRET": SESSION_SECRET}
            try:
                return subprocess.run(command, cwd=home, env=outer, timeout=LIMIT).returncode
            except subprocess.TimeoutExpired:
                print(f"not finished after {LIMIT} s")
                return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
