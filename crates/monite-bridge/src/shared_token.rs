//! The partner's token, shared between processes by way of the store: sealed under the master key, and bound to client and Monite.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use monite::error::Cause;
use monite::token::{MintDuty, Shared, Version};
use monite::{AccessToken, ClientId, Clock, SystemClock, TokenVault};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::store::Store;
use crate::store::seal::Sealer;

/// A duty to fetch the token lapses after this long: that much longer the others wait when the one who has it dies. Monite answers within a
/// fraction of it as a rule. Whoever does not get its turn to ask before it lapses does not ask any more; only an answer that takes longer
/// is joined by a second question, which does no harm.
const DUTY: Duration = Duration::from_secs(5);

/// How soon those who wait look again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// The shared place in the store.
#[derive(Debug)]
pub struct PartnerTokenVault {
    store: Arc<dyn Store>,
    sealer: Sealer,
    clock: Arc<dyn Clock>,
    /// Whose time those who wait for another process go by.
    patience: Arc<dyn Clock>,
    /// Also what the token is sealed for: one of another client or another Monite is no use.
    name: String,
}

impl PartnerTokenVault {
    /// The place for the token of this client at this Monite.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, sealer: Sealer, clock: Arc<dyn Clock>, client: ClientId, base_url: &str) -> Self {
        let name = format!("monite.partner-token {client} {}", base_url.trim_end_matches('/'));
        // Another process is at work, in its own time: no clock of ours says when it is done.
        Self { store, sealer, clock, patience: Arc::new(SystemClock), name }
    }

    /// The same where all processes live by one clock: who waits for another one goes by it, too. Otherwise that is real time.
    #[must_use]
    pub fn waiting_by(self, patience: Arc<dyn Clock>) -> Self {
        Self { patience, ..self }
    }

    /// `None` for one that does not open or read: it is replaced by the next.
    fn open(&self, sealed: &[u8]) -> Option<AccessToken> {
        let text = match self.sealer.open(&self.name, sealed) {
            Ok(text) => text,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the shared partner token cannot be opened");
                return None;
            }
        };
        let mut kept: Kept = serde_json::from_str(text.expose_secret()).ok()?;
        let secret = SecretString::from(std::mem::take(&mut kept.access_token));
        let time = |micros| Timestamp::from_microsecond(micros).ok();
        Some(AccessToken::new(secret, kept.token_type, time(kept.issued_at)?, time(kept.expires_at)?))
    }

    fn seal(&self, token: &AccessToken) -> Vec<u8> {
        let mut kept = Kept {
            access_token: token.expose().to_owned(),
            token_type: token.token_type().to_owned(),
            issued_at: token.issued_at().as_microsecond(),
            expires_at: token.expires_at().as_microsecond(),
        };
        let text = Zeroizing::new(serde_json::to_string(&kept).expect("texts and numbers have no failing serializer"));
        kept.access_token.zeroize();
        self.sealer.seal(&self.name, &SecretString::from(text.as_str()))
    }
}

/// What is sealed, as JSON.
#[derive(Serialize, Deserialize)]
struct Kept {
    access_token: String,
    token_type: String,
    issued_at: i64,
    expires_at: i64,
}

#[async_trait]
impl TokenVault for PartnerTokenVault {
    async fn load(&self) -> Result<Shared, Cause> {
        let shared = self.store.shared_token(&self.name).await.map_err(cause)?;
        let token = shared.sealed.and_then(|sealed| self.open(&sealed));
        Ok(Shared { token, version: Version(shared.version) })
    }

    async fn begin_mint(&self, seen: Version, discard: bool) -> Result<Option<MintDuty>, Cause> {
        let now = self.clock.now();
        let until = now + DUTY;
        let duty = self.store.begin_mint(&self.name, seen.0, discard, now, until).await.map_err(cause)?;
        Ok(duty.map(|duty| MintDuty { version: Version(duty), until }))
    }

    async fn store(&self, duty: MintDuty, token: &AccessToken) -> Result<(), Cause> {
        let minted = Some((self.seal(token), token.expires_at()));
        self.store.end_mint(&self.name, duty.version.0, minted).await.map(drop).map_err(cause)
    }

    async fn give_up(&self, duty: MintDuty) {
        if let Err(error) = self.store.end_mint(&self.name, duty.version.0, None).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the duty to fetch a token lapses by itself");
        }
    }

    async fn wait(&self) {
        self.patience.sleep(LOOK_AGAIN_AFTER).await;
    }
}

fn cause(error: crate::store::StoreError) -> Cause {
    Arc::new(error)
}

#[cfg(test)]
mod tests {
    use monite::ManualClock;

    use super::*;
    use crate::store::seal::MasterKey;
    use crate::store::sqlite::SqliteStore;

    async fn place(store: &Arc<dyn Store>, key: &MasterKey, client: u128, base_url: &str) -> PartnerTokenVault {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        PartnerTokenVault::new(
            Arc::clone(store),
            key.clone().into(),
            clock,
            ClientId::from_uuid(uuid::Uuid::from_u128(client)),
            base_url,
        )
    }

    #[tokio::test]
    async fn only_the_same_client_of_the_same_monite_finds_it_and_nobody_can_read_it() {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open("sqlite::memory:").await.unwrap());
        let (key, born) = (MasterKey::generate(), Timestamp::UNIX_EPOCH);
        let here = place(&store, &key, 1, "https://a.example/v1").await;
        let duty = here.begin_mint(here.load().await.unwrap().version, false).await.unwrap().unwrap();
        let token =
            AccessToken::new(SecretString::from("t0ken-text"), "Bearer", born, born + Duration::from_secs(1800));
        here.store(duty, &token).await.unwrap();
        let found = here.load().await.unwrap().token.unwrap();
        assert_eq!((found.expose(), found.life()), ("t0ken-text", token.life()));
        for other in
            [place(&store, &key, 2, "https://a.example/v1").await, place(&store, &key, 1, "https://b.example/v1").await]
        {
            assert!(other.load().await.unwrap().token.is_none());
        }
        let stranger = place(&store, &MasterKey::generate(), 1, "https://a.example/v1").await;
        assert!(stranger.load().await.unwrap().token.is_none());
        let sealed = store.shared_token(&here.name).await.unwrap().sealed.unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"t0ken-"));
        // Somebody who can write to the database puts it in the place of another client's.
        let other = place(&store, &key, 3, "https://a.example/v1").await;
        let duty = other.begin_mint(other.load().await.unwrap().version, false).await.unwrap().unwrap();
        store.end_mint(&other.name, duty.version.0, Some((sealed, token.expires_at()))).await.unwrap();
        assert!(other.load().await.unwrap().token.is_none());
    }
}
