//! What goes into the [store](super::Store) and comes out of it: the values beside the trait.

use std::collections::BTreeMap;

use jiff::Timestamp;
use monite::{EntityId, EntityUserId, NewEntity, NewEntityUser};

use crate::domain::document::{CustomerDocument, FieldError, UserDocument};
use crate::domain::role::RoleName;
use crate::domain::{
    Attempt, Call, CustomerId, EntityLink, Generation, LastError, ObjectId, RoleLink, Seen, SyncState, SyncStatus,
    UserId, UserLink,
};

/// Whether the product wants a thing to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// It should be at Monite as its document says.
    Present,
    /// The product deleted it: a customer's entity is to be deactivated, a user's entity user deleted.
    Gone,
}

/// A condition on a write, from `If-Match` and `If-None-Match` (RFC 9110, section 13.1). A deleted customer still exists for it
/// (it is deactivated); a deleted user does not, even while its deletion waits for Monite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// Write whatever is there.
    None,
    /// Only if the object is at this generation.
    Generation(Generation),
    /// Only if the object exists (`If-Match: *`).
    Exists,
    /// Only if it does not (`If-None-Match: *`).
    Missing,
}

/// A customer as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Customer {
    /// The product's id.
    pub id: CustomerId,
    /// What the product last wrote.
    pub document: CustomerDocument,
    /// Whether it is to be there.
    pub wish: Wish,
    /// How far it has come.
    pub sync: SyncStatus,
    /// Its entity at Monite.
    pub entity: Seen<EntityLink, NewEntity>,
    /// A change that carried something else than what is desired now went out without an answer, and may still land until then:
    /// what Monite holds must be looked at before it is changed again.
    pub doubt: Option<Timestamp>,
    /// A change that carried what is desired now went out without an answer, and may still land until then. It can do no harm
    /// until something else is desired; from then on it is a doubt.
    pub late: Option<Timestamp>,
    /// Whether its links stand in the entity's metadata, too.
    pub stamp: StampStatus,
    /// The latest calls at Monite, newest first.
    pub calls: Vec<Call>,
}

/// Whether the links of a customer are stamped into the metadata of its entity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StampStatus {
    /// When the stamp is to be written; the epoch: as soon as nothing else is to be done. `None`: it is there (or no entity is).
    pub due_at: Option<Timestamp>,
    /// Failed attempts since the last success.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub last_error: Option<LastError>,
}

/// A user as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// The customer it belongs to.
    pub customer: CustomerId,
    /// The product's id of it, unique within the customer.
    pub id: UserId,
    /// What the product last wrote.
    pub document: UserDocument,
    /// Whether it is to be there.
    pub wish: Wish,
    /// How far it has come.
    pub sync: SyncStatus,
    /// Its entity user at Monite.
    pub entity_user: Seen<UserLink, NewEntityUser>,
    /// See [`Customer::doubt`].
    pub doubt: Option<Timestamp>,
    /// See [`Customer::late`].
    pub late: Option<Timestamp>,
    /// The latest calls at Monite, newest first.
    pub calls: Vec<Call>,
}

/// A customer whose entity may be at Monite, and what was attempted.
pub type Unsettled = (CustomerId, Attempt<NewEntity>);

/// What became of a write.
#[derive(Debug, Clone, PartialEq)]
pub enum Written<T> {
    /// There was none before. A deleted user that is written again is new; a deleted customer is not.
    Created(T),
    /// It replaced something else; the generation went up.
    Changed(T),
    /// It is what was there already: nothing was written, nothing will be called.
    Unchanged(T),
    /// The [`Precondition`] did not hold; the generation that is there instead.
    Failed(Option<Generation>),
    /// The stored state forbids it: a changed country or type of an entity that exists, a login that another user holds.
    Refused(Vec<FieldError>),
    /// The customer of this user is not known.
    NoSuchCustomer,
    /// The customer is being [erased](super::ErasureStore): until that is done, nothing of it can be written.
    BeingErased,
}

/// What became of one imported record.
#[derive(Debug, Clone, PartialEq)]
pub enum Imported {
    /// Stored; how many of its objects were new, changed or the same.
    Stored {
        /// Objects that were not there before.
        created: u32,
        /// Objects with a new generation.
        changed: u32,
        /// Objects that were the same.
        unchanged: u32,
    },
    /// The stored state forbids it (see [`Written::Refused`]); nothing of the record was stored.
    Refused(Vec<FieldError>),
}

/// What `retry` makes due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryScope {
    /// One object, whatever failing state it is in. A customer includes its failing users.
    One(ObjectId),
    /// Every failing object.
    All,
}

/// Names a process that takes work.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WorkerId(pub String);

/// The right to work on one customer until `until`. Every write under it checks `fence` in the same statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The customer.
    pub customer: CustomerId,
    /// Goes up with every claim of this customer: a worker that lost its lease holds an old one.
    pub fence: i64,
    /// When others may take the customer.
    pub until: Timestamp,
}

/// Everything one visit needs, read in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    /// The customer.
    pub customer: Customer,
    /// Whether the customer's own row is due (else only its users are).
    pub customer_due: bool,
    /// The users that are due, up to the limit asked for, deletions first, then in the order of their ids.
    pub users: Vec<User>,
    /// The roles known in its entity, by template.
    pub roles: BTreeMap<RoleName, Seen<RoleLink>>,
    /// Whether the entity's roles have been listed since it exists; if not, a role that is missing above may still be there.
    pub roles_listed: bool,
}

/// What a visit found out, to be written down. Order matters; all of one [`Store::record`](super::Store::record) land together or not at all.
// A visit notes a handful of these; an entity among them is the common case, so a box would only add an allocation.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// What is known of the customer's entity. When it is another entity than before, or none any more, the roles and entity
    /// users known inside the old one are forgotten with it. The first sign of an entity under a customer that was deleted
    /// meanwhile makes that customer due: there is something to deactivate now.
    Entity(Seen<EntityLink, NewEntity>),
    /// The entity's roles have been listed.
    RolesListed,
    /// What is known of one role; `Absent` forgets it.
    Role(RoleName, Seen<RoleLink>),
    /// What is known of one user's entity user. Ignored when the user is not there any more.
    User(UserId, Seen<UserLink, NewEntityUser>),
    /// How the customer itself came out.
    CustomerDone(Progress),
    /// How one user came out.
    UserDone(UserId, Progress),
    /// The deletion of a user is complete: the row goes away, unless the product wrote the user again meanwhile.
    UserGone(UserId, Generation),
    /// Monite was looked at: what is known of the customer (or of the user, when named) is in no [doubt](Customer::doubt) any
    /// more, unless the product wrote it after this generation.
    Looked(Option<UserId>, Generation),
    /// Calls made for the customer (or for the user, when named), oldest first.
    Calls(Option<UserId>, Vec<Call>),
    /// A stamp is about to go out, or went out, without anybody seeing its answer: until when it may land, or show; `None`: no more.
    StampUnsure(Option<Timestamp>),
    /// Monite holds the stamp made from [`Links`](super::Links) of this count. Links that changed since are due to be stamped again; while another
    /// stamp may still [land](Change::StampUnsure), it is looked at once more when that is over.
    Stamped {
        /// [`Links::count`](super::Links::count).
        links: i64,
    },
    /// The stamp could not be written.
    StampFailed {
        /// When it is tried again.
        due_at: Timestamp,
        /// Why.
        error: LastError,
    },
}

/// How one object came out of a visit.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The generation acted upon. When the product wrote a newer one meanwhile, the row stays as that write left it (`pending`
    /// and due at once), and only a success is noted, as its synced generation.
    pub generation: Generation,
    /// The state it is in now.
    pub state: SyncState,
    /// Failed attempts so far.
    pub attempts: u32,
    /// When it is due again; `None`: not by itself.
    pub due_at: Option<Timestamp>,
    /// Why it failed; `None` after a success.
    pub error: Option<LastError>,
    /// A change went out of which nobody knows whether it landed; it may until then, also when a later one was answered. `None`:
    /// no such change can still land. See [`Customer::doubt`].
    pub unanswered_until: Option<Timestamp>,
    /// When this was.
    pub at: Timestamp,
}

/// Whether a write under a lease was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Fenced {
    /// It is durable.
    Recorded,
    /// Another worker holds the customer now; nothing was written, and nothing more may be called.
    LeaseLost,
}

/// What is shared under one name: an answer of [`Store::shared_token`](super::Store::shared_token).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SharedToken {
    /// Which state this is: 0 before the first duty.
    pub version: i64,
    /// The latest token, sealed.
    pub sealed: Option<Vec<u8>>,
}

/// Who a token would be for, read in one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSubject {
    /// This entity user, of this entity, and both are to be there.
    Ready {
        /// The customer's entity.
        entity_id: EntityId,
        /// The user's entity user, inside that entity.
        entity_user_id: EntityUserId,
    },
    /// Known, but not at Monite yet: where user and customer stand.
    NotYet {
        /// The customer's state.
        customer: SyncState,
        /// The user's state.
        user: SyncState,
    },
    /// The customer is deactivated (or about to be).
    CustomerGone,
    /// The user is deleted (or about to be), or was never known.
    NoSuchUser,
    /// The customer was never known.
    NoSuchCustomer,
}
