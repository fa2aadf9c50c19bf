//! What the sandbox takes: time from start to first answer, and memory, idle and with 100,000 entities.
//!
//! `cargo bench -p monite-sandbox --bench footprint`
//!
//! The real binary, asked over a socket. The time is from before the process is started until the first answer to
//! `GET /_sandbox/clock` is read, the best of several starts: what else the machine does at that moment only adds. Memory
//! is `VmRSS`, which Linux alone tells; elsewhere those rows are left out.

// A benchmark that cannot be set up has nobody to tell but the person who started it.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use side_by_side::times;

const CLIENT: (&str, &str) = ("9d2b4c8f-2087-4738-ba91-7359683c49a4", "a-secret");

fn main() {
    println!("sandbox: what it takes");
    let starts = (0..times(20)).map(|_| start_to_first_answer());
    let best = starts.min().unwrap_or_default();
    row(
        "start to first answer",
        &format!("{:.1} ms", best.as_secs_f64() * 1e3),
        best < Duration::from_millis(50),
        "< 50 ms",
    );

    let sandbox = Sandbox::start();
    assert!(sandbox.get("/_sandbox/clock").contains("now"));
    memory_row("memory, idle", &sandbox, 20);
    let count = times(100_000);
    sandbox.fill(count);
    memory_row(&format!("memory, {count} entities"), &sandbox, 250);
}

fn row(what: &str, measured: &str, met: bool, aim: &str) {
    let verdict = if met { "met" } else { "MISSED" };
    println!("  {what:<34} {measured:>10}   aim {aim} {verdict}");
}

fn memory_row(what: &str, sandbox: &Sandbox, aim_mib: u64) {
    if let Some(kib) = sandbox.resident_kib() {
        let mib = kib as f64 / 1024.0;
        row(what, &format!("{mib:.1} MiB"), kib < aim_mib * 1024, &format!("< {aim_mib} MiB"));
    }
}

fn start_to_first_answer() -> Duration {
    let begun = Instant::now();
    let sandbox = Sandbox::start();
    let answer = sandbox.get("/_sandbox/clock");
    let taken = begun.elapsed();
    assert!(answer.contains("now"), "{answer}");
    taken
}

struct Sandbox {
    child: Child,
    address: String,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sandbox {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_monite-sandbox"));
        command.args(["--listen", "127.0.0.1:0", "--rate-limit", "off", "--client-id", CLIENT.0]);
        command.args(["--client-secret", CLIENT.1]).env_clear().stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().strip_suffix("/v1").unwrap().to_owned();
        Self { child, address }
    }

    /// One request on a connection of its own.
    fn get(&self, path: &str) -> String {
        let mut line = TcpStream::connect(&self.address).unwrap();
        write!(line, "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        line.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Creates entities, all different, on one connection.
    fn fill(&self, count: usize) {
        let mut line = BufReader::new(TcpStream::connect(&self.address).unwrap());
        let credentials = json!({"grant_type": "client_credentials", "client_id": CLIENT.0, "client_secret": CLIENT.1});
        let token = self.post(&mut line, "/v1/auth/token", None, &credentials);
        let token = token["access_token"].as_str().unwrap();
        for number in 0..count {
            let made = self.post(&mut line, "/v1/entities", Some(token), &entity(number));
            assert!(made["id"].is_string(), "{made}");
        }
    }

    fn post(&self, line: &mut BufReader<TcpStream>, path: &str, token: Option<&str>, body: &Value) -> Value {
        let body = body.to_string();
        let bearer = token.map_or(String::new(), |token| format!("authorization: Bearer {token}\r\n"));
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nx-monite-version: 2024-05-25\r\n{bearer}content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        line.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut head, mut length) = (String::new(), 0);
        while head != "\r\n" {
            head.clear();
            line.read_line(&mut head).unwrap();
            if let Some(value) = head.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut answer = vec![0; length];
        line.read_exact(&mut answer).unwrap();
        serde_json::from_slice(&answer).unwrap()
    }

    fn resident_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").trim().parse().ok()
    }
}

fn entity(number: usize) -> Value {
    json!({
        "type": "organization",
        "email": format!("accounts-{number}@example.com"),
        "phone": "+49 30 1234567",
        "tax_id": format!("DE{number:09}"),
        "address": {"country": "DE", "city": "Berlin", "line1": format!("Musterweg {number}"), "postal_code": "10115"},
        "organization": {"legal_name": format!("Muster {number} GmbH")},
    })
}
