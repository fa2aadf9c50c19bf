//! Settings: of one entity, and of the partner.

use crate::client::Monite;
use crate::error::Error;
use crate::id::EntityId;
use crate::model::{EntitySettings, EntitySettingsPatch, PartnerSettings, PartnerSettingsPatch};
use crate::request::Request;

/// `monite.entity(id).settings()`.
#[derive(Clone, Copy, Debug)]
pub struct SettingsOfEntity<'a> {
    pub(crate) monite: &'a Monite,
    pub(crate) entity: EntityId,
}

/// `monite.settings()`.
#[derive(Clone, Copy, Debug)]
pub struct SettingsOfPartner<'a> {
    pub(crate) monite: &'a Monite,
}

impl SettingsOfEntity<'_> {
    /// Reads them; what was never set has Monite's defaults.
    ///
    /// `GET /entities/{id}/settings`. Permission: `entity.read`, for the user's own entity.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is no such entity.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// let settings = monite.entity(acme).settings().get().await?;
    /// assert_eq!(settings.vat_mode, Some(VatMode::Exclusive));
    /// # Ok(()) }) }
    /// ```
    pub async fn get(&self) -> Result<EntitySettings, Error> {
        self.monite.send(Request::get("entity_settings.get", self.path())).await
    }

    /// Changes what `patch` sets.
    ///
    /// `PATCH /entities/{id}/settings`. Permission: `entity.update`, for the user's own entity.
    ///
    /// # Errors
    /// Any [`Error`]; `is_not_found` when there is no such entity, 422 names the wrong fields.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, acme, .. }| {
    /// let patch = EntitySettingsPatch { vat_mode: VatMode::Inclusive.into(), ..Default::default() };
    /// let settings = monite.entity(acme).settings().update(&patch).await?;
    /// assert_eq!(settings.vat_mode, Some(VatMode::Inclusive));
    /// # Ok(()) }) }
    /// ```
    pub async fn update(&self, patch: &EntitySettingsPatch) -> Result<EntitySettings, Error> {
        self.monite.send(Request::patch("entity_settings.update", self.path()).json(patch)).await
    }

    fn path(&self) -> String {
        format!("/entities/{}/settings", self.entity)
    }
}

impl SettingsOfPartner<'_> {
    /// Reads them.
    ///
    /// `GET /settings`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, .. }| {
    /// let settings = monite.settings().get().await?;
    /// assert_eq!(settings.website, None);
    /// # Ok(()) }) }
    /// ```
    pub async fn get(&self) -> Result<PartnerSettings, Error> {
        self.monite.send(Request::get("partner_settings.get", "/settings")).await
    }

    /// Changes what `patch` sets.
    ///
    /// `PATCH /settings`. Permission: none suffices, it takes the partner token.
    ///
    /// # Errors
    /// Any [`Error`]; 422 names the wrong fields.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # fn main() { example(async |World { monite, .. }| {
    /// let patch = PartnerSettingsPatch { website: "https://muster.example".to_owned().into(), ..Default::default() };
    /// assert_eq!(monite.settings().update(&patch).await?.website.as_deref(), Some("https://muster.example"));
    /// # Ok(()) }) }
    /// ```
    pub async fn update(&self, patch: &PartnerSettingsPatch) -> Result<PartnerSettings, Error> {
        self.monite.send(Request::patch("partner_settings.update", "/settings").json(patch)).await
    }
}
