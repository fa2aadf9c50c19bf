//! One sentence on what to do next about an object. Pure.

use jiff::Timestamp;

use super::words;
use crate::domain::{LastError, SyncState, SyncStatus};

/// What the person who asked `why` should do about `object`.
pub(super) fn next_step(object: &str, sync: &SyncStatus, now: Timestamp) -> String {
    match sync.state {
        SyncState::InSync => "Nothing: Monite holds what is desired.".to_owned(),
        SyncState::Pending => {
            "Nothing while `monite-bridge serve` runs: it is taken within a second. Without it, run `monite-bridge sync`.".to_owned()
        }
        SyncState::Deactivated => "Nothing: it is switched off because it, or the customer it belongs to, was deleted. Writing that again brings it back.".to_owned(),
        SyncState::Drifted => format!("Decide which side is right: `monite-bridge retry {object}` sends the stored document again."),
        SyncState::Rejected => format!(
            "Correct the document as the error says and write or import it again. If Monite is the one to change, do that and run `monite-bridge retry {object}`."
        ),
        SyncState::Retrying => retrying(object, sync, now),
    }
}

fn retrying(object: &str, sync: &SyncStatus, now: Timestamp) -> String {
    let again = match sync.next_attempt_at {
        Some(at) if at > now => format!("it is tried again by itself {}", words::relative(at, now)),
        _ => "it is tried again as soon as a pass runs".to_owned(),
    };
    if is_about_credentials(sync.last_error.as_ref()) {
        return format!(
            "Check the credentials and rights of the partner account (`monite-bridge credentials show`); {again}."
        );
    }
    format!(
        "Nothing yet: {again} (`monite-bridge retry {object}` makes it due now). If it lasts, quote the request id to Monite's support."
    )
}

fn is_about_credentials(error: Option<&LastError>) -> bool {
    error.is_some_and(|error| matches!(error.status, Some(401 | 403)))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::Generation;

    #[track_caller]
    fn check(state: SyncState, status: Option<u16>, begins: &str) {
        let now = Timestamp::UNIX_EPOCH;
        let error = LastError { status, message: "x".to_owned(), request_id: None, at: now };
        let sync = SyncStatus {
            state,
            generation: Generation(2),
            synced_generation: None,
            attempts: 1,
            next_attempt_at: (state == SyncState::Retrying).then(|| now + SignedDuration::from_secs(4)),
            synced_at: None,
            last_error: Some(error),
        };
        let sentence = next_step("acme/ana", &sync, now);
        assert!(sentence.starts_with(begins), "{sentence}");
    }

    #[test]
    fn each_state_says_who_must_act() {
        check(SyncState::InSync, None, "Nothing: Monite holds");
        check(SyncState::Pending, None, "Nothing while `monite-bridge serve` runs");
        check(SyncState::Deactivated, None, "Nothing: it is switched off");
        check(SyncState::Drifted, None, "Decide which side");
        check(SyncState::Rejected, Some(422), "Correct the document");
        check(SyncState::Retrying, Some(503), "Nothing yet: it is tried again by itself in 4 s");
        check(SyncState::Retrying, None, "Nothing yet");
        check(SyncState::Retrying, Some(401), "Check the credentials");
    }
}
