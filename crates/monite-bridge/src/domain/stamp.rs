//! What the bridge leaves at Monite about its links, so that losing its own database loses none.
//!
//! A stamp stands in the entity's partner metadata under [`Stamp::KEY`]; what others keep there is none of our business. It names
//! the customer, and the entity user of each of its users. Roles are not in it: a role's name is its template's, and a name is
//! unique in an entity, so listing the roles finds them again. The login of a user would find its entity user just as well, but
//! only as long as the product writes the same login after the loss as before; so the ids are written down.

use std::collections::BTreeMap;
use std::fmt;

use monite::EntityUserId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{CustomerId, UserId};

/// A stamp of the form this version writes.
const VERSION: u64 = 1;

/// Users take at most about this many bytes of a stamp, some 3,000 of them with ids as long as a UUID. Monite documents no limit
/// to the metadata, but its gateway has one for bodies (413) that nobody has measured; and a stamp is written whole each time.
const MOST_BYTES_OF_USERS: usize = 256 * 1024;

/// Names one database of the bridge: made once, and kept through moves and restores. It tells our stamps from those of another
/// bridge that works on the same account at Monite.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BridgeId(String);

/// Why a text cannot name a database of the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a bridge is 1 to 64 letters, digits and dashes")]
pub struct InvalidBridgeId;

impl BridgeId {
    /// Parses an id as a stamp or a person gives it.
    ///
    /// # Errors
    /// [`InvalidBridgeId`] when it is empty, longer than 64 characters, or holds others than letters, digits and dashes.
    pub fn parse(raw: &str) -> Result<Self, InvalidBridgeId> {
        let fits = (1..=64).contains(&raw.len()) && raw.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if fits { Ok(Self(raw.to_owned())) } else { Err(InvalidBridgeId) }
    }

    /// The id that these random bits make.
    #[must_use]
    pub fn from_bits(bits: u128) -> Self {
        Self(uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().to_string())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BridgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for BridgeId {
    type Err = InvalidBridgeId;
    fn from_str(raw: &str) -> Result<Self, InvalidBridgeId> {
        Self::parse(raw)
    }
}

impl TryFrom<String> for BridgeId {
    type Error = InvalidBridgeId;
    fn try_from(raw: String) -> Result<Self, InvalidBridgeId> {
        Self::parse(&raw)
    }
}

impl From<BridgeId> for String {
    fn from(id: BridgeId) -> Self {
        id.0
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Whose it is.
    pub bridge: BridgeId,
    /// The customer that the entity belongs to.
    pub customer: CustomerId,
    /// Its users that have an entity user.
    pub users: BTreeMap<UserId, EntityUserId>,
    /// Users that there was no room for: only their logins tell which entity user is theirs.
    pub users_left_out: usize,
}

/// What stands under our key in the metadata of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stamped {
    /// Nothing.
    Not,
    /// A stamp.
    By(Stamp),
    /// Something that is no stamp this version can read; what is wrong with it. Somebody's all the same.
    Unreadable(String),
}

#[derive(Serialize, Deserialize)]
struct Wire {
    v: u64,
    bridge: BridgeId,
    customer: CustomerId,
    #[serde(default)]
    users: BTreeMap<UserId, EntityUserId>,
    #[serde(default, skip_serializing_if = "is_zero")]
    users_left_out: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Stamp {
    /// The key in the metadata that is ours.
    pub const KEY: &'static str = "monite_bridge";

    /// A stamp with as many of these users as there is room for; those that nothing else could find again come first.
    pub fn new(
        bridge: BridgeId, customer: CustomerId, users: impl IntoIterator<Item = (UserId, EntityUserId)>,
    ) -> Self {
        let mut stamp = Self { bridge, customer, users: BTreeMap::new(), users_left_out: 0 };
        let mut room = MOST_BYTES_OF_USERS;
        for (user, entity_user) in users {
            // Two texts in quotes, a colon, a comma; a UUID has 36 characters, and no id needs escapes in JSON.
            let bytes = user.as_str().len() + 36 + 6;
            if bytes > room {
                stamp.users_left_out += 1;
                continue;
            }
            room -= bytes;
            stamp.users.insert(user, entity_user);
        }
        stamp
    }

    /// The metadata with this stamp in it and everything else as it was; `None` when it is in it already.
    #[must_use]
    pub fn put_into(&self, metadata: &Map<String, Value>) -> Option<Map<String, Value>> {
        let wire = Wire {
            v: VERSION,
            bridge: self.bridge.clone(),
            customer: self.customer.clone(),
            users: self.users.clone(),
            users_left_out: self.users_left_out,
        };
        let value = serde_json::to_value(wire).expect("a struct of texts, numbers and a map with text keys serializes");
        if metadata.get(Self::KEY) == Some(&value) {
            return None;
        }
        let mut with = metadata.clone();
        with.insert(Self::KEY.to_owned(), value);
        Some(with)
    }
}

impl Stamped {
    /// What stands in this metadata.
    #[must_use]
    pub fn read(metadata: &Map<String, Value>) -> Self {
        let Some(value) = metadata.get(Stamp::KEY) else { return Self::Not };
        match Wire::deserialize(value) {
            Ok(Wire { v: VERSION, bridge, customer, users, users_left_out }) => {
                Self::By(Stamp { bridge, customer, users, users_left_out })
            }
            Ok(Wire { v, .. }) => Self::Unreadable(format!("it is of version {v}, this program knows {VERSION}")),
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user(number: u128) -> (UserId, EntityUserId) {
        (UserId::parse(&format!("user-{number:07}")).unwrap(), uuid::Uuid::from_u128(number).into())
    }

    fn stamp(users: impl Iterator<Item = u128>) -> Stamp {
        Stamp::new(BridgeId::from_bits(1), CustomerId::parse("acme").unwrap(), users.map(user))
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_stamp_is_read_back_and_other_keys_are_kept() {
        let theirs = object(json!({"crm": {"id": 7}, "tags": ["a", null]}));
        let with = stamp(1..3).put_into(&theirs).unwrap();
        assert_eq!(Stamped::read(&with), Stamped::By(stamp(1..3)));
        assert_eq!((&with["crm"], &with["tags"], with.len()), (&theirs["crm"], &theirs["tags"], 3));
        assert_eq!(stamp(1..3).put_into(&with), None, "the same stamp again changes nothing");
        assert!(stamp(1..4).put_into(&with).is_some());
        assert_eq!(Stamped::read(&theirs), Stamped::Not);
    }

    #[test]
    fn whatever_else_stands_there_is_somebodys() {
        for other in [
            json!(null),
            json!("mine"),
            json!({"v": 2, "bridge": "b", "customer": "c", "users": {}}),
            json!({"v": 1, "bridge": "", "customer": "c", "users": {}}),
            json!({"v": 1, "bridge": "b", "customer": "no/slash", "users": {}}),
            json!({"v": 1, "bridge": "b", "customer": "c", "users": {"u": "no id"}}),
        ] {
            let read = Stamped::read(&object(json!({Stamp::KEY: other})));
            assert!(matches!(read, Stamped::Unreadable(_)), "{other}: {read:?}");
        }
    }

    #[test]
    fn a_stamp_has_room_for_some_users_and_says_how_many_it_left_out() {
        let full = stamp(0..10_000);
        assert_eq!(full.users.len() + full.users_left_out, 10_000);
        let with = full.put_into(&Map::new()).unwrap();
        let bytes = serde_json::to_string(&with[Stamp::KEY]["users"]).unwrap().len();
        assert!((MOST_BYTES_OF_USERS - 100..=MOST_BYTES_OF_USERS + 2).contains(&bytes), "{bytes}");
        assert!(full.users.contains_key(&user(0).0), "those named first are in it");
        assert_eq!(Stamped::read(&with), Stamped::By(full));
    }
}
