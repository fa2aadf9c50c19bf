//! What customers and users have in common: put, patch, get, delete and retry, with conditions and waiting.

use std::future::Future;
use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tracing::Instrument as _;

use super::condition::{Conditions, etag};
use super::prefer::{self, PREFERENCE_APPLIED};
use super::problem::{Kind, Problem};
use super::view::View;
use super::wait::{Goal, Waited, wait_for};
use super::{App, Shared};
use crate::domain::document::{FieldError, merge_patch};
use crate::domain::{CustomerId, Generation, ObjectId};
use crate::events::Event;
use crate::store::{Precondition, RetryScope, Store, StoreError, Wish, Written};

/// How often a read-modify-write starts over because somebody else wrote in between.
const RACES: usize = 16;

/// A customer, or one of its users: where it is stored and what it is called. Holds the id.
pub(super) trait Resource: Clone + Send + Sync + 'static {
    /// Its document, checked.
    type Document: Send + Sync + 'static;

    fn object(&self) -> ObjectId;
    fn missing(&self) -> Problem;
    fn parse(&self, app: &App, value: &Value) -> Result<Self::Document, Vec<FieldError>>;
    fn read(&self, store: &dyn Store) -> impl Future<Output = Result<Option<View>, StoreError>> + Send;
    fn put(
        &self, app: &App, document: &Self::Document, when: Precondition,
    ) -> impl Future<Output = Result<Written<View>, StoreError>> + Send;
    fn delete(
        &self, app: &App, when: Precondition,
    ) -> impl Future<Output = Result<Option<Written<View>>, StoreError>> + Send;
    /// Nobody may get a token for it any more.
    fn forget(&self, app: &App);
}

pub(super) async fn get<R: Resource>(app: &App, what: R) -> Result<Response, Problem> {
    let view = what.read(app.store.as_ref()).await?.ok_or_else(|| what.missing())?;
    Ok(show(StatusCode::OK, &view))
}

pub(super) async fn put<R: Resource>(
    app: Shared, what: R, headers: HeaderMap, value: Value,
) -> Result<Response, Problem> {
    let conditions = Conditions::read(&headers)?;
    let value = without_what_we_show(&what, value);
    let document = what.parse(&app, &value).map_err(Problem::document)?;
    let written = complete(&app, &what, {
        let (app, what) = (Arc::clone(&app), what.clone());
        async move { put_if(&app, &what, &document, &conditions).await }
    })
    .await?;
    answer_write(&app, &what, &headers, written).await
}

pub(super) async fn patch<R: Resource>(
    app: Shared, what: R, headers: HeaderMap, change: Value,
) -> Result<Response, Problem> {
    let conditions = Conditions::read(&headers)?;
    let written = complete(&app, &what, {
        let (app, what) = (Arc::clone(&app), what.clone());
        async move { patch_if(&app, &what, &change, &conditions).await }
    })
    .await?;
    answer_write(&app, &what, &headers, written).await
}

pub(super) async fn delete<R: Resource>(app: Shared, what: R, headers: HeaderMap) -> Result<Response, Problem> {
    let conditions = Conditions::read(&headers)?;
    let written = complete(&app, &what, {
        let (app, what) = (Arc::clone(&app), what.clone());
        async move {
            let written = delete_if(&app, &what, &conditions).await?;
            // Committed: from here on nobody gets a token. Not left to the caller's patience, hence inside of `complete`.
            what.forget(&app);
            Ok(written)
        }
    })
    .await?;
    let view = view_of(&what, written)?.1;
    let limit = prefer::wait(&headers).unwrap_or_default();
    let waited = wait_for(&app, &what, Goal::Gone, limit).await?;
    let (status, view) = match waited {
        Waited::Reached(there) => (StatusCode::OK, there.unwrap_or(view).switched_off()),
        Waited::TimedOut(there) => (StatusCode::ACCEPTED, there.unwrap_or(view)),
    };
    Ok(applied(show(status, &view), &headers))
}

pub(super) async fn retry<R: Resource>(app: Shared, what: R, headers: HeaderMap) -> Result<Response, Problem> {
    let made_due = app.store.retry(&RetryScope::One(what.object()), app.clock.now()).await?;
    let view = what.read(app.store.as_ref()).await?.ok_or_else(|| what.missing())?;
    if made_due == 0 {
        return Ok(show(StatusCode::OK, &view));
    }
    announce(&app, what.object());
    let Some(limit) = prefer::wait(&headers) else { return Ok(show(StatusCode::ACCEPTED, &view)) };
    let (status, view) = match wait_for(&app, &what, Goal::Settled, limit).await? {
        Waited::Reached(there) => (StatusCode::OK, there.unwrap_or(view)),
        Waited::TimedOut(there) => (StatusCode::ACCEPTED, there.unwrap_or(view)),
    };
    Ok(applied(show(status, &view), &headers))
}

/// Runs a write to its end even if the caller leaves, and tells everybody who must know.
async fn complete<R: Resource>(
    app: &Shared, what: &R, work: impl Future<Output = Result<Written<View>, Problem>> + Send + 'static,
) -> Result<Written<View>, Problem> {
    let (app, object) = (Arc::clone(app), what.object());
    let task = async move {
        let written = work.await?;
        if matches!(written, Written::Created(_) | Written::Changed(_)) {
            announce(&app, object);
        }
        Ok(written)
    };
    tokio::spawn(task.in_current_span()).await.map_err(|error| Problem::internal(&error))?
}

fn announce(app: &App, object: ObjectId) {
    app.events.publish(Event { object });
    app.reconciler.wake();
}

async fn put_if<R: Resource>(
    app: &App, what: &R, document: &R::Document, conditions: &Conditions,
) -> Result<Written<View>, Problem> {
    if let Some(when) = conditions.without_looking() {
        return Ok(what.put(app, document, when).await?);
    }
    let mut there = None;
    for _ in 0..RACES {
        there = what.read(app.store.as_ref()).await?.map(|view| view.generation());
        match what.put(app, document, conditions.against(there)?).await? {
            Written::Failed(_) => {}
            written => return Ok(written),
        }
    }
    Err(Problem::precondition(there))
}

async fn patch_if<R: Resource>(
    app: &App, what: &R, change: &Value, conditions: &Conditions,
) -> Result<Written<View>, Problem> {
    let mut there: Option<Generation> = None;
    for _ in 0..RACES {
        let view = what.read(app.store.as_ref()).await?.ok_or_else(|| what.missing())?;
        there = Some(view.generation());
        let when = conditions.against(there)?;
        if view.wish == Wish::Gone {
            // An update that arrives after the deletion must not undo it.
            return Err(Problem::new(Kind::Deleted, "It was deleted, and a patch does not bring it back; a PUT does."));
        }
        let value = without_what_we_show(what, merge_patch(view.document, change));
        let document = what.parse(app, &value).map_err(Problem::document)?;
        match what.put(app, &document, when).await? {
            Written::Failed(_) => {}
            written => return Ok(written),
        }
    }
    Err(Problem::precondition(there))
}

async fn delete_if<R: Resource>(app: &App, what: &R, conditions: &Conditions) -> Result<Written<View>, Problem> {
    let mut there = None;
    for _ in 0..RACES {
        let when = match conditions.without_looking() {
            Some(when) => when,
            None => {
                there = what.read(app.store.as_ref()).await?.map(|view| view.generation());
                conditions.against(there)?
            }
        };
        let Some(written) = what.delete(app, when).await? else {
            // Deleted through another process, it may be, of which this one has not heard yet; its caller hears of it now.
            what.forget(app);
            return Err(what.missing());
        };
        match written {
            Written::Failed(_) if conditions.without_looking().is_none() => {}
            written => return Ok(written),
        }
    }
    Err(Problem::precondition(there))
}

/// What a GET shows can be sent back by a PUT: `sync` is ours to say, and the `id` in the path is the one that counts.
fn without_what_we_show<R: Resource>(what: &R, mut value: Value) -> Value {
    let id = match what.object() {
        ObjectId::Customer(customer) => String::from(customer),
        ObjectId::User(_, user) => String::from(user),
    };
    if let Value::Object(fields) = &mut value {
        if fields.get("id").is_some_and(|given| *given == *id) {
            fields.remove("id");
        }
        if fields.get("sync").is_some_and(Value::is_object) {
            fields.remove("sync");
        }
    }
    value
}

async fn answer_write<R: Resource>(
    app: &App, what: &R, headers: &HeaderMap, written: Written<View>,
) -> Result<Response, Problem> {
    let (status, view) = view_of(what, written)?;
    let Some(limit) = prefer::wait(headers) else { return Ok(show(status, &view)) };
    let (status, view) = match wait_for(app, what, Goal::Settled, limit).await? {
        Waited::Reached(there) => (status, there.unwrap_or(view)),
        Waited::TimedOut(there) => (StatusCode::ACCEPTED, there.unwrap_or(view)),
    };
    Ok(applied(show(status, &view), headers))
}

fn view_of<R: Resource>(what: &R, written: Written<View>) -> Result<(StatusCode, View), Problem> {
    match written {
        Written::Created(view) => Ok((StatusCode::CREATED, view)),
        Written::Changed(view) | Written::Unchanged(view) => Ok((StatusCode::OK, view)),
        Written::Failed(there) => Err(Problem::precondition(there)),
        Written::Refused(errors) => Err(Problem::document(errors)),
        Written::NoSuchCustomer => Err(super::customers::no_such_customer(what.object().customer())),
        Written::BeingErased => Err(being_erased(what.object().customer())),
    }
}

fn show(status: StatusCode, view: &View) -> Response {
    (status, [(header::ETAG, etag(view.generation()))], Json(view.to_json())).into_response()
}

fn applied(mut answer: Response, headers: &HeaderMap) -> Response {
    if let Some(limit) = prefer::wait(headers) {
        answer.headers_mut().insert(PREFERENCE_APPLIED, prefer::applied(limit));
    }
    answer
}

fn being_erased(customer: &CustomerId) -> Problem {
    let detail = format!(
        "{customer} is being erased, so nothing was stored. Once `monite-bridge erase {customer}` has ended (run it again if it stopped), the \
         same id makes a new customer."
    );
    Problem::new(Kind::BeingErased, detail)
}
