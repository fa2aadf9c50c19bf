//! What holds for any sequence of operations. Chance comes from a fixed seed; see `support::chance`.

mod calls;
mod compare;
mod filters;
mod lagging;
mod lists;
mod model;
mod news;
mod pages;
mod play;
mod sequences;
mod steps;
