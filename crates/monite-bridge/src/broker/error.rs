//! Why there is no token.

use std::time::Duration;

use crate::domain::SyncState;
use crate::store::StoreError;

/// Why there is no token for a user. Holds nothing secret.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The product never wrote this customer.
    #[error("there is no such customer")]
    NoSuchCustomer,
    /// The product never wrote this user, or its deletion is through.
    #[error("there is no such user")]
    NoSuchUser,
    /// The customer is deactivated, or about to be.
    #[error("the customer is deactivated")]
    CustomerGone,
    /// The user is being deleted.
    #[error("the user is deleted")]
    UserGone,
    /// The user has not reached Monite.
    #[error("the user is not at Monite yet: the customer is {customer}, the user is {user}")]
    NotYet {
        /// Where the customer stands.
        customer: SyncState,
        /// Where the user stands.
        user: SyncState,
    },
    /// The user was written anew while its token was fetched; asking again settles it.
    #[error("the user changed while its token was fetched")]
    Changed,
    /// Monite's tokens do not live long enough for the browser SDK.
    #[error("Monite's tokens live {} s only, and its React SDK reuses one for 600 s", life.as_secs())]
    LifeTooShort {
        /// How long they live.
        life: Duration,
    },
    /// The token took so long to arrive that too little of its life is left.
    #[error("the token came too late to be of use")]
    Late,
    /// Monite did not give one.
    #[error(transparent)]
    Monite(#[from] monite::Error),
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BrokerError {
    /// Whether nobody may act as this user any more, so that what was issued before has to die too.
    pub(super) fn means_gone(&self) -> bool {
        matches!(self, Self::NoSuchCustomer | Self::NoSuchUser | Self::CustomerGone | Self::UserGone)
    }
}
