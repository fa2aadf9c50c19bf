//! The words of the bridge as types: no I/O, no SQL, no HTTP.

pub mod document;
pub mod fixed;
pub mod id;
pub mod role;
pub mod seen;
pub mod stamp;
pub mod sync;

pub use id::{CustomerId, InvalidId, ObjectId, UserId};
pub use seen::{Attempt, EntityLink, LANDS_WITHIN_UNSEEN, RoleLink, Seen, UserLink};
pub use stamp::{BridgeId, Stamp, Stamped};
pub use sync::{Call, Generation, LastError, SyncState, SyncStatus};
