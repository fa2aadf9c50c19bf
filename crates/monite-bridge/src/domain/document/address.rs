use monite::Address;

use super::fields::{Fields, shortened};
use super::{country, us_state};

const FIELDS: &[&str] = &["country", "city", "line1", "line2", "postal_code", "state"];

/// Reads `address` of a customer document.
pub(super) fn read(document: &mut Fields<'_>) -> Option<Address> {
    if !document.present("address", "an object with country, city, line1 and postal_code") {
        return None;
    }
    let value = document.get("address")?;
    let (path, errors) = document.nested();
    let mut fields = Fields::new(value, path.key("address"), FIELDS, errors)?;
    let country = read_country(&mut fields);
    let city = fields.required("city", 100);
    let line1 = fields.required("line1", 200);
    let line2 = fields.optional("line2", 100);
    let postal_code = fields.required("postal_code", 10);
    let state = match country.as_deref() {
        Some("US") => read_us_state(&mut fields),
        _ => fields.optional("state", 100),
    };
    Some(Address { country: country?, city: city?, line1: line1?, line2, postal_code: postal_code?, state })
}

fn read_country(fields: &mut Fields<'_>) -> Option<String> {
    const ACCEPTED: &str = "a two-letter ISO 3166 code such as \"DE\"";
    if !fields.present("country", ACCEPTED) {
        return None;
    }
    let text = fields.text("country")?;
    if country::is_code(text) {
        return Some(text.to_owned());
    }
    let shown = shortened(text);
    fields.wrong(
        "country",
        match country::meant_by(text) {
            Some(code) => format!("{shown:?} is not a country code; use {code:?}"),
            None => format!("{shown:?} is not a country code; accepted: {ACCEPTED}"),
        },
    )
}

/// Monite requires the state of US entities, as the two letters of the postal service.
fn read_us_state(fields: &mut Fields<'_>) -> Option<String> {
    const ACCEPTED: &str = "the two-letter code of a US state or territory, such as \"CA\"";
    if !fields.present("state", ACCEPTED) {
        return None;
    }
    let text = fields.text("state")?;
    if us_state::is_code(text) {
        return Some(text.to_owned());
    }
    let shown = shortened(text);
    fields.wrong(
        "state",
        match us_state::meant_by(text) {
            Some(code) => format!("{shown:?} is not a state code; use {code:?}"),
            None => format!("{shown:?} is not a state code; accepted: {ACCEPTED}"),
        },
    )
}
