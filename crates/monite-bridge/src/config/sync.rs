use std::time::Duration;

use super::section::Section;

/// `[sync]`: how what the product said is brought to Monite.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncConfig {
    /// Customers worked on at the same time.
    pub workers: usize,
    /// How often everything is looked at again although nothing changed; `None` leaves it to changes alone.
    pub sweep_interval: Option<Duration>,
    /// What a deleted customer means at Monite, which has no deletion of entities.
    pub on_customer_delete: OnCustomerDelete,
    /// What a deleted user means at Monite.
    pub on_user_delete: OnUserDelete,
    /// What to do about differences that did not come from the product.
    pub drift: Drift,
    /// The part of `monite.rate_limit` that looking again may take, from 0.001 to 1.
    pub sweep_share: f64,
}

/// `on_customer_delete`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCustomerDelete {
    /// The entity is deactivated.
    Deactivate,
    /// The entity is left as it is.
    Keep,
}

/// `on_user_delete`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUserDelete {
    /// The entity user is deleted.
    Delete,
    /// The entity user is left as it is.
    Keep,
}

/// `drift`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    /// Monite is brought back to what the product said.
    Enforce,
    /// The object is `drifted` and says in which fields, until somebody decides.
    Report,
}

impl Default for SyncConfig {
    fn default() -> Self {
        Self {
            // Enough to keep 30 requests/s busy at half a second per call.
            workers: 16,
            sweep_interval: None,
            on_customer_delete: OnCustomerDelete::Deactivate,
            on_user_delete: OnUserDelete::Delete,
            drift: Drift::Enforce,
            // Changes and logins come first; at 30 requests/s this still looks at 10,000 customers in about two hours.
            sweep_share: 0.1,
        }
    }
}

impl SyncConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let default = Self::default();
        let config = Self {
            workers: section.number("workers", 1..=256).map_or(default.workers, |n| n as usize),
            sweep_interval: section.duration("sweep_interval", Duration::from_secs(1)..=30 * DAY),
            on_customer_delete: section
                .choice(
                    "on_customer_delete",
                    &[("deactivate", OnCustomerDelete::Deactivate), ("keep", OnCustomerDelete::Keep)],
                )
                .unwrap_or(default.on_customer_delete),
            on_user_delete: section
                .choice("on_user_delete", &[("delete", OnUserDelete::Delete), ("keep", OnUserDelete::Keep)])
                .unwrap_or(default.on_user_delete),
            drift: section
                .choice("drift", &[("enforce", Drift::Enforce), ("report", Drift::Report)])
                .unwrap_or(default.drift),
            sweep_share: section.share("sweep_share").unwrap_or(default.sweep_share),
        };
        section.finish();
        config
    }
}
