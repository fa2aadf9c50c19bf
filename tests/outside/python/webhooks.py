"""Webhooks: subscriptions, what is really sent, and what is kept of it."""

from __future__ import annotations

import uuid
from typing import Any

from check import equal, refused, soon, true
from documents import acme, may
from lists import ids, walk_pages
from monite import NotFoundError, UnprocessableEntityError
from monite.core.api_error import ApiError
from monite.types import WebhookDeliveryResource
from receiver import Arrived, Receiver
from sandbox import API_VERSION, Sandbox

TITLE = "webhooks"

# Settings of the partner belong to no entity, yet an event must name one.
NOBODY = str(uuid.UUID(int=0))


class Context:
    """A receiver, and an entity in which things happen."""

    def __init__(self, sandbox: Sandbox, _binary: str):
        self.sandbox, self.receiver = sandbox, Receiver()
        token = sandbox.partner_token()
        self.partner = sandbox.client(token)
        self.entity = self.partner.entities.create(**acme())
        self.acting = sandbox.client(token, self.entity.id)

    def deliveries(self, **query: Any) -> list[WebhookDeliveryResource]:
        return self.acting.webhook_deliveries.get(**query).data

    def deliveries_to(self, path: str) -> list[WebhookDeliveryResource]:
        return [delivery for delivery in self.deliveries() if delivery.url == self.receiver.url + path]


def checked(c: Context, arrived: Arrived, secret: str, action: str, about: str) -> None:
    """What holds for every webhook."""
    true(f"signed with the subscription's secret: {arrived.signature}", arrived.is_signed_with(secret))
    event = arrived.event
    equal("object_type", event.object_type, action.split(".")[0])
    equal("action", event.action, action)
    equal("api_version", event.api_version, API_VERSION)
    equal("entity_id", event.entity_id, c.entity.id)
    equal("object", event.object["id"], about)


def subscribed(c: Context) -> None:
    create = c.partner.webhook_subscriptions.create
    c.entities = create(object_type="entity", url=c.receiver.url + "/entities")
    equal("event_types", c.entities.event_types, [])
    equal("status", c.entities.status, "enabled")
    true("a secret", c.entities.secret.startswith("whsec_"))
    c.users = create(object_type="entity_user", url=c.receiver.url + "/users", event_types=["created", "deleted"])
    equal("event_types", c.users.event_types, ["created", "deleted"])
    true("a secret of its own", c.users.secret != c.entities.secret)
    seen = c.partner.webhook_subscriptions.get_by_id(c.users.id)
    equal("url", seen.url, c.users.url)
    true("the secret is shown once", "secret" not in seen.model_dump())
    equal("both listed", ids(c.partner.webhook_subscriptions.get()), [c.entities.id, c.users.id])


def sent(c: Context) -> None:
    c.partner.entities.update_by_id(c.entity.id, tax_id="DE1")
    [arrived] = c.receiver.wait_for("/entities", 1)
    checked(c, arrived, c.entities.secret, "entity.updated", c.entity.id)
    equal("webhook_subscription_id", arrived.event.webhook_subscription_id, c.entities.id)
    equal("description", arrived.event.description, "entity has been updated")
    c.first = arrived.event


def only_what_was_asked(c: Context) -> None:
    role = c.acting.roles.create(name="any", permissions=may())
    user = c.acting.entity_users.create(login="ana", first_name="Ana", role_id=role.id)
    c.acting.entity_users.update_by_id(user.id, first_name="Anna")
    c.acting.entity_users.delete_by_id(user.id)
    created, deleted = c.receiver.wait_for("/users", 2)
    checked(c, created, c.users.secret, "entity_user.created", user.id)
    checked(c, deleted, c.users.secret, "entity_user.deleted", user.id)


def kept_deliveries(c: Context) -> None:
    def done() -> list[WebhookDeliveryResource] | None:
        found = c.deliveries()
        return found if all(delivery.was_successful is not None for delivery in found) else None

    first, *others = soon("the outcome of three deliveries", done)
    equal("deliveries", len(others), 2)
    equal("event_id", first.event_id, c.first.id)
    equal("url", first.url, c.entities.url)
    equal("was_successful", first.was_successful, True)
    equal("requests_made_count", first.requests_made_count, 1)
    equal("response_status_code", first.response_status_code, 200)
    equal("response", first.response, "thanks")
    others = [other.id for other in others]
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"event_id": c.first.id}, [first.id]),
        ({"object_type": "entity"}, [first.id]),
        ({"object_type": "entity_user"}, others),
        ({"event_action": "entity.updated"}, [first.id]),
        ({"object_type": "role"}, []),
        ({"created_at_gt": c.first.created_at, "object_type": "entity"}, []),
        ({"created_at_lte": c.first.created_at}, [first.id]),
        ({"sort": "created_at", "order": "desc"}, [*others[::-1], first.id]),
    ]
    for query, expected in cases:
        equal(f"deliveries with {query}", [found.id for found in c.deliveries(**query)], expected)
    walk_pages("deliveries", c.acting.webhook_deliveries.get, {"limit": 1}, [first.id, *others])


def kept_events(c: Context) -> None:
    first, created, deleted = c.acting.events.get().data
    equal("the event, as it was sent", first.model_dump(), c.first.model_dump(exclude={"webhook_subscription_id"}))
    equal("actions", [created.action, deleted.action], ["entity_user.created", "entity_user.deleted"])
    equal("one event", c.partner.events.get_by_id(first.id), first)
    equal("of users", ids(c.acting.events.get(object_type="entity_user")), [created.id, deleted.id])
    equal("since the second", ids(c.acting.events.get(created_at_gte=created.created_at)), [created.id, deleted.id])
    equal("before the second", ids(c.acting.events.get(created_at_lt=created.created_at)), [first.id])
    walk_pages("events", c.acting.events.get, {"limit": 2}, [first.id, created.id, deleted.id])
    elsewhere = c.sandbox.client(c.sandbox.partner_token(), c.partner.entities.create(**acme()).id)
    equal("events of another entity", {event.entity_id for event in elsewhere.events.get().data} & {c.entity.id}, set())


def again_after_a_failure(c: Context) -> None:
    c.roles = c.partner.webhook_subscriptions.create(object_type="role", url=c.receiver.url + "/roles")
    c.receiver.status = 503
    role = c.acting.roles.create(name="late", permissions=may())
    [refusal] = c.receiver.wait_for("/roles", 1)
    pending = soon(
        "the outcome of the first attempt",
        lambda: next((d for d in c.deliveries_to("/roles") if d.response_status_code), None),
    )
    equal("response_status_code", pending.response_status_code, 503)
    true("was_successful is not true", pending.was_successful is not True)
    c.receiver.status = 200
    c.sandbox.control("POST", "/clock", {"advance_seconds": 61})
    refusal, again = c.receiver.wait_for("/roles", 2)
    checked(c, again, c.roles.secret, "role.created", role.id)
    equal("the same event", again.event, refusal.event)
    true("signed at its own time", again.signature.split(",")[0] != refusal.signature.split(",")[0])
    done = soon(
        "the outcome of the second", lambda: next((d for d in c.deliveries_to("/roles") if d.was_successful), None)
    )
    equal("the same delivery", done.id, pending.id)
    equal("requests_made_count", done.requests_made_count, 2)


def new_secret(c: Context) -> None:
    old = c.roles.secret
    c.roles = c.partner.webhook_subscriptions.regenerate_secret_by_id(c.roles.id)
    true("another secret", c.roles.secret != old and c.roles.secret.startswith("whsec_"))
    c.acting.roles.create(name="after the change", permissions=may())
    latest = c.receiver.wait_for("/roles", 3)[-1]
    true("signed with the new secret", latest.is_signed_with(c.roles.secret))
    true("not with the old one", not latest.is_signed_with(old))


def disabled_and_enabled(c: Context) -> None:
    equal("status", c.partner.webhook_subscriptions.disable_by_id(c.roles.id).status, "disabled")
    c.acting.roles.create(name="unheard", permissions=may())
    equal("deliveries", len(c.deliveries_to("/roles")), 2)
    equal("listed all the same", c.roles.id in ids(c.partner.webhook_subscriptions.get()), True)
    equal("status", c.partner.webhook_subscriptions.enable_by_id(c.roles.id).status, "enabled")
    heard = c.acting.roles.create(name="heard", permissions=may())
    latest = c.receiver.wait_for("/roles", 4)[-1]
    checked(c, latest, c.roles.secret, "role.created", heard.id)


def changed(c: Context) -> None:
    moved = c.partner.webhook_subscriptions.update_by_id(
        c.roles.id, url=c.receiver.url + "/moved", event_types=["deleted"]
    )
    equal("url", moved.url, c.receiver.url + "/moved")
    equal("event_types", moved.event_types, ["deleted"])
    equal("object_type, which was not sent", moved.object_type, "role")
    role = c.acting.roles.create(name="to be deleted", permissions=may())
    c.acting.roles.delete_roles_id(role.id)
    [arrived] = c.receiver.wait_for("/moved", 1)
    checked(c, arrived, c.roles.secret, "role.deleted", role.id)


def settings(c: Context) -> None:
    create = c.partner.webhook_subscriptions.create
    subscriptions = [
        create(object_type=kind, url=f"{c.receiver.url}/{kind}") for kind in ("entity_settings", "partner_settings")
    ]
    c.partner.entities.update_settings_by_id(c.entity.id, vat_mode="inclusive")
    c.partner.partner_settings.update(website="https://hooks.example/")
    for subscription, entity in zip(subscriptions, (c.entity.id, NOBODY), strict=True):
        [arrived] = c.receiver.wait_for("/" + subscription.object_type, 1)
        true("signed", arrived.is_signed_with(subscription.secret))
        equal("action", arrived.event.action, f"{subscription.object_type}.updated")
        equal("entity_id", arrived.event.entity_id, entity)
        c.partner.webhook_subscriptions.delete_by_id(subscription.id)


def listed(c: Context) -> None:
    get, mine = c.partner.webhook_subscriptions.get, [c.entities.id, c.users.id, c.roles.id]
    equal("by object type", ids(get(object_type="role")), [c.roles.id])
    equal("latest first", ids(get(sort="created_at", order="desc")), mine[::-1])
    equal("by their last change", ids(get(sort="updated_at", order="desc"))[0], c.roles.id)
    equal("since the first event", ids(get(created_at_gt=c.first.created_at)), [c.roles.id])
    walk_pages("subscriptions", get, {"limit": 2}, mine)


def refusals(c: Context) -> None:
    create = c.partner.webhook_subscriptions.create
    for what, call, fields in [
        (
            "an unknown object type",
            lambda: create(object_type="x", url="https://a.example/"),
            [["body", "object_type"]],
        ),
        ("no URL", lambda: create(object_type="role", url="nowhere"), [["body", "url"]]),
        ("a sort key", lambda: c.partner.webhook_subscriptions.get(sort="url"), [["query", "sort"]]),
    ]:
        with refused(what, UnprocessableEntityError, 422) as why:
            call()
        equal(f"{what}: place", why.fields, fields)
    with refused("plain http to elsewhere", UnprocessableEntityError, 422):
        create(object_type="role", url="http://example.com/")
    nowhere = str(uuid.uuid4())
    with refused("an unknown subscription", NotFoundError, 404):
        c.partner.webhook_subscriptions.get_by_id(nowhere)
    with refused("an unknown event", ApiError, 404):
        c.partner.events.get_by_id(nowhere)


def not_for_users(c: Context) -> None:
    role = c.acting.roles.create(name="boss", permissions=may(entity=["read", "update"], role=["read"]))
    user = c.acting.entity_users.create(login="boss", first_name="Boss", role_id=role.id)
    boss = c.sandbox.client(c.sandbox.user_token(user.id), c.entity.id)
    for what, call in [
        ("subscribe", lambda: boss.webhook_subscriptions.create(object_type="role", url="https://a.example/")),
        ("list subscriptions", lambda: boss.webhook_subscriptions.get()),
        ("list deliveries", lambda: boss.webhook_deliveries.get()),
        ("list events", lambda: boss.events.get()),
        ("read an event", lambda: boss.events.get_by_id(c.first.id)),
    ]:
        with refused(f"to {what} as a user", ApiError, 403):
            call()


def deleted(c: Context) -> None:
    for subscription in (c.entities, c.users, c.roles):
        equal("answer", c.partner.webhook_subscriptions.delete_by_id(subscription.id), None)
    equal("listed", c.partner.webhook_subscriptions.get().data, [])
    with refused("reading a deleted one", NotFoundError, 404):
        c.partner.webhook_subscriptions.get_by_id(c.roles.id)
    before = len(c.deliveries())
    c.acting.roles.create(name="for nobody", permissions=may())
    equal("deliveries", len(c.deliveries()), before)


STEPS = [
    ("subscriptions, each with a secret shown once", subscribed),
    ("a change is sent, signed", sent),
    ("only the events that were asked for", only_what_was_asked),
    ("deliveries are kept and filtered", kept_deliveries),
    ("events are kept and filtered", kept_events),
    ("a receiver that fails is tried again", again_after_a_failure),
    ("a regenerated secret replaces the old one at once", new_secret),
    ("a disabled subscription hears nothing until it is enabled", disabled_and_enabled),
    ("a changed subscription", changed),
    ("settings have events, too", settings),
    ("subscriptions by object type and time; ordered", listed),
    ("what subscriptions refuse", refusals),
    ("none of it is for users", not_for_users),
    ("a deleted subscription is gone", deleted),
]
