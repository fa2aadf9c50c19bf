use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header, encode};
use monite::ManualClock;
use serde_json::{Value, json};

use super::*;
use crate::config::SessionPreset;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NOW: i64 = 1_800_000_000;

fn sessions_at(clock: &ManualClock, adjust: impl FnOnce(&mut SessionConfig)) -> Sessions {
    let mut config = SessionConfig { leeway: Duration::from_secs(30), ..SessionConfig::default() };
    adjust(&mut config);
    let secrets = SessionSecrets { hs256: Some(&SecretString::from(SECRET)), ..SessionSecrets::default() };
    Sessions::new(&config, secrets, Arc::new(clock.clone())).unwrap().unwrap()
}

fn sessions(adjust: impl FnOnce(&mut SessionConfig)) -> Sessions {
    sessions_at(&ManualClock::at(at(NOW)), adjust)
}

/// With a shared secret nothing is asked, so the answer is there at once.
fn verify(sessions: &Sessions, token: &str) -> Result<SessionUser, SessionRefusal> {
    match futures::FutureExt::now_or_never(sessions.verify(token)).expect("nothing to wait for") {
        Ok(user) => Ok(user),
        Err(SessionError::Refused(refusal)) => Err(refusal),
        Err(other) => panic!("{other}"),
    }
}

fn sign(claims: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn check(claims: &Value, adjust: impl FnOnce(&mut SessionConfig)) -> String {
    match verify(&sessions(adjust), &sign(claims)) {
        Ok(found) => format!("{}/{}", found.customer, found.user),
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn claims_are_judged_as_configured() {
    let plain = |_: &mut SessionConfig| {};
    let good = json!({"org_id": "acme", "sub": "ana", "exp": NOW + 60});
    assert_eq!(check(&good, plain), "acme/ana");
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    for (claims, expected) in [
        (without("exp"), "the claim exp is missing"),
        (with("exp", json!("soon")), "the claim exp is not a number of seconds since 1970"),
        (with("exp", json!(NOW - 29)), "acme/ana"),
        (with("exp", json!(NOW as f64 + 0.5)), "acme/ana"),
        (with("exp", json!(NOW - 30)), "it has expired (exp is in the past)"),
        (with("exp", json!(9e18)), "acme/ana"),
        (with("nbf", json!(NOW + 30)), "acme/ana"),
        (with("nbf", json!(NOW + 31)), "it is not valid yet (nbf is in the future)"),
        (without("org_id"), "the claim org_id is missing"),
        (without("sub"), "the claim sub is missing"),
        (with("sub", json!(7)), "the claim sub is not a string"),
        (with("sub", json!(["ana"])), "the claim sub is not a string"),
        (with("org_id", json!("a/b")), "the claim org_id is not an id: 1 to 200 letters, digits and - . _ ~ @ : + ,"),
        (with("org_id", json!("")), "the claim org_id is not an id: 1 to 200 letters, digits and - . _ ~ @ : + ,"),
        // Nobody configured them, so they are not looked at.
        (with("iss", json!("anybody")), "acme/ana"),
        (with("aud", json!("anybody")), "acme/ana"),
    ] {
        assert_eq!(check(&claims, plain), expected, "{claims}");
    }
}

#[test]
fn issuer_and_audience_must_be_there_once_configured() {
    let strict = |config: &mut SessionConfig| {
        config.issuer = Some("https://id.example.com".to_owned());
        config.audience = vec!["bridge".to_owned(), "bridge-2".to_owned()];
    };
    let claims =
        |iss: Value, aud: Value| json!({"org_id": "acme", "sub": "ana", "exp": NOW + 60, "iss": iss, "aud": aud});
    let issuer = json!("https://id.example.com");
    for (claims, expected) in [
        (claims(issuer.clone(), json!("bridge")), "acme/ana"),
        (claims(issuer.clone(), json!(["other", "bridge-2"])), "acme/ana"),
        (claims(issuer.clone(), json!("other")), "it is meant for another audience (aud) than the configured one"),
        (claims(issuer.clone(), json!([])), "it is meant for another audience (aud) than the configured one"),
        (claims(json!("https://evil.example"), json!("bridge")), "its issuer (iss) is not the configured one"),
        (claims(json!([issuer]), json!("bridge")), "its issuer (iss) is not the configured one"),
        (json!({"org_id": "acme", "sub": "ana", "exp": NOW + 60, "aud": "bridge"}), "the claim iss is missing"),
        (
            json!({"org_id": "acme", "sub": "ana", "exp": NOW + 60, "iss": "https://id.example.com"}),
            "the claim aud is missing",
        ),
    ] {
        assert_eq!(check(&claims, strict), expected, "{claims}");
    }
}

#[test]
fn claims_may_be_nested_or_have_dots_in_their_name() {
    let nested = |config: &mut SessionConfig| {
        config.customer_claim = "app_metadata.org.id".to_owned();
        config.user_claim = "https://example.com/user".to_owned();
    };
    let claims = json!({"app_metadata": {"org": {"id": "acme"}}, "https://example.com/user": "ana", "exp": NOW + 60});
    assert_eq!(check(&claims, nested), "acme/ana");
    // The literal name wins over the way to it.
    let both = |config: &mut SessionConfig| config.customer_claim = "app_metadata.org".to_owned();
    let claims = json!({"app_metadata": {"org": "beta"}, "app_metadata.org": "acme", "sub": "ana", "exp": NOW + 60});
    assert_eq!(check(&claims, both), "acme/ana");
    // A name with dots may be the beginning of a way.
    let inside = |config: &mut SessionConfig| config.customer_claim = "https://example.com/org.id".to_owned();
    let claims = json!({"https://example.com/org": {"id": "acme"}, "sub": "ana", "exp": NOW + 60});
    assert_eq!(check(&claims, inside), "acme/ana");
    let claims = json!({"https://example.com/org": ["acme"], "sub": "ana", "exp": NOW + 60});
    assert_eq!(check(&claims, inside), "the claim https://example.com/org.id is missing");
}

#[test]
fn a_token_is_not_taken_at_its_word_about_the_algorithm() {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"org_id": "acme", "sub": "ana", "exp": NOW + 60});
    let good = sign(&claims);
    let signature = good.rsplit('.').next().unwrap();
    let hs512 = encode(&Header::new(Algorithm::HS512), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
    let other_secret = encode(
        &Header::new(Algorithm::HS256),
        &claims,
        &EncodingKey::from_secret(b"another secret of 32 bytes, really"),
    )
    .unwrap();
    let unsigned = "its signature does not fit the configured secret";
    for (token, expected) in [
        (format!("{}.{}.", part(json!({"alg": "none"})), part(claims.clone())), SessionRefusal::Algorithm.to_string()),
        (format!("{}.{}.", part(json!({"alg": "NONE"})), part(claims.clone())), SessionRefusal::Algorithm.to_string()),
        (
            format!("{}.{}.{signature}", part(json!({"alg": "RS256"})), part(claims.clone())),
            SessionRefusal::Algorithm.to_string(),
        ),
        (
            format!("{}.{}.{signature}", part(json!({"typ": "JWT"})), part(claims.clone())),
            SessionRefusal::Algorithm.to_string(),
        ),
        (hs512, SessionRefusal::Algorithm.to_string()),
        (other_secret, unsigned.to_owned()),
        (format!("{}.{}.", part(json!({"alg": "HS256"})), part(claims.clone())), unsigned.to_owned()),
        (
            format!("{}.{}.{signature}", part(json!({"alg": "HS256"})), part(json!({"org_id": "evil", "sub": "ana"}))),
            unsigned.to_owned(),
        ),
        (
            format!("{}.{}.{signature}", part(json!({"alg": "HS256", "crit": ["x"]})), part(claims.clone())),
            SessionRefusal::Critical.to_string(),
        ),
        ("an-api-key".to_owned(), "it is not a JWT: a JWT has three parts with dots in between".to_owned()),
        ("a.b.c".to_owned(), "it is not a JWT: its header is not a JSON object in base64url".to_owned()),
        ("x".repeat(MAX_TOKEN_BYTES + 1), "it is not a JWT: it is longer than 16 KiB".to_owned()),
    ] {
        let refusal = verify(&sessions(|_| {}), &token).unwrap_err();
        assert_eq!(refusal.to_string(), expected, "{token}");
    }
}

#[test]
fn a_remembered_session_still_ends() {
    let clock = ManualClock::at(at(NOW));
    let sessions = sessions_at(&clock, |_| {});
    let token = sign(&json!({"org_id": "acme", "sub": "ana", "exp": NOW + 60}));
    assert!(verify(&sessions, &token).is_ok());
    clock.advance(Duration::from_secs(89));
    assert!(verify(&sessions, &token).is_ok(), "within the leeway");
    clock.advance(Duration::from_secs(1));
    assert_eq!(verify(&sessions, &token), Err(SessionRefusal::Expired));
}

#[test]
fn the_secret_does_not_show() {
    let shown = format!("{:?}", sessions(|_| {}));
    assert!(!shown.contains(SECRET) && !shown.contains("48, 49, 50"), "{shown}");
}

fn with_preset(preset: SessionPreset, user_claim: &str, claims: &Value) -> String {
    let claims = serde_json::from_value(claims.clone()).unwrap();
    let config = SessionConfig {
        preset: Some(preset),
        customer_claim: "organization".to_owned(),
        user_claim: user_claim.to_owned(),
        ..SessionConfig::default()
    };
    match Rules::of(&config).check(&claims, at(NOW)) {
        Ok(accepted) => format!("{}/{}", accepted.user.customer, accepted.user.user),
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn keycloak_lists_the_one_organization_of_a_token() {
    let check = |organization: Value, sub: Value| {
        let claims = json!({"organization": organization, "sub": sub, "exp": NOW + 60});
        with_preset(SessionPreset::Keycloak, "sub", &claims)
    };
    let not_one = "the claim organization does not name exactly one: ask for a token for one organization";
    assert_eq!(check(json!(["acme"]), json!("ana")), "acme/ana");
    assert_eq!(check(json!("acme"), json!("ana")), "acme/ana");
    assert_eq!(check(json!(["acme", "beta"]), json!("ana")), not_one);
    assert_eq!(check(json!([]), json!("ana")), not_one);
    assert_eq!(check(json!([["acme"]]), json!("ana")), "the claim organization is not a string");
    assert_eq!(check(json!({"acme": {}}), json!("ana")), "the claim organization is not a string");
    assert_eq!(check(json!(["acme"]), json!(["ana"])), "the claim sub is not a string");
}

#[test]
fn the_bars_of_auth0_become_colons_and_no_two_users_become_one() {
    let check = |preset, user_claim, user: &str| {
        let claims = json!({"organization": "acme", "sub": user, "other": user, "exp": NOW + 60});
        with_preset(preset, user_claim, &claims)
    };
    assert_eq!(check(SessionPreset::Auth0, "sub", "auth0|5f7c"), "acme/auth0:5f7c");
    assert_eq!(check(SessionPreset::Auth0, "sub", "samlp|okta|ana@acme.example"), "acme/samlp:okta:ana@acme.example");
    let colon = "the claim sub has a colon, which stands for a bar here";
    assert_eq!(check(SessionPreset::Auth0, "sub", "auth0:5f7c"), colon);
    assert_eq!(check(SessionPreset::Auth0, "sub", "samlp|okta:x"), colon);
    let no_id = "is not an id: 1 to 200 letters, digits and - . _ ~ @ : + ,";
    assert_eq!(check(SessionPreset::Auth0, "sub", "auth0|../x"), format!("the claim sub {no_id}"));
    assert_eq!(check(SessionPreset::Auth0, "other", "auth0|5f7c"), format!("the claim other {no_id}"));
    assert_eq!(check(SessionPreset::Clerk, "sub", "auth0|5f7c"), format!("the claim sub {no_id}"));
}

#[test]
fn no_signature_is_verified_twice_for_the_same_session() {
    const AT_ONCE: usize = 4;
    const ROUNDS: u64 = 200;
    let sessions = sessions(|_| {});
    let together = std::sync::Barrier::new(AT_ONCE);
    let tokens: Vec<String> =
        (0..ROUNDS).map(|jti| sign(&json!({"org_id": "acme", "sub": "ana", "exp": NOW + 60, "jti": jti}))).collect();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                for token in &tokens {
                    together.wait();
                    verify(&sessions, token).unwrap();
                }
            });
        }
    });
    assert_eq!(sessions.signatures_checked(), ROUNDS, "once for each, whoever came with it at the same time");
    tokens.iter().for_each(|token| drop(verify(&sessions, token).unwrap()));
    assert_eq!(sessions.signatures_checked(), ROUNDS, "and never again");
    // A bad one is nobody's to remember, or whoever guesses would fill the memory.
    let forged = format!("{}x", tokens[0]);
    (0..2).for_each(|_| assert_eq!(verify(&sessions, &forged), Err(SessionRefusal::Signature)));
    assert_eq!(sessions.signatures_checked(), ROUNDS + 2);
}

#[test]
fn a_session_made_for_another_page_is_refused() {
    let ours = |config: &mut SessionConfig| {
        config.preset = Some(SessionPreset::Clerk);
        config.authorized_parties = vec!["https://app.example.com".to_owned(), "https://admin.example.com".to_owned()];
    };
    let claims = |azp: Value| json!({"org_id": "acme", "sub": "ana", "exp": NOW + 60, "azp": azp});
    const OTHER: &str = "it was made for another party (azp) than the configured ones";
    for (azp, expected) in [
        (json!("https://app.example.com"), "acme/ana"),
        (json!("https://admin.example.com"), "acme/ana"),
        (json!("https://app.example.com.evil.example"), OTHER),
        (json!("https://app.example.co"), OTHER),
        (json!("http://app.example.com"), OTHER),
        (json!(""), OTHER),
        (json!(["https://app.example.com"]), OTHER),
        (Value::Null, OTHER),
    ] {
        assert_eq!(check(&claims(azp.clone()), ours), expected, "{azp}");
    }
    let without = json!({"org_id": "acme", "sub": "ana", "exp": NOW + 60});
    assert_eq!(check(&without, ours), "the claim azp is missing");
    assert_eq!(check(&claims(json!("anybody")), |_| {}), "acme/ana", "nobody configured it");
}
