//! Settings of entities and of the partner.

use monite::{EntitySettingsPatch, Field, PartnerSettingsPatch, VatMode};
use serde_json::json;

use super::{Walk, refused};
use crate::support::organization;

pub(super) async fn both(walk: &Walk<'_>) {
    let monite = &walk.monite;
    let entity = monite.entities().create(&organization()).await.unwrap();
    let settings = monite.entity(entity.id).settings();
    assert_eq!(settings.get().await.unwrap().vat_mode, Some(VatMode::Exclusive));
    let patch = EntitySettingsPatch { vat_mode: Field::Set(VatMode::Inclusive), ..Default::default() };
    let changed = settings.update(&patch).await.unwrap();
    assert_eq!(changed.vat_mode, Some(VatMode::Inclusive));
    assert_eq!(settings.get().await.unwrap(), changed);
    let wrong = EntitySettingsPatch { language: Field::Set("klingon".to_owned()), ..Default::default() };
    assert_eq!(refused(settings.update(&wrong).await).fields()[0].dotted(), "language");

    let before = monite.settings().get().await.unwrap();
    let patch = PartnerSettingsPatch {
        mail: Field::Set(json!({"from_name": "Muster", "attach_documents_as_pdf": true})),
        ..Default::default()
    };
    let after = monite.settings().update(&patch).await.unwrap();
    assert_eq!(after.mail.as_ref().unwrap()["from_name"], "Muster");
    assert_eq!(after.website, before.website);
    let insecure = PartnerSettingsPatch { website: Field::Set("http://x.example".to_owned()), ..Default::default() };
    refused(monite.settings().update(&insecure).await);
    assert_eq!(monite.settings().get().await.unwrap(), after);
}
