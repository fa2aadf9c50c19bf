//! `--rounds N --seed S --database sqlite|postgres --at-once N`, and the binary that is tried.

use std::path::PathBuf;

use crate::Database;

/// What this was asked to do.
#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    pub(crate) rounds: u64,
    /// The first round's; each further one has the next.
    pub(crate) seed: u64,
    pub(crate) database: Database,
    /// Rounds side by side. They mostly wait.
    pub(crate) at_once: usize,
    /// `monite-bridge`, as it is released.
    pub(crate) binary: PathBuf,
    /// Where rounds keep their files.
    pub(crate) folder: PathBuf,
}

/// How it is called.
pub(crate) const USAGE: &str = "\
usage: cargo xtask crash [--rounds N] [--seed S] [--database sqlite|postgres] [--at-once N]
  --rounds    how many (8)
  --seed      the first round's; each further round has the next one (1)
  --database  one process on SQLite, or two on PostgreSQL, which dies as well (sqlite)
  --at-once   rounds side by side; they mostly wait (24)";

impl Arguments {
    /// Reads them.
    pub(crate) fn read(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut read = Self {
            rounds: 8,
            seed: 1,
            database: Database::Sqlite,
            at_once: 24,
            binary: PathBuf::new(),
            folder: PathBuf::new(),
        };
        let mut args = args;
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            let number = || value.parse::<u64>().map_err(|_| format!("{name} needs a number, not {value:?}"));
            match name.as_str() {
                "--rounds" => read.rounds = number()?,
                "--seed" => read.seed = number()?,
                "--database" => read.database = Database::from_word(&value)?,
                "--at-once" => read.at_once = usize::try_from(number()?.max(1)).map_err(|error| error.to_string())?,
                "--binary" => read.binary = value.into(),
                "--folder" => read.folder = value.into(),
                _ => return Err(format!("{name} is not known")),
            }
        }
        Ok(read)
    }
}
