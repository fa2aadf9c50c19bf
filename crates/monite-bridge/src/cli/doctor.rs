//! `doctor`: looks at everything a bridge needs, one by one, and changes nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use monite::{EntityFilter, Monite, ReqwestTransport, RetryPolicy, Scope, Transport, TransportError};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::failure::{Exit, Failure, chain};
use super::output::{Output, Style};
use super::words;
use crate::assemble::{Setup, base_url};
use crate::config;
use crate::session::{SessionSecrets, Sessions};
use crate::store::seal::sealed_under;
use crate::store::{self, Store, Tables};

/// How long Monite and the issuer of sessions may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sealed rows read at once.
const PAGE: u32 = 100;

/// Secrets that do not open are named up to so many.
const NAMED: usize = 10;

/// An unanswered create is looked for among entities that Monite dates up to 120 s before it (`CLOCK_SKEW` in `reconcile::observe`), and sessions
/// expire by the local clock. Half of that leaves nothing to spare.
const SKEW_BREAKS: i64 = 60;

/// A machine that synchronises its clock is right to well under a second; Monite's `Date` names whole seconds, and the answer travels.
const SKEW_IS_ODD: i64 = 5;

/// Check configuration, database, keys, credentials, Monite, clock, sessions and certificates; changes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Fetches a partner token at Monite, reads one entity with it and revokes it; these three calls are outside of the shared rate budget, which
joining would change. Does not create or migrate a database. Exit codes: 0 all is well or there are warnings, 1 something failed, 2 the
configuration cannot be read.")]
pub(super) struct Doctor {}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Health {
    Ok,
    Warning,
    Failed,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    health: Health,
    /// What was found; never a secret.
    found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, health: Health::Ok, found: found.into(), next: None }
    }

    fn warning(name: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { name, health: Health::Warning, found: found.into(), next: Some(next.into()) }
    }

    fn failed(name: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { name, health: Health::Failed, found: found.into(), next: Some(next.into()) }
    }

    /// Of a failure that says itself what to do next.
    fn failure(name: &'static str, failure: Failure) -> Self {
        Self { name, health: Health::Failed, found: failure.message, next: failure.next }
    }

    fn line(&self, style: Style) -> String {
        let health = match self.health {
            Health::Ok => style.good("ok     "),
            Health::Warning => style.bold("warning"),
            Health::Failed => style.bad("failed "),
        };
        let next = self.next.as_ref().map_or_else(String::new, |next| format!("\n                         {next}"));
        format!("{health}  {:<14}  {}{next}", self.name, self.found)
    }
}

#[derive(Serialize)]
struct Report {
    healthy: bool,
    warnings: usize,
    failed: usize,
}

impl Doctor {
    pub(super) async fn run(&self, setup: &Setup, output: &Output) -> Result<Exit, Failure> {
        let mut checks = configuration(setup);
        let store = database(setup, &mut checks).await;
        if let Some(store) = &store {
            sealed(setup, store.as_ref(), &mut checks).await;
            bootstrap(setup, store.as_ref(), &mut checks).await;
            monite(setup, store.as_ref(), &mut checks).await;
            store.close().await;
        }
        sessions(setup, &mut checks).await;
        checks.extend(certificate(setup));
        let mut list = output.list("checks");
        for check in &checks {
            list.push(&check.line(output.style()), check);
        }
        let count = |health| checks.iter().filter(|check| check.health == health).count();
        let (warnings, failed) = (count(Health::Warning), count(Health::Failed));
        let text = match (failed, warnings) {
            (0, 0) => "all is well".to_owned(),
            _ => format!("{} failed, {}", failed, words::count(warnings as u64, "warning")),
        };
        list.end(&text, &Report { healthy: failed == 0, warnings, failed });
        Ok(Exit::failed_if(failed > 0))
    }
}

/// It was read already, or there would be no setup; unknown keys are errors.
fn configuration(setup: &Setup) -> Vec<Check> {
    let mut checks = vec![Check::ok("configuration", "every key is known and can be used")];
    let notes = setup.config.notes().into_iter().chain(setup.secrets.notes());
    checks.extend(notes.map(|note| Check::warning("configuration", note, "Change it, or leave it if it is meant so.")));
    checks
}

/// The database, opened if that changes nothing.
async fn database(setup: &Setup, checks: &mut Vec<Check>) -> Option<Arc<dyn Store>> {
    const NAME: &str = "database";
    let url = setup.config.database.url.as_str();
    let tables = match store::tables(url).await {
        Ok(tables) => tables,
        Err(error) => {
            checks.push(Check::failure(NAME, error.into()));
            return None;
        }
    };
    let check = match tables {
        Tables::Missing => Check::warning(
            NAME,
            "it has no tables yet, so what is stored in it was not looked at",
            "Any command that needs it makes them, `monite-bridge serve` among them.",
        ),
        Tables::Of { version, known } if version > known => Check::failed(
            NAME,
            format!("a newer version of monite-bridge wrote it (tables {version}, this program knows up to {known})"),
            "Run that version, or restore the backup made before it.",
        ),
        Tables::Of { version, known } if version < known => Check::warning(
            NAME,
            format!(
                "its tables are of version {version}, this program's {known}; what is stored in it was not looked at"
            ),
            "The next command that needs it brings them up; make a backup first.",
        ),
        Tables::Of { version, .. } => match setup.open_store().await {
            Ok(store) => {
                checks.push(Check::ok(NAME, format!("opens and can be written, tables of version {version}")));
                return Some(store);
            }
            Err(error) => Check::failure(NAME, error.into()),
        },
    };
    checks.push(check);
    None
}

/// Whether the master keys open everything that is sealed, and whether the first of them would do.
async fn sealed(setup: &Setup, store: &dyn Store, checks: &mut Vec<Check>) {
    const NAME: &str = "master key";
    let sealer = setup.secrets.sealer.as_ref();
    let (mut rows, mut under_others, mut closed) = (0_u64, BTreeSet::new(), 0);
    let mut after = None;
    loop {
        let page = match store.sealed(after.as_ref(), PAGE).await {
            Ok(page) => page,
            Err(error) => return checks.push(Check::failure(NAME, error.into())),
        };
        let Some(last) = page.last() else { break };
        after = Some(last.name.clone());
        for row in &page {
            rows += 1;
            let name = &row.name.name;
            let wrong = match sealer {
                None => Some(format!("the secret {name:?} is sealed, and there is no key to open it")),
                Some(sealer) => sealer.open(name, &row.sealed).err().map(|error| chain(&error)),
            };
            if let Some(wrong) = wrong {
                closed += 1;
                if closed <= NAMED {
                    checks.push(Check::failed(
                        NAME,
                        wrong,
                        "Set MONITE_BRIDGE_MASTER_KEY to that key, or store the secret anew.",
                    ));
                }
            } else if let Some(id) =
                sealed_under(&row.sealed).filter(|id| sealer.is_some_and(|one| one.key_id() != *id))
            {
                under_others.insert(id.to_string());
            }
        }
    }
    if closed > NAMED {
        checks.push(Check::failed(NAME, format!("and {} more that do not open", closed - NAMED), "As above."));
    }
    if !under_others.is_empty() {
        let ids: Vec<String> = under_others.into_iter().collect();
        let found = format!("something is still sealed under {}, which does not seal any more", ids.join(", "));
        checks.push(Check::warning(
            NAME,
            found,
            "Run `monite-bridge credentials rotate-key` before that key is taken out.",
        ));
    } else if closed == 0 {
        checks.push(Check::ok(
            NAME,
            match sealer {
                Some(sealer) if rows > 0 => format!("{} opens what is sealed", sealer.key_id()),
                Some(sealer) => format!("{} would seal; nothing is sealed yet", sealer.key_id()),
                None => "there is none, and nothing is sealed".to_owned(),
            },
        ));
    }
}

async fn bootstrap(setup: &Setup, store: &dyn Store, checks: &mut Vec<Check>) {
    const NAME: &str = "API keys";
    let keys = match store.api_keys().await {
        Ok(keys) => keys,
        Err(error) => return checks.push(Check::failure(NAME, error.into())),
    };
    let alive = keys.iter().filter(|key| key.is_alive(setup.now())).count();
    let is_on = setup.config.server.bootstrap_key && setup.secrets.api_key.is_some();
    checks.push(match (alive, is_on) {
        (0, false) => Check::warning(
            NAME,
            "no key opens the API",
            "Make one with `monite-bridge keys create --name NAME --scopes read,write,token`.",
        ),
        (0, true) => Check::ok(NAME, "MONITE_BRIDGE_API_KEY is the only one"),
        (alive, false) => Check::ok(NAME, words::count(alive as u64, "key")),
        (alive, true) => Check::warning(
            NAME,
            format!("MONITE_BRIDGE_API_KEY opens everything beside {}", words::count(alive as u64, "key")),
            "Set server.bootstrap_key = false once nobody uses it.",
        ),
    });
}

/// Credentials, reachability and clock.
async fn monite(setup: &Setup, store: &dyn Store, checks: &mut Vec<Check>) {
    let loaded = match setup.load_credentials(store).await {
        Ok(loaded) => loaded,
        Err(error) => {
            return checks.push(Check::failed("credentials", chain(&error), "Nothing can be asked at Monite without."));
        }
    };
    let (client, source) = (loaded.credentials.client_id(), &loaded.source);
    checks.push(Check::ok("credentials", format!("client {client}, from {source}")));
    let config = &setup.config.monite;
    let base_url = base_url(&config.target);
    let transport = if base_url.starts_with("https:") {
        ReqwestTransport::new(PATIENCE)
    } else {
        ReqwestTransport::local(PATIENCE)
    };
    let seen = Dates::default();
    let built = transport.and_then(|inner| {
        Monite::builder()
            .base_url(base_url)
            .api_version(&config.api_version)
            .credentials(loaded.credentials)
            .clock(Arc::clone(&setup.clock))
            .retry(RetryPolicy::never())
            .transport(Arc::new(Dated { inner, seen: seen.clone(), clock: Arc::clone(&setup.clock) }))
            .build()
    });
    let asked = match built {
        Ok(monite) => ask(&monite).await,
        Err(error) => Err(error),
    };
    checks.push(match asked {
        Ok(revoked) => Check::ok(
            "Monite",
            format!("{base_url} answers, API version {}; {revoked}", config.api_version),
        ),
        Err(error) => Check::failed(
            "Monite",
            format!("{base_url}: {}", chain(&error)),
            "Check [monite] in the configuration, the credentials (`monite-bridge credentials show`) and the way out of this network.",
        ),
    });
    checks.extend(seen.latest().map(|(date, here)| skew(here.duration_since(date).as_secs())));
}

/// One token, one read, and the token is worthless again; what became of it.
async fn ask(monite: &Monite) -> Result<&'static str, monite::Error> {
    let token = monite.tokens().get(Scope::Partner, Duration::ZERO).await?;
    let one = EntityFilter { limit: Some(1), ..EntityFilter::default() };
    let listed = monite.entities().list(&one).await;
    let revoked = monite.auth().revoke(token.secret()).await;
    listed?;
    Ok(match revoked {
        Ok(_) => "the token it was asked with is revoked again",
        Err(_) => "the token it was asked with could not be revoked and expires by itself",
    })
}

/// `ahead`: seconds by which the local clock is ahead of Monite's.
fn skew(ahead: i64) -> Check {
    const NAME: &str = "clock";
    const NEXT: &str = "Synchronise this machine's clock (NTP).";
    let off = ahead.abs();
    let found = match ahead {
        _ if off <= 1 => "agrees with Monite's".to_owned(),
        1.. => format!("{off} s ahead of Monite's"),
        _ => format!("{off} s behind Monite's"),
    };
    match off {
        _ if off > SKEW_BREAKS => Check::failed(NAME, found, NEXT),
        _ if off > SKEW_IS_ODD => Check::warning(NAME, found, NEXT),
        _ => Check::ok(NAME, found),
    }
}

/// Monite's `Date`, and what time it was here.
#[derive(Debug, Clone, Default)]
struct Dates(Arc<Mutex<Option<(Timestamp, Timestamp)>>>);

impl Dates {
    fn latest(&self) -> Option<(Timestamp, Timestamp)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at the `Date` of each answer.
struct Dated {
    inner: ReqwestTransport,
    seen: Dates,
    clock: Arc<dyn monite::Clock>,
}

impl fmt::Debug for Dated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dated").finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for Dated {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let answer = self.inner.send(request).await?;
        let date = answer.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
        if let Some(date) = date {
            *self.seen.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((date, self.clock.now()));
        }
        Ok(answer)
    }
}

async fn sessions(setup: &Setup, checks: &mut Vec<Check>) {
    const NAME: &str = "sessions";
    let secret = match setup.secrets.session_secret(&setup.config) {
        Ok(secret) => secret,
        Err(error) => return checks.push(Check::failure(NAME, error.into())),
    };
    let secrets = SessionSecrets { hs256: secret, introspection: setup.secrets.introspection.as_ref() };
    let sessions = match Sessions::new(&setup.config.session, secrets, Arc::clone(&setup.clock)) {
        Ok(Some(sessions)) => sessions,
        Ok(None) => return checks.push(Check::ok(NAME, "not configured: the token route for browsers is off")),
        Err(error) => {
            return checks.push(Check::failed(NAME, chain(&error), "Correct [session] in the configuration."));
        }
    };
    let stop = CancellationToken::new();
    let asked = async {
        while sessions.keys_standing().is_some_and(|keys| keys.usable == 0 && keys.failures == 0) {
            setup.clock.sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = sessions.follow(stop.clone()) => {}
        () = asked => {}
        () = setup.clock.sleep(PATIENCE) => {}
    }
    stop.cancel();
    checks.push(match sessions.keys_standing() {
        None => Check::ok(NAME, "signed with a shared secret, which is there"),
        Some(keys) if keys.usable > 0 => {
            Check::ok(NAME, format!("{} of the issuer can be used", words::count(keys.usable, "key")))
        }
        Some(_) => Check::failed(
            NAME,
            "the issuer gives no key that can be used: nobody gets a token with a session",
            "Open session.jwks_url from this machine: it has to show a key set (JWKS) with keys for signing.",
        ),
    });
}

fn certificate(setup: &Setup) -> Option<Check> {
    const NAME: &str = "certificate";
    match setup.tls() {
        Ok(None) => None,
        Ok(Some(tls)) => Some(match tls.ends_at() {
            Some(end) if end <= setup.now() => Check::failed(
                NAME,
                format!("it ended {}", words::time(end)),
                "Put a new one in place of server.tls_cert.",
            ),
            Some(end) => Check::ok(NAME, format!("can be used, ends {}", words::time(end))),
            None => Check::ok(NAME, "can be used"),
        }),
        Err(error) => Some(Check::failure(NAME, config::ConfigError::into(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_wrong_by_degrees() {
        for (ahead, health) in [
            (0, Health::Ok),
            (5, Health::Ok),
            (-5, Health::Ok),
            (6, Health::Warning),
            (-60, Health::Warning),
            (61, Health::Failed),
            (-61, Health::Failed),
        ] {
            assert_eq!(skew(ahead).health, health, "{ahead}");
        }
        assert!(skew(7).found.contains("7 s ahead") && skew(-7).found.contains("7 s behind"));
    }
}
