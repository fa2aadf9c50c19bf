//! `keys`: the API keys that open the bridge's own API.

use jiff::{SpanRelativeTo, Timestamp, ToSpan as _};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::failure::{Exit, Failure};
use super::output::Output;
use super::{table, words};
use crate::api_key::{ApiKey, ApiKeyId, Scopes};
use crate::assemble::Setup;
use crate::audit::AuditEntry;
use crate::store::Store;

/// The longest life of a key that can be asked for; longer ones are keys without an end.
const LONGEST_LIFE_YEARS: i64 = 10;

const LISTS: &str = "`monite-bridge keys list` shows those there are.";

/// Make, list and revoke the API keys that open the bridge's API
#[derive(Debug, clap::Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a key; it is shown this once and kept nowhere
    Create {
        /// What the key is for
        #[arg(long)]
        name: String,
        /// What it may do: read, write, token, admin, with commas between them
        #[arg(long, value_name = "SCOPES")]
        scopes: Scopes,
        /// After this time it opens nothing: 90d, 12h, 1y [default: it does not expire]
        #[arg(long, value_name = "TIME", value_parser = life)]
        expires: Option<jiff::Span>,
    },
    /// List the keys, dead ones too; never what they are
    List,
    /// Take a key back: at once, at every process
    Revoke {
        /// The key's id: what it begins with, up to its second underscore
        // Text: what clap refuses it shows, and this may be a whole key.
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// A time such as `90d`, from a minute to some years.
fn life(text: &str) -> Result<jiff::Span, String> {
    let wrong = || "not a time such as 90d, 12h or 1y, of at least a minute and at most ten years".to_owned();
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let relative = SpanRelativeTo::days_are_24_hours();
    let (days, longest) = (in_days(span), LONGEST_LIFE_YEARS.years());
    let fits = |bound: jiff::Span| days.compare((in_days(bound), relative)).map_err(|_| wrong());
    match (fits(1.minute())?, fits(longest)?) {
        (std::cmp::Ordering::Less, _) | (_, std::cmp::Ordering::Greater) => Err(wrong()),
        _ => Ok(days),
    }
}

/// Weeks, months and years as days, so that no calendar is asked: 7, 30 and 365.
fn in_days(span: jiff::Span) -> jiff::Span {
    let days = i64::from(span.get_days())
        + i64::from(span.get_weeks()) * 7
        + i64::from(span.get_months()) * 30
        + i64::from(span.get_years()) * 365;
    span.years(0).months(0).weeks(0).days(days)
}

impl Keys {
    pub(super) async fn run(&self, setup: &Setup, output: &Output) -> Result<Exit, Failure> {
        let store = setup.open_store().await?;
        let ended = match &self.command {
            Command::Create { name, scopes, expires } => {
                create(setup, store.as_ref(), name, *scopes, *expires, output).await
            }
            Command::List => list(setup, store.as_ref(), output).await,
            Command::Revoke { id } => match id.parse::<ApiKeyId>() {
                Ok(id) => revoke(setup, store.as_ref(), &id, output).await,
                Err(error) => Err(Failure::usage(error.to_string(), LISTS)),
            },
        };
        store.close().await;
        ended.map(|()| Exit::Done)
    }
}

async fn create(
    setup: &Setup, store: &dyn Store, name: &str, scopes: Scopes, expires: Option<jiff::Span>, output: &Output,
) -> Result<(), Failure> {
    let now = setup.now();
    let expires_at = expires.map(|life| later(now, life)).transpose()?;
    let (kept, key) = ApiKey::make(name, scopes, now, expires_at)
        .map_err(|error| Failure::usage(error.to_string(), "Run `monite-bridge keys create --help`."))?;
    store.put_api_key(&kept).await?;
    store.append_audit(&[AuditEntry::of_command(&format!("keys create {}", kept.id), now)]).await?;
    let key = key.expose_secret();
    let until = expires_at.map_or_else(|| "does not expire".to_owned(), |at| format!("expires at {at}"));
    let text = format!(
        "{key}\n\nThis is the key; it is shown this once. Its id is {}, it may {}, and it {until}.",
        kept.id,
        words_of(scopes)
    );
    let mut described = describe(&kept, now);
    described["key"] = json!(key);
    output.result(&text, &described);
    Ok(())
}

fn later(now: Timestamp, life: jiff::Span) -> Result<Timestamp, Failure> {
    let too_far = |_| Failure::usage("the key would expire after the end of time", "Leave --expires out.");
    let life = life.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(too_far)?;
    now.checked_add(life).map_err(too_far)
}

fn words_of(scopes: Scopes) -> String {
    scopes.words().collect::<Vec<_>>().join(", ")
}

async fn list(setup: &Setup, store: &dyn Store, output: &Output) -> Result<(), Failure> {
    let (keys, now) = (store.api_keys().await?, setup.now());
    let text = if keys.is_empty() {
        "no keys yet; `monite-bridge keys create --name NAME --scopes read,write,token` makes one".to_owned()
    } else {
        let head = ["ID", "NAME", "SCOPES", "STATE", "LAST USED"].map(str::to_owned).to_vec();
        let rows: Vec<Vec<String>> = std::iter::once(head).chain(keys.iter().map(|key| row(key, now))).collect();
        table::rows(&rows, "\n").trim_start().to_owned()
    };
    let described: Vec<Value> = keys.iter().map(|key| describe(key, now)).collect();
    output.result(&text, &json!({ "keys": described }));
    Ok(())
}

fn row(key: &ApiKey, now: Timestamp) -> Vec<String> {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {at:.0}"),
        (None, Some(at)) if at <= now => format!("expired {at:.0}"),
        (None, Some(at)) => format!("until {at:.0}"),
        (None, None) => "good".to_owned(),
    };
    let used = key.last_used_at.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}"));
    vec![key.id.to_string(), key.name.clone(), key.scopes.to_string(), state, used]
}

fn describe(key: &ApiKey, now: Timestamp) -> Value {
    let state = match key.revoked_at {
        Some(_) => "revoked",
        None if key.is_alive(now) => "good",
        None => "expired",
    };
    json!({
        "id": key.id.as_str(), "name": key.name, "scopes": key.scopes.words().collect::<Vec<_>>(), "state": state,
        "created_at": key.created_at, "expires_at": key.expires_at, "revoked_at": key.revoked_at, "last_used_at": key.last_used_at,
    })
}

async fn revoke(setup: &Setup, store: &dyn Store, id: &ApiKeyId, output: &Output) -> Result<(), Failure> {
    let now = setup.now();
    let Some(key) = store.revoke_api_key(id, now).await? else {
        return Err(Failure::usage(format!("there is no key {id}"), LISTS));
    };
    store.append_audit(&[AuditEntry::of_command(&format!("keys revoke {id}"), now)]).await?;
    let left = store.api_keys().await?.iter().filter(|key| key.is_alive(now)).count();
    let at = key.revoked_at.unwrap_or(now);
    let text = format!(
        "the key {id} ({}) is revoked since {at:.0}; {} left",
        key.name,
        words::count(u64::try_from(left).unwrap_or(u64::MAX), "good key")
    );
    output.result(&text, &describe(&key, now));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_read_and_absurd_ones_refused() {
        let hours = |text: &str| {
            later(Timestamp::UNIX_EPOCH, life(text)?).map(|at| at.as_second() / 3600).map_err(|_| String::new())
        };
        for (text, expected) in [("90d", 2160), ("12h", 12), ("1y", 8760), ("2w", 336), ("1d 12h", 36), ("10y", 87_600)]
        {
            assert_eq!(hours(text), Ok(expected), "{text}");
        }
        for text in ["", "90", "d", "-1d", "0d", "59s", "11y", "1000y", "tomorrow"] {
            assert!(life(text).is_err(), "{text}");
        }
    }
}
