//! Secrets at rest: XChaCha20-Poly1305 under a master key that is never in the database.
//!
//! A sealed secret is `version (1 byte) | key id (8) | nonce (24) | ciphertext and tag`. Version, key id and the secret's name
//! are bound as associated data: a row copied to another name, or claimed by another key, does not open.
//!
//! Each secret is sealed under the master key itself, and there is no data key in between. A database holds a handful of sealed rows
//! (credentials, the webhooks' secrets, the shared token), so wrapping one key instead of sealing them anew would save nothing; and a data
//! key outlives its wrapping: whoever has an old backup and the old master key would go on opening what is sealed after a rotation. Sealed
//! anew, nothing that is written after a rotation opens with the old key. The envelope is the key id in each
//! row's head: it says which of several keys a row needs, so that a rotation needs no moment at which all processes change at once.

mod key;

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};
use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use self::key::KEY_ID_LENGTH;
pub use self::key::{InvalidKey, KEY_LENGTH, KeyId, MasterKey};

const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 24;
const HEADER_LENGTH: usize = 1 + KEY_ID_LENGTH + NONCE_LENGTH;

/// Seals under one key and opens what was sealed under any key it holds. Clones share the keys.
#[derive(Clone)]
pub struct Sealer(Arc<Keys>);

#[derive(Clone)]
struct Keys {
    current: MasterKey,
    others: Vec<MasterKey>,
}

impl Keys {
    fn all(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.current).chain(&self.others)
    }
}

impl Sealer {
    /// Seals and opens under this key.
    #[must_use]
    pub fn new(key: MasterKey) -> Self {
        Self(Arc::new(Keys { current: key, others: Vec::new() }))
    }

    /// Reads keys as they stand in the environment or a file: base64 of 32 bytes each, with commas, blanks or line breaks between
    /// them. The first seals, all open.
    ///
    /// # Errors
    /// [`InvalidKeys`] says which one is wrong, never what it is.
    pub fn parse(text: &str) -> Result<Self, InvalidKeys> {
        let texts: Vec<&str> =
            text.split(|c: char| c == ',' || c.is_whitespace()).filter(|text| !text.is_empty()).collect();
        let mut keys: Vec<MasterKey> = Vec::with_capacity(texts.len());
        for (number, text) in (1..).zip(&texts) {
            let wrong = |reason| InvalidKeys::One { number, of: texts.len(), reason };
            let key = MasterKey::from_base64(text).map_err(wrong)?;
            // Whoever wrote the old key twice believes that there is a new one.
            if let Some(same) = keys.iter().position(|other| other.id() == key.id()) {
                return Err(InvalidKeys::Twice { number, same: same + 1 });
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(InvalidKeys::None)?;
        Ok(keys.fold(Self::new(first), Self::and_opens))
    }

    /// Also opens what was sealed under `key`, which seals nothing new.
    #[must_use]
    pub fn and_opens(mut self, key: MasterKey) -> Self {
        Arc::make_mut(&mut self.0).others.push(key);
        self
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.0.current.id()
    }

    /// The ids of all keys, the one that seals first.
    #[must_use]
    pub fn key_ids(&self) -> Vec<KeyId> {
        self.0.all().map(MasterKey::id).collect()
    }

    /// Seals `plaintext` so that it opens under this name only. The nonce is drawn at random: 192 bits never repeat.
    #[must_use]
    pub fn seal(&self, name: &str, plaintext: &SecretString) -> Vec<u8> {
        let mut nonce = [0; NONCE_LENGTH];
        rand::rng().fill_bytes(&mut nonce);
        let id = self.0.current.id();
        let bound = associated_data(id, name);
        let payload = Payload { msg: plaintext.expose_secret().as_bytes(), aad: &bound };
        let ciphertext = self
            .0
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
        let other_key = || SealError::OtherKey { name: name.to_owned(), sealed_under: id, held: self.key_ids() };
        let key = self.0.all().find(|key| key.id() == id).ok_or_else(other_key)?;
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
        f.debug_struct("Sealer").field("seals", &self.key_id()).field("opens", &self.key_ids()).finish()
    }
}

impl From<MasterKey> for Sealer {
    fn from(key: MasterKey) -> Self {
        Self::new(key)
    }
}

/// The key that a sealed secret needs; `None` when it is in no form this version reads.
#[must_use]
pub fn sealed_under(sealed: &[u8]) -> Option<KeyId> {
    split(sealed).map(|(id, ..)| id)
}

/// Why a text is no list of master keys, to stand behind the name of the place it was read from. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    /// One of them is none.
    #[error("{}{reason}", which(*number, *of))]
    One {
        /// Which one, from 1 on.
        number: usize,
        /// How many there are.
        of: usize,
        /// What is wrong with it.
        reason: InvalidKey,
    },
    /// The same key stands there twice.
    #[error("key {number} is key {same} again; to rotate, put the new key first and the old one behind it")]
    Twice {
        /// Which one, from 1 on.
        number: usize,
        /// Where it stood before.
        same: usize,
    },
    /// Commas or blanks only.
    #[error("holds no key; `openssl rand -base64 32` makes one")]
    None,
}

fn which(number: usize, of: usize) -> String {
    if of == 1 { String::new() } else { format!("key {number} of {of} ") }
}

impl SealError {
    /// The secret's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::OtherKey { name, .. } | Self::Altered { name } | Self::Unreadable { name } => name,
        }
    }
}

/// Why a sealed secret does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It was sealed under another master key.
    #[error(
        "the secret {name:?} is sealed under key {sealed_under}, this process holds {}: \
         start it with the master key that sealed it (behind its own, if that is to go on sealing), or store the secret again under this one",
        listed(held)
    )]
    OtherKey {
        /// The secret's name.
        name: String,
        /// The key it needs.
        sealed_under: KeyId,
        /// The keys that are here, the one that seals first.
        held: Vec<KeyId>,
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

fn listed(ids: &[KeyId]) -> String {
    ids.iter().map(KeyId::to_string).collect::<Vec<_>>().join(", ")
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
        assert_eq!(sealed_under(&resealed), Some(rotated.key_id()));
        assert_ne!(sealed_under(&resealed), sealed_under(&sealed));
    }

    #[test]
    fn a_list_of_keys_seals_with_the_first_and_opens_with_all() {
        let keys = [MasterKey::generate(), MasterKey::generate(), MasterKey::generate()];
        let texts: Vec<String> = keys.iter().map(|key| key.to_base64().expose_secret().to_owned()).collect();
        let ids: Vec<KeyId> = keys.iter().map(MasterKey::id).collect();
        for text in [texts.join(","), texts.join(" , "), format!("\n{}\r\n", texts.join("\r\n")), texts.join("\t")] {
            let sealer = Sealer::parse(&text).unwrap();
            assert_eq!(sealer.key_ids(), ids, "{text:?}");
            assert_eq!(sealed_under(&sealer.seal("n", &secret("text"))), Some(ids[0]));
            for key in &keys {
                let sealed = Sealer::new(key.clone()).seal("n", &secret("text"));
                assert_eq!(sealer.open("n", &sealed).unwrap().expose_secret(), "text");
            }
        }
    }

    #[test]
    fn a_wrong_key_of_a_list_is_named_by_its_place() {
        let (one, two) = (MasterKey::generate().to_base64(), MasterKey::generate().to_base64());
        let (one, two) = (one.expose_secret(), two.expose_secret());
        let refused = |text: &str| Sealer::parse(text).unwrap_err().to_string();
        for (text, expected) in [
            (format!("{one},c2hvcnQ=,{two}"), "key 2 of 3 must be 32 bytes in base64, this is 5 bytes;"),
            (format!("{one} {two} s3cr3t!"), "key 3 of 3 must be 32 bytes in base64, this is no base64;"),
            ("c2hvcnQ=".to_owned(), "must be 32 bytes in base64, this is 5 bytes;"),
            (format!("{one}\n{two}\n{one}"), "key 3 is key 1 again;"),
            (" ,\n".to_owned(), "holds no key;"),
        ] {
            let said = refused(&text);
            assert!(said.starts_with(expected), "{said}");
            assert!(!said.contains("c2hvcnQ") && !said.contains("s3cr3t") && !said.contains(one), "{said}");
        }
    }
}
