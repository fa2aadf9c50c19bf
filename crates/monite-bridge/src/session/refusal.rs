//! Why a session is not accepted, or not now.

use std::time::Duration;

/// Why there is no answer to who a session is for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The session is not accepted, now or later.
    #[error(transparent)]
    Refused(#[from] SessionRefusal),
    /// The issuer's keys are needed and cannot be had right now.
    #[error("the issuer's keys cannot be had right now")]
    KeysUnavailable {
        /// When the issuer may be asked again.
        retry_after: Duration,
    },
    /// The issuer must be asked whether the session is still alive, and does not answer.
    #[error("the issuer cannot be asked right now whether the session is still alive")]
    CheckUnavailable,
}

/// Why a session token is not accepted, in words for the engineer who issues it. Holds no value from the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefusal {
    /// Not three base64url parts with JSON in them; an API key sent here ends up here too.
    #[error("it is not a JWT: {0}")]
    Malformed(&'static str),
    /// Another algorithm than the one configured, `none` included.
    #[error("its algorithm is not HS256, the only one this bridge is configured for")]
    Algorithm,
    /// An algorithm that no key of an issuer is for: `none`, or one with a shared secret.
    #[error("its algorithm (alg) is none of RS256, ES256 and EdDSA, which the issuer's keys are for")]
    NoPublicKeyAlgorithm,
    /// Another algorithm than the one its key is for.
    #[error("its algorithm (alg) is not {0}, the only one its key is for")]
    KeyAlgorithm(&'static str),
    /// Its key is not, or no longer, among those the issuer shows.
    #[error("its key (kid) is not among those that the issuer shows")]
    UnknownKey,
    /// It names no key, and none is for its algorithm.
    #[error("it names no key (kid), and the issuer shows none for its algorithm")]
    NoKeyFits,
    /// It names no key, and several could be meant.
    #[error("it names no key (kid), and the issuer shows several for its algorithm")]
    SeveralKeysFit,
    /// It names a key, and several have that name.
    #[error("the issuer shows several keys under the name of its key (kid)")]
    TwinKeys,
    /// Signed with another key than the one it names, or changed afterwards.
    #[error("its signature does not fit the issuer's key")]
    KeySignature,
    /// The issuer was asked whether the session is still alive, and said no.
    #[error("the issuer says that the session has ended")]
    Ended,
    /// A `crit` header: extensions that must be understood, and are not.
    #[error("its header demands extensions (crit) that this bridge does not know")]
    Critical,
    /// Signed with another secret, or changed afterwards.
    #[error("its signature does not fit the configured secret")]
    Signature,
    /// A claim that must be there is not.
    #[error("the claim {0} is missing")]
    Missing(String),
    /// A claim holds the wrong kind of value.
    #[error("the claim {claim} {problem}")]
    Claim {
        /// Which one.
        claim: String,
        /// What is wrong with it.
        problem: String,
    },
    /// `exp` has passed.
    #[error("it has expired (exp is in the past)")]
    Expired,
    /// `nbf` has not come yet.
    #[error("it is not valid yet (nbf is in the future)")]
    NotYetValid,
    /// `iss` is another.
    #[error("its issuer (iss) is not the configured one")]
    Issuer,
    /// `aud` names somebody else.
    #[error("it is meant for another audience (aud) than the configured one")]
    Audience,
    /// `azp` names somebody else.
    #[error("it was made for another party (azp) than the configured ones")]
    Party,
}

impl SessionRefusal {
    /// Whether a key that the issuer made just now could explain it.
    pub(super) fn may_be_a_new_key(&self) -> bool {
        matches!(self, Self::UnknownKey | Self::NoKeyFits)
    }
}
