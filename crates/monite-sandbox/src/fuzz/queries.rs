//! Query strings, page tokens and headers.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Request};

use super::bodies::check_refusal;
use crate::http::call::{Body, Call};
use crate::rules::query::{self, Listing, Position, Towards};
use crate::rules::version;
use crate::world::stamp::Stamp;

pub(super) fn entities(data: &[u8]) {
    if let Some(listing) = read(data, query::entities) {
        check_listing(&listing, query::entities);
    }
}

pub(super) fn roles(data: &[u8]) {
    if let Some(listing) = read(data, query::roles) {
        check_listing(&listing, query::roles);
    }
}

pub(super) fn entity_users(data: &[u8]) {
    if let Some(listing) = read(data, query::entity_users) {
        check_listing(&listing, query::entity_users);
    }
}

pub(super) fn webhooks(data: &[u8]) {
    if let Some(listing) = read(data, query::subscriptions) {
        check_listing(&listing, query::subscriptions);
    }
    if let Some(listing) = read(data, query::events) {
        check_listing(&listing, query::events);
    }
    if let Some(listing) = read(data, query::deliveries) {
        check_listing(&listing, query::deliveries);
    }
}

type Reader<F> = fn(Option<&str>) -> Result<Listing<F>, crate::rules::Wrong>;

fn read<F>(data: &[u8], reader: Reader<F>) -> Option<Listing<F>> {
    check_refusal(reader(std::str::from_utf8(data).ok()), "query")
}

/// A page holds 1 to 100 rows, and the token of a page leads to the same list at that place.
fn check_listing<F>(listing: &Listing<F>, reader: Reader<F>) {
    assert!((1..=100).contains(&listing.paging.limit));
    if listing.check_token("a list").is_err() {
        return;
    }
    let position = Position { key: 7, towards: Towards::Prev };
    let token = listing.token("a list", position, Stamp::default());
    let again = reader(Some(&format!("order=none&limit=0&pagination_token={token}")));
    let again = check_refusal(again, "query").expect("a token of our own is taken");
    let expected = query::Paging { from: Some(position), ..listing.paging };
    assert_eq!(again.paging, expected);
    assert!(again.check_token("a list").is_ok() && again.check_token("another").is_err());
}

/// Any text as a token, and any document inside one that is well encoded.
pub(super) fn page_token(data: &[u8]) {
    let raw = url::form_urlencoded::byte_serialize(data).collect::<String>();
    for token in [raw, URL_SAFE_NO_PAD.encode(data)] {
        let query = format!("pagination_token={token}");
        for reader in [|raw: &str| query::entities(Some(raw)).map(drop), |raw: &str| query::roles(Some(raw)).map(drop)]
        {
            check_refusal(reader(&query), "query");
        }
    }
}

/// The same bytes in each header that is read.
pub(super) fn headers(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        check_refusal(version::judge(text), "header");
    }
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    let request = Request::builder()
        .uri("/v1/roles/7")
        .header("authorization", &value)
        .header("x-monite-version", &value)
        .header("x-monite-entity-id", &value)
        .body(())
        .expect("every header has a name and a value");
    let call = Call::new(request.into_parts().0, "/roles/7".to_owned(), Body::TooLarge);
    check_refusal(call.entity_header(), "header");
    assert!(call.id("role_id").is_err(), "7 is no UUID");
}
