//! Bodies of `POST /webhook_subscriptions` and `PATCH /webhook_subscriptions/{id}`.

use serde_json::Value;
use url::{Host, Url};

use super::form::{Wrong, body, list, patch_body};
use super::text::{choice, link, string};
use crate::world::hooks::{SubscriptionDraft, SubscriptionPatch, WebhookObject};

/// Which receivers a subscription may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WebhookUrls {
    /// `https` everywhere, plain `http` on this machine only (`127.0.0.1`, `[::1]`, `localhost`).
    #[default]
    Loopback,
    /// `https` only, as Monite has it.
    Https,
    /// Plain `http` everywhere.
    Any,
}

/// Reads `CreateWebhookSubscriptionRequest`.
pub(crate) fn create(raw: &[u8], urls: WebhookUrls) -> Result<SubscriptionDraft, Wrong> {
    body(raw, |form| {
        let object_type = form.required("object_type", choice(WebhookObject::NAMES));
        let url = form.required("url", |value| receiver(value, urls));
        let event_types = form.defaulted("event_types", event_types);
        Some(SubscriptionDraft { object_type: object_type?, event_types: event_types.unwrap_or_default(), url: url? })
    })
}

/// Reads `UpdateWebhookSubscriptionRequest`.
pub(crate) fn update(raw: &[u8], urls: WebhookUrls) -> Result<SubscriptionPatch, Wrong> {
    patch_body(raw, |form| {
        Some(SubscriptionPatch {
            object_type: form.patch("object_type", choice(WebhookObject::NAMES)),
            event_types: form.patch("event_types", event_types),
            url: form.patch("url", |value| receiver(value, urls)),
        })
    })
}

/// Any strings: Monite's document names no set of them.
fn event_types(value: Value) -> Result<Vec<String>, Wrong> {
    list(value, string)
}

fn receiver(value: Value, urls: WebhookUrls) -> Result<String, Wrong> {
    let text = link(value)?;
    if may_be_sent_to(&text, urls) { Ok(text) } else { Err(Wrong::here("URL scheme should be 'https'", "url_scheme")) }
}

/// Is this a receiver that a subscription may name?
pub(crate) fn may_be_sent_to(url: &str, urls: WebhookUrls) -> bool {
    Url::parse(url).is_ok_and(|url| is_allowed(&url, urls))
}

fn is_allowed(url: &Url, urls: WebhookUrls) -> bool {
    url.scheme() == "https"
        || match urls {
            WebhookUrls::Loopback => is_here(url),
            WebhookUrls::Https => false,
            WebhookUrls::Any => true,
        }
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_http_stays_on_this_machine_unless_told_otherwise() {
        use WebhookUrls::{Any, Https, Loopback};
        for (url, allowed) in [
            ("https://example.com/hooks", [Loopback, Https, Any].as_slice()),
            ("http://127.0.0.1:9000/", &[Loopback, Any]),
            ("http://127.8.8.8/", &[Loopback, Any]),
            ("http://[::1]:9000/x", &[Loopback, Any]),
            ("http://LOCALHOST/x", &[Loopback, Any]),
            ("http://example.com/", &[Any]),
            ("http://10.0.0.1/", &[Any]),
            ("http://localhost.example.com/", &[Any]),
            ("http://127.0.0.1@example.com/", &[Any]),
            ("http://127.0.0.1.nip.io/", &[Any]),
            ("http://[2001:db8::1]/", &[Any]),
            ("ftp://127.0.0.1/", &[]),
            ("", &[]),
        ] {
            for urls in [Loopback, Https, Any] {
                assert_eq!(receiver(json!(url), urls).is_ok(), allowed.contains(&urls), "{url} {urls:?}");
            }
        }
    }

    #[test]
    fn every_mistake_is_named() {
        let raw = br#"{"url":"http://example.com","event_types":["created",7],"secret":"s"}"#;
        let places = |wrong: Wrong| json!(wrong.0).as_array().unwrap().iter().map(|one| one["loc"].clone()).collect();
        let found: Vec<Value> = places(create(raw, WebhookUrls::Https).unwrap_err());
        assert_eq!(
            found,
            [
                json!(["body", "object_type"]),
                json!(["body", "url"]),
                json!(["body", "event_types", 1]),
                json!(["body", "secret"]),
            ]
        );
        let found: Vec<Value> = places(
            create(br#"{"object_type":"x","url":"https://a.b","event_types":null}"#, WebhookUrls::Https).unwrap_err(),
        );
        assert_eq!(found, [json!(["body", "object_type"]), json!(["body", "event_types"])]);
    }
}
