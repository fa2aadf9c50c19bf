//! `export`: the whole state as text, for another database.

use std::path::{Path, PathBuf};

use tokio::io::{AsyncWrite, AsyncWriteExt as _, BufWriter};

use super::failure::{Exit, Failure, chain};
use super::output::Output;
use super::words;
use crate::assemble::Setup;
use crate::store;
use crate::store::saved::{Portable, SavedCounts};
use crate::transfer::{self, TransferError};

/// Written to the file at once.
const WRITE_AHEAD_BYTES: usize = 256 * 1024;

/// Write the whole state to a file or a pipe, for `import-state` into another database
#[derive(Debug, clap::Args)]
#[command(after_help = "\
No process may be at work on the database: stop `serve` everywhere first. Secrets stay sealed: the other database needs the same master
key. The file holds what your product told of its customers and users; keep it as you keep the database.")]
pub(super) struct Export {
    /// Where to; `-` writes to stdout
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
}

impl Export {
    pub(super) async fn run(&self, setup: &Setup, output: &Output) -> Result<Exit, Failure> {
        let store = store::open_portable(setup.config.database.url.as_str()).await?;
        let written = if self.file == Path::new("-") {
            let mut to = BufWriter::with_capacity(WRITE_AHEAD_BYTES, tokio::io::stdout());
            write(store.as_ref(), setup, &mut to).await
        } else {
            self.to_file(store.as_ref(), setup).await
        };
        store.close().await;
        let counts = written?;
        if self.file == Path::new("-") {
            output.note(&format!("{} written out", summary(&counts)));
        } else {
            output.result(&format!("{} written to {}", summary(&counts), self.file.display()), &counts);
        }
        Ok(Exit::Done)
    }

    /// Under its name the file is whole, or it is not there.
    async fn to_file(&self, store: &dyn Portable, setup: &Setup) -> Result<SavedCounts, Failure> {
        let unwritable = |error: std::io::Error| {
            Failure::usage(format!("cannot write {}: {error}", self.file.display()), "Name a file that can be written.")
        };
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Nobody but this user may read it; the part of a file that broke off goes away.
        let part = tempfile::NamedTempFile::new_in(folder).map_err(unwritable)?;
        let file = tokio::fs::File::from_std(part.reopen().map_err(unwritable)?);
        let mut to = BufWriter::with_capacity(WRITE_AHEAD_BYTES, file);
        let counts = write(store, setup, &mut to).await?;
        to.get_ref().sync_all().await.map_err(unwritable)?;
        part.persist(&self.file).map_err(|error| unwritable(error.error))?;
        Ok(counts)
    }
}

async fn write(
    store: &dyn Portable, setup: &Setup, to: &mut (dyn AsyncWrite + Send + Unpin),
) -> Result<SavedCounts, Failure> {
    let counts = transfer::export(store, setup.clock.as_ref(), to).await.map_err(failure)?;
    to.flush().await.map_err(|error| failure(error.into()))?;
    Ok(counts)
}

/// `54 customers, 162 users, 108 roles, 1 secret`.
pub(super) fn summary(counts: &SavedCounts) -> String {
    let SavedCounts { customers, users, roles, secrets, api_keys, .. } = *counts;
    let parts = [(customers, "customer"), (users, "user"), (roles, "role"), (secrets, "secret"), (api_keys, "API key")];
    parts.map(|(count, what)| words::count(count, what)).join(", ")
}

/// What to do about it.
pub(super) fn failure(error: TransferError) -> Failure {
    match error {
        TransferError::Store(error) => error.into(),
        TransferError::Io(_) => {
            Failure::caused_by(&error, "Check that there is room, and that the file can be read and written.")
        }
        TransferError::AtWork(_) | TransferError::Changed => {
            Failure::caused_by(&error, "Stop `monite-bridge serve` everywhere, wait 15 seconds, and run it again.")
        }
        TransferError::NotEmpty => {
            Failure::usage(chain(&error), "A state goes into an empty database only: name another one in database.url.")
        }
        TransferError::Overtaken | TransferError::Disturbed => {
            Failure::caused_by(&error, "Stop whatever uses this database, and run `monite-bridge import-state` again.")
        }
        TransferError::Unusable { .. } => {
            Failure::usage(chain(&error), "Nothing was stored. Write the state out anew with `monite-bridge export`.")
        }
    }
}
