//! What a sweep sees against what is known: which sighting is to be written down. No clock, no database, no network.

use std::collections::BTreeMap;

use jiff::Timestamp;
use monite::{Entity, EntityStatus, EntityUser, Permissions, RoleId};

use super::super::compare;
use super::super::diff::{FieldChange, role_changes};
use super::super::observe::link_of;
use super::super::plan::{Action, Desired, EntityWish, Observed, Policy, plan};
use crate::config::Drift;
use crate::domain::role::{RoleName, RoleTemplates};
use crate::domain::{Attempt, EntityLink, LastError, RoleLink, Seen, SyncState, SyncStatus, UserLink};
use crate::store::{AsRead, Change, Consequence, Sighting, User, Visit, Wish};

/// The most fields that a reason names.
const FIELDS_NAMED: usize = 12;

/// What decides beside the sighting itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bench<'a> {
    pub(super) templates: &'a RoleTemplates,
    pub(super) policy: Policy,
    pub(super) drift: Drift,
    pub(super) now: Timestamp,
}

/// What became of one role.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum RoleSight {
    There(Permissions),
    /// A complete list lacks it, and Monite answered not-found for it.
    Gone,
}

/// What became of one entity user.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum UserSight {
    There(Box<EntityUser>),
    /// As for roles.
    Gone,
}

/// Whether what is stored of an object is at rest, so that a sighting tells something about it. Anything else is being worked on.
pub(super) fn is_at_rest(sync: &SyncStatus) -> bool {
    match sync.state {
        SyncState::InSync | SyncState::Drifted | SyncState::Rejected | SyncState::Deactivated => {
            sync.next_attempt_at.is_none()
        }
        SyncState::Pending | SyncState::Retrying => false,
    }
}

/// The customer with its entity and roles. `None`: all is as it was, nothing is to be written.
pub(super) fn customer(
    bench: Bench<'_>, read: &Visit, entity: &Entity, roles: &BTreeMap<RoleId, RoleSight>,
) -> Option<Sighting> {
    let Seen::Present(known) = &read.customer.entity else { return None };
    let seen = link_of(entity);
    let is = EntityLink {
        id: known.id,
        confirmed: compare::entity(&known.confirmed, &seen.confirmed).now,
        active: entity.status == EntityStatus::Active,
    };
    let mut observed = Observed::of(read);
    let mut changes = Vec::new();
    if is != *known {
        changes.push(Change::Entity(Seen::Present(is.clone())));
    }
    observed.entity = Seen::Present(is);
    for (name, link) in &read.roles {
        let Seen::Present(link) = link else { continue };
        let is = match roles.get(&link.id) {
            Some(RoleSight::There(permissions)) if permissions.grants_same_as(&link.confirmed) => continue,
            Some(RoleSight::There(permissions)) => {
                Seen::Present(RoleLink { id: link.id, confirmed: permissions.clone() })
            }
            Some(RoleSight::Gone) => Seen::Unknown(Attempt { at: bench.now, lands_by: bench.now, sent: () }),
            None => continue,
        };
        changes.push(Change::Role(name.clone(), is.clone()));
        observed.roles.insert(name.clone(), is);
    }
    let all_due = Visit { customer_due: true, users: Vec::new(), ..read.clone() };
    let actions = plan(&Desired::of(&all_due, bench.templates, bench.policy), &observed);
    let as_desired = match read.customer.wish {
        Wish::Present => SyncState::InSync,
        Wish::Gone => SyncState::Deactivated,
    };
    let then = consequence(bench, &read.customer.sync, as_desired, &said(&actions, &observed));
    sighting(AsRead::Customer(read.customer.clone(), read.roles.clone()), changes, then)
}

/// One user of a customer that is to be there.
pub(super) fn user(bench: Bench<'_>, customer: &Visit, read: &User, sight: &UserSight) -> Option<Sighting> {
    let Seen::Present(known) = &read.entity_user else { return None };
    let is = match sight {
        UserSight::There(seen) => {
            let confirmed = compare::user(&known.confirmed, seen).now;
            Seen::Present(UserLink { id: known.id, confirmed })
        }
        UserSight::Gone => Seen::Unknown(Attempt { at: bench.now, lands_by: bench.now, sent: known.confirmed.clone() }),
    };
    let changes = match (&is, &read.entity_user) {
        (is, known) if is == known => Vec::new(),
        (is, _) => vec![Change::User(read.id.clone(), is.clone())],
    };
    let mut observed = Observed::of(customer);
    observed.users = BTreeMap::from([(read.id.clone(), is)]);
    let alone = Visit { customer_due: false, users: vec![read.clone()], ..customer.clone() };
    let desired = Desired { entity: EntityWish::Untouched, ..Desired::of(&alone, bench.templates, bench.policy) };
    let mut actions = plan(&desired, &observed);
    actions.retain(|action| action.user() == Some(&read.id));
    let then = consequence(bench, &read.sync, SyncState::InSync, &said(&actions, &observed));
    sighting(AsRead::User(read.clone()), changes, then)
}

fn sighting(read: AsRead, changes: Vec<Change>, then: Consequence) -> Option<Sighting> {
    (!changes.is_empty() || then != Consequence::AsItWas).then_some(Sighting { read, changes, then })
}

/// `differs`: in words, what the ordinary plan would set right; empty when it would do nothing.
fn consequence(bench: Bench<'_>, sync: &SyncStatus, as_desired: SyncState, differs: &[String]) -> Consequence {
    if sync.state == SyncState::Rejected {
        // It waits for another document or a retry, which start from what is there.
        return Consequence::AsItWas;
    }
    match (differs.is_empty(), bench.drift) {
        (true, _) if sync.state == SyncState::Drifted => Consequence::Settled(as_desired),
        (true, _) => Consequence::AsItWas,
        (false, Drift::Enforce) => Consequence::Due,
        (false, Drift::Report) => {
            let message = reason(differs);
            let told = sync.last_error.as_ref().is_some_and(|error| error.message == message);
            if sync.state == SyncState::Drifted && told {
                return Consequence::AsItWas;
            }
            Consequence::Drifted(LastError { status: None, message, request_id: None, at: bench.now })
        }
    }
}

fn reason(differs: &[String]) -> String {
    let named: Vec<&str> = differs.iter().take(FIELDS_NAMED).map(String::as_str).collect();
    let more = differs.len().saturating_sub(FIELDS_NAMED);
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    format!("Monite holds something else than what is desired: {}{more}", named.join("; "))
}

/// What the actions would set right, field by field, from what is desired to what is there.
fn said(actions: &[Action], observed: &Observed) -> Vec<String> {
    let mut said = Vec::new();
    for action in actions {
        match action {
            Action::ActivateEntity(_) => said.push("status: active -> inactive".to_owned()),
            Action::DeactivateEntity(_) => said.push("status: inactive -> active".to_owned()),
            Action::PatchEntity { changes, .. } | Action::PatchUser { changes, .. } => {
                said.extend(changes.iter().map(backwards));
            }
            Action::UpdateRole(name, _, template) => said.extend(role_said(name, template, observed)),
            Action::CreateRole(name, _) => said.push(format!("roles.{name}: it is gone")),
            Action::FindUser { .. } | Action::CreateUser(..) => said.push("the entity user is gone".to_owned()),
            // A list is only asked for because of what follows it here; the rest is not planned for what is at rest.
            _ => {}
        }
    }
    said
}

fn role_said(name: &RoleName, template: &Permissions, observed: &Observed) -> Vec<String> {
    let there = observed.roles.get(name).and_then(Seen::present);
    there.map_or(Vec::new(), |link| role_changes(name, &link.confirmed, template).iter().map(backwards).collect())
}

fn backwards(change: &FieldChange) -> String {
    let value = |value: &serde_json::Value| match value {
        serde_json::Value::Null => "(nothing)".to_owned(),
        other => other.to_string(),
    };
    format!("{}: {} -> {}", change.field, value(&change.to), value(&change.from))
}
