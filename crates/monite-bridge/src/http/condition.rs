//! `If-Match`, `If-None-Match` and `ETag`: the generation as an entity tag (RFC 9110, sections 8.8.3 and 13.1).

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::problem::{Kind, Problem};
use crate::domain::Generation;
use crate::store::Precondition;

/// The `ETag` of an object.
#[must_use]
pub fn etag(generation: Generation) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{generation}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// What the two headers ask for, read once per request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    Any,
    /// Strong tags that can be generations; all others are left out, because they equal none.
    These(Vec<i64>),
}

impl Conditions {
    /// Reads the headers.
    ///
    /// # Errors
    /// A 400 [`Problem`] for a header that is not a list of entity tags: guarding against a lost update must not fail silently.
    pub fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        Ok(Self { if_match: tags(headers, &header::IF_MATCH)?, if_none_match: tags(headers, &header::IF_NONE_MATCH)? })
    }

    /// Whether the condition can be handed to the store as it is, or needs to see the current generation first.
    #[must_use]
    pub fn without_looking(&self) -> Option<Precondition> {
        match (&self.if_match, &self.if_none_match) {
            (None, None) => Some(Precondition::None),
            (Some(Tags::Any), None) => Some(Precondition::Exists),
            (None, Some(Tags::Any)) => Some(Precondition::Missing),
            (Some(Tags::These(tags)), None) if tags.len() == 1 => {
                tags.first().map(|tag| Precondition::Generation(Generation(*tag)))
            }
            _ => None,
        }
    }

    /// Decides against what is there, and gives the condition that keeps it so until the write.
    ///
    /// # Errors
    /// A 412 [`Problem`] when it does not hold.
    pub fn against(&self, there: Option<Generation>) -> Result<Precondition, Problem> {
        let matches = |tags: &Tags| match (tags, there) {
            (_, None) => false,
            (Tags::Any, Some(_)) => true,
            (Tags::These(tags), Some(generation)) => tags.contains(&generation.0),
        };
        let holds = self.if_match.as_ref().is_none_or(matches) && !self.if_none_match.as_ref().is_some_and(matches);
        if !holds {
            return Err(Problem::precondition(there));
        }
        Ok(there.map_or(Precondition::Missing, Precondition::Generation))
    }

    /// Whether the caller set any condition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, Problem> {
    let mut found: Option<Vec<i64>> = None;
    for value in headers.get_all(name) {
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Some(Tags::Any));
        }
        found.get_or_insert_default().extend(list(text).ok_or_else(|| unreadable(name))?);
    }
    Ok(found.map(Tags::These))
}

fn unreadable(name: &HeaderName) -> Problem {
    let detail = format!("{name} must be * or a list of quoted entity tags as ETag gives them, such as \"3\".");
    Problem::new(Kind::Unreadable, detail)
}

/// The generations in a list of entity tags; `None` when it is no such list. A weak tag never matches strongly, so it is skipped.
fn list(text: &str) -> Option<Vec<i64>> {
    let mut rest = text;
    let mut generations = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(generations);
        }
        let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
        let (tag, behind) = quoted.strip_prefix('"')?.split_once('"')?;
        if !weak && let Ok(generation) = tag.parse::<i64>() {
            // "03" and "+3" are other tags than "3".
            if generation.to_string() == tag {
                generations.push(generation);
            }
        }
        rest = behind.trim_start_matches([' ', '\t']);
        if !(rest.is_empty() || rest.starts_with(',')) {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a write with these headers on an object at this generation.
    fn check(if_match: &str, if_none_match: &str, there: Option<i64>) -> &'static str {
        let mut headers = HeaderMap::new();
        for (name, value) in [(header::IF_MATCH, if_match), (header::IF_NONE_MATCH, if_none_match)] {
            if !value.is_empty() {
                headers.insert(name, value.parse().unwrap());
            }
        }
        let there = there.map(Generation);
        match Conditions::read(&headers).and_then(|conditions| conditions.against(there)) {
            Ok(Precondition::Missing) if there.is_none() => "writes",
            Ok(Precondition::Generation(generation)) if Some(generation) == there => "writes",
            Ok(_) => "writes, but under another condition than what was seen",
            Err(problem) => match problem.kind() {
                Kind::PreconditionFailed => "412",
                Kind::Unreadable => "400",
                _ => "another problem",
            },
        }
    }

    #[test]
    fn conditions_hold_as_the_rfc_says() {
        for (if_match, if_none_match, there, expected) in [
            ("", "", None, "writes"),
            ("", "", Some(3), "writes"),
            ("\"3\"", "", Some(3), "writes"),
            ("\"3\"", "", Some(4), "412"),
            ("\"3\"", "", None, "412"),
            ("\"1\", \"3\"", "", Some(3), "writes"),
            ("\"1\" ,\"2\"", "", Some(3), "412"),
            ("W/\"3\"", "", Some(3), "412"),
            ("W/\"3\", \"3\"", "", Some(3), "writes"),
            ("\"03\"", "", Some(3), "412"),
            ("\"abc\"", "", Some(3), "412"),
            ("*", "", Some(3), "writes"),
            ("*", "", None, "412"),
            ("3", "", Some(3), "400"),
            ("\"3", "", Some(3), "400"),
            ("\"3\" \"4\"", "", Some(3), "400"),
            ("", "*", None, "writes"),
            ("", "*", Some(3), "412"),
            ("", "\"3\"", Some(3), "412"),
            ("", "\"3\"", Some(4), "writes"),
            ("\"4\"", "\"3\"", Some(4), "writes"),
        ] {
            assert_eq!(check(if_match, if_none_match, there), expected, "{if_match} {if_none_match} {there:?}");
        }
    }

    #[test]
    fn common_conditions_need_no_look() {
        let read = |name: HeaderName, value: &str| {
            Conditions::read(&HeaderMap::from_iter([(name, value.parse().unwrap())])).unwrap().without_looking()
        };
        assert_eq!(Conditions::default().without_looking(), Some(Precondition::None));
        assert_eq!(read(header::IF_MATCH, "\"7\""), Some(Precondition::Generation(Generation(7))));
        assert_eq!(read(header::IF_MATCH, "*"), Some(Precondition::Exists));
        assert_eq!(read(header::IF_NONE_MATCH, "*"), Some(Precondition::Missing));
        assert_eq!(read(header::IF_MATCH, "\"7\", \"8\""), None);
        assert_eq!(read(header::IF_MATCH, "W/\"7\""), None);
    }
}
