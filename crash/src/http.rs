//! The little HTTP that this needs: one call, one connection, on this machine, and what is known when it breaks off.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// Longer than a replica is ever frozen: a call that it has in hand then is answered once it goes on.
const PATIENCE: Duration = Duration::from_secs(60);

/// A call as plain data.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) bearer: Option<String>,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Media type and content.
    pub(crate) body: Option<(&'static str, String)>,
}

impl Request {
    pub(crate) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), bearer: None, headers: Vec::new(), body: None }
    }

    pub(crate) fn bearer(self, secret: &str) -> Self {
        Self { bearer: Some(secret.to_owned()), ..self }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub(crate) fn body(self, media_type: &'static str, text: String) -> Self {
        Self { body: Some((media_type, text)), ..self }
    }

    /// Calls `host` (`127.0.0.1:8710`) and reads until the connection ends.
    pub(crate) fn send(&self, host: &str) -> Result<Answer, Trouble> {
        let not_sent = |error: std::io::Error| Trouble::NotSent(error.to_string());
        let mut connection = TcpStream::connect(host).map_err(not_sent)?;
        connection.set_read_timeout(Some(PATIENCE)).map_err(not_sent)?;
        connection.set_write_timeout(Some(PATIENCE)).map_err(not_sent)?;
        let lost = |error: std::io::Error| Trouble::Lost(error.to_string());
        connection.write_all(self.text(host).as_bytes()).map_err(lost)?;
        let mut bytes = Vec::new();
        // What arrived before the line was cut counts, so the error alone says nothing.
        let end = connection.read_to_end(&mut bytes);
        let cut = end.is_err();
        Answer::read(&bytes, cut).ok_or_else(|| match end {
            Ok(_) => Trouble::Lost("the connection ended without an answer".to_owned()),
            Err(error) => lost(error),
        })
    }

    /// HTTP/1.0: the answer then comes in one piece and ends with the connection.
    fn text(&self, host: &str) -> String {
        let mut text = format!("{} {} HTTP/1.0\r\nHost: {host}\r\n", self.method, self.path);
        if let Some(secret) = &self.bearer {
            text.push_str(&format!("Authorization: Bearer {secret}\r\n"));
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        match &self.body {
            Some((media_type, body)) => {
                text.push_str(&format!("Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
            }
            None => text.push_str("\r\n"),
        }
        text
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Trouble {
    /// Nobody was there to take it: it was not done.
    NotSent(String),
    /// It may have been done or not.
    Lost(String),
}

/// An answer whose head has arrived.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// What has arrived of the body.
    pub(crate) body: String,
    /// Whether more should have come.
    pub(crate) is_cut: bool,
}

impl Answer {
    /// `None` until the head is whole.
    fn read(bytes: &[u8], cut: bool) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let announced = head.lines().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let is_cut = cut || announced.is_some_and(|length| body.len() < length);
        Some(Self { status, body: body.to_owned(), is_cut })
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON, if it is whole.
    pub(crate) fn json(&self) -> Option<Value> {
        if self.is_cut {
            return None;
        }
        serde_json::from_str(&self.body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_from_its_whole_head_on() {
        let read = |text: &str| Answer::read(text.as_bytes(), false);
        assert_eq!(read("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n"), None);
        let whole = Answer { status: 200, body: "{}".to_owned(), is_cut: false };
        assert_eq!(read("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"), Some(whole.clone()));
        let cut = Answer { status: 200, body: "{".to_owned(), is_cut: true };
        assert_eq!(read("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{"), Some(cut.clone()));
        assert_eq!((whole.json().is_some(), cut.json()), (true, None));
    }
}
