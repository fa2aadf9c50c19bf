//! Settings of the partner: they hold for all entities.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::field::Field;

/// Answer of `GET /settings`. The deep parts stay as JSON: they belong to other products of Monite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct PartnerSettings {
    /// The version webhooks and other work in the background speak.
    pub api_version: Option<String>,
    /// Default currency and exchange rates.
    pub currency: Option<Value>,
    /// The role every new entity gets; documented only as an object.
    pub default_role: Option<Value>,
    /// Sender of mails: `from_name` (at most 30 characters), `from_email_username` (at most 64),
    /// `attach_documents_as_pdf`.
    pub mail: Option<Value>,
    /// Bills; `approve_page_url` is required inside.
    pub payable: Option<Value>,
    /// Payment page: `payment_page_domain`, `payment_page_theme`, `support_email`.
    pub payments: Option<Value>,
    /// Invoices; `create_without_personal_info` is required inside, `deduction_title` has at most 32 characters.
    pub receivable: Option<Value>,
    /// The partner's web address, HTTPS.
    pub website: Option<String>,
    /// Without effect.
    pub commercial_conditions: Option<Vec<String>>,
    /// Without effect.
    pub units: Option<Value>,
    /// Whatever else Monite sent.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Body of `PATCH /settings`. Whether Monite merges or replaces the deep parts is not documented: send them
/// whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PartnerSettingsPatch {
    /// The version webhooks and other work in the background speak.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub api_version: Field<String>,
    /// Default currency and exchange rates.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub currency: Field<Value>,
    /// The role every new entity gets; documented only as an object.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub default_role: Field<Value>,
    /// Sender of mails: `from_name` (at most 30 characters), `from_email_username` (at most 64),
    /// `attach_documents_as_pdf`.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub mail: Field<Value>,
    /// Bills; `approve_page_url` is required inside.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub payable: Field<Value>,
    /// Payment page: `payment_page_domain`, `payment_page_theme`, `support_email`.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub payments: Field<Value>,
    /// Invoices; `create_without_personal_info` is required inside, `deduction_title` has at most 32 characters.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub receivable: Field<Value>,
    /// The partner's web address, HTTPS.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub website: Field<String>,
    /// Without effect.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub commercial_conditions: Field<Vec<String>>,
    /// Without effect.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub units: Field<Value>,
    /// Keys this version does not know; Monite tolerates them here.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl PartnerSettingsPatch {
    /// True when nothing would change: such a patch need not be sent.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
