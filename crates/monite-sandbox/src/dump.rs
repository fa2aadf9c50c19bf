//! Everything the sandbox holds as one JSON document, and back again.
//!
//! In it: entities, roles, users, settings, webhooks, the digests of tokens, the clock's offset, quirks. Not in it: what
//! only steers this run (credentials, faults, rate limit, journal). Webhook secrets have to be in it, so the document is
//! as secret as they are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::quirks::UnknownQuirk;
use crate::world::World;
use crate::world::dump::{KeptRow, LoadError};

/// Changes when an older sandbox could not read what a newer one writes.
const FORMAT: &str = "monite-sandbox 1";

/// Why a document cannot be loaded. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// Not JSON, or not of the shape that dumps have.
    #[error("this is not a dump of a sandbox")]
    Shape(#[source] serde_json::Error),
    /// A dump, but of another version.
    #[error("this dump has the format {0:?}, this sandbox reads {FORMAT:?}")]
    Format(String),
    /// It chooses an outcome that does not exist.
    #[error(transparent)]
    Quirk(#[from] UnknownQuirk),
    /// A row is not what the sandbox writes.
    #[error("the dump holds something else than rows of a sandbox")]
    Row(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<LoadError> for DumpError {
    fn from(error: LoadError) -> Self {
        Self::Row(Box::new(error))
    }
}

/// The document of a world.
pub(crate) fn write(world: &World, taken_at: Timestamp, clock_offset_micros: i64) -> String {
    let mut by_kind: BTreeMap<&str, String> = BTreeMap::new();
    for row in world.all_rows() {
        let rows = by_kind.entry(row.kind).or_default();
        if !rows.is_empty() {
            rows.push_str(",\n");
        }
        rows.push_str(&format!("{}:{}", Value::from(row.id), row.body.unwrap_or_default()));
    }
    let kinds: Vec<String> = by_kind.iter().map(|(kind, rows)| format!("\"{kind}\":{{\n{rows}}}")).collect();
    format!(
        "{{\"format\":\"{FORMAT}\",\"taken_at\":\"{taken_at}\",\"clock_offset_micros\":{clock_offset_micros},\n\
         \"quirks\":{},\n\"rows\":{{{}}}}}\n",
        Value::Object(world.quirks.chosen()),
        kinds.join(",\n"),
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    #[serde(rename = "taken_at")]
    _taken_at: Timestamp,
    /// The clock only moves forward.
    clock_offset_micros: u64,
    quirks: Map<String, Value>,
    /// By kind, then by id.
    rows: BTreeMap<String, BTreeMap<String, Value>>,
}

/// Fills an empty world from a document; quirks that it does not mention stay. Returns the clock's offset.
pub(crate) fn read(document: &str, into: &mut World) -> Result<i64, DumpError> {
    let document: Document = serde_json::from_str(document).map_err(DumpError::Shape)?;
    if document.format != FORMAT {
        return Err(DumpError::Format(document.format));
    }
    into.quirks.apply(&document.quirks)?;
    let rows = document.rows.into_iter();
    let rows = rows.flat_map(|(kind, rows)| {
        rows.into_iter().map(move |(id, body)| KeptRow { kind: kind.clone(), id, body: body.to_string() })
    });
    into.load_whole(rows.collect())?;
    Ok(i64::try_from(document.clock_offset_micros).unwrap_or(i64::MAX))
}
