//! Request bodies: read into checked plain data, or refused with places that lie in the body.

use serde_json::Value;

use crate::rules::version::Version;
use crate::rules::webhook::{WebhookUrls, may_be_sent_to};
use crate::rules::{self, Wrong};

/// A refusal names at least one place, and each of them starts with `place`.
pub(super) fn check_refusal<T>(read: Result<T, Wrong>, place: &str) -> Option<T> {
    let wrong = match read {
        Ok(value) => return Some(value),
        Err(wrong) => wrong,
    };
    let errors = serde_json::to_value(&wrong.0).expect("mistakes are plain strings and numbers");
    let errors = errors.as_array().expect("several mistakes are an array");
    assert!(!errors.is_empty(), "refused for no reason");
    for error in errors {
        assert_eq!(error["loc"][0], Value::from(place), "{error}");
        assert!(error["msg"].as_str().is_some_and(|msg| !msg.is_empty()), "{error}");
        assert!(error["type"].as_str().is_some_and(|kind| !kind.is_empty()), "{error}");
    }
    None
}

/// Versions that differ in what they take.
fn versions() -> impl Iterator<Item = Version> {
    rules::version::LISTED.iter().filter_map(|name| rules::version::judge(name).ok().flatten())
}

pub(super) fn token(data: &[u8]) {
    check_refusal(rules::auth::token(data), "body");
}

pub(super) fn revoke(data: &[u8]) {
    check_refusal(rules::auth::revoke(data), "body");
}

pub(super) fn entity_create(data: &[u8]) {
    for version in versions() {
        if let Some(details) = check_refusal(rules::entity::create(data, version), "body") {
            // What is kept must be readable again.
            let kept = serde_json::to_string(&details).expect("details are plain strings and flags");
            assert_eq!(serde_json::from_str::<crate::world::entity::EntityDetails>(&kept).ok(), Some(details));
        }
    }
}

pub(super) fn entity_patch(data: &[u8]) {
    for version in versions() {
        check_refusal(rules::entity::update(data, version), "body");
    }
}

pub(super) fn role_create(data: &[u8]) {
    if let Some(draft) = check_refusal(rules::role::create(data), "body") {
        let kept = serde_json::to_string(&draft.permissions).expect("permissions are plain names");
        assert_eq!(serde_json::from_str(&kept).ok(), Some(draft.permissions));
    }
}

pub(super) fn role_patch(data: &[u8]) {
    check_refusal(rules::role::update(data), "body");
}

pub(super) fn entity_user_create(data: &[u8]) {
    check_refusal(rules::entity_user::create(data), "body");
}

/// What a user may change of itself is less than what the partner may: taken there means taken here.
pub(super) fn entity_user_patch(data: &[u8]) {
    let by_partner = check_refusal(rules::entity_user::update(data), "body");
    let by_itself = check_refusal(rules::entity_user::update_me(data), "body");
    assert!(by_itself.is_none() || by_partner.is_some());
}

pub(super) fn metadata(data: &[u8]) {
    check_refusal(rules::metadata::replace(data), "body");
}

pub(super) fn entity_settings(data: &[u8]) {
    check_refusal(rules::entity_settings::patch(data), "body");
}

pub(super) fn partner_settings(data: &[u8]) {
    for version in versions() {
        check_refusal(rules::partner_settings::patch(data, version), "body");
    }
}

/// The stricter rule about receivers takes less; what it takes stays taken.
pub(super) fn webhook_create(data: &[u8]) {
    let read = |urls| check_refusal(rules::webhook::create(data, urls), "body");
    let (strict, normal, open) = (read(WebhookUrls::Https), read(WebhookUrls::Loopback), read(WebhookUrls::Any));
    assert!(strict.is_none() || strict == normal);
    assert!(normal.is_none() || normal == open);
    if let Some(draft) = normal {
        assert!(may_be_sent_to(&draft.url, WebhookUrls::Loopback), "taken, and never sent");
    }
}

pub(super) fn webhook_patch(data: &[u8]) {
    check_refusal(rules::webhook::update(data, WebhookUrls::Loopback), "body");
}
