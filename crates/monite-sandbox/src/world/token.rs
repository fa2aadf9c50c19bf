//! Access tokens. Only their digests are kept, in memory as on disk.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::World;
use super::entity::EntityStatus;
use super::rows::Changed;
use super::stamp::Stamp;
use crate::quirks::Point;
use crate::refusal::Refusal;
use crate::rules::auth::Grant;

/// SHA-256 of a token.
pub(crate) type Digest = [u8; 32];

/// How long an expired token is remembered as such. Afterwards it is as unknown as any other text, which keeps
/// the table from growing for ever.
const REMEMBERED_MICROS: i64 = 3_600_000_000;

pub(crate) fn digest(token: &str) -> Digest {
    Sha256::digest(token.as_bytes()).into()
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Token {
    /// The entity user; `None` for the partner.
    user: Option<Uuid>,
    expires_at: Stamp,
    serial: u64,
}

/// All tokens that were given out and neither revoked nor forgotten.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    known: HashMap<Digest, Token>,
    /// By expiry, as far as the token life stayed the same.
    oldest_first: VecDeque<Digest>,
    next_serial: u64,
    /// Tokens with a smaller serial number were declared expired all at once.
    expired_below: u64,
}

impl Tokens {
    /// Whose token it is (`None`: the partner's), if it is still good.
    pub(super) fn owner(&self, digest: &Digest, now: Stamp) -> Result<Option<Uuid>, Refusal> {
        let token = self.known.get(digest).ok_or(Refusal::TokenDead)?;
        if token.serial < self.expired_below || token.expires_at <= now {
            return Err(Refusal::TokenExpired);
        }
        Ok(token.user)
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<&Token> {
        self.known.get(digest)
    }

    /// All that are known, expired ones too.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn digests(&self) -> impl Iterator<Item = Digest> {
        self.known.keys().copied()
    }

    pub(super) fn load(&mut self, mut tokens: Vec<(Digest, Token)>) {
        tokens.sort_by_key(|(_, token)| token.expires_at);
        for (digest, token) in tokens {
            self.insert(digest, token);
        }
    }

    fn insert(&mut self, digest: Digest, token: Token) {
        self.next_serial = self.next_serial.max(token.serial.saturating_add(1));
        self.known.insert(digest, token);
        self.oldest_first.push_back(digest);
    }

    pub(super) fn expired_below(&self) -> u64 {
        self.expired_below
    }

    pub(super) fn set_expired_below(&mut self, serial: u64) {
        self.expired_below = serial;
        self.next_serial = self.next_serial.max(serial);
    }

    /// The tokens that expired long enough ago to be forgotten.
    fn forget(&mut self, now: Stamp) -> Vec<Digest> {
        let mut forgotten = Vec::new();
        while let Some(digest) = self.oldest_first.front().copied() {
            let stays =
                self.known.get(&digest).is_some_and(|token| token.expires_at.plus_micros(REMEMBERED_MICROS) > now);
            if stays {
                break;
            }
            self.oldest_first.pop_front();
            if self.known.remove(&digest).is_some() {
                forgotten.push(digest);
            }
        }
        forgotten
    }
}

impl World {
    /// Gives out a token. Earlier ones stay valid.
    pub(crate) fn issue_token(&mut self, grant: Grant, life: Duration, now: Stamp) -> Result<String, Refusal> {
        let user = match grant {
            Grant::ClientCredentials => None,
            Grant::EntityUser(None) => return Err(Refusal::GrantWithoutUser),
            Grant::EntityUser(Some(user)) => Some(self.check_grant(user)?),
        };
        for digest in self.tokens.forget(now) {
            self.note(Changed::Token(digest));
        }
        let text = self.ids.secret();
        let digest = digest(&text);
        let life = i64::try_from(life.as_micros()).unwrap_or(i64::MAX);
        let token = Token { user, expires_at: now.plus_micros(life), serial: self.tokens.next_serial };
        self.tokens.insert(digest, token);
        self.note(Changed::Token(digest));
        Ok(text)
    }

    /// How long a new token lives, when the partner's own live `partners`.
    pub(crate) fn token_life(&self, grant: Grant, partners: Duration) -> Duration {
        match grant {
            Grant::ClientCredentials => partners,
            Grant::EntityUser(_) => {
                let seconds = self.quirks.value(Point::EntityUserTokenLife).parse().map(Duration::from_secs);
                seconds.unwrap_or(partners)
            }
        }
    }

    fn check_grant(&self, user: Uuid) -> Result<Uuid, Refusal> {
        let number = self.living_user(user).ok_or(Refusal::GrantForUnknownUser(user))?;
        let entity = self.entity_at(self.entity_number(self.user_at(number).entity_id)?);
        let blocked = entity.status != EntityStatus::Active && self.quirks.is(Point::InactiveEntity, "block");
        if blocked { Err(Refusal::GrantForInactiveEntity) } else { Ok(user) }
    }

    /// Ends a token at once.
    pub(crate) fn revoke_token(&mut self, token: &str) -> Result<(), Refusal> {
        let digest = digest(token);
        if self.tokens.known.remove(&digest).is_some() {
            self.note(Changed::Token(digest));
            return Ok(());
        }
        if self.quirks.is(Point::RevokeUnknownToken, "200") { Ok(()) } else { Err(Refusal::UnknownRevokedToken) }
    }

    /// Lets every token that is out expire at this moment.
    pub(crate) fn expire_tokens(&mut self) {
        self.tokens.expired_below = self.tokens.next_serial;
        self.note(Changed::TokensExpired);
    }
}
