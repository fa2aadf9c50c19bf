//! The permission matrix of a role.

use std::collections::{BTreeMap, BTreeSet};

use super::permission_kinds::{Action, ObjectType, Permission};

/// Object type × action → permission. What is not mentioned is not allowed, and equality follows that:
/// two matrices are equal when they grant the same.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    cells: BTreeMap<ObjectType, BTreeMap<Action, Permission>>,
    /// Cells with names this version does not know, kept so that reading, changing and writing back loses nothing.
    unknown: Vec<UnknownGrant>,
}

impl Permissions {
    /// Grants nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows one action whose name is only known when the program runs, for chains; [`Permissions::grant`] cannot fail.
    ///
    /// # Errors
    /// When the object does not know the action.
    pub fn allow(mut self, object: ObjectType, action: Action) -> Result<Self, ImpossiblePermission> {
        self.set(object, action, Permission::Allowed)?;
        Ok(self)
    }

    /// Sets one cell.
    ///
    /// # Errors
    /// When the object does not know the action: `pay` and its like exist for payables only.
    pub fn set(
        &mut self, object: ObjectType, action: Action, permission: Permission,
    ) -> Result<(), ImpossiblePermission> {
        if !object.accepts(action) {
            return Err(ImpossiblePermission { object, action });
        }
        self.put(object, action, permission);
        Ok(())
    }

    /// Whether Monite's matrix has all of it. A cell with names this version does not know passes: Monite may know them.
    /// One that pairs known names wrongly, which can only come from reading JSON, is refused before it is sent.
    ///
    /// # Errors
    /// The first cell that the matrix does not have.
    pub fn check(&self) -> Result<(), ImpossiblePermission> {
        for cell in &self.unknown {
            if let (Ok(object), Ok(action)) = (cell.object.parse::<ObjectType>(), cell.action.parse())
                && !object.accepts(action)
            {
                return Err(ImpossiblePermission { object, action });
            }
        }
        Ok(())
    }

    /// How far `action` on `object` is allowed.
    pub fn get(&self, object: ObjectType, action: Action) -> Permission {
        self.cells.get(&object).and_then(|actions| actions.get(&action)).copied().unwrap_or(Permission::NotAllowed)
    }

    /// Every cell that was set, `not_allowed` ones too, in sending order.
    pub fn iter(&self) -> impl Iterator<Item = (ObjectType, Action, Permission)> + '_ {
        self.cells
            .iter()
            .flat_map(|(object, actions)| actions.iter().map(|(action, permission)| (*object, *action, *permission)))
    }

    /// True when it allows nothing that this version knows.
    pub fn grants_nothing(&self) -> bool {
        self.iter().all(|(_, _, permission)| permission == Permission::NotAllowed) && self.unknown_grants().is_empty()
    }

    /// Whether both allow exactly the same; a missing cell counts as `not_allowed`.
    pub fn grants_same_as(&self, other: &Self) -> bool {
        let granted = |matrix: &Self| -> BTreeSet<_> {
            matrix.iter().filter(|(_, _, permission)| *permission != Permission::NotAllowed).collect()
        };
        granted(self) == granted(other) && self.unknown_grants() == other.unknown_grants()
    }

    /// Cells Monite sent with names this version does not know.
    pub fn unknown(&self) -> &[UnknownGrant] {
        &self.unknown
    }

    /// Keeps a cell this version cannot name; the first of several for the same place wins.
    pub(super) fn keep_unknown(&mut self, grant: UnknownGrant) {
        if !self.unknown.iter().any(|kept| kept.object == grant.object && kept.action == grant.action) {
            self.unknown.push(grant);
        }
    }

    /// For a cell that is known to exist.
    pub(super) fn put(&mut self, object: ObjectType, action: Action, permission: Permission) {
        self.cells.entry(object).or_default().insert(action, permission);
    }

    pub(super) fn is_set(&self, object: ObjectType, action: Action) -> bool {
        self.cells.get(&object).is_some_and(|actions| actions.contains_key(&action))
    }

    fn unknown_grants(&self) -> BTreeSet<&UnknownGrant> {
        self.unknown.iter().filter(|grant| grant.permission != Permission::NotAllowed.as_str()).collect()
    }
}

impl PartialEq for Permissions {
    fn eq(&self, other: &Self) -> bool {
        self.grants_same_as(other)
    }
}

impl Eq for Permissions {}

/// One cell as Monite sent it, with at least one name this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnknownGrant {
    /// `object_type` on the wire.
    pub object: String,
    /// `action_name` on the wire.
    pub action: String,
    /// `permission` on the wire.
    pub permission: String,
}

/// A cell that Monite's matrix does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{object} has no action {action}: only payable knows pay, approve, cancel, submit, create_from_mail and reopen"
)]
pub struct ImpossiblePermission {
    /// The object asked for.
    pub object: ObjectType,
    /// The action it does not know.
    pub action: Action,
}
