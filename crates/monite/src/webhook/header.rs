//! The `Monite-Signature` header: `t=<unix seconds>,v1=<64 lowercase hex>`.

use super::error::WebhookError;

/// Longest header read, in bytes: the form with all the signatures taken is half as long.
pub(super) const MAX_HEADER: usize = 1024;

/// Most signatures read. Each costs a comparison for each secret.
pub(super) const MAX_SIGNATURES: usize = 8;

/// Seconds of the year 5138 have no more digits; and none has fewer than one.
const MAX_TIME_DIGITS: usize = 11;

/// A SHA-256.
pub(super) type Signature = [u8; 32];

/// The header taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SignatureHeader<'a> {
    /// When it was signed, in Unix seconds.
    pub(super) time: i64,
    /// The same as it was written: this text is what was signed.
    pub(super) time_text: &'a str,
    /// All `v1`, at least one.
    pub(super) signatures: Vec<Signature>,
}

impl<'a> SignatureHeader<'a> {
    /// Parts with other names are passed over: a next version of the scheme would add one.
    pub(super) fn parse(header: &'a str) -> Result<Self, WebhookError> {
        if header.len() > MAX_HEADER {
            return Err(malformed("it is too long"));
        }
        let (mut time, mut signatures) = (None, Vec::new());
        for part in header.split(',') {
            let (name, value) = part.split_once('=').ok_or_else(|| malformed("a part of it has no ="))?;
            match name {
                "t" if time.is_some() => return Err(malformed("t is there twice")),
                "t" => time = Some((seconds(value)?, value)),
                "v1" if signatures.len() == MAX_SIGNATURES => return Err(malformed("it has too many signatures")),
                "v1" => signatures.push(from_hex(value).ok_or_else(|| malformed("v1 is not 64 lowercase hex digits"))?),
                _ => {}
            }
        }
        let (time, time_text) = time.ok_or_else(|| malformed("t is missing"))?;
        if signatures.is_empty() {
            return Err(malformed("v1 is missing"));
        }
        Ok(Self { time, time_text, signatures })
    }
}

fn malformed(what: &'static str) -> WebhookError {
    WebhookError::MalformedHeader { what }
}

/// Digits and nothing else: one time has one spelling.
fn seconds(text: &str) -> Result<i64, WebhookError> {
    let wrong = || malformed("t is not a number of seconds");
    let plain = (1..=MAX_TIME_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (text.len() > 1 && text.starts_with('0')) {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

fn from_hex(text: &str) -> Option<Signature> {
    let digits = text.as_bytes();
    let mut signature = Signature::default();
    if digits.len() != 2 * signature.len() {
        return None;
    }
    for (byte, pair) in signature.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(signature)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// The digits that [`SignatureHeader::parse`] reads.
pub(super) fn to_hex(signature: &Signature) -> String {
    use std::fmt::Write;
    signature.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_a_header() {
        let v1 = format!("v1={}", "0f".repeat(32));
        let many = |n: usize| format!("t=1{}", format!(",{v1}").repeat(n));
        let table = [
            (format!("t=1700000000,{v1}"), Ok((1_700_000_000, 1))),
            (format!("{v1},t=0"), Ok((0, 1))),
            (format!("t=1,{v1},{v1},v0=x,v2=y=z,T=2"), Ok((1, 2))),
            (many(8), Ok((1, 8))),
            (many(9), Err("it has too many signatures")),
            (format!("t=1,{v1},x={}", "x".repeat(1000)), Err("it is too long")),
            (String::new(), Err("a part of it has no =")),
            (format!("t=1,{v1},"), Err("a part of it has no =")),
            (v1.clone(), Err("t is missing")),
            ("t=1".to_owned(), Err("v1 is missing")),
            (format!("t=1,t=1,{v1}"), Err("t is there twice")),
            (format!("t=1, {v1}"), Err("v1 is missing")),
            (format!("t=1,{}", v1.to_uppercase()), Err("v1 is missing")),
            (format!("t=1,{}", v1.replace('f', "F")), Err("v1 is not 64 lowercase hex digits")),
            (format!("t=1,{v1}0"), Err("v1 is not 64 lowercase hex digits")),
            (format!("t=1,{}", &v1[..66]), Err("v1 is not 64 lowercase hex digits")),
            (format!("t=1,v1={}", "é".repeat(32)), Err("v1 is not 64 lowercase hex digits")),
        ];
        for (text, expected) in table {
            let parsed = SignatureHeader::parse(&text).map(|header| (header.time, header.signatures.len()));
            let parsed = parsed.map_err(|error| match error {
                WebhookError::MalformedHeader { what } => what,
                other => panic!("{other}"),
            });
            assert_eq!(parsed, expected, "{text}");
        }
    }

    #[test]
    fn a_time_has_one_spelling() {
        let signature = "0".repeat(64);
        for time in ["", "-1", "+1", "01", "00", " 1", "1 ", "1.0", "1e3", "0x1", "١", "123456789012", "t", "1\n"] {
            let header = format!("t={time},v1={signature}");
            let error = SignatureHeader::parse(&header).unwrap_err().to_string();
            assert!(error.contains("t is not a number of seconds"), "{time:?}: {error}");
        }
    }

    #[test]
    fn hex_reads_back() {
        let signature: Signature = std::array::from_fn(|index| (index * 37 + 11) as u8);
        assert_eq!(from_hex(&to_hex(&signature)), Some(signature));
    }
}
