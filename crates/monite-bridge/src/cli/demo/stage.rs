//! What the demo runs on: a pretend Monite and a bridge, both on this machine, both gone afterwards.

use std::net::SocketAddr;

use monite_sandbox::{RateLimit, Sandbox};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::super::failure::Failure;
use super::super::serve::{Service, at_once, cannot_listen};
use crate::assemble::{Bridge, Setup};
use crate::config::{Config, EnvCredentials, MoniteTarget, Secrets};

/// A pretend Monite and a bridge on a database that goes away with it. Neither the configuration nor the environment of the
/// user is read, so the demo cannot touch a real account.
pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    pub(super) bridge: Bridge,
    /// Removed when the stage goes.
    _folder: TempDir,
    api_key: SecretString,
}

impl Stage {
    /// Starts the sandbox, with this many requests per second allowed, and builds the bridge, paced beneath that.
    pub(super) async fn set_up(rate_limit: Option<u32>) -> Result<Self, Failure> {
        let limit = rate_limit.map_or(RateLimit::Off, RateLimit::PerSecond);
        let sandbox = Sandbox::builder()
            .rate_limit(limit)
            .start()
            .await
            .map_err(|error| Failure::caused_by(&error, "The demo needs a free port on 127.0.0.1."))?;
        let folder = tempfile::Builder::new().prefix("monite-bridge-demo-").tempdir().map_err(|error| {
            Failure::caused_by(
                &error,
                "The demo keeps its database in the folder for temporary files (TMPDIR); check that it can be written.",
            )
        })?;
        let api_key = SecretString::from(uuid::Uuid::new_v4().simple().to_string());
        let mut setup = Setup::new(config(&sandbox, &folder), secrets(&sandbox, &api_key));
        setup.rate_limit = rate_limit;
        let bridge = Bridge::assemble(setup).await?;
        Ok(Self { sandbox, bridge, _folder: folder, api_key })
    }

    /// Opens the bridge's HTTP API on its usual port, or on a free one.
    pub(super) async fn open(&self, stop: &CancellationToken) -> Result<Service, Failure> {
        let usual = self.bridge.setup.config.server.listen;
        let listener = match TcpListener::bind(usual).await {
            Ok(listener) => listener,
            Err(_) => {
                let free = SocketAddr::from(([127, 0, 0, 1], 0));
                TcpListener::bind(free).await.map_err(|error| cannot_listen(free, &error))?
            }
        };
        Service::start(&self.bridge, (listener, None), at_once(), stop)
    }

    /// The key that opens the bridge's HTTP API, as long as the demo runs.
    pub(super) fn api_key(&self) -> &str {
        self.api_key.expose_secret()
    }

    /// Takes everything down.
    pub(super) async fn clear(self) {
        self.bridge.close().await;
        self.sandbox.shutdown().await;
    }
}

fn config(sandbox: &Sandbox, folder: &TempDir) -> Config {
    let mut config = Config::default();
    config.monite.target = MoniteTarget::BaseUrl(sandbox.base_url());
    config.database.url = format!("sqlite://{}", folder.path().join("bridge.db").display()).into();
    config
}

fn secrets(sandbox: &Sandbox, api_key: &SecretString) -> Secrets {
    let credentials = EnvCredentials {
        client_id: sandbox.client_id().to_owned(),
        client_secret: SecretString::from(sandbox.client_secret()),
    };
    Secrets { credentials: Some(credentials), api_key: Some(api_key.clone()), ..Secrets::default() }
}
