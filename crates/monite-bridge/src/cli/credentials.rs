//! `credentials`: the partner's client id and secret, sealed in the database.

use std::io::{IsTerminal as _, Read as _};

use secrecy::SecretString;
use serde_json::{Value, json};

use super::failure::{Exit, Failure};
use super::output::Output;
use super::rotate_key;
use crate::assemble::Setup;
use crate::audit::AuditEntry;
use crate::credentials::{self, CredentialsError, Source};

/// Keep the partner's credentials sealed in the database
#[derive(Debug, clap::Args)]
pub(super) struct Credentials {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Store a client id and its secret; the secret is asked for, or read from stdin
    Set {
        /// The client id from Monite's partner portal
        #[arg(long, value_name = "ID")]
        client_id: String,
    },
    /// Show which credentials would be used and where they come from; never the secret
    Show,
    /// Seal everything in the database anew under the first master key; the others open it. Works beside running services, and can be
    /// run again at any time
    RotateKey,
}

/// Longer than any secret; stops a wrong file from being read into memory.
const MAX_SECRET_BYTES: u64 = 4096;

impl Credentials {
    pub(super) async fn run(&self, setup: &Setup, output: &Output) -> Result<Exit, Failure> {
        match &self.command {
            Command::Set { client_id } => set(setup, client_id, output).await,
            Command::Show => show(setup, output).await,
            Command::RotateKey => rotate_key::run(setup, output).await,
        }
    }
}

async fn set(setup: &Setup, client_id: &str, output: &Output) -> Result<Exit, Failure> {
    // Before the secret is asked for and a database is created.
    if setup.secrets.sealer.is_none() {
        return Err(CredentialsError::NoKeyToSeal.into());
    }
    let secret = read_secret()?;
    let store = setup.open_store().await?;
    let sealer = setup.secrets.sealer.as_ref();
    let key = credentials::save(store.as_ref(), client_id, &secret, sealer, setup.now()).await?;
    store.append_audit(&[AuditEntry::of_command(&format!("credentials set {client_id}"), setup.now())]).await?;
    store.close().await;
    let text = format!("stored the secret of client {client_id}, sealed under key {key}; used from the next start on");
    output.result(&text, &describe(client_id, Source::Database(key)));
    Ok(Exit::Done)
}

/// Asked for without echo on a terminal; elsewhere the first line of stdin.
fn read_secret() -> Result<SecretString, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::usage(
            format!("cannot read the client secret: {error}"),
            "Type it when asked, or pipe it in: `monite-bridge credentials set --client-id ID < FILE`.",
        )
    };
    let text = if std::io::stdin().is_terminal() {
        rpassword::prompt_password("client secret (not shown): ").map_err(unreadable)?
    } else {
        let mut text = String::new();
        std::io::stdin().lock().take(MAX_SECRET_BYTES).read_to_string(&mut text).map_err(unreadable)?;
        text
    };
    let secret = SecretString::from(text.trim_end_matches(['\r', '\n']));
    drop(zeroize::Zeroizing::new(text));
    Ok(secret)
}

async fn show(setup: &Setup, output: &Output) -> Result<Exit, Failure> {
    let store = setup.open_store().await?;
    let loaded = setup.load_credentials(store.as_ref()).await?;
    let client_id = loaded.credentials.client_id().to_string();
    output.result(&format!("client {client_id}, from {}", loaded.source), &describe(&client_id, loaded.source));
    Ok(Exit::Done)
}

/// For programs; `key_id` names the master key and tells nothing about it.
fn describe(client_id: &str, source: Source) -> Value {
    match source {
        Source::Environment => json!({ "client_id": client_id, "source": "environment" }),
        Source::Database(key) => json!({ "client_id": client_id, "source": "database", "key_id": key.to_string() }),
    }
}
