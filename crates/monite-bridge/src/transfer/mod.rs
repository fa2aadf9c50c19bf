//! A bridge's whole state as text: from one database into another, of whichever kind.
//!
//! One JSON document per line. The first line says which form this is, then come the records of [`Saved`](crate::store::saved::Saved) in the order of their keys, and
//! the last line counts them, so that a text that breaks off is known for it. The same state makes the same bytes. Both ways go page by
//! page: memory depends neither on the number of customers nor on that of their users.

mod export;
mod import;

use serde::{Deserialize, Serialize};

pub use self::export::export;
pub use self::import::{LONGEST_LINE, import};
use crate::store::StoreError;
use crate::store::saved::SavedCounts;

/// The form this version writes, and the only one it reads.
const FORM: u32 = 2;

/// Records in one transaction.
const PAGE: u32 = 500;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct First {
    monite_bridge_state: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    end: SavedCounts,
}

/// Why a state could not be written out or brought in.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The text could not be read or written.
    #[error("the state could not be read or written")]
    Io(#[from] std::io::Error),
    /// Somebody is at work on the database.
    #[error("another process uses this database, or died less than 15 seconds ago: {}", .0.join(", "))]
    AtWork(Vec<String>),
    /// It was written to meanwhile.
    #[error("the database was written to while it was written out")]
    Changed,
    /// There is something in it.
    #[error("the database holds customers, secrets or API keys already")]
    NotEmpty,
    /// Another one was begun on the same database.
    #[error("another import of a state has begun on this database")]
    Overtaken,
    /// What is there in the end is not what was stored.
    #[error("another process wrote to the database meanwhile")]
    Disturbed,
    /// The text is no state, or not a whole one.
    #[error("line {line}: {reason}")]
    Unusable {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}
