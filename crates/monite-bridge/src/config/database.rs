use std::fmt;

use super::section::Section;
use crate::store::postgres::PostgresStore;

/// `[database]`: where the bridge keeps what it knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DatabaseConfig {
    /// Which database.
    pub url: DatabaseUrl,
}

/// The address of a database: `sqlite://FILE`, relative to the working directory, or `postgres://USER@HOST/DATABASE`. It may carry a
/// password, so `Debug` shows no more than the kind.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The whole address, for whoever opens the database.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for DatabaseUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl Default for DatabaseUrl {
    fn default() -> Self {
        Self("sqlite://monite-bridge.db".to_owned())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://[redacted]", self.0.split_once(':').map_or("", |(kind, _)| kind))
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
fn database_url(text: &str) -> Result<DatabaseUrl, String> {
    match text.split_once(':') {
        Some(("sqlite", rest)) if !rest.trim_start_matches('/').is_empty() => {}
        Some(("postgres" | "postgresql", _)) => PostgresStore::check_url(text)?,
        _ => {
            return Err(
                "must name a SQLite file, such as \"sqlite://monite-bridge.db\", or a PostgreSQL database, such as \
                        \"postgres://USER@HOST/DATABASE\""
                    .to_owned(),
            );
        }
    }
    Ok(DatabaseUrl(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_or_refused_without_being_repeated() {
        for good in [
            "sqlite://bridge.db",
            "sqlite::memory:",
            "postgres://bridge:hunter2@db.example.com:5432/bridge?sslmode=verify-full&max-connections=20",
            "postgresql:///bridge?host=/var/run/postgresql&timeout=3&statement-cache-capacity=100",
        ] {
            assert_eq!(database_url(good).unwrap().as_str(), good);
        }
        for (bad, expected) in [
            ("mysql://bridge:hunter2@db/bridge", "must name a SQLite file"),
            ("sqlite://", "must name a SQLite file"),
            ("bridge.db", "must name a SQLite file"),
            ("postgres://bridge:hunter2@db/bridge?sslmode=hunter2", "`sslmode` is one of"),
            (
                "postgres://bridge:hunter2@db/bridge?pool=hunter2",
                "parameter \"pool\" is not known; known: max-connections",
            ),
            ("postgres://bridge:hunter2@db/bridge?timeout=hunter2", "\"timeout\" must be a whole number"),
            ("postgres://bridge:hunter2@db:port/bridge", "it is not a URL"),
            ("postgres://bridge:hunter2@db/", "it names no database"),
        ] {
            let said = database_url(bad).unwrap_err();
            assert!(said.contains(expected), "{bad}: {said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
        let url = DatabaseUrl("postgres://bridge:hunter2@db/bridge".to_owned());
        assert_eq!(format!("{:?}", DatabaseConfig { url }), "DatabaseConfig { url: postgres://[redacted] }");
    }
}
