//! The one place that talks to receivers.

use std::time::Duration;

use http::StatusCode;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;

use crate::world::hooks::{Attempt, Letter, SIGNATURE_HEADER};

/// How many bytes of an answer are kept. Enough to see what went wrong, and no receiver can fill the memory.
const ANSWER_KEPT: usize = 2048;

/// An HTTP client, or why there is none.
pub(super) struct Post(Result<reqwest::Client, String>);

impl Post {
    pub(super) fn new(timeout: Duration) -> Self {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(Policy::none())
            // Receivers are mostly on this machine, where no proxy leads.
            .no_proxy()
            .user_agent(concat!("monite-sandbox/", env!("CARGO_PKG_VERSION")))
            .build();
        Self(client.map_err(|error| chain(&error)))
    }

    pub(super) async fn send(&self, letter: &Letter) -> Attempt {
        let client = match &self.0 {
            Ok(client) => client,
            Err(why) => return Attempt::Failed { why: why.clone() },
        };
        let request = client
            .post(&letter.url)
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE_HEADER, &letter.signature)
            .body(letter.body.clone());
        match request.send().await {
            Ok(answer) => {
                let status = answer.status();
                let delivered = if letter.only_200 { status == StatusCode::OK } else { status.is_success() };
                Attempt::Answered { status: status.as_u16(), response: beginning(answer).await, delivered }
            }
            Err(error) => Attempt::Failed { why: chain(&error) },
        }
    }
}

/// As much of the body as is kept. The status has decided already, so a body that breaks off is no failure.
async fn beginning(mut answer: reqwest::Response) -> String {
    let mut kept = Vec::new();
    while kept.len() < ANSWER_KEPT
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        kept.extend_from_slice(&chunk[..chunk.len().min(ANSWER_KEPT - kept.len())]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// The error and what led to it, in one line, without the address: the delivery names it.
fn chain(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "no answer in time".to_owned() } else { "no answer".to_owned() };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
