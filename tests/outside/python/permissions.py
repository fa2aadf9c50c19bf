"""What a token of an entity user may do, and what not."""

from __future__ import annotations

from collections.abc import Callable

from check import equal, refused, true
from documents import acme, may
from monite import ForbiddenError
from monite.core.api_error import ApiError
from sandbox import Sandbox

TITLE = "permissions"


class Context:
    """Two entities; in the first, users whose roles differ."""

    def __init__(self, sandbox: Sandbox, _binary: str):
        partner_token = sandbox.partner_token()
        self.sandbox, self.partner = sandbox, sandbox.client(partner_token)
        self.home, self.foreign = (self.partner.entities.create(**acme()) for _ in range(2))
        self.acting = sandbox.client(partner_token, self.home.id)

    def user(self, name: str, **may_do: list[str]) -> tuple[str, object]:
        """A new user's id, and the client that acts as them."""
        role = self.acting.roles.create(name=f"role of {name}", permissions=may(**may_do))
        user = self.acting.entity_users.create(login=name, first_name=name, role_id=role.id)
        return user.id, self.sandbox.client(self.sandbox.user_token(user.id), self.home.id)


def denied(action: str, kind: str, call: Callable[[], object], error: type[ApiError] = ApiError) -> None:
    with refused(f"{action} {kind} without the permission", error, 403) as why:
        call()
    equal("message", why.message, f"Action {action} for {kind} not allowed")


def nothing_allowed(c: Context) -> None:
    other, _ = c.user("other")
    user, guest = c.user("guest")
    role = guest.entity_users.get_current().role_id
    denied("read", "role", lambda: guest.roles.get(), ForbiddenError)
    denied("read", "role", lambda: guest.roles.get_by_id(role))
    denied("create", "role", lambda: guest.roles.create(name="mine", permissions=may()))
    denied("update", "role", lambda: guest.roles.update_by_id(role, name="mine"))
    denied("delete", "role", lambda: guest.roles.delete_roles_id(role))
    denied("read", "entity_user", lambda: guest.entity_users.get(), ForbiddenError)
    denied("read", "entity_user", lambda: guest.entity_users.get_by_id(other))
    denied("create", "entity_user", lambda: guest.entity_users.create(login="x", first_name="x"))
    denied("update", "entity_user", lambda: guest.entity_users.update_by_id(user, first_name="x"))
    denied("delete", "entity_user", lambda: guest.entity_users.delete_by_id(other))
    denied("read", "entity", lambda: guest.entity_users.get_current_entity())
    denied("update", "entity", lambda: guest.entity_users.update_current_entity(tax_id="1"))
    denied("read", "entity", lambda: guest.entities.get_settings_by_id(c.home.id))
    equal("themselves they see all the same", guest.entity_users.get_current().login, "guest")
    equal("and their role", guest.entity_users.get_current_role().id, role)


def partner_only(c: Context) -> None:
    _, boss = c.user("boss", entity=["create", "read", "update", "delete"], role=["read"])
    for what, call in [
        ("create an entity", lambda: boss.entities.create(**acme())),
        ("list entities", lambda: boss.entities.get()),
        ("activate an entity", lambda: boss.entities.post_entities_id_activate(c.home.id)),
        ("deactivate an entity", lambda: boss.entities.post_entities_id_deactivate(c.home.id)),
        ("read partner metadata", lambda: boss.entities.get_partner_metadata_by_id(c.home.id)),
        ("read an entity by its id", lambda: boss.entities.get_by_id(c.home.id)),
        ("read settings of another entity", lambda: boss.entities.get_settings_by_id(c.foreign.id)),
    ]:
        try:
            call()
        except ApiError as error:
            equal(f"{what}: status", error.status_code, 403)
        else:
            true(f"an entity user may {what}", False)
    elsewhere = c.sandbox.client(boss._client_wrapper._get_token(), c.foreign.id)
    with refused("another entity in the header", ForbiddenError, 403):
        elsewhere.roles.get()


def own_only(c: Context) -> None:
    _, clerk = c.user("clerk", role=["create", "read:own", "update:own", "delete:own"])
    mine = clerk.roles.create(name="the clerk's", permissions=may(tag=["read"]))
    equal("roles that the clerk sees", [role.id for role in clerk.roles.get().data], [mine.id])
    true("the partner sees more", len(c.acting.roles.get().data) > 1)
    theirs = clerk.entity_users.get_current().role_id
    denied("update", "role", lambda: clerk.roles.update_by_id(theirs, name="x"))
    equal("renamed", clerk.roles.update_by_id(mine.id, name="renamed").name, "renamed")
    clerk.roles.delete_roles_id(mine.id)


def at_once(c: Context) -> None:
    user, eve = c.user("eve")
    denied("read", "role", lambda: eve.roles.get(), ForbiddenError)
    reader = c.acting.roles.create(name="reader", permissions=may(role=["read"]))
    c.acting.entity_users.update_by_id(user, role_id=reader.id)
    true("roles with the new role", eve.roles.get().data)
    c.acting.roles.update_by_id(reader.id, permissions=may())
    denied("read", "role", lambda: eve.roles.get(), ForbiddenError)


STEPS = [
    ("a role without permissions allows nothing, and each refusal names the missing one", nothing_allowed),
    ("no role opens what is the partner's, nor another entity", partner_only),
    ("allowed_for_own reaches what the user made", own_only),
    ("a new role and new permissions count at once", at_once),
]
