//! What a single value must look like: lengths, e-mail addresses, links, dates, ids, named choices.

use serde_json::Value;
use uuid::Uuid;

use super::form::Wrong;

/// A string of `min` to `max` characters (not bytes).
pub(crate) fn text(min: usize, max: usize) -> impl FnOnce(Value) -> Result<String, Wrong> {
    move |value| {
        let text = string(value)?;
        // Bytes bound characters from above, so most strings need no counting.
        let characters = if text.len() <= max && min <= 1 { text.len() } else { text.chars().count() };
        if characters < min {
            return Err(Wrong::here(format!("String should have at least {}", plural(min)), "string_too_short"));
        }
        if characters > max {
            return Err(Wrong::here(format!("String should have at most {}", plural(max)), "string_too_long"));
        }
        Ok(text)
    }
}

fn plural(count: usize) -> String {
    if count == 1 { "1 character".to_owned() } else { format!("{count} characters") }
}

pub(crate) fn string(value: Value) -> Result<String, Wrong> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(Wrong::here("Input should be a valid string", "string_type")),
    }
}

pub(crate) fn boolean(value: Value) -> Result<bool, Wrong> {
    value.as_bool().ok_or_else(|| Wrong::here("Input should be a valid boolean", "bool_type"))
}

pub(crate) fn uuid(value: Value) -> Result<Uuid, Wrong> {
    match value {
        Value::String(text) => parse_uuid(&text),
        _ => Err(Wrong::here("UUID input should be a string, bytes or UUID object", "uuid_type")),
    }
}

pub(crate) fn parse_uuid(text: &str) -> Result<Uuid, Wrong> {
    Uuid::try_parse(text).map_err(|error| Wrong::here(format!("Input should be a valid UUID, {error}"), "uuid_parsing"))
}

/// A UUID, kept as text in its usual form.
pub(crate) fn uuid_text(value: Value) -> Result<String, Wrong> {
    uuid(value).map(|id| id.to_string())
}

/// One of a fixed set of texts.
pub(crate) fn one_of(options: &'static [&'static str]) -> impl Fn(Value) -> Result<&'static str, Wrong> {
    move |value| {
        let found = options.iter().find(|option| Some(**option) == value.as_str());
        found.copied().ok_or_else(|| Wrong::here(format!("Input should be {}", alternatives(options)), "enum"))
    }
}

/// One of a fixed set of names.
pub(crate) fn choice<T: Copy>(options: &'static [(&'static str, T)]) -> impl Fn(Value) -> Result<T, Wrong> {
    move |value| choose(value.as_str(), options)
}

pub(crate) fn choose<T: Copy>(name: Option<&str>, options: &'static [(&'static str, T)]) -> Result<T, Wrong> {
    options.iter().find(|(option, _)| Some(*option) == name).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = options.iter().map(|(name, _)| *name).collect();
        Wrong::here(format!("Input should be {}", alternatives(&names)), "enum")
    })
}

fn alternatives(options: &[&str]) -> String {
    let quoted: Vec<String> = options.iter().map(|name| format!("'{name}'")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// A calendar date `YYYY-MM-DD` that exists.
pub(crate) fn date(value: Value) -> Result<String, Wrong> {
    let text = string(value)?;
    if is_date(&text) {
        Ok(text)
    } else {
        Err(Wrong::here("Input should be a valid date", "date_from_datetime_parsing"))
    }
}

/// Years begin with 1, as in Python.
pub(crate) fn is_date(text: &str) -> bool {
    let date = || text.parse::<jiff::civil::Date>().is_ok_and(|date| date.year() > 0);
    text.len() == 10 && text.is_ascii() && date()
}

/// An http or https link of 1 to 2083 characters.
pub(crate) fn link(value: Value) -> Result<String, Wrong> {
    let text = text(1, 2083)(value)?;
    let parsed = url::Url::parse(&text)
        .map_err(|error| Wrong::here(format!("Input should be a valid URL, {error}"), "url_parsing"))?;
    if matches!(parsed.scheme(), "http" | "https") && parsed.has_host() {
        Ok(text)
    } else {
        Err(Wrong::here("URL scheme should be 'http' or 'https'", "url_scheme"))
    }
}

/// An address of any scheme.
pub(crate) fn uri(value: Value) -> Result<String, Wrong> {
    let text = text(1, usize::MAX)(value)?;
    match url::Url::parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Wrong::here(format!("Input should be a valid URL, {error}"), "url_parsing")),
    }
}

/// An e-mail address. Kept as sent; what is checked follows the `email-validator` package that Pydantic uses,
/// without its list of reserved domains.
pub(crate) fn email(value: Value) -> Result<String, Wrong> {
    let text = string(value)?;
    match email_mistake(&text) {
        None => Ok(text),
        Some(mistake) => Err(Wrong::here(format!("value is not a valid email address: {mistake}"), "value_error")),
    }
}

fn email_mistake(text: &str) -> Option<&'static str> {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return Some("An email address must have an @-sign.");
    };
    if local.is_empty() {
        return Some("There must be something before the @-sign.");
    }
    if text.chars().count() > 254 || local.chars().count() > 64 {
        return Some("The email address is too long.");
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") || !local.chars().all(local_part_may_hold)
    {
        return Some("The email address contains invalid characters before the @-sign.");
    }
    if domain.is_empty() {
        return Some("There must be something after the @-sign.");
    }
    let labels: Vec<&str> = domain.split('.').collect();
    if !labels.iter().all(|label| is_domain_label(label)) {
        return Some("The part after the @-sign contains invalid characters.");
    }
    let top_level_has_letter = labels.last().is_some_and(|top| top.chars().any(char::is_alphabetic));
    if labels.len() < 2 || !top_level_has_letter {
        return Some("The part after the @-sign is not valid. It should have a period.");
    }
    None
}

fn local_part_may_hold(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

fn is_domain_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn emails() {
        for good in ["a@b.co", "o'brien+ap@mail.example.com", "josé@müller.example", "x_y-z@xn--mller-kva.example"] {
            assert!(email(json!(good)).is_ok(), "{good}");
        }
        for bad in ["", "a", "@b.co", "a@", "a@b", "a b@c.de", "a@b..de", ".a@b.de", "a@b.1", "a@-b.de", "a@@b.de"] {
            assert!(email(json!(bad)).is_err(), "{bad}");
        }
        assert!(email(json!(7)).is_err());
    }

    #[test]
    fn dates_must_exist() {
        assert!(date(json!("2024-02-29")).is_ok());
        for bad in ["2023-02-29", "2024-13-01", "24-01-01", "2024-01-01T00:00:00", "+002024-01-01", "0000-01-01", ""] {
            assert!(date(json!(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn links_are_http() {
        assert!(link(json!("https://example.com/x")).is_ok());
        for bad in ["", "example.com", "ftp://example.com", "https://", "javascript:alert(1)"] {
            assert!(link(json!(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn lengths_count_characters() {
        assert!(text(1, 3)(json!("äöü")).is_ok());
        assert!(text(1, 3)(json!("äöüx")).is_err());
        assert!(text(1, 3)(json!("")).is_err());
        assert!(text(4, 4)(json!("123")).is_err());
        assert!(text(4, 4)(json!("äöüx")).is_ok());
    }

    #[test]
    fn a_choice_names_the_alternatives() {
        let wrong = choose(Some("up"), &[("asc", 1), ("desc", 2)]).unwrap_err();
        assert_eq!(wrong, Wrong::here("Input should be 'asc' or 'desc'", "enum"));
    }
}
