//! Tokens, past the cache.

use secrecy::SecretString;

use crate::client::Monite;
use crate::error::Error;
use crate::id::EntityUserId;
use crate::token::{AccessToken, Scope};

/// `monite.auth()`.
#[derive(Clone, Copy, Debug)]
pub struct Auth<'a> {
    pub(crate) monite: &'a Monite,
}

impl Auth<'_> {
    /// A new token for one user, not cached. [`crate::TokenCache::get`] is what logins want.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Credentials`] when client id or secret are wrong.
    pub async fn mint_entity_user(&self, user: EntityUserId) -> Result<AccessToken, Error> {
        self.monite.mint().mint(Scope::EntityUser(user), self.monite.priority()).await
    }

    /// Makes a token worthless at once. Gives Monite's message.
    ///
    /// # Errors
    /// Any [`Error`]; `is_token_dead` when it was worthless already.
    pub async fn revoke(&self, token: &SecretString) -> Result<String, Error> {
        self.monite.mint().revoke(token, self.monite.priority()).await
    }
}
