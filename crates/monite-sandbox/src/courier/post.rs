//! The one place that talks to receivers.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;

use crate::rules::webhook::{self, WebhookUrls};
use crate::world::hooks::{ANSWER_KEPT, Attempt, Letter, SIGNATURE_HEADER};

pub(super) struct Post {
    /// Or why there is none.
    client: Result<reqwest::Client, String>,
    urls: WebhookUrls,
}

impl Post {
    pub(super) fn new(timeout: Duration, urls: WebhookUrls) -> Self {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(Policy::none())
            // Receivers are mostly on this machine, where no proxy leads.
            .no_proxy()
            .user_agent(concat!("monite-sandbox/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { client: client.map_err(|error| chain(&error)), urls }
    }

    pub(super) async fn send(&self, letter: &Letter) -> Attempt {
        let client = match &self.client {
            Ok(client) => client,
            Err(why) => return Attempt::Failed { why: why.clone() },
        };
        // Checked when it was taken, but a dump or a data file may come from a sandbox that was less strict.
        if !webhook::may_be_sent_to(&letter.url, self.urls) {
            return Attempt::Failed { why: "webhooks of this sandbox do not go to such an address".to_owned() };
        }
        let request = client
            .post(&letter.url)
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE_HEADER, &letter.signature)
            .body(letter.body.clone());
        match request.send().await {
            Ok(answer) => letter.answered(answer.status().as_u16(), &beginning(answer).await),
            Err(error) => Attempt::Failed { why: chain(&error) },
        }
    }
}

/// As much of the body as is kept. The status has decided already, so a body that breaks off is no failure.
async fn beginning(mut answer: reqwest::Response) -> Vec<u8> {
    let mut kept = Vec::new();
    while kept.len() < ANSWER_KEPT
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        kept.extend_from_slice(&chunk[..chunk.len().min(ANSWER_KEPT - kept.len())]);
    }
    kept
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
