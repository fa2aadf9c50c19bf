use serde_json::json;

use super::*;

/// 2048 bits: the first one is set.
fn modulus(bytes: usize) -> String {
    URL_SAFE_NO_PAD.encode(vec![0x81; bytes])
}

fn rsa(kid: &str) -> Value {
    json!({"kty": "RSA", "kid": kid, "n": modulus(256), "e": "AQAB"})
}

fn ec(kid: &str) -> Value {
    json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": URL_SAFE_NO_PAD.encode([1; 32]), "y": URL_SAFE_NO_PAD.encode([2; 32])})
}

fn ed(kid: &str) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": URL_SAFE_NO_PAD.encode([3; 32])})
}

fn with(mut key: Value, member: &str, value: Value) -> Value {
    key[member] = value;
    key
}

fn without(mut key: Value, member: &str) -> Value {
    key.as_object_mut().unwrap().remove(member);
    key
}

fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

/// What becomes of one key: the algorithm it is for, or why it is left out.
fn read(key: Value) -> String {
    let set = set(&[key]);
    match (&set.keys[..], &set.left_out[..]) {
        ([key], []) => key.name.to_owned(),
        ([], [left_out]) => left_out.reason.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_kind_of_a_key_says_its_algorithm() {
    for (key, expected) in [
        (rsa("a"), "RS256"),
        (ec("a"), "ES256"),
        (ed("a"), "EdDSA"),
        (with(rsa("a"), "alg", json!("RS256")), "RS256"),
        (with(ed("a"), "alg", json!("Ed25519")), "Ed25519"),
        (with(rsa("a"), "use", json!("sig")), "RS256"),
        (with(rsa("a"), "key_ops", json!(["verify"])), "RS256"),
        (with(rsa("a"), "x5c", json!(["MIIC"])), "RS256"),
        (with(rsa("a"), "alg", json!("HS256")), "its algorithm (alg) is not RS256"),
        (with(rsa("a"), "alg", json!("PS256")), "its algorithm (alg) is not RS256"),
        (with(ec("a"), "alg", json!("RS256")), "its algorithm (alg) is not ES256"),
        (with(ed("a"), "alg", json!("none")), "its algorithm (alg) is not EdDSA"),
    ] {
        assert_eq!(read(key.clone()), expected, "{key}");
    }
}

#[test]
fn what_cannot_be_used_is_left_out_with_its_reason() {
    for (key, expected) in [
        (with(rsa("a"), "use", json!("enc")), "it is not for signatures (use)"),
        (with(ec("a"), "key_ops", json!(["sign", "encrypt"])), "it is not for verifying (key_ops)"),
        (with(rsa("a"), "n", json!(modulus(255))), "it is an RSA key of 2040 bits; 2048 to 8192 are used"),
        (with(rsa("a"), "n", json!(modulus(128))), "it is an RSA key of 1024 bits; 2048 to 8192 are used"),
        (
            with(rsa("a"), "n", json!(URL_SAFE_NO_PAD.encode([&[0; 128][..], &[0x81; 128]].concat()))),
            "it is an RSA key of 1024 bits; 2048 to 8192 are used",
        ),
        (with(rsa("a"), "n", json!(modulus(1025))), "it is an RSA key of 8200 bits; 2048 to 8192 are used"),
        (with(rsa("a"), "e", json!("AQ")), "its exponent (e) is none of an RSA key"),
        (with(rsa("a"), "e", json!("Ag")), "its exponent (e) is none of an RSA key"),
        (with(rsa("a"), "e", json!("")), "its exponent (e) is none of an RSA key"),
        (without(rsa("a"), "e"), "its member e is missing"),
        (with(rsa("a"), "n", json!("a+b/")), "its member n is not base64url"),
        (with(ec("a"), "crv", json!("secp256k1")), "its kind (kty, crv) is none of RSA, EC P-256 and OKP Ed25519"),
        (with(ec("a"), "crv", json!("P-384")), "its kind (kty, crv) is none of RSA, EC P-256 and OKP Ed25519"),
        (with(ec("a"), "y", json!("AQ")), "its member y does not have 32 bytes"),
        (with(ed("a"), "crv", json!("X25519")), "its kind (kty, crv) is none of RSA, EC P-256 and OKP Ed25519"),
        (json!({"kty": "oct", "k": "c2VjcmV0"}), "it is a shared secret, which has no place in a key set"),
        (
            with(rsa("a"), "d", json!("AQ")),
            "it shows its private part (d): whoever reads it can forge sessions, make a new one",
        ),
        (with(rsa("a"), "kid", json!(7)), "it is not a JWK: a member has the wrong type"),
        (json!("key"), "it is not a JWK: a member has the wrong type"),
    ] {
        assert_eq!(read(key.clone()), expected, "{key}");
    }
}

#[test]
fn a_document_that_is_no_set_is_refused_and_an_empty_set_is_one() {
    for bad in ["", "[]", "{}", "{\"keys\": {}}", "<html>", "{\"keys\": ["] {
        assert_eq!(KeySet::parse(bad.as_bytes()), Err(BadKeySet::NotASet), "{bad}");
    }
    assert_eq!(set(&[]).len(), 0);
    let many = json!({"keys": vec![ed("a"); MOST_KEYS + 1]});
    assert_eq!(KeySet::parse(many.to_string().as_bytes()), Err(BadKeySet::TooMany));
}

#[test]
fn the_order_of_a_set_and_repetitions_say_nothing() {
    assert_eq!(set(&[rsa("a"), ed("b")]), set(&[ed("b"), rsa("a"), ed("b")]));
    assert_ne!(set(&[rsa("a"), ed("b")]), set(&[rsa("a"), ed("c")]));
    assert_ne!(set(&[rsa("a")]), set(&[with(rsa("a"), "e", json!("Aw"))]));
}

#[test]
fn a_token_gets_the_one_key_it_must_be_signed_with() {
    let choose = |keys: &[Value], header: Value| {
        let token = format!("{}.e30.", URL_SAFE_NO_PAD.encode(header.to_string()));
        let parts = super::super::token::Parts::of(&token).unwrap();
        let set = set(keys);
        match set.choose(&parts.header) {
            Ok(key) => format!("{} {}", key.kid.as_deref().unwrap_or("-"), key.name),
            Err(refusal) => refusal.to_string(),
        }
    };
    let three = [rsa("r"), ec("e"), ed("d")];
    let nameless = without(ed("d"), "kid");
    let only_nameless = [nameless.clone()];
    let no_public = SessionRefusal::NoPublicKeyAlgorithm.to_string();
    for (keys, header, expected) in [
        (&three[..], json!({"alg": "RS256", "kid": "r"}), "r RS256"),
        (&three, json!({"alg": "ES256", "kid": "e"}), "e ES256"),
        (&three, json!({"alg": "EdDSA", "kid": "d"}), "d EdDSA"),
        (&three, json!({"alg": "RS256"}), "r RS256"),
        (&three, json!({"alg": "ES256", "kid": "r"}), "its algorithm (alg) is not RS256, the only one its key is for"),
        (
            &three,
            json!({"alg": "Ed25519", "kid": "d"}),
            "its algorithm (alg) is not EdDSA, the only one its key is for",
        ),
        (&three, json!({"alg": "HS256", "kid": "r"}), &no_public),
        (&three, json!({"alg": "none", "kid": "r"}), &no_public),
        (&three, json!({"alg": "rs256", "kid": "r"}), &no_public),
        (&three, json!({"alg": ["RS256"], "kid": "r"}), &no_public),
        (&three, json!({"kid": "r"}), &no_public),
        (&three, json!({"alg": "RS256", "kid": "R"}), "its key (kid) is not among those that the issuer shows"),
        (&three, json!({"alg": "RS256", "kid": ""}), "its key (kid) is not among those that the issuer shows"),
        (&three, json!({"alg": "RS256", "kid": 7}), "it is not a JWT: the name of its key (kid) is not a string"),
        (
            &three,
            json!({"alg": "RS256", "kid": "r".repeat(513)}),
            "it is not a JWT: the name of its key (kid) is longer than 512 bytes",
        ),
        // A key without a name is for those that name none, if no other fits.
        (&only_nameless, json!({"alg": "EdDSA"}), "- EdDSA"),
        (&[nameless.clone(), rsa("r")], json!({"alg": "EdDSA"}), "- EdDSA"),
        (&only_nameless, json!({"alg": "EdDSA", "kid": "d"}), "its key (kid) is not among those that the issuer shows"),
        (
            &[nameless, with(ed("d"), "x", json!(URL_SAFE_NO_PAD.encode([4; 32])))],
            json!({"alg": "EdDSA"}),
            "it names no key (kid), and the issuer shows several for its algorithm",
        ),
        (&[ec("e")], json!({"alg": "EdDSA"}), "it names no key (kid), and the issuer shows none for its algorithm"),
        // Two keys under one name: only the algorithm can tell them apart.
        (&[rsa("a"), ed("a")], json!({"alg": "EdDSA", "kid": "a"}), "a EdDSA"),
        (
            &[rsa("a"), with(rsa("a"), "e", json!("Aw"))],
            json!({"alg": "RS256", "kid": "a"}),
            "the issuer shows several keys under the name of its key (kid)",
        ),
    ] {
        assert_eq!(choose(keys, header.clone()), expected, "{header}");
    }
}
