//! One field of a PATCH: absent, null and a value are three different orders.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a PATCH does to one field. In a struct it needs `#[serde(default, skip_serializing_if = "Field::is_keep")]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// Leave it as it is: the key is not sent.
    #[default]
    Keep,
    /// Empty it: the key is sent as `null`. Monite refuses this for fields that must have a value.
    Clear,
    /// Replace it.
    Set(T),
}

impl<T> Field<T> {
    /// True when the key will not be sent.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The new value, if there is one.
    pub fn as_set(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// The order that turns `from` into `to`: nothing when they are equal.
    pub fn between(from: &Option<T>, to: &Option<T>) -> Self
    where
        T: Clone + PartialEq,
    {
        match (from, to) {
            (from, to) if from == to => Self::Keep,
            (_, Some(value)) => Self::Set(value.clone()),
            (_, None) => Self::Clear,
        }
    }
}

impl<T> From<T> for Field<T> {
    fn from(value: T) -> Self {
        Self::Set(value)
    }
}

impl<T: Serialize> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Set(value) => value.serialize(serializer),
            Self::Keep | Self::Clear => serializer.serialize_none(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}
