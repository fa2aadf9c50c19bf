//! Settings of the partner: they hold for all entities.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::field::Field;
use super::settings_parts::{CurrencySettings, PartnerMail, PayableSettings, PaymentSettings, ReceivableSettings};

/// Answer of `GET /settings`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct PartnerSettings {
    /// The version webhooks and other work in the background speak.
    pub api_version: Option<String>,
    /// Default currency and exchange rates.
    pub currency: Option<CurrencySettings>,
    /// The role every new entity gets; documented only as an object.
    pub default_role: Option<Value>,
    /// Mails that Monite sends for the partner.
    pub mail: Option<PartnerMail>,
    /// Bills.
    pub payable: Option<PayableSettings>,
    /// The page on which invoices are paid.
    pub payments: Option<PaymentSettings>,
    /// Invoices.
    pub receivable: Option<ReceivableSettings>,
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
    pub currency: Field<CurrencySettings>,
    /// The role every new entity gets; documented only as an object.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub default_role: Field<Value>,
    /// Mails that Monite sends for the partner.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub mail: Field<PartnerMail>,
    /// Bills.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub payable: Field<PayableSettings>,
    /// The page on which invoices are paid.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub payments: Field<PaymentSettings>,
    /// Invoices.
    #[serde(skip_serializing_if = "Field::is_keep")]
    pub receivable: Field<ReceivableSettings>,
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
