//! Role templates: configured once, and a role in each entity where a user has it.

mod name;
mod preset;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use monite::{Action, ObjectType, Permission, Permissions};
use sha2::{Digest as _, Sha256};

pub use name::{InvalidRoleName, RoleName};
pub use preset::Preset;

/// What a role may do, under the name it has in user documents and at Monite.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleTemplate {
    /// The name, also at Monite.
    pub name: RoleName,
    /// What it allows; anything not mentioned is not allowed.
    pub permissions: Permissions,
    /// Whether every entity gets the role, used or not.
    pub everywhere: bool,
}

/// All role templates, in the order of their names.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleTemplates(BTreeMap<RoleName, RoleTemplate>);

impl RoleTemplates {
    /// The presets under their own names: what stands when nothing is configured.
    #[must_use]
    pub fn presets() -> Self {
        Preset::ALL
            .iter()
            .map(|preset| RoleTemplate { name: preset.name(), permissions: preset.permissions(), everywhere: false })
            .collect()
    }

    /// The template of exactly this name. There is no default and no nearest match: an unknown role is never widened to a known one.
    #[must_use]
    pub fn get(&self, name: &RoleName) -> Option<&RoleTemplate> {
        self.0.get(name)
    }

    /// Every name, in order.
    pub fn names(&self) -> impl Iterator<Item = &RoleName> {
        self.0.keys()
    }

    /// Every template, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = &RoleTemplate> {
        self.0.values()
    }

    /// A hash (hex) that changes exactly when a name, a grant or an `everywhere` does, whatever order they were written in.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // The version in front lets a later program choose another text without mistaking it for this one.
        let mut text = String::from("role templates 1\n");
        for template in self.iter() {
            // Names are ASCII without line breaks, so lines cannot run into each other. Writing to a String cannot fail.
            let _ = writeln!(text, "{} everywhere={}", template.name, template.everywhere);
            for (object, action, permission) in grants(&template.permissions) {
                let _ = writeln!(text, "  {object} {action} {permission}");
            }
        }
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(text) {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}

impl Default for RoleTemplates {
    fn default() -> Self {
        Self::presets()
    }
}

/// Of two templates with one name the later one stays.
impl FromIterator<RoleTemplate> for RoleTemplates {
    fn from_iter<I: IntoIterator<Item = RoleTemplate>>(templates: I) -> Self {
        Self(templates.into_iter().map(|template| (template.name.clone(), template)).collect())
    }
}

/// What a matrix allows, in the order of the matrix.
fn grants(permissions: &Permissions) -> impl Iterator<Item = (ObjectType, Action, Permission)> + '_ {
    ObjectType::ALL
        .iter()
        .flat_map(|object| Action::ALL.iter().map(|action| (*object, *action)))
        .map(|(object, action)| (object, action, permissions.get(object, action)))
        .filter(|(_, _, permission)| *permission != Permission::NotAllowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(name: &str, action: Action, everywhere: bool) -> RoleTemplate {
        RoleTemplate {
            name: RoleName::parse(name).unwrap(),
            permissions: Permissions::new().allow(ObjectType::Payable, action).unwrap(),
            everywhere,
        }
    }

    #[test]
    fn the_fingerprint_changes_with_what_is_granted_and_with_nothing_else() {
        let of = |templates: Vec<RoleTemplate>| templates.into_iter().collect::<RoleTemplates>().fingerprint();
        let read = || template("a", Action::Read, false);
        let other = || template("b", Action::Read, false);
        let base = of(vec![read(), other()]);
        assert_eq!(base, of(vec![other(), read()]), "order does not matter");
        let mut denied = read();
        denied.permissions.set(ObjectType::Payable, Action::Pay, Permission::NotAllowed).unwrap();
        assert_eq!(base, of(vec![denied, other()]), "not allowed is the same as not mentioned");
        for changed in [
            vec![read()],
            vec![template("c", Action::Read, false), other()],
            vec![template("a", Action::Pay, false), other()],
            vec![template("a", Action::Read, true), other()],
        ] {
            assert_ne!(base, of(changed.clone()), "{changed:?}");
        }
        assert_eq!(base.len(), 64);
    }

    #[test]
    fn names_are_looked_up_exactly() {
        let templates = RoleTemplates::presets();
        assert!(templates.get(&RoleName::from_stored("admin")).is_some());
        for near in ["Admin", "admin ", "administrator", ""] {
            assert!(templates.get(&RoleName::from_stored(near)).is_none(), "{near:?}");
        }
    }
}
