//! The permission matrix as JSON: `{"objects":[{"object_type","actions":[{"action_name","permission"}]}]}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::permission_kinds::{Action, Permission};
use super::permissions::{Permissions, UnknownGrant};

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut objects: Vec<ObjectOut<'_>> = Vec::new();
        let known =
            self.iter().map(|(object, action, permission)| (object.as_str(), action.as_str(), permission.as_str()));
        let unknown = self.unknown().iter().map(|cell| (&*cell.object, &*cell.action, &*cell.permission));
        let mut place: BTreeMap<&str, usize> = BTreeMap::new();
        for (object_type, action_name, permission) in known.chain(unknown) {
            let at = *place.entry(object_type).or_insert_with(|| {
                objects.push(ObjectOut { object_type, actions: Vec::new() });
                objects.len() - 1
            });
            objects[at].actions.push(ActionOut { action_name, permission });
        }
        MatrixOut { objects }.serialize(serializer)
    }
}

/// Schema defaults hold: an action without `permission` is allowed, one without `action_name` means read.
/// Of duplicates the first wins, as in Monite's own SDK.
impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut matrix = Self::new();
        let wire = Option::<MatrixIn>::deserialize(deserializer)?.unwrap_or_default();
        for object in wire.objects.unwrap_or_default() {
            for action in object.actions.unwrap_or_default() {
                matrix.take_in(&object.object_type, action);
            }
        }
        Ok(matrix)
    }
}

impl Permissions {
    fn take_in(&mut self, object: &str, cell: ActionIn) {
        let action = cell.action_name.unwrap_or_else(|| Action::Read.as_str().to_owned());
        let permission = cell.permission.unwrap_or_else(|| Permission::Allowed.as_str().to_owned());
        if let (Ok(object), Ok(action), Ok(permission)) = (object.parse(), action.parse(), permission.parse()) {
            // An impossible cell (`counterpart.pay`) falls through and is kept aside like an unknown name.
            if self.is_set(object, action) || self.set(object, action, permission).is_ok() {
                return;
            }
        }
        self.keep_unknown(UnknownGrant { object: object.to_owned(), action, permission });
    }
}

#[derive(Serialize)]
struct MatrixOut<'a> {
    objects: Vec<ObjectOut<'a>>,
}

#[derive(Serialize)]
struct ObjectOut<'a> {
    object_type: &'a str,
    actions: Vec<ActionOut<'a>>,
}

#[derive(Serialize)]
struct ActionOut<'a> {
    action_name: &'a str,
    permission: &'a str,
}

#[derive(Default, Deserialize)]
struct MatrixIn {
    objects: Option<Vec<ObjectIn>>,
}

#[derive(Deserialize)]
struct ObjectIn {
    object_type: String,
    actions: Option<Vec<ActionIn>>,
}

#[derive(Deserialize)]
struct ActionIn {
    action_name: Option<String>,
    permission: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::super::permission_kinds::ObjectType;
    use super::*;

    fn parse(wire: &str) -> Permissions {
        serde_json::from_str(wire).unwrap()
    }

    #[test]
    fn schema_defaults_and_first_duplicate_win() {
        let matrix = parse(
            r#"{"objects":[{"object_type":"payable","actions":[{},{"action_name":"read","permission":"not_allowed"},
               {"action_name":"pay"}]},{"object_type":"tag"},{"object_type":"role","actions":null}]}"#,
        );
        assert_eq!(matrix.get(ObjectType::Payable, Action::Read), Permission::Allowed);
        assert_eq!(matrix.get(ObjectType::Payable, Action::Pay), Permission::Allowed);
        assert_eq!(matrix.get(ObjectType::Tag, Action::Read), Permission::NotAllowed);
    }

    #[test]
    fn unknown_names_are_kept_and_sent_back() {
        let wire = r#"{"objects":[{"object_type":"tag","actions":[{"action_name":"read","permission":"allowed"},{"action_name":"paint","permission":"allowed"}]},{"object_type":"unicorn","actions":[{"action_name":"read","permission":"allowed_on_mondays"}]}]}"#;
        let matrix = parse(wire);
        assert_eq!(matrix.unknown().len(), 2);
        assert_eq!(serde_json::to_string(&matrix).unwrap(), wire);
    }

    #[test]
    fn equality_is_what_is_granted() {
        let cases = [
            (r#"{}"#, r#"{"objects":[]}"#, true),
            (r#"{"objects":[{"object_type":"tag","actions":[{"permission":"not_allowed"}]}]}"#, "{}", true),
            (r#"{"objects":[{"object_type":"tag","actions":[{"permission":"allowed_for_own"}]}]}"#, "{}", false),
            (
                r#"{"objects":[{"object_type":"tag","actions":[{"permission":"allowed_for_own"}]}]}"#,
                r#"{"objects":[{"object_type":"tag","actions":[{}]}]}"#,
                false,
            ),
            (r#"{"objects":[{"object_type":"unicorn","actions":[{}]}]}"#, "{}", false),
            (r#"{"objects":[{"object_type":"unicorn","actions":[{"permission":"not_allowed"}]}]}"#, "null", true),
        ];
        for (left, right, same) in cases {
            assert_eq!(parse(left) == parse(right), same, "{left} against {right}");
        }
    }

    #[test]
    fn the_matrix_has_31_objects_and_payable_alone_has_ten_actions() {
        assert_eq!(ObjectType::ALL.len(), 31);
        for object in ObjectType::ALL {
            let known = Action::ALL.iter().filter(|action| object.accepts(**action)).count();
            assert_eq!(known, if *object == ObjectType::Payable { 10 } else { 4 }, "{object}");
        }
        let refused = Permissions::new().allow(ObjectType::Tag, Action::Pay).unwrap_err();
        assert!(refused.to_string().contains("tag has no action pay"), "{refused}");
        assert!("Payable".parse::<ObjectType>().is_err(), "names are exact");
    }
}
