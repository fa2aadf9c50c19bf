//! `POST /v1/webhooks/monite`: Monite says that something changed. The answer does not wait for the look that follows.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use monite::webhook::SIGNATURE_HEADER;

use super::Shared;
use super::extract::read_whole;
use super::problem::{Kind, Problem};
use crate::webhook::{MAX_BODY, Refused};

/// Whatever became of a delivery that Monite signed, it is answered 200: that is what Monite takes for delivered.
pub(super) async fn monite(State(app): State<Shared>, headers: HeaderMap, body: Body) -> Result<StatusCode, Problem> {
    let read = async {
        // Before the body is read: whoever does not even try to prove who it is need not send one.
        let signature = only(&headers).ok_or_else(unproven)?;
        let body = read_whole(body, MAX_BODY, "Monite's events have less than 1 KiB; 256 KiB are read.").await?;
        Ok((signature, body))
    };
    let (signature, body) = read.await.inspect_err(|_: &Problem| app.webhooks.refuse_unread())?;
    match app.webhooks.receive(signature, &body).await {
        Ok(_) => Ok(StatusCode::OK),
        Err(Refused::Signature) => Err(unproven()),
        Err(Refused::NotJson) => Err(Problem::new(Kind::InvalidJson, "It is rightly signed, but no JSON.")),
        Err(Refused::NotAnEvent) => Err(Problem::new(
            Kind::InvalidDocument,
            "It is rightly signed, but not an event that this version can read.",
        )),
        Err(Refused::Store(error)) => Err(error.into()),
    }
}

/// The signature, if there is one and no other.
fn only(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(SIGNATURE_HEADER).iter();
    let one = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(one)
}

/// The same for every reason: who tries signatures learns nothing from it. The log has the reason.
fn unproven() -> Problem {
    let detail = "Monite-Signature must be made by a subscription of `monite-bridge webhooks subscribe`, over this very body, within \
                  five minutes of now. The log says what is wrong.";
    Problem::new(Kind::InvalidSignature, detail)
        .with_header(header::WWW_AUTHENTICATE, "Monite-Signature realm=\"monite-bridge\"")
}
