//! What an entity is to look like once nobody can be known by it, and what is left to do until it does. Pure.

use std::collections::BTreeSet;

use monite::{
    Address, Entity, EntityStatus, EntityUserId, EntityUserPatch, Field, Individual, NewEntity, Organization,
};

use super::super::diff::{FieldChange, entity_changes};
use super::super::observe::link_of;

/// Stands where Monite insists on a text.
pub const ERASED: &str = "erased";

/// Stands where Monite insists on an e-mail address: a name that never belongs to anybody (RFC 2606, section 2).
pub const NOBODY: &str = "erased@erased.invalid";

/// The document of an entity that says nothing about anybody. Type and country cannot change at Monite; with the country goes the state of an
/// address in the US, where Monite insists on one.
#[must_use]
pub fn neutral(there: &NewEntity) -> NewEntity {
    let text = || ERASED.to_owned();
    let in_the_us = there.address.country == "US";
    NewEntity {
        entity_type: there.entity_type.clone(),
        email: NOBODY.to_owned(),
        address: Address {
            country: there.address.country.clone(),
            city: text(),
            line1: text(),
            line2: None,
            postal_code: if in_the_us { "00000".to_owned() } else { text() },
            state: in_the_us.then(|| "DC".to_owned()),
        },
        // Every field by its name: one that is new at Monite is decided on here.
        organization: there.organization.as_ref().map(|_| Organization {
            legal_name: text(),
            legal_entity_id: None,
            business_structure: None,
            directors_provided: None,
            executives_provided: None,
            owners_provided: None,
            representative_provided: None,
        }),
        individual: there.individual.as_ref().map(|_| Individual {
            first_name: text(),
            last_name: text(),
            title: None,
            date_of_birth: None,
            id_number: None,
            ssn_last_4: None,
        }),
        phone: None,
        website: None,
        tax_id: None,
        registration_number: None,
        registration_authority: None,
    }
}

/// What an entity user becomes before it is deleted. Its login is unique in the entity, so it is made of Monite's own id; the role stays.
#[must_use]
pub fn nobody(user: EntityUserId) -> EntityUserPatch {
    EntityUserPatch {
        login: Field::Set(format!("{ERASED}-{user}")),
        first_name: Field::Set(ERASED.to_owned()),
        last_name: Field::Clear,
        email: Field::Clear,
        phone: Field::Clear,
        title: Field::Clear,
        role_id: Field::Keep,
    }
}

/// What one look at Monite showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Sight {
    /// The entity.
    pub entity: Entity,
    /// Whether its metadata hold anything.
    pub has_metadata: bool,
    /// Entity users that are there.
    pub users: BTreeSet<EntityUserId>,
}

/// One thing that is left to do at Monite.
#[derive(Debug, Clone, PartialEq)]
pub enum Todo {
    /// Switch the entity off.
    Deactivate,
    /// Delete an entity user.
    DeleteUser(EntityUserId),
    /// Overwrite what says who the customer is.
    Overwrite(Vec<FieldChange>),
    /// Empty the metadata.
    ClearMetadata,
}

/// What is left to do, in the order in which it is done: nobody acts in the entity any more once it is off, and nobody is in it once its users
/// are gone, so what is overwritten after that stays so. The stamp goes last: until then the entity says whose it is.
#[must_use]
pub fn todo(sight: &Sight) -> Vec<Todo> {
    let mut left = Vec::new();
    if sight.entity.status == EntityStatus::Active {
        left.push(Todo::Deactivate);
    }
    left.extend(sight.users.iter().copied().map(Todo::DeleteUser));
    let there = link_of(&sight.entity).confirmed;
    let changes = entity_changes(&there, &neutral(&there));
    if !changes.is_empty() {
        left.push(Todo::Overwrite(changes));
    }
    if sight.has_metadata {
        left.push(Todo::ClearMetadata);
    }
    left
}

/// What a person has to remove, because nothing here can: the parts of the entity, in words.
#[must_use]
pub fn out_of_reach(sight: &Sight) -> Vec<String> {
    let id = sight.entity.id;
    let logo = sight.entity.logo.iter().map(|_| {
        format!("the entity has a logo, which is an uploaded file: remove it with DELETE /entities/{id}/logo at Monite")
    });
    logo.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sight(change: impl FnOnce(&mut Value), users: &[u128], has_metadata: bool) -> Sight {
        let mut entity = json!({
            "id": uuid::Uuid::from_u128(1), "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
            "type": "organization", "status": "active", "email": "ap@muster.example", "phone": "+49 1", "website": "https://muster.example",
            "tax_id": "DE1", "registration_number": "HRB 1", "registration_authority": "Berlin", "logo": null,
            "address": {"country": "DE", "city": "Berlin", "line1": "Weg 1", "line2": "hinten", "postal_code": "10115", "state": "BE"},
            "organization": {"legal_name": "Muster", "legal_entity_id": "1", "business_structure": "private_corporation",
                "directors_provided": true},
        });
        change(&mut entity);
        let users = users.iter().map(|id| uuid::Uuid::from_u128(*id).into()).collect();
        Sight { entity: serde_json::from_value(entity).unwrap(), has_metadata, users }
    }

    fn person(entity: &mut Value) {
        entity["type"] = json!("individual");
        entity["organization"] = Value::Null;
        entity["individual"] = json!({"first_name": "Ana", "last_name": "Muster", "title": "Dr.", "date_of_birth": "1980-02-03",
            "id_number": "1", "ssn_last_4": "1234"});
    }

    fn overwritten(sight: &Sight) -> Vec<String> {
        let changes = todo(sight).into_iter().find_map(|todo| match todo {
            Todo::Overwrite(changes) => Some(changes),
            _ => None,
        });
        changes.unwrap_or_default().into_iter().map(|change| change.field).collect()
    }

    #[test]
    fn every_field_that_says_who_it_is_is_overwritten_or_emptied() {
        let mut organization = overwritten(&sight(|_| {}, &[], false));
        organization.sort();
        assert_eq!(
            organization,
            [
                "address.city",
                "address.line1",
                "address.line2",
                "address.postal_code",
                "address.state",
                "email",
                "organization.business_structure",
                "organization.directors_provided",
                "organization.legal_entity_id",
                "organization.legal_name",
                "phone",
                "registration_authority",
                "registration_number",
                "tax_id",
                "website",
            ]
        );
        let person = overwritten(&sight(person, &[], false));
        for field in ["first_name", "last_name", "title", "date_of_birth", "id_number", "ssn_last_4"] {
            assert!(person.contains(&format!("individual.{field}")), "{field}: {person:?}");
        }
    }

    #[test]
    fn what_is_neutral_needs_nothing() {
        for change in [|_: &mut Value| {}, person, |entity: &mut Value| entity["address"]["country"] = json!("US")] {
            let mut done = sight(change, &[], false);
            let becomes = neutral(&link_of(&done.entity).confirmed);
            assert!(!todo(&done).is_empty());
            done.entity.status = EntityStatus::Inactive;
            done.entity.email = Some(becomes.email);
            (done.entity.address, done.entity.organization, done.entity.individual) =
                (becomes.address, becomes.organization, becomes.individual);
            (done.entity.phone, done.entity.website, done.entity.tax_id) = (None, None, None);
            (done.entity.registration_number, done.entity.registration_authority) = (None, None);
            assert_eq!(todo(&done), []);
            assert!(out_of_reach(&done).is_empty());
        }
    }

    #[test]
    fn whoever_could_write_goes_before_what_is_written_and_the_stamp_goes_last() {
        let kinds: Vec<&str> = todo(&sight(|_| {}, &[7, 8], true))
            .iter()
            .map(|todo| match todo {
                Todo::Deactivate => "deactivate",
                Todo::DeleteUser(_) => "user",
                Todo::Overwrite(_) => "overwrite",
                Todo::ClearMetadata => "metadata",
            })
            .collect();
        assert_eq!(kinds, ["deactivate", "user", "user", "overwrite", "metadata"]);
    }

    #[test]
    fn a_logo_is_left_to_a_person() {
        let with_logo = sight(|entity| entity["logo"] = json!({"name": "ana.png"}), &[], false);
        assert!(out_of_reach(&with_logo)[0].contains("logo"), "{with_logo:?}");
    }
}
