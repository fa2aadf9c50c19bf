//! Instants as Monite renders them: microseconds, `+00:00`.

use std::time::Duration;

use jiff::{Timestamp, fmt::temporal::DateTimePrinter, tz::Offset};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

static PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// Microseconds since 1970, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Stamp(i64);

impl Stamp {
    pub(crate) fn micros(self) -> i64 {
        self.0
    }

    pub(crate) fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub(crate) fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    pub(crate) fn after(self, time: Duration) -> Self {
        self.plus_micros(i64::try_from(time.as_micros()).unwrap_or(i64::MAX))
    }

    /// Reads an RFC 3339 date-time; an offset is required.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(Self::from)
    }

    pub(crate) fn render(self) -> String {
        let mut text = String::with_capacity(32);
        let timestamp = Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::MAX);
        // Writing into a String cannot fail.
        let _ = PRINTER.print_timestamp_with_offset(&timestamp, Offset::UTC, &mut text);
        text
    }
}

impl From<Timestamp> for Stamp {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.as_microsecond())
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.render())
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not a date-time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_six_digits_and_a_numeric_offset() {
        for (raw, rendered) in [
            ("2022-09-28T12:06:01.589258Z", "2022-09-28T12:06:01.589258+00:00"),
            ("2022-09-28T12:06:01+02:00", "2022-09-28T10:06:01.000000+00:00"),
        ] {
            assert_eq!(Stamp::parse(raw).map(Stamp::render).as_deref(), Some(rendered));
        }
        assert_eq!(Stamp::parse("2022-09-28T12:06:01"), None, "an offset is required");
        assert_eq!(Stamp::parse("2022-09-28"), None);
    }
}
