//! Query strings of the lists: filters, order, and where a page starts.

mod hooks;
mod paging;

pub(crate) use self::hooks::{DeliveryFilter, EventFilter, SubscriptionFilter, deliveries, events, subscriptions};
pub(crate) use self::paging::{CreatedRange, Order, Paging, Position, Sort, Towards};

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::form::{Loc, Wrong};
use super::text::{choose, is_date, parse_uuid};
use crate::quirks::Point;
use crate::refusal::Refusal;
use crate::world::entity::{EntityStatus, EntityType};
use crate::world::stamp::Stamp;

/// Rows per page when nothing is asked; also the most that can be asked.
const MAX_LIMIT: usize = 100;

/// A list as asked for: what to keep, in which order, from where.
#[derive(Debug)]
pub(crate) struct Listing<F> {
    pub(crate) filter: F,
    pub(crate) paging: Paging,
    /// The first query, which page tokens carry along.
    query: String,
    /// `None` without a token. An unreadable token came from nowhere.
    origin: Option<Origin>,
}

/// Which list a page token came from, and when, in microseconds.
#[derive(Debug, Default)]
struct Origin {
    scope: String,
    issued_at: i64,
}

#[derive(Serialize, Deserialize)]
struct PageToken {
    scope: String,
    query: String,
    position: Position,
    /// In microseconds.
    issued_at: i64,
}

impl<F> Listing<F> {
    /// Refuses a token that is unreadable or belongs to another list.
    pub(crate) fn check_token(&self, scope: &str) -> Result<(), Refusal> {
        let fits = self.origin.as_ref().is_none_or(|origin| origin.scope == scope);
        if fits { Ok(()) } else { Err(Refusal::BadPageToken) }
    }

    /// Refuses a token that was given out more than `life` ago.
    pub(crate) fn check_age(&self, life: Duration, now: Stamp) -> Result<(), Refusal> {
        let life = i64::try_from(life.as_micros()).unwrap_or(i64::MAX);
        let is_old = |origin: &Origin| origin.issued_at.saturating_add(life) < now.micros();
        if self.origin.as_ref().is_some_and(is_old) { Err(Refusal::BadPageToken) } else { Ok(()) }
    }

    pub(crate) fn token(&self, scope: &str, position: Position, now: Stamp) -> String {
        let (scope, query) = (scope.to_owned(), self.query.clone());
        let token = PageToken { scope, query, position, issued_at: now.micros() };
        // Strings and integers always become JSON.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
    }
}

#[derive(Debug, Default)]
pub(crate) struct EntityFilter {
    pub(crate) kind: Option<EntityType>,
    pub(crate) status: Option<EntityStatus>,
    pub(crate) email: Option<String>,
    pub(crate) email_in: Vec<String>,
    pub(crate) email_not_in: Vec<String>,
    pub(crate) id_in: Vec<Uuid>,
    pub(crate) id_not_in: Vec<Uuid>,
    pub(crate) created: CreatedRange,
}

#[derive(Debug, Default)]
pub(crate) struct RoleFilter {
    pub(crate) id_in: Vec<Uuid>,
    pub(crate) name: Option<String>,
    pub(crate) created: CreatedRange,
}

#[derive(Debug, Default)]
pub(crate) struct EntityUserFilter {
    pub(crate) id_in: Vec<Uuid>,
    pub(crate) id_not_in: Vec<Uuid>,
    pub(crate) role_id: Option<Uuid>,
    pub(crate) role_id_in: Vec<Uuid>,
    pub(crate) login: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) first_name: Option<String>,
    pub(crate) name_istartswith: Option<String>,
    pub(crate) created: CreatedRange,
}

pub(crate) fn entities(raw: Option<&str>) -> Result<Listing<EntityFilter>, Wrong> {
    listing(raw, SORTS, |query| EntityFilter {
        kind: query.one("type", |text| choose(Some(text), EntityType::NAMES)),
        status: query.one("status", |text| choose(Some(text), EntityStatus::NAMES)),
        email: query.one("email", verbatim),
        email_in: query.many("email__in", verbatim),
        email_not_in: query.many("email__not_in", verbatim),
        id_in: query.many("id__in", parse_uuid),
        id_not_in: query.many("id__not_in", parse_uuid),
        created: query.created(),
    })
}

pub(crate) fn roles(raw: Option<&str>) -> Result<Listing<RoleFilter>, Wrong> {
    listing(raw, SORTS, |query| {
        let created = query.created();
        let exactly = query.one("created_at", date_time);
        RoleFilter {
            id_in: query.many("id__in", parse_uuid),
            name: query.one("name", verbatim),
            created: match exactly {
                Some(at) => CreatedRange { from: created.from.max(at), to: created.to.min(at) },
                None => created,
            },
        }
    })
}

pub(crate) fn entity_users(raw: Option<&str>) -> Result<Listing<EntityUserFilter>, Wrong> {
    listing(raw, &[("updated_at", Sort::UpdatedAt)], |query| EntityUserFilter {
        id_in: query.many("id__in", parse_uuid),
        id_not_in: query.many("id__not_in", parse_uuid),
        role_id: query.one("role_id", parse_uuid),
        role_id_in: query.many("role_id__in", parse_uuid),
        login: query.one("login", verbatim),
        status: query.one("status", verbatim),
        first_name: query.one("first_name", verbatim),
        name_istartswith: query.one("name__istartswith", |text| Ok(text.to_lowercase())),
        created: query.created(),
    })
}

const SORTS: &[(&str, Sort)] = &[("created_at", Sort::CreatedAt), ("updated_at", Sort::UpdatedAt)];

/// Reads a list query. With a token all other parameters are ignored and those of the first query hold.
fn listing<F: Default>(
    raw: Option<&str>, sorts: &'static [(&'static str, Sort)], read: impl FnOnce(&mut Query) -> F,
) -> Result<Listing<F>, Wrong> {
    let mut query = Query::parse(raw.unwrap_or_default());
    if let Some(token) = query.one("pagination_token", verbatim) {
        let Some(token) = decode(&token) else {
            let paging = Paging { limit: MAX_LIMIT, order: Order::Asc, sort: Sort::CreatedAt, from: None };
            return Ok(Listing { filter: F::default(), paging, query: String::new(), origin: Some(Origin::default()) });
        };
        let mut first = listing_without_token(&token.query, sorts, read)?;
        first.paging.from = Some(token.position);
        first.origin = Some(Origin { scope: token.scope, issued_at: token.issued_at });
        return Ok(first);
    }
    listing_without_token(raw.unwrap_or_default(), sorts, read)
}

fn listing_without_token<F>(
    raw: &str, sorts: &'static [(&'static str, Sort)], read: impl FnOnce(&mut Query) -> F,
) -> Result<Listing<F>, Wrong> {
    let mut query = Query::parse(raw);
    let order = query.one("order", |text| choose(Some(text), &[("asc", Order::Asc), ("desc", Order::Desc)]));
    let limit = query.one("limit", limit);
    let sort = query.one("sort", |text| choose(Some(text), sorts));
    let filter = read(&mut query);
    if !query.wrong.0.is_empty() {
        return Err(query.wrong.at_key("query"));
    }
    let paging = Paging {
        limit: limit.unwrap_or(MAX_LIMIT),
        order: order.unwrap_or(Order::Asc),
        sort: sort.unwrap_or(Sort::CreatedAt),
        from: None,
    };
    Ok(Listing { filter, paging, query: raw.to_owned(), origin: None })
}

fn decode(token: &str) -> Option<PageToken> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

fn verbatim(text: &str) -> Result<String, Wrong> {
    Ok(text.to_owned())
}

fn limit(text: &str) -> Result<usize, Wrong> {
    let unreadable = "Input should be a valid integer, unable to parse string as an integer";
    match text.parse::<i64>() {
        Err(_) => Err(Wrong::here(unreadable, "int_parsing")),
        Ok(number) if number < 1 => {
            Err(out_of_range("Input should be greater than or equal to 1", "greater_than_equal"))
        }
        Ok(number) => usize::try_from(number)
            .ok()
            .filter(|number| *number <= MAX_LIMIT)
            .ok_or_else(|| out_of_range("Input should be less than or equal to 100", "less_than_equal")),
    }
}

fn out_of_range(msg: &'static str, kind: &'static str) -> Wrong {
    Wrong::here(msg, kind).left_open(Point::LimitOutOfRange)
}

fn date_time(text: &str) -> Result<i64, Wrong> {
    // RFC 3339 writes years with four digits; what comes before them would be a sign.
    text.get(..10)
        .filter(|date| is_date(date))
        .and_then(|_| Stamp::parse(text))
        .map(Stamp::micros)
        .ok_or_else(|| Wrong::here("Input should be a valid datetime", "datetime_from_date_parsing"))
}

/// A decoded query string, and what was wrong with the parameters read so far. Unknown keys are never looked at.
struct Query {
    pairs: Vec<(String, String)>,
    wrong: Wrong,
}

impl Query {
    fn parse(raw: &str) -> Self {
        Self { pairs: url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect(), wrong: Wrong(Vec::new()) }
    }

    /// The last value of `name`, as FastAPI takes it.
    fn one<T>(&mut self, name: &'static str, rule: impl FnOnce(&str) -> Result<T, Wrong>) -> Option<T> {
        let (_, text) = self.pairs.iter().rfind(|(key, _)| key == name)?;
        match rule(text) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.wrong.0.extend(wrong.at_key(name).0);
                None
            }
        }
    }

    /// All values of a repeated key. Empty means not asked.
    fn many<T>(&mut self, name: &'static str, rule: impl Fn(&str) -> Result<T, Wrong>) -> Vec<T> {
        let mut values = Vec::new();
        for (index, (_, text)) in self.pairs.iter().filter(|(key, _)| key == name).enumerate() {
            match rule(text) {
                Ok(value) => values.push(value),
                Err(wrong) => self.wrong.0.extend(wrong.at(Loc::Index(index)).at_key(name).0),
            }
        }
        values
    }

    fn created(&mut self) -> CreatedRange {
        let after = self.one("created_at__gt", date_time).map(|at| at.saturating_add(1));
        let before = self.one("created_at__lt", date_time).map(|at| at.saturating_sub(1));
        let from = self.one("created_at__gte", date_time);
        let to = self.one("created_at__lte", date_time);
        CreatedRange {
            from: after.max(from).unwrap_or(i64::MIN),
            to: before.into_iter().chain(to).min().unwrap_or(i64::MAX),
        }
    }
}
