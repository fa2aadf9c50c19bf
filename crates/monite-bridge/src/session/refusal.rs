//! Why a session is not accepted.

/// Why a session token is not accepted, in words for the engineer who issues it. Holds no value from the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefusal {
    /// Not three base64url parts with JSON in them; an API key sent here ends up here too.
    #[error("it is not a JWT: {0}")]
    Malformed(&'static str),
    /// Another algorithm than the one configured, `none` included.
    #[error("its algorithm is not HS256, the only one this bridge is configured for")]
    Algorithm,
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
}
