//! Settings of entities and of the partner.

use monite::{EntitySettingsPatch, Field, PartnerMail, PartnerSettingsPatch, VatMode};

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
    // Read, changed and sent back whole, a part is what was meant whether Monite merges or replaces it.
    let mut numbers = changed.document_ids.clone().unwrap();
    numbers.min_digits = Some(7);
    let patch = EntitySettingsPatch { document_ids: Field::Set(numbers.clone()), ..Default::default() };
    let changed = settings.update(&patch).await.unwrap();
    assert_eq!(changed.document_ids, Some(numbers));
    assert_eq!(settings.get().await.unwrap(), changed);
    let wrong = EntitySettingsPatch { language: Field::Set("klingon".to_owned()), ..Default::default() };
    assert_eq!(refused(settings.update(&wrong).await).fields()[0].dotted(), "language");

    let before = monite.settings().get().await.unwrap();
    let patch = PartnerSettingsPatch {
        mail: Field::Set(PartnerMail {
            from_name: Some("Muster".to_owned()),
            ..before.mail.clone().unwrap_or_default()
        }),
        ..Default::default()
    };
    let after = monite.settings().update(&patch).await.unwrap();
    assert_eq!(after.mail.as_ref().unwrap().from_name.as_deref(), Some("Muster"));
    assert_eq!(after.website, before.website);
    let insecure = PartnerSettingsPatch { website: Field::Set("http://x.example".to_owned()), ..Default::default() };
    refused(monite.settings().update(&insecure).await);
    assert_eq!(monite.settings().get().await.unwrap(), after);
}
