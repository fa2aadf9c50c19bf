//! Ids are types: handing a role's id where an entity's belongs does not compile.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Gives a raw UUID its meaning.
            pub const fn from_uuid(raw: Uuid) -> Self {
                Self(raw)
            }

            /// The raw UUID, for storage.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(raw: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(raw).map(Self).map_err(|source| InvalidId { kind: stringify!($name), source })
            }
        }

        impl From<Uuid> for $name {
            fn from(raw: Uuid) -> Self {
                Self(raw)
            }
        }
    )*};
}

ids! {
    /// One customer of the product, at Monite.
    EntityId,
    /// A person inside one entity.
    EntityUserId,
    /// A set of permissions inside one entity.
    RoleId,
    /// An order to be told about one kind of object.
    WebhookSubscriptionId,
    /// One event's way to one subscription.
    WebhookDeliveryId,
    /// Something that happened at Monite; the same for everyone who is told about it.
    EventId,
    /// The partner's public name at Monite: the half of the credentials that is no secret.
    ClientId,
}

/// A text that is not the UUID the place asks for.
#[derive(Clone, Debug, thiserror::Error)]
#[error("not a valid {kind}: expected a UUID such as 8e05bbf9-0000-4000-8000-000000000001")]
pub struct InvalidId {
    kind: &'static str,
    #[source]
    source: uuid::Error,
}

/// Monite's own number for one request (`x-request-id`): what its support asks for.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(String);

impl RequestId {
    /// Wraps the header's text.
    pub fn new(raw: impl Into<String>) -> Self {
        Self(raw.into())
    }

    /// The text as Monite sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_own_text() {
        let text = "8e05bbf9-0000-4000-8000-000000000001";
        let id: EntityId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
    }

    #[test]
    fn a_bad_id_names_its_kind() {
        let error = "acme".parse::<RoleId>().unwrap_err();
        assert!(error.to_string().contains("RoleId"), "{error}");
    }
}
