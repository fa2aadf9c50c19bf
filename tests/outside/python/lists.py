"""Lists: filters, order, and pages in both directions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from check import equal, refused, true
from documents import acme, may
from monite import BadRequestError
from sandbox import Sandbox

TITLE = "lists"


class Context:
    """Five roles and five users in an entity, beside two more entities."""

    def __init__(self, sandbox: Sandbox, _binary: str):
        self.partner = sandbox.client(sandbox.partner_token())
        names = ("north", "south", "west")
        self.entities = [self.partner.entities.create(**acme(email=f"{name}@lists.example.com")) for name in names]
        self.emails = [entity.email for entity in self.entities]
        self.acting = sandbox.client(sandbox.partner_token(), self.entities[0].id)
        self.roles = [self.acting.roles.create(name=f"role {n}", permissions=may(role=["read"])) for n in range(5)]
        self.users = [
            self.acting.entity_users.create(login=f"user{n}", first_name=name, last_name="Öz", role_id=role.id)
            for n, (name, role) in enumerate(zip(("Ada", "Ben", "Cem", "Ada", "Eve"), self.roles, strict=True))
        ]


def ids(page: Any) -> list[str]:
    return [row.id for row in page.data]


def entity_filters(c: Context) -> None:
    get, (north, south, west) = c.partner.entities.get, (entity.id for entity in c.entities)
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"email": "south@lists.example.com"}, [south]),
        ({"email": "South@lists.example.com"}, []),
        ({"email_in": ["west@lists.example.com", "north@lists.example.com"]}, [north, west]),
        ({"email_in": c.emails, "email_not_in": ["west@lists.example.com"]}, [north, south]),
        ({"id_in": [south, west]}, [south, west]),
        ({"id_in": west}, [west]),
        ({"id_in": [south, west], "id_not_in": [west]}, [south]),
        ({"email_in": c.emails, "type": "individual"}, []),
        ({"email_in": c.emails, "type": "organization", "status": "active"}, [north, south, west]),
        ({"email_in": c.emails, "order": "desc"}, [west, south, north]),
        ({"email_in": c.emails, "sort": "created_at", "order": "desc", "limit": 1}, [west]),
    ]
    for query, expected in cases:
        equal(f"entities with {query}", ids(get(**query)), expected)


def entity_times(c: Context) -> None:
    # In the local time of somebody else: what counts is the instant.
    south = c.entities[1].created_at.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30)))
    cases = [
        ({"created_at_gt": south}, ["west"]),
        ({"created_at_gte": south}, ["south", "west"]),
        ({"created_at_lt": south}, ["north"]),
        ({"created_at_lte": south}, ["north", "south"]),
        ({"created_at_gte": south, "created_at_lte": south}, ["south"]),
    ]
    for query, expected in cases:
        found = c.partner.entities.get(email_in=c.emails, **query).data
        equal(f"entities with {query}", [entity.email.split("@")[0] for entity in found], expected)


def entities_by_change(c: Context) -> None:
    north = c.entities[0]
    c.partner.entities.update_by_id(north.id, tax_id="DE1")
    latest = c.partner.entities.get(email_in=c.emails, sort="updated_at", order="desc")
    equal("the one that changed last", latest.data[0].id, north.id)


def entity_status(c: Context) -> None:
    west = c.entities[2].id
    c.partner.entities.post_entities_id_deactivate(west)
    equal("inactive ones", ids(c.partner.entities.get(email_in=c.emails, status="inactive")), [west])
    equal("all", len(c.partner.entities.get(email_in=c.emails).data), 3)


def role_filters(c: Context) -> None:
    get, all_ids = c.acting.roles.get, [role.id for role in c.roles]
    at = c.roles[2].created_at
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, all_ids),
        ({"name": "role 3"}, all_ids[3:4]),
        ({"name": "Role 3"}, []),
        ({"id_in": [all_ids[4], all_ids[1]]}, [all_ids[1], all_ids[4]]),
        ({"created_at": at}, all_ids[2:3]),
        ({"created_at_gt": at}, all_ids[3:]),
        ({"created_at_gte": at}, all_ids[2:]),
        ({"created_at_lt": at}, all_ids[:2]),
        ({"created_at_lte": at}, all_ids[:3]),
        ({"sort": "updated_at", "order": "desc"}, all_ids[::-1]),
        ({"sort": "created_at", "order": "desc", "limit": 2}, all_ids[:2:-1]),
    ]
    for query, expected in cases:
        equal(f"roles with {query}", ids(get(**query)), expected)


def user_filters(c: Context) -> None:
    get, all_ids = c.acting.entity_users.get, [user.id for user in c.users]
    roles = [role.id for role in c.roles]
    at = c.users[2].created_at
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, all_ids),
        ({"login": "user1"}, all_ids[1:2]),
        ({"first_name": "Ada"}, [all_ids[0], all_ids[3]]),
        ({"name_istartswith": "aD"}, [all_ids[0], all_ids[3]]),
        ({"status": "active"}, all_ids),
        ({"role_id": roles[2]}, all_ids[2:3]),
        ({"role_id_in": [roles[2], roles[0]]}, [all_ids[0], all_ids[2]]),
        ({"id_in": [all_ids[4], all_ids[1]]}, [all_ids[1], all_ids[4]]),
        ({"id_not_in": all_ids[1:]}, all_ids[:1]),
        ({"created_at_gt": at, "first_name": "Ada"}, all_ids[3:4]),
        ({"created_at_gte": at}, all_ids[2:]),
        ({"created_at_lt": at}, all_ids[:2]),
        ({"created_at_lte": at}, all_ids[:3]),
        ({"sort": "updated_at", "order": "desc"}, all_ids[::-1]),
    ]
    for query, expected in cases:
        equal(f"users with {query}", ids(get(**query)), expected)


def there_and_back(c: Context) -> None:
    for what, get, rows, query in [
        ("entities", c.partner.entities.get, c.entities, {"email_in": c.emails}),
        ("roles", c.acting.roles.get, c.roles, {}),
        ("users", c.acting.entity_users.get, c.users, {}),
    ]:
        for order in ("asc", "desc"):
            expected = [row.id for row in rows][:: 1 if order == "asc" else -1]
            walk_pages(f"{what} {order}", get, {**query, "order": order, "limit": 2}, expected)


def walk_pages(what: str, get: Callable[..., Any], query: dict[str, Any], expected: list[str]) -> None:
    pages = [get(**query)]
    equal(f"{what}: before the first page", pages[0].prev_pagination_token, None)
    while token := pages[-1].next_pagination_token:
        # As some clients do, with the query once more; it counts for nothing beside the token.
        pages.append(get(pagination_token=token, limit=99))
        true(f"{what}: ends", len(pages) < 9)
    equal(f"{what}: forwards", [row for page in pages for row in ids(page)], expected)
    back = [pages[-1]]
    while token := back[-1].prev_pagination_token:
        back.append(get(pagination_token=token))
        true(f"{what}: ends", len(back) < 9)
    equal(f"{what}: backwards", [ids(page) for page in back], [ids(page) for page in reversed(pages)])
    equal(f"{what}: after the first page, again", back[-1].next_pagination_token is None, len(pages) == 1)


def rows_added_meanwhile(c: Context) -> None:
    first = c.acting.roles.get(limit=3)
    late = c.acting.roles.create(name="late", permissions=may())
    rest = c.acting.roles.get(pagination_token=first.next_pagination_token)
    equal("every role once, the late one last", ids(first) + ids(rest), [*(role.id for role in c.roles), late.id])
    c.acting.roles.delete_roles_id(late.id)


def foreign_page_tokens(c: Context) -> None:
    token = c.acting.roles.get(limit=1).next_pagination_token
    with refused("a token of another list", BadRequestError, 400):
        c.acting.entity_users.get(pagination_token=token)
    with refused("a token that nobody gave out", BadRequestError, 400):
        c.acting.roles.get(pagination_token="bm90aGluZw")


STEPS = [
    ("entities by email, id, type, status; ordered", entity_filters),
    ("entities by time, in any offset", entity_times),
    ("entities by their last change", entities_by_change),
    ("inactive entities", entity_status),
    ("roles by name, id, time; ordered", role_filters),
    ("users by login, name, role, id, time; ordered", user_filters),
    ("pages forwards and backwards", there_and_back),
    ("a row added while paging is seen once", rows_added_meanwhile),
    ("page tokens of other lists and invented ones", foreign_page_tokens),
]
