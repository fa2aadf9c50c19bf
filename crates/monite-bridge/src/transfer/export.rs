//! From a database to text.

use monite::Clock;
use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::{FORM, First, Last, PAGE, TransferError};
use crate::store::saved::{Portable, SavedCounts};

/// Writes the whole state to `to`. No process may be at work on the database: should one write to it meanwhile, what has been written out
/// is worth nothing, and lacks its last line.
///
/// # Errors
/// [`TransferError`]
pub async fn export(
    store: &dyn Portable, clock: &dyn Clock, to: &mut (dyn AsyncWrite + Send + Unpin),
) -> Result<SavedCounts, TransferError> {
    let before = store.standing(clock.now()).await?;
    if !before.at_work.is_empty() {
        return Err(TransferError::AtWork(before.at_work));
    }
    write(to, &First { monite_bridge_state: FORM }).await?;
    let (mut counts, mut last) = (SavedCounts::default(), None);
    loop {
        let page = store.saved(last.as_ref(), PAGE).await?;
        for record in &page {
            counts.add(record);
            write(to, record).await?;
        }
        let Some(record) = page.into_iter().next_back() else { break };
        last = Some(record);
    }
    let after = store.standing(clock.now()).await?;
    if !after.at_work.is_empty() {
        return Err(TransferError::AtWork(after.at_work));
    }
    if after.mark != before.mark {
        return Err(TransferError::Changed);
    }
    write(to, &Last { end: counts }).await?;
    to.flush().await?;
    Ok(counts)
}

async fn write(to: &mut (dyn AsyncWrite + Send + Unpin), line: &impl Serialize) -> Result<(), TransferError> {
    let mut text = serde_json::to_vec(line).map_err(std::io::Error::from)?;
    text.push(b'\n');
    Ok(to.write_all(&text).await?)
}
