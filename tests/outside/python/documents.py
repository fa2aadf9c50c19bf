"""Documents that several chapters send."""

from __future__ import annotations

import typing
from typing import Any

from monite.types import (
    ActionSchema,
    BizObjectsSchemaInput,
    EntityAddressSchema,
    OrganizationSchema,
    PayableActionSchema,
    RootSchemaInput,
)

# The client has one class per object type, each with its name as the default of `object_type`.
OBJECTS: dict[str, type] = {kind.model_fields["object_type"].default: kind for kind in typing.get_args(RootSchemaInput)}


def acme(**changes: Any) -> dict[str, Any]:
    """A German company."""
    return {
        "type": "organization",
        "email": "ap@acme.example.com",
        "address": EntityAddressSchema(country="DE", city="Berlin", line1="Musterweg 1", postal_code="10115"),
        "organization": OrganizationSchema(legal_name="Acme GmbH", business_structure="private_corporation"),
        **changes,
    }


def may(**objects: list[str]) -> BizObjectsSchemaInput:
    """Permissions: `role=["read", "update:own"]`."""
    return BizObjectsSchemaInput(objects=[object_with(kind, actions) for kind, actions in objects.items()])


def admin() -> BizObjectsSchemaInput:
    """Everything on every object that the client knows."""
    return may(**{kind: ["create", "read", "update", "delete"] for kind in OBJECTS})


def object_with(kind: str, actions: list[str]) -> Any:
    schema = PayableActionSchema if kind == "payable" else ActionSchema
    granted = []
    for action in actions:
        name, _, own = action.partition(":")
        granted.append(schema(action_name=name, permission="allowed_for_own" if own else "allowed"))
    return OBJECTS[kind](actions=granted)
