//! Everything sealed that a store keeps, whichever database keeps it: what a rotation of the master key goes through.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use super::rows::{Columns, Unread, time};

/// A store's sealed rows, wherever they lie.
#[async_trait]
pub trait SealedStore: Send + Sync {
    /// Up to `limit` sealed rows after this one, in the order of [`SealedName`].
    async fn sealed(&self, after: Option<&SealedName>, limit: u32) -> Result<Vec<SealedRow>, StoreError>;

    /// Puts `to` in the place of `from`: the same secret, sealed anew. `false`: something else lies there by now, or nothing, and nothing
    /// changed. Whatever else is known of the row stays as it is.
    async fn reseal(&self, name: &SealedName, from: &[u8], to: &[u8]) -> Result<bool, StoreError>;

    /// Takes a shared token away, if it is this one still. The next is fetched as after any other that ended.
    async fn drop_shared_token(&self, name: &str, sealed: &[u8]) -> Result<bool, StoreError>;
}

/// Where something sealed lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SealedName {
    /// On which shelf.
    pub shelf: Shelf,
    /// Its name there, which is also what it is sealed for.
    pub name: String,
}

/// The tables with sealed rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shelf {
    /// What [`Store::put_secret`](super::Store::put_secret) stores.
    Secrets,
    /// What [`Store::end_mint`](super::Store::end_mint) stores.
    SharedTokens,
}

/// Something sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// Where it lies.
    pub name: SealedName,
    /// The ciphertext; see [`seal`](super::seal).
    pub sealed: Vec<u8>,
    /// When it is worth nothing any more; `None`: never.
    pub expires_at: Option<Timestamp>,
}

impl Shelf {
    /// How queries number it.
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Secrets => 0,
            Self::SharedTokens => 1,
        }
    }
}

/// The place after which a listing goes on, as numbers and texts compare: before everything, when there is none.
pub(super) fn place(after: Option<&SealedName>) -> (i64, &str) {
    after.map_or((-1, ""), |name| (name.shelf.number(), name.name.as_str()))
}

/// From `shelf, name, sealed, expires_at`.
pub(super) fn sealed_row(row: &impl Columns) -> Result<SealedRow, StoreError> {
    let name = row.text("name")?;
    read(&name, row).map_err(|unread| unread.in_row(&format!("sealed {name}")))
}

fn read(name: &str, row: &impl Columns) -> Result<SealedRow, Unread> {
    let shelf = match row.number("shelf")? {
        0 => Shelf::Secrets,
        _ => Shelf::SharedTokens,
    };
    Ok(SealedRow {
        name: SealedName { shelf, name: name.to_owned() },
        sealed: row.bytes("sealed")?.to_vec(),
        expires_at: row.number_or_null("expires_at")?.map(time).transpose()?,
    })
}
