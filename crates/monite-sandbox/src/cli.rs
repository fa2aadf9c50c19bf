//! The command line of the sandbox, for its own binary and for `monite-bridge sandbox`.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::builder::{Builder, StartError};
use crate::quirks::parse_choice;
use crate::ratelimit::{RateAlgorithm, RateLimit};
use crate::rules::webhook::WebhookUrls;
use crate::sandbox::Sandbox;

/// A local imitation of Monite's API.
#[derive(Args)]
pub struct SandboxArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8700")]
    listen: SocketAddr,

    /// The client id to accept, a UUID [default: generated and printed]
    #[arg(long, value_name = "UUID", env = "MONITE_CLIENT_ID")]
    client_id: Option<String>,

    /// The client secret to accept [default: generated and printed]
    #[arg(long, value_name = "SECRET", env = "MONITE_CLIENT_SECRET", hide_env_values = true)]
    client_secret: Option<String>,

    /// Calls per second to allow, or off
    #[arg(long, value_name = "N|off", default_value = "30")]
    rate_limit: RateLimit,

    /// How calls are counted against the limit
    #[arg(long, value_name = "NAME", default_value = "fixed-second")]
    rate_algorithm: RateAlgorithm,

    /// Make every id, token and generated secret follow from this number [default: random]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Life of access tokens in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..))]
    token_ttl: u64,

    /// Keep the state in this SQLite file [default: in memory only]
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,

    /// Another outcome of a point Monite's documents leave open, as in missing_entity=400; may be repeated
    #[arg(long = "quirk", value_name = "NAME=OPTION", value_parser = parse_choice)]
    quirks: Vec<(String, String)>,

    /// Which receivers webhook subscriptions may name
    #[arg(long, value_name = "loopback|https|any", default_value = "loopback")]
    webhook_urls: WebhookUrlsFlag,

    /// Factor on the waits between attempts to deliver a webhook: 0.001 turns a minute into 60 ms
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = parse_scale)]
    webhook_retry_scale: f64,

    /// Whether the page and the control routes under /_sandbox answer: faults, clock, state, snapshots, journal (see
    /// docs/sandbox.md)
    #[arg(long, value_name = "on|off|everybody", default_value = "on")]
    admin: AdminFlag,

    /// Another name by which clients may call the control routes; can be repeated
    #[arg(long = "admin-host", value_name = "NAME")]
    admin_hosts: Vec<String>,
}

impl std::fmt::Debug for SandboxArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the secret.
        f.debug_struct("SandboxArgs").field("listen", &self.listen).field("data", &self.data).finish_non_exhaustive()
    }
}

/// Who may use the control routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AdminFlag {
    /// Loopback clients
    On,
    /// Nobody
    Off,
    /// Every client that reaches the address
    Everybody,
}

/// Where webhooks may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WebhookUrlsFlag {
    /// To https addresses, and to http ones on this machine
    Loopback,
    /// To https addresses only
    Https,
    /// To any http or https address
    Any,
}

impl From<WebhookUrlsFlag> for WebhookUrls {
    fn from(flag: WebhookUrlsFlag) -> Self {
        match flag {
            WebhookUrlsFlag::Loopback => Self::Loopback,
            WebhookUrlsFlag::Https => Self::Https,
            WebhookUrlsFlag::Any => Self::Any,
        }
    }
}

fn parse_scale(text: &str) -> Result<f64, String> {
    let scale = text.parse().ok().filter(|scale: &f64| scale.is_finite() && *scale > 0.0);
    scale.ok_or_else(|| "a factor is a number above 0".to_owned())
}

/// Why the sandbox stopped before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It never started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Standard output or the signals could not be used.
    #[error("could not use the terminal")]
    Terminal(#[source] std::io::Error),
}

/// Runs a sandbox until SIGTERM or SIGINT. Prints the credentials it generated, one `name=value` a line, then
/// `listening on http://ADDR/v1`.
///
/// # Errors
///
/// When it cannot start.
pub async fn run(args: SandboxArgs) -> Result<(), RunError> {
    let signals = Signals::new().map_err(RunError::Terminal)?;
    let started = args.start().await?;
    announce(&started).map_err(RunError::Terminal)?;
    signals.wait().await;
    started.sandbox.shutdown().await;
    Ok(())
}

/// A sandbox as the arguments asked for it, and which half of the credentials they left to be generated.
pub struct Started {
    /// The sandbox, answering already.
    pub sandbox: Sandbox,
    /// Nobody knows the client id but the sandbox.
    pub client_id_is_generated: bool,
    /// Nobody knows the client secret but the sandbox.
    pub client_secret_is_generated: bool,
}

impl SandboxArgs {
    /// Starts the sandbox and prints nothing: for a program with words and signals of its own.
    ///
    /// # Errors
    ///
    /// When it cannot start.
    pub async fn start(self) -> Result<Started, StartError> {
        let (client_id_is_generated, client_secret_is_generated) =
            (self.client_id.is_none(), self.client_secret.is_none());
        let sandbox = builder(self).start().await?;
        Ok(Started { sandbox, client_id_is_generated, client_secret_is_generated })
    }
}

fn builder(args: SandboxArgs) -> Builder {
    let builder = Sandbox::builder()
        .listen(args.listen)
        .rate_limit(args.rate_limit)
        .rate_algorithm(args.rate_algorithm)
        .token_ttl(Duration::from_secs(args.token_ttl))
        .webhook_urls(args.webhook_urls.into())
        .webhook_retry_scale(args.webhook_retry_scale)
        .partial_credentials(args.client_id, args.client_secret);
    let builder = match args.seed {
        Some(seed) => builder.seed(seed),
        None => builder,
    };
    let builder = match args.data {
        Some(path) => builder.data_file(path),
        None => builder,
    };
    let builder = args.quirks.into_iter().fold(builder, |builder, (name, option)| builder.quirk(name, option));
    let builder = args.admin_hosts.into_iter().fold(builder, Builder::admin_host);
    match args.admin {
        AdminFlag::On => builder.admin(true),
        AdminFlag::Off => builder.admin(false),
        AdminFlag::Everybody => builder.admin_for_everybody(),
    }
}

fn announce(started: &Started) -> std::io::Result<()> {
    let (sandbox, mut out) = (&started.sandbox, std::io::stdout().lock());
    if started.client_id_is_generated {
        writeln!(out, "MONITE_CLIENT_ID={}", sandbox.client_id())?;
    }
    if started.client_secret_is_generated {
        writeln!(out, "MONITE_CLIENT_SECRET={}", sandbox.client_secret())?;
    }
    writeln!(out, "listening on {}", sandbox.base_url())?;
    out.flush()
}

/// Installed before anything starts, so that no signal is missed.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn wait(self) {
        // Without a way to listen there is nothing to wait for but the end of the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
