use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a role template. Compared exactly, upper and lower case apart, as Monite compares role names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoleName(String);

impl RoleName {
    /// Reads a name: 1 to 255 printable ASCII characters, no blank at either end (Monite takes ASCII only, up to 255).
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidRoleName> {
        const LONGEST: usize = 255;
        let printable = text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        let fits = (1..=LONGEST).contains(&text.len()) && text.trim() == text;
        (printable && fits).then(|| Self(text.to_owned())).ok_or(InvalidRoleName)
    }

    /// A name this program wrote down itself; not checked again.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot be a role's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role's name has 1 to 255 printable ASCII characters, with no blank at either end")]
pub struct InvalidRoleName;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_monite_takes() {
        let longest = "x".repeat(255);
        for good in ["admin", "Accounts Payable (EU)", "a", longest.as_str()] {
            assert_eq!(RoleName::parse(good).map(|name| name.to_string()), Ok(good.to_owned()));
        }
        let longer = "x".repeat(256);
        for bad in ["", " ", " admin", "admin\n", "Führung", "a\u{0}", longer.as_str()] {
            assert_eq!(RoleName::parse(bad), Err(InvalidRoleName), "{bad:?}");
        }
    }
}
