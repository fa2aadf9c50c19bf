//! The product's own ids, parsed once at the door; afterwards nobody checks again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest id accepted, in characters (all of them ASCII, so bytes too).
pub const MAX_ID_LENGTH: usize = 200;

/// Why a text cannot be an id of the product.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Empty, or longer than [`MAX_ID_LENGTH`].
    #[error("an id has 1 to {MAX_ID_LENGTH} characters, this one has {0}")]
    Length(usize),
    /// A character outside of the accepted set.
    #[error("an id may hold letters, digits and - . _ ~ @ : + , only; {0:?} is none of these")]
    Character(char),
}

/// Checks the rule that both kinds of id share: 1 to 200 unreserved URL characters (RFC 3986, section 2.3) plus `@ : + ,`.
fn check(raw: &str) -> Result<(), InvalidId> {
    let length = raw.chars().count();
    if length == 0 || length > MAX_ID_LENGTH {
        return Err(InvalidId::Length(length));
    }
    match raw.chars().find(|c| !(c.is_ascii_alphanumeric() || "-._~@:+,".contains(*c))) {
        Some(wrong) => Err(InvalidId::Character(wrong)),
        None => Ok(()),
    }
}

macro_rules! product_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Parses an id as the product wrote it.
            ///
            /// # Errors
            /// [`InvalidId`] when it is empty, too long or holds a character outside of the accepted set.
            pub fn parse(raw: &str) -> Result<Self, InvalidId> {
                check(raw)?;
                Ok(Self(raw.into()))
            }

            /// The id as the product wrote it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(raw: &str) -> Result<Self, InvalidId> {
                Self::parse(raw)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(raw: String) -> Result<Self, InvalidId> {
                Self::parse(&raw)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }
    )*};
}

product_ids! {
    /// One customer of the product; becomes one entity at Monite.
    CustomerId,
    /// One user inside one customer; becomes one entity user at Monite. Unique within its customer only.
    UserId,
}

/// A customer, or one of its users: what `why`, `retry` and events are about. Reads `CUSTOMER` or `CUSTOMER/USER`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectId {
    /// The customer itself.
    Customer(CustomerId),
    /// One user of the customer.
    User(CustomerId, UserId),
}

impl ObjectId {
    /// The customer this object is or belongs to.
    #[must_use]
    pub fn customer(&self) -> &CustomerId {
        match self {
            Self::Customer(customer) | Self::User(customer, _) => customer,
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customer(customer) => customer.fmt(f),
            Self::User(customer, user) => write!(f, "{customer}/{user}"),
        }
    }
}

impl std::str::FromStr for ObjectId {
    type Err = InvalidId;
    fn from_str(raw: &str) -> Result<Self, InvalidId> {
        match raw.split_once('/') {
            Some((customer, user)) => Ok(Self::User(CustomerId::parse(customer)?, UserId::parse(user)?)),
            None => Ok(Self::Customer(CustomerId::parse(raw)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_what_the_contract_says() {
        for good in ["a", "acme", "user_2abc", "A-Z.0~9", "ana@example.com", "org:1+2,3", &"x".repeat(200)] {
            assert_eq!(CustomerId::parse(good).map(String::from), Ok(good.to_owned()));
        }
        assert_eq!(CustomerId::parse(""), Err(InvalidId::Length(0)));
        assert_eq!(CustomerId::parse(&"x".repeat(201)), Err(InvalidId::Length(201)));
        for (bad, character) in [("a/b", '/'), ("a b", ' '), ("é", 'é'), ("a%20", '%'), ("a?b", '?'), ("a\0", '\0')] {
            assert_eq!(UserId::parse(bad), Err(InvalidId::Character(character)), "{bad}");
        }
    }

    #[test]
    fn an_object_is_a_customer_or_one_of_its_users() {
        assert_eq!("acme".parse::<ObjectId>().unwrap().to_string(), "acme");
        assert_eq!("acme/ana".parse::<ObjectId>().unwrap().to_string(), "acme/ana");
        assert!("acme/ana/x".parse::<ObjectId>().is_err());
    }
}
