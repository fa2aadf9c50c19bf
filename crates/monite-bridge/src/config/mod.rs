//! The configuration: defaults, under `monite-bridge.toml`, under `MONITE_BRIDGE__SECTION__KEY`.
//!
//! One file per section, each with its defaults and its check. Everything is checked at start and every problem is reported at once,
//! with where the value came from. Secrets are read apart, from the environment only.

pub(crate) mod address;
mod database;
mod environment;
mod error;
mod layers;
mod monite;
mod roles;
mod secrets;
mod section;
mod server;
mod session;
mod sync;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use figment::providers::{Format as _, Toml};
use figment::value::Dict;

pub use self::database::{DatabaseConfig, DatabaseUrl};
pub use self::environment::EnvVars;
pub use self::error::{ConfigError, Problem};
pub use self::monite::{MoniteConfig, MoniteTarget};
pub(crate) use self::secrets::INTROSPECTION_SECRET;
pub use self::secrets::{EnvCredentials, Secrets};
pub use self::server::{ServerConfig, TlsFiles};
pub use self::session::{IntrospectionConfig, SessionConfig, SessionPreset};
pub use self::sync::{Drift, OnCustomerDelete, OnUserDelete, SyncConfig};

use crate::domain::role::RoleTemplates;

use self::layers::Layers;
use self::section::{Problems, Section, unknown_key};

/// The file `init` writes: every key with its default or an example, and what it does.
pub const TEMPLATE: &str = include_str!("template.toml");

/// The file looked for when none is named.
pub const DEFAULT_FILE: &str = "monite-bridge.toml";

/// Everything the program was told, checked. `Default` is what it does with no file and no variables.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// `[monite]`
    pub monite: MoniteConfig,
    /// `[server]`
    pub server: ServerConfig,
    /// `[database]`
    pub database: DatabaseConfig,
    /// `[session]`
    pub session: SessionConfig,
    /// `[sync]`
    pub sync: SyncConfig,
    /// `[roles.NAME]`
    pub roles: RoleTemplates,
}

/// Which file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigPath {
    /// [`DEFAULT_FILE`] in the working directory, if it is there.
    Default,
    /// A file somebody named, which must be there.
    Explicit(PathBuf),
}

impl Config {
    /// Reads the file and the environment. The error names every key that is wrong and what would be right.
    pub fn load(path: &ConfigPath, env: &EnvVars) -> Result<Self, ConfigError> {
        let (file, must_exist) = match path {
            ConfigPath::Default => (Path::new(DEFAULT_FILE), false),
            ConfigPath::Explicit(file) => (file.as_path(), true),
        };
        match std::fs::read_to_string(file) {
            Ok(text) => Self::from_text(Some((file, &text)), env),
            Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => Self::from_text(None, env),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(ConfigError::Missing { path: file.to_owned() }),
            Err(source) => Err(ConfigError::Unreadable { path: file.to_owned(), source }),
        }
    }

    /// The same without touching a file: `file` is its name and its text.
    pub fn from_text(file: Option<(&Path, &str)>, env: &EnvVars) -> Result<Self, ConfigError> {
        let parsed = match file {
            Some((path, text)) => Some((path.display().to_string(), parse_toml(path, text)?)),
            None => None,
        };
        let advice = match &parsed {
            Some((name, _)) => {
                format!("Correct {name} or the variables named; `monite-bridge init` writes a commented example.")
            }
            None => {
                "Correct the variables named; `monite-bridge init` writes a commented configuration file.".to_owned()
            }
        };
        let layers = Layers::new(parsed, env);
        let mut problems = Problems::default();
        let config = read_sections(&layers, &mut problems);
        if problems.0.is_empty() { Ok(config) } else { Err(ConfigError::Invalid { problems: problems.0, advice }) }
    }

    /// What was configured and has no effect yet, or is unwise: sentences worth a warning in the log at start.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let session = &self.session;
        if !session.says_how_it_is_signed() && (session.issuer.is_some() || !session.audience.is_empty()) {
            notes.push(
                "[session] says what a session must carry but not how it is signed: without session.jwks_url, jwks_file or hs256_secret_env the token route for browsers is off"
                    .to_owned(),
            );
        }
        if session.takes_any_audience() {
            notes.push(
                "[session] names no audience: every token of the issuer would do, also those it makes for other applications"
                    .to_owned(),
            );
        }
        if session.takes_any_page() {
            notes.push(
                "[session] names no authorized_parties: Clerk's sessions of any page on the instance's domains would do; list the origins of yours"
                    .to_owned(),
            );
        }
        if let MoniteTarget::BaseUrl(url) = &self.monite.target
            && url.starts_with("http://")
            && !self.monite.is_loopback()
        {
            notes.push(format!("monite.base_url {url} is not encrypted: the client secret travels in the clear"));
        }
        notes
    }
}

fn read_sections(layers: &Layers, problems: &mut Problems) -> Config {
    const SECTIONS: [&str; 6] = ["monite", "server", "database", "session", "sync", "roles"];
    let mut values = layers.values();
    let mut section = |name: &'static str| values.remove(name);
    let (monite, server, database, session, sync, roles) = (
        section("monite"),
        section("server"),
        section("database"),
        section("session"),
        section("sync"),
        section("roles"),
    );
    let config = Config {
        monite: MoniteConfig::read(Section::new("monite", monite, layers, problems)),
        server: ServerConfig::read(Section::new("server", server, layers, problems)),
        database: DatabaseConfig::read(Section::new("database", database, layers, problems)),
        session: SessionConfig::read(Section::new("session", session, layers, problems)),
        sync: SyncConfig::read(Section::new("sync", sync, layers, problems)),
        roles: roles::read(roles, layers, problems),
    };
    for (name, value) in values {
        problems.0.push(Problem { message: unknown_key(&name, &SECTIONS), key: name, origin: layers.origin(&value) });
    }
    config
}

fn parse_toml(path: &Path, text: &str) -> Result<Dict, ConfigError> {
    Toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let place = before.map_or(String::new(), |before| {
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            format!("line {line}, column {column}: ")
        });
        ConfigError::Syntax { path: path.to_owned(), message: format!("{place}{}", error.message()) }
    })
}

#[cfg(test)]
mod tests;
