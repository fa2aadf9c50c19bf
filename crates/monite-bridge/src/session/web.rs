//! Asking the issuer over HTTP. The only file here that names reqwest.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use monite::Clock;
use reqwest::redirect::{Attempt, Policy};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::config::address::is_loopback;

/// An issuer that takes longer counts as down: a person waits at the other end.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Key sets have a few KiB; some with chains of certificates a few dozen.
const MOST_BYTES: usize = 256 * 1024;

/// Redirects followed for a key set, each to an address that is no less safe.
const MOST_REDIRECTS: usize = 3;

/// Why the issuer gave no answer that can be used. Holds nothing of what was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum WebError {
    #[error("it cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("no answer within {} s", ANSWER_WITHIN.as_secs())]
    Late,
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("its answer is longer than {} KiB", MOST_BYTES / 1024)]
    TooLong,
}

/// The way to the issuer.
#[derive(Debug, Clone)]
pub(super) struct Web {
    client: reqwest::Client,
}

impl Web {
    /// For key sets: public, so redirects are followed, but never to where the answer could be forged.
    pub(super) fn for_keys() -> Result<Self, reqwest::Error> {
        Self::build(Policy::custom(follow))
    }

    /// For asks that carry secrets: they go to the configured address and nowhere else.
    pub(super) fn for_secrets() -> Result<Self, reqwest::Error> {
        Self::build(Policy::none())
    }

    fn build(redirects: Policy) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(redirects)
            .connect_timeout(ANSWER_WITHIN)
            .user_agent(concat!("monite-bridge/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client })
    }

    /// The document at `url`.
    pub(super) async fn get(&self, url: &Url, clock: &dyn Clock) -> Result<Bytes, WebError> {
        let request = self.client.get(url.clone()).header(header::ACCEPT, "application/json");
        in_time(clock, answer(request)).await
    }

    /// The answer to a form, with HTTP Basic credentials (RFC 6749, section 2.3.1).
    pub(super) async fn post_form(
        &self, url: &Url, client_id: &str, secret: &SecretString, form: String, clock: &dyn Clock,
    ) -> Result<Bytes, WebError> {
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        // `basic_auth` marks the header as sensitive, so that nothing prints it.
        let request = self
            .client
            .post(url.clone())
            .basic_auth(encode(client_id), Some(encode(secret.expose_secret())))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(form);
        in_time(clock, answer(request)).await
    }
}

/// Follows to https, or from this machine to this machine.
fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let local = attempt.previous().iter().chain([attempt.url()]).all(is_loopback);
    if attempt.previous().len() > MOST_REDIRECTS {
        attempt.error("too many redirects")
    } else if attempt.url().scheme() == "https" || local {
        attempt.follow()
    } else {
        attempt.error("a redirect to where the answer could be forged: it is not https")
    }
}

async fn in_time(clock: &dyn Clock, asking: impl Future<Output = Result<Bytes, WebError>>) -> Result<Bytes, WebError> {
    tokio::select! {
        biased;
        answer = asking => answer,
        () = clock.sleep(ANSWER_WITHIN) => Err(WebError::Late),
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Bytes, WebError> {
    // Addresses are in the configuration; here they would only lengthen the log.
    let failed = |error: reqwest::Error| WebError::Unreachable(error.without_url());
    let mut answer = request.send().await.map_err(failed)?;
    if answer.status() != StatusCode::OK {
        return Err(WebError::Status(answer.status()));
    }
    if announced(answer.headers()).is_some_and(|length| length > MOST_BYTES) {
        return Err(WebError::TooLong);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(WebError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
