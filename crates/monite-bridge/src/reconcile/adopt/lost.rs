//! Whether a database without any link stands where another one was.

use futures::{StreamExt, TryStreamExt};
use monite::{EntityFilter, EntityStatus, Monite, Order, SortBy};

use super::super::observe::LookError;
use crate::domain::{BridgeId, Stamped};
use crate::store::Store;

/// Entities asked for their stamp, the newest first: where a bridge was at work, they are its own. A look at all of them is what `adopt`
/// is for.
const ASKED: u32 = 20;

/// The bridge that stamped entities at Monite, if this database has no link and another name: it may be a lost one's empty successor, and
/// would create what is there already. Costs nothing once there is a link.
///
/// # Errors
/// When something could not be read: nothing is known then.
pub async fn predecessor(monite: &Monite, store: &dyn Store) -> Result<Option<BridgeId>, LookError> {
    if store.has_links().await? {
        return Ok(None);
    }
    let own = store.bridge().await?;
    let filter = EntityFilter {
        sort: Some(SortBy::CreatedAt),
        order: Some(Order::Desc),
        limit: Some(ASKED),
        ..EntityFilter::default()
    };
    let mut newest = monite.entities().stream(filter).take(ASKED as usize);
    while let Some(entity) = newest.try_next().await? {
        if entity.status == EntityStatus::Deleted {
            continue;
        }
        let metadata = match monite.entity(entity.id).metadata().get().await {
            Err(error) if error.is_not_found() => continue,
            answered => answered?,
        };
        match Stamped::read(&metadata) {
            Stamped::By(stamp) if stamp.bridge != own => return Ok(Some(stamp.bridge)),
            Stamped::By(_) | Stamped::Not | Stamped::Unreadable(_) => {}
        }
    }
    Ok(None)
}
