//! `/v1/customers/{customer}/users` and below.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::Value;

use super::customers::{cursor, limit, no_such_customer, page, seen};
use super::extract::{Document, MergePatch, OfCustomer, OfUser, Query};
use super::problem::{Kind, Problem};
use super::resource::{self, Resource};
use super::view::View;
use super::{App, Shared};
use crate::config::OnUserDelete;
use crate::domain::document::{FieldError, UserDocument};
use crate::domain::{CustomerId, ObjectId, UserId};
use crate::store::{Precondition, Store, StoreError, Written};

/// A user by its full name.
#[derive(Debug, Clone)]
pub(super) struct UserKey(CustomerId, UserId);

impl Resource for UserKey {
    type Document = UserDocument;

    fn object(&self) -> ObjectId {
        ObjectId::User(self.0.clone(), self.1.clone())
    }

    fn missing(&self) -> Problem {
        no_such_user(&self.0, &self.1)
    }

    fn parse(&self, app: &App, value: &Value) -> Result<UserDocument, Vec<FieldError>> {
        UserDocument::parse(value, &app.templates)
    }

    async fn read(&self, store: &dyn Store) -> Result<Option<View>, StoreError> {
        Ok(store.user(&self.0, &self.1).await?.map(View::from))
    }

    async fn put(&self, app: &App, document: &UserDocument, when: Precondition) -> Result<Written<View>, StoreError> {
        Ok(seen(app.store.put_user(&self.0, &self.1, document, when, app.clock.now()).await?))
    }

    async fn delete(&self, app: &App, when: Precondition) -> Result<Option<Written<View>>, StoreError> {
        let keep = app.on_user_delete == OnUserDelete::Keep;
        Ok(app.store.delete_user(&self.0, &self.1, when, keep, app.clock.now()).await?.map(seen))
    }

    fn forget(&self, app: &App) {
        app.broker.forget_user(&self.0, &self.1);
    }
}

pub(super) async fn get(State(app): State<Shared>, OfUser(customer, user): OfUser) -> Result<Response, Problem> {
    resource::get(&app, UserKey(customer, user)).await
}

pub(super) async fn put(
    State(app): State<Shared>, OfUser(customer, user): OfUser, headers: HeaderMap, Document(value): Document,
) -> Result<Response, Problem> {
    resource::put(app, UserKey(customer, user), headers, value).await
}

pub(super) async fn patch(
    State(app): State<Shared>, OfUser(customer, user): OfUser, headers: HeaderMap, MergePatch(change): MergePatch,
) -> Result<Response, Problem> {
    resource::patch(app, UserKey(customer, user), headers, change).await
}

pub(super) async fn delete(
    State(app): State<Shared>, OfUser(customer, user): OfUser, headers: HeaderMap,
) -> Result<Response, Problem> {
    resource::delete(app, UserKey(customer, user), headers).await
}

pub(super) async fn retry(
    State(app): State<Shared>, OfUser(customer, user): OfUser, headers: HeaderMap,
) -> Result<Response, Problem> {
    resource::retry(app, UserKey(customer, user), headers).await
}

pub(super) async fn list(
    State(app): State<Shared>, OfCustomer(customer): OfCustomer, parts: Parts,
) -> Result<Json<Value>, Problem> {
    let query = Query::read(&parts, &["limit", "cursor"])?;
    let limit = limit(&query)?;
    let after = cursor(&query, UserId::parse)?;
    let found = app.store.users(&customer, after.as_ref(), limit + 1).await?;
    if found.is_empty() && app.store.customer(&customer).await?.is_none() {
        return Err(no_such_customer(&customer));
    }
    Ok(page(found.into_iter().map(View::from).collect(), limit))
}

/// The problem of a user that is not known.
pub(super) fn no_such_user(customer: &CustomerId, user: &UserId) -> Problem {
    Problem::new(Kind::NoSuchUser, format!("There is no user {user} in the customer {customer}."))
}
