//! What can go wrong with the store itself.

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or failed.
    #[error("the database failed at {operation}")]
    Database {
        /// The query's name, as it shows in the database's logs.
        operation: &'static str,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// The database could not be opened or brought to this version.
    #[error("cannot open the database {url}: {reason}")]
    Open {
        /// Which one (no password in it).
        url: String,
        /// What to do about it.
        reason: String,
    },
    /// A row does not read as what it should be: somebody else wrote it, or it is from a newer version.
    #[error("the row {row} in the database cannot be read: {reason}")]
    Corrupt {
        /// Which one.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The writer has stopped: the process is shutting down.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// For one more of those who waited for the same thing. The driver's error cannot be cloned; its words can.
    pub(super) fn copy(&self) -> Self {
        match self {
            Self::Database { operation, source } => {
                Self::Database { operation, source: sqlx::Error::Protocol(source.to_string()) }
            }
            Self::Open { url, reason } => Self::Open { url: url.clone(), reason: reason.clone() },
            Self::Corrupt { row, reason } => Self::Corrupt { row: row.clone(), reason: reason.clone() },
            Self::Closed => Self::Closed,
        }
    }
}

/// Says which query failed. A closed pool means a closed store.
pub(super) fn database(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| match source {
        sqlx::Error::PoolClosed => StoreError::Closed,
        source => StoreError::Database { operation, source },
    }
}
