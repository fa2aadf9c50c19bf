//! What many visits found out, sorted so that each kind of change is one statement over all of them. Pure.
//!
//! Changes of one visit have an order. Kinds are applied in the order of the fields below, so a visit whose changes come in another order,
//! or that says two things of the same object, needs more than one round.

use std::collections::HashSet;

use super::super::{Change, Progress};
use crate::domain::role::RoleName;
use crate::domain::{Call, CustomerId, EntityLink, Generation, LastError, RoleLink, Seen, UserId, UserLink};
use jiff::Timestamp;
use monite::{NewEntity, NewEntityUser};

/// Changes that can be applied together, kind after kind; of each object at most one in each kind.
#[derive(Debug, Default)]
pub(super) struct Round<'c> {
    pub(super) entities: Vec<(&'c CustomerId, &'c Seen<EntityLink, NewEntity>)>,
    pub(super) roles_listed: Vec<&'c CustomerId>,
    pub(super) roles: Vec<(&'c CustomerId, &'c RoleName, &'c Seen<RoleLink>)>,
    pub(super) users: Vec<(&'c CustomerId, &'c UserId, &'c Seen<UserLink, NewEntityUser>)>,
    pub(super) customers_looked: Vec<(&'c CustomerId, Generation)>,
    pub(super) users_looked: Vec<(&'c CustomerId, &'c UserId, Generation)>,
    pub(super) customers_done: Vec<(&'c CustomerId, &'c Progress)>,
    pub(super) users_done: Vec<(&'c CustomerId, &'c UserId, &'c Progress)>,
    pub(super) users_gone: Vec<(&'c CustomerId, &'c UserId)>,
    pub(super) customer_calls: Vec<(&'c CustomerId, &'c [Call])>,
    pub(super) user_calls: Vec<(&'c CustomerId, &'c UserId, &'c [Call])>,
    pub(super) stamps_unsure: Vec<(&'c CustomerId, Option<Timestamp>)>,
    pub(super) stamped: Vec<(&'c CustomerId, i64)>,
    pub(super) stamps_failed: Vec<(&'c CustomerId, Timestamp, &'c LastError)>,
}

/// Sorts the changes of visits of different customers into as few rounds as keep the order of each.
pub(super) fn rounds<'c>(visits: impl IntoIterator<Item = (&'c CustomerId, &'c [Change])>) -> Vec<Round<'c>> {
    let mut rounds: Vec<Round<'c>> = Vec::new();
    for (customer, changes) in visits {
        let (mut round, mut reached, mut said) = (0, 0, HashSet::new());
        for change in changes {
            let (kind, about) = place(change);
            if kind < reached || said.contains(&(kind, about)) {
                round += 1;
                said.clear();
            }
            reached = kind;
            said.insert((kind, about));
            if rounds.len() <= round {
                rounds.resize_with(round + 1, Round::default);
            }
            rounds[round].add(customer, change);
        }
    }
    rounds
}

impl<'c> Round<'c> {
    fn add(&mut self, customer: &'c CustomerId, change: &'c Change) {
        match change {
            Change::Entity(seen) => self.entities.push((customer, seen)),
            Change::RolesListed => self.roles_listed.push(customer),
            Change::Role(role, seen) => self.roles.push((customer, role, seen)),
            Change::User(user, seen) => self.users.push((customer, user, seen)),
            Change::Looked(None, generation) => self.customers_looked.push((customer, *generation)),
            Change::Looked(Some(user), generation) => self.users_looked.push((customer, user, *generation)),
            Change::CustomerDone(progress) => self.customers_done.push((customer, progress)),
            Change::UserDone(user, progress) => self.users_done.push((customer, user, progress)),
            // Whether it was written again meanwhile shows in its wish; the generation would tell no more.
            Change::UserGone(user, _) => self.users_gone.push((customer, user)),
            Change::Calls(None, calls) => self.customer_calls.push((customer, calls)),
            Change::Calls(Some(user), calls) => self.user_calls.push((customer, user, calls)),
            Change::StampUnsure(until) => self.stamps_unsure.push((customer, *until)),
            Change::Stamped { links } => self.stamped.push((customer, *links)),
            Change::StampFailed { due_at, error } => self.stamps_failed.push((customer, *due_at, error)),
        }
    }
}

/// When a kind's turn is within a round, and what the change is about.
fn place(change: &Change) -> (u8, &str) {
    match change {
        Change::Entity(_) => (0, ""),
        Change::RolesListed => (1, ""),
        Change::Role(role, _) => (2, role.as_str()),
        Change::User(user, _) => (3, user.as_str()),
        Change::Looked(None, _) => (4, ""),
        Change::Looked(Some(user), _) => (5, user.as_str()),
        Change::CustomerDone(_) => (6, ""),
        Change::UserDone(user, _) => (7, user.as_str()),
        Change::UserGone(user, _) => (8, user.as_str()),
        Change::Calls(None, _) => (9, ""),
        Change::Calls(Some(user), _) => (10, user.as_str()),
        Change::StampUnsure(_) => (11, ""),
        Change::Stamped { .. } => (12, ""),
        Change::StampFailed { .. } => (13, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SyncState;

    fn change(word: &str) -> Change {
        let progress = || Progress {
            generation: Generation::FIRST,
            state: SyncState::InSync,
            attempts: 0,
            due_at: None,
            error: None,
            unanswered_until: None,
            at: jiff::Timestamp::UNIX_EPOCH,
        };
        let user = |id| UserId::parse(id).unwrap();
        match word.split_once(' ').unwrap_or((word, "")) {
            ("entity", _) => Change::Entity(Seen::Absent),
            ("role", name) => Change::Role(RoleName::from_stored(name), Seen::Absent),
            ("user", id) => Change::User(user(id), Seen::Absent),
            ("done", "") => Change::CustomerDone(progress()),
            ("done", id) => Change::UserDone(user(id), progress()),
            ("gone", id) => Change::UserGone(user(id), Generation::FIRST),
            ("calls", _) => Change::Calls(None, Vec::new()),
            ("stamped", _) => Change::Stamped { links: 1 },
            other => panic!("{other:?}"),
        }
    }

    /// What each round holds, kind by kind.
    fn check(visits: &[&[&str]], expected: &[&str]) {
        let customers: Vec<CustomerId> =
            (0..visits.len()).map(|number| CustomerId::parse(&format!("c{number}")).unwrap()).collect();
        let changes: Vec<Vec<Change>> =
            visits.iter().map(|words| words.iter().map(|word| change(word)).collect()).collect();
        let rounds = rounds(customers.iter().zip(changes.iter().map(Vec::as_slice)));
        let counts: Vec<String> = rounds
            .iter()
            .map(|round| {
                let counts = [
                    ("entities", round.entities.len()),
                    ("roles", round.roles.len()),
                    ("users", round.users.len()),
                    ("done", round.customers_done.len()),
                    ("users done", round.users_done.len()),
                    ("gone", round.users_gone.len()),
                    ("calls", round.customer_calls.len()),
                    ("stamped", round.stamped.len()),
                ];
                let there: Vec<String> =
                    counts.iter().filter(|(_, n)| *n > 0).map(|(kind, n)| format!("{n} {kind}")).collect();
                there.join(", ")
            })
            .collect();
        assert_eq!(counts, expected, "{visits:?}");
    }

    #[test]
    fn the_order_within_a_visit_is_kept_in_as_few_rounds_as_can_be() {
        check(&[], &[]);
        check(&[&["entity", "done", "calls"], &["entity", "done"]], &["2 entities, 2 done, 1 calls"]);
        check(&[&["user a", "user b", "done a", "done b"]], &["2 users, 2 users done"]);
        check(&[&["user a", "user a"]], &["1 users", "1 users"]);
        check(&[&["calls", "stamped"], &["entity", "calls"]], &["1 entities, 2 calls, 1 stamped"]);
        check(&[&["done", "entity"], &["done"]], &["2 done", "1 entities"]);
        check(&[&["user a", "done a", "user b", "done b"]], &["1 users, 1 users done", "1 users, 1 users done"]);
        check(&[&["role a", "role b", "gone a"], &["gone a", "role b"]], &["2 roles, 2 gone", "1 roles"]);
    }
}
