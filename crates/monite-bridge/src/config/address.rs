//! Addresses that the bridge asks, and whether what they say can be believed.

use url::{Host, Url};

/// Whether calls to it stay on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// An address whose answers nobody on the way can forge: https, or http on this machine. A query may be part of it, a password not.
///
/// The value is not repeated in the message: an address may carry a password.
pub(super) fn trustworthy(text: &str) -> Result<String, String> {
    const ACCEPTED: &str = "must be an https address (http only on this machine) without fragment or password";
    let url = Url::parse(text).map_err(|_| ACCEPTED.to_owned())?;
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (safe && plain).then(|| url.as_str().to_owned()).ok_or_else(|| ACCEPTED.to_owned())
}
