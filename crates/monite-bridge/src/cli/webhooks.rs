//! `webhooks`: has Monite report what changes, so that drift is found in seconds and not by the next sweep.

use serde_json::{Value, json};
use url::Url;

use super::failure::{Exit, Failure};
use super::output::Output;
use super::table;
use crate::assemble::{Bridge, Setup};
use crate::audit::AuditEntry;
use crate::store::StoreError;
use crate::store::seal::Sealer;
use crate::webhook::secrets::{self, SecretsError, WATCHED};
use crate::webhook::subscribe::{self, Desk, Outcome, SubscribeError, Subscribed};

/// Have Monite report changes to this bridge: set up, list and end webhook subscriptions
#[derive(Debug, clap::Args)]
pub(super) struct Webhooks {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Subscribe to what happens to entities, entity users and roles; saying it again changes nothing
    Subscribe {
        /// Where Monite reaches this bridge: https://HOST/v1/webhooks/monite
        #[arg(long, value_parser = address)]
        url: String,
    },
    /// List all subscriptions at Monite, and whether their secrets are here
    List,
    /// End the subscriptions that were set up here
    Unsubscribe {
        /// Also those at this address that were set up elsewhere, by a database that is lost
        #[arg(long, value_parser = address)]
        url: Option<String>,
    },
}

/// Kept as it was written: Monite's spelling of it is compared to the letter.
fn address(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match (url.scheme(), url.has_host(), url.fragment()) {
        ("https" | "http", true, None) => Ok(text.to_owned()),
        _ => Err("not an address such as https://bridge.example.com/v1/webhooks/monite".to_owned()),
    }
}

impl Webhooks {
    pub(super) async fn run(&self, setup: Setup, output: &Output) -> Result<Exit, Failure> {
        let sealer = setup.secrets.sealer.clone();
        // Before anything is called: a secret that cannot be kept is lost.
        let sealer = match (&self.command, sealer) {
            (Command::List, sealer) => sealer,
            (_, Some(sealer)) => Some(sealer),
            (_, None) => return Err(SecretsError::NoKeyToSeal.into()),
        };
        let bridge = Bridge::assemble(setup).await?;
        let done = self.work(&bridge, sealer, output).await;
        bridge.close().await;
        done.map(|()| Exit::Done)
    }

    async fn work(&self, bridge: &Bridge, sealer: Option<Sealer>, output: &Output) -> Result<(), Failure> {
        let desk = sealer.as_ref().map(|sealer| Desk {
            monite: &bridge.monite,
            store: bridge.store.as_ref(),
            sealer,
            now: bridge.now(),
        });
        match (&self.command, desk) {
            (Command::Subscribe { url }, Some(desk)) => {
                let done = desk.subscribe(url).await;
                note(bridge, "webhooks subscribe", Some(url), &done).await?;
                tell(&done?, output);
                Ok(())
            }
            (Command::Unsubscribe { url }, Some(desk)) => {
                let done = desk.unsubscribe(url.as_deref()).await;
                note(bridge, "webhooks unsubscribe", url.as_deref(), &done).await?;
                tell(&done?, output);
                Ok(())
            }
            (Command::Subscribe { .. } | Command::Unsubscribe { .. }, None) => Err(SecretsError::NoKeyToSeal.into()),
            (Command::List, _) => list(bridge, sealer.as_ref(), output).await,
        }
    }
}

/// Into the audit log, done or not: some of it may have been.
async fn note<T, E>(bridge: &Bridge, what: &str, url: Option<&str>, done: &Result<T, E>) -> Result<(), StoreError> {
    // What may be a secret in an address is not written down.
    let place = url.and_then(|url| Url::parse(url).ok()).map_or_else(String::new, |url| {
        format!(" {}://{}{}", url.scheme(), url.authority().rsplit('@').next().unwrap_or_default(), url.path())
    });
    let entry = AuditEntry::of_command(&format!("{what}{place}"), bridge.now()).ended(done);
    bridge.store.append_audit(&[entry]).await
}

fn tell(done: &[Subscribed], output: &Output) {
    let word = |outcome| match outcome {
        Outcome::Created => "created",
        Outcome::Kept => "kept",
        Outcome::Changed => "changed",
        Outcome::TakenOver => "taken over",
        Outcome::Ended => "ended",
    };
    let text = match done {
        [] => "no subscriptions were set up here".to_owned(),
        done => {
            let head = ["OBJECT", "OUTCOME", "ID", "URL"].map(str::to_owned).to_vec();
            let row = |one: &Subscribed| {
                vec![one.object_type.to_string(), word(one.outcome).to_owned(), one.id.to_string(), one.url.clone()]
            };
            aligned(head, done.iter().map(row))
        }
    };
    let described: Vec<Value> = done
        .iter()
        .map(|one| {
            let outcome = word(one.outcome).replace(' ', "_");
            json!({"object_type": one.object_type, "outcome": outcome, "id": one.id, "url": one.url})
        })
        .collect();
    output.result(&text, &json!({ "subscriptions": described }));
}

async fn list(bridge: &Bridge, sealer: Option<&Sealer>, output: &Output) -> Result<(), Failure> {
    let there = subscribe::all(&bridge.monite).await.map_err(SubscribeError::from)?;
    let mut ours = Vec::new();
    for object_type in WATCHED {
        match secrets::load(bridge.store.as_ref(), sealer, &object_type).await {
            Ok(signers) => ours.extend(signers.iter().filter(|one| one.until.is_none()).map(|one| one.subscription)),
            Err(SecretsError::Store(error)) => return Err(error.into()),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "secrets about {object_type}"),
        }
    }
    let text = if there.is_empty() {
        "no subscriptions yet; `monite-bridge webhooks subscribe --url URL` makes them".to_owned()
    } else {
        let head = ["OBJECT", "STATUS", "SECRET", "ID", "URL"].map(str::to_owned).to_vec();
        let rows = there.iter().map(|one| {
            let secret = if ours.contains(&one.id) { "here" } else { "-" };
            vec![
                one.object_type.to_string(),
                one.status.to_string(),
                secret.to_owned(),
                one.id.to_string(),
                one.url.clone(),
            ]
        });
        aligned(head, rows)
    };
    let described = there.iter().map(|one| {
        json!({"object_type": one.object_type, "status": one.status, "secret_here": ours.contains(&one.id), "id": one.id, "url": one.url})
    });
    output.result(&text, &json!({ "subscriptions": described.collect::<Vec<_>>() }));
    Ok(())
}

fn aligned(head: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    table::rows(&rows, "\n").trim_start().to_owned()
}

impl From<SecretsError> for Failure {
    fn from(error: SecretsError) -> Self {
        match error {
            SecretsError::Store(error) => error.into(),
            // Each of these says itself what to set or to run.
            error => Self { exit: Exit::Usage, ..Self::without_advice(&error) },
        }
    }
}

impl From<SubscribeError> for Failure {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::Secrets(error) => error.into(),
            SubscribeError::Store(error) => error.into(),
            SubscribeError::Busy { .. } => {
                Self::caused_by(&error, "Nothing was called: run it again once that one has ended.")
            }
            SubscribeError::Monite(_) => Self::caused_by(
                &error,
                "Nothing is lost: run it again, and it goes on from what is there. Monite wants an https address that it can reach.",
            ),
        }
    }
}
