//! HTTP under `/v1`: thin routes that parse, ask the world and render.

mod auth;
pub(crate) mod call;
pub(crate) mod cut;
mod entities;
mod entity_users;
mod events;
mod me;
pub(crate) mod not_imitated;
mod operations;
mod pipeline;
mod refused;
pub(crate) mod reply;
mod roles;
mod settings;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use serde::Serialize;

use self::call::Call;
use self::operations::Operation;
use self::reply::{Answer, Reply};
use crate::app::App;
use crate::control;
use crate::rules::query::Listing;
use crate::world::page::Page;
use crate::world::stamp::Stamp;

/// The whole application: `/_sandbox` as far as it is switched on, and everything else as Monite sees it.
pub(crate) fn router(app: Arc<App>) -> Router {
    control::router(&app).fallback(pipeline::serve).with_state(app)
}

/// Performs one operation.
fn perform(app: &App, call: &Call, operation: Operation) -> Answer {
    match operation {
        Operation::CreateToken => auth::token(app, call),
        Operation::RevokeToken => auth::revoke(app, call),
        Operation::CreateEntity => entities::create(app, call),
        Operation::ListEntities => entities::list(app, call),
        Operation::GetEntity => entities::get(app, call),
        Operation::PatchEntity => entities::patch(app, call),
        Operation::ActivateEntity => entities::activate(app, call),
        Operation::DeactivateEntity => entities::deactivate(app, call),
        Operation::GetMetadata => entities::metadata(app, call),
        Operation::PutMetadata => entities::put_metadata(app, call),
        Operation::GetSettings => settings::get(app, call),
        Operation::PatchSettings => settings::patch(app, call),
        Operation::GetPartnerSettings => settings::get_partner(app, call),
        Operation::PatchPartnerSettings => settings::patch_partner(app, call),
        Operation::GetMyEntity => me::entity(app, call),
        Operation::PatchMyEntity => me::patch_entity(app, call),
        Operation::CreateRole => roles::create(app, call),
        Operation::ListRoles => roles::list(app, call),
        Operation::GetRole => roles::get(app, call),
        Operation::PatchRole => roles::patch(app, call),
        Operation::DeleteRole => roles::delete(app, call),
        Operation::CreateEntityUser => entity_users::create(app, call),
        Operation::ListEntityUsers => entity_users::list(app, call),
        Operation::GetEntityUser => entity_users::get(app, call),
        Operation::PatchEntityUser => entity_users::patch(app, call),
        Operation::DeleteEntityUser => entity_users::delete(app, call),
        Operation::GetMe => me::get(app, call),
        Operation::PatchMe => me::patch(app, call),
        Operation::GetMyRole => me::role(app, call),
        Operation::CreateSubscription => webhooks::create(app, call),
        Operation::ListSubscriptions => webhooks::list(app, call),
        Operation::GetSubscription => webhooks::get(app, call),
        Operation::PatchSubscription => webhooks::patch(app, call),
        Operation::DeleteSubscription => webhooks::delete(app, call),
        Operation::EnableSubscription => webhooks::enable(app, call),
        Operation::DisableSubscription => webhooks::disable(app, call),
        Operation::RegenerateSecret => webhooks::regenerate_secret(app, call),
        Operation::ListDeliveries => events::deliveries(app, call),
        Operation::ListEvents => events::list(app, call),
        Operation::GetEvent => events::get(app, call),
    }
}

/// Monite's page of a list.
#[derive(Serialize)]
struct PageBody<T> {
    data: Vec<T>,
    next_pagination_token: Option<String>,
    prev_pagination_token: Option<String>,
}

fn page_reply<F, T: Serialize>(
    listing: &Listing<F>, scope: &str, page: &Page, now: Stamp, render: impl Fn(u32) -> T,
) -> Reply {
    Reply::ok(&PageBody {
        data: page.rows.iter().map(|number| render(*number)).collect(),
        next_pagination_token: page.next.map(|position| listing.token(scope, position, now)),
        prev_pagination_token: page.prev.map(|position| listing.token(scope, position, now)),
    })
}
