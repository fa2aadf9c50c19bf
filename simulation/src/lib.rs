//! The whole system in one process, from a seed: bridges on one store, Monite, the network between them, the product, crashes,
//! and time. One seed, one history, byte for byte.
//!
//! In reading order: [`turnstile`] (who goes next is the whole of what can differ), [`clock`], [`store`] and [`network`] (what
//! waits there), [`bridge`], [`product`], [`plan`] (what a seed makes of the world), [`run`](mod@run), [`check`] (what must be
//! true in the end), [`history`] and [`chance`].

pub mod bridge;
pub mod chance;
pub mod check;
pub mod clock;
pub mod history;
pub mod network;
pub mod plan;
pub mod product;
pub mod run;
pub mod store;
pub mod turnstile;

pub use run::{Outcome, run};
