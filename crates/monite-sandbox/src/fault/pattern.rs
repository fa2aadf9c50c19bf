//! Which calls a method list and a path glob mean. The journal's filters read the same way as fault rules.

/// `POST`, or alternatives `POST|PATCH`; `*`: any.
pub(crate) fn method_matches(methods: &str, method: &str) -> bool {
    methods.split('|').any(|one| one == "*" || one.eq_ignore_ascii_case(method))
}

/// `*` stands for any characters, none included.
pub(crate) fn glob_matches(glob: &str, text: &str) -> bool {
    let Some((start, rest)) = glob.split_once('*') else {
        return glob == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    // The last part must sit at the end, all others anywhere before, each after the other.
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part) {
            Some(found) => text = &text[found + part.len()..],
            None => return false,
        }
    }
    text.ends_with(end)
}

/// `/entities/{entity_id}` as a glob.
pub(super) fn parameters_as_stars(path: &str) -> String {
    let segment = |segment: &str| {
        if segment.starts_with('{') { "*".to_owned() } else { segment.to_owned() }
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let cases = [
            ("/entities", "/entities", true),
            ("/entities", "/entities/1", false),
            ("/entities*", "/entities/1/activate", true),
            ("/entities/*/activate", "/entities/1/activate", true),
            ("/entities/*/activate", "/entities/1/deactivate", false),
            ("*", "/anything/at/all", true),
            ("*a*a", "/a", false),
            ("*a*a", "/aa", true),
        ];
        for (glob, path, expected) in cases {
            assert_eq!(glob_matches(glob, path), expected, "{glob} on {path}");
        }
        assert_eq!(parameters_as_stars("/entities/{entity_id}/logo"), "/entities/*/logo");
    }
}
