//! The master key itself: how it is read, and what it is called.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use rand::Rng;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Length of a master key in bytes.
pub const KEY_LENGTH: usize = 32;

/// Length of a key's id in bytes.
pub(super) const KEY_ID_LENGTH: usize = 8;

/// Separates the key's id from any other use of the key: knowing the id tells nothing about a ciphertext.
const KEY_ID_DOMAIN: &[u8] = b"monite-bridge master key id v1\0";

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

    pub(super) fn cipher(&self) -> XChaCha20Poly1305 {
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
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub(super) [u8; KEY_ID_LENGTH]);

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

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::super::Sealer;
    use super::*;

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
