//! The partner's credentials at Monite: from the environment, else from the database, where they are sealed. Never in plain text.

use std::fmt;

use jiff::Timestamp;
use monite::Credentials;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::config::EnvCredentials;
use crate::store::seal::{KeyId, SealError, Sealer, sealed_under};
use crate::store::{Store, StoreError};

/// The name under which the credentials are sealed.
pub const SECRET_NAME: &str = "monite.credentials";

/// Finds the credentials. The environment comes first, so that a deployment can override what is stored.
///
/// # Errors
/// [`CredentialsError`] with what to set or to run. A sealed secret without its key is an error, never skipped.
pub async fn load(
    store: &dyn Store, environment: Option<&EnvCredentials>, sealer: Option<&Sealer>,
) -> Result<Loaded, CredentialsError> {
    if let Some(given) = environment {
        let credentials = Credentials::parse(&given.client_id, given.client_secret.clone())
            .map_err(|_| CredentialsError::ClientId { place: "MONITE_CLIENT_ID" })?;
        return Ok(Loaded { credentials, source: Source::Environment });
    }
    let sealed = store.secret(SECRET_NAME).await?.ok_or(CredentialsError::Nowhere)?;
    let sealer = sealer.ok_or(CredentialsError::NoKeyToOpen)?;
    let opened = sealer.open(SECRET_NAME, &sealed)?;
    let key = sealed_under(&sealed).unwrap_or_else(|| sealer.key_id());
    let sealed: Sealed = serde_json::from_str(opened.expose_secret()).map_err(|_| CredentialsError::Unreadable)?;
    let credentials = Credentials::parse(&sealed.client_id, SecretString::from(sealed.client_secret))
        .map_err(|_| CredentialsError::ClientId { place: "the client id in the database" })?;
    Ok(Loaded { credentials, source: Source::Database(key) })
}

/// Seals the credentials in the database, replacing what was there. They are used from the next start on.
///
/// # Errors
/// [`CredentialsError`] without a key, or with a client id that is no UUID: nothing is stored then.
pub async fn save(
    store: &dyn Store, client_id: &str, client_secret: &SecretString, sealer: Option<&Sealer>, now: Timestamp,
) -> Result<KeyId, CredentialsError> {
    let sealer = sealer.ok_or(CredentialsError::NoKeyToSeal)?;
    let checked = Credentials::parse(client_id, client_secret.clone())
        .map_err(|_| CredentialsError::ClientId { place: "the client id" })?;
    let client_secret = client_secret.expose_secret();
    if client_secret.is_empty() {
        return Err(CredentialsError::EmptySecret);
    }
    let sealed = Sealed { client_id: checked.client_id().to_string(), client_secret: client_secret.to_owned() };
    let text = Zeroizing::new(serde_json::to_string(&sealed).expect("two texts have no failing serializer"));
    drop(Zeroizing::new(sealed.client_secret));
    let sealed = sealer.seal(SECRET_NAME, &SecretString::from(text.as_str()));
    store.put_secret(SECRET_NAME, &sealed, now).await?;
    Ok(sealer.key_id())
}

/// Credentials and where they come from. Neither `Debug` nor `Display` of any part shows the secret.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Both halves.
    pub credentials: Credentials,
    /// Where they were found.
    pub source: Source,
}

/// Where credentials were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `MONITE_CLIENT_ID` and `MONITE_CLIENT_SECRET`.
    Environment,
    /// The database, sealed under this key.
    Database(KeyId),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("the environment"),
            Self::Database(key) => write!(f, "the database, sealed under key {key}"),
        }
    }
}

/// Why there are no usable credentials, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Neither in the environment nor in the database.
    #[error(
        "there are no Monite credentials: set MONITE_CLIENT_ID and MONITE_CLIENT_SECRET, \
         or store them with `monite-bridge credentials set --client-id ID`"
    )]
    Nowhere,
    /// Sealed in the database, and no key here.
    #[error(
        "the Monite credentials in the database are sealed and there is no key to open them: \
         set MONITE_BRIDGE_MASTER_KEY or MONITE_BRIDGE_MASTER_KEY_FILE to the key they were stored with"
    )]
    NoKeyToOpen,
    /// To be stored, and no key here. There is no storing without one.
    #[error(
        "credentials are stored sealed only, and there is no key to seal them with: make one with \
         `openssl rand -base64 32`, keep it safe, and set it as MONITE_BRIDGE_MASTER_KEY"
    )]
    NoKeyToSeal,
    /// The id is no UUID.
    #[error("{place} is not a UUID; Monite's partner portal shows the client id beside the secret")]
    ClientId {
        /// Where it was read.
        place: &'static str,
    },
    /// Nothing to store.
    #[error("the client secret is empty")]
    EmptySecret,
    /// It opened, and holds something else.
    #[error(
        "the Monite credentials in the database do not read as such: \
         store them again with `monite-bridge credentials set --client-id ID`"
    )]
    Unreadable,
    /// It does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is sealed, as JSON.
#[derive(Serialize, Deserialize)]
struct Sealed {
    client_id: String,
    client_secret: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::seal::MasterKey;
    use crate::store::sqlite::SqliteStore;

    const ID: &str = "8e05bbf9-0000-4000-8000-000000000001";

    fn secret() -> SecretString {
        SecretString::from("s3cr3t \"quoted\" \u{1F511}")
    }

    async fn memory() -> SqliteStore {
        SqliteStore::open("sqlite::memory:").await.unwrap()
    }

    #[tokio::test]
    async fn what_was_stored_is_found_with_the_key_only() {
        let (store, key) = (memory().await, Sealer::new(MasterKey::generate()));
        assert!(matches!(load(&store, None, Some(&key)).await, Err(CredentialsError::Nowhere)));
        save(&store, ID, &secret(), Some(&key), Timestamp::UNIX_EPOCH).await.unwrap();
        let loaded = load(&store, None, Some(&key)).await.unwrap();
        assert_eq!(
            (loaded.credentials.client_id().to_string(), loaded.source),
            (ID.to_owned(), Source::Database(key.key_id()))
        );
        assert!(matches!(load(&store, None, None).await, Err(CredentialsError::NoKeyToOpen)));
        let other = Sealer::new(MasterKey::generate());
        assert!(matches!(
            load(&store, None, Some(&other)).await,
            Err(CredentialsError::Seal(SealError::OtherKey { .. }))
        ));
        let stored = store.secret(SECRET_NAME).await.unwrap().unwrap();
        let opened = key.open(SECRET_NAME, &stored).unwrap();
        let opened: Sealed = serde_json::from_str(opened.expose_secret()).unwrap();
        assert_eq!(opened.client_secret, secret().expose_secret());
        assert!(!stored.windows(6).any(|window| window == b"s3cr3t"));
        assert!(!format!("{loaded:?}").contains("s3cr3t"));
    }

    #[tokio::test]
    async fn the_environment_comes_first_and_needs_no_key() {
        let (store, key) = (memory().await, Sealer::new(MasterKey::generate()));
        save(&store, ID, &secret(), Some(&key), Timestamp::UNIX_EPOCH).await.unwrap();
        let other = "8e05bbf9-0000-4000-8000-000000000002";
        let given = EnvCredentials { client_id: other.to_owned(), client_secret: secret() };
        let loaded = load(&store, Some(&given), None).await.unwrap();
        assert_eq!(
            (loaded.credentials.client_id().to_string(), loaded.source),
            (other.to_owned(), Source::Environment)
        );
        let wrong = EnvCredentials { client_id: "me".to_owned(), client_secret: secret() };
        let said = load(&store, Some(&wrong), None).await.unwrap_err().to_string();
        assert!(said.starts_with("MONITE_CLIENT_ID is not a UUID"), "{said}");
    }

    #[tokio::test]
    async fn nothing_is_stored_without_a_key_or_with_half_of_it() {
        let (store, key) = (memory().await, Sealer::new(MasterKey::generate()));
        let now = Timestamp::UNIX_EPOCH;
        assert!(matches!(save(&store, ID, &secret(), None, now).await, Err(CredentialsError::NoKeyToSeal)));
        assert!(matches!(save(&store, "me", &secret(), Some(&key), now).await, Err(CredentialsError::ClientId { .. })));
        let empty = SecretString::from("");
        assert!(matches!(save(&store, ID, &empty, Some(&key), now).await, Err(CredentialsError::EmptySecret)));
        assert_eq!(store.secret(SECRET_NAME).await.unwrap(), None);
    }
}
