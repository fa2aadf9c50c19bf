//! `retry`: makes failed objects due now.

use serde_json::json;

use super::failure::{Exit, Failure};
use super::output::Output;
use super::why::unknown;
use super::words;
use crate::assemble::Setup;
use crate::audit::AuditEntry;
use crate::domain::ObjectId;
use crate::store::{RetryScope, Store};

/// Make failed objects due now; a running `serve` or the next `sync` tries them
#[derive(Debug, clap::Args)]
pub(super) struct Retry {
    /// One customer with its failing users, or one user
    #[arg(value_name = "CUSTOMER[/USER]", required_unless_present = "all", conflicts_with = "all")]
    object: Option<ObjectId>,
    /// Everything that fails
    #[arg(long)]
    all: bool,
}

impl Retry {
    pub(super) async fn run(&self, setup: &Setup, output: &Output) -> Result<Exit, Failure> {
        let store = setup.open_store().await?;
        let scope = match &self.object {
            Some(object) => {
                must_exist(store.as_ref(), object).await?;
                RetryScope::One(object.clone())
            }
            None => RetryScope::All,
        };
        let due = store.retry(&scope, setup.now()).await?;
        let entry = match &self.object {
            Some(object) => AuditEntry::of_command("retry", setup.now()).about(object),
            None => AuditEntry::of_command("retry --all", setup.now()),
        };
        store.append_audit(&[entry]).await?;
        let text = match due {
            0 => "nothing fails there; nothing was changed".to_owned(),
            _ => format!(
                "{} due now; `monite-bridge serve` or `monite-bridge sync` tries again",
                words::count(due, "object")
            ),
        };
        output.result(&text, &json!({ "retried": due }));
        store.close().await;
        Ok(Exit::Done)
    }
}

async fn must_exist(store: &dyn Store, object: &ObjectId) -> Result<(), Failure> {
    let is_known = match object {
        ObjectId::Customer(customer) => store.customer(customer).await?.is_some(),
        ObjectId::User(customer, user) => store.user(customer, user).await?.is_some(),
    };
    if is_known { Ok(()) } else { Err(unknown(object)) }
}
