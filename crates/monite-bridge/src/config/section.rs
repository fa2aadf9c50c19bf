use std::ops::RangeInclusive;
use std::time::Duration;

use figment::value::{Dict, Value};

use super::error::Problem;
use super::layers::Layers;
use crate::nearest::nearest;

/// Everything wrong with the configuration, found in one pass.
#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<Problem>);

/// One table of the configuration while it is read: remembers which keys were asked for, so that the rest can be refused.
///
/// Every reader answers `None` for "not given" and for "given, but wrong"; in the second case the problem is noted.
pub(super) struct Section<'a> {
    name: String,
    values: Dict,
    known: Vec<&'static str>,
    layers: &'a Layers,
    problems: &'a mut Problems,
}

impl<'a> Section<'a> {
    pub(super) fn new(name: &str, value: Option<Value>, layers: &'a Layers, problems: &'a mut Problems) -> Self {
        let mut section = Self { name: name.to_owned(), values: Dict::new(), known: Vec::new(), layers, problems };
        match value {
            None => {}
            Some(Value::Dict(_, values)) => section.values = values,
            Some(other) => section.problems.0.push(Problem {
                key: name.to_owned(),
                message: format!("is a section: write [{name}] and its keys below"),
                origin: layers.origin(&other),
            }),
        }
        section
    }

    /// Notes that `key` cannot be used.
    pub(super) fn refuse(&mut self, key: &str, message: impl Into<String>) {
        let origin = self.values.get(key).and_then(|value| self.layers.origin(value));
        self.push(key, message.into(), origin);
    }

    /// Notes that something deeper inside the section, `value` at `key`, cannot be used.
    pub(super) fn refuse_value(&mut self, key: &str, value: &Value, message: impl Into<String>) {
        self.push(key, message.into(), self.layers.origin(value));
    }

    fn push(&mut self, key: &str, message: String, origin: Option<String>) {
        self.problems.0.push(Problem { key: format!("{}.{key}", self.name), message, origin });
    }

    /// Whether the key is there, whatever it holds.
    pub(super) fn has(&mut self, key: &'static str) -> bool {
        self.raw(key).is_some()
    }

    /// The value as it was given.
    pub(super) fn raw(&mut self, key: &'static str) -> Option<Value> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.values.get(key).cloned()
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        match self.raw(key)? {
            Value::String(_, text) if !text.trim().is_empty() => Some(text),
            Value::String(..) => self.wrong(key, "is empty; leave the key out to get the default"),
            _ => self.wrong(key, "must be a text in quotes"),
        }
    }

    /// A text, checked and turned into what it stands for; the message says what is accepted.
    pub(super) fn parsed<T>(&mut self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(key)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(message) => self.wrong(key, &message),
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        self.parsed(key, |text| {
            let accepted = || join(choices.iter().map(|(word, _)| *word));
            choices
                .iter()
                .find(|(word, _)| *word == text)
                .map(|(_, value)| *value)
                .ok_or_else(|| format!("\"{text}\" is not known; accepted: {}", accepted()))
        })
    }

    /// A whole number within `range`.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let given = self.raw(key)?;
        let number = given.to_i128().or_else(|| given.to_u128()?.try_into().ok());
        match number.and_then(|n| u32::try_from(n).ok()) {
            Some(n) if range.contains(&n) => Some(n),
            _ => self.wrong(key, &format!("must be a whole number from {} to {}", range.start(), range.end())),
        }
    }

    /// A whole number within `range`, or the word "off".
    pub(super) fn number_or_off(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<Option<u32>> {
        match self.raw(key)? {
            Value::String(_, text) if text == "off" => Some(None),
            Value::String(..) => self
                .wrong(key, &format!("must be a whole number from {} to {}, or \"off\"", range.start(), range.end())),
            _ => self.number(key, range).map(Some),
        }
    }

    /// A part of something: from a thousandth up to 1.
    pub(super) fn share(&mut self, key: &'static str) -> Option<f64> {
        let given = self.raw(key)?;
        let share = given.to_num().map(|number| match number {
            figment::value::Num::F32(n) => f64::from(n),
            figment::value::Num::F64(n) => n,
            whole => whole.to_i128().map_or(f64::NAN, |n| if n == 1 { 1.0 } else { f64::NAN }),
        });
        match share {
            Some(share) if (0.001..=1.0).contains(&share) => Some(share),
            _ => self.wrong(key, "must be a part of the rate limit, from 0.001 to 1, such as 0.1"),
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        match self.raw(key)? {
            Value::Bool(_, flag) => Some(flag),
            _ => self.wrong(key, "must be true or false"),
        }
    }

    /// A length of time within `range`: whole seconds as a number, or a text such as "30s", "5m", "1h 30m".
    pub(super) fn duration(&mut self, key: &'static str, range: RangeInclusive<Duration>) -> Option<Duration> {
        let given = self.raw(key)?;
        let parsed = match &given {
            Value::String(_, text) => text.parse::<jiff::SignedDuration>().ok().and_then(|d| d.try_into().ok()),
            other => other
                .to_u128()
                .and_then(|n| u64::try_from(n).ok())
                .or_else(|| u64::try_from(other.to_i128()?).ok())
                .map(Duration::from_secs),
        };
        match parsed {
            Some(duration) if range.contains(&duration) => Some(duration),
            _ => self.wrong(
                key,
                &format!(
                    "must be a length of time from {} to {}: seconds as a number, or \"30s\", \"5m\", \"1h\"",
                    friendly(*range.start()),
                    friendly(*range.end())
                ),
            ),
        }
    }

    /// A list of texts. One text with commas counts as a list, which is how lists fit into environment variables.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let listed: Option<Vec<String>> = match self.raw(key)? {
            Value::String(_, text) => Some(text.split(',').map(|t| t.trim().to_owned()).collect()),
            Value::Array(_, items) => items.into_iter().map(Value::into_string).collect(),
            _ => None,
        };
        match listed {
            Some(texts) if texts.iter().all(|text| !text.trim().is_empty()) => Some(texts),
            _ => self.wrong(key, "must be a list of texts, none of them empty: [\"a\", \"b\"]"),
        }
    }

    /// Refuses every key nobody asked for.
    pub(super) fn finish(mut self) {
        let unknown: Vec<String> =
            self.values.keys().filter(|key| !self.known.contains(&key.as_str())).cloned().collect();
        for key in unknown {
            let message = match secret_advice(&self.name, &key) {
                Some(advice) => advice,
                None => unknown_key(&key, &self.known),
            };
            self.refuse(&key, message);
        }
    }

    fn wrong<T>(&mut self, key: &str, message: &str) -> Option<T> {
        self.refuse(key, message);
        None
    }
}

/// `1h 30m`, the way it may be written in the file.
fn friendly(duration: Duration) -> String {
    match jiff::SignedDuration::try_from(duration) {
        Ok(duration) => format!("{duration:#}"),
        Err(_) => format!("{duration:?}"),
    }
}

/// "unknown key", with the nearest known one if any is near, and all of them otherwise.
pub(super) fn unknown_key(key: &str, known: &[&str]) -> String {
    match nearest(key, known.iter().copied()) {
        Some(near) => format!("unknown key; did you mean `{near}`?"),
        None => format!("unknown key; known are {}", join(known.iter().copied())),
    }
}

/// The same for a name of Monite's that is not one, with all of them in any case: nobody knows them by heart.
pub(super) fn unknown_name(kind: &str, name: &str, known: &[&str]) -> String {
    let all = known.join(", ");
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("unknown {kind} \"{name}\"; did you mean `{near}`? Known are {all}"),
        None => format!("unknown {kind} \"{name}\"; known are {all}"),
    }
}

/// Words in quotes, separated by commas.
pub(super) fn join<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("\"{word}\"")).collect();
    quoted.join(", ")
}

/// What to do with a key that looks like a secret: the file is no place for those.
fn secret_advice(section: &str, key: &str) -> Option<String> {
    let folded = key.to_ascii_lowercase();
    let looks_secret =
        ["secret", "password", "api_key", "master_key", "private_key"].iter().any(|word| folded.contains(word));
    if folded == "client_id" {
        return Some("the client id belongs to its secret: set the environment variable MONITE_CLIENT_ID".to_owned());
    }
    let instead = match (section, folded.as_str()) {
        ("session", key) if key.starts_with("introspection") => {
            "set the environment variable MONITE_BRIDGE_INTROSPECTION_SECRET"
        }
        ("session", _) => "name the environment variable that holds it in session.hs256_secret_env",
        (_, "client_secret") => "set the environment variable MONITE_CLIENT_SECRET",
        (_, "api_key") => "set the environment variable MONITE_BRIDGE_API_KEY",
        (_, "master_key") => "set the environment variable MONITE_BRIDGE_MASTER_KEY",
        _ => "secrets come from the environment or the encrypted store",
    };
    looks_secret.then(|| format!("secrets never go into the configuration; {instead}"))
}
