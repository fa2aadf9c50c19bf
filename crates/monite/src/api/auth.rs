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
    /// `POST /auth/token`. Permission: none; client id and secret in the body decide.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Credentials`] when client id or secret are wrong, `is_not_found` when there is no such
    /// user.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, ana, .. }| {
    /// let token = monite.auth().mint_entity_user(ana).await?;
    /// assert_eq!(token.life().as_secs(), 1800);
    /// # Ok(()) }) }
    /// ```
    pub async fn mint_entity_user(&self, user: EntityUserId) -> Result<AccessToken, Error> {
        self.monite.mint().mint(Scope::EntityUser(user), self.monite.priority(), None).await
    }

    /// Makes a token worthless at once. Gives Monite's message.
    ///
    /// `POST /auth/revoke`. Permission: none; client id and secret in the body decide.
    ///
    /// # Errors
    /// Any [`Error`]; `is_token_dead` when it was worthless already.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, ana, .. }| {
    /// let token = monite.auth().mint_entity_user(ana).await?;
    /// monite.auth().revoke(token.secret()).await?;
    /// assert!(monite.auth().revoke(token.secret()).await.is_err_and(|error| error.is_token_dead()));
    /// # Ok(()) }) }
    /// ```
    pub async fn revoke(&self, token: &SecretString) -> Result<String, Error> {
        self.monite.mint().revoke(token, self.monite.priority()).await
    }
}
