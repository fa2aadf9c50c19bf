//! `serve`: the service.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::core_dump;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::predecessor::Predecessor;
use super::signal;
use crate::assemble::{Bridge, Setup};
use crate::broker::Broker;
use crate::http::{self, Entrance, Tls};

/// What is in hand gets this long after the signal to stop; the contract allows ten seconds for everything.
const GRACE: Duration = Duration::from_secs(8);

/// Whether another bridge was here before is waited for this long before the start; then it is waited for beside it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Closing the database gets this long: another process may hold its lock.
const CLOSING: Duration = Duration::from_secs(1);

/// Run the service: HTTP API, reconciler, token broker
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    predecessor: Predecessor,
}

impl Serve {
    pub(super) async fn run(&self, setup: Setup, output: &Output) -> Result<Exit, Failure> {
        core_dump::forbid();
        let stop = signal::stop_requested();
        for note in setup.config.notes().into_iter().chain(setup.secrets.notes()) {
            tracing::warn!("{note}");
        }
        let tls = setup.tls()?;
        let address = setup.config.server.listen;
        let listener = TcpListener::bind(address).await.map_err(|error| cannot_listen(address, &error))?;
        let bridge = Bridge::assemble(setup).await?;
        warn_of_bootstrap_key(&bridge).await;
        let ended = self.work(&bridge, (listener, tls), &stop, output).await;
        if tokio::time::timeout(CLOSING, bridge.close()).await.is_err() {
            tracing::warn!("the database was busy and could not be closed in time; what it confirmed is durable");
        }
        ended.map(|()| Exit::Done)
    }

    async fn work(
        &self, bridge: &Bridge, door: (TcpListener, Option<Tls>), stop: &CancellationToken, output: &Output,
    ) -> Result<(), Failure> {
        let question = self.predecessor.question(bridge, stop);
        let mut begin: Begin = Box::pin(async move { question.insist().await });
        // Whoever is refused need not start; but a service has to start while Monite is away, too.
        tokio::select! {
            answer = &mut begin => {
                answer?;
                begin = at_once();
            }
            () = bridge.clock.sleep(PATIENCE) => {}
        }
        let service = Service::start(bridge, door, begin, stop)?;
        output.result(&format!("listening on {}", service.url), &json!({ "listening": service.url }));
        service.until(stop).await
    }
}

/// The key of the environment has every scope, no name and no end: something to begin with, not to stay.
async fn warn_of_bootstrap_key(bridge: &Bridge) {
    let is_on = bridge.setup.config.server.bootstrap_key && bridge.setup.secrets.api_key.is_some();
    if !is_on {
        return;
    }
    let now = bridge.now();
    // The start does not fail for it: whoever calls is told what is wrong with the database.
    let keys = bridge.store.api_keys().await.unwrap_or_default();
    let good = keys.iter().filter(|key| key.is_alive(now)).count();
    if good > 0 {
        tracing::warn!(
            keys = good,
            "MONITE_BRIDGE_API_KEY still opens everything beside the keys of `keys create`; set server.bootstrap_key = false once nobody uses it"
        );
    }
}

pub(super) fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Failure {
    Failure::usage(
        format!("cannot listen on {address}: {error}"),
        "Stop what listens there, or set server.listen to another address.",
    )
}

/// What ends once the work at Monite may begin, or with why it must not.
pub(super) type Begin = BoxFuture<'static, Result<(), Failure>>;

/// Nothing has to be known first.
pub(super) fn at_once() -> Begin {
    Box::pin(std::future::ready(Ok(())))
}

/// Reconciler, sweep and HTTP API at work.
pub(super) struct Service {
    /// Where the HTTP API answers.
    pub(super) url: String,
    tasks: JoinSet<Result<(), Failure>>,
    broker: Broker,
}

impl Service {
    /// Starts them; they work until `stop`. Nothing is done at Monite before `begin`.
    pub(super) fn start(
        bridge: &Bridge, (listener, tls): (TcpListener, Option<Tls>), begin: Begin, stop: &CancellationToken,
    ) -> Result<Self, Failure> {
        let address =
            listener.local_addr().map_err(|error| cannot_listen(bridge.setup.config.server.listen, &error))?;
        let app = bridge.app(stop.clone())?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut tasks = JoinSet::new();
        let (reconciler, sweeper, until) = (bridge.reconciler.clone(), bridge.sweeper.clone(), stop.clone());
        let interval = bridge.setup.config.sync.sweep_interval;
        tasks.spawn(async move {
            begin.await?;
            let sweeping = async {
                match interval {
                    Some(interval) => sweeper.run(interval, until.clone()).await,
                    None => until.cancelled().await,
                }
            };
            tokio::join!(reconciler.run(until.clone()), sweeping, sweeper.follow(until.clone()));
            Ok(())
        });
        tasks.spawn(async move {
            http::serve(Entrance::from(listener).with_tls(tls), app).await;
            Ok(())
        });
        Ok(Self { url: format!("{scheme}://{address}"), tasks, broker: bridge.broker.clone() })
    }

    /// Works until `stop`, then ends in good order. A part that ends by itself ends the whole: who supervises the process
    /// starts it again, instead of keeping half a service.
    pub(super) async fn until(mut self, stop: &CancellationToken) -> Result<(), Failure> {
        tokio::select! {
            biased;
            () = stop.cancelled() => {
                self.finish().await;
                Ok(())
            }
            ended = self.tasks.join_next() => {
                stop.cancel();
                self.finish().await;
                if let Some(Ok(Err(refused))) = ended {
                    return Err(refused);
                }
                Err(Failure::failed("a part of the service ended by itself", "The log says why; start it again."))
            }
        }
    }

    /// Waits for what is in hand. A create that takes longer than the grace is cut off here: it is stored as unknown since
    /// before it was sent, so the next start looks for it, and nothing is lost or doubled.
    async fn finish(&mut self) {
        let everything = async {
            while self.tasks.join_next().await.is_some() {}
            self.broker.finish_revocations().await;
        };
        if tokio::time::timeout(GRACE, everything).await.is_err() {
            tracing::warn!(
                "some work did not end within {} s and was cut off; the next start takes it up",
                GRACE.as_secs()
            );
            self.tasks.abort_all();
        }
    }
}
