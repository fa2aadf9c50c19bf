//! `GET /v1/roles`: role templates and how far each has been rolled out.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::Shared;
use super::problem::Problem;

pub(super) async fn list(State(app): State<Shared>) -> Result<Json<Value>, Problem> {
    let progress = app.store.role_progress(&app.templates).await?;
    let roles = app.templates.iter().map(|template| {
        let of_this = progress.iter().find(|one| one.role == template.name);
        json!({
            "name": template.name,
            "permissions": template.permissions,
            "everywhere": template.everywhere,
            "entities": of_this.map_or(0, |one| one.entities),
            "current": of_this.map_or(0, |one| one.current),
            "users": of_this.map_or(0, |one| one.users),
        })
    });
    Ok(Json(Value::Array(roles.collect())))
}
