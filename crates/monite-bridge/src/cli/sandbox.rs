//! `sandbox`: the local Monite API alone.

use super::failure::{Exit, Failure};

/// Run the local imitation of Monite's API alone
#[derive(clap::Args)]
pub(super) struct Sandbox {
    #[command(flatten)]
    args: monite_sandbox::SandboxArgs,
}

impl std::fmt::Debug for Sandbox {
    /// The arguments may hold the client secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

impl Sandbox {
    pub(super) async fn run(self) -> Result<Exit, Failure> {
        monite_sandbox::run(self.args).await.map_err(|error| {
            Failure::caused_by(&error, "Choose another address with --listen, or another file with --data.")
        })?;
        Ok(Exit::Done)
    }
}
