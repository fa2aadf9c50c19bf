//! What `serve` and `sync` ask before they create anything in an empty database's name.

use std::time::Duration;

use monite::Priority;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use crate::assemble::Bridge;
use crate::domain::BridgeId;
use crate::reconcile::adopt::predecessor;

/// Monite gets this long to answer; a service has to start while it is away, too.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether this bridge is known to follow nobody.
#[derive(Debug, clap::Args)]
pub(super) struct Predecessor {
    /// Begin with an empty database although other bridges have stamped entities: none of them was this one
    #[arg(long)]
    new_bridge: bool,
}

impl Predecessor {
    /// Refuses to work for an empty database where another one was at work: what Monite creates twice stays twice. Where Monite
    /// cannot be asked, nothing is known, and the work goes on.
    pub(super) async fn refuse(&self, bridge: &Bridge, stop: &CancellationToken) -> Result<(), Failure> {
        if self.new_bridge {
            return Ok(());
        }
        let monite = bridge.monite.with_priority(Priority::Bulk);
        let asked = tokio::select! {
            asked = predecessor(&monite, bridge.store.as_ref()) => asked,
            () = bridge.clock.sleep(PATIENCE) => return unknown(),
            () = stop.cancelled() => return Ok(()),
        };
        match asked {
            Ok(None) => Ok(()),
            Ok(Some(other)) => Err(refusal(&other)),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "Monite could not be asked for stamps");
                unknown()
            }
        }
    }
}

fn unknown() -> Result<(), Failure> {
    tracing::warn!(
        "the database knows no entity, and whether another bridge has stamped some is not known; if a database was lost, stop and run `monite-bridge adopt`"
    );
    Ok(())
}

fn refusal(other: &BridgeId) -> Failure {
    Failure::usage(
        format!(
            "the database knows no entity at Monite, but the bridge {other} has stamped some there: if that one's database was lost, what exists would be created again"
        ),
        "Run `monite-bridge adopt` first, which links what is this bridge's. If no database was lost, say so once with --new-bridge.",
    )
}
