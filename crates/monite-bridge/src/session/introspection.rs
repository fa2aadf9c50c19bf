//! Is the session still alive? Asked of the issuer (RFC 7662), after the signature was verified, where that is configured.
//!
//! Fails closed: without an answer there is no token. What is remembered is a yes, for a short time and never past `exp`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use monite::Clock;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Semaphore;
use url::Url;

use super::claims::{Accepted, seconds};
use super::flights::Flights;
use super::refusal::{SessionError, SessionRefusal};
use super::web::{Web, WebError};
use crate::config::IntrospectionConfig;

/// See the module.
#[derive(Debug)]
pub(super) struct Introspection {
    url: Url,
    client_id: String,
    secret: SecretString,
    remember: Duration,
    web: Web,
    clock: Arc<dyn Clock>,
    /// Until when a session need not be asked about again.
    alive_until: Cache<[u8; 32], Timestamp>,
    asking: Flights<[u8; 32], Verdict>,
    down: AtomicBool,
    counts: [AtomicU64; 4],
    room: Arc<Semaphore>,
}

/// Asks at once. An issuer that answers within 50 ms answers more than a thousand a second; one that is slow is not helped by more.
const MOST_ASKS: usize = 64;

/// Where it is counted that there was no room; before it stand the verdicts.
const NOT_ASKED: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Alive,
    Ended,
    NoAnswer,
}

/// What matters of an answer. Members it may have besides these are not believed: the token says who it is for.
#[derive(Deserialize)]
struct Answer {
    active: bool,
    exp: Option<f64>,
}

#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error(transparent)]
    Web(#[from] WebError),
    /// Without its source: that could quote the answer.
    #[error("its answer is none of RFC 7662: JSON with `active` true or false")]
    NotAnAnswer,
}

impl Introspection {
    pub(super) fn new(
        config: &IntrospectionConfig, url: Url, secret: &SecretString, web: Web, clock: Arc<dyn Clock>, most: u64,
    ) -> Self {
        Self {
            url,
            client_id: config.client_id.clone(),
            secret: secret.clone(),
            remember: config.remember,
            web,
            clock,
            alive_until: Cache::new(most),
            asking: Flights::default(),
            down: AtomicBool::new(false),
            counts: Default::default(),
            room: Arc::new(Semaphore::new(MOST_ASKS)),
        }
    }

    /// Passes a session that is alive. One ask is under way for each token, however many wait, and [`MOST_ASKS`] for all: a session
    /// for which there is no room has to come back.
    pub(super) async fn check(
        self: &Arc<Self>, hash: [u8; 32], token: &str, accepted: &Accepted,
    ) -> Result<(), SessionError> {
        if self.alive_until.get(&hash).is_some_and(|until| self.clock.now() < until) {
            return Ok(());
        }
        let verdict = self.asking.join(hash, || {
            let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
                self.counts[NOT_ASKED].fetch_add(1, Ordering::Relaxed);
                return None;
            };
            let (this, token, exp) = (Arc::clone(self), SecretString::from(token), accepted.exp);
            Some(async move {
                let verdict = this.ask(hash, &token, exp).await;
                drop(room);
                verdict
            })
        });
        match verdict.await.unwrap_or(Verdict::NoAnswer) {
            Verdict::Alive => Ok(()),
            Verdict::Ended => Err(SessionRefusal::Ended.into()),
            Verdict::NoAnswer => Err(SessionError::CheckUnavailable),
        }
    }

    /// How often the answer was alive, ended, and none at all, and how often there was no room to ask.
    pub(super) fn counts(&self) -> [u64; 4] {
        self.counts.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    async fn ask(&self, hash: [u8; 32], token: &SecretString, exp: Timestamp) -> Verdict {
        // From before the ask: the session may end while the answer is on its way.
        let now = self.clock.now();
        let verdict = match self.post(token).await {
            Ok(Answer { active: true, exp: theirs }) => {
                let remembered = SignedDuration::try_from(self.remember).ok().and_then(|by| now.checked_add(by).ok());
                let until = [remembered, Some(exp), theirs.map(seconds)].into_iter().flatten().min();
                self.alive_until.insert(hash, until.unwrap_or(now));
                Verdict::Alive
            }
            Ok(Answer { active: false, .. }) => Verdict::Ended,
            Err(error) => {
                self.complain(&error);
                Verdict::NoAnswer
            }
        };
        if verdict != Verdict::NoAnswer && self.down.swap(false, Ordering::Relaxed) {
            tracing::info!(url = %self.url, "the issuer says again whether sessions are alive");
        }
        self.counts[verdict as usize].fetch_add(1, Ordering::Relaxed);
        verdict
    }

    async fn post(&self, token: &SecretString) -> Result<Answer, AskError> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token.expose_secret())
            .append_pair("token_type_hint", "access_token")
            .finish();
        let answer = self.web.post_form(&self.url, &self.client_id, &self.secret, form, self.clock.as_ref()).await?;
        serde_json::from_slice(&answer).map_err(|_| AskError::NotAnAnswer)
    }

    /// Once per outage; what follows is told by a metric.
    fn complain(&self, error: &AskError) {
        let error = error as &dyn std::error::Error;
        if self.down.swap(true, Ordering::Relaxed) {
            tracing::debug!(error, "the issuer still does not say whether a session is alive");
        } else {
            tracing::warn!(error, url = %self.url, "the issuer does not say whether a session is alive: no token is handed out until it does");
        }
    }
}
