//! `token`: an entity-user token, for debugging.

use std::io::IsTerminal as _;

use serde::Serialize;

use super::failure::{Exit, Failure};
use super::output::Output;
use crate::assemble::{Bridge, Setup};
use crate::audit::AuditEntry;
use crate::budget::Part;
use crate::domain::{CustomerId, ObjectId, UserId};

/// Issue an entity-user token, for debugging
#[derive(Debug, clap::Args)]
pub(super) struct Token {
    /// The product's id of the customer
    customer: CustomerId,
    /// The product's id of the user
    user: UserId,
}

/// The same document as the HTTP API's token routes answer with.
#[derive(Serialize)]
struct Document<'a> {
    access_token: &'a str,
    token_type: &'a str,
    expires_in: u64,
    entity_id: String,
    entity_user_id: String,
    api_url: &'a str,
}

impl Token {
    pub(super) async fn run(&self, mut setup: Setup, output: &Output) -> Result<Exit, Failure> {
        setup.part = Part::AFew;
        let bridge = Bridge::assemble(setup).await?;
        let handout = bridge.broker.token_for(&self.customer, &self.user).await;
        let object = ObjectId::User(self.customer.clone(), self.user.clone());
        let entry = AuditEntry::of_command("token", bridge.now()).about(&object).ended(&handout);
        let noted = bridge.store.append_audit(&[entry]).await;
        bridge.close().await;
        let handout = handout.map_err(|error| {
            Failure::caused_by(&error, format!("See `monite-bridge why {}/{}`.", self.customer, self.user))
        })?;
        noted?;
        if std::io::stdout().is_terminal() {
            output.note("This is a live credential: whoever has it acts as this user until it expires.");
        }
        output.document(&Document {
            access_token: handout.token.expose(),
            token_type: handout.token.token_type(),
            expires_in: handout.expires_in,
            entity_id: handout.entity_id.to_string(),
            entity_user_id: handout.entity_user_id.to_string(),
            api_url: bridge.broker.api_url(),
        });
        Ok(Exit::Done)
    }
}
