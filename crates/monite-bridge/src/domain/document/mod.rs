//! Documents at the door: what the product sends, checked as far as it can be known without asking Monite.
//!
//! Pure functions from JSON to types that need no further check. Every wrong field of a document is named at once. The rules are
//! those of Monite's own schemas (`CreateEntityRequest`, `CreateEntityUserRequest`, API version 2024-05-25) and its documented
//! semantics; what only Monite can know is left to Monite.

mod address;
mod country;
mod customer;
mod field_error;
mod fields;
mod formats;
mod merge_patch;
mod record;
mod us_state;
mod user;

pub use customer::CustomerDocument;
pub use field_error::FieldError;
pub use merge_patch::merge_patch;
pub use record::{ImportRecord, parse_record, record_id};
pub use user::UserDocument;
