//! Entities: what Monite stores about one customer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::open_enum::open_enum;
use crate::id::EntityId;

/// Body of `POST /entities`. `None` is not sent; Monite refuses empty strings since version 2024-01-31.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewEntity {
    /// Organization or individual; cannot change later.
    #[serde(rename = "type")]
    pub entity_type: EntityType,
    /// Where Monite writes to this customer.
    pub email: String,
    /// Where it is; the country cannot change later.
    pub address: Address,
    /// Required when the type is `organization`, refused otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Organization>,
    /// Required when the type is `individual`, refused otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub individual: Option<Individual>,
    /// At most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// A URL of at most 2083 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// 1 to 30 characters; needed for receivables unless there is a VAT id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_id: Option<String>,
    /// Germany only, 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_number: Option<String>,
    /// Germany only, required with `registration_number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_authority: Option<String>,
}

/// A postal address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// ISO 3166-1 alpha-2, plus `AN`, `EA` (Ceuta, Melilla) and `IC` (Canary Islands).
    pub country: String,
    /// 1 to 100 characters.
    pub city: String,
    /// 1 to 200 characters.
    pub line1: String,
    /// 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// 1 to 10 characters.
    pub postal_code: String,
    /// 1 to 100 characters; for the US required, and the two-letter USPS code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// What only a company has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Organization {
    /// 1 to 255 characters, at most 100 if payment rails are used.
    pub legal_name: String,
    /// 1 to 20 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_entity_id: Option<String>,
    /// The legal form; needed for payments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_structure: Option<BusinessStructure>,
    /// All directors have been named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directors_provided: Option<bool>,
    /// All executives have been named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executives_provided: Option<bool>,
    /// All owners have been named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owners_provided: Option<bool>,
    /// The representative has been named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub representative_provided: Option<bool>,
}

/// What only a person has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Individual {
    /// 1 to 100 characters.
    pub first_name: String,
    /// 1 to 100 characters.
    pub last_name: String,
    /// 1 to 10 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `YYYY-MM-DD`; kept as text, so that whatever Monite stored can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_of_birth: Option<String>,
    /// 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_number: Option<String>,
    /// Exactly 4 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssn_last_4: Option<String>,
}

/// An entity as Monite renders it. Absent optional values arrive as `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entity {
    /// Monite's id.
    pub id: EntityId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last really changed.
    pub updated_at: Timestamp,
    /// Organization or individual.
    #[serde(rename = "type")]
    pub entity_type: EntityType,
    /// Whether its users may work.
    pub status: EntityStatus,
    /// Where it is.
    pub address: Address,
    /// Present for organizations.
    #[serde(default)]
    pub organization: Option<Organization>,
    /// Present for individuals.
    #[serde(default)]
    pub individual: Option<Individual>,
    /// Where Monite writes to it.
    #[serde(default)]
    pub email: Option<String>,
    /// Phone number.
    #[serde(default)]
    pub phone: Option<String>,
    /// Web address.
    #[serde(default)]
    pub website: Option<String>,
    /// Tax id.
    #[serde(default)]
    pub tax_id: Option<String>,
    /// German register number.
    #[serde(default)]
    pub registration_number: Option<String>,
    /// German register court.
    #[serde(default)]
    pub registration_authority: Option<String>,
    /// The uploaded logo's file record, as Monite sends it.
    #[serde(default)]
    pub logo: Option<Value>,
}

open_enum! {
    /// What an entity is.
    EntityType {
        /// A company.
        Organization = "organization",
        /// A person.
        Individual = "individual",
    }
}

open_enum! {
    /// Whether an entity may act.
    EntityStatus {
        /// Works.
        Active = "active",
        /// Switched off by `deactivate`.
        Inactive = "inactive",
        /// Gone; not listed.
        Deleted = "deleted",
    }
}

open_enum! {
    /// Legal form of a company. Which of them exist depends on the country; Monite documents no check.
    BusinessStructure {
        /// European partnership with legal personality.
        IncorporatedPartnership = "incorporated_partnership",
        /// European partnership without legal personality.
        UnincorporatedPartnership = "unincorporated_partnership",
        /// Listed company.
        PublicCorporation = "public_corporation",
        /// Private company.
        PrivateCorporation = "private_corporation",
        /// US: one owner.
        SoleProprietorship = "sole_proprietorship",
        /// US: LLC with one member.
        SingleMemberLlc = "single_member_llc",
        /// US: LLC with several members.
        MultiMemberLlc = "multi_member_llc",
        /// US: private partnership.
        PrivatePartnership = "private_partnership",
        /// US: unincorporated association.
        UnincorporatedAssociation = "unincorporated_association",
        /// US: listed partnership.
        PublicPartnership = "public_partnership",
    }
}
