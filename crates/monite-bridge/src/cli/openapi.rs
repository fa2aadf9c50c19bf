//! `openapi`: the document of the bridge's own HTTP API.

use super::failure::{Exit, Failure};
use super::output::Output;

/// Print the OpenAPI 3.1 document of the bridge's HTTP API
#[derive(Debug, clap::Args)]
pub(super) struct Openapi {}

impl Openapi {
    pub(super) fn run(&self, output: &Output) -> Result<Exit, Failure> {
        output.document(&crate::http::openapi::document());
        Ok(Exit::Done)
    }
}
