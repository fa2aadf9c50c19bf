//! Entities as Monite renders them, and how a PATCH changes one.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::stamp::Stamp;
use crate::quirks::{Point, Quirks};
use crate::refusal::Refusal;
use crate::rules::{Patch, countries};

/// A customer of the partner. Its JSON is exactly Monite's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entity {
    pub(crate) id: Uuid,
    pub(crate) created_at: Stamp,
    pub(crate) updated_at: Stamp,
    #[serde(rename = "type")]
    pub(crate) kind: EntityType,
    pub(crate) status: EntityStatus,
    #[serde(flatten)]
    pub(crate) details: EntityDetails,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EntityType {
    Organization,
    Individual,
}

impl EntityType {
    pub(crate) const NAMES: &'static [(&'static str, Self)] =
        &[("individual", Self::Individual), ("organization", Self::Organization)];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EntityStatus {
    Active,
    Inactive,
    /// Known to the API, but nothing leads there: entities cannot be deleted.
    Deleted,
}

impl EntityStatus {
    pub(crate) const NAMES: &'static [(&'static str, Self)] =
        &[("active", Self::Active), ("inactive", Self::Inactive), ("deleted", Self::Deleted)];
}

/// Everything about an entity that the partner decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EntityDetails {
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) website: Option<String>,
    pub(crate) tax_id: Option<String>,
    pub(crate) registration_number: Option<String>,
    pub(crate) registration_authority: Option<String>,
    /// Always null: logos are not imitated.
    #[serde(default)]
    pub(crate) logo: Option<()>,
    pub(crate) address: Address,
    #[serde(flatten)]
    pub(crate) profile: Profile,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) country: String,
    pub(crate) city: String,
    pub(crate) line1: String,
    pub(crate) line2: Option<String>,
    pub(crate) postal_code: String,
    pub(crate) state: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Profile {
    Organization(Organization),
    Individual(Individual),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Organization {
    pub(crate) legal_name: String,
    pub(crate) legal_entity_id: Option<String>,
    pub(crate) business_structure: Option<String>,
    pub(crate) directors_provided: Option<bool>,
    pub(crate) executives_provided: Option<bool>,
    pub(crate) owners_provided: Option<bool>,
    pub(crate) representative_provided: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Individual {
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) title: Option<String>,
    pub(crate) date_of_birth: Option<String>,
    pub(crate) id_number: Option<String>,
    pub(crate) ssn_last_4: Option<String>,
}

/// A PATCH that passed the schema.
#[derive(Debug, Default)]
pub(crate) struct EntityPatch {
    pub(crate) email: Patch<String>,
    pub(crate) phone: Patch<String>,
    pub(crate) website: Patch<String>,
    pub(crate) tax_id: Patch<String>,
    pub(crate) registration_number: Patch<String>,
    pub(crate) registration_authority: Patch<String>,
    pub(crate) address: Patch<AddressPatch>,
    pub(crate) organization: Patch<OrganizationPatch>,
    pub(crate) individual: Patch<IndividualPatch>,
}

#[derive(Debug, Default)]
pub(crate) struct AddressPatch {
    pub(crate) city: Patch<String>,
    pub(crate) line1: Patch<String>,
    pub(crate) line2: Patch<String>,
    pub(crate) postal_code: Patch<String>,
    pub(crate) state: Patch<String>,
}

#[derive(Debug, Default)]
pub(crate) struct OrganizationPatch {
    pub(crate) legal_name: Patch<String>,
    pub(crate) legal_entity_id: Patch<String>,
    pub(crate) business_structure: Patch<String>,
    pub(crate) directors_provided: Patch<bool>,
    pub(crate) executives_provided: Patch<bool>,
    pub(crate) owners_provided: Patch<bool>,
    pub(crate) representative_provided: Patch<bool>,
}

#[derive(Debug, Default)]
pub(crate) struct IndividualPatch {
    pub(crate) first_name: Patch<String>,
    pub(crate) last_name: Patch<String>,
    pub(crate) title: Patch<String>,
    pub(crate) date_of_birth: Patch<String>,
    pub(crate) id_number: Patch<String>,
    pub(crate) ssn_last_4: Patch<String>,
}

impl EntityDetails {
    /// What no schema says and Monite still refuses.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let state = self.address.state.as_deref();
        if self.address.country == "US" && !state.is_some_and(countries::is_us_state) {
            return Err(Refusal::UsStateNeeded);
        }
        if self.registration_number.is_some() && self.registration_authority.is_none() {
            return Err(Refusal::RegistrationAuthorityNeeded);
        }
        Ok(())
    }

    /// The details after `patch`. Only leaves that were sent change; nothing changes when anything is refused.
    pub(crate) fn patched(&self, patch: EntityPatch, quirks: &Quirks) -> Result<Self, Refusal> {
        let nulls = Nulls::of(quirks);
        let mut new = self.clone();
        set(&mut new.email, patch.email);
        set(&mut new.phone, patch.phone);
        set(&mut new.website, patch.website);
        set(&mut new.tax_id, patch.tax_id);
        set(&mut new.registration_number, patch.registration_number);
        set(&mut new.registration_authority, patch.registration_authority);
        if let Some(address) = nulls.nested(patch.address, "address")? {
            new.address.apply(address, nulls)?;
        }
        let organization = (patch.organization, "organization");
        let individual = (patch.individual, "individual");
        match &mut new.profile {
            Profile::Organization(own) => {
                refuse_other(&individual.0, individual.1)?;
                if let Some(patch) = nulls.nested(organization.0, organization.1)? {
                    own.apply(patch, nulls)?;
                }
            }
            Profile::Individual(own) => {
                refuse_other(&organization.0, organization.1)?;
                if let Some(patch) = nulls.nested(individual.0, individual.1)? {
                    own.apply(patch, nulls)?;
                }
            }
        }
        new.check()?;
        Ok(new)
    }
}

/// `organization` of an individual, or the other way round. Null says nothing, so it is let through.
fn refuse_other<T>(patch: &Patch<T>, field: &'static str) -> Result<(), Refusal> {
    if matches!(patch, Patch::Set(_)) { Err(Refusal::WrongProfile(field)) } else { Ok(()) }
}

impl Address {
    fn apply(&mut self, patch: AddressPatch, nulls: Nulls) -> Result<(), Refusal> {
        nulls.set(&mut self.city, patch.city, "address.city")?;
        nulls.set(&mut self.line1, patch.line1, "address.line1")?;
        nulls.set(&mut self.postal_code, patch.postal_code, "address.postal_code")?;
        set(&mut self.line2, patch.line2);
        set(&mut self.state, patch.state);
        Ok(())
    }
}

impl Organization {
    fn apply(&mut self, patch: OrganizationPatch, nulls: Nulls) -> Result<(), Refusal> {
        nulls.set(&mut self.legal_name, patch.legal_name, "organization.legal_name")?;
        set(&mut self.legal_entity_id, patch.legal_entity_id);
        set(&mut self.business_structure, patch.business_structure);
        set(&mut self.directors_provided, patch.directors_provided);
        set(&mut self.executives_provided, patch.executives_provided);
        set(&mut self.owners_provided, patch.owners_provided);
        set(&mut self.representative_provided, patch.representative_provided);
        Ok(())
    }
}

impl Individual {
    fn apply(&mut self, patch: IndividualPatch, nulls: Nulls) -> Result<(), Refusal> {
        nulls.set(&mut self.first_name, patch.first_name, "individual.first_name")?;
        nulls.set(&mut self.last_name, patch.last_name, "individual.last_name")?;
        set(&mut self.title, patch.title);
        set(&mut self.date_of_birth, patch.date_of_birth);
        set(&mut self.id_number, patch.id_number);
        set(&mut self.ssn_last_4, patch.ssn_last_4);
        Ok(())
    }
}

/// Changes a nullable field: absent leaves it, null clears it.
pub(crate) fn set<T>(field: &mut Option<T>, patch: Patch<T>) {
    match patch {
        Patch::Absent => {}
        Patch::Null => *field = None,
        Patch::Set(value) => *field = Some(value),
    }
}

/// What null does to a field that the response never shows as null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    Refuse,
    Ignore,
}

impl Nulls {
    pub(crate) fn of(quirks: &Quirks) -> Self {
        if quirks.is(Point::NullForRequired, "ignore") { Self::Ignore } else { Self::Refuse }
    }

    pub(crate) fn set<T>(self, field: &mut T, patch: Patch<T>, name: &'static str) -> Result<(), Refusal> {
        if let Some(value) = self.nested(patch, name)? {
            *field = value;
        }
        Ok(())
    }

    /// The new value, if one was sent.
    pub(crate) fn nested<T>(self, patch: Patch<T>, name: &'static str) -> Result<Option<T>, Refusal> {
        match patch {
            Patch::Set(value) => Ok(Some(value)),
            Patch::Null if self == Self::Refuse => Err(Refusal::NullNotAllowed(name)),
            Patch::Null | Patch::Absent => Ok(None),
        }
    }
}
