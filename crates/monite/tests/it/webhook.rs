//! A delivery is taken only when Monite signed exactly this, lately.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use monite::webhook::{self, DEFAULT_TOLERANCE, KeyBytes, SignedContent, Verifier, WebhookError};
use monite::{EventAction, SecretString, Subject, WebhookObjectType};
use proptest::prelude::*;

const BODY: &str = r#"{"id":"8e05bbf9-0000-4000-8000-000000000001","created_at":"2025-03-01T09:30:00.120+00:00","action":"entity.updated","api_version":"2024-05-25","description":"entity has been updated","entity_id":"8e05bbf9-0000-4000-8000-00000000000e","object":{"id":"8e05bbf9-0000-4000-8000-00000000000e"},"object_type":"entity","webhook_subscription_id":"8e05bbf9-0000-4000-8000-0000000000aa"}"#;
const SECRET: &str = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=";
const SIGNED_AT: i64 = 1_740_821_400;

/// Computed with Python: `hmac.new(secret, b"1740821400." + body, hashlib.sha256).hexdigest()`.
const SIGNATURE: &str = "6742937106a8356d7ae3a34928fa1e925ffe645e38d3fb40ff9381741acdc9fa";

fn header() -> String {
    format!("t={SIGNED_AT},v1={SIGNATURE}")
}

fn after(seconds: i64) -> Timestamp {
    Timestamp::from_second(SIGNED_AT + seconds).unwrap()
}

fn secrets(texts: &[&str]) -> Vec<SecretString> {
    texts.iter().copied().map(SecretString::from).collect()
}

fn check(body: &[u8], header: &str, keys: &[&str], now: Timestamp) -> Result<monite::Event, WebhookError> {
    webhook::verify(body, header, &secrets(keys), DEFAULT_TOLERANCE, now)
}

#[test]
fn what_python_signed_is_an_event() {
    let event = check(BODY.as_bytes(), &header(), &[SECRET], after(1)).unwrap();
    assert_eq!(event.id.to_string(), "8e05bbf9-0000-4000-8000-000000000001");
    assert_eq!((event.action.clone(), event.object_type.clone()), (EventAction::Updated, WebhookObjectType::Entity));
    assert_eq!(event.created_at.unwrap().to_string(), "2025-03-01T09:30:00.12Z");
    assert_eq!(event.api_version.as_deref(), Some("2024-05-25"));
    assert_eq!(event.subject(), Subject::Entity(event.entity_id));
    assert_eq!(event.object_id(), Some("8e05bbf9-0000-4000-8000-00000000000e"));
    assert_eq!(event.webhook_subscription_id.unwrap().to_string(), "8e05bbf9-0000-4000-8000-0000000000aa");
    let signed = webhook::sign(BODY.as_bytes(), &SecretString::from(SECRET), after(0)).unwrap();
    assert_eq!(signed, header(), "and we sign it the same");
}

#[test]
fn the_undocumented_choices_can_be_made_otherwise() {
    // Computed with Python, too.
    let table = [
        (
            KeyBytes::AfterPrefix,
            SignedContent::TimeDotBody,
            "a05e27a9ef53c23148cadb3f0fce02ddd89015e7317c1e2256092b70dcdc77a4",
        ),
        (
            KeyBytes::Base64AfterPrefix,
            SignedContent::TimeDotBody,
            "4c9773d05afa6fd588fb0d5ea98abd14cc7c76b0f40f1dd1430ea2b7aa3dd5f7",
        ),
        (
            KeyBytes::WholeSecret,
            SignedContent::TimeBody,
            "97b4225d93c3bd8cc520e33255a15e66201d17d12cb691045e0964219db899ab",
        ),
        (
            KeyBytes::WholeSecret,
            SignedContent::Body,
            "ce0536a190ac9b03e8fc380f1f4e75b976183fa52181f7b60f2bfbdeaa40317a",
        ),
    ];
    for (key, content, signature) in table {
        let header = format!("t={SIGNED_AT},v1={signature}");
        let verifier = Verifier::new().key_bytes(key).signed_content(content);
        let verdict = verifier.verify(BODY.as_bytes(), &header, &secrets(&[SECRET]), after(0));
        assert!(verdict.is_ok(), "{key:?} {content:?}: {verdict:?}");
        assert!(check(BODY.as_bytes(), &header, &[SECRET], after(0)).is_err(), "{key:?} {content:?}");
    }
}

#[test]
fn any_of_several_secrets_and_signatures_will_do() {
    let wrong = "0".repeat(64);
    let both = format!("t={SIGNED_AT},v1={wrong},v1={SIGNATURE}");
    let table: &[(&str, &[&str], bool)] = &[
        (&header(), &[SECRET, "whsec_other"], true),
        (&header(), &["whsec_other", SECRET], true),
        (&header(), &["whsec_other", "whsec_another"], false),
        (&both, &["whsec_other", SECRET], true),
        (&format!("v0={SIGNATURE},t={SIGNED_AT},v1={wrong}"), &[SECRET], false),
    ];
    for (header, keys, accepted) in table {
        assert_eq!(check(BODY.as_bytes(), header, keys, after(0)).is_ok(), *accepted, "{header} {keys:?}");
    }
}

#[test]
fn too_old_and_too_new_are_told_by_how_much() {
    for (seconds, accepted) in [(0, true), (300, true), (301, false), (-300, true), (-301, false), (86_400, false)] {
        let verdict = check(BODY.as_bytes(), &header(), &[SECRET], after(seconds));
        assert_eq!(verdict.is_ok(), accepted, "{seconds} s after it was signed");
        let Err(error) = verdict else { continue };
        assert!(matches!(error, WebhookError::ClockSkew { behind_seconds, .. } if behind_seconds == seconds));
        assert!(error.to_string().contains(&format!("{} s", seconds.abs())), "{error}");
    }
    let far = Timestamp::MIN.checked_add(SignedDuration::from_secs(1)).unwrap();
    assert!(matches!(check(BODY.as_bytes(), &header(), &[SECRET], far), Err(WebhookError::ClockSkew { .. })));
    let late = after(3000);
    assert!(matches!(
        check(BODY.as_bytes(), &header(), &["whsec_other"], late),
        Err(WebhookError::NoSecretMatched { tried: 1 })
    ));
}

#[test]
fn errors_say_what_to_do_and_show_no_secret() {
    let other = format!("t={SIGNED_AT},v1={}", "a".repeat(64));
    let unreadable = "[1]";
    let signed = webhook::sign(unreadable.as_bytes(), &SecretString::from(SECRET), after(0)).unwrap();
    let table: &[(&str, &str, &[&str], i64)] = &[
        (BODY, &header(), &[SECRET], 400),
        (BODY, &header(), &[SECRET], -400),
        (BODY, &other, &[SECRET], 0),
        (BODY, SIGNATURE, &[SECRET], 0),
        (BODY, &header(), &[], 0),
        (BODY, &header(), &[SECRET, ""], 0),
        (unreadable, &signed, &[SECRET], 0),
        (&"x".repeat(300_000), &header(), &[SECRET], 0),
    ];
    let words: Vec<String> = table
        .iter()
        .map(|(body, header, keys, seconds)| {
            let error = check(body.as_bytes(), header, keys, after(*seconds)).unwrap_err();
            let all = format!("{error} {error:?}");
            assert!(!all.contains(SECRET) && !all.contains(SIGNATURE) && !all.contains(&"a".repeat(64)), "{all}");
            format!("{} {error}", if error.is_unproven() { "unproven:" } else { "ours:    " })
        })
        .collect();
    insta::assert_snapshot!(words.join("\n"));
}

#[test]
fn every_byte_counts() {
    let accepts = |body: &[u8], header: &[u8]| {
        std::str::from_utf8(header).is_ok_and(|header| check(body, header, &[SECRET], after(0)).is_ok())
    };
    assert!(accepts(BODY.as_bytes(), header().as_bytes()));
    for at in 0..BODY.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut body = BODY.as_bytes().to_vec();
            body[at] ^= flip;
            assert!(!accepts(&body, header().as_bytes()), "body byte {at} ^ {flip:#x}");
        }
    }
    for at in 0..header().len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut changed = header().into_bytes();
            changed[at] ^= flip;
            assert!(!accepts(BODY.as_bytes(), &changed), "header byte {at} ^ {flip:#x}");
        }
        for digit in b"0123456789abcdef" {
            let mut changed = header().into_bytes();
            let same = std::mem::replace(&mut changed[at], *digit) == *digit;
            assert!(same || !accepts(BODY.as_bytes(), &changed), "header with {digit:#x} at {at}");
        }
        let mut shorter = header().into_bytes();
        shorter.remove(at);
        assert!(!accepts(BODY.as_bytes(), &shorter), "header without byte {at}");
    }
    assert!(!accepts(&BODY.as_bytes()[..BODY.len() - 1], header().as_bytes()));
    assert!(!accepts(format!("{BODY}\n").as_bytes(), header().as_bytes()));
}

proptest! {
    /// What is signed with one of the secrets is never refused for its signature, however it looks.
    #[test]
    fn what_we_sign_we_accept(
        body in proptest::collection::vec(any::<u8>(), 0..200), secret in "[ -~]{1,40}", seconds in 0i64..4_000_000_000,
        skew in -300i64..=300,
    ) {
        let at = Timestamp::from_second(seconds).unwrap();
        let now = Timestamp::from_second(seconds + skew).unwrap();
        let header = webhook::sign(&body, &SecretString::from(secret.as_str()), at).unwrap();
        let verdict = check(&body, &header, &["whsec_other", &secret], now);
        let ours = matches!(verdict, Ok(_) | Err(WebhookError::Unreadable { .. }));
        prop_assert!(ours, "{verdict:?}");
    }

    /// Whatever else arrives, it is an error and nothing breaks.
    #[test]
    fn nothing_else_is_accepted(
        body in ".{0,100}", header in "(t=[0-9]{0,12}|v1=[0-9a-f]{0,66}|[tv0-9=,a-f ]{0,20}|.{0,10}){0,4}", at in 0i64..4_000_000_000,
    ) {
        let now = Timestamp::from_second(at).unwrap();
        prop_assert!(check(body.as_bytes(), &header, &[SECRET], now).is_err());
        let time = format!("t={at},v1={}", "5".repeat(64));
        let refused = matches!(check(body.as_bytes(), &time, &[SECRET], now), Err(WebhookError::NoSecretMatched { .. }));
        prop_assert!(refused);
    }

    /// A signature holds for one time only.
    #[test]
    fn the_time_is_signed_too(shift in 1i64..300) {
        let header = format!("t={},v1={SIGNATURE}", SIGNED_AT + shift);
        let refused = check(BODY.as_bytes(), &header, &[SECRET], after(shift));
        prop_assert!(matches!(refused, Err(WebhookError::NoSecretMatched { .. })), "{refused:?}");
    }
}

#[test]
fn bounds_are_the_callers_to_choose() {
    let keys = secrets(&[SECRET]);
    let tight = Verifier::new().max_body(BODY.len()).tolerance(Duration::ZERO);
    assert!(tight.verify(BODY.as_bytes(), &header(), &keys, after(0)).is_ok());
    assert!(tight.verify(BODY.as_bytes(), &header(), &keys, after(1)).is_err());
    let verdict = tight.max_body(BODY.len() - 1).verify(BODY.as_bytes(), &header(), &keys, after(0));
    assert!(matches!(verdict, Err(WebhookError::BodyTooLong { .. })));
}
