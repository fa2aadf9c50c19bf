//! The `x-monite-version` header, and what differs between versions.

use super::form::Wrong;
use super::text::is_date;

/// Every version Monite lists, newest first.
pub(crate) const LISTED: [&str; 10] = [
    "2025-06-23",
    "2024-05-25",
    "2024-01-31",
    "2023-09-01",
    "2023-06-04",
    "2023-04-12",
    "2023-03-14",
    "2023-03-01",
    "2023-02-07",
    "2022-11-16",
];

/// One of the listed versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(&'static str);

impl Version {
    /// Assumed where a call may leave the header out.
    pub(crate) const NEWEST: Self = Self(LISTED[0]);

    pub(crate) fn name(self) -> &'static str {
        self.0
    }

    /// Until 2023-09-01 `POST /entities` answered 200.
    pub(crate) fn creates_entities_with_200(self) -> bool {
        self.0 < "2023-09-01"
    }

    /// Until 2023-09-01 entity users carried their role and picture as objects instead of ids.
    pub(crate) fn renders_role_objects(self) -> bool {
        self.0 < "2023-09-01"
    }

    /// Until 2023-09-01 `address.country` was DE when left out.
    pub(crate) fn assumes_germany(self) -> bool {
        self.0 < "2023-09-01"
    }

    /// Until 2024-01-31 entity data could be empty strings, and cities and streets had no limit of their own.
    pub(crate) fn takes_empty_text(self) -> bool {
        self.0 < "2024-01-31"
    }

    /// Until 2024-01-31 `/webhook_subscriptions` was called `/webhook_settings`.
    pub(crate) fn calls_subscriptions_settings(self) -> bool {
        self.0 < "2024-01-31"
    }

    /// Until 2024-05-25 partner settings had `accounting`.
    pub(crate) fn has_partner_accounting(self) -> bool {
        self.0 < "2024-05-25"
    }
}

/// The version that a header's text leads to: the nearest listed one that is not newer. `None` for a date before
/// all of them, where no route existed.
pub(crate) fn judge(header: &str) -> Result<Option<Version>, Wrong> {
    if !is_date(header) {
        let wrong = Wrong::here("Input should be a valid date", "date_from_datetime_parsing");
        return Err(wrong.at_key("x-monite-version").at_key("header"));
    }
    // ISO dates sort as text.
    Ok(LISTED.into_iter().find(|listed| *listed <= header).map(Version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_leads_to_the_nearest_older_version() {
        let cases = [
            ("2999-01-01", Some("2025-06-23")),
            ("2024-06-01", Some("2024-05-25")),
            ("2024-05-25", Some("2024-05-25")),
            ("2024-05-24", Some("2024-01-31")),
            ("2023-08-31", Some("2023-06-04")),
            ("2022-11-16", Some("2022-11-16")),
            ("2022-11-15", None),
            ("0001-01-01", None),
        ];
        for (asked, found) in cases {
            assert_eq!(judge(asked).map(|version| version.map(Version::name)), Ok(found), "{asked}");
        }
        for bad in ["", "latest", "2024-5-25", "2024-02-30", "2024-05-25T00", "-02024-05-"] {
            assert!(judge(bad).is_err(), "{bad}");
        }
        assert!(LISTED.is_sorted_by(|newer, older| newer > older));
    }
}
