//! The `x-monite-version` header.

use super::form::Wrong;

/// Assumed where a call may leave the header out.
pub(crate) const NEWEST: &str = "2025-06-23";

/// Before this date there were no routes.
const OLDEST: &str = "2022-11-16";

/// What a version header leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// Served; unlisted dates resolve to the nearest older version, so any date from the oldest on will do.
    Served,
    /// Older than everything: no route exists.
    TooOld,
}

/// Judges the header's text.
pub(crate) fn judge(header: &str) -> Result<Version, Wrong> {
    let is_date = header.len() == 10 && header.is_ascii() && header.parse::<jiff::civil::Date>().is_ok();
    if !is_date {
        let wrong = Wrong::here("Input should be a valid date", "date_from_datetime_parsing");
        return Err(wrong.at_key("x-monite-version").at_key("header"));
    }
    // ISO dates sort as text.
    Ok(if header < OLDEST { Version::TooOld } else { Version::Served })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(judge("2024-05-25"), Ok(Version::Served));
        assert_eq!(judge("2024-06-01"), Ok(Version::Served));
        assert_eq!(judge("2999-01-01"), Ok(Version::Served));
        assert_eq!(judge("2022-11-15"), Ok(Version::TooOld));
        for bad in ["", "latest", "2024-5-25", "2024-02-30", "2024-05-25T00"] {
            assert!(judge(bad).is_err(), "{bad}");
        }
    }
}
