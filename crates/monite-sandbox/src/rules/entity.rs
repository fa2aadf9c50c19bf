//! Bodies of `POST /entities` and `PATCH /entities/{id}`.

use serde_json::Value;

use super::countries;
use super::form::{Extras, Form, Patch, Wrong, body, object, patch_body};
use super::text::{boolean, choice, date, email, link, string, text};
use super::version::Version;
use crate::quirks::Point;
use crate::world::entity::{
    Address, AddressPatch, EntityDetails, EntityPatch, EntityType, Individual, IndividualPatch, Organization,
    OrganizationPatch, Profile,
};

const BUSINESS_STRUCTURES: &[(&str, &str)] = &[
    ("incorporated_partnership", "incorporated_partnership"),
    ("unincorporated_partnership", "unincorporated_partnership"),
    ("public_corporation", "public_corporation"),
    ("private_corporation", "private_corporation"),
    ("sole_proprietorship", "sole_proprietorship"),
    ("single_member_llc", "single_member_llc"),
    ("multi_member_llc", "multi_member_llc"),
    ("private_partnership", "private_partnership"),
    ("unincorporated_association", "unincorporated_association"),
    ("public_partnership", "public_partnership"),
];

/// How a version judges texts.
#[derive(Debug, Clone, Copy)]
struct Texts(Version);

impl Texts {
    fn upto(self, max: usize) -> impl FnOnce(Value) -> Result<String, Wrong> {
        text(self.min(), max)
    }

    /// Cities and streets, which once had no limit of their own.
    fn place(self, max: usize) -> impl FnOnce(Value) -> Result<String, Wrong> {
        text(self.min(), if self.0.takes_empty_text() { usize::MAX } else { max })
    }

    fn min(self) -> usize {
        if self.0.takes_empty_text() { 0 } else { 1 }
    }
}

/// Reads `CreateEntityRequest`.
pub(crate) fn create(raw: &[u8], version: Version) -> Result<EntityDetails, Wrong> {
    let texts = Texts(version);
    body(raw, |form| {
        let kind = form.required("type", choice(EntityType::NAMES));
        let email = form.required("email", email);
        let address = form.required("address", |value| address(value, texts));
        let phone = form.optional("phone", texts.upto(100));
        let website = form.optional("website", link);
        let tax_id = form.optional("tax_id", texts.upto(30));
        let registration_number = form.optional("registration_number", texts.upto(100));
        let registration_authority = form.optional("registration_authority", texts.upto(100));
        let profile = profile(form, kind, texts);
        Some(EntityDetails {
            email: Some(email?),
            phone,
            website,
            tax_id,
            registration_number,
            registration_authority,
            logo: None,
            address: address?,
            profile: profile?,
        })
    })
}

/// The object that belongs to the type; the other one must not be there. Without a valid type both are checked.
fn profile(form: &mut Form, kind: Option<EntityType>, texts: Texts) -> Option<Profile> {
    let found_organization = form.optional("organization", |value| organization(value, texts));
    let found_individual = form.optional("individual", |value| individual(value, texts));
    let (own, other, other_found) = match kind? {
        EntityType::Organization => ("organization", "individual", found_individual.is_some()),
        EntityType::Individual => ("individual", "organization", found_organization.is_some()),
    };
    if other_found {
        let wrong = Wrong::here("Extra inputs are not permitted", "extra_forbidden");
        form.refuse(other, wrong.left_open(Point::StrayProfile));
    }
    let profile = match kind? {
        EntityType::Organization => found_organization.map(Profile::Organization),
        EntityType::Individual => found_individual.map(Profile::Individual),
    };
    if profile.is_none() && !form.is_wrong(own) {
        form.refuse(own, Wrong::here("Field required", "missing"));
    }
    profile
}

fn address(value: Value, texts: Texts) -> Result<Address, Wrong> {
    object(value, Extras::Refuse, |form| {
        let country = if texts.0.assumes_germany() && !form.has("country") {
            Some("DE".to_owned())
        } else {
            form.required("country", country)
        };
        let city = form.required("city", texts.place(100));
        let line1 = form.required("line1", texts.place(200));
        let line2 = form.optional("line2", texts.upto(100));
        let postal_code = form.required("postal_code", texts.upto(10));
        let state = form.optional("state", texts.upto(100));
        Some(Address { country: country?, city: city?, line1: line1?, line2, postal_code: postal_code?, state })
    })
}

fn country(value: Value) -> Result<String, Wrong> {
    let code = string(value)?;
    if countries::country(&code).is_some() {
        Ok(code)
    } else {
        Err(Wrong::here("Input should be an ISO 3166-1 alpha-2 country code, such as 'DE' or 'US'", "enum"))
    }
}

fn business_structure(value: Value) -> Result<String, Wrong> {
    choice(BUSINESS_STRUCTURES)(value).map(str::to_owned)
}

/// Unlike all other objects this one tolerates unknown keys on create.
fn organization(value: Value, texts: Texts) -> Result<Organization, Wrong> {
    object(value, Extras::Ignore, |form| {
        let legal_name = form.required("legal_name", texts.upto(255));
        let organization = Organization {
            legal_name: String::new(),
            legal_entity_id: form.optional("legal_entity_id", texts.upto(20)),
            business_structure: form.optional("business_structure", business_structure),
            directors_provided: form.optional("directors_provided", boolean),
            executives_provided: form.optional("executives_provided", boolean),
            owners_provided: form.optional("owners_provided", boolean),
            representative_provided: form.optional("representative_provided", boolean),
        };
        Some(Organization { legal_name: legal_name?, ..organization })
    })
}

fn individual(value: Value, texts: Texts) -> Result<Individual, Wrong> {
    object(value, Extras::Refuse, |form| {
        let first_name = form.required("first_name", texts.upto(100));
        let last_name = form.required("last_name", texts.upto(100));
        let title = form.optional("title", texts.upto(10));
        let date_of_birth = form.optional("date_of_birth", date);
        let id_number = form.optional("id_number", texts.upto(100));
        let ssn_last_4 = form.optional("ssn_last_4", text(4, 4));
        Some(Individual { first_name: first_name?, last_name: last_name?, title, date_of_birth, id_number, ssn_last_4 })
    })
}

/// Reads `UpdateEntityRequest`. `type` and `address.country` are not part of it, so sending them is an extra field.
pub(crate) fn update(raw: &[u8], version: Version) -> Result<EntityPatch, Wrong> {
    let texts = Texts(version);
    patch_body(raw, |form| {
        Some(EntityPatch {
            email: form.patch("email", email),
            phone: form.patch("phone", texts.upto(100)),
            website: form.patch("website", link),
            tax_id: form.patch("tax_id", texts.upto(30)),
            registration_number: form.patch("registration_number", texts.upto(100)),
            registration_authority: form.patch("registration_authority", texts.upto(100)),
            address: nested(form, "address", |form| address_patch(form, texts)),
            organization: nested(form, "organization", |form| organization_patch(form, texts)),
            individual: nested(form, "individual", |form| individual_patch(form, texts)),
        })
    })
}

fn nested<T>(form: &mut Form, name: &'static str, read: impl FnOnce(&mut Form) -> T) -> Patch<T> {
    form.patch(name, |value| object(value, Extras::Refuse, |form| Some(read(form))))
}

fn address_patch(form: &mut Form, texts: Texts) -> AddressPatch {
    AddressPatch {
        city: form.patch("city", texts.place(100)),
        line1: form.patch("line1", texts.place(200)),
        line2: form.patch("line2", texts.upto(100)),
        postal_code: form.patch("postal_code", texts.upto(10)),
        state: form.patch("state", texts.upto(100)),
    }
}

fn organization_patch(form: &mut Form, texts: Texts) -> OrganizationPatch {
    OrganizationPatch {
        legal_name: form.patch("legal_name", texts.upto(255)),
        legal_entity_id: form.patch("legal_entity_id", texts.upto(20)),
        business_structure: form.patch("business_structure", business_structure),
        directors_provided: form.patch("directors_provided", boolean),
        executives_provided: form.patch("executives_provided", boolean),
        owners_provided: form.patch("owners_provided", boolean),
        representative_provided: form.patch("representative_provided", boolean),
    }
}

fn individual_patch(form: &mut Form, texts: Texts) -> IndividualPatch {
    IndividualPatch {
        first_name: form.patch("first_name", texts.upto(100)),
        last_name: form.patch("last_name", texts.upto(100)),
        title: form.patch("title", texts.upto(10)),
        date_of_birth: form.patch("date_of_birth", date),
        id_number: form.patch("id_number", texts.upto(100)),
        ssn_last_4: form.patch("ssn_last_4", text(4, 4)),
    }
}
