//! What a key may do.

use std::fmt;
use std::str::FromStr;

/// What a key may do. Every route below `/v1` names the one it needs. None includes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read customers, users, roles, counts.
    Read,
    /// Write customers and users, import, retry.
    Write,
    /// Ask for users' tokens.
    Token,
    /// Manage the bridge itself.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Token, Self::Admin];

    /// The word `keys create --scopes` uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Token => "token",
            Self::Admin => "admin",
        }
    }
}

/// Some scopes; shown and read as words with commas between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// These.
    #[must_use]
    pub fn of(scopes: &[Scope]) -> Self {
        Self(scopes.iter().fold(0, |bits, scope| bits | 1 << *scope as u8))
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn has(self, scope: Scope) -> bool {
        self.0 & 1 << scope as u8 != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their words, always in the same order.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope)).map(Scope::as_str)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().collect::<Vec<_>>().join(","))
    }
}

/// A word that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no scope; there are read, write, token and admin, with commas between them")]
pub struct NoSuchScope(String);

impl FromStr for Scopes {
    type Err = NoSuchScope;

    fn from_str(text: &str) -> Result<Self, NoSuchScope> {
        let read = |word: &str| {
            let found = Scope::ALL.into_iter().find(|scope| scope.as_str() == word.trim());
            found.ok_or_else(|| NoSuchScope(word.trim().to_owned()))
        };
        text.split(',').map(read).collect::<Result<Vec<_>, _>>().map(|scopes| Self::of(&scopes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_shown() {
        for (text, shown) in
            [("read", "read"), ("token, read", "read,token"), ("admin,write,token,read", "read,write,token,admin")]
        {
            let scopes: Scopes = text.parse().unwrap();
            assert_eq!(scopes.to_string(), shown);
            assert_eq!(shown.parse(), Ok(scopes));
        }
    }

    #[test]
    fn a_word_that_is_none_is_named_and_none_is_widened() {
        for (text, named) in
            [("", ""), ("read,", ""), ("Read", "Read"), ("read write", "read write"), ("read,all", "all"), ("*", "*")]
        {
            assert_eq!(text.parse::<Scopes>(), Err(NoSuchScope(named.to_owned())), "{text}");
        }
    }

    #[test]
    fn none_includes_another() {
        for given in Scope::ALL {
            for asked in Scope::ALL {
                assert_eq!(Scopes::of(&[given]).has(asked), given == asked, "{given:?} {asked:?}");
            }
        }
    }
}
