use std::error::Error;
use std::fmt;

use serde::Serialize;

use crate::assemble::AssembleError;
use crate::config::ConfigError;
use crate::credentials::CredentialsError;
use crate::store::StoreError;

/// How a command ended; the contract's exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 1: finished, with failures.
    Failed,
    /// 2: the arguments or the configuration cannot be used; nothing was done.
    Usage,
}

impl Exit {
    /// The code the process ends with.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
        }
    }

    /// `Failed` if anything failed.
    pub(crate) fn failed_if(failures: bool) -> Self {
        if failures { Self::Failed } else { Self::Done }
    }
}

/// Why a command could not do its work, and what to do next. Goes to stderr; with `--json` as `{"error": ...}`.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    #[serde(skip)]
    pub(crate) exit: Exit,
    /// What went wrong, with its causes; one sentence or a few lines. Never a secret.
    pub(crate) message: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
    /// The single keys of the configuration that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) problems: Vec<WrongKey>,
}

/// One key of the configuration that cannot be used.
#[derive(Debug, Serialize)]
pub(crate) struct WrongKey {
    pub(crate) key: String,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<String>,
}

impl Failure {
    /// The arguments or the configuration are at fault.
    pub(crate) fn usage(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), next: Some(next.into()), problems: Vec::new() }
    }

    /// The work itself failed.
    pub(crate) fn failed(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into(), next: Some(next.into()), problems: Vec::new() }
    }

    /// An error that says itself what to do next.
    pub(crate) fn without_advice(error: &dyn Error) -> Self {
        Self { exit: Exit::Failed, message: chain(error), next: None, problems: Vec::new() }
    }

    /// The work failed with `error`; its causes are part of the message.
    pub(crate) fn caused_by(error: &dyn Error, next: impl Into<String>) -> Self {
        Self::failed(chain(error), next)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.next {
            Some(next) => write!(f, "\n\n{next}"),
            None => Ok(()),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let problems = error.problems().iter().map(|problem| WrongKey {
            key: problem.key.clone(),
            message: problem.message.clone(),
            origin: problem.origin.clone(),
        });
        // A configuration error says itself what to do next.
        Self { exit: Exit::Usage, problems: problems.collect(), message: chain(&error), next: None }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Open { .. } => {
                Self { exit: Exit::Usage, ..Self::caused_by(&error, "Check database.url in the configuration.") }
            }
            _ => Self::caused_by(
                &error,
                "Check that the database can be reached and written (room on its disk, this user's rights), then run the command again.",
            ),
        }
    }
}

impl From<AssembleError> for Failure {
    fn from(error: AssembleError) -> Self {
        match error {
            AssembleError::Store(error) => error.into(),
            AssembleError::Credentials(error) => error.into(),
            AssembleError::Client(_) => {
                Self { exit: Exit::Usage, ..Self::caused_by(&error, "Check [monite] in the configuration.") }
            }
        }
    }
}

impl From<CredentialsError> for Failure {
    fn from(error: CredentialsError) -> Self {
        match error {
            CredentialsError::Store(error) => error.into(),
            // Each of these says itself what to set or to run.
            _ => Self { exit: Exit::Usage, message: chain(&error), next: None, problems: Vec::new() },
        }
    }
}

/// An error with its causes, the way one reads it aloud.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        // Transparent wrappers repeat their source word for word.
        if !text.ends_with(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
