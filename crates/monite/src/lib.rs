//! Typed async client for Monite.
