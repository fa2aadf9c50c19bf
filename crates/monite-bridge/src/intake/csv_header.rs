//! Which column of a CSV file is which field.

use serde_json::{Map, Value};

use crate::nearest::nearest;

/// One column: a field, and where it lies in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    /// `address` for `address.city`; nothing for `email`.
    object: Option<&'static str>,
    key: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Flag,
}

/// The field that each cell of the header names, or everything that is wrong with the header.
pub(super) fn columns<'a>(names: impl Iterator<Item = &'a str>) -> Result<Vec<Column>, Vec<String>> {
    let mut columns: Vec<Column> = Vec::new();
    let mut problems = Vec::new();
    for (index, name) in names.enumerate() {
        match column(name.trim()) {
            Some(column) if columns.contains(&column) => problems.push(format!("column \"{name}\" is there twice")),
            Some(column) => columns.push(column),
            None => problems.push(unknown(index, name.trim())),
        }
    }
    if problems.is_empty() && !columns.iter().any(|column| column.object.is_none() && column.key == "id") {
        problems.push("there is no column \"id\" with your own ids of the customers".to_owned());
    }
    if problems.is_empty() { Ok(columns) } else { Err(problems) }
}

/// A row as the document it stands for. An empty cell is an absent field; all other cells are texts, except where the field is a
/// flag and the cell says so.
pub(super) fn document<'a>(columns: &[Column], cells: impl Iterator<Item = &'a str>) -> Value {
    let mut document = Map::new();
    for (column, cell) in columns.iter().zip(cells) {
        if cell.trim().is_empty() {
            continue;
        }
        let value = match column.kind {
            Kind::Text => Value::from(cell),
            Kind::Flag => flag(cell),
        };
        let object = match column.object {
            None => &mut document,
            Some(name) => match document.entry(name).or_insert_with(|| Value::Object(Map::new())) {
                Value::Object(object) => object,
                // Columns are either in an object or beside it; no column is an object itself.
                _ => continue,
            },
        };
        object.insert(column.key.to_owned(), value);
    }
    Value::Object(document)
}

/// What spreadsheets write. Anything else stays a text, which the document's check refuses by name.
fn flag(cell: &str) -> Value {
    match cell.trim().to_ascii_lowercase().as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => Value::from(cell),
    }
}

fn column(name: &str) -> Option<Column> {
    let (object, key, kind) = FIELDS.iter().find(|(object, key, _)| match (object, name.split_once('.')) {
        (None, None) => *key == name,
        (Some(object), Some((before, after))) => *object == before && *key == after,
        _ => false,
    })?;
    Some(Column { object: *object, key, kind: *kind })
}

fn unknown(index: usize, name: &str) -> String {
    if name.is_empty() {
        return format!("column {} has no name", index + 1);
    }
    if name == "users" || name.starts_with("users.") || name.starts_with("users[") {
        return format!("column \"{name}\": CSV takes customers only; import users as NDJSON");
    }
    let known: Vec<String> = FIELDS.iter().map(|(object, key, _)| dotted(*object, key)).collect();
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("unknown column \"{name}\"; did you mean \"{near}\"?"),
        None => format!("unknown column \"{name}\"; known are {}", known.join(", ")),
    }
}

fn dotted(object: Option<&str>, key: &str) -> String {
    object.map_or_else(|| key.to_owned(), |object| format!("{object}.{key}"))
}

/// The fields of a customer document that hold one value each.
const FIELDS: &[(Option<&str>, &str, Kind)] = &[
    (None, "id", Kind::Text),
    (None, "type", Kind::Text),
    (None, "email", Kind::Text),
    (None, "phone", Kind::Text),
    (None, "website", Kind::Text),
    (None, "tax_id", Kind::Text),
    (None, "registration_number", Kind::Text),
    (None, "registration_authority", Kind::Text),
    (Some("address"), "country", Kind::Text),
    (Some("address"), "city", Kind::Text),
    (Some("address"), "line1", Kind::Text),
    (Some("address"), "line2", Kind::Text),
    (Some("address"), "postal_code", Kind::Text),
    (Some("address"), "state", Kind::Text),
    (Some("organization"), "legal_name", Kind::Text),
    (Some("organization"), "legal_entity_id", Kind::Text),
    (Some("organization"), "business_structure", Kind::Text),
    (Some("organization"), "directors_provided", Kind::Flag),
    (Some("organization"), "executives_provided", Kind::Flag),
    (Some("organization"), "owners_provided", Kind::Flag),
    (Some("organization"), "representative_provided", Kind::Flag),
    (Some("individual"), "first_name", Kind::Text),
    (Some("individual"), "last_name", Kind::Text),
    (Some("individual"), "title", Kind::Text),
    (Some("individual"), "date_of_birth", Kind::Text),
    (Some("individual"), "id_number", Kind::Text),
    (Some("individual"), "ssn_last_4", Kind::Text),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::document::parse_record;
    use crate::domain::role::RoleTemplates;

    fn problems(header: &str) -> Vec<String> {
        columns(header.split(',')).err().unwrap_or_default()
    }

    #[test]
    fn headers() {
        let table = [
            ("id", vec![]),
            (" id , address.city ", vec![]),
            ("type", vec!["there is no column \"id\" with your own ids of the customers"]),
            ("id,id", vec!["column \"id\" is there twice"]),
            ("id,,email", vec!["column 2 has no name"]),
            ("id,adress.city", vec!["unknown column \"adress.city\"; did you mean \"address.city\"?"]),
            ("id,users[0].login", vec!["column \"users[0].login\": CSV takes customers only; import users as NDJSON"]),
        ];
        for (header, expected) in table {
            assert_eq!(problems(header), expected, "{header}");
        }
        assert!(problems("id,colour")[0].starts_with("unknown column \"colour\"; known are id, type, email,"));
    }

    #[test]
    fn cells_become_fields_and_empty_ones_nothing() {
        let columns =
            columns("id,email,address.postal_code,organization.owners_provided,individual.title".split(',')).unwrap();
        let table = [
            (
                ["1", "", "01234", "TRUE", ""],
                json!({"id": "1", "address": {"postal_code": "01234"}, "organization": {"owners_provided": true}}),
            ),
            (
                ["1", " ", "", "yes", "Dr."],
                json!({"id": "1", "organization": {"owners_provided": "yes"}, "individual": {"title": "Dr."}}),
            ),
        ];
        for (cells, expected) in table {
            assert_eq!(document(&columns, cells.into_iter()), expected);
        }
    }

    /// The list above is written by hand: here it is held against what the document's own check knows.
    #[test]
    fn every_column_is_a_field_of_the_document() {
        for part in ["organization", "individual"] {
            let mine: Vec<Column> = FIELDS
                .iter()
                .filter(|f| f.0.is_none_or(|object| object == "address" || object == part))
                .map(|(object, key, kind)| Column { object: *object, key, kind: *kind })
                .collect();
            let cells = mine.iter().map(|column| match column.key {
                "type" => part,
                _ => "?",
            });
            let errors = parse_record(&document(&mine, cells), &RoleTemplates::presets()).unwrap_err();
            for error in errors {
                assert!(!error.message.contains("unknown field"), "{error}");
                assert!(!error.message.contains("missing"), "{error}");
            }
        }
    }
}
