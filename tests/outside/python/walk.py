"""Walks Monite's official Python client through everything that the sandbox answers.

    python walk.py PATH-OF-THE-SANDBOX-BINARY

One line per step. Ends with 1 at the first difference and says what it was.
"""

from __future__ import annotations

import functools
import importlib.metadata
import pathlib
import sys
import time
import traceback
import types
from collections.abc import Callable

import accounts
import errors
import lists
import permissions
import settings
import webhooks
from check import Difference, equal
from monite.core.api_error import ApiError
from pydantic import ValidationError
from sandbox import Sandbox

CHAPTERS: tuple[types.ModuleType, ...] = (accounts, settings, lists, permissions, webhooks, errors)

# What the client has a typed method for and the walk must have called, so that a step cannot get lost unseen.
OPERATIONS = """
POST /auth/token
POST /auth/revoke
POST /entities
GET /entities
GET /entities/me
PATCH /entities/me
GET /entities/{entity_id}
PATCH /entities/{entity_id}
POST /entities/{entity_id}/activate
POST /entities/{entity_id}/deactivate
GET /entities/{entity_id}/partner_metadata
PUT /entities/{entity_id}/partner_metadata
GET /entities/{entity_id}/settings
PATCH /entities/{entity_id}/settings
GET /settings
PATCH /settings
POST /roles
GET /roles
GET /roles/{role_id}
PATCH /roles/{role_id}
DELETE /roles/{role_id}
POST /entity_users
GET /entity_users
GET /entity_users/me
PATCH /entity_users/me
GET /entity_users/my_entity
PATCH /entity_users/my_entity
GET /entity_users/my_role
GET /entity_users/{entity_user_id}
PATCH /entity_users/{entity_user_id}
DELETE /entity_users/{entity_user_id}
POST /webhook_subscriptions
GET /webhook_subscriptions
GET /webhook_subscriptions/{webhook_subscription_id}
PATCH /webhook_subscriptions/{webhook_subscription_id}
DELETE /webhook_subscriptions/{webhook_subscription_id}
POST /webhook_subscriptions/{webhook_subscription_id}/enable
POST /webhook_subscriptions/{webhook_subscription_id}/disable
POST /webhook_subscriptions/{webhook_subscription_id}/regenerate_secret
GET /webhook_deliveries
GET /events
GET /events/{event_id}
""".split("\n")[1:-1]


def main() -> int:
    if len(sys.argv) != 2 or not pathlib.Path(sys.argv[1]).is_file():
        print("usage: walk.py PATH-OF-THE-SANDBOX-BINARY", file=sys.stderr)
        return 2
    binary, started, steps = sys.argv[1], time.monotonic(), 0
    with Sandbox(binary) as sandbox:
        for chapter in CHAPTERS:
            print(f"\n{chapter.TITLE}")
            context = chapter.Context(sandbox, binary)
            for name, step in chapter.STEPS:
                if not walked(name, functools.partial(step, context)):
                    return 1
                steps += 1
        if not walked(f"all {len(OPERATIONS)} operations were called", lambda: called(sandbox)):
            return 1
    client, seconds = importlib.metadata.version("monite"), time.monotonic() - started
    print(f"\nmonite {client}: {steps} steps as expected, {seconds:.1f} s")
    return 0


def walked(name: str, step: Callable[[], None]) -> bool:
    """Takes one step and says how it went."""
    try:
        step()
    except Difference as difference:
        why = str(difference)
    except ValidationError as error:
        why = f"the client cannot read the answer: {error}"
    except ApiError as error:
        why = f"{place(error)} was refused: {error}"
    else:
        print(f"  ok  {name}")
        return True
    print(f"  DIFFERENT  {name}\n             {why}")
    return False


def place(error: ApiError) -> str:
    """The line of the walk, not of the client, at which it happened."""
    frames = traceback.extract_tb(error.__traceback__)
    frame = next((frame for frame in reversed(frames) if pathlib.Path(frame.filename).parent == HERE), frames[0])
    return f"{pathlib.Path(frame.filename).name}:{frame.lineno} `{frame.line}`"


def called(sandbox: Sandbox) -> None:
    counts = sandbox.control("GET", "/requests?limit=0")["counts"]
    equal("operations never called", [call for call in OPERATIONS if call not in counts], [])


HERE = pathlib.Path(__file__).resolve().parent

if __name__ == "__main__":
    sys.exit(main())
