//! `import-state`: a whole state into an empty database.

use std::path::{Path, PathBuf};

use tokio::io::{AsyncBufRead, BufReader};

use super::export::{failure, summary};
use super::failure::{Exit, Failure};
use super::output::Output;
use crate::assemble::Setup;
use crate::audit::AuditEntry;
use crate::{store, transfer};

/// Read from the file at once.
const READ_AHEAD_BYTES: usize = 256 * 1024;

/// Bring a state that `export` wrote into an empty database
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A file that is not whole leaves the database empty. Until it has ended no other command opens the database; should it be interrupted,
run it again: it begins anew.")]
pub(super) struct ImportState {
    /// Where from; `-` reads stdin
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
}

impl ImportState {
    pub(super) async fn run(&self, setup: &Setup, output: &Output) -> Result<Exit, Failure> {
        let mut from = self.open().await?;
        let store = store::open_portable(setup.config.database.url.as_str()).await?;
        let run = uuid::Uuid::new_v4().to_string();
        let imported = transfer::import(store.as_ref(), &run, from.as_mut()).await;
        store.close().await;
        let counts = imported.map_err(failure)?;
        // It begins the log of the new database: that of the old one stays where it was written.
        let store = setup.open_store().await?;
        let what = format!("import-state {}", self.file.display());
        store.append_audit(&[AuditEntry::of_command(&what, setup.now())]).await?;
        store.close().await;
        output.result(&format!("{} stored", summary(&counts)), &counts);
        Ok(Exit::Done)
    }

    async fn open(&self) -> Result<Box<dyn AsyncBufRead + Send + Unpin>, Failure> {
        if self.file == Path::new("-") {
            return Ok(Box::new(BufReader::new(tokio::io::stdin())));
        }
        let file = tokio::fs::File::open(&self.file).await.map_err(|error| {
            Failure::usage(
                format!("cannot read {}: {error}", self.file.display()),
                "Name a file that `monite-bridge export` wrote, or - for stdin.",
            )
        })?;
        Ok(Box::new(BufReader::with_capacity(READ_AHEAD_BYTES, file)))
    }
}
