//! A local Monite.
