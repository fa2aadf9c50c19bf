//! Who may use the control routes, and that no web page can use them behind its reader's back.
//!
//! A page on the internet can make the browser of somebody who runs a sandbox call `http://127.0.0.1:8700`, either across
//! origins (then the browser says so, in `Origin` and `Sec-Fetch-Site`) or under its own name which suddenly points to
//! 127.0.0.1 (DNS rebinding; then that name stands in `Host`).

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Peer;
use super::answer::Refused;
use crate::app::{Admin, App};

/// Nothing but the page's own script and style, and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Lets a request through if its sender may use the control routes. Calls without a socket come from the own process.
pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let refusal = request.extensions().get::<Peer>().and_then(|peer| {
        let is_near = peer.0.ip().to_canonical().is_loopback();
        let changes = !request.method().is_safe();
        refusal(app.admin, &app.admin_hosts, is_near, changes, request.headers())
    });
    let mut response = match refusal {
        None => next.run(request).await,
        Some(why) => Refused::forbidden(why).into_response(),
    };
    protect(response.headers_mut());
    response
}

/// Why the request is refused, if it is.
fn refusal(
    admin: Admin, own_names: &[String], is_near: bool, changes: bool, headers: &HeaderMap,
) -> Option<&'static str> {
    if !is_near && admin != Admin::Everybody {
        return Some("the control routes answer loopback clients only");
    }
    let host = text(headers, HOST);
    if !host.is_some_and(|host| is_own(host, admin, own_names)) {
        return Some("the Host header names somebody else; --admin-host NAME makes a name the sandbox's own");
    }
    if !changes {
        return None;
    }
    let foreign_site = headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    let foreign_origin =
        headers.contains_key(ORIGIN) && !text(headers, ORIGIN).is_some_and(|origin| is_at(origin, host));
    (foreign_site || foreign_origin).then_some("another site's page may not change anything here")
}

/// A name that nobody on the internet can make their own: this machine's, one that was configured, and, when everybody
/// may come, addresses and names without a dot (machines of the same network).
fn is_own(host: &str, admin: Admin, own_names: &[String]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    let is_local = address.is_some_and(|address| address.to_canonical().is_loopback())
        || name == "localhost"
        || name.ends_with(".localhost");
    let is_of_the_network = admin == Admin::Everybody && (address.is_some() || !name.contains('.'));
    is_local || is_of_the_network || own_names.iter().any(|own| own.eq_ignore_ascii_case(&name))
}

/// Is it the origin that this host serves?
fn is_at(origin: &str, host: Option<&str>) -> bool {
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "the sandbox";
    const ELSEWHERE: &str = "somebody else";

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn hosts() {
        let names = ["sandbox.test".to_owned()];
        for (host, near, everybody) in [
            ("127.0.0.1:8700", OWN, OWN),
            ("127.8.8.8", OWN, OWN),
            ("localhost:8700", OWN, OWN),
            ("LOCALHOST.", OWN, OWN),
            ("app.localhost:1", OWN, OWN),
            ("[::1]:8700", OWN, OWN),
            ("sandbox.test:8700", OWN, OWN),
            ("192.168.1.5:8700", ELSEWHERE, OWN),
            ("monite:8700", ELSEWHERE, OWN),
            ("evil.example:8700", ELSEWHERE, ELSEWHERE),
            ("127.0.0.1.evil.example", ELSEWHERE, ELSEWHERE),
            ("localhost.evil.example", ELSEWHERE, ELSEWHERE),
            ("evillocalhost.example", ELSEWHERE, ELSEWHERE),
            ("", ELSEWHERE, ELSEWHERE),
        ] {
            for (admin, expected) in [(Admin::Loopback, near), (Admin::Everybody, everybody)] {
                let whose = if is_own(host, admin, &names) { OWN } else { ELSEWHERE };
                assert_eq!(whose, expected, "{host} for {admin:?}");
            }
        }
    }

    #[test]
    fn origins() {
        const HOST: (&str, &str) = ("host", "localhost:8700");
        let cases: &[(&[(&str, &str)], bool)] = &[
            (&[HOST], true),
            (&[HOST, ("origin", "http://localhost:8700"), ("sec-fetch-site", "same-origin")], true),
            (&[HOST, ("sec-fetch-site", "none")], true),
            (&[HOST, ("origin", "http://localhost:3000")], false),
            (&[HOST, ("origin", "http://localhost:8700.evil.example")], false),
            (&[HOST, ("origin", "null")], false),
            (&[HOST, ("origin", "http://evil.example")], false),
            (&[HOST, ("sec-fetch-site", "same-site")], false),
            (&[HOST, ("sec-fetch-site", "cross-site")], false),
            (&[("origin", "http://localhost:8700")], false),
        ];
        for (sent, may_change) in cases {
            let sent: Vec<(&'static str, &'static str)> = sent.to_vec();
            assert_eq!(refusal(Admin::Loopback, &[], true, true, &headers(&sent)).is_none(), *may_change, "{sent:?}");
        }
    }
}
