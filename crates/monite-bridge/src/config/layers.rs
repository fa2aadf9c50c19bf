use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::EnvVars;

/// Prefix and separator of `MONITE_BRIDGE__SECTION__KEY`.
const PREFIX: &str = "MONITE_BRIDGE__";

/// One source of values with the words that say where a value came from.
struct Layer {
    origin: String,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// File and environment on top of each other, each value tagged with its origin.
pub(super) struct Layers {
    figment: Figment,
}

impl Layers {
    /// `file`: what to call it, and its parsed values. The environment wins over the file.
    pub(super) fn new(file: Option<(String, Dict)>, env: &EnvVars) -> Self {
        let mut figment = Figment::new();
        if let Some((name, values)) = file {
            figment = figment.merge(Layer { origin: format!("in {name}"), values });
        }
        for (name, path, text) in env.with_prefix(PREFIX) {
            figment = figment
                .merge(Layer { origin: format!("from the environment variable {name}"), values: nested(path, text) });
        }
        Self { figment }
    }

    /// All values, by section.
    pub(super) fn values(&self) -> Dict {
        match self.figment.find_value("") {
            Ok(Value::Dict(_, values)) => values,
            // Neither layer can fail: both hold values that are parsed already.
            _ => Dict::new(),
        }
    }

    /// Where a value came from.
    pub(super) fn origin(&self, value: &Value) -> Option<String> {
        let metadata = self.figment.get_metadata(value.tag())?;
        Some(metadata.name.to_string())
    }
}

/// `SERVER__LISTEN`, `127.0.0.1:80` becomes `{server: {listen: "127.0.0.1:80"}}`. Numbers, booleans and `[a, b]` are recognised.
fn nested(path: &str, text: &str) -> Dict {
    let mut keys: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
    let last = keys.pop().unwrap_or_default();
    let value: Value = match text.parse() {
        Ok(value) => value,
        // Infallible today; as text is what an unparsable value would mean.
        Err(_) => Value::from(text),
    };
    keys.into_iter().rev().fold(Dict::from([(last, value)]), |inner, key| Dict::from([(key, Value::from(inner))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_wins_over_the_file_and_both_are_named() {
        let file = nested("SERVER__LISTEN", "1.2.3.4:5");
        let env = EnvVars::from_iter([
            ("MONITE_BRIDGE__MONITE__RATE_LIMIT", "12"),
            ("MONITE_BRIDGE_CONFIG", "not ours"),
            ("MONITE_BRIDGE__SERVER__TLS_CERT", ""),
        ]);
        let layers = Layers::new(Some(("x.toml".into(), file)), &env);
        let values = Value::from(layers.values());
        let listen = values.find_ref("server.listen").unwrap();
        let limit = values.find_ref("monite.rate_limit").unwrap();
        assert_eq!(listen.as_str(), Some("1.2.3.4:5"));
        assert_eq!(layers.origin(listen).unwrap(), "in x.toml");
        assert_eq!(limit.to_u128(), Some(12));
        assert_eq!(layers.origin(limit).unwrap(), "from the environment variable MONITE_BRIDGE__MONITE__RATE_LIMIT");
        assert!(values.find_ref("server.tls_cert").is_none());
    }
}
