"""Each class of error that the client has for these operations."""

from __future__ import annotations

import uuid

from check import equal, refused, true
from documents import acme, admin, may
from monite import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    TooManyRequestsError,
    UnauthorizedError,
    UnprocessableEntityError,
)
from monite.core.api_error import ApiError
from monite.types import EntityAddressSchema, OrganizationSchema
from sandbox import CLIENT_ID, Sandbox

TITLE = "errors"


class Context:
    """An entity to err in."""

    def __init__(self, sandbox: Sandbox, binary: str):
        self.sandbox, self.binary = sandbox, binary
        token = sandbox.partner_token()
        self.partner = sandbox.client(token)
        self.entity = self.partner.entities.create(**acme())
        self.acting = sandbox.client(token, self.entity.id)


def bad_request(c: Context) -> None:
    with refused("a token that never was", BadRequestError, 400) as why:
        c.sandbox.client("undefined").entities.get()
    equal("message", why.message, "The token has been revoked, expired or not found.")
    with refused("a role that does not exist", BadRequestError, 400):
        c.acting.entity_users.create(login="x", first_name="x", role_id=str(uuid.uuid4()))
    with refused("a US address without a state", BadRequestError, 400):
        c.partner.entities.create(
            **acme(address=EntityAddressSchema(country="US", city="Reno", line1="1 Main St", postal_code="89501"))
        )
    with refused("me with a partner token", BadRequestError, 400):
        c.partner.entity_users.get_current()


def unauthorized(c: Context) -> None:
    with refused("no token", UnauthorizedError, 401):
        c.sandbox.client(None).entities.get()
    # The document declares 401 for it, the client knows only 400 there.
    with refused("a wrong secret", ApiError, 401) as why:
        c.partner.access_tokens.create(client_id=CLIENT_ID, client_secret="no", grant_type="client_credentials")
    equal("message", why.message, "Invalid client_id or client_secret")


def forbidden(c: Context) -> None:
    role = c.acting.roles.create(name="nothing", permissions=may())
    user = c.acting.entity_users.create(login="nobody", first_name="Nobody", role_id=role.id)
    with refused("listing entities as a user", ForbiddenError, 403):
        c.sandbox.client(c.sandbox.user_token(user.id)).entities.get()


def not_found(c: Context) -> None:
    nowhere = str(uuid.uuid4())
    with refused("deleting a role that never was", NotFoundError, 404):
        c.acting.roles.delete_roles_id(nowhere)
    for what, call in [
        ("entity", lambda: c.partner.entities.get_by_id(nowhere)),
        ("role", lambda: c.acting.roles.get_by_id(nowhere)),
        ("entity user", lambda: c.acting.entity_users.get_by_id(nowhere)),
    ]:
        # Here the client knows no class for this status.
        with refused(f"an unknown {what}", ApiError, 404) as why:
            call()
        equal("message", why.message, f"There is no {what} by provided id: {nowhere}")


def conflict(c: Context) -> None:
    role = c.acting.roles.create(name="in use", permissions=admin())
    c.acting.entity_users.create(login="ida", first_name="Ida", role_id=role.id)
    with refused("deleting a role in use", ConflictError, 409):
        c.acting.roles.delete_roles_id(role.id)
    with refused("a second role with the name", ApiError, 409):
        c.acting.roles.create(name="in use", permissions=may())
    with refused("a second user with the login", ApiError, 409):
        c.acting.entity_users.create(login="ida", first_name="Other", role_id=role.id)


def unprocessable(c: Context) -> None:
    with refused("a document with three mistakes", UnprocessableEntityError, 422) as why:
        c.partner.entities.create(
            **acme(
                email="nonsense",
                address=EntityAddressSchema(country="XX", city="B" * 101, line1="1", postal_code="1"),
                organization=OrganizationSchema(legal_name="Acme"),
            )
        )
    equal(
        "all of them, by their place",
        sorted(why.fields),
        [["body", "address", "city"], ["body", "address", "country"], ["body", "email"]],
    )
    with refused("an id that is none", UnprocessableEntityError, 422) as why:
        c.partner.entities.get_by_id("acme")
    equal("place", why.fields, [["path", "entity_id"]])
    with refused("a limit beyond the range", UnprocessableEntityError, 422) as why:
        c.acting.roles.get(limit=101)
    equal("place", why.fields, [["query", "limit"]])
    with refused("no entity in the header", UnprocessableEntityError, 422) as why:
        c.partner.roles.get()
    equal("place", why.fields, [["header", "x-monite-entity-id"]])
    with refused("an unknown sort key", UnprocessableEntityError, 422) as why:
        c.acting.entity_users.get(sort="created_at")
    equal("place", why.fields, [["query", "sort"]])
    with refused("an unknown field", UnprocessableEntityError, 422) as why:
        c.acting.roles.create(
            name="x", permissions=may(), request_options={"additional_body_parameters": {"color": "red"}}
        )
    equal("place", why.fields, [["body", "color"]])


def too_many(c: Context) -> None:
    with Sandbox(c.binary, rate_limit="3") as narrow:
        client = narrow.client(narrow.partner_token())
        # At most two seconds are touched, so at most six calls pass.
        with refused("ten calls within a second", TooManyRequestsError, 429) as why:
            for _ in range(10):
                client.entities.get()
        equal("the gateway's envelope", why.body, {"message": "API rate limit exceeded"})
        true("Retry-After is a second", why.headers.get("retry-after") == "1")
        again = client.entities.get(request_options={"max_retries": 9})
        equal("after the pause that the client makes by itself", again.data, [])


def versions(c: Context) -> None:
    token = c.sandbox.partner_token()
    for version in ("2025-06-23", "2024-01-31", "2023-09-01"):
        equal(f"as of {version}", len(c.sandbox.client(token, None, version).entities.get(limit=1).data), 1)
    with refused("a version that is no date", UnprocessableEntityError, 422) as why:
        c.sandbox.client(token, None, "latest").entities.get()
    equal("place", why.fields, [["header", "x-monite-version"]])
    with refused("a version before the first", ApiError, 404):
        c.sandbox.client(token, None, "2020-01-01").entities.get()


def faults(c: Context) -> None:
    rule = {"method": "GET", "path": "/entities", "times": 2, "action": {"status": 503}}
    c.sandbox.control("PUT", "/faults", {"rules": [rule]})
    with refused("a fault on order", ApiError, 503):
        c.partner.entities.get()
    true("gone after the client's own retry", c.partner.entities.get(limit=1, request_options={"max_retries": 3}).data)
    c.sandbox.control("DELETE", "/faults")


def not_imitated(c: Context) -> None:
    for path, call in [
        ("/products", lambda: c.acting.products.get()),
        ("/payables", lambda: c.acting.payables.get()),
        ("/logo", lambda: c.partner.entities.upload_logo_by_id(c.entity.id, file=b"not a picture")),
    ]:
        with refused(f"{path}, which is Monite's but not the sandbox's", ApiError, 501) as why:
            call()
        true(f"{why.message!r} names {path}", path in why.message)


STEPS = [
    ("400 BadRequestError", bad_request),
    ("401 UnauthorizedError", unauthorized),
    ("403 ForbiddenError", forbidden),
    ("404 NotFoundError", not_found),
    ("409 ConflictError", conflict),
    ("422 UnprocessableEntityError, with every wrong field", unprocessable),
    ("429 TooManyRequestsError, and the client's own retry", too_many),
    ("versions in the header", versions),
    ("501 for what is not imitated, in a sentence", not_imitated),
    ("5xx on order, and the client's own retry", faults),
]
