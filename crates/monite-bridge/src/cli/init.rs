//! `init`: writes a commented configuration file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::failure::{Exit, Failure};
use super::output::Output;
use crate::config::{DEFAULT_FILE, TEMPLATE};

/// Write a commented monite-bridge.toml (or the file that --config names)
#[derive(Debug, clap::Args)]
pub(super) struct Init {
    /// Overwrite the file if it is there
    #[arg(long)]
    force: bool,
}

const NEXT: &str = "\
Next:
  1. Credentials of your partner account: export MONITE_CLIENT_ID and MONITE_CLIENT_SECRET, or keep them sealed in the database:
       export MONITE_BRIDGE_MASTER_KEY=$(openssl rand -base64 32)      # keep it: it opens what it sealed
       monite-bridge credentials set --client-id ID
  2. The key your backend will send: export MONITE_BRIDGE_API_KEY=$(openssl rand -hex 32)
  3. monite-bridge serve
Without an account at Monite: `monite-bridge sandbox` imitates it locally, `monite-bridge demo` shows the whole.";

impl Init {
    pub(super) fn run(&self, config: Option<PathBuf>, output: &Output) -> Result<Exit, Failure> {
        let file = config.unwrap_or_else(|| DEFAULT_FILE.into());
        write(&file, self.force).map_err(|error| refusal(&file, &error))?;
        output.result(&format!("wrote {}\n\n{NEXT}", file.display()), &json!({ "wrote": file }));
        Ok(Exit::Done)
    }
}

fn write(file: &Path, force: bool) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    options.open(file)?.write_all(TEMPLATE.as_bytes())
}

fn refusal(file: &Path, error: &std::io::Error) -> Failure {
    let name = file.display();
    if error.kind() == ErrorKind::AlreadyExists {
        return Failure::usage(
            format!("{name} is there already; it was left as it is"),
            "Use --force to overwrite it, or --config to write another file.",
        );
    }
    Failure::usage(
        format!("cannot write {name}: {error}"),
        "Check that its folder exists and that this user may write there.",
    )
}
