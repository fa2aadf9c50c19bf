//! Numbers and times as people say them. Pure.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// `1 customer`, `2 customers`, `2 entities`.
pub(super) fn count(n: u64, one: &str) -> String {
    match (n, one.strip_suffix('y')) {
        (1, _) => format!("{n} {one}"),
        (_, Some(stem)) => format!("{n} {stem}ies"),
        (_, None) => format!("{n} {one}s"),
    }
}

/// A time to the second, in UTC.
pub(super) fn time(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// `in 12 s`, `4 min ago`, `now`.
pub(super) fn relative(at: Timestamp, now: Timestamp) -> String {
    let apart = at.duration_since(now);
    let length = length(apart.abs());
    match apart.as_secs() {
        0 => "now".to_owned(),
        seconds if seconds > 0 => format!("in {length}"),
        _ => format!("{length} ago"),
    }
}

fn length(duration: SignedDuration) -> String {
    match duration.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7199 => format!("{} min", seconds / 60),
        seconds @ 7200..=172_799 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// A value of a document; what is not there is `(nothing)`.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null => "(nothing)".to_owned(),
        other => other.to_string(),
    }
}

/// Every line of `text`, moved to the right.
pub(super) fn indent(text: &str, by: usize) -> String {
    let space = " ".repeat(by);
    let lines: Vec<String> = text.lines().map(|line| format!("{space}{line}").trim_end().to_owned()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_from_now() {
        let now = Timestamp::UNIX_EPOCH;
        let at = |seconds| relative(now + SignedDuration::from_secs(seconds), now);
        let table = [
            (0, "now"),
            (1, "in 1 s"),
            (119, "in 119 s"),
            (120, "in 2 min"),
            (7200, "in 2 h"),
            (-5, "5 s ago"),
            (-172_800, "2 days ago"),
        ];
        for (seconds, words) in table {
            assert_eq!(at(seconds), words);
        }
        assert_eq!(time(now), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!([0, 1, 2].map(|n| count(n, "call")), ["0 calls", "1 call", "2 calls"]);
    }

    #[test]
    fn what_is_indented_has_no_trailing_space() {
        assert_eq!(indent("a\n\nb", 2), "  a\n\n  b");
    }
}
