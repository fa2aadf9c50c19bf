"""Settings of an entity and of the partner."""

from __future__ import annotations

import uuid

from check import equal, refused
from documents import acme, may
from monite import BadRequestError, ForbiddenError, UnprocessableEntityError
from monite.core.api_error import ApiError
from monite.types import (
    CurrencySettingsInput,
    DocumentIDsSettingsRequest,
    DocumentTypePrefix,
    MailSettings,
    PayableSettings,
    ReceivableSettings,
    RemindersSettings,
)
from sandbox import Sandbox

TITLE = "settings"


class Context:
    """An entity, and a user who may change it."""

    def __init__(self, sandbox: Sandbox, _binary: str):
        self.sandbox = sandbox
        token = sandbox.partner_token()
        self.partner = sandbox.client(token)
        self.entity = self.partner.entities.create(**acme())
        self.acting = sandbox.client(token, self.entity.id)


def entity_changed(c: Context) -> None:
    changed = c.partner.entities.update_settings_by_id(
        c.entity.id,
        language="de",
        vat_mode="inclusive",
        receivable_edit_flow="non_compliant",
        currency=CurrencySettingsInput(default="EUR"),
        reminder=RemindersSettings(enabled=False),
        document_ids=DocumentIDsSettingsRequest(
            prefix="ACME", separator="/", min_digits=3, document_type_prefix=DocumentTypePrefix(invoice="RE")
        ),
    )
    equal("language", changed.language, "de")
    equal("vat_mode", changed.vat_mode, "inclusive")
    equal("receivable_edit_flow", changed.receivable_edit_flow, "non_compliant")
    equal("currency.default", changed.currency.default, "EUR")
    equal("reminder.enabled", changed.reminder.enabled, False)
    equal("document_ids.prefix", changed.document_ids.prefix, "ACME")
    equal("invoice prefix", changed.document_ids.document_type_prefix.invoice, "RE")
    equal("payment_priority, which was not sent", changed.payment_priority, "working_capital")
    equal("stored", c.partner.entities.get_settings_by_id(c.entity.id), changed)


def entity_is_one_of_many(c: Context) -> None:
    other = c.partner.entities.create(**acme())
    equal("vat_mode of another entity", c.partner.entities.get_settings_by_id(other.id).vat_mode, "exclusive")


def entity_by_its_user(c: Context) -> None:
    role = c.acting.roles.create(name="boss", permissions=may(entity=["read", "update"]))
    user = c.acting.entity_users.create(login="boss", first_name="Boss", role_id=role.id)
    boss = c.sandbox.client(c.sandbox.user_token(user.id), c.entity.id)
    changed = boss.entities.update_settings_by_id(c.entity.id, quote_signature_required=True)
    equal("quote_signature_required", changed.quote_signature_required, True)
    c.acting.roles.update_by_id(role.id, permissions=may(entity=["read"]))
    with refused("without entity.update", ApiError, 403) as why:
        boss.entities.update_settings_by_id(c.entity.id, quote_signature_required=False)
    equal("message", why.message, "Action update for entity not allowed")
    equal("read", boss.entities.get_settings_by_id(c.entity.id).quote_signature_required, True)
    with refused("settings of the partner as a user", ForbiddenError, 403):
        boss.partner_settings.get()


def entity_refused(c: Context) -> None:
    with refused("three mistakes", UnprocessableEntityError, 422) as why:
        c.partner.entities.update_settings_by_id(
            c.entity.id,
            vat_mode="both",
            document_ids=DocumentIDsSettingsRequest(min_digits=26),
            request_options={"additional_body_parameters": {"color": "red"}},
        )
    equal(
        "all of them, by their place",
        sorted(why.fields),
        [["body", "color"], ["body", "document_ids", "min_digits"], ["body", "vat_mode"]],
    )
    with refused("settings of no entity", ApiError, 404):
        c.partner.entities.get_settings_by_id(str(uuid.uuid4()))


def partner_changed(c: Context) -> None:
    changed = c.partner.partner_settings.update(
        website="https://partner.example/",
        mail=MailSettings(from_name="Partner", from_email_username="ap", attach_documents_as_pdf=False),
        payable=PayableSettings(approve_page_url="https://partner.example/approve"),
        receivable=ReceivableSettings(create_without_personal_info=True),
    )
    equal("website", changed.website.rstrip("/"), "https://partner.example")
    equal("mail.from_name", changed.mail.from_name, "Partner")
    equal("mail.attach_documents_as_pdf", changed.mail.attach_documents_as_pdf, False)
    equal("payable.approve_page_url", changed.payable.approve_page_url, "https://partner.example/approve")
    equal("receivable.create_without_personal_info", changed.receivable.create_without_personal_info, True)
    equal("stored", c.partner.partner_settings.get(), changed)


def default_role(c: Context) -> None:
    c.partner.partner_settings.update(
        default_role={"name": "everybody", "permissions": may(role=["read"]).model_dump(mode="json")}
    )
    equal("default_role.name", c.partner.partner_settings.get().default_role["name"], "everybody")
    entity = c.partner.entities.create(**acme())
    born = c.sandbox.client(c.sandbox.partner_token(), entity.id)
    [role] = born.roles.get().data
    equal("the role that a new entity has", role.name, "everybody")
    user = born.entity_users.create(login="new", first_name="New")
    equal("the role of a user without one", user.role_id, role.id)
    mine = c.sandbox.client(c.sandbox.user_token(user.id), entity.id)
    equal("what it allows", [seen.id for seen in mine.roles.get().data], [role.id])
    # As it was, for whatever comes next.
    c.partner.partner_settings.update(default_role=None)
    unborn = c.sandbox.client(c.sandbox.partner_token(), c.partner.entities.create(**acme()).id)
    equal("roles of an entity without a default", unborn.roles.get().data, [])
    with refused("a user without a role", BadRequestError, 400):
        unborn.entity_users.create(login="new", first_name="New")


def partner_refused(c: Context) -> None:
    with refused("a name that is too long", UnprocessableEntityError, 422) as why:
        c.partner.partner_settings.update(mail=MailSettings(from_name="x" * 31, attach_documents_as_pdf=True))
    equal("place", why.fields, [["body", "mail", "from_name"]])


STEPS = [
    ("settings of an entity change where something was sent", entity_changed),
    ("and only those of that entity", entity_is_one_of_many),
    ("a user reads and changes them as the role says", entity_by_its_user),
    ("what settings of an entity refuse", entity_refused),
    ("settings of the partner", partner_changed),
    ("a default role comes with each new entity", default_role),
    ("what settings of the partner refuse", partner_refused),
]
