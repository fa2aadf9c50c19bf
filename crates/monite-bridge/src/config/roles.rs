use figment::value::{Dict, Value};
use monite::{Action, ObjectType, Permission, Permissions};

use super::error::Problem;
use super::layers::Layers;
use super::section::{Problems, Section, unknown_name};
use crate::domain::role::{Preset, RoleName, RoleTemplate, RoleTemplates};

/// Reads `[roles.NAME]`. Without any, the presets stand under their own names; with at least one, only those that are written do.
pub(super) fn read(value: Option<Value>, layers: &Layers, problems: &mut Problems) -> RoleTemplates {
    let roles = match value {
        None => Dict::new(),
        Some(Value::Dict(_, roles)) => roles,
        Some(other) => {
            problems.0.push(Problem {
                key: "roles".to_owned(),
                message: "holds one section per role: write [roles.NAME] and its keys below".to_owned(),
                origin: layers.origin(&other),
            });
            return RoleTemplates::presets();
        }
    };
    if roles.is_empty() {
        return RoleTemplates::presets();
    }
    roles.into_iter().filter_map(|(name, value)| read_role(&name, value, layers, problems)).collect()
}

fn read_role(name: &str, value: Value, layers: &Layers, problems: &mut Problems) -> Option<RoleTemplate> {
    let key = format!("roles.{name}");
    let origin = layers.origin(&value);
    let checked_name = match RoleName::parse(name) {
        Ok(name) => Some(name),
        Err(error) => {
            problems.0.push(Problem { key: key.clone(), message: error.to_string(), origin });
            None
        }
    };
    let is_a_section = matches!(value, Value::Dict(..));
    let mut section = Section::new(&key, Some(value), layers, problems);
    let preset = read_preset(&mut section);
    let permissions = read_permissions(&mut section);
    let everywhere = section.flag("everywhere").unwrap_or(false);
    match (section.has("preset"), section.has("permissions")) {
        (true, true) => {
            section.refuse("permissions", "preset and permissions both say what the role may do; keep one of them")
        }
        (false, false) if is_a_section => {
            section.refuse("preset", format!("is missing; accepted: {}, or permissions instead", presets()))
        }
        _ => {}
    }
    section.finish();
    Some(RoleTemplate { name: checked_name?, permissions: preset.or(permissions)?, everywhere })
}

fn read_preset(section: &mut Section<'_>) -> Option<Permissions> {
    section.parsed("preset", |word| {
        Preset::from_word(word)
            .map(Preset::permissions)
            .ok_or_else(|| format!("\"{word}\" is not a preset; accepted: {}", presets()))
    })
}

fn presets() -> String {
    let words: Vec<String> = Preset::ALL.iter().map(|preset| format!("\"{}\"", preset.as_str())).collect();
    words.join(", ")
}

/// `{ payable = ["read"], comment = { update = "allowed_for_own" } }`. An unknown name is refused, never replaced by a near one.
fn read_permissions(section: &mut Section<'_>) -> Option<Permissions> {
    let objects = match section.raw("permissions")? {
        Value::Dict(_, objects) => objects,
        other => {
            section.refuse_value("permissions", &other, "must be a table: { payable = [\"read\", \"create\"] }");
            return None;
        }
    };
    let mut permissions = Permissions::new();
    for (name, actions) in objects {
        let key = format!("permissions.{name}");
        match name.parse::<ObjectType>() {
            Ok(object) => read_object(section, &key, object, &actions, &mut permissions),
            Err(_) => {
                let known: Vec<&str> = ObjectType::ALL.iter().map(|object| object.as_str()).collect();
                section.refuse_value(&key, &actions, unknown_name("object", &name, &known));
            }
        }
    }
    Some(permissions)
}

fn read_object(
    section: &mut Section<'_>, key: &str, object: ObjectType, actions: &Value, permissions: &mut Permissions,
) {
    let Some(cells) = cells(key, actions) else {
        let accepted = "must be a list of allowed actions, [\"read\"], or a table, { read = \"allowed_for_own\" }";
        return section.refuse_value(key, actions, accepted);
    };
    for cell in cells {
        let set = cell.read(object).and_then(|(action, permission)| {
            permissions.set(object, action, permission).map_err(|impossible| impossible.to_string())
        });
        if let Err(message) = set {
            section.refuse_value(&cell.key, cell.value, message);
        }
    }
}

/// One cell of the matrix as it is written; `None` stands for something that is not a text.
struct Cell<'v> {
    key: String,
    value: &'v Value,
    action: Option<&'v str>,
    permission: Option<&'v str>,
}

/// The cells of one object, written as a list of allowed actions or as a table of permissions by action.
fn cells<'v>(key: &str, actions: &'v Value) -> Option<Vec<Cell<'v>>> {
    let listed = |value: &'v Value| Cell {
        key: key.to_owned(),
        value,
        action: value.as_str(),
        permission: Some(Permission::Allowed.as_str()),
    };
    let tabled = |(action, value): (&'v String, &'v Value)| Cell {
        key: format!("{key}.{action}"),
        value,
        action: Some(action),
        permission: value.as_str(),
    };
    match actions {
        Value::Array(_, actions) => Some(actions.iter().map(listed).collect()),
        Value::Dict(_, actions) => Some(actions.iter().map(tabled).collect()),
        _ => None,
    }
}

impl Cell<'_> {
    fn read(&self, object: ObjectType) -> Result<(Action, Permission), String> {
        let action = self.action.ok_or("must be a list of texts, such as [\"read\"]")?;
        let action = action.parse().map_err(|_| {
            let accepted = Action::ALL.iter().filter(|action| object.accepts(**action));
            unknown_name("action", action, &accepted.map(|action| action.as_str()).collect::<Vec<_>>())
        })?;
        let permission = self.permission.and_then(|permission| permission.parse().ok());
        let permission = permission.ok_or("must be \"allowed\", \"allowed_for_own\" or \"not_allowed\"")?;
        Ok((action, permission))
    }
}
