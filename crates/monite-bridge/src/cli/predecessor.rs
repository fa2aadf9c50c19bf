//! What `serve` and `sync` ask before they create anything in an empty database's name.

use std::sync::Arc;
use std::time::Duration;

use monite::{Clock, Monite, Priority};
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use crate::assemble::Bridge;
use crate::domain::BridgeId;
use crate::reconcile::adopt::predecessor;
use crate::reconcile::observe::LookError;
use crate::store::Store;

/// Monite is asked again after this long; each time after twice as long.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The longest pause.
const ASK_AGAIN_AT_LAST: Duration = Duration::from_secs(30);

/// Whether this bridge is known to follow nobody.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Predecessor {
    /// Begin with an empty database although other bridges have stamped entities: none of them was this one
    #[arg(long)]
    new_bridge: bool,
}

impl Predecessor {
    /// The question, to be asked before anything is created.
    pub(super) fn question(&self, bridge: &Bridge, stop: &CancellationToken) -> Question {
        Question {
            answered: self.new_bridge,
            monite: bridge.monite.with_priority(Priority::Bulk),
            store: Arc::clone(&bridge.store),
            clock: Arc::clone(&bridge.clock),
            stop: stop.clone(),
        }
    }
}

/// Whether an empty database stands where another one was at work: what is created twice at Monite stays twice.
#[derive(Debug)]
pub(super) struct Question {
    answered: bool,
    monite: Monite,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
}

/// Why nothing may be created.
#[derive(Debug)]
pub(super) enum NotToBegin {
    /// Another bridge was there.
    Refused(Failure),
    /// Monite, or the database, did not say.
    Unanswered(LookError),
}

impl Question {
    /// Asks once. A command that is told to stop begins nothing anyway, and gets no answer.
    pub(super) async fn ask(&self) -> Result<(), NotToBegin> {
        if self.answered {
            return Ok(());
        }
        let asked = tokio::select! {
            asked = predecessor(&self.monite, self.store.as_ref()) => asked,
            () = self.stop.cancelled() => return Ok(()),
        };
        match asked {
            Ok(None) => Ok(()),
            Ok(Some(other)) => Err(NotToBegin::Refused(refusal(&other))),
            Err(error) => Err(NotToBegin::Unanswered(error)),
        }
    }

    /// Asks until there is an answer.
    pub(super) async fn insist(&self) -> Result<(), Failure> {
        let mut pause = ASK_AGAIN_AFTER;
        loop {
            match self.ask().await {
                Ok(()) => return Ok(()),
                Err(NotToBegin::Refused(failure)) => return Err(failure),
                Err(NotToBegin::Unanswered(error)) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the database knows no entity, and Monite did not say whether another bridge has stamped some: nothing is created before it does"
                ),
            }
            tokio::select! {
                () = self.clock.sleep(pause) => pause = (pause * 2).min(ASK_AGAIN_AT_LAST),
                () = self.stop.cancelled() => return Ok(()),
            }
        }
    }
}

fn refusal(other: &BridgeId) -> Failure {
    Failure::usage(
        format!(
            "the database knows no entity at Monite, but the bridge {other} has stamped some there: if that one's database was lost, what exists would be created again"
        ),
        "Run `monite-bridge adopt` first, which links what is this bridge's. If no database was lost, say so with --new-bridge until the first customer is linked.",
    )
}
