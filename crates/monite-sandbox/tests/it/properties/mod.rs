//! What holds for any sequence of operations. Chance comes from a fixed seed; see `support::chance`.

mod model;
mod play;
mod sequences;
mod steps;
