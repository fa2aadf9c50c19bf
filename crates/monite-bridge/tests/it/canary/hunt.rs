//! The search: a secret as it is, in hex, and in base64 wherever it may begin in what was encoded.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// How much of what stands around a find is shown.
const AROUND: usize = 120;

/// Something that must not be found.
#[derive(Debug, Clone)]
pub(super) struct Secret {
    /// What it is, for who reads of a find.
    pub(super) what: String,
    bytes: Vec<u8>,
}

impl Secret {
    pub(super) fn text(what: &str, text: &str) -> Self {
        assert!(text.len() >= 8, "{what} is too short to be found for sure");
        Self { what: what.to_owned(), bytes: text.as_bytes().to_vec() }
    }

    /// What stands behind this base64.
    pub(super) fn of_base64(what: &str, text: &str) -> Self {
        Self { what: what.to_owned(), bytes: STANDARD.decode(text).unwrap() }
    }

    /// How it could stand somewhere.
    fn forms(&self) -> Vec<(&'static str, Vec<u8>)> {
        let hex: String = self.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let numbers: Vec<String> = self.bytes.iter().map(u8::to_string).collect();
        let mut forms = vec![
            ("as it is", self.bytes.clone()),
            ("in hex", hex.clone().into_bytes()),
            ("in hex", hex.to_uppercase().into_bytes()),
            ("as numbers", numbers.join(", ").into_bytes()),
        ];
        for before in 0..3 {
            for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                let text = engine.encode([vec![0; before], self.bytes.clone()].concat());
                // Without the characters that what stands before and behind has a part in.
                let whole = (before + self.bytes.len()) * 8 / 6;
                forms.push(("in base64", text.as_bytes()[(before * 8).div_ceil(6)..whole].to_vec()));
            }
        }
        forms
    }
}

/// Something in every dress that it is searched for in, none of which holds another.
pub(super) fn dressed(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let framed = |before: &str| format!("{before}{secret}\u{e4}~~");
    vec![
        secret.to_owned(),
        hex.clone(),
        hex.to_uppercase(),
        STANDARD.encode(secret),
        STANDARD.encode(framed("a")),
        URL_SAFE.encode(framed("??")),
        STANDARD_NO_PAD.encode(framed(">>>")),
        format!("{:?}", secret.as_bytes()),
    ]
}

/// What was written and answered, by place.
#[derive(Debug, Default)]
pub(super) struct Evidence(BTreeMap<String, Vec<Vec<u8>>>);

impl Evidence {
    pub(super) fn add(&mut self, place: &str, bytes: Vec<u8>) {
        self.0.entry(place.to_owned()).or_default().push(bytes);
    }

    /// That of one place only.
    pub(super) fn of(&self, place: &str) -> Self {
        Self(self.0.get(place).map(|all| (place.to_owned(), all.clone())).into_iter().collect())
    }

    /// Where the secret stands: one line for each form and piece of evidence, with what is around it.
    pub(super) fn finds(&self, secret: &Secret) -> Vec<String> {
        let forms = secret.forms();
        let mut found = Vec::new();
        for (place, pieces) in &self.0 {
            for piece in pieces {
                // Every byte a character of its own, so that text that is none can be searched as one.
                let text = latin(piece);
                for (form, bytes) in &forms {
                    if let Some(at) = text.find(&latin(bytes)) {
                        let around: String = text
                            .chars()
                            .skip(text[..at].chars().count().saturating_sub(AROUND))
                            .take(2 * AROUND + bytes.len())
                            .collect();
                        found.push(format!("{} stands {form} in {place}: {around:?}", secret.what));
                    }
                }
            }
        }
        found
    }
}

fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

#[test]
fn a_secret_is_found_in_every_dress_and_nothing_else_is() {
    let secret = Secret::text("a secret", "s3cr3t-?>~with-odd-bytes");
    let found = |text: &str| {
        let mut evidence = Evidence::default();
        evidence.add("here", format!("before {text} behind").into_bytes());
        evidence.finds(&secret).len()
    };
    for text in dressed("s3cr3t-?>~with-odd-bytes") {
        assert!(found(&text) > 0, "{text}");
    }
    for text in dressed("s3cr3t-?>~w1th-odd-bytes") {
        assert_eq!(found(&text), 0, "{text}");
    }
    assert_eq!(found("nothing"), 0);
}
