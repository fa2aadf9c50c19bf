"""The eight steps that only a partner's backend can take, and what is around them."""

from __future__ import annotations

import datetime as dt

from check import equal, refused, true
from documents import acme, admin, may
from monite import BadRequestError, ConflictError, NotFoundError
from monite.core.api_error import ApiError
from monite.types import (
    BizObjectsSchemaInput,
    EntityAddressSchema,
    IndividualSchema,
    OptionalOrganizationSchema,
    UpdateEntityAddressSchema,
)
from sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox

TITLE = "accounts"


class Context:
    """What one step leaves for the next."""

    def __init__(self, sandbox: Sandbox, _binary: str):
        self.sandbox = sandbox


def partner_token(c: Context) -> None:
    answer = c.sandbox.client(None).access_tokens.create(
        client_id=CLIENT_ID, client_secret=CLIENT_SECRET, grant_type="client_credentials"
    )
    equal("token_type", answer.token_type, "Bearer")
    equal("expires_in", answer.expires_in, 1800)
    true("an access token is longer than 20 characters", len(answer.access_token) > 20)
    c.partner = c.sandbox.client(answer.access_token)


def entity_created(c: Context) -> None:
    c.acme = c.partner.entities.create(**acme())
    equal("type", c.acme.type, "organization")
    equal("status", c.acme.status, "active")
    equal("legal_name", c.acme.organization.legal_name, "Acme GmbH")
    equal("business_structure", c.acme.organization.business_structure, "private_corporation")
    equal("country", c.acme.address.country, "DE")
    equal("line2", c.acme.address.line2, None)
    equal("logo", c.acme.logo, None)
    true("created_at has an offset", c.acme.created_at.tzinfo is not None)
    true("updated_at is not before created_at", c.acme.updated_at >= c.acme.created_at)
    c.acting = c.sandbox.client(c.sandbox.partner_token(), c.acme.id)


def individual_created(c: Context) -> None:
    who = c.partner.entities.create(
        type="individual",
        email="lea@example.com",
        phone="+33123456789",
        address=EntityAddressSchema(country="FR", city="Lyon", line1="1 rue Mercière", postal_code="69002"),
        individual=IndividualSchema(first_name="Léa", last_name="Martin", date_of_birth="1990-02-28", title="Ms"),
    )
    equal("type", who.type, "individual")
    equal("first_name", who.individual.first_name, "Léa")
    equal("date_of_birth", str(who.individual.date_of_birth), "1990-02-28")
    equal("phone", who.phone, "+33123456789")
    c.lea = who


def entity_read(c: Context) -> None:
    equal("the entity as created", c.partner.entities.get_by_id(c.acme.id), c.acme)


def entity_updated(c: Context) -> None:
    changed = c.partner.entities.update_by_id(
        c.acme.id,
        phone="+4930123456",
        address=UpdateEntityAddressSchema(line2="Hinterhaus"),
        organization=OptionalOrganizationSchema(legal_name="Acme Handels GmbH"),
    )
    equal("phone", changed.phone, "+4930123456")
    equal("line2", changed.address.line2, "Hinterhaus")
    equal("the city, which was not sent", changed.address.city, "Berlin")
    equal("legal_name", changed.organization.legal_name, "Acme Handels GmbH")
    equal("business_structure, which was not sent", changed.organization.business_structure, "private_corporation")
    true("updated_at moved", changed.updated_at > c.acme.updated_at)
    cleared = c.partner.entities.update_by_id(c.acme.id, phone=None)
    equal("phone after null", cleared.phone, None)
    c.acme = cleared


def entity_update_without_fields(c: Context) -> None:
    equal("the entity", c.partner.entities.update_by_id(c.acme.id), c.acme)


def entity_switched(c: Context) -> None:
    for expected, switch in [
        ("inactive", c.partner.entities.post_entities_id_deactivate),
        ("inactive", c.partner.entities.post_entities_id_deactivate),
        ("active", c.partner.entities.post_entities_id_activate),
    ]:
        c.acme = switch(c.acme.id)
        equal("status", c.acme.status, expected)


def metadata(c: Context) -> None:
    equal(
        "before the first write", c.partner.entities.get_partner_metadata_by_id(c.acme.id).metadata in (None, {}), True
    )
    first = {"customer": "acme", "nested": {"list": [1, None, "ü"]}}
    equal("stored", c.partner.entities.update_partner_metadata_by_id(c.acme.id, metadata=first).metadata, first)
    second = {"only": True}
    c.partner.entities.update_partner_metadata_by_id(c.acme.id, metadata=second)
    equal("replaced as a whole", c.partner.entities.get_partner_metadata_by_id(c.acme.id).metadata, second)


def settings_read(c: Context) -> None:
    settings = c.partner.entities.get_settings_by_id(c.acme.id)
    equal("vat_mode", settings.vat_mode, "exclusive")
    equal("payment_priority", settings.payment_priority, "working_capital")
    equal("receivable_edit_flow", settings.receivable_edit_flow, "compliant")
    equal("allow_purchase_order_autolinking", settings.allow_purchase_order_autolinking, True)
    equal("reminder.enabled", settings.reminder.enabled, True)
    equal("document_ids.min_digits", settings.document_ids.min_digits, 5)
    equal("invoice prefix", settings.document_ids.document_type_prefix.invoice, "INV")


def role_created(c: Context) -> None:
    c.role = c.acting.roles.create(
        name="bookkeeper", permissions=may(payable=["read", "approve"], comment=["update:own"])
    )
    equal("name", c.role.name, "bookkeeper")
    equal("status", c.role.status, "active")
    payable, comment = c.role.permissions.objects
    equal("objects", (payable.object_type, comment.object_type), ("payable", "comment"))
    equal("actions", [a.action_name for a in payable.actions], ["read", "approve"])
    equal("permission", comment.actions[0].permission, "allowed_for_own")


def role_read_and_updated(c: Context) -> None:
    equal("the role as created", c.acting.roles.get_by_id(c.role.id), c.role)
    renamed = c.acting.roles.update_by_id(c.role.id, name="accountant")
    equal("name", renamed.name, "accountant")
    equal("permissions, which were not sent", renamed.permissions, c.role.permissions)
    changed = c.acting.roles.update_by_id(c.role.id, permissions=admin())
    equal("object types", len(changed.permissions.objects), 31)
    nothing = c.acting.roles.update_by_id(c.role.id, permissions=BizObjectsSchemaInput(objects=[]))
    equal("no objects", nothing.permissions.objects, [])
    c.role = c.acting.roles.update_by_id(c.role.id, permissions=admin())


def user_created(c: Context) -> None:
    c.ana = c.acting.entity_users.create(
        login="ana", first_name="Ana", last_name="Diaz", email="ana@example.com", phone="+34600", role_id=c.role.id
    )
    equal("login", c.ana.login, "ana")
    equal("role_id", c.ana.role_id, c.role.id)
    equal("status", c.ana.status, "active")
    equal("userpic_file_id", c.ana.userpic_file_id, None)


def user_read_and_updated(c: Context) -> None:
    equal("the user as created", c.acting.entity_users.get_by_id(c.ana.id), c.ana)
    changed = c.acting.entity_users.update_by_id(c.ana.id, last_name="Díaz", phone=None)
    equal("last_name", changed.last_name, "Díaz")
    equal("phone after null", changed.phone, None)
    equal("email, which was not sent", changed.email, "ana@example.com")
    c.ana = changed


def user_token(c: Context) -> None:
    answer = c.sandbox.client(None).access_tokens.create(
        client_id=CLIENT_ID, client_secret=CLIENT_SECRET, grant_type="entity_user", entity_user_id=c.ana.id
    )
    equal("token_type", answer.token_type, "Bearer")
    true("lives for ten minutes at least, which browsers count on", answer.expires_in >= 600)
    c.user_token = answer.access_token
    c.as_ana = c.sandbox.client(answer.access_token, c.acme.id)


def me(c: Context) -> None:
    equal("me", c.as_ana.entity_users.get_current(), c.ana)
    equal("my role", c.as_ana.entity_users.get_current_role(), c.role)
    equal("my entity", c.as_ana.entity_users.get_current_entity(), c.acme)
    equal("my entity by its older path", c.as_ana.entities.get_entities_me(), c.acme)


def me_updated(c: Context) -> None:
    c.ana = c.as_ana.entity_users.update_current(first_name="Anna", title="CFO")
    equal("first_name", c.ana.first_name, "Anna")
    c.acme = c.as_ana.entity_users.update_current_entity(website="https://acme.example/")
    equal("website", c.acme.website, "https://acme.example/")
    c.acme = c.as_ana.entities.patch_entities_me(tax_id="DE123456789")
    equal("tax_id", c.acme.tax_id, "DE123456789")
    equal("as the partner sees it", c.partner.entities.get_by_id(c.acme.id), c.acme)


def token_revoked(c: Context) -> None:
    answer = c.partner.access_tokens.revoke(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, token=c.user_token)
    true("a message", answer.message)
    with refused("me with a revoked token", BadRequestError, 400) as why:
        c.as_ana.entity_users.get_current()
    equal("message", why.message, "The token has been revoked, expired or not found.")


def token_expired(c: Context) -> None:
    mine = c.sandbox.client(c.sandbox.user_token(c.ana.id))
    mine.entity_users.get_current()
    now = c.sandbox.control("POST", "/clock", {"advance_seconds": 1801})["now"]
    true("the clock moved", dt.datetime.fromisoformat(now.replace("Z", "+00:00")) > c.ana.created_at)
    with refused("me with an expired token", BadRequestError, 400) as why:
        mine.entity_users.get_current()
    true(f"{why.message!r} says expired", "expired" in why.message)
    c.acting = c.sandbox.client(c.sandbox.partner_token(), c.acme.id)


def used_role_stays(c: Context) -> None:
    with refused("deleting a role in use", ConflictError, 409):
        c.acting.roles.delete_roles_id(c.role.id)


def user_and_role_deleted(c: Context) -> None:
    equal("answer", c.acting.entity_users.delete_by_id(c.ana.id), None)
    # The client has no class of its own for this status here.
    with refused("reading a deleted user", ApiError, 404):
        c.acting.entity_users.get_by_id(c.ana.id)
    equal("answer", c.acting.roles.delete_roles_id(c.role.id), None)
    with refused("deleting it again", NotFoundError, 404):
        c.acting.roles.delete_roles_id(c.role.id)


STEPS = [
    ("a partner token", partner_token),
    ("an organization is created", entity_created),
    ("an individual is created", individual_created),
    ("an entity is read", entity_read),
    ("an entity is updated, only where something was sent", entity_updated),
    ("an update without fields changes nothing", entity_update_without_fields),
    ("an entity is deactivated, twice, and activated", entity_switched),
    ("partner metadata are replaced as a whole", metadata),
    ("settings of an entity have the documented defaults", settings_read),
    ("a role is created", role_created),
    ("a role is read, renamed, given everything and nothing", role_read_and_updated),
    ("a user is created", user_created),
    ("a user is read and updated", user_read_and_updated),
    ("a token for the user", user_token),
    ("the user sees themselves, their role and their entity", me),
    ("the user updates themselves and their entity", me_updated),
    ("a revoked token is dead at once", token_revoked),
    ("a token expires", token_expired),
    ("a role in use cannot be deleted", used_role_stays),
    ("user and role are deleted", user_and_role_deleted),
]
