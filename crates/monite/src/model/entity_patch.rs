//! Changes to entities: only what is set is sent.

use serde::{Deserialize, Serialize};

use super::entity::BusinessStructure;
use super::field::Field;

/// Body of `PATCH /entities/{id}`. Nested parts merge: only the leaves that are set change.
/// There is no type and no country here, because Monite lets neither change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EntityPatch {
    /// New e-mail address.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub email: Field<String>,
    /// Changes to the address.
    #[serde(skip_serializing_if = "AddressPatch::is_empty")]
    pub address: AddressPatch,
    /// Changes to the organization; refused for an individual.
    #[serde(skip_serializing_if = "OrganizationPatch::is_empty")]
    pub organization: OrganizationPatch,
    /// Changes to the individual; refused for an organization.
    #[serde(skip_serializing_if = "IndividualPatch::is_empty")]
    pub individual: IndividualPatch,
    /// New phone number.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub phone: Field<String>,
    /// New web address.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub website: Field<String>,
    /// New tax id.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub tax_id: Field<String>,
    /// New register number.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub registration_number: Field<String>,
    /// New register court.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub registration_authority: Field<String>,
}

/// Changes to an address. Monite refuses to clear `city`, `line1` and `postal_code`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AddressPatch {
    /// New city.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub city: Field<String>,
    /// New first line.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub line1: Field<String>,
    /// New second line.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub line2: Field<String>,
    /// New postal code.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub postal_code: Field<String>,
    /// New state.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub state: Field<String>,
}

/// Changes to an organization. Monite refuses to clear `legal_name`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrganizationPatch {
    /// New legal name.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub legal_name: Field<String>,
    /// New legal entity id.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub legal_entity_id: Field<String>,
    /// New legal form.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub business_structure: Field<BusinessStructure>,
    /// All directors have been named.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub directors_provided: Field<bool>,
    /// All executives have been named.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub executives_provided: Field<bool>,
    /// All owners have been named.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub owners_provided: Field<bool>,
    /// The representative has been named.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub representative_provided: Field<bool>,
}

/// Changes to an individual. Monite refuses to clear the names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IndividualPatch {
    /// New first name.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub first_name: Field<String>,
    /// New last name.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub last_name: Field<String>,
    /// New title.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub title: Field<String>,
    /// New date of birth, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub date_of_birth: Field<String>,
    /// New id number.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub id_number: Field<String>,
    /// New last four digits of the SSN.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub ssn_last_4: Field<String>,
}

macro_rules! is_empty {
    ($($name:ident),*) => {$(
        impl $name {
            /// True when nothing would change: such a patch need not be sent.
            pub fn is_empty(&self) -> bool {
                *self == Self::default()
            }
        }
    )*};
}

is_empty!(EntityPatch, AddressPatch, OrganizationPatch, IndividualPatch);
