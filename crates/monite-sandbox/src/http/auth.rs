//! `POST /auth/token` and `POST /auth/revoke`. The secret in the body decides; no bearer is looked at.

use serde_json::json;

use super::call::Call;
use super::reply::{Answer, Reply};
use crate::app::App;
use crate::rules;

pub(super) fn token(app: &App, call: &Call) -> Answer {
    let (presented, grant) = rules::auth::token(call.raw_body())?;
    app.check_client(&presented)?;
    app.change(|world| {
        let life = world.token_life(grant, app.token_ttl);
        let token = world.issue_token(grant, life, call.now)?;
        Ok(Reply::ok(&json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": life.as_secs(),
        })))
    })
}

pub(super) fn revoke(app: &App, call: &Call) -> Answer {
    let (presented, token) = rules::auth::revoke(call.raw_body())?;
    app.check_client(&presented)?;
    app.change(|world| {
        world.revoke_token(&token)?;
        Ok(Reply::ok(&json!({"message": "The token has been revoked."})))
    })
}
