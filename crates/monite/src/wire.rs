//! The one way out: every attempt of every call passes here, through the limiter, and comes back as answer or error.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Method};
use jiff::Timestamp;
use rand::RngExt;
use rand::rngs::StdRng;
use secrecy::SecretString;

use crate::answer::{self, Answer};
use crate::call_log::{CallLog, CallRecord};
use crate::clock::Clock;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::gate::{Ending, Gate, Held, Pass, Subject};
use crate::id::RequestId;
use crate::limit::{Limiter, Priority};
use crate::request::Request;
use crate::retry::{self, Decision, RetryBudget, RetryPolicy};
use crate::token::AccessToken;
use crate::transport::{Transport, TransportError, TransportKind};

/// Everything a call needs on its way, shared by all clones of a client.
pub(crate) struct Wire {
    pub(crate) base_url: String,
    pub(crate) version: HeaderValue,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) limiter: Arc<dyn Limiter>,
    pub(crate) gate: Option<Arc<dyn Gate>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) retry: RetryPolicy,
    pub(crate) budget: Mutex<RetryBudget>,
    pub(crate) rng: Mutex<StdRng>,
    pub(crate) calls: AtomicU64,
}

/// What is remembered over all attempts of one call, also over the replay with a fresh token.
pub(crate) struct Journey {
    priority: Priority,
    log: Option<CallLog>,
    deadline: Option<Deadline>,
    /// How an earlier attempt failed that may have been carried out all the same.
    unanswered: Option<Error>,
}

impl Journey {
    pub(crate) fn new(priority: Priority, log: Option<CallLog>, deadline: Option<Deadline>) -> Self {
        Self { priority, log, deadline, unanswered: None }
    }

    /// What the call ends with. That one more attempt was not made, or not let in, tells nothing about those that were made.
    pub(crate) fn ends_with(&mut self, error: Error) -> Error {
        let tells_nothing = error.is_retryable() && !error.may_have_applied();
        if tells_nothing { self.was_not_made(error) } else { error }
    }

    /// What the call ends with when an attempt was not made because of this error.
    pub(crate) fn was_not_made(&mut self, error: Error) -> Error {
        self.unanswered.take().unwrap_or(error)
    }
}

impl Wire {
    /// Sends a call, again where that can help and cannot harm. `secrets` are cut out of whatever comes back.
    pub(crate) async fn call(
        &self, request: &Request, token: Option<&AccessToken>, secrets: &[&SecretString], journey: &mut Journey,
    ) -> Result<Answer, Error> {
        self.lock_budget().earn();
        let mut attempt = 1;
        loop {
            let error = match self.attempt(request, token, secrets, journey).await {
                Ok(answer) => return Ok(answer),
                Err(error) if error.is_too_late() => return Err(journey.was_not_made(error)),
                Err(error) => error,
            };
            if request.method == Method::DELETE && journey.unanswered.is_some() && error.is_not_found() {
                return Ok(self.gone(request, &error));
            }
            if error.may_have_applied() {
                journey.unanswered = Some(error.clone());
            }
            let decision = retry::decide(&self.retry, attempt, &error, request.is_repeatable(), self.chance());
            match decision {
                Decision::Again { after } if self.lock_budget().spend() => {
                    tracing::debug!(operation = request.operation, attempt, ?after, %error, "trying again");
                    self.clock.sleep(after).await;
                }
                Decision::Again { .. } | Decision::GiveUp if error.is_held() && request.leaves_no_trace() => {
                    return Err(error);
                }
                Decision::Again { .. } | Decision::GiveUp => return Err(journey.ends_with(error)),
            }
            attempt += 1;
        }
    }

    /// Now, on this client's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A random number in `0..1`.
    pub(crate) fn chance(&self) -> f64 {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    /// One attempt: wait for the turn, send, take note.
    async fn attempt(
        &self, request: &Request, token: Option<&AccessToken>, secrets: &[&SecretString], journey: &Journey,
    ) -> Result<Answer, Error> {
        let http = request.to_http(&self.base_url, &self.version, token.map(AccessToken::secret))?;
        if let Some(gate) = &self.gate {
            gate.check().map_err(|held| not_sent(request, held))?;
        }
        let permit = self.limiter.acquire(journey.priority).await;
        if let Some(deadline) = &journey.deadline
            && let Err(late) = deadline.check(self.clock.now(), request.operation)
        {
            permit.answered(); // nothing is sent, so nothing can be counted
            return Err(late);
        }
        let inside = match self.enter(request) {
            Ok(inside) => inside,
            Err(held) => {
                permit.answered();
                return Err(not_sent(request, held));
            }
        };
        let sent_at = self.clock.now();
        self.calls.fetch_add(1, Ordering::Relaxed);
        let outcome = match self.transport.send(http).await {
            Ok(response) => {
                permit.answered();
                inside.ended(Ending::Answered(response.status().as_u16()));
                let token = token.map(AccessToken::secret);
                let secrets: Vec<&SecretString> = secrets.iter().copied().chain(token).collect();
                self.read(request, response, sent_at, &secrets)
            }
            Err(lost) => {
                inside.ended(Ending::Lost(lost.kind));
                if lost.kind == TransportKind::Connect {
                    permit.answered(); // nothing was sent, so nothing can be counted late
                } else {
                    drop(permit);
                }
                Outcome::lost(request, lost)
            }
        };
        outcome.note(request, sent_at, self.clock.now(), journey.log.as_ref());
        outcome.result
    }

    fn enter(&self, request: &Request) -> Result<Inside, Held> {
        let Some(gate) = &self.gate else { return Ok(Inside(None)) };
        let about = request.subject();
        let pass = gate.enter(about)?;
        Ok(Inside(Some((gate.clone(), pass, about))))
    }

    /// Turns what came back into answer or error, and tells the limiter.
    fn read(
        &self, request: &Request, response: http::Response<Bytes>, sent_at: Timestamp, secrets: &[&SecretString],
    ) -> Outcome {
        let now = self.clock.now();
        let (operation, status, headers) = (request.operation, response.status().as_u16(), response.headers());
        self.limiter.observe(&answer::rate_signal(status, headers, now));
        let request_id = answer::request_id(headers);
        let result = if response.status().is_success() {
            let request_id = request_id.clone();
            Ok(Answer { operation, status, request_id, sent_at, body: response.into_body() })
        } else {
            Err(answer::refusal(operation, status, headers, response.body(), now, secrets))
        };
        Outcome { status: Some(status), request_id, result }
    }

    /// A delete that finds nothing after one whose answer was lost: the lost one did it.
    fn gone(&self, request: &Request, error: &Error) -> Answer {
        Answer {
            operation: request.operation,
            status: 204,
            request_id: error.request_id().cloned(),
            sent_at: self.clock.now(),
            body: Bytes::new(),
        }
    }

    fn lock_budget(&self) -> std::sync::MutexGuard<'_, RetryBudget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_sent(request: &Request, held: Held) -> Error {
    Error::Transport { operation: request.operation, kind: TransportKind::Held, source: Arc::new(held) }
}

/// An attempt that the gate let out. Tells it once how the attempt ended, also when nobody waits for that any more.
struct Inside(Option<(Arc<dyn Gate>, Pass, Subject)>);

impl Inside {
    fn ended(mut self, ending: Ending) {
        self.tell(ending);
    }

    fn tell(&mut self, ending: Ending) {
        if let Some((gate, pass, about)) = self.0.take() {
            gate.left(pass, about, ending);
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.tell(Ending::Cancelled);
    }
}

/// How one attempt went.
struct Outcome {
    /// `None` when no answer arrived.
    status: Option<u16>,
    request_id: Option<RequestId>,
    result: Result<Answer, Error>,
}

impl Outcome {
    fn lost(request: &Request, lost: TransportError) -> Self {
        let error = Error::Transport { operation: request.operation, kind: lost.kind, source: lost.source };
        Self { status: None, request_id: None, result: Err(error) }
    }

    /// Writes it down: in the log for operators, and in the one the caller gave.
    fn note(&self, request: &Request, at: Timestamp, ended_at: Timestamp, log: Option<&CallLog>) {
        let request_id = self.request_id.as_ref().map(RequestId::as_str);
        tracing::debug!(operation = request.operation, status = self.status, request_id, "called Monite");
        if let Some(log) = log {
            log.push(CallRecord {
                at,
                ended_at,
                operation: request.operation.to_owned(),
                method: request.method.to_string(),
                path: request.path.clone(),
                status: self.status,
                request_id: request_id.map(str::to_owned),
                lost: match &self.result {
                    Err(Error::Transport { kind, .. }) => Some(*kind),
                    _ => None,
                },
                error: self.result.as_ref().err().map(ToString::to_string),
            });
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("base_url", &self.base_url)
            .field("version", &self.version)
            .field("transport", &self.transport)
            .field("limiter", &self.limiter)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
