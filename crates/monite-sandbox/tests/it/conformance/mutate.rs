//! Every way to break one thing in a value that fits, and where Monite has to point.

use serde_json::{Value, json};

use super::document::Document;

/// A value with exactly one mistake.
#[derive(Debug, Clone)]
pub struct Broken {
    pub value: Value,
    /// As `body.address.city`.
    pub at: String,
    pub what: &'static str,
}

/// All of them, for a request body.
pub fn all(document: &Document, schema: &Value, value: &Value) -> Vec<Broken> {
    let mut found = Vec::new();
    breaks(document, schema, value, "body", &mut |broken| found.push(broken));
    found
}

fn breaks(document: &Document, schema: &Value, value: &Value, at: &str, found: &mut dyn FnMut(Broken)) {
    let schema = document.resolve(schema);
    if let Some(alternatives) = schema["anyOf"].as_array().or(schema["allOf"].as_array()) {
        // All unions without a name are "this or null".
        let kind = alternatives.iter().find(|one| one["type"] != "null").unwrap();
        if !value.is_null() {
            breaks(document, kind, value, at, &mut |broken| {
                // Unless the change made it null, which is fine here.
                if !broken.value.is_null() {
                    found(broken);
                }
            });
        }
        return;
    }
    if let Some(kind) = alternative_by_name(document, schema, value) {
        return breaks(document, kind, value, at, found);
    }
    let mut put = |what, value: Value| found(Broken { value, at: at.to_owned(), what });
    match (schema["type"].as_str(), value) {
        (Some("object"), Value::Object(_)) => {
            put("not an object", json!(7));
            put("null", Value::Null);
            fields(document, schema, value, at, found);
        }
        (Some("array"), Value::Array(items)) => {
            put("not an array", json!({"x": 1}));
            put("null", Value::Null);
            if schema["minItems"].is_number() {
                put("too few items", json!([]));
            }
            for (index, item) in items.iter().enumerate() {
                breaks(document, &schema["items"], item, &format!("{at}.{index}"), &mut |broken| {
                    let mut value = value.clone();
                    value[index] = broken.value;
                    found(Broken { value, ..broken });
                });
            }
        }
        (Some("string"), _) => texts(schema, &mut put),
        (Some(_), _) => {
            put("another type", json!({"x": 1}));
            put("null", Value::Null);
            for (limit, step) in [("minimum", -1.0), ("maximum", 1.0)] {
                // Beyond what a double can count there is no neighbour.
                if let Some(bound) = schema[limit].as_f64().filter(|bound| bound.abs() < 1e15) {
                    #[allow(clippy::cast_possible_truncation)]
                    put("out of range", json!((bound + step) as i64));
                }
            }
        }
        (None, _) => {}
    }
}

/// Which alternative a discriminator chooses.
fn alternative_by_name<'a>(document: &'a Document, schema: &'a Value, value: &Value) -> Option<&'a Value> {
    let alternatives = schema["oneOf"].as_array()?;
    let name = &value[schema["discriminator"]["propertyName"].as_str()?];
    alternatives.iter().find(|one| {
        let tag = &document.resolve(one)["properties"]["object_type"];
        tag["const"] == *name || tag["enum"].as_array().is_some_and(|names| names.contains(name))
    })
}

fn fields(document: &Document, schema: &Value, value: &Value, at: &str, found: &mut dyn FnMut(Broken)) {
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let mut value = value.clone();
        value.as_object_mut().unwrap().remove(name);
        found(Broken { value, at: format!("{at}.{name}"), what: "missing" });
    }
    if schema["additionalProperties"] == false {
        let mut value = value.clone();
        value["not_in_the_document"] = json!(1);
        found(Broken { value, at: format!("{at}.not_in_the_document"), what: "extra" });
    }
    for (name, field) in value.as_object().unwrap() {
        breaks(document, &schema["properties"][name], field, &format!("{at}.{name}"), &mut |broken| {
            let mut value = value.clone();
            value[name] = broken.value;
            found(Broken { value, ..broken });
        });
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn texts(schema: &Value, put: &mut impl FnMut(&'static str, Value)) {
    put("not a string", json!({"x": 1}));
    put("a number", json!(7));
    put("null", Value::Null);
    if schema["enum"].is_array() || schema["const"].is_string() {
        put("none of the names", json!("none_of_them"));
    }
    if schema["format"].is_string() && schema["format"] != "color" {
        put("wrong format", json!("no such"));
        put("empty", json!(""));
    }
    if let Some(most) = schema["maxLength"].as_f64() {
        put("too long", json!("ä".repeat(most as usize + 1)));
    }
    if schema["minLength"].as_f64().is_some_and(|least| least > 0.0) {
        put("too short", json!(""));
    }
}
