//! `Prefer: wait=N` (RFC 7240): how long a write may wait for Monite before it answers.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Nobody waits longer than this, whatever is asked for: a proxy in between would give up, and the caller with it.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The request header.
pub const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The answer header that says what was honoured.
pub const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// How long the caller wants to wait; `None` when it did not say, or not in whole seconds: a preference that cannot be
/// understood is ignored (RFC 7240, section 2).
#[must_use]
pub fn wait(headers: &HeaderMap) -> Option<Duration> {
    let preferences = headers.get_all(PREFER).into_iter().filter_map(|value| value.to_str().ok());
    let seconds = preferences.flat_map(|list| list.split(',')).find_map(|preference| {
        // Parameters behind a semicolon mean nothing to us.
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("wait").then(|| value.parse::<u64>().ok())
    })??;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// The value of [`PREFERENCE_APPLIED`] for a wait that was honoured.
#[must_use]
pub fn applied(wait: Duration) -> HeaderValue {
    HeaderValue::from_str(&format!("wait={}", wait.as_secs())).unwrap_or_else(|_| HeaderValue::from_static("wait"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_read_as_the_rfc_says() {
        for (header, expected) in [
            ("wait=5", Some(5)),
            ("Wait=5", Some(5)),
            ("wait = \"5\"", Some(5)),
            ("respond-async, wait=5", Some(5)),
            ("wait=5; foo=bar", Some(5)),
            ("wait=5, wait=9", Some(5)),
            ("wait=0", Some(0)),
            ("wait=3600", Some(60)),
            ("wait=-1", None),
            ("wait=soon", None),
            ("wait", None),
            ("respond-async", None),
            ("return=minimal", None),
        ] {
            let headers = HeaderMap::from_iter([(PREFER, header.parse().unwrap())]);
            assert_eq!(wait(&headers), expected.map(Duration::from_secs), "{header}");
        }
        let mut two = HeaderMap::new();
        two.append(PREFER, HeaderValue::from_static("respond-async"));
        two.append(PREFER, HeaderValue::from_static("wait=7"));
        assert_eq!(wait(&two), Some(Duration::from_secs(7)));
        assert_eq!(applied(Duration::from_secs(7)), "wait=7");
    }
}
