//! `import`: customers and users from a file or a pipe into the store.

mod run;
mod source;

use std::path::PathBuf;

pub(super) use self::run::{Counts, ImportError, Refusal, Run};
pub(super) use self::source::Source;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::words;
use crate::assemble::Setup;
use crate::audit::AuditEntry;

/// Bring customers and users from a file or a pipe into the store
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// NDJSON, or CSV with a header row; `-` reads stdin
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// What the file is, when its name does not say it
    #[arg(long, value_enum)]
    format: Option<FormatName>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum FormatName {
    /// One JSON document per line
    Ndjson,
    /// A header row with dotted names, then one customer per row
    Csv,
}

impl Import {
    pub(super) async fn run(&self, setup: &Setup, output: &Output) -> Result<Exit, Failure> {
        let source = Source::open(&self.file, self.format).await?;
        let store = setup.open_store().await?;
        let progress = output.progress("importing");
        let mut list = output.list("refused");
        let mut refused = |refusal: Refusal| list.push(&describe(&refusal), &refusal);
        let mut run = Run::new(store.as_ref(), setup, &progress);
        let outcome = run.all(source, &mut refused).await;
        let counts = run.counts;
        drop(progress);
        let entry = AuditEntry::of_command(&format!("import {}", self.file.display()), setup.now()).ended(&outcome);
        let noted = store.append_audit(&[entry]).await;
        store.close().await;
        if counts.lines > 0 || outcome.is_ok() {
            list.end(&summary(&counts), &counts);
        }
        outcome.map_err(|error| broke_off(&error, counts))?;
        noted?;
        Ok(Exit::failed_if(counts.refused > 0))
    }
}

fn broke_off(error: &ImportError, counts: Counts) -> Failure {
    let next = format!(
        "{} stored before that, whole. Run the same import again when the cause is gone: what is stored already is recognised and costs nothing.",
        words::count(counts.stored, "line")
    );
    let failure = Failure::caused_by(error, next);
    match error {
        ImportError::Intake(_) => Failure { exit: Exit::Usage, ..failure },
        ImportError::Store(_) => failure,
    }
}

/// `line 17 (acme): address.postal_code: is missing`, one line per wrong field.
pub(super) fn describe(refusal: &Refusal) -> String {
    let id = refusal.id.as_ref().map_or(String::new(), |id| format!(" ({id})"));
    let lines: Vec<String> = refusal
        .errors
        .iter()
        .map(|error| format!("line {}{id}: {}: {}", refusal.line, error.field, error.message))
        .collect();
    lines.join("\n")
}

fn summary(counts: &Counts) -> String {
    let Counts { lines, stored, created, changed, unchanged, refused } = *counts;
    format!(
        "{}: {stored} stored, {refused} refused; customers and users: {created} created, {changed} changed, {unchanged} unchanged",
        words::count(lines, "line")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::document::FieldError;

    #[test]
    fn every_wrong_field_has_its_line() {
        let error = |field: &str, message: &str| FieldError { field: field.to_owned(), message: message.to_owned() };
        let refusal = Refusal {
            line: 17,
            id: Some("acme".to_owned()),
            errors: vec![error("email", "is missing"), error("type", "is missing")],
        };
        assert_eq!(describe(&refusal), "line 17 (acme): email: is missing\nline 17 (acme): type: is missing");
    }
}
