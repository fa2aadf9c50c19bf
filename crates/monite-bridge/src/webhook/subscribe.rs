//! Sets subscriptions up at Monite, so that saying it twice changes nothing: what is there is looked at first.

use std::time::Duration;

use futures::TryStreamExt as _;
use jiff::Timestamp;
use monite::{
    Monite, NewWebhookSubscription, WebhookObjectType, WebhookSubscription, WebhookSubscriptionFilter,
    WebhookSubscriptionId, WebhookSubscriptionPatch, WebhookSubscriptionStatus,
};
use secrecy::SecretString;

use super::secrets::{self, SecretsError, Signer, WATCHED};
use super::{standing, turn};
use crate::store::seal::Sealer;
use crate::store::{Store, StoreError};

/// How long a secret still counts that was replaced or whose subscription was ended: longer than a delivery signed with it can be
/// within the tolerance.
pub const GRACE: Duration = Duration::from_secs(600);

/// What became of one subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There was none.
    Created,
    /// It is as it should be.
    Kept,
    /// It was at another address, switched off, or told of some events only.
    Changed,
    /// It was there, but its secret was not here: it has another one now.
    TakenOver,
    /// It is gone.
    Ended,
}

/// One subscription, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// What it tells of.
    pub object_type: WebhookObjectType,
    /// Monite's id.
    pub id: WebhookSubscriptionId,
    /// Where it tells it.
    pub url: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// Why not all subscriptions could be set up. Saying it again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The secrets.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// Monite.
    #[error(transparent)]
    Monite(#[from] monite::Error),
    /// Two at once would each find nothing there and make their own.
    #[error(
        "another `monite-bridge webhooks` is setting up or ending the subscriptions of this database, or broke off until {until}"
    )]
    Busy {
        /// When it counts for dead.
        until: Timestamp,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where subscriptions are set up, and where their secrets are kept.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// The way to Monite.
    pub monite: &'a Monite,
    /// Where the secrets are kept.
    pub store: &'a dyn Store,
    /// What they are sealed with.
    pub sealer: &'a Sealer,
    /// The time.
    pub now: Timestamp,
}

impl Desk<'_> {
    /// One enabled subscription for each of [`WATCHED`] that tells `url` of every event, with its secret in the store. One that was set
    /// up here for another address moves to this one; more than one at this address would tell everything twice, so the others end.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing is called when the secrets that are here cannot be opened, or somebody else is at it.
    pub async fn subscribe(&self, url: &str) -> Result<Vec<Subscribed>, SubscribeError> {
        let turn = turn::Turn::take(self.store, self.now).await?;
        let done = self.subscribe_alone(url).await;
        turn.end().await?;
        let done = done?;
        let count = done.iter().filter(|one| one.outcome != Outcome::Ended).count();
        standing::note_subscriptions(self.store, count as u64).await?;
        Ok(done)
    }

    async fn subscribe_alone(&self, url: &str) -> Result<Vec<Subscribed>, SubscribeError> {
        let known = self.known().await?;
        let there = self.there().await?;
        let mut done = Vec::new();
        for (object_type, signers) in known {
            let ours: Vec<&WebhookSubscription> = there
                .iter()
                .filter(|one| one.object_type == object_type)
                .filter(|one| one.url == url || is_ours(&signers, one.id))
                .collect();
            let best = ours.iter().copied().max_by_key(|one| (is_ours(&signers, one.id), one.url == url));
            done.push(self.one(&object_type, url, best, signers).await?);
            for extra in ours.into_iter().filter(|one| best.is_none_or(|best| best.id != one.id)) {
                done.push(self.end(extra).await?);
            }
        }
        Ok(done)
    }

    /// Ends what was set up here, and what tells `url` of something watched. Their secrets count for [`GRACE`] still.
    ///
    /// # Errors
    /// [`SubscribeError`]
    pub async fn unsubscribe(&self, url: Option<&str>) -> Result<Vec<Subscribed>, SubscribeError> {
        let turn = turn::Turn::take(self.store, self.now).await?;
        let done = self.unsubscribe_alone(url).await;
        turn.end().await?;
        let done = done?;
        standing::note_subscriptions(self.store, 0).await?;
        Ok(done)
    }

    async fn unsubscribe_alone(&self, url: Option<&str>) -> Result<Vec<Subscribed>, SubscribeError> {
        let known = self.known().await?;
        let there = self.there().await?;
        let mut done = Vec::new();
        for (object_type, mut signers) in known {
            let ours = there
                .iter()
                .filter(|one| one.object_type == object_type)
                .filter(|one| url == Some(one.url.as_str()) || is_ours(&signers, one.id));
            for one in ours {
                done.push(self.end(one).await?);
            }
            if !signers.is_empty() {
                self.retire(&mut signers);
                secrets::save(self.store, self.sealer, &object_type, &signers, self.now).await?;
            }
        }
        Ok(done)
    }

    async fn known(&self) -> Result<Vec<(WebhookObjectType, Vec<Signer>)>, SecretsError> {
        let mut known = Vec::new();
        for object_type in WATCHED {
            let signers = secrets::load(self.store, Some(self.sealer), &object_type).await?;
            known.push((object_type, signers));
        }
        Ok(known)
    }

    async fn there(&self) -> Result<Vec<WebhookSubscription>, monite::Error> {
        all(self.monite).await
    }

    async fn one(
        &self, object_type: &WebhookObjectType, url: &str, there: Option<&WebhookSubscription>, signers: Vec<Signer>,
    ) -> Result<Subscribed, SubscribeError> {
        let hooks = self.monite.webhook_subscriptions();
        let subscribed =
            |id, outcome| Subscribed { object_type: object_type.clone(), id, url: url.to_owned(), outcome };
        let Some(there) = there else {
            let made = hooks.create(&NewWebhookSubscription::to_all(object_type.clone(), url)).await?;
            self.keep(object_type, made.subscription.id, made.secret, signers).await?;
            return Ok(subscribed(made.subscription.id, Outcome::Created));
        };
        let mut outcome = Outcome::Kept;
        let mut patch = WebhookSubscriptionPatch::default();
        if there.url != url {
            patch.url = url.to_owned().into();
        }
        if !there.event_types.is_empty() {
            patch.event_types = Vec::new().into();
        }
        if !patch.is_empty() {
            hooks.update(there.id, &patch).await?;
            outcome = Outcome::Changed;
        }
        if there.status != WebhookSubscriptionStatus::Enabled {
            hooks.enable(there.id).await?;
            outcome = Outcome::Changed;
        }
        if !is_ours(&signers, there.id) {
            let made = hooks.regenerate_secret(there.id).await?;
            self.keep(object_type, there.id, made.secret, signers).await?;
            outcome = Outcome::TakenOver;
        }
        Ok(subscribed(there.id, outcome))
    }

    /// The new one first; the others count for a while.
    async fn keep(
        &self, object_type: &WebhookObjectType, subscription: WebhookSubscriptionId, secret: SecretString,
        mut signers: Vec<Signer>,
    ) -> Result<(), SecretsError> {
        self.retire(&mut signers);
        signers.insert(0, Signer { subscription, secret, until: None });
        secrets::save(self.store, self.sealer, object_type, &signers, self.now).await
    }

    fn retire(&self, signers: &mut Vec<Signer>) {
        signers.retain(|signer| signer.counts_at(self.now));
        for signer in signers {
            signer.until = signer.until.or(Some(self.now + GRACE));
        }
    }

    async fn end(&self, one: &WebhookSubscription) -> Result<Subscribed, monite::Error> {
        match self.monite.webhook_subscriptions().delete(one.id).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(Subscribed {
                object_type: one.object_type.clone(),
                id: one.id,
                url: one.url.clone(),
                outcome: Outcome::Ended,
            }),
        }
    }
}

/// Every subscription at Monite, somebody else's and disabled ones too.
///
/// # Errors
/// [`monite::Error`]
pub async fn all(monite: &Monite) -> Result<Vec<WebhookSubscription>, monite::Error> {
    monite.webhook_subscriptions().stream(WebhookSubscriptionFilter::default()).try_collect().await
}

fn is_ours(signers: &[Signer], id: WebhookSubscriptionId) -> bool {
    signers.iter().any(|signer| signer.subscription == id && signer.until.is_none())
}
