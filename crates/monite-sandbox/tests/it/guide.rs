//! `docs/sandbox.md`: every `curl` in it works, and answers what the page says.

use serde_json::Value;

use crate::support::{Api, builder};

const GUIDE: &str = include_str!("../../../../docs/sandbox.md");

/// A `curl` as far as the guide uses it.
#[derive(Debug, Default, PartialEq)]
struct Curl {
    method: Option<String>,
    url: String,
    body: Option<String>,
    from_file: Option<String>,
    to_file: Option<String>,
}

/// Words as a shell takes them apart, with single quotes only.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

fn parse(line: &str) -> Option<Curl> {
    let mut words = words(line).into_iter();
    if words.next()? != "curl" {
        return None;
    }
    let mut curl = Curl::default();
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| panic!("something is missing: {line}"));
        match word.as_str() {
            "-X" => curl.method = Some(value()),
            "-d" => curl.body = Some(value()),
            "--data-binary" => curl.from_file = Some(value().strip_prefix('@').unwrap().to_owned()),
            ">" => curl.to_file = Some(value()),
            _ => curl.url = word,
        }
    }
    Some(curl)
}

#[test]
fn a_line_is_taken_apart_as_a_shell_does() {
    let line = "curl -X PUT 'localhost:8700/a?b=c&d' -d '{\"a\": \"b c\"}' > out";
    let curl = Curl {
        method: Some("PUT".to_owned()),
        url: "localhost:8700/a?b=c&d".to_owned(),
        body: Some("{\"a\": \"b c\"}".to_owned()),
        from_file: None,
        to_file: Some("out".to_owned()),
    };
    assert_eq!(parse(line), Some(curl));
}

#[tokio::test]
async fn every_line_of_the_guide_works() {
    let client = ("9d2b4c8f-2087-4738-ba91-7359683c49a4", "a-secret");
    let api = Api::with(builder().credentials(client.0, client.1)).await;
    let address = api.sandbox.base_url().strip_suffix("/v1").unwrap().to_owned();
    let files = tempfile::tempdir().unwrap();
    let (mut lines, mut run) = (GUIDE.lines().peekable(), 0);
    while let Some(line) = lines.next() {
        let Some(curl) = parse(line) else {
            continue;
        };
        let url = curl.url.replace("localhost:8700", &address);
        let method = curl.method.or_else(|| curl.body.is_some().then(|| "POST".to_owned()));
        let mut request = api.http.request(method.as_deref().unwrap_or("GET").parse().unwrap(), url);
        if let Some(body) = curl.body {
            request = request.body(body);
        }
        if let Some(file) = curl.from_file {
            request = request.body(std::fs::read(files.path().join(file)).unwrap());
        }
        let response = request.send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{line}\n{status} {text}");
        if let Some(expected) = lines.peek().and_then(|next| next.strip_prefix("# {")) {
            let expected: Value = serde_json::from_str(&format!("{{{expected}")).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected, "{line}");
        }
        if let Some(file) = curl.to_file {
            std::fs::write(files.path().join(file), text).unwrap();
        }
        run += 1;
    }
    assert!(run > 15, "only {run} lines were run");
}
