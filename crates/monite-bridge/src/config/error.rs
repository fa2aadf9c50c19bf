use std::fmt;
use std::path::PathBuf;

/// Why the program cannot start with the configuration it was given. `Display` is several lines and ends with what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file was named explicitly and is not there.
    #[error(
        "there is no configuration file {}\n\nName another one with --config, or run `monite-bridge init` to write a commented one.",
        path.display()
    )]
    Missing {
        /// The file as it was named.
        path: PathBuf,
    },
    /// The file is there but could not be read.
    #[error(
        "the configuration file {} cannot be read\n\nCheck that it is a file and that this user may read it.",
        path.display()
    )]
    Unreadable {
        /// The file as it was named.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error(
        "the configuration file {} is not valid TOML: {message}\n\nCorrect that line; `monite-bridge init` writes a commented example.",
        path.display()
    )]
    Syntax {
        /// The file as it was named.
        path: PathBuf,
        /// Line, column and reason. The line itself is not quoted, because somebody may have put a secret on it.
        message: String,
    },
    /// Sections and keys that cannot be used: all of them, not only the first.
    #[error("{}", describe(problems, advice))]
    Invalid {
        /// What is wrong, in the order of the sections.
        problems: Vec<Problem>,
        /// One sentence: where to correct it.
        advice: String,
    },
}

impl ConfigError {
    /// The single problems, for the kinds that list them.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid { problems, .. } => problems,
            _ => &[],
        }
    }
}

/// One key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `section.key`, or the name of an environment variable that holds a secret.
    pub key: String,
    /// What is wrong and what is accepted. Never the value of a secret.
    pub message: String,
    /// Where the value came from; absent where there is no value.
    pub origin: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)?;
        match &self.origin {
            Some(origin) => write!(f, " ({origin})"),
            None => Ok(()),
        }
    }
}

fn describe(problems: &[Problem], advice: &str) -> String {
    let mut text = match problems.len() {
        1 => "the configuration cannot be used:\n\n".to_owned(),
        n => format!("the configuration cannot be used, {n} problems:\n\n"),
    };
    for problem in problems {
        text.push_str(&format!("  {problem}\n"));
    }
    text.push('\n');
    text.push_str(advice);
    text
}
