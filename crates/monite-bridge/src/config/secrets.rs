use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::error::{ConfigError, Problem};
use super::{Config, EnvVars};
use crate::store::seal::{InvalidKeys, Sealer};

/// What must never be in a file: read from the environment, once, into types that do not print themselves.
#[derive(Debug, Default)]
pub struct Secrets {
    /// `MONITE_CLIENT_ID` and `MONITE_CLIENT_SECRET`; absent where the sealed store holds them.
    pub credentials: Option<EnvCredentials>,
    /// The master keys: `MONITE_BRIDGE_MASTER_KEY`, the content of `MONITE_BRIDGE_MASTER_KEY_FILE`, or systemd's credential
    /// `monite-bridge-master-key`. The first seals, all open.
    pub sealer: Option<Sealer>,
    /// `MONITE_BRIDGE_API_KEY`: the bootstrap key, with all scopes.
    pub api_key: Option<SecretString>,
    /// The variable that `session.hs256_secret_env` names. Absent where it is not set: only `serve` needs it, and an operator's
    /// shell from which `status` runs need not hold it.
    pub session_hs256: Option<SecretString>,
    /// `MONITE_BRIDGE_INTROSPECTION_SECRET`: what we say to the issuer when asking whether a session is still alive.
    pub introspection: Option<SecretString>,
}

/// The partner's credentials at Monite as the environment gave them.
#[derive(Debug, Clone)]
pub struct EnvCredentials {
    /// Not secret by itself; may be logged.
    pub client_id: String,
    /// Secret.
    pub client_secret: SecretString,
}

/// The variable with the secret of `session.introspection_client_id`.
pub(crate) const INTROSPECTION_SECRET: &str = "MONITE_BRIDGE_INTROSPECTION_SECRET";

/// The master keys' name among a service's credentials.
const CREDENTIAL: &str = "monite-bridge-master-key";

/// RFC 7518 section 3.2: an HS256 key has at least the size of the hash.
const GOOD_HS256_BYTES: usize = 32;

impl Secrets {
    /// Reads every secret `config` may need. All problems are reported together.
    pub fn load(config: &Config, env: &EnvVars) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let secrets = Self {
            credentials: keep(credentials(env), &mut problems).flatten(),
            sealer: keep(master_keys(env), &mut problems).flatten(),
            api_key: env.get("MONITE_BRIDGE_API_KEY").map(SecretString::from),
            session_hs256: config
                .session
                .hs256_secret_env
                .as_ref()
                .and_then(|name| env.get(name))
                .map(SecretString::from),
            // A line break at the end comes from `$(cat file)` habits.
            introspection: env
                .get(INTROSPECTION_SECRET)
                .map(|secret| SecretString::from(secret.trim_end_matches(['\r', '\n']))),
        };
        if problems.is_empty() {
            return Ok(secrets);
        }
        Err(ConfigError::Invalid {
            problems,
            advice: "Correct these environment variables and start again.".to_owned(),
        })
    }

    /// The secret that signs sessions, for who needs it; `None` when sessions are not configured.
    ///
    /// # Errors
    /// [`ConfigError`] when `session.hs256_secret_env` names a variable that is not set.
    pub fn session_secret(&self, config: &Config) -> Result<Option<&SecretString>, ConfigError> {
        match (&config.session.hs256_secret_env, &self.session_hs256) {
            (Some(name), None) => Err(ConfigError::Invalid {
                problems: vec![not_set(name)],
                advice: "Set that variable and start again.".to_owned(),
            }),
            (_, secret) => Ok(secret.as_ref()),
        }
    }

    /// What works but should be known, for the log at start.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let length = self.session_hs256.as_ref().map(|secret| secret.expose_secret().len());
        let short = length.filter(|length| *length < GOOD_HS256_BYTES);
        let note = |length| {
            format!(
                "the session secret has {length} bytes; RFC 7518 asks for {GOOD_HS256_BYTES} or more, since a shorter one can be \
                 guessed from one session: make one with `openssl rand -base64 48`, here and where the sessions are issued"
            )
        };
        short.map(note).into_iter().collect()
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

fn master_keys(env: &EnvVars) -> Result<Option<Sealer>, Problem> {
    const KEY: &str = "MONITE_BRIDGE_MASTER_KEY";
    const FILE: &str = "MONITE_BRIDGE_MASTER_KEY_FILE";
    // What systemd makes of `LoadCredential=` and `LoadCredentialEncrypted=`; the folder may be there for other credentials.
    const FOLDER: &str = "CREDENTIALS_DIRECTORY";
    let of_systemd = env.get(FOLDER).map(|folder| Path::new(folder).join(CREDENTIAL)).filter(|path| path.exists());
    match (env.get(KEY), env.get(FILE), of_systemd) {
        (None, None, None) => Ok(None),
        (Some(text), None, None) => Sealer::parse(text).map(Some).map_err(|error| problem(KEY, error.to_string())),
        (None, Some(path), None) => of_file(Path::new(path)).map(Some).map_err(|why| problem(FILE, why)),
        (None, None, Some(path)) => of_file(&path).map(Some).map_err(|why| problem(FOLDER, why)),
        (Some(_), Some(_), _) => Err(problem(FILE, format!("{KEY} is set too; keep one of them"))),
        (key, _, Some(_)) => {
            let other = if key.is_some() { KEY } else { FILE };
            Err(problem(other, format!("the credential {CREDENTIAL} of the service is there too; keep one of them")))
        }
    }
}

/// The keys in a file, or what is wrong with it.
fn of_file(path: &Path) -> Result<Sealer, String> {
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    Sealer::parse(&text).map_err(|error: InvalidKeys| format!("{}: {error}", path.display()))
}

fn not_set(name: &str) -> Problem {
    // Somebody may have written the secret itself where its variable's name belongs: only repeat what looks like a name.
    let looks_like_a_name = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let shown = if looks_like_a_name { name } else { "(not shown)" };
    problem("session.hs256_secret_env", format!("names the environment variable {shown}, which is not set"))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::store::seal::{KeyId, MasterKey};

    const OTHER: &str = "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";
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
                ("MONITE_BRIDGE_INTROSPECTION_SECRET", "s3cr3t-introspection\n"),
                ("SESSION", "s3cr3t-of-at-least-thirty-two-bytes"),
            ],
            Some("SESSION"),
        )
        .unwrap();
        let credentials = secrets.credentials.as_ref().unwrap();
        assert_eq!(credentials.client_secret.expose_secret(), "s3cr3t-client");
        assert_eq!(secrets.sealer.as_ref().unwrap().key_id(), key_id(KEY));
        assert_eq!(secrets.api_key.as_ref().unwrap().expose_secret(), "s3cr3t-key");
        assert!(secrets.session_hs256.is_some());
        assert_eq!(secrets.introspection.as_ref().unwrap().expose_secret(), "s3cr3t-introspection");
        let shown = format!("{secrets:?}");
        assert!(!shown.contains("s3cr3t") && !shown.contains(KEY.trim_end_matches('=')), "{shown}");
    }

    #[test]
    fn halves_doubles_and_nonsense_are_refused_without_repeating_them() {
        type Case<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>, &'a str);
        let two = format!("{KEY},s3cr3t!");
        let table: [Case<'_>; 5] = [
            (
                &[("MONITE_BRIDGE_MASTER_KEY", &two)],
                None,
                "MONITE_BRIDGE_MASTER_KEY: key 2 of 2 must be 32 bytes in base64, this is no base64; `openssl rand -base64 32` makes one",
            ),
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
        ];
        for (env, session, expected) in table {
            assert_eq!(load(env, session).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_session_secret_is_missed_only_by_who_needs_it_and_a_short_one_is_noted() {
        let session = |env: &[(&str, &str)], name: Option<&str>| {
            let mut config = Config::default();
            config.session.hs256_secret_env = name.map(str::to_owned);
            let secrets = Secrets::load(&config, &env.iter().copied().collect()).unwrap();
            let found = secrets.session_secret(&config).map(|secret| secret.is_some());
            (found.map_err(|error| error.problems()[0].to_string()), secrets.notes().len())
        };
        let unset =
            |shown| Err(format!("session.hs256_secret_env: names the environment variable {shown}, which is not set"));
        assert_eq!(session(&[], None), (Ok(false), 0));
        assert_eq!(session(&[("SESSION", "s3cr3t-of-at-least-thirty-two-bytes")], Some("SESSION")), (Ok(true), 0));
        assert_eq!(session(&[("SESSION", "short")], Some("SESSION")), (Ok(true), 1));
        assert_eq!(session(&[], Some("SESSION")), (unset("SESSION"), 0));
        assert_eq!(session(&[], Some("pastedSecret")), (unset("(not shown)"), 0));
    }

    #[test]
    fn master_keys_come_from_a_file_or_from_systemd_one_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CREDENTIAL);
        let (file, folder) = (path.to_str().unwrap(), folder.path().to_str().unwrap());
        assert!(
            load(&[("CREDENTIALS_DIRECTORY", folder)], None).unwrap().sealer.is_none(),
            "credentials of others only"
        );
        std::fs::write(&path, format!("{OTHER}\n{KEY}\n")).unwrap();
        for env in [("MONITE_BRIDGE_MASTER_KEY_FILE", file), ("CREDENTIALS_DIRECTORY", folder)] {
            let sealer = load(&[env], None).unwrap().sealer.unwrap();
            assert_eq!(sealer.key_ids(), [key_id(OTHER), key_id(KEY)], "{env:?}");
        }
        let both = [("CREDENTIALS_DIRECTORY", folder), ("MONITE_BRIDGE_MASTER_KEY", KEY)];
        assert_eq!(
            load(&both, None).unwrap_err(),
            "MONITE_BRIDGE_MASTER_KEY: the credential monite-bridge-master-key of the service is there too; keep one of them"
        );
        std::fs::write(&path, format!("{KEY}\ns3cr3t!\n")).unwrap();
        for name in ["MONITE_BRIDGE_MASTER_KEY_FILE", "CREDENTIALS_DIRECTORY"] {
            let value = if name == "CREDENTIALS_DIRECTORY" { folder } else { file };
            let said = load(&[(name, value)], None).unwrap_err();
            assert!(said.starts_with(&format!("{name}: {file}: key 2 of 2 must be 32 bytes")), "{said}");
            assert!(!said.contains("s3cr3t"), "{said}");
        }
    }

    fn key_id(text: &str) -> KeyId {
        MasterKey::from_base64(text).unwrap().id()
    }
}
