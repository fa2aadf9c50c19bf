use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use url::Url;

use super::section::Section;

/// `[server]`: where the bridge's own HTTP API listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// Origins whose pages may call the browser-facing routes, as browsers send them; `"*"` means every page. None by default.
    pub cors_origins: Vec<String>,
    /// Proxies whose word counts for where a call comes from (`X-Forwarded-For`, `Forwarded`). None by default.
    pub trusted_proxies: Vec<IpNet>,
    /// Certificate and key, when the bridge serves TLS itself.
    pub tls: Option<TlsFiles>,
    /// Connections at once; one address may hold half of them, proxies in `trusted_proxies` all.
    pub max_connections: u32,
    /// Whether the key of `MONITE_BRIDGE_API_KEY` opens the API, with every scope. Off, only the keys of `keys create` do.
    pub bootstrap_key: bool,
}

/// The PEM files of `server.tls_cert` and `server.tls_key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those between it and a root.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Fits under the 1024 open files that most systems give a process, with room for the database and Monite.
const MAX_CONNECTIONS: u32 = 900;

/// Fewer, and one address could hold all but one.
const LEAST_CONNECTIONS: u32 = 4;

/// Each costs some tens of KiB.
const MOST_CONNECTIONS: u32 = 100_000;

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            // Loopback: whoever wants the API on a network says so.
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8710)),
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            tls: None,
            max_connections: MAX_CONNECTIONS,
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
            trusted_proxies: read_networks(&mut section).unwrap_or_default(),
            tls: read_tls(&mut section),
            max_connections: section
                .number("max_connections", LEAST_CONNECTIONS..=MOST_CONNECTIONS)
                .unwrap_or(default.max_connections),
            bootstrap_key: section.flag("bootstrap_key").unwrap_or(default.bootstrap_key),
        };
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

fn read_tls(section: &mut Section<'_>) -> Option<TlsFiles> {
    let (cert, key) = (section.text("tls_cert"), section.text("tls_key"));
    match (cert, key) {
        (Some(cert), Some(key)) => Some(TlsFiles { cert: cert.into(), key: key.into() }),
        (Some(_), None) if !section.has("tls_key") => {
            section.refuse("tls_cert", "needs server.tls_key, the file with its private key");
            None
        }
        (None, Some(_)) if !section.has("tls_cert") => {
            section.refuse("tls_key", "needs server.tls_cert, the file with its certificate");
            None
        }
        _ => None,
    }
}

fn read_networks(section: &mut Section<'_>) -> Option<Vec<IpNet>> {
    let given = section.texts("trusted_proxies")?;
    let mut networks = Vec::with_capacity(given.len());
    for text in given {
        match text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)) {
            Some(network) => networks.push(network.trunc()),
            None => section.refuse(
                "trusted_proxies",
                format!("\"{text}\" is no network; accepted: an address, or a network such as \"10.0.0.0/8\" or \"fd00::/8\""),
            ),
        }
    }
    Some(networks)
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
