//! Everything Monite's documents leave open, in one table: which outcome the sandbox shows, and which others a
//! client must be ready for.

use http::StatusCode;
use serde_json::{Map, Value, json};

/// One point that is not documented.
pub(crate) struct Quirk {
    pub(crate) point: Point,
    /// Its name under `/_sandbox/quirks`.
    pub(crate) name: &'static str,
    /// What can be chosen; the first is the default.
    pub(crate) options: &'static [&'static str],
    pub(crate) about: &'static str,
}

macro_rules! quirks {
    ($($point:ident = $name:literal $options:tt $about:literal;)+) => {
        /// Names a row of the table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Point { $($point),+ }

        pub(crate) const TABLE: &[Quirk] = &[
            $(Quirk { point: Point::$point, name: $name, options: &$options, about: $about }),+
        ];
    };
}

quirks! {
    MissingEntity = "missing_entity" ["404", "400"]
        "Status for an entity that does not exist";
    MissingRole = "missing_role" ["404", "400"]
        "Status for a role that does not exist";
    MissingEntityUser = "missing_entity_user" ["404", "400"]
        "Status for an entity user that does not exist";
    UnknownEntityHeader = "unknown_entity_header" ["404", "400", "403"]
        "Status for a partner token with an unknown x-monite-entity-id";
    ForeignEntityHeader = "foreign_entity" ["403", "404"]
        "Status for an entity-user token that names another entity";
    DuplicateRoleName = "duplicate_role_name" ["409", "400"]
        "Status for a role name that the entity already has";
    DuplicateLogin = "duplicate_login" ["409", "400"]
        "Status for a login that the entity already has";
    InvalidRole = "invalid_role_id" ["400", "404"]
        "Status for a role_id that does not exist in the entity";
    NoDefaultRole = "role_id_without_default" ["400", "422"]
        "Status for a new user without role_id in an entity without a default role";
    GarbledAuthorization = "garbled_authorization" ["400", "401"]
        "Status for an Authorization header that holds no bearer token";
    EntityUserTokenLife = "entity_user_token_ttl" ["as_partner", "900"]
        "How many seconds entity-user tokens live: as long as partner tokens, or less";
    EchoedVersion = "echoed_version" ["asked", "served"]
        "Which version answers carry back: the one that was asked for, or the one that it leads to";
    UnreadableVersion = "unreadable_version" ["detail", "array"]
        "Body of the 422 for an x-monite-version that is no date: in the usual envelope, or a bare array";
    RateLimitReset = "rate_limit_reset" ["seconds", "timestamp"]
        "What RateLimit-Reset is: seconds from now, or seconds since 1970";
    BadCredentials = "bad_credentials" ["401", "400", "403"]
        "Status for a wrong client id or secret";
    GrantWithoutUser = "grant_without_entity_user" ["400", "422"]
        "Status for grant_type entity_user without entity_user_id";
    GrantForUnknownUser = "grant_for_unknown_entity_user" ["400", "404"]
        "Status for a token for an unknown or deleted entity user";
    RevokeUnknownToken = "revoke_unknown_token" ["400", "200"]
        "Status for revoking a token that is unknown or already revoked";
    NoAuthorization = "no_authorization" ["401", "400"]
        "Status for a call without the Authorization header";
    ExpiredToken = "expired_token" ["400", "401"]
        "Status for an expired or revoked token";
    AuthWithoutVersion = "auth_without_version" ["accept", "refuse"]
        "Whether /auth/* may leave x-monite-version out";
    PermissionDenied = "permission_denied" ["403", "409"]
        "Status for an entity user whose role lacks the right";
    PartnerOnMe = "me_with_partner_token" ["400", "403", "401"]
        "Status for a partner token on me, my_entity and my_role";
    InactiveEntity = "inactive_entity_user_token" ["block", "ignore"]
        "Whether deactivating an entity stops the tokens of its users";
    DeletedUserToken = "deleted_user_token" ["dead", "alive"]
        "Whether deleting an entity user ends its tokens";
    UsState = "us_state" ["400", "422"]
        "Status for a US address without a two-letter state";
    NullForRequired = "null_for_required" ["400", "422", "ignore"]
        "What null does in a PATCH to a field that is never null in an answer";
    StrayProfile = "other_profile_on_create" ["422", "400"]
        "Status for a new organization that also has an individual, or the other way round";
    RegistrationAuthority = "registration_without_authority" ["400", "422"]
        "Status for a registration_number without a registration_authority";
    WrongProfile = "wrong_profile" ["400", "422"]
        "Status for a PATCH with organization data of an individual, or the other way round";
    LimitOutOfRange = "limit_out_of_range" ["422", "416"]
        "Status for a limit outside 1..100";
    BadPageToken = "bad_pagination_token" ["400", "422"]
        "Status for a pagination token that is not one";
    PageTokenLife = "pagination_token_life" ["forever", "600"]
        "How many seconds a pagination token can be used";
    RoleNameNotAscii = "role_name_not_ascii" ["422", "400"]
        "Status for a role name with characters outside of ASCII";
    DuplicatePermission = "duplicate_permission" ["first", "last"]
        "Which entry counts when a role names an object or an action twice";
    MissingEntityMetadata = "metadata_of_missing_entity" ["404", "400"]
        "Status for the partner metadata of an entity that does not exist";
    MetadataTouches = "metadata_touches_entity" ["no", "yes"]
        "Whether a PUT of partner metadata moves the updated_at of the entity";
    RolePatch = "role_patch" ["replace", "merge"]
        "Whether permissions in a role PATCH replace the tree or merge by object";
    DefaultRole = "default_role" ["none", "default", "admin"]
        "Role provisioned with every new entity while the partner setting default_role is unset: none, or one of that \
         name allowed everything";
    NestedSettings = "nested_settings" ["merge", "replace"]
        "Whether an object in a settings PATCH keeps the fields that are not sent, or falls back to their defaults";
    WebsiteNotHttps = "website_not_https" ["400", "422"]
        "Status for a website in the partner's settings that is not an https address";
    NameStartsWith = "name_istartswith" ["either", "first", "last"]
        "Which name of an entity user the prefix filter looks at";
    InactiveListed = "inactive_entities_listed" ["yes", "no"]
        "Whether a list without status filter shows inactive entities";
    MissingSubscription = "missing_webhook_subscription" ["404", "400"]
        "Status for a webhook subscription that does not exist";
    MissingEvent = "missing_event" ["404", "400"]
        "Status for an event that does not exist";
    WebhookAction = "webhook_action" ["prefixed", "bare"]
        "Whether the action of an event is entity.updated or just updated";
    WebhookSuccess = "webhook_success" ["2xx", "200"]
        "Which answers of a receiver count as delivered: any 2xx, or exactly 200";
    WebhookSignedText = "webhook_signed_text" ["timestamp.body", "body"]
        "What Monite-Signature signs: <t>.<raw body>, or the raw body alone";
    WebhookKey = "webhook_key" ["whole", "stripped"]
        "What keys the signature: the whole secret, or what follows whsec_";
    AccountEvents = "account_events" ["fire", "entity_only"]
        "Whether roles, entity users and settings have events, or entities only";
    PartnerEventEntity = "partner_settings_event_entity" ["nil", "partner"]
        "What the entity_id of partner_settings events is: the nil id, or an id that is no entity's";
}

/// The chosen outcome of every point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quirks {
    chosen: [u8; TABLE.len()],
    /// Where a reset goes back to.
    at_start: [u8; TABLE.len()],
}

impl Default for Quirks {
    fn default() -> Self {
        Self { chosen: [0; TABLE.len()], at_start: [0; TABLE.len()] }
    }
}

impl Quirks {
    /// The table a sandbox starts with: the defaults with some points chosen otherwise.
    pub(crate) fn starting_with(choices: &[(String, String)]) -> Result<Self, UnknownQuirk> {
        let mut quirks = Self::default();
        choices.iter().try_for_each(|(name, option)| quirks.set(name, option))?;
        Ok(Self { at_start: quirks.chosen, ..quirks })
    }

    /// As it was when the sandbox started.
    pub(crate) fn as_at_start(&self) -> Self {
        Self { chosen: self.at_start, at_start: self.at_start }
    }

    pub(crate) fn value(&self, point: Point) -> &'static str {
        let index = point as usize;
        TABLE[index].options[usize::from(self.chosen[index])]
    }

    pub(crate) fn is(&self, point: Point, option: &str) -> bool {
        self.value(point) == option
    }

    /// The chosen status, for points that choose one; 400 where the option is a word.
    pub(crate) fn status(&self, point: Point) -> StatusCode {
        self.value(point).parse().unwrap_or(StatusCode::BAD_REQUEST)
    }

    /// Chooses `option` for the point called `name`.
    pub(crate) fn set(&mut self, name: &str, option: &str) -> Result<(), UnknownQuirk> {
        let quirk = TABLE.iter().find(|quirk| quirk.name == name).ok_or_else(|| UnknownQuirk::named(name))?;
        let choice = quirk.options.iter().position(|known| *known == option);
        let choice = choice.and_then(|choice| u8::try_from(choice).ok());
        self.chosen[quirk.point as usize] = choice.ok_or_else(|| UnknownQuirk::option(quirk, option))?;
        Ok(())
    }

    /// The table as `GET /_sandbox/quirks` shows it.
    pub(crate) fn to_json(&self) -> Value {
        let row = |quirk: &Quirk| {
            let shown = json!({
                "value": self.value(quirk.point),
                "default": quirk.options[0],
                "options": quirk.options,
                "about": quirk.about,
            });
            (quirk.name.to_owned(), shown)
        };
        Value::Object(TABLE.iter().map(row).collect::<Map<_, _>>())
    }

    /// The chosen outcomes by name.
    pub(crate) fn chosen(&self) -> Map<String, Value> {
        TABLE.iter().map(|quirk| (quirk.name.to_owned(), Value::from(self.value(quirk.point)))).collect()
    }

    /// Chooses what a document of [`Quirks::to_json`]'s shape says; a row may also be just its value, and rows
    /// left out stay as they are. All or nothing.
    pub(crate) fn apply(&mut self, document: &Map<String, Value>) -> Result<(), UnknownQuirk> {
        let mut new = self.clone();
        for (name, row) in document {
            let value = row.get("value").unwrap_or(row);
            let option = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            new.set(name, &option)?;
        }
        *self = new;
        Ok(())
    }
}

/// No such quirk, or no such outcome of it. The text says which ones there are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownQuirk(String);

impl UnknownQuirk {
    fn named(name: &str) -> Self {
        let distance = |quirk: &&Quirk| strsim::damerau_levenshtein(name, quirk.name);
        // The table is never empty, and a name that is like none of it is still told about one.
        let nearest = TABLE.iter().min_by_key(distance).map_or("", |quirk| quirk.name);
        Self(format!("there is no quirk \"{name}\"; the nearest name is \"{nearest}\""))
    }

    fn option(quirk: &Quirk, option: &str) -> Self {
        let known = quirk.options.join(", ");
        Self(format!("the quirk \"{}\" has no option \"{option}\"; it has {known}", quirk.name))
    }

    fn unreadable(choice: &str) -> Self {
        Self(format!("\"{choice}\" is not NAME=OPTION, as in missing_entity=400"))
    }
}

/// Reads `NAME=OPTION`, and only if there is such a thing.
pub(crate) fn parse_choice(choice: &str) -> Result<(String, String), UnknownQuirk> {
    let (name, option) = choice.split_once('=').ok_or_else(|| UnknownQuirk::unreadable(choice))?;
    Quirks::default().set(name, option)?;
    Ok((name.to_owned(), option.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_its_points() {
        for (index, quirk) in TABLE.iter().enumerate() {
            assert_eq!(quirk.point as usize, index, "{}", quirk.name);
            assert!(quirk.options.len() > 1, "{} leaves nothing to choose", quirk.name);
        }
    }

    #[test]
    fn a_choice_that_is_none_says_what_there_is() {
        let said = |choice: &str| parse_choice(choice).map_err(|unknown| unknown.to_string());
        let cases = [
            ("missing_entity=400", Ok(("missing_entity".to_owned(), "400".to_owned()))),
            (
                "mising_entity=400",
                Err("there is no quirk \"mising_entity\"; the nearest name is \"missing_entity\"".to_owned()),
            ),
            (
                "missing_entity=418",
                Err("the quirk \"missing_entity\" has no option \"418\"; it has 404, 400".to_owned()),
            ),
            ("missing_entity", Err("\"missing_entity\" is not NAME=OPTION, as in missing_entity=400".to_owned())),
        ];
        for (choice, expected) in cases {
            assert_eq!(said(choice), expected);
        }
    }

    #[test]
    fn a_document_is_applied_as_a_whole_or_not_at_all() {
        let mut quirks = Quirks::default();
        let document = json!({"missing_entity": 400, "duplicate_login": {"value": "400"}});
        assert_eq!(quirks.apply(document.as_object().unwrap()), Ok(()));
        assert_eq!(quirks.status(Point::MissingEntity), 400);
        assert_eq!(quirks.status(Point::DuplicateLogin), 400);
        let before = quirks.clone();
        let document = json!({"missing_role": "400", "missing_entity": "418"});
        assert!(quirks.apply(document.as_object().unwrap()).is_err());
        assert_eq!(quirks, before);
    }
}
