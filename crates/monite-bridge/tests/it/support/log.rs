//! Everything the bridge and the client log, kept to be searched for secrets.

use std::io;
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static SUBSCRIBED: Once = Once::new();

/// The log from one moment on. Tests running at the same time are in it too: what is secret in one is not in the others.
#[derive(Debug)]
pub(crate) struct Log {
    from: usize,
}

impl Log {
    pub(crate) fn begin() -> Self {
        SUBSCRIBED.call_once(|| {
            tracing_subscriber::fmt()
                .with_env_filter(EnvFilter::new("info,monite=trace,monite_bridge=trace,tower_http=trace"))
                .with_writer(Keep)
                .with_ansi(false)
                .init();
        });
        Self { from: lines().len() }
    }

    pub(super) fn assert_lacks(&self, secret: &str) {
        assert!(!self.text().contains(secret), "a secret is in the log: {secret}\n{}", self.lines_with(secret));
    }

    /// What was logged since.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&lines()[self.from..]).into_owned()
    }

    fn lines_with(&self, secret: &str) -> String {
        self.text().lines().filter(|line| line.contains(secret)).collect::<Vec<_>>().join("\n")
    }
}

fn lines() -> std::sync::MutexGuard<'static, Vec<u8>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Keep;

impl io::Write for Keep {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lines().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Keep {
    type Writer = Keep;
    fn make_writer(&'a self) -> Keep {
        Keep
    }
}
