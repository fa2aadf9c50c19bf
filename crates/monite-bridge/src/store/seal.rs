//! Secrets at rest: XChaCha20-Poly1305 under a master key that is never in the database.
//!
//! A sealed secret is `version (1 byte) | key id (8) | nonce (24) | ciphertext and tag`. Version, key id and the secret's name
//! are bound as associated data: a row copied to another name, or claimed by another key, does not open.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Length of a master key in bytes.
pub const KEY_LENGTH: usize = 32;

const VERSION: u8 = 1;
const KEY_ID_LENGTH: usize = 8;
const NONCE_LENGTH: usize = 24;
const HEADER_LENGTH: usize = 1 + KEY_ID_LENGTH + NONCE_LENGTH;

/// Separates the key's id from any other use of the key: knowing the id tells nothing about a ciphertext.
const KEY_ID_DOMAIN: &[u8] = b"monite-bridge master key id v1\0";

/// Seals under one key and opens what was sealed under any key it holds.
pub struct Sealer {
    current: MasterKey,
    older: Vec<MasterKey>,
}

impl Sealer {
    /// Seals and opens under this key.
    #[must_use]
    pub fn new(key: MasterKey) -> Self {
        Self { current: key, older: Vec::new() }
    }

    /// Also opens what was sealed under `key`, which seals nothing new.
    #[must_use]
    pub fn and_opens(mut self, key: MasterKey) -> Self {
        self.older.push(key);
        self
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.current.id()
    }

    /// Seals `plaintext` so that it opens under this name only. The nonce is drawn at random: 192 bits never repeat.
    #[must_use]
    pub fn seal(&self, name: &str, plaintext: &SecretString) -> Vec<u8> {
        let mut nonce = [0; NONCE_LENGTH];
        rand::rng().fill_bytes(&mut nonce);
        let id = self.current.id();
        let bound = associated_data(id, name);
        let payload = Payload { msg: plaintext.expose_secret().as_bytes(), aad: &bound };
        let ciphertext = self
            .current
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .expect("fails only beyond 256 GiB of plaintext, which no secret has");
        let mut sealed = Vec::with_capacity(HEADER_LENGTH + ciphertext.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&id.0);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        sealed
    }

    /// Opens what [`Sealer::seal`] made under the same name.
    ///
    /// # Errors
    /// [`SealError`] when it is under a key not held here, was changed, or belongs to another name.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<SecretString, SealError> {
        let (id, nonce, ciphertext) = split(sealed).ok_or_else(|| SealError::Unreadable { name: name.to_owned() })?;
        let key = std::iter::once(&self.current)
            .chain(&self.older)
            .find(|key| key.id() == id)
            .ok_or_else(|| SealError::OtherKey { name: name.to_owned(), sealed_under: id, held: self.current.id() })?;
        let bound = associated_data(id, name);
        let plaintext = key
            .cipher()
            .decrypt(&XNonce::from(nonce), Payload { msg: ciphertext, aad: &bound })
            .map(Zeroizing::new)
            .map_err(|_| SealError::Altered { name: name.to_owned() })?;
        let text = std::str::from_utf8(&plaintext).map_err(|_| SealError::Altered { name: name.to_owned() })?;
        Ok(SecretString::from(text))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let older: Vec<KeyId> = self.older.iter().map(MasterKey::id).collect();
        f.debug_struct("Sealer").field("current", &self.current.id()).field("older", &older).finish()
    }
}

/// Why a sealed secret does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It was sealed under another master key.
    #[error(
        "the secret {name:?} is sealed under key {sealed_under}, this process holds {held}: \
         start it with the master key that sealed it, or store the secret again under this one"
    )]
    OtherKey {
        /// The secret's name.
        name: String,
        /// The key it needs.
        sealed_under: KeyId,
        /// The key that is here.
        held: KeyId,
    },
    /// The right key, but not what that key sealed under this name.
    #[error("the secret {name:?} was changed after it was sealed, or was sealed under another name: store it again")]
    Altered {
        /// The secret's name.
        name: String,
    },
    /// Too short, or of a version this program does not know.
    #[error("the secret {name:?} is not in a form this version reads: it is damaged or from a newer version")]
    Unreadable {
        /// The secret's name.
        name: String,
    },
}

/// The key that seals the secrets of one installation. Wiped from memory when dropped; `Debug` shows its id only.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; KEY_LENGTH]);

impl MasterKey {
    /// A new key from the operating system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = [0; KEY_LENGTH];
        rand::rng().fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// Reads a key as it stands in the environment: base64 (padding optional) of 32 bytes, blanks around it ignored.
    ///
    /// # Errors
    /// [`InvalidKey`] when it is not base64 or of another length.
    pub fn from_base64(text: &str) -> Result<Self, InvalidKey> {
        let decoded =
            STANDARD_PAD_INDIFFERENT.decode(text.trim()).map(Zeroizing::new).map_err(|_| InvalidKey::NotBase64)?;
        let bytes: [u8; KEY_LENGTH] = decoded.as_slice().try_into().map_err(|_| InvalidKey::Length(decoded.len()))?;
        Ok(Self(bytes))
    }

    /// The key as it stands in the environment.
    #[must_use]
    pub fn to_base64(&self) -> SecretString {
        SecretString::from(STANDARD.encode(self.0))
    }

    /// Names the key without telling anything about it.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let digest = Sha256::new().chain_update(KEY_ID_DOMAIN).chain_update(self.0).finalize();
        let mut id = [0; KEY_ID_LENGTH];
        id.copy_from_slice(&digest[..KEY_ID_LENGTH]);
        KeyId(id)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey([redacted], id {})", self.id())
    }
}

/// Why a text is no master key, to stand behind the name of the place it was read from. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Characters outside of base64.
    #[error("must be 32 bytes in base64, this is no base64; `openssl rand -base64 32` makes one")]
    NotBase64,
    /// Base64, but not of 32 bytes.
    #[error("must be {KEY_LENGTH} bytes in base64, this is {0} bytes; `openssl rand -base64 32` makes one")]
    Length(usize),
}

/// Names a master key: the first eight bytes of a hash of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; KEY_ID_LENGTH]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn associated_data(id: KeyId, name: &str) -> Vec<u8> {
    let mut bound = vec![VERSION];
    bound.extend_from_slice(&id.0);
    bound.extend_from_slice(name.as_bytes());
    bound
}

/// Key id, nonce and ciphertext; `None` when it is too short or of another version.
fn split(sealed: &[u8]) -> Option<(KeyId, [u8; NONCE_LENGTH], &[u8])> {
    let rest = sealed.strip_prefix(&[VERSION])?;
    let (id, rest) = rest.split_first_chunk::<KEY_ID_LENGTH>()?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>()?;
    Some((KeyId(*id), *nonce, ciphertext))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn what_was_sealed_opens_under_the_same_key_and_name_only() {
        let sealer = Sealer::new(MasterKey::generate());
        let sealed = sealer.seal("monite.credentials", &secret("s3cr3t"));
        assert_eq!(sealer.open("monite.credentials", &sealed).unwrap().expose_secret(), "s3cr3t");
        assert_eq!(sealer.open("other", &sealed).unwrap_err(), SealError::Altered { name: "other".to_owned() });
        assert!(!sealed.windows(6).any(|window| window == b"s3cr3t"));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let sealer = Sealer::new(MasterKey::generate());
        let sealed = sealer.seal("n", &secret("text"));
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert!(sealer.open("n", &changed).is_err(), "byte {position}");
            assert!(sealer.open("n", &sealed[..position]).is_err(), "cut at {position}");
        }
    }

    #[test]
    fn two_seals_of_one_text_differ() {
        let sealer = Sealer::new(MasterKey::generate());
        assert_ne!(sealer.seal("n", &secret("text")), sealer.seal("n", &secret("text")));
    }

    #[test]
    fn a_wrong_key_is_named() {
        let old = Sealer::new(MasterKey::generate());
        let sealed = old.seal("n", &secret("text"));
        let new = Sealer::new(MasterKey::generate());
        let said = new.open("n", &sealed).unwrap_err().to_string();
        assert!(
            said.contains(&format!("sealed under key {}, this process holds {}", old.key_id(), new.key_id())),
            "{said}"
        );
    }

    #[test]
    fn an_older_key_still_opens_and_the_new_one_seals() {
        let old_key = MasterKey::generate();
        let sealed = Sealer::new(old_key.clone()).seal("n", &secret("text"));
        let rotated = Sealer::new(MasterKey::generate()).and_opens(old_key);
        assert_eq!(rotated.open("n", &sealed).unwrap().expose_secret(), "text");
        let resealed = rotated.seal("n", &secret("text"));
        assert_eq!(resealed[1..9], rotated.key_id().0);
    }

    #[test]
    fn a_key_is_base64_of_32_bytes() {
        let key = MasterKey::generate();
        assert_eq!(MasterKey::from_base64(key.to_base64().expose_secret()).unwrap().0, key.0);
        let unpadded = format!(" {}\n", key.to_base64().expose_secret().trim_end_matches('='));
        assert_eq!(MasterKey::from_base64(&unpadded).unwrap().0, key.0);
        for (text, expected) in
            [("", InvalidKey::Length(0)), ("AAAA", InvalidKey::Length(3)), ("not base64!", InvalidKey::NotBase64)]
        {
            assert_eq!(MasterKey::from_base64(text).unwrap_err(), expected, "{text:?}");
        }
        assert!(InvalidKey::Length(3).to_string().contains("must be 32 bytes in base64, this is 3 bytes"));
    }

    #[test]
    fn debug_shows_no_key() {
        let key = MasterKey::generate();
        let shown = format!("{key:?} {:?}", Sealer::new(key.clone()));
        assert!(!shown.contains(key.to_base64().expose_secret()));
        assert!(!shown.contains(&format!("{:?}", key.0)));
        assert!(shown.contains("[redacted]"));
    }
}
