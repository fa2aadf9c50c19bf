//! The secrets of a round, and the search for them where they must not be.

use std::fs;
use std::path::Path;

/// What the bridge is told and must keep to itself.
#[derive(Debug, Clone)]
pub(crate) struct Secrets {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) api_key: String,
    /// Base64 of 32 bytes.
    pub(crate) master_key: String,
}

impl Secrets {
    /// Those of this seed: no two rounds have the same, so that a find says whose it is.
    pub(crate) fn of(seed: u64) -> Self {
        Self {
            client_id: format!("2f1c9e6e-3c55-4f6f-9d35-{seed:012x}"),
            client_secret: format!("s3cret-of-the-partner-{seed:08x}"),
            api_key: format!("k3y-of-the-backend-{seed:08x}"),
            // 43 characters that carry 32 bytes; the last holds four bits, so it must be one of a few.
            master_key: format!("round{seed:016x}keepsThisMasterKey000A="),
        }
    }

    /// By name, with what was learnt on the way.
    pub(crate) fn all<'a>(&'a self, tokens: &'a [String]) -> Vec<(&'static str, &'a str)> {
        let own = [
            ("the client secret", &self.client_secret),
            ("the API key", &self.api_key),
            ("the master key", &self.master_key),
        ];
        let tokens = tokens.iter().map(|token| ("a user's token", token));
        own.into_iter().chain(tokens).map(|(name, text)| (name, text.as_str())).collect()
    }
}

/// Every file under `folder` in which one of them stands as it is.
pub(crate) fn leaks(folder: &Path, secrets: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let unreadable = |path: &Path, error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        if path.is_dir() {
            found.extend(leaks(&path, secrets)?);
        } else if path.is_file() {
            let bytes = match fs::read(&path) {
                // A database server at work makes files and removes them.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                read => read.map_err(|error| unreadable(&path, error))?,
            };
            let here = secrets.iter().filter(|(_, secret)| contains(&bytes, secret.as_bytes()));
            found.extend(here.map(|(name, _)| format!("{name} stands in {}", path.display())));
        }
    }
    Ok(found)
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    let Some(first) = wanted.first() else { return false };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = &rest[at..];
        if rest.starts_with(wanted) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_wherever_it_stands() {
        for (text, is_there) in [("xkey", true), ("kkey", true), ("key", true), ("ke", false), ("", false)] {
            assert_eq!(contains(text.as_bytes(), b"key"), is_there, "{text}");
        }
    }

    #[test]
    fn the_master_key_is_one() {
        for seed in [0, 1, u64::MAX] {
            let key = Secrets::of(seed).master_key;
            let (text, padding) = key.split_at(43);
            assert_eq!((key.len(), padding), (44, "="), "{key}");
            assert!(text.chars().all(|c| c.is_ascii_alphanumeric()), "{key}");
        }
    }
}
