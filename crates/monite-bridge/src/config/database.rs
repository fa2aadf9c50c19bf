use super::section::Section;

/// `[database]`: where the bridge keeps what it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// A SQLite address, such as `sqlite://monite-bridge.db`; relative to the working directory.
    pub url: String,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self { url: "sqlite://monite-bridge.db".to_owned() }
    }
}

impl DatabaseConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let url = section.parsed("url", database_url);
        section.finish();
        url.map_or_else(Self::default, |url| Self { url })
    }
}

/// The value is not repeated in a message: a database address may carry a password.
fn database_url(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some(("sqlite", rest)) if !rest.trim_start_matches('/').is_empty() => Ok(text.to_owned()),
        Some(("postgres" | "postgresql", _)) => {
            Err("this version keeps its data in SQLite only, PostgreSQL comes later; accepted: \"sqlite://FILE\""
                .to_owned())
        }
        _ => Err("must name a SQLite file, such as \"sqlite://monite-bridge.db\"".to_owned()),
    }
}
