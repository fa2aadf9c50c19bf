//! `sandbox`: the local Monite API alone.

use monite_sandbox::{SandboxArgs, Started};
use serde::Serialize;

use super::failure::{Exit, Failure};
use super::output::Output;
use super::signal;

/// Run the local imitation of Monite's API alone
#[derive(Debug, clap::Args)]
pub(super) struct Sandbox {
    #[command(flatten)]
    args: SandboxArgs,
}

impl Sandbox {
    pub(super) async fn run(self, output: &Output) -> Result<Exit, Failure> {
        let stop = signal::stop_requested();
        let started = self.args.start().await.map_err(|error| Failure {
            exit: Exit::Usage,
            ..Failure::caused_by(&error, "Choose another address with --listen, or another file with --data.")
        })?;
        let announcement = Announcement::of(&started);
        output.result(&announcement.text(), &announcement);
        stop.cancelled().await;
        started.sandbox.shutdown().await;
        Ok(Exit::Done)
    }
}

/// Where it answers, and the credentials that nobody knows yet.
#[derive(Serialize)]
struct Announcement {
    listening: String,
    client_id: Option<String>,
    client_secret: Option<String>,
}

impl Announcement {
    fn of(Started { sandbox, client_id_is_generated, client_secret_is_generated }: &Started) -> Self {
        Self {
            listening: sandbox.base_url(),
            client_id: client_id_is_generated.then(|| sandbox.client_id().to_owned()),
            client_secret: client_secret_is_generated.then(|| sandbox.client_secret().to_owned()),
        }
    }

    /// The same lines as the sandbox's own binary prints.
    fn text(&self) -> String {
        let line = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}={value}\n"));
        let credentials =
            [line("MONITE_CLIENT_ID", &self.client_id), line("MONITE_CLIENT_SECRET", &self.client_secret)];
        let credentials: String = credentials.into_iter().flatten().collect();
        format!("{credentials}listening on {}", self.listening)
    }
}
