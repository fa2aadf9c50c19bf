//! What lies between a bridge and Monite: calls take their time, come late, or get no answer. The sandbox itself adds what a
//! server does wrong (see [`crate::plan`]).
//!
//! A call is on its way as soon as it is sent, whatever becomes of its sender: it lands by itself. What the bridge may rely on
//! holds here, too: a call whose sender saw the connection end lands within 5 seconds of that or never, one that was not answered
//! in time within 60 seconds, and one whose sender died within 5 seconds of the death.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use jiff::Timestamp;
use monite::{Transport, TransportError, TransportKind};
use monite_sandbox::Cut;
use tokio::sync::oneshot;
use tower::ServiceExt as _;

use crate::chance::Chance;
use crate::turnstile::{Kind, Turnstile, Who};
use crate::watch::Watch;

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
    /// How likely a list of everything is cut short on its way.
    pub short: f64,
}

impl Roughness {
    /// Everything arrives at once.
    pub const CALM: Self = Self { usual: Duration::ZERO, slow: 0.0, cut: 0.0, timeout: 0.0, short: 0.0 };
}

/// A time in which Monite does not answer anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down {
    /// From the beginning of the run.
    pub after: Duration,
    /// How long.
    pub lasts: Duration,
    /// What a caller sees of it.
    pub looks: DownLook,
}

/// What a caller sees of an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DownLook {
    /// No connection is taken.
    Refused,
    /// What stands before Monite says 503.
    Gateway,
    /// Nobody answers; nothing is done.
    Silent,
}

/// The network: one for all bridges. Clones are the same.
#[derive(Debug, Clone)]
pub struct Network {
    turnstile: Turnstile,
    monite: Router,
    chance: Chance,
    watch: Watch,
    weather: Arc<Mutex<Weather>>,
}

#[derive(Debug)]
struct Weather {
    roughness: Roughness,
    began: Timestamp,
    outages: Vec<Down>,
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
    /// Monite takes no connection; the sender is told after this.
    Refused(Duration),
    /// What stands before Monite answers in its place, after this.
    Gateway(Duration),
}

impl Network {
    /// A network that leads to `monite`, with this weather from now on.
    #[must_use]
    pub fn new(
        turnstile: Turnstile, monite: Router, chance: Chance, watch: Watch, roughness: Roughness, outages: Vec<Down>,
    ) -> Self {
        let weather = Weather { roughness, began: turnstile.now(), outages };
        Self { turnstile, monite, chance, watch, weather: Arc::new(Mutex::new(weather)) }
    }

    /// From the next call on everything arrives at once.
    pub fn calm_down(&self) {
        let mut weather = self.weather();
        weather.roughness = Roughness::CALM;
        weather.outages.clear();
    }

    fn weather(&self) -> MutexGuard<'_, Weather> {
        self.weather.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way of one bridge into it.
    #[must_use]
    pub fn of(&self, who: Who) -> Line {
        Line { network: self.clone(), who }
    }

    /// The outage that is on, and since when.
    fn down(&self) -> Option<(Timestamp, DownLook)> {
        let (now, weather) = (self.turnstile.now(), self.weather());
        let times = weather.outages.iter().map(|down| (weather.began + down.after, down));
        let mut on = times.filter(|(since, down)| *since <= now && now < *since + down.lasts);
        on.next().map(|(since, down)| (since, down.looks))
    }

    fn fate(&self, who: Who) -> Fate {
        let (rough, chance) = (self.weather().roughness, &self.chance);
        let seconds = Duration::from_secs;
        if let Some((since, looks)) = self.down() {
            let told = chance.between(Duration::ZERO, rough.usual);
            return match looks {
                DownLook::Refused => {
                    self.watch.knocks(who, since, self.turnstile.now());
                    Fate::Refused(told)
                }
                DownLook::Gateway => Fate::Gateway(told),
                DownLook::Silent => Fate::TimesOut(None),
            };
        }
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

    /// A list with the first of its rows alone, and nothing that says there are more.
    fn cut_short(&self, body: Bytes) -> Bytes {
        let Ok(mut list) = serde_json::from_slice::<serde_json::Value>(&body) else { return body };
        let Some(rows) = list["data"].as_array_mut() else { return body };
        rows.truncate(self.chance.below(rows.len()));
        list["next_pagination_token"] = serde_json::Value::Null;
        Bytes::from(list.to_string())
    }

    /// Lets the call land after `wait`, unless its sender has died too long before.
    fn land(
        &self, who: Who, wait: Duration, name: String, request: http::Request<Bytes>,
    ) -> oneshot::Receiver<http::Response<Bytes>> {
        let (network, (answer, answered)) = (self.clone(), oneshot::channel());
        let (shows_all, bearer) = (is_list_of_everything(&request), bearer(&request));
        let is_mint = request.uri().path().ends_with("/auth/token");
        tokio::spawn(async move {
            let what = format!("{who}'s {name} lands");
            let turn = network.turnstile.enter_after(wait, Who::World, Kind::Act, what).await;
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
            if is_mint {
                network.watch.minted(&body, network.turnstile.now());
            }
            if let Some(token) = bearer.filter(|_| head.status.is_success()) {
                network.watch.worked(&token, who, &name, network.turnstile.now());
            }
            let short = shows_all && network.chance.hits(network.weather().roughness.short);
            let body = if short { network.cut_short(body) } else { body };
            turn.done(&format!("{}{}", head.status.as_str(), if short { ", cut short" } else { "" }));
            // The sender may have gone.
            let _ = answer.send(http::Response::from_parts(head, body));
        });
        answered
    }
}

fn asks_for_the_partners_token(request: &http::Request<Bytes>) -> bool {
    let wanted = b"client_credentials";
    request.uri().path().ends_with("/auth/token") && request.body().windows(wanted.len()).any(|part| part == wanted)
}

/// The token of the call, if it has one.
fn bearer<T>(request: &http::Request<T>) -> Option<String> {
    let value = request.headers().get(http::header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::to_owned)
}

/// Whether this is one of the lists in which a sweep looks for everything, as from a proxy that answers out of an old cache. A list that
/// is asked for what a create left behind is not: what it lacks after the lag is not there.
fn is_list_of_everything<T>(request: &http::Request<T>) -> bool {
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let has = |name: &str| query.split('&').any(|pair| pair.starts_with(name));
    request.method() == http::Method::GET
        && has("limit=100")
        && match path.rsplit('/').next() {
            Some("entities") => has("sort=") && !has("email"),
            Some("entity_users") => !has("login") && !has("id__in"),
            Some("roles") => !has("name"),
            _ => false,
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
        network.watch.sends(who, &name, turnstile.now());
        if asks_for_the_partners_token(&request) {
            network.watch.asks_for_token(who, turnstile.now());
        }
        match network.fate(who) {
            Fate::Refused(told) => {
                after(told, "no connection").await.done("");
                Err(lost(TransportKind::Connect))
            }
            Fate::Gateway(told) => {
                after(told, "the gateway answers").await.done("503");
                let mut answer = http::Response::new(Bytes::new());
                *answer.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
                Ok(answer)
            }
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
