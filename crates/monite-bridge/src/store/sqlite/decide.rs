//! What a write of the product means, given what is stored. Pure.

use super::super::{Precondition, Wish};
use super::desired::{DesiredCustomer, DesiredUser, Hash};
use crate::domain::document::FieldError;
use crate::domain::{Generation, UserId, fixed};
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
