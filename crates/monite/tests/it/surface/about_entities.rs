//! Entities and their metadata.

use futures::TryStreamExt;
use monite::{
    AddressPatch, Entity, EntityFilter, EntityId, EntityPatch, EntityStatus, Field, IndividualPatch, NewEntity,
    RoleFilter,
};
use serde_json::{Map, json};

use super::{Walk, missing, only, refused, stranger};
use crate::support::organization;

pub(super) async fn reading_and_changing(walk: &Walk<'_>) {
    let monite = &walk.monite;
    let entity = monite.entities().create(&organization()).await.unwrap();
    let handle = monite.entity(entity.id);

    let bad = NewEntity { email: "nonsense".to_owned(), ..organization() };
    assert_eq!(refused(monite.entities().create(&bad).await).fields()[0].dotted(), "email");
    let mut stateless = organization();
    (stateless.address.country, stateless.registration_number) = ("US".to_owned(), None);
    stateless.registration_authority = None;
    refused(monite.entities().create(&stateless).await);

    let by_id = EntityFilter { id_in: vec![entity.id], ..Default::default() };
    assert_eq!(only(monite.entities().list(&by_id).await.unwrap().data), entity);
    let all: Vec<Entity> = monite.entities().stream(EntityFilter::default()).try_collect().await.unwrap();
    assert_eq!(only(all), entity);
    refused(monite.entities().list_next("nonsense").await);

    assert_eq!(handle.get().await.unwrap(), entity);
    let patch = EntityPatch { phone: Field::Clear, ..Default::default() };
    assert_eq!(handle.update(&patch).await.unwrap().phone, None);
    let impossible = AddressPatch { city: Field::Clear, ..Default::default() };
    match handle.update(&EntityPatch { address: impossible, ..Default::default() }).await {
        Ok(same) => assert_eq!(same.address, entity.address, "a null that is ignored changes nothing"),
        error => drop(refused(error)),
    }
    let profile = IndividualPatch { first_name: Field::Set("Ana".to_owned()), ..Default::default() };
    refused(handle.update(&EntityPatch { individual: profile, ..Default::default() }).await);

    assert_eq!(handle.deactivate().await.unwrap().status, EntityStatus::Inactive);
    let inactive = EntityFilter { status: Some(EntityStatus::Inactive), ..Default::default() };
    assert_eq!(monite.entities().list(&inactive).await.unwrap().data.len(), 1);
    assert_eq!(handle.activate().await.unwrap().status, EntityStatus::Active);

    let notes: Map<_, _> = [("customer".to_owned(), json!({"id": [1, null]}))].into_iter().collect();
    assert_eq!(handle.metadata().put(&notes).await.unwrap(), notes);
    assert_eq!(handle.metadata().get().await.unwrap(), notes);
}

pub(super) async fn strangers(walk: &Walk<'_>) {
    let nobody = walk.monite.entity(stranger::<EntityId>());
    missing(nobody.get().await);
    missing(nobody.update(&EntityPatch { phone: Field::Clear, ..Default::default() }).await);
    missing(nobody.activate().await);
    missing(nobody.deactivate().await);
    missing(nobody.metadata().get().await);
    missing(nobody.metadata().put(&Map::new()).await);
    missing(nobody.settings().get().await);
    missing(nobody.settings().update(&Default::default()).await);
    // Named in a header it is not there, or not ours to see.
    let error = refused(nobody.roles().list(&RoleFilter::default()).await);
    assert!(error.is_not_found() || error.is_permission_denied(), "{error:?}");
    let error = refused(nobody.users().list(&Default::default()).await);
    assert!(error.is_not_found() || error.is_permission_denied(), "{error:?}");
}
