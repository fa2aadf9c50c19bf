//! Entry points for fuzzing: each takes any bytes, as they could come from the network, and panics when a promise is
//! broken. `fuzz/` runs them by the million; the test at the end runs them over the inputs that were worth keeping.

use std::fmt::Debug;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::{Answer, rate_signal, refusal};
use crate::webhook::{self, DEFAULT_TOLERANCE, WebhookError};
use crate::{
    Entity, EntityPatch, EntitySettings, EntityUser, EntityUserPatch, Error, Event, Page, PartnerSettings, Permissions,
    Role, WebhookDelivery, WebhookSubscription, WebhookSubscriptionWithSecret,
};

/// Panics when a promise is broken.
type Target = fn(&[u8]);

/// Every target by the name it has under `fuzz/`.
const TARGETS: &[(&str, Target)] =
    &[("client_models", models), ("client_refusal", refusals), ("client_webhook", webhooks)];

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

/// Never part of what a server sends unless it repeats what we sent.
const SECRET: &str = "whsec_of_the_client";

/// Whatever is read can be written and read again, and is the same then.
fn models(data: &[u8]) {
    again::<Entity>(data);
    again::<EntityPatch>(data);
    again::<EntityUser>(data);
    again::<EntityUserPatch>(data);
    again::<EntitySettings>(data);
    again::<PartnerSettings>(data);
    again::<Permissions>(data);
    again::<Role>(data);
    again::<Event>(data);
    again::<WebhookDelivery>(data);
    again::<WebhookSubscription>(data);
    let answer = Answer {
        operation: "fuzz",
        status: 200,
        request_id: None,
        sent_at: Timestamp::UNIX_EPOCH,
        body: Bytes::copy_from_slice(data),
    };
    // Only that it answers counts.
    let _ = answer.json::<Page<Entity>>();
    let _ = answer.secret_json::<WebhookSubscriptionWithSecret>();
}

fn again<T: DeserializeOwned + Serialize + PartialEq + Debug>(data: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(data) else {
        return;
    };
    let written = serde_json::to_string(&read).expect("what was read from JSON can be written as JSON");
    match serde_json::from_str::<T>(&written) {
        Ok(again) => assert_eq!(again, read, "written as {written}"),
        Err(error) => panic!("written as {written}, which cannot be read: {error}"),
    }
}

/// The first two bytes are the status, lines up to an empty one the headers, the rest is the body.
fn refusals(data: &[u8]) {
    let Some((status, rest)) = data.split_first_chunk() else {
        return;
    };
    let status = u16::from_be_bytes(*status);
    let (head, body) = split(rest, b"\n\n");
    let headers: HeaderMap = head.split(|byte| *byte == b'\n').filter_map(header).collect();
    let now = Timestamp::UNIX_EPOCH;
    rate_signal(status, &headers, now);
    let secret = SecretString::from(SECRET);
    let error = refusal("fuzz", status, &headers, body, now, &[&secret]);
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(SECRET), "{shown}");
    let Error::Api { message, .. } = error else { panic!("a refusal is Monite's answer: {error:?}") };
    assert!(message.chars().count() <= 501 && !message.chars().any(char::is_control), "{message:?}");
}

fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = split(line, b":");
    Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?))
}

/// What stands before the first `at`, and what after it.
fn split<'a>(data: &'a [u8], at: &[u8]) -> (&'a [u8], &'a [u8]) {
    match data.windows(at.len()).position(|window| window == at) {
        Some(found) => (&data[..found], &data[found + at.len()..]),
        None => (data, &[]),
    }
}

/// The first line is the header, the rest the body. Nobody here knows the secret, so nothing is ever accepted; what
/// we sign ourselves is, as long as it is an event.
fn webhooks(data: &[u8]) {
    let (header, body) = split(data, b"\n");
    let secrets = [SecretString::from(SECRET)];
    let now = Timestamp::UNIX_EPOCH;
    if let Ok(header) = std::str::from_utf8(header) {
        let verified = webhook::verify(body, header, &secrets, DEFAULT_TOLERANCE, now);
        let error = verified.expect_err("a signature was forged");
        assert!(!matches!(error, WebhookError::Unreadable { .. }), "read before the signature was checked");
    }
    let signed = webhook::sign(body, &secrets[0], now).expect("the secret is not empty");
    match webhook::verify(body, &signed, &secrets, DEFAULT_TOLERANCE, now) {
        Ok(event) => assert_eq!(Some(event), serde_json::from_slice(body).ok()),
        Err(error) => assert!(
            matches!(error, WebhookError::Unreadable { .. } | WebhookError::BodyTooLong { .. }),
            "our own signature is refused: {error}"
        ),
    }
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
