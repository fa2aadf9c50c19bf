//! What holds for any sequence of operations. Chance comes from a fixed seed; see `support::chance`.

mod filters;
mod lagging;
mod lists;
mod model;
mod pages;
mod play;
mod sequences;
mod steps;
