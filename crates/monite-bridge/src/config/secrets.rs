use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::error::{ConfigError, Problem};
use super::{Config, EnvVars};
use crate::store::seal::MasterKey;

/// What must never be in a file: read from the environment, once, into types that do not print themselves.
#[derive(Debug, Default)]
pub struct Secrets {
    /// `MONITE_CLIENT_ID` and `MONITE_CLIENT_SECRET`; absent where the sealed store holds them.
    pub credentials: Option<EnvCredentials>,
    /// `MONITE_BRIDGE_MASTER_KEY` or the content of `MONITE_BRIDGE_MASTER_KEY_FILE`.
    pub master_key: Option<MasterKey>,
    /// `MONITE_BRIDGE_API_KEY`: the bootstrap key, with all scopes.
    pub api_key: Option<SecretString>,
    /// The variable that `session.hs256_secret_env` names.
    pub session_hs256: Option<SecretString>,
}

/// The partner's credentials at Monite as the environment gave them.
#[derive(Debug, Clone)]
pub struct EnvCredentials {
    /// Not secret by itself; may be logged.
    pub client_id: String,
    /// Secret.
    pub client_secret: SecretString,
}

/// RFC 7518 section 3.2: an HS256 key has at least the size of the hash. A shorter one can be guessed offline from one session.
const MIN_HS256_BYTES: usize = 32;

impl Secrets {
    /// Reads every secret `config` may need. All problems are reported together.
    pub fn load(config: &Config, env: &EnvVars) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let secrets = Self {
            credentials: keep(credentials(env), &mut problems).flatten(),
            master_key: keep(master_key(env), &mut problems).flatten(),
            api_key: env.get("MONITE_BRIDGE_API_KEY").map(SecretString::from),
            session_hs256: keep(session_secret(config, env), &mut problems).flatten(),
        };
        if problems.is_empty() {
            return Ok(secrets);
        }
        Err(ConfigError::Invalid {
            problems,
            advice: "Correct these environment variables and start again.".to_owned(),
        })
    }
}

fn keep<T>(result: Result<T, Problem>, problems: &mut Vec<Problem>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

fn problem(name: &str, message: impl Into<String>) -> Problem {
    Problem { key: name.to_owned(), message: message.into(), origin: None }
}

fn credentials(env: &EnvVars) -> Result<Option<EnvCredentials>, Problem> {
    match (env.get("MONITE_CLIENT_ID"), env.get("MONITE_CLIENT_SECRET")) {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) => Ok(Some(EnvCredentials {
            client_id: id.trim().to_owned(),
            // A line break at the end comes from `$(cat file)` habits, and no client secret ends in one.
            client_secret: SecretString::from(secret.trim_end_matches(['\r', '\n'])),
        })),
        (None, Some(_)) => {
            Err(problem("MONITE_CLIENT_ID", "is not set, but MONITE_CLIENT_SECRET is; set both or neither"))
        }
        (Some(_), None) => {
            Err(problem("MONITE_CLIENT_SECRET", "is not set, but MONITE_CLIENT_ID is; set both or neither"))
        }
    }
}

fn master_key(env: &EnvVars) -> Result<Option<MasterKey>, Problem> {
    const KEY: &str = "MONITE_BRIDGE_MASTER_KEY";
    const FILE: &str = "MONITE_BRIDGE_MASTER_KEY_FILE";
    match (env.get(KEY), env.get(FILE)) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(problem(FILE, format!("{KEY} is set too; keep one of them"))),
        (Some(text), None) => MasterKey::from_base64(text).map(Some).map_err(|error| problem(KEY, error.to_string())),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(Path::new(path))
                .map(Zeroizing::new)
                .map_err(|error| problem(FILE, format!("{path} cannot be read: {error}")))?;
            MasterKey::from_base64(&text)
                .map(Some)
                .map_err(|error| problem(FILE, format!("the content of {path} {error}")))
        }
    }
}

fn session_secret(config: &Config, env: &EnvVars) -> Result<Option<SecretString>, Problem> {
    let Some(name) = &config.session.hs256_secret_env else {
        return Ok(None);
    };
    // Somebody may have written the secret itself where its variable's name belongs: only repeat what looks like a name.
    let looks_like_a_name = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let shown = if looks_like_a_name { name } else { "(not shown)" };
    match env.get(name) {
        Some(secret) if secret.len() >= MIN_HS256_BYTES => Ok(Some(SecretString::from(secret))),
        Some(_) => Err(problem(
            "session.hs256_secret_env",
            format!(
                "the secret in {shown} is shorter than {MIN_HS256_BYTES} bytes and can be guessed; `openssl rand -base64 32` makes a good one"
            ),
        )),
        None => Err(problem(
            "session.hs256_secret_env",
            format!("names the environment variable {shown}, which is not set"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn load(pairs: &[(&str, &str)], session_env: Option<&str>) -> Result<Secrets, String> {
        let mut config = Config::default();
        config.session.hs256_secret_env = session_env.map(str::to_owned);
        let env = pairs.iter().copied().collect();
        Secrets::load(&config, &env).map_err(|error| {
            let lines: Vec<String> = error.problems().iter().map(Problem::to_string).collect();
            lines.join("\n")
        })
    }

    #[test]
    fn every_secret_arrives_and_none_shows_itself() {
        let secrets = load(
            &[
                ("MONITE_CLIENT_ID", "id"),
                ("MONITE_CLIENT_SECRET", "s3cr3t-client\n"),
                ("MONITE_BRIDGE_MASTER_KEY", KEY.trim_end_matches('=')),
                ("MONITE_BRIDGE_API_KEY", "s3cr3t-key"),
                ("SESSION", "s3cr3t-of-at-least-thirty-two-bytes"),
            ],
            Some("SESSION"),
        )
        .unwrap();
        let credentials = secrets.credentials.as_ref().unwrap();
        assert_eq!(credentials.client_secret.expose_secret(), "s3cr3t-client");
        assert_eq!(secrets.master_key.as_ref().unwrap().to_base64().expose_secret(), KEY);
        assert_eq!(secrets.api_key.as_ref().unwrap().expose_secret(), "s3cr3t-key");
        assert!(secrets.session_hs256.is_some());
        let shown = format!("{secrets:?}");
        assert!(!shown.contains("s3cr3t") && !shown.contains(KEY.trim_end_matches('=')), "{shown}");
    }

    #[test]
    fn halves_doubles_and_nonsense_are_refused_without_repeating_them() {
        type Case<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>, &'a str);
        let table: [Case<'_>; 7] = [
            (
                &[("MONITE_CLIENT_ID", "id")],
                None,
                "MONITE_CLIENT_SECRET: is not set, but MONITE_CLIENT_ID is; set both or neither",
            ),
            (
                &[("MONITE_CLIENT_SECRET", "x")],
                None,
                "MONITE_CLIENT_ID: is not set, but MONITE_CLIENT_SECRET is; set both or neither",
            ),
            (
                &[("MONITE_BRIDGE_MASTER_KEY", "c2hvcnQ=")],
                None,
                "MONITE_BRIDGE_MASTER_KEY: must be 32 bytes in base64, this is 5 bytes; `openssl rand -base64 32` makes one",
            ),
            (
                &[("MONITE_BRIDGE_MASTER_KEY", KEY), ("MONITE_BRIDGE_MASTER_KEY_FILE", "f")],
                None,
                "MONITE_BRIDGE_MASTER_KEY_FILE: MONITE_BRIDGE_MASTER_KEY is set too; keep one of them",
            ),
            (
                &[("SESSION", "short")],
                Some("SESSION"),
                "session.hs256_secret_env: the secret in SESSION is shorter than 32 bytes and can be guessed; `openssl rand -base64 32` makes a good one",
            ),
            (
                &[],
                Some("SESSION"),
                "session.hs256_secret_env: names the environment variable SESSION, which is not set",
            ),
            (
                &[],
                Some("pastedSecret"),
                "session.hs256_secret_env: names the environment variable (not shown), which is not set",
            ),
        ];
        for (env, session, expected) in table {
            assert_eq!(load(env, session).unwrap_err(), expected);
        }
    }

    #[test]
    fn the_master_key_can_come_from_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{KEY}\n")).unwrap();
        let path = file.path().to_str().unwrap();
        let secrets = load(&[("MONITE_BRIDGE_MASTER_KEY_FILE", path)], None).unwrap();
        assert_eq!(secrets.master_key.unwrap().to_base64().expose_secret(), KEY);
    }
}
