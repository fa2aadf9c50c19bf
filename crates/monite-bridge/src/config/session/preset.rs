//! What well-known issuers put into the tokens of their sessions, so that two lines configure them.

use url::Url;

use super::address;

/// An issuer whose tokens are known: `session.preset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionPreset {
    /// Clerk's session tokens, version 2: the active organization is `o.id`.
    Clerk,
    /// Auth0's access tokens for an organization. `sub` is `auth0|5f7c...`; here it is written `auth0:5f7c...`.
    Auth0,
    /// WorkOS AuthKit's access tokens. The keys of each client id are at an address of their own.
    WorkOs,
    /// Supabase Auth's tokens. It has no organizations: the backend keeps one in `app_metadata.org_id`.
    Supabase,
    /// Keycloak's access tokens with the scope `organization`, which lists the alias of one organization.
    Keycloak,
}

/// Claims that the user can write.
const WRITTEN_BY_USERS: [&str; 2] = ["user_metadata", "unsafe_metadata"];

impl SessionPreset {
    pub(super) const ALL: [(&'static str, Self); 5] = [
        ("clerk", Self::Clerk),
        ("auth0", Self::Auth0),
        ("workos", Self::WorkOs),
        ("supabase", Self::Supabase),
        ("keycloak", Self::Keycloak),
    ];

    pub(super) fn customer_claim(self) -> &'static str {
        match self {
            Self::Clerk => "o.id",
            Self::Auth0 | Self::WorkOs => "org_id",
            Self::Supabase => "app_metadata.org_id",
            Self::Keycloak => "organization",
        }
    }

    /// What `aud` says whoever configures it; empty where it is the product's choice, or where there is none.
    pub(super) fn audience(self) -> &'static [&'static str] {
        match self {
            Self::Supabase => &["authenticated"],
            Self::Clerk | Self::Auth0 | Self::WorkOs | Self::Keycloak => &[],
        }
    }

    /// Whether the issuer's tokens say whom they are for. Without that claim there is nothing to configure.
    pub(super) fn has_audience(self) -> bool {
        !matches!(self, Self::Clerk | Self::WorkOs)
    }

    /// `iss` as the tokens have it, however the end was written: Auth0's ends with a slash, the others' do not. WorkOS has both.
    pub(super) fn issuer(self, text: &str) -> Result<String, String> {
        let known =
            Url::parse(text).is_ok_and(|url| url.has_host() && (url.scheme() == "https" || address::is_loopback(&url)));
        if !known {
            return Err(format!("must be an address such as \"{}\"", self.example()));
        }
        let bare = text.trim_end_matches('/');
        Ok(match self {
            Self::Auth0 => format!("{bare}/"),
            Self::WorkOs => text.to_owned(),
            Self::Clerk | Self::Supabase | Self::Keycloak => bare.to_owned(),
        })
    }

    /// Where the issuer shows its keys; `None` where that does not follow from its name.
    pub(super) fn jwks_url(self, issuer: &str) -> Option<String> {
        let bare = issuer.trim_end_matches('/');
        match self {
            Self::Clerk | Self::Auth0 | Self::Supabase => Some(format!("{bare}/.well-known/jwks.json")),
            Self::Keycloak => Some(format!("{bare}/protocol/openid-connect/certs")),
            Self::WorkOs => None,
        }
    }

    /// Where the issuer says whether a session is still alive (RFC 7662), if it does.
    pub(super) fn introspection_url(self, issuer: &str) -> Option<String> {
        let bare = issuer.trim_end_matches('/');
        (self == Self::Keycloak).then(|| format!("{bare}/protocol/openid-connect/token/introspect"))
    }

    /// What to configure where no keys are to be found.
    pub(super) fn missing(self) -> String {
        match self {
            Self::WorkOs => "with \"workos\" the keys have an address for each client id: set session.jwks_url = \
                 \"https://api.workos.com/sso/jwks/CLIENT_ID\""
                .to_owned(),
            _ => format!("the keys are found at the issuer: set session.issuer, such as \"{}\"", self.example()),
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Clerk => "https://clerk.example.com",
            Self::Auth0 => "https://TENANT.eu.auth0.com/",
            Self::WorkOs => "https://api.workos.com",
            Self::Supabase => "https://PROJECT.supabase.co/auth/v1",
            Self::Keycloak => "https://login.example.com/realms/REALM",
        }
    }

    /// Why a claim must not say who somebody is.
    pub(super) fn objects_to(claim: &str) -> Option<String> {
        let first = claim.split('.').next().filter(|first| WRITTEN_BY_USERS.contains(first))?;
        Some(format!(
            "users can write {first} themselves; take a claim that only your backend writes, such as app_metadata.org_id"
        ))
    }
}
