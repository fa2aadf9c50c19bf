//! From where a call comes: the address at the other end of the connection, or the one that a trusted proxy names.
//!
//! A header that anybody can send is believed only when the connection comes from a proxy in `server.trusted_proxies`, and of what it
//! says only the rightmost address that is no such proxy: everything left of it was there before the first trusted proxy saw it.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

use super::Shared;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of the connection a request came on. The listening side adds it to every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Who is believed when it says for whom it asks.
#[derive(Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    warned: AtomicBool,
}

impl TrustedProxies {
    /// The proxies of these networks, and no others.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self { networks, warned: AtomicBool::new(false) }
    }

    /// Whether this address is one of them.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// From where the call comes that arrived from `peer` with these headers.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.has(peer) {
            self.warn_of_proxy(headers);
            return peer;
        }
        let by_convention = headers.contains_key(X_FORWARDED_FOR);
        match (by_convention, headers.contains_key(header::FORWARDED)) {
            (true, false) => self.rightmost(peer, elements(headers, &X_FORWARDED_FOR).map(str::trim)),
            (false, true) => self.rightmost(peer, elements(headers, &header::FORWARDED).map(for_of)),
            // A proxy writes one of the two and passes the other on as it came: which is which, nobody can tell.
            (true, true) | (false, false) => peer,
        }
    }

    /// Goes from hop to hop, beginning with the nearest. What cannot be read ends it: the last hop that could be is the answer.
    fn rightmost<'h>(&self, peer: IpAddr, hops: impl DoubleEndedIterator<Item = &'h str>) -> IpAddr {
        let mut nearest = peer;
        for hop in hops.rev() {
            let Some(address) = address(hop) else { return nearest };
            nearest = address;
            if !self.has(address) {
                break;
            }
        }
        nearest
    }

    /// Without the setting, a proxy looks like one caller that asks for everybody: somebody should know.
    fn warn_of_proxy(&self, headers: &HeaderMap) {
        let is_forwarded = headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(header::FORWARDED);
        if self.networks.is_empty() && is_forwarded && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "a call names another address in X-Forwarded-For or Forwarded, which is not believed; if a proxy of yours sends it, name the proxy in server.trusted_proxies: until then all its callers count as one address"
            );
        }
    }
}

/// The elements of a list header, over all its lines.
fn elements<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl DoubleEndedIterator<Item = &'h str> {
    // A line that is no text is one element that nobody can read.
    headers.get_all(name).iter().flat_map(|line| line.to_str().unwrap_or("?").split(','))
}

/// The `for` parameter of an element of `Forwarded` (RFC 7239, section 4); empty without one.
fn for_of(element: &str) -> &str {
    let named = element.split(';').filter_map(|pair| pair.split_once('='));
    let found =
        named.map(|(name, value)| (name.trim(), value.trim())).find(|(name, _)| name.eq_ignore_ascii_case("for"));
    found.map_or("", |(_, value)| value.trim_matches('"'))
}

/// With or without a port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    parsed.ok().map(|address| address.to_canonical())
}

/// From where a request comes; `None` when it did not come over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClientAddress(pub(super) Option<IpAddr>);

impl ClientAddress {
    pub(super) fn of(app: &super::App, parts: (&axum::http::Extensions, &HeaderMap)) -> Self {
        let (extensions, headers) = parts;
        Self(extensions.get::<Peer>().map(|peer| app.door.proxies.client(peer.0, headers)))
    }
}

impl FromRequestParts<Shared> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Infallible> {
        Ok(Self::of(app, (&parts.extensions, &parts.headers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(trusted: &str, peer: &str, headers: &[(&str, &str)], expected: &str) {
        let networks = trusted.split_whitespace().map(|network| network.parse().unwrap()).collect();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let found = TrustedProxies::new(networks).client(peer.parse().unwrap(), &map);
        assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{trusted} {peer} {headers:?}");
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_what_it_saw_itself() {
        const XFF: &str = "x-forwarded-for";
        const FORWARDED: &str = "forwarded";
        // Nobody is trusted, or somebody else.
        check("", "10.0.0.1", &[(XFF, "203.0.113.7")], "10.0.0.1");
        check("", "10.0.0.1", &[(FORWARDED, "for=203.0.113.7")], "10.0.0.1");
        check("192.0.2.0/24", "10.0.0.1", &[(XFF, "203.0.113.7")], "10.0.0.1");
        // One proxy, and what its caller made up.
        check("10.0.0.0/8", "10.0.0.1", &[], "10.0.0.1");
        check("10.0.0.0/8", "10.0.0.1", &[(XFF, "203.0.113.7")], "203.0.113.7");
        check("10.0.0.0/8", "10.0.0.1", &[(XFF, "198.51.100.1, 203.0.113.7")], "203.0.113.7");
        check("10.0.0.0/8", "10.0.0.1", &[(XFF, "198.51.100.1"), (XFF, "203.0.113.7")], "203.0.113.7");
        check("10.0.0.0/8", "10.0.0.1", &[(XFF, "10.9.9.9, 203.0.113.7")], "203.0.113.7");
        // Two proxies.
        check("10.0.0.0/8", "10.0.0.1", &[(XFF, "198.51.100.1, 203.0.113.7, 10.0.0.2")], "203.0.113.7");
        check("10.0.0.0/8", "10.0.0.1", &[(XFF, "10.0.0.3, 10.0.0.2")], "10.0.0.3");
        // What cannot be read.
        check("10.0.0.0/8", "10.0.0.1", &[(XFF, "203.0.113.7, unknown, 10.0.0.2")], "10.0.0.2");
        check("10.0.0.0/8", "10.0.0.1", &[(XFF, "203.0.113.7,")], "10.0.0.1");
        check("10.0.0.0/8", "10.0.0.1", &[(FORWARDED, "proto=https")], "10.0.0.1");
        check("10.0.0.0/8", "10.0.0.1", &[(FORWARDED, "for=_hidden")], "10.0.0.1");
        // The other header, as it came from whoever.
        check("10.0.0.0/8", "10.0.0.1", &[(XFF, "203.0.113.7"), (FORWARDED, "for=198.51.100.1")], "10.0.0.1");
        // How addresses are written.
        check("10.0.0.0/8", "::ffff:10.0.0.1", &[(XFF, "203.0.113.7:4711")], "203.0.113.7");
        check("10.0.0.0/8", "10.0.0.1", &[(FORWARDED, "for=203.0.113.7;proto=https;by=10.0.0.1")], "203.0.113.7");
        check("10.0.0.0/8", "10.0.0.1", &[(FORWARDED, "For=\"[2001:db8::7]:4711\"")], "2001:db8::7");
        check("2001:db8:1::/48", "2001:db8:1::1", &[(XFF, "2001:db8::7")], "2001:db8::7");
        check("10.0.0.1/32", "10.0.0.1", &[(XFF, "::ffff:203.0.113.7")], "203.0.113.7");
    }
}
