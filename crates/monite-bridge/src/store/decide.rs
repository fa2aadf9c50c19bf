//! What a write of the product means, given what is stored. Pure.

use super::desired::{DesiredCustomer, DesiredUser, Hash};
use super::{Precondition, StoreError, User, Wish, Written};
use crate::domain::document::FieldError;
use crate::domain::{Generation, Seen, SyncState, UserId, fixed};
use monite::NewEntity;

/// What is stored of a customer, as far as a write must know.
#[derive(Debug, Clone)]
pub(super) struct StoredCustomer {
    pub(super) hash: Hash,
    pub(super) wish: Wish,
    pub(super) generation: Generation,
    /// Whether its entity exists or may exist.
    pub(super) may_exist: bool,
}

/// What is stored of a user, as far as a write must know.
#[derive(Debug, Clone)]
pub(super) struct StoredUser {
    pub(super) hash: Hash,
    pub(super) wish: Wish,
    pub(super) generation: Generation,
    pub(super) login: String,
}

/// What is to become of a write.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Decision {
    /// Write it: there was none.
    Create,
    /// Write it: it is another one, or comes back.
    Change,
    /// It is there already.
    Same,
    /// The precondition does not hold; what is there instead.
    Failed(Option<Generation>),
    /// What is stored forbids it.
    Refused(Vec<FieldError>),
}

/// Whether `when` holds for an object at this generation (`None`: there is none).
pub(super) fn holds(when: Precondition, there: Option<Generation>) -> bool {
    match when {
        Precondition::None => true,
        Precondition::Generation(expected) => there == Some(expected),
        Precondition::Exists => there.is_some(),
        Precondition::Missing => there.is_none(),
    }
}

/// A deleted customer is still there (deactivated) and comes back. `known` is the document of its entity, when there may be one.
pub(super) fn customer(
    stored: Option<&StoredCustomer>, known: Option<&NewEntity>, desired: &DesiredCustomer, when: Precondition,
) -> Decision {
    let there = stored.map(|stored| stored.generation);
    if !holds(when, there) {
        return Decision::Failed(there);
    }
    let Some(stored) = stored else { return Decision::Create };
    if stored.wish == Wish::Present && stored.hash == desired.hash {
        return Decision::Same;
    }
    match known.map(|known| fixed::cannot_become(known, desired.document.as_entity())) {
        Some(errors) if !errors.is_empty() => Decision::Refused(errors),
        _ => Decision::Change,
    }
}

/// A deleted user is not there any more, although its row may wait for Monite to confirm the deletion. `holder` is another
/// user of the customer that has the login.
pub(super) fn user(
    stored: Option<&StoredUser>, holder: Option<&UserId>, desired: &DesiredUser, when: Precondition,
) -> Decision {
    let stored = stored.filter(|stored| stored.wish == Wish::Present);
    let there = stored.map(|stored| stored.generation);
    if !holds(when, there) {
        return Decision::Failed(there);
    }
    match (stored, holder) {
        (Some(stored), _) if stored.hash == desired.hash => Decision::Same,
        (_, Some(holder)) => Decision::Refused(vec![login_taken("login", &desired.login, holder)]),
        (Some(_), None) => Decision::Change,
        (None, None) => Decision::Create,
    }
}

/// What the deletion of a user comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deletion {
    /// Nothing is to be called and nobody works on it: the row goes.
    Forget,
    /// Nothing is to be called, but a visit may be creating the user right now: the row goes when that visit ends.
    ForgetLater,
    /// To be deleted at Monite. Also a user that is not there yet, while a visit may be creating it: its row must outlive the
    /// visit, as a deletion that the next one completes.
    AtMonite,
}

/// `in_hand`: whether a visit has the customer; `keep`: whether the entity user is to be kept at Monite.
pub(super) fn delete_user(there: &User, keep: bool, in_hand: bool) -> Deletion {
    let never_reached_monite = there.entity_user == Seen::Absent;
    match (keep || never_reached_monite, in_hand) {
        (true, false) => Deletion::Forget,
        (true, true) if keep => Deletion::ForgetLater,
        _ => Deletion::AtMonite,
    }
}

/// A user that was forgotten at once, as its last answer shows it.
pub(super) fn gone(mut user: User) -> User {
    user.wish = Wish::Gone;
    user.sync.state = SyncState::Deactivated;
    user.sync.generation = user.sync.generation.next();
    user.sync.next_attempt_at = None;
    user
}

/// The refusal of a login that another user has.
pub(super) fn login_taken(field: &str, login: &str, holder: &UserId) -> FieldError {
    FieldError {
        field: field.to_owned(),
        message: format!(
            "the user {:?} of this customer has the login {login:?} already; a login belongs to one user of a customer",
            holder.as_str()
        ),
    }
}

/// The answer to a write, with the object as it is now.
pub(super) fn written<T>(decision: Decision, now_there: Option<T>) -> Result<Written<T>, StoreError> {
    let object = || {
        now_there.ok_or_else(|| StoreError::Corrupt {
            row: "(just written)".to_owned(),
            reason: "it is not there".to_owned(),
        })
    };
    Ok(match decision {
        Decision::Create => Written::Created(object()?),
        Decision::Change => Written::Changed(object()?),
        Decision::Same => Written::Unchanged(object()?),
        Decision::Failed(there) => Written::Failed(there),
        Decision::Refused(errors) => Written::Refused(errors),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preconditions() {
        let three = Some(Generation(3));
        for (when, there, expected) in [
            (Precondition::None, None, true),
            (Precondition::None, three, true),
            (Precondition::Generation(Generation(3)), three, true),
            (Precondition::Generation(Generation(2)), three, false),
            (Precondition::Generation(Generation(3)), None, false),
            (Precondition::Exists, three, true),
            (Precondition::Exists, None, false),
            (Precondition::Missing, three, false),
            (Precondition::Missing, None, true),
        ] {
            assert_eq!(holds(when, there), expected, "{when:?} {there:?}");
        }
    }
}
