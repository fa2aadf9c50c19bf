//! Status and words for each refusal. Where Monite leaves them open, the table of quirks decides the status.

use http::StatusCode;
use serde_json::json;

use super::reply::Reply;
use crate::quirks::{Point, Quirks};
use crate::refusal::Refusal;
use crate::rules::{FieldError, Wrong};

pub(crate) fn reply(refusal: Refusal, quirks: &Quirks) -> Reply {
    if let Refusal::Invalid(errors) = refusal {
        return invalid(errors, quirks);
    }
    let message = message(&refusal);
    match point(&refusal) {
        Err(status) => Reply::error(status, &message),
        Ok(point) => match quirks.status(point) {
            StatusCode::UNPROCESSABLE_ENTITY => validation(&complaint(&refusal, message)),
            status => Reply::error(status, &message),
        },
    }
}

/// The undocumented point that decides the status, or a status that is documented.
fn point(refusal: &Refusal) -> Result<Point, StatusCode> {
    Ok(match refusal {
        Refusal::NoAuthorization => Point::NoAuthorization,
        Refusal::TokenExpired | Refusal::TokenDead => Point::ExpiredToken,
        Refusal::TokenGarbled => Point::GarbledAuthorization,
        Refusal::BadCredentials => Point::BadCredentials,
        Refusal::UnknownRevokedToken => Point::RevokeUnknownToken,
        Refusal::GrantWithoutUser => Point::GrantWithoutUser,
        Refusal::GrantForUnknownUser(_) => Point::GrantForUnknownUser,
        Refusal::NotAllowed(..) | Refusal::PartnerOnly(..) => Point::PermissionDenied,
        Refusal::UserOnly => Point::PartnerOnMe,
        Refusal::ForeignEntity => Point::ForeignEntityHeader,
        Refusal::NoEntity(_) => Point::MissingEntity,
        Refusal::NoEntityForMetadata(_) => Point::MissingEntityMetadata,
        Refusal::NoEntityInHeader(_) => Point::UnknownEntityHeader,
        Refusal::NoRole(_) => Point::MissingRole,
        Refusal::NoEntityUser(_) => Point::MissingEntityUser,
        Refusal::NoSubscription(_) => Point::MissingSubscription,
        Refusal::NoEvent(_) => Point::MissingEvent,
        Refusal::InvalidRole(_) => Point::InvalidRole,
        Refusal::NoDefaultRole => Point::NoDefaultRole,
        Refusal::DuplicateRoleName(_) => Point::DuplicateRoleName,
        Refusal::DuplicateLogin(_) => Point::DuplicateLogin,
        Refusal::NullNotAllowed(_) => Point::NullForRequired,
        Refusal::WrongProfile(_) => Point::WrongProfile,
        Refusal::UsStateNeeded => Point::UsState,
        Refusal::RegistrationAuthorityNeeded => Point::RegistrationAuthority,
        Refusal::BadPageToken => Point::BadPageToken,
        Refusal::WebsiteNotHttps => Point::WebsiteNotHttps,
        Refusal::InactiveEntity => return Err(StatusCode::FORBIDDEN),
        Refusal::RoleInUse => return Err(StatusCode::CONFLICT),
        Refusal::GrantForInactiveEntity => return Err(StatusCode::BAD_REQUEST),
        Refusal::Invalid(_) => return Err(StatusCode::UNPROCESSABLE_ENTITY),
    })
}

fn message(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Invalid(_) => "Validation error".to_owned(),
        Refusal::NoAuthorization => "The Authorization header is missing.".to_owned(),
        Refusal::TokenExpired => "The token has been expired.".to_owned(),
        Refusal::TokenDead | Refusal::TokenGarbled | Refusal::UnknownRevokedToken => {
            "The token has been revoked, expired or not found.".to_owned()
        }
        Refusal::BadCredentials => "Invalid client_id or client_secret".to_owned(),
        Refusal::GrantWithoutUser => "entity_user_id is required for the grant type entity_user".to_owned(),
        Refusal::GrantForUnknownUser(id) | Refusal::NoEntityUser(id) => {
            format!("There is no entity user by provided id: {id}")
        }
        Refusal::NotAllowed(action, object) => {
            format!("Action {} for {} not allowed", action.name(), object.name())
        }
        Refusal::PartnerOnly(action, object) => format!("Action {} for {object} not allowed", action.name()),
        Refusal::UserOnly => "This operation requires an entity user access token".to_owned(),
        Refusal::ForeignEntity => "The entity user does not belong to the provided entity".to_owned(),
        Refusal::InactiveEntity | Refusal::GrantForInactiveEntity => "The entity is not active".to_owned(),
        Refusal::NoEntity(id) | Refusal::NoEntityForMetadata(id) | Refusal::NoEntityInHeader(id) => {
            format!("There is no entity by provided id: {id}")
        }
        Refusal::NoRole(id) | Refusal::InvalidRole(id) => {
            format!("There is no role by provided id: {id}")
        }
        Refusal::NoSubscription(id) => format!("There is no webhook subscription by provided id: {id}"),
        Refusal::NoEvent(id) => format!("There is no event by provided id: {id}"),
        Refusal::NoDefaultRole => "role_id is required: the entity has no default role".to_owned(),
        Refusal::DuplicateRoleName(name) => format!("Role with name \"{name}\" already exists"),
        Refusal::DuplicateLogin(login) => {
            format!("Entity user with login \"{login}\" already exists")
        }
        Refusal::RoleInUse => "The role is assigned to at least one entity user".to_owned(),
        Refusal::NullNotAllowed(field) => format!("{field} cannot be null"),
        Refusal::WrongProfile(field) => format!("{field} does not match the type of the entity"),
        Refusal::UsStateNeeded => "address.state must be a two-letter US state code".to_owned(),
        Refusal::RegistrationAuthorityNeeded => {
            "registration_authority is required if registration_number is provided".to_owned()
        }
        Refusal::BadPageToken => "Invalid pagination token".to_owned(),
        Refusal::WebsiteNotHttps => "website must be an https address".to_owned(),
    }
}

/// The same refusal as a validation error, for quirks that want one.
fn complaint(refusal: &Refusal, message: String) -> Vec<FieldError> {
    let field = match refusal {
        Refusal::GrantWithoutUser => "entity_user_id",
        Refusal::NoDefaultRole => "role_id",
        Refusal::NullNotAllowed(field) | Refusal::WrongProfile(field) => field,
        Refusal::UsStateNeeded => "address.state",
        Refusal::RegistrationAuthorityNeeded => "registration_authority",
        Refusal::WebsiteNotHttps => "website",
        Refusal::BadPageToken => {
            return Wrong::here(message, "value_error").at_key("pagination_token").at_key("query").0;
        }
        _ => "__root__",
    };
    let wrong = Wrong::here(message, "value_error");
    field.rsplit('.').fold(wrong, |wrong, key| wrong.at_key(key.to_owned())).at_key("body").0
}

/// What is left open is refused by its own status once nothing else is wrong.
fn invalid(errors: Vec<FieldError>, quirks: &Quirks) -> Reply {
    let is_invalid = |error: &FieldError| {
        let status = error.point().map(|point| quirks.status(point));
        status.is_none_or(|status| status == StatusCode::UNPROCESSABLE_ENTITY)
    };
    let (invalid, refused): (Vec<_>, Vec<_>) = errors.into_iter().partition(is_invalid);
    match refused.first().and_then(|error| Some((error.message(), error.point()?))) {
        Some((message, point)) if invalid.is_empty() => Reply::error(quirks.status(point), message),
        _ => validation(&invalid),
    }
}

/// FastAPI's envelope.
fn validation(errors: &[FieldError]) -> Reply {
    Reply::json(StatusCode::UNPROCESSABLE_ENTITY, &json!({"detail": errors}))
}
