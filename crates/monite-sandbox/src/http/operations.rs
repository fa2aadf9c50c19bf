//! The routes: which operation a method and a path lead to.

use http::Method;

use crate::rules::version::Version;

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    CreateToken,
    RevokeToken,
    CreateEntity,
    ListEntities,
    GetEntity,
    PatchEntity,
    ActivateEntity,
    DeactivateEntity,
    GetMetadata,
    PutMetadata,
    GetSettings,
    PatchSettings,
    GetPartnerSettings,
    PatchPartnerSettings,
    GetMyEntity,
    PatchMyEntity,
    CreateRole,
    ListRoles,
    GetRole,
    PatchRole,
    DeleteRole,
    CreateEntityUser,
    ListEntityUsers,
    GetEntityUser,
    PatchEntityUser,
    DeleteEntityUser,
    GetMe,
    PatchMe,
    GetMyRole,
    CreateSubscription,
    ListSubscriptions,
    GetSubscription,
    PatchSubscription,
    DeleteSubscription,
    EnableSubscription,
    DisableSubscription,
    RegenerateSecret,
    ListDeliveries,
    ListEvents,
    GetEvent,
}

/// A path with the methods it knows.
#[derive(Debug)]
pub(crate) struct Route {
    /// As in Monite's document, `{...}` for the id.
    pub(crate) template: &'static str,
    pub(crate) methods: &'static [(&'static str, Operation)],
}

impl Route {
    pub(crate) fn operation(&self, method: &Method) -> Option<Operation> {
        let found = self.methods.iter().find(|(name, _)| *name == method.as_str());
        found.map(|(_, operation)| *operation)
    }

    /// For the `Allow` header.
    pub(crate) fn allowed(&self) -> String {
        self.methods.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

/// Does the path fit? Then the text that stands where the template has `{...}`, if it has one.
fn fits<'p>(template: &str, path: &'p str) -> Option<Option<&'p str>> {
    let (mut segments, mut id) = (path.split('/'), None);
    for expected in template.split('/') {
        let segment = segments.next()?;
        if expected.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            id = Some(segment);
        } else if expected != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(id)
}

/// The route of a path under `/v1`, and the raw id in it.
fn find(path: &str) -> Option<(&'static Route, Option<&str>)> {
    ROUTES.iter().find_map(|route| Some((route, fits(route.template, path)?)))
}

/// As [`find`], by the names that paths had in a version.
pub(crate) fn find_for(version: Version, path: &str) -> Option<(&'static Route, Option<&str>)> {
    const NEW: &str = "/webhook_subscriptions";
    const OLD: &str = "/webhook_settings";
    let under = |name: &str| path.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match (version.calls_subscriptions_settings(), under(OLD), under(NEW)) {
        (true, Some(rest), _) => ROUTES.iter().find_map(|route| {
            let template = route.template.strip_prefix(NEW)?;
            Some((route, fits(template, rest)?))
        }),
        (true, None, Some(_)) => None,
        _ => find(path),
    }
}

const fn route(template: &'static str, methods: &'static [(&'static str, Operation)]) -> Route {
    Route { template, methods }
}

/// Literal paths stand before those with an id in the same place.
static ROUTES: [Route; 25] = [
    route("/auth/token", &[("POST", Operation::CreateToken)]),
    route("/auth/revoke", &[("POST", Operation::RevokeToken)]),
    route("/entities", &[("POST", Operation::CreateEntity), ("GET", Operation::ListEntities)]),
    route("/entities/me", &[("GET", Operation::GetMyEntity), ("PATCH", Operation::PatchMyEntity)]),
    route("/entities/{entity_id}", &[("GET", Operation::GetEntity), ("PATCH", Operation::PatchEntity)]),
    route("/entities/{entity_id}/activate", &[("POST", Operation::ActivateEntity)]),
    route("/entities/{entity_id}/deactivate", &[("POST", Operation::DeactivateEntity)]),
    route(
        "/entities/{entity_id}/partner_metadata",
        &[("GET", Operation::GetMetadata), ("PUT", Operation::PutMetadata)],
    ),
    route("/entities/{entity_id}/settings", &[("GET", Operation::GetSettings), ("PATCH", Operation::PatchSettings)]),
    route("/roles", &[("POST", Operation::CreateRole), ("GET", Operation::ListRoles)]),
    route(
        "/roles/{role_id}",
        &[("GET", Operation::GetRole), ("PATCH", Operation::PatchRole), ("DELETE", Operation::DeleteRole)],
    ),
    route("/entity_users", &[("POST", Operation::CreateEntityUser), ("GET", Operation::ListEntityUsers)]),
    route("/entity_users/me", &[("GET", Operation::GetMe), ("PATCH", Operation::PatchMe)]),
    route("/entity_users/my_entity", &[("GET", Operation::GetMyEntity), ("PATCH", Operation::PatchMyEntity)]),
    route("/entity_users/my_role", &[("GET", Operation::GetMyRole)]),
    route(
        "/entity_users/{entity_user_id}",
        &[
            ("GET", Operation::GetEntityUser),
            ("PATCH", Operation::PatchEntityUser),
            ("DELETE", Operation::DeleteEntityUser),
        ],
    ),
    route("/settings", &[("GET", Operation::GetPartnerSettings), ("PATCH", Operation::PatchPartnerSettings)]),
    route("/events", &[("GET", Operation::ListEvents)]),
    route("/events/{event_id}", &[("GET", Operation::GetEvent)]),
    route("/webhook_deliveries", &[("GET", Operation::ListDeliveries)]),
    route("/webhook_subscriptions", &[("GET", Operation::ListSubscriptions), ("POST", Operation::CreateSubscription)]),
    route(
        "/webhook_subscriptions/{webhook_subscription_id}",
        &[
            ("GET", Operation::GetSubscription),
            ("PATCH", Operation::PatchSubscription),
            ("DELETE", Operation::DeleteSubscription),
        ],
    ),
    route("/webhook_subscriptions/{webhook_subscription_id}/enable", &[("POST", Operation::EnableSubscription)]),
    route("/webhook_subscriptions/{webhook_subscription_id}/disable", &[("POST", Operation::DisableSubscription)]),
    route(
        "/webhook_subscriptions/{webhook_subscription_id}/regenerate_secret",
        &[("POST", Operation::RegenerateSecret)],
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::*;

    /// Everything that is declared is routed, and nothing else. The document belongs to Monite and is not part of
    /// this project; without it there is nothing to compare with.
    #[test]
    fn the_routes_are_those_of_monites_document() {
        let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/monite-openapi-accounts.json");
        let path = std::env::var_os("MONITE_OPENAPI").map_or(beside, PathBuf::from);
        let Ok(text) = std::fs::read_to_string(&path) else {
            eprintln!("SKIPPED: Monite's OpenAPI document is not at {}", path.display());
            return;
        };
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let methods = |(path, node): (&String, &serde_json::Value)| {
            let methods: Vec<String> = node.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
            methods.into_iter().map(move |method| format!("{method} {path}")).collect::<Vec<_>>()
        };
        let declared: BTreeSet<String> = document["paths"].as_object().unwrap().iter().flat_map(methods).collect();
        let call =
            |route: &'static Route| route.methods.iter().map(|(method, _)| format!("{method} {}", route.template));
        let routed: BTreeSet<String> = ROUTES.iter().flat_map(call).collect();
        assert_eq!(declared.difference(&routed).collect::<Vec<_>>(), Vec::<&String>::new(), "declared, not routed");
        assert_eq!(routed.difference(&declared).collect::<Vec<_>>(), Vec::<&String>::new(), "routed, not declared");
        assert_eq!(routed.len(), ROUTES.iter().map(|route| route.methods.len()).sum::<usize>(), "routed once each");
    }

    #[test]
    fn paths_find_their_operation() {
        let cases = [
            ("GET", "/entities", Some((Operation::ListEntities, None))),
            ("GET", "/entities/me", Some((Operation::GetMyEntity, None))),
            ("GET", "/entities/abc", Some((Operation::GetEntity, Some("abc")))),
            ("PUT", "/entities/abc/partner_metadata", Some((Operation::PutMetadata, Some("abc")))),
            ("GET", "/entity_users/my_role", Some((Operation::GetMyRole, None))),
            ("DELETE", "/entity_users/abc", Some((Operation::DeleteEntityUser, Some("abc")))),
            ("DELETE", "/entities/abc", None),
            ("GET", "/entities/", None),
            ("GET", "/entities/abc/", None),
            ("GET", "/nowhere", None),
            ("GET", "", None),
        ];
        for (method, path, expected) in cases {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let found = find(path).and_then(|(route, id)| Some((route.operation(&method)?, id)));
            assert_eq!(found, expected, "{method} {path}");
        }
    }
}
