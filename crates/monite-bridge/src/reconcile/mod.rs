//! Brings Monite to what the product desires: look, decide, act.
//!
//! [`mod@plan`] decides and does nothing; [`observe`] looks at Monite where the store does not know; [`execute`] does one action
//! and makes no choices (`login`: who has a login that somebody is to get); [`visit`] runs the three for one customer until nothing is left; [`mod@stamp`] writes the links into the
//! entity once nothing else is due; [`driver`] decides when; [`awaited`] customers come first. [`sweep`] looks again at
//! everything, for what somebody else changed. [`adopt`] links what exists at Monite already. [`mod@erase`] scrubs one customer for good.

pub mod adopt;
pub mod awaited;
pub mod compare;
pub mod diff;
mod doubt;
pub mod driver;
pub mod erase;
pub mod execute;
mod login;
pub mod observe;
pub mod outcome;
pub mod plan;
pub mod stamp;
pub mod sweep;
pub mod visit;

pub use awaited::Awaited;
pub use driver::{PassReport, Reconciler};
pub use plan::{Action, Policy, plan};
pub use sweep::Sweeper;
