//! What the product desires, made ready to be written: canonical text and its hash are computed once, before any transaction.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::domain::document::{CustomerDocument, UserDocument};
use crate::domain::{CustomerId, UserId};

/// Tells whether two documents are the same without reading either.
pub(super) type Hash = [u8; 32];

/// A customer's document, ready to be written.
#[derive(Debug, Clone)]
pub(super) struct DesiredCustomer {
    pub(super) id: CustomerId,
    pub(super) document: CustomerDocument,
    /// The canonical text; shared with the statement that writes it.
    pub(super) text: Arc<str>,
    pub(super) hash: Hash,
}

impl DesiredCustomer {
    pub(super) fn new(id: &CustomerId, document: &CustomerDocument) -> Self {
        let text = document.to_text();
        Self { id: id.clone(), document: document.clone(), hash: hash(&text), text: text.into() }
    }
}

/// A user's document, ready to be written.
#[derive(Debug, Clone)]
pub(super) struct DesiredUser {
    pub(super) customer: CustomerId,
    pub(super) id: UserId,
    pub(super) login: String,
    pub(super) role: String,
    /// The canonical text; shared with the statement that writes it.
    pub(super) text: Arc<str>,
    pub(super) hash: Hash,
}

impl DesiredUser {
    pub(super) fn new(customer: &CustomerId, id: &UserId, document: &UserDocument) -> Self {
        let text = document.to_text();
        Self {
            customer: customer.clone(),
            id: id.clone(),
            login: document.login.clone(),
            role: document.role.as_str().to_owned(),
            hash: hash(&text),
            text: text.into(),
        }
    }
}

pub(super) fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}
