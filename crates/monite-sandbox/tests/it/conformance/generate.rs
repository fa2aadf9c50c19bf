//! Values that fit a schema of the document.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::document::Document;

/// Enough to pass a limit by, not enough to be slow.
const LONGEST: usize = 40;

/// Draws values that fit `schema`, keys included that it tolerates without naming them.
pub fn fitting(document: &Document, schema: &Value) -> BoxedStrategy<Value> {
    let schema = document.resolve(schema);
    if let Some(constant) = schema.get("const") {
        return Just(constant.clone()).boxed();
    }
    if let Some(names) = schema["enum"].as_array() {
        return select(names.clone()).boxed();
    }
    for union in ["anyOf", "oneOf", "allOf"] {
        if let Some(alternatives) = schema[union].as_array() {
            let alternatives = alternatives.iter().map(|one| fitting(document, one));
            return proptest::strategy::Union::new(alternatives).boxed();
        }
    }
    match schema["type"].as_str() {
        Some("object") => object(document, schema),
        Some("array") => {
            let least = bound(schema, "minItems", 0);
            let most = bound(schema, "maxItems", 3).min(least + 3);
            vec(fitting(document, &schema["items"]), least..=most).prop_map(Value::from).boxed()
        }
        Some("string") => string(schema),
        Some("integer") => {
            let least = bound(schema, "minimum", 0);
            (least..=bound(schema, "maximum", 1_000_000).min(1_000_000)).prop_map(Value::from).boxed()
        }
        Some("number") => (1..1_000_000_u32).prop_map(|hundredths| json!(f64::from(hundredths) / 100.0)).boxed(),
        Some("boolean") => any::<bool>().prop_map(Value::from).boxed(),
        Some("null") => Just(Value::Null).boxed(),
        None => select(vec![json!(null), json!(1), json!("text"), json!({"a": [true]})]).boxed(),
        Some(other) => panic!("no values for the type {other}"),
    }
}

/// A limit of the schema; the document writes whole numbers as floats here and there.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn bound(schema: &Value, name: &str, otherwise: usize) -> usize {
    schema[name].as_f64().map_or(otherwise, |bound| bound as usize)
}

fn object(document: &Document, schema: &Value) -> BoxedStrategy<Value> {
    let mut fields: BoxedStrategy<Map<String, Value>> = if schema["additionalProperties"] == false {
        Just(Map::new()).boxed()
    } else {
        let extra = prop_oneof![3 => Just(Map::new()), 1 => Just(one("not_in_the_document", json!([1, {}])))];
        extra.boxed()
    };
    let none = Map::new();
    for (name, field) in schema["properties"].as_object().unwrap_or(&none) {
        let value = fitting(document, field);
        let is_required = schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
        // What tells the alternatives of a union apart has to be there, though it has a default.
        let value =
            if is_required || name == "object_type" { value.prop_map(Some).boxed() } else { option::of(value).boxed() };
        let name = name.clone();
        fields = (fields, value)
            .prop_map(move |(mut fields, value)| {
                fields.extend(value.map(|value| (name.clone(), value)));
                fields
            })
            .boxed();
    }
    fields.prop_map(Value::Object).boxed()
}

fn one(name: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value)])
}

fn string(schema: &Value) -> BoxedStrategy<Value> {
    let text = match schema["format"].as_str() {
        Some("uuid") => any::<u128>().prop_map(|bits| uuid::Uuid::from_u128(bits).to_string()).boxed(),
        Some("email") => "[a-z][a-z0-9+_-]{0,9}@[a-z]{1,9}\\.example".boxed(),
        Some("uri") => "https://[a-z]{1,9}\\.example/[a-z0-9]{0,9}".boxed(),
        Some("color") => "#[0-9a-f]{6}".boxed(),
        Some("date") => (1900..2100, 1..=12, 1..=28).prop_map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}")).boxed(),
        Some("date-time") => (1970..2100, 0..24).prop_map(|(y, h)| format!("{y:04}-05-06T{h:02}:00:00+02:00")).boxed(),
        None => free_text(bound(schema, "minLength", 0), bound(schema, "maxLength", LONGEST)),
        Some(other) => panic!("no values for the format {other}"),
    };
    text.prop_map(Value::from).boxed()
}

/// Short strings of all kinds of characters, and the longest allowed one.
fn free_text(least: usize, most: usize) -> BoxedStrategy<String> {
    let characters = select(vec!['a', 'Z', '7', ' ', '-', '.', '"', '\\', '\n', '\u{0}', 'ä', '日', '🙂', '\u{202e}']);
    let short = vec(characters, least..=most.min(least + LONGEST)).prop_map(String::from_iter);
    prop_oneof![9 => "[A-Za-z0-9]{1,4}".prop_filter("too short or too long", move |text| (least..=most).contains(&text.len())),
        6 => short, 1 => Just("ä".repeat(most))]
    .boxed()
}
