//! What lies between a bridge and Monite: calls take their time, come late, or get no answer. The sandbox itself adds what a
//! server does wrong (see [`crate::plan`]).
//!
//! A call is on its way as soon as it is sent, whatever becomes of its sender: it lands by itself. What the bridge may rely on
//! holds here, too: a call whose sender saw the connection end lands within 5 seconds of that or never, one that was not answered
//! in time within 60 seconds, and one whose sender died within 5 seconds of the death.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use monite::{Transport, TransportError, TransportKind};
use monite_sandbox::Cut;
use tokio::sync::oneshot;
use tower::ServiceExt as _;

use crate::chance::Chance;
use crate::turnstile::{Kind, Turnstile, Who};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// How rough the network is. Calm in the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Roughness {
    /// The usual time of a call each way, at most.
    pub usual: Duration,
    /// How likely a call takes seconds.
    pub slow: f64,
    /// How likely the connection ends before the answer.
    pub cut: f64,
    /// How likely no answer comes in time.
    pub timeout: f64,
}

impl Roughness {
    /// Everything arrives at once.
    pub const CALM: Self = Self { usual: Duration::ZERO, slow: 0.0, cut: 0.0, timeout: 0.0 };
}

/// The network: one for all bridges. Clones are the same.
#[derive(Debug, Clone)]
pub struct Network {
    turnstile: Turnstile,
    monite: Router,
    chance: Chance,
    roughness: Arc<Mutex<Roughness>>,
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// There after the first, back after the second.
    Answered(Duration, Duration),
    /// The sender is told after the first; lands, if so, after the second from then.
    Cut(Duration, Option<Duration>),
    /// The sender gives up; lands, if so, after this, counted from the beginning.
    TimesOut(Option<Duration>),
}

impl Network {
    /// A network that leads to `monite`.
    #[must_use]
    pub fn new(turnstile: Turnstile, monite: Router, chance: Chance, roughness: Roughness) -> Self {
        Self { turnstile, monite, chance, roughness: Arc::new(Mutex::new(roughness)) }
    }

    /// From the next call on.
    pub fn become_(&self, roughness: Roughness) {
        *self.roughness.lock().unwrap_or_else(PoisonError::into_inner) = roughness;
    }

    /// The way of one bridge into it.
    #[must_use]
    pub fn of(&self, who: Who) -> Line {
        Line { network: self.clone(), who }
    }

    fn fate(&self) -> Fate {
        let (rough, chance) = (*self.roughness.lock().unwrap_or_else(PoisonError::into_inner), &self.chance);
        let seconds = Duration::from_secs;
        let drawn = chance.share();
        if drawn < rough.cut {
            let lands = chance.hits(0.6).then(|| chance.between(Duration::ZERO, seconds(5)));
            return Fate::Cut(chance.between(Duration::ZERO, seconds(2)), lands);
        }
        if drawn < rough.cut + rough.timeout {
            let lands = chance.hits(0.7).then(|| chance.between(Duration::ZERO, PATIENCE + seconds(60)));
            return Fate::TimesOut(lands);
        }
        let most = if chance.hits(rough.slow) { seconds(6) } else { rough.usual };
        Fate::Answered(chance.between(Duration::ZERO, most), chance.between(Duration::ZERO, most))
    }

    /// Lets the call land after `wait`, unless its sender has died too long before.
    fn land(
        &self, who: Who, wait: Duration, name: String, request: http::Request<Bytes>,
    ) -> oneshot::Receiver<http::Response<Bytes>> {
        let (network, (answer, answered)) = (self.clone(), oneshot::channel());
        tokio::spawn(async move {
            let turn =
                network.turnstile.enter_after(wait, Who::World, Kind::Act, format!("{who}'s {name} lands")).await;
            if network.turnstile.died_before(who, Duration::from_secs(5)) {
                return turn.done("the sender is dead, it gets lost");
            }
            let response = match network.monite.clone().oneshot(request.map(Body::from)).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            if response.extensions().get::<Cut>().is_some() {
                return turn.done("cut by Monite");
            }
            let (head, body) = response.into_parts();
            // A body that breaks off is a connection that is cut.
            let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else { return turn.done("cut in the middle") };
            turn.done(head.status.as_str());
            // The sender may have gone.
            let _ = answer.send(http::Response::from_parts(head, body));
        });
        answered
    }
}

/// One bridge's way into the network.
#[derive(Debug)]
pub struct Line {
    network: Network,
    who: Who,
}

#[async_trait]
impl Transport for Line {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let (network, turnstile, who) = (&self.network, &self.network.turnstile, self.who);
        if turnstile.is_dead(who) {
            return std::future::pending().await;
        }
        let name = format!("{} {}", request.method(), request.uri().path());
        let after = |wait, what: &str| turnstile.enter_after(wait, who, Kind::Act, format!("{name}: {what}"));
        match network.fate() {
            Fate::Cut(told, lands) => {
                if let Some(lands) = lands {
                    drop(network.land(who, told + lands, name.clone(), request));
                }
                after(told, "the connection is cut").await.done("");
                Err(lost(TransportKind::Cut))
            }
            Fate::TimesOut(lands) => {
                if let Some(lands) = lands {
                    drop(network.land(who, lands, name.clone(), request));
                }
                after(PATIENCE, "no answer in time").await.done("");
                Err(lost(TransportKind::Timeout))
            }
            Fate::Answered(there, back) => {
                let answer = network.land(who, there, name.clone(), request).await;
                after(back, "the answer arrives").await.done("");
                answer.map_err(|_| lost(TransportKind::Cut))
            }
        }
    }
}

fn lost(kind: TransportKind) -> TransportError {
    TransportError { kind, source: Arc::new(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)) }
}
