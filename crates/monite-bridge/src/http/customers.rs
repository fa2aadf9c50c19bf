//! `/v1/customers` and `/v1/customers/{customer}`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::extract::{Document, MergePatch, OfCustomer, Query};
use super::problem::{Kind, Problem};
use super::resource::{self, Resource};
use super::view::View;
use super::{App, Shared};
use crate::domain::document::{CustomerDocument, FieldError};
use crate::domain::{CustomerId, ObjectId, SyncState};
use crate::store::{CustomerFilter, Precondition, Store, StoreError, Written};

/// Most rows in one page.
const MOST: u32 = 500;

/// Rows in a page unless the caller says otherwise.
const USUAL: u32 = 100;

impl Resource for CustomerId {
    type Document = CustomerDocument;

    fn object(&self) -> ObjectId {
        ObjectId::Customer(self.clone())
    }

    fn missing(&self) -> Problem {
        no_such_customer(self)
    }

    fn parse(&self, _: &App, value: &Value) -> Result<CustomerDocument, Vec<FieldError>> {
        CustomerDocument::parse(value)
    }

    async fn read(&self, store: &dyn Store) -> Result<Option<View>, StoreError> {
        Ok(store.customer(self).await?.map(View::from))
    }

    async fn put(
        &self, app: &App, document: &CustomerDocument, when: Precondition,
    ) -> Result<Written<View>, StoreError> {
        Ok(seen(app.store.put_customer(self, document, when, app.clock.now()).await?))
    }

    async fn delete(&self, app: &App, when: Precondition) -> Result<Option<Written<View>>, StoreError> {
        Ok(app.store.delete_customer(self, when, app.clock.now()).await?.map(seen))
    }

    fn forget(&self, app: &App) {
        app.broker.forget_customer(self);
    }
}

pub(super) async fn get(State(app): State<Shared>, OfCustomer(id): OfCustomer) -> Result<Response, Problem> {
    resource::get(&app, id).await
}

pub(super) async fn put(
    State(app): State<Shared>, OfCustomer(id): OfCustomer, headers: HeaderMap, Document(value): Document,
) -> Result<Response, Problem> {
    resource::put(app, id, headers, value).await
}

pub(super) async fn patch(
    State(app): State<Shared>, OfCustomer(id): OfCustomer, headers: HeaderMap, MergePatch(change): MergePatch,
) -> Result<Response, Problem> {
    resource::patch(app, id, headers, change).await
}

pub(super) async fn delete(
    State(app): State<Shared>, OfCustomer(id): OfCustomer, headers: HeaderMap,
) -> Result<Response, Problem> {
    resource::delete(app, id, headers).await
}

pub(super) async fn retry(
    State(app): State<Shared>, OfCustomer(id): OfCustomer, headers: HeaderMap,
) -> Result<Response, Problem> {
    resource::retry(app, id, headers).await
}

pub(super) async fn list(State(app): State<Shared>, parts: Parts) -> Result<Json<Value>, Problem> {
    let query = Query::read(&parts, &["state", "limit", "cursor"])?;
    let limit = limit(&query)?;
    let filter = CustomerFilter { state: state(&query)?, after: cursor(&query, CustomerId::parse)?, limit: limit + 1 };
    let found = app.store.customers(&filter).await?;
    Ok(page(found.into_iter().map(View::from).collect(), limit))
}

/// The problem of a customer that is not known.
pub(super) fn no_such_customer(id: &CustomerId) -> Problem {
    Problem::new(Kind::NoSuchCustomer, format!("There is no customer {id}; PUT /v1/customers/{id} makes one."))
}

/// What was written, as the API shows it.
pub(super) fn seen<T: Into<View>>(written: Written<T>) -> Written<View> {
    match written {
        Written::Created(it) => Written::Created(it.into()),
        Written::Changed(it) => Written::Changed(it.into()),
        Written::Unchanged(it) => Written::Unchanged(it.into()),
        Written::Failed(there) => Written::Failed(there),
        Written::Refused(errors) => Written::Refused(errors),
        Written::NoSuchCustomer => Written::NoSuchCustomer,
        Written::BeingErased => Written::BeingErased,
    }
}

/// One page out of up to one row more than fit: that row says that there is a next page.
pub(super) fn page(mut rows: Vec<View>, limit: u32) -> Json<Value> {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(&last.id));
    Json(json!({"data": rows.iter().map(View::to_json).collect::<Vec<_>>(), "next_cursor": next}))
}

pub(super) fn limit(query: &Query) -> Result<u32, Problem> {
    let Some(text) = query.get("limit") else { return Ok(USUAL) };
    let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
    number.ok_or_else(|| Problem::parameter("limit", format!("must be a whole number from 1 to {MOST}")))
}

/// The id behind which the page begins. Opaque to callers, so that it may become something else.
pub(super) fn cursor<T, E>(query: &Query, parse: fn(&str) -> Result<T, E>) -> Result<Option<T>, Problem> {
    let Some(text) = query.get("cursor") else { return Ok(None) };
    let id = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let id = id.and_then(|id| parse(&id).ok());
    id.map(Some).ok_or_else(|| Problem::parameter("cursor", "must be a next_cursor of an earlier answer, as it was"))
}

fn state(query: &Query) -> Result<Option<SyncState>, Problem> {
    let Some(word) = query.get("state") else { return Ok(None) };
    SyncState::from_word(word).map(Some).ok_or_else(|| {
        let known: Vec<&str> = SyncState::ALL.iter().map(|state| state.as_str()).collect();
        Problem::parameter("state", format!("must be one of {}", known.join(", ")))
    })
}
