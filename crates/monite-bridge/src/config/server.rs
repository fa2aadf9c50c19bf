use std::net::{Ipv4Addr, SocketAddr};

use url::Url;

use super::section::Section;

/// `[server]`: where the bridge's own HTTP API listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// Origins whose pages may call the browser-facing routes, as browsers send them; `"*"` means every page. None by default.
    pub cors_origins: Vec<String>,
    /// Whether the key of `MONITE_BRIDGE_API_KEY` opens the API, with every scope. Off, only the keys of `keys create` do.
    pub bootstrap_key: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            // Loopback: whoever wants the API on a network says so.
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8710)),
            cors_origins: Vec::new(),
            bootstrap_key: true,
        }
    }
}

impl ServerConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let config = Self {
            listen: section.parsed("listen", listen).unwrap_or(default.listen),
            cors_origins: read_origins(&mut section).unwrap_or_default(),
            bootstrap_key: section.flag("bootstrap_key").unwrap_or(default.bootstrap_key),
        };
        for key in ["tls_cert", "tls_key"] {
            if section.has(key) {
                section.refuse(
                    key,
                    "this version does not serve TLS itself yet; leave the key out and put a TLS-terminating proxy in front",
                );
            }
        }
        section.finish();
        config
    }
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "\"{text}\" is not an address; accepted: IP address and port, such as \"127.0.0.1:8710\" or \"[::1]:8710\""
        )
    })
}

fn read_origins(section: &mut Section<'_>) -> Option<Vec<String>> {
    let given = section.texts("cors_origins")?;
    let mut origins = Vec::with_capacity(given.len());
    for text in given {
        match origin(&text) {
            Some(origin) => origins.push(origin),
            None => section.refuse(
                "cors_origins",
                format!("\"{text}\" is not an origin; accepted: scheme, host and port only, such as \"https://app.example.com\", or \"*\" for every page"),
            ),
        }
    }
    Some(origins)
}

/// An origin as browsers send it: no path, no slash, the default port left out.
fn origin(text: &str) -> Option<String> {
    if text == "*" {
        return Some(text.to_owned());
    }
    let url = Url::parse(text).ok()?;
    let only_origin = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    only_origin.then(|| url.origin().ascii_serialization())
}
