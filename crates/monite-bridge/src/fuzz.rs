//! Entry points for fuzzing: each takes any bytes, as they could come from the network, and panics when a promise is broken. `fuzz/` runs
//! them by the million; the test at the end runs them over the inputs that were worth keeping.

use std::sync::Arc;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use monite::ManualClock;
use secrecy::SecretString;
use serde_json::Value;
use tokio::io::BufReader;

use crate::config::SessionConfig;
use crate::domain::role::RoleTemplates;
use crate::intake::{Format, Intake, IntakeError, LONGEST_LINE};
use crate::session::{SessionError, SessionSecrets, Sessions};

/// Panics when a promise is broken.
type Target = fn(&[u8]);

/// Every target by the name it has under `fuzz/`.
const TARGETS: &[(&str, Target)] =
    &[("bridge_session", sessions), ("bridge_import_ndjson", ndjson), ("bridge_import_csv", csv)];

/// Runs one target.
///
/// # Panics
///
/// When there is no such target, or when the target found a broken promise.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = target.unwrap_or_else(|| panic!("no fuzz target is called {name}"));
    target(data);
}

/// What nobody outside knows.
const SECRET: &str = "the-session-secret-of-the-fuzzer";

/// As a token, the bytes are never accepted, for nobody here can sign. As claims that we sign ourselves, they are accepted only if they
/// name exactly that customer and that user and have not expired.
fn sessions(data: &[u8]) {
    let secret = SecretString::from(SECRET);
    let secrets = SessionSecrets { hs256: Some(&secret), introspection: None };
    let now = Timestamp::UNIX_EPOCH;
    let config = SessionConfig::default();
    let sessions = Sessions::new(&config, secrets, Arc::new(ManualClock::at(now)));
    let sessions = sessions.expect("a secret needs no set-up").expect("there is a secret");
    if let Ok(token) = std::str::from_utf8(data) {
        let error = block_on(sessions.verify(token)).expect_err("a session was forged");
        assert!(matches!(error, SessionError::Refused(_)), "nobody was to be asked: {error}");
        let long = data.len() > 200;
        assert!(!long || !error.to_string().contains(token), "the refusal repeats the token");
    }
    let Ok(claims) = serde_json::from_slice::<Value>(data) else { return };
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signed = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key);
    let signed = signed.expect("what was read from JSON can be written as JSON");
    if let Ok(who) = block_on(sessions.verify(&signed)) {
        assert_eq!(claims["org_id"], who.customer.as_str());
        assert_eq!(claims["sub"], who.user.as_str());
        assert!(claims["exp"].as_f64().is_some_and(|exp| exp > -60.0), "expired: {claims}");
    }
    assert!(block_on(sessions.verify(&format!("{signed}A"))).is_err(), "a changed signature counts");
}

fn ndjson(data: &[u8]) {
    lines(data, Format::Ndjson);
}

fn csv(data: &[u8]) {
    lines(data, Format::Csv);
}

/// However the bytes arrive, the same lines are read from them, in order; each is a record, or is refused with a reason.
fn lines(data: &[u8], format: Format) {
    let whole = read(data, format, LONGEST_LINE);
    assert_eq!(whole, read(data, format, 3), "it depends on how the bytes arrive");
    let Some(lines) = whole else { return };
    assert!(lines.is_sorted_by(|one, next| one.0 < next.0), "out of order");
    for (number, line) in &lines {
        let breaks = data.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64;
        assert!(*number >= 1 && *number <= breaks + 1, "there is no line {number}");
        assert!(!line.is_empty(), "line {number} is refused for no reason");
    }
}

/// The number of each line and what was made of it; `None` when the header of a CSV file cannot be used.
fn read(data: &[u8], format: Format, chunk: usize) -> Option<Vec<(u64, String)>> {
    block_on(async {
        let roles = RoleTemplates::presets();
        let mut intake = match Intake::open(BufReader::with_capacity(chunk, data), format, roles).await {
            Ok(intake) => intake,
            Err(IntakeError::Header(reasons)) => {
                assert!(!reasons.is_empty(), "the header is refused for no reason");
                return None;
            }
            Err(IntakeError::Read(error)) => panic!("bytes in memory cannot be read: {error}"),
        };
        let mut lines = Vec::new();
        while let Some(line) = intake.next().await.expect("bytes in memory can be read") {
            let told = match line.result {
                Ok(record) => format!("{record:?}"),
                Err(error) => error.errors.iter().map(|error| format!("{error}; ")).collect(),
            };
            lines.push((line.number, told));
        }
        Some(lines)
    })
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime without timers and sockets needs nothing of the system").block_on(work)
}

#[cfg(test)]
#[path = "../../../fuzz/inputs.rs"]
mod inputs;

/// They hold for checkouts of the whole workspace.
#[cfg(test)]
mod tests {
    use super::{TARGETS, inputs};

    #[test]
    fn nothing_in_the_corpus_breaks_a_promise() {
        inputs::of_the_corpus(TARGETS);
    }

    #[test]
    fn nothing_random_breaks_a_promise() {
        inputs::at_random(TARGETS);
    }
}
