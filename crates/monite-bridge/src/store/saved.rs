//! All that is stored, as records without a database: what moves from one to another.
//!
//! Names and values are those of the columns, so that nothing is lost on the way and the same state makes the same bytes from whichever
//! database it comes. Times are microseconds since 1970; JSON stands as text, to the letter. What is not in here either follows from
//! the rest (hashes, wake-ups), or belongs to processes that have ended (leases, but for those that nobody gave back).

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::api_keys::api_key;
use super::desired::hash;
use super::rows::{self, Columns, Unread};
use super::{Store, StoreError};
use crate::budget::ledger::DEAD_AFTER;
use crate::domain::CustomerId;

mod records;

pub use self::records::{SavedApiKey, SavedCustomer, SavedRole, SavedSecret, SavedSetting, SavedUser};

/// A [`Store`] whose whole state can be taken elsewhere.
#[async_trait]
pub trait Portable: Store {
    /// The records behind `after` in the order of [`Saved::key`], at most `limit`; none: that was all.
    async fn saved(&self, after: Option<&Saved>, limit: u32) -> Result<Vec<Saved>, StoreError>;

    /// One step of bringing a state in; each is one transaction.
    async fn restore(&self, step: &Restore) -> Result<Restored, StoreError>;

    /// Who is at work, and whether something has changed since another look.
    async fn standing(&self, now: Timestamp) -> Result<Standing, StoreError>;

    /// Whether a state was being brought in and nobody has finished that.
    async fn is_half_restored(&self) -> Result<bool, StoreError>;

    /// The database's address, without a password.
    fn shown(&self) -> &str;
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Saved {
    /// What the bridge knows of itself.
    Setting(SavedSetting),
    /// A sealed secret.
    Secret(SavedSecret),
    /// An API key's digest and what it may do.
    ApiKey(SavedApiKey),
    /// A customer.
    Customer(Box<SavedCustomer>),
    /// A role in a customer's entity.
    Role(SavedRole),
    /// A user.
    User(Box<SavedUser>),
}

/// How many records of each kind there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedCounts {
    /// [`Saved::Setting`].
    pub settings: u64,
    /// [`Saved::Secret`].
    pub secrets: u64,
    /// [`Saved::ApiKey`].
    pub api_keys: u64,
    /// [`Saved::Customer`].
    pub customers: u64,
    /// [`Saved::Role`].
    pub roles: u64,
    /// [`Saved::User`].
    pub users: u64,
}

impl SavedCounts {
    /// One more.
    pub fn add(&mut self, saved: &Saved) {
        *match saved {
            Saved::Setting(_) => &mut self.settings,
            Saved::Secret(_) => &mut self.secrets,
            Saved::ApiKey(_) => &mut self.api_keys,
            Saved::Customer(_) => &mut self.customers,
            Saved::Role(_) => &mut self.roles,
            Saved::User(_) => &mut self.users,
        } += 1;
    }
}

/// What is going on in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The names of processes that live, or hold a lease; the first ten.
    pub at_work: Vec<String>,
    /// Changes with whatever is written, but for what no process that is at rest writes.
    pub mark: Vec<i64>,
}

/// One step of bringing a state in. `run` tells runs apart: the latest to begin is the one that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restore {
    /// Begins, in an empty database or in one where another run did not end. From here on nobody else opens it.
    Begin {
        /// This run.
        run: String,
    },
    /// Takes away a part of what another run, or this one, has left.
    Clear {
        /// This run.
        run: String,
    },
    /// Stores these.
    Page {
        /// This run.
        run: String,
        /// In the order in which they were given out.
        records: Vec<Saved>,
    },
    /// Ends; the database can be used.
    End {
        /// This run.
        run: String,
        /// What there must be.
        counts: SavedCounts,
    },
}

impl Restore {
    pub(super) fn run(&self) -> &str {
        match self {
            Self::Begin { run } | Self::Clear { run } | Self::Page { run, .. } | Self::End { run, .. } => run,
        }
    }
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restored {
    /// It is done.
    Done,
    /// There is more to be taken away first.
    More,
    /// The database holds customers, secrets or API keys, and not because a run did not end.
    NotEmpty,
    /// Another run has begun since.
    Overtaken,
    /// There is something else in the database than was stored.
    Miscounted,
}

/// The setting that says that a state is being brought in; its value is the run.
pub(super) const RUN: &str = "restoring";

/// Where a record stands among all.
pub type SavedKey<'a> = (u8, &'a str, &'a str);

impl Saved {
    /// Kinds one after the other, each in the order of its ids.
    #[must_use]
    pub fn key(&self) -> SavedKey<'_> {
        match self {
            Self::Setting(setting) => (0, &setting.name, ""),
            Self::Secret(secret) => (1, &secret.name, ""),
            Self::ApiKey(key) => (2, &key.id, ""),
            Self::Customer(customer) => (3, &customer.customer_id, ""),
            Self::Role(role) => (4, &role.customer_id, &role.role),
            Self::User(user) => (5, &user.customer_id, &user.user_id),
        }
    }

    /// Whether it reads as the store would read it.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn check(&self) -> Result<(), String> {
        let read = match self {
            Self::Setting(_) => Ok(()),
            Self::Secret(secret) => unhex(&secret.sealed).map(drop).map_err(StoreError::from),
            Self::ApiKey(key) => unhex(&key.digest).map_err(StoreError::from).and_then(|digest| {
                let record = Record::of(key).with_bytes("digest", digest);
                api_key(&record).map(drop)
            }),
            Self::Customer(customer) => rows::customer(&Record::of(customer)).map(drop),
            Self::Role(role) => CustomerId::parse(&role.customer_id)
                .map_err(|error| Unread::from(error).into())
                .and_then(|customer| rows::role_link(&Record::of(role), &customer).map(drop)),
            Self::User(user) => rows::user(&Record::of(user)).map(drop),
        };
        read.map_err(|error| match error {
            StoreError::Corrupt { reason, .. } => reason,
            other => other.to_string(),
        })
    }

    /// A record of this kind (see [`Saved::key`]) from a row.
    pub(super) fn of_kind(kind: u8, row: &impl Columns) -> Result<Self, Unread> {
        match kind {
            0 => Self::setting(row),
            1 => Self::secret(row),
            2 => Self::api_key(row),
            3 => Self::customer(row),
            4 => Self::role(row),
            _ => Self::user(row),
        }
    }

    fn setting(row: &impl Columns) -> Result<Self, Unread> {
        Ok(Self::Setting(SavedSetting { name: row.text("name")?, value: row.text("value")? }))
    }

    fn api_key(row: &impl Columns) -> Result<Self, Unread> {
        Ok(Self::ApiKey(SavedApiKey {
            id: row.text("id")?,
            name: row.text("name")?,
            scopes: row.text("scopes")?,
            digest: hex(row.bytes("digest")?),
            created_at: row.number("created_at")?,
            expires_at: row.number_or_null("expires_at")?,
            revoked_at: row.number_or_null("revoked_at")?,
            last_used_at: row.number_or_null("last_used_at")?,
        }))
    }

    fn secret(row: &impl Columns) -> Result<Self, Unread> {
        let sealed = hex(row.bytes("sealed")?);
        Ok(Self::Secret(SavedSecret { name: row.text("name")?, sealed, written_at: row.number("written_at")? }))
    }

    fn role(row: &impl Columns) -> Result<Self, Unread> {
        Ok(Self::Role(SavedRole {
            customer_id: row.text("customer_id")?,
            role: row.text("role")?,
            seen: row.text("seen")?,
            role_id: row.text_or_null("role_id")?,
            attempt_at: row.number_or_null("attempt_at")?,
            lands_by: row.number_or_null("lands_by")?,
            permissions: row.text_or_null("permissions")?,
        }))
    }

    fn customer(row: &impl Columns) -> Result<Self, Unread> {
        Ok(Self::Customer(Box::new(SavedCustomer {
            customer_id: row.text("customer_id")?,
            wish: row.text("wish")?,
            state: row.text("state")?,
            generation: row.number("generation")?,
            written_at: row.number("written_at")?,
            synced_generation: row.number_or_null("synced_generation")?,
            synced_at: row.number_or_null("synced_at")?,
            attempts: row.number("attempts")?,
            last_error: row.text_or_null("last_error")?,
            due_at: row.number_or_null("due_at")?,
            seen: row.text("seen")?,
            entity_id: row.text_or_null("entity_id")?,
            active: row.flag_or_null("active")?,
            attempt_email: row.text_or_null("attempt_email")?,
            roles_listed: row.flag("roles_listed")?,
            attempt_at: row.number_or_null("attempt_at")?,
            lands_by: row.number_or_null("lands_by")?,
            doubt_generation: row.number_or_null("doubt_generation")?,
            doubt_until: row.number_or_null("doubt_until")?,
            at_monite: row.text_or_null("at_monite")?,
            calls: row.text("calls")?,
            links: row.number("links")?,
            stamp_due_at: row.number_or_null("stamp_due_at")?,
            stamp_attempts: row.number("stamp_attempts")?,
            stamp_error: row.text_or_null("stamp_error")?,
            stamp_unsure_until: row.number_or_null("stamp_unsure_until")?,
            left_until: row.number_or_null("left_until")?,
            document: row.text("document")?,
        })))
    }

    fn user(row: &impl Columns) -> Result<Self, Unread> {
        Ok(Self::User(Box::new(SavedUser {
            customer_id: row.text("customer_id")?,
            user_id: row.text("user_id")?,
            wish: row.text("wish")?,
            state: row.text("state")?,
            generation: row.number("generation")?,
            synced_generation: row.number_or_null("synced_generation")?,
            synced_at: row.number_or_null("synced_at")?,
            attempts: row.number("attempts")?,
            last_error: row.text_or_null("last_error")?,
            due_at: row.number_or_null("due_at")?,
            seen: row.text("seen")?,
            entity_user_id: row.text_or_null("entity_user_id")?,
            attempt_at: row.number_or_null("attempt_at")?,
            lands_by: row.number_or_null("lands_by")?,
            doubt_generation: row.number_or_null("doubt_generation")?,
            doubt_until: row.number_or_null("doubt_until")?,
            at_monite: row.text_or_null("at_monite")?,
            calls: row.text("calls")?,
            login: row.text("login")?,
            role: row.text("role")?,
            document: row.text("document")?,
        })))
    }
}

/// How old, in microseconds, the last heartbeat of a process is that is missed.
pub(super) fn dead_after() -> i64 {
    i64::try_from(DEAD_AFTER.as_micros()).unwrap_or(i64::MAX)
}

/// What is going on, from the names of those at work and the columns of the mark.
pub(super) fn standing(at_work: Vec<String>, row: &impl Columns) -> Result<Standing, Unread> {
    const MARK: [&str; 12] = [
        "customers",
        "users",
        "roles",
        "settings",
        "secrets",
        "customers_written",
        "customers_due",
        "users_written",
        "users_due",
        "secrets_written",
        "api_keys",
        "api_keys_written",
    ];
    let mark = MARK.into_iter().map(|column| row.number(column)).collect::<Result<_, _>>()?;
    Ok(Standing { at_work, mark })
}

/// How many records there are, from a column for each kind.
pub(super) fn counts(row: &impl Columns) -> Result<SavedCounts, Unread> {
    Ok(SavedCounts {
        settings: row.count("settings")?,
        secrets: row.count("secrets")?,
        api_keys: row.count("api_keys")?,
        customers: row.count("customers")?,
        roles: row.count("roles")?,
        users: row.count("users")?,
    })
}

/// A record as a statement takes it in: its fields, and the hash of its document.
#[derive(Serialize)]
struct Ready<'a, R> {
    #[serde(flatten)]
    record: &'a R,
    document_hash: String,
}

/// The records of each kind as JSON arrays, for statements that store them all at once.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) settings: Vec<Value>,
    pub(super) secrets: Vec<Value>,
    pub(super) api_keys: Vec<Value>,
    pub(super) customers: Vec<Value>,
    pub(super) roles: Vec<Value>,
    pub(super) users: Vec<Value>,
    /// Whose wake-up is to be told anew.
    pub(super) touched: Vec<String>,
}

impl Page {
    pub(super) fn of(records: &[Saved]) -> Self {
        let mut page = Self::default();
        for record in records {
            match record {
                Saved::Setting(setting) => page.settings.push(value(setting)),
                Saved::Secret(secret) => page.secrets.push(value(secret)),
                Saved::ApiKey(key) => page.api_keys.push(value(key)),
                Saved::Role(role) => page.roles.push(value(role)),
                Saved::Customer(record) => {
                    page.touched.push(record.customer_id.clone());
                    page.customers
                        .push(value(&Ready { document_hash: hex(&hash(&record.document)), record: &**record }));
                }
                Saved::User(record) => {
                    page.touched.push(record.customer_id.clone());
                    page.users.push(value(&Ready { document_hash: hex(&hash(&record.document)), record: &**record }));
                }
            }
        }
        page.touched.dedup();
        page
    }
}

fn value(record: &impl Serialize) -> Value {
    serde_json::to_value(record).expect("records have text keys and no failing serializers")
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Result<Vec<u8>, Unread> {
    let digits = text.as_bytes().chunks(2).map(|digits| {
        let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == 2);
        digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    });
    let bytes = digits.map(|digits| digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()));
    bytes.collect::<Option<_>>().ok_or_else(|| Unread::because("a secret is not in hexadecimal digits"))
}

/// A record read like a row.
struct Record {
    fields: Map<String, Value>,
    /// What stands in digits, as a row has it.
    bytes: Option<(&'static str, Vec<u8>)>,
}

impl Record {
    fn of(record: &impl Serialize) -> Self {
        let fields = match value(record) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        Self { fields, bytes: None }
    }

    fn with_bytes(self, column: &'static str, bytes: Vec<u8>) -> Self {
        Self { bytes: Some((column, bytes)), ..self }
    }

    fn get<'a, T>(&'a self, column: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>, Unread> {
        match self.fields.get(column) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| Unread::because(&format!("{column} is {value}"))),
        }
    }
}

fn missing(column: &str) -> Unread {
    Unread::because(&format!("{column} is missing"))
}

impl Columns for Record {
    fn text(&self, column: &'static str) -> Result<String, Unread> {
        self.text_or_null(column)?.ok_or_else(|| missing(column))
    }

    fn text_or_null(&self, column: &'static str) -> Result<Option<String>, Unread> {
        self.get(column, |value| value.as_str().map(str::to_owned))
    }

    fn number(&self, column: &'static str) -> Result<i64, Unread> {
        self.number_or_null(column)?.ok_or_else(|| missing(column))
    }

    fn number_or_null(&self, column: &'static str) -> Result<Option<i64>, Unread> {
        self.get(column, Value::as_i64)
    }

    fn flag(&self, column: &'static str) -> Result<bool, Unread> {
        self.flag_or_null(column)?.ok_or_else(|| missing(column))
    }

    fn flag_or_null(&self, column: &'static str) -> Result<Option<bool>, Unread> {
        self.get(column, Value::as_bool)
    }

    fn bytes(&self, column: &'static str) -> Result<&[u8], Unread> {
        let found = self.bytes.as_ref().filter(|(name, _)| *name == column);
        found.map(|(_, bytes)| bytes.as_slice()).ok_or_else(|| missing(column))
    }
}
