//! `POST /v1/import`: customers with their users in, one line each; one result line out per line, as they are stored.
//!
//! Lines are read and checked by a task of their own while the batch before is being stored. Nobody runs ahead: the next batch is
//! stored when the result lines of the one before have been taken. A line that is wrong costs nothing else. An import may take any time,
//! as long as something comes.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream::unfold;
use futures::{Stream, StreamExt as _};
use monite::Clock;
use serde::Serialize;
use tokio::io::{AsyncBufRead, BufReader};
use tokio::sync::mpsc;
use tokio_util::io::StreamReader;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::extract::check_media_type;
use super::problem::Problem;
use super::{App, Shared};
use crate::domain::ObjectId;
use crate::domain::document::FieldError;
use crate::events::Event;
use crate::intake::{ImportRecord, Line, LineError, NdjsonLines};
use crate::store::Imported;

/// The media type of newline-delimited JSON.
const NDJSON: &str = "application/x-ndjson";

/// Lines in one transaction at most.
const BATCH: usize = 500;

/// A line that has arrived is stored after this long even if the batch is not full: whoever sends slowly still sees results.
const LINGER: Duration = Duration::from_millis(100);

/// A body of which nothing comes for so long has been given up by whoever sent it. Shorter than what proxies wait, so that the end that
/// is met is ours.
const BETWEEN_CHUNKS: Duration = Duration::from_secs(30);

pub(super) async fn import(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    check_media_type(request.headers(), &[NDJSON, "application/ndjson", "application/jsonl"])?;
    // One batch waits while one is being stored.
    let (send, receive) = mpsc::channel(1);
    let reading = tokio::spawn(gather(Arc::clone(&app), request.into_body(), send).in_current_span());
    let import = Import { app, receive, failed: false, _reading: AbortOnDropHandle::new(reading) };
    let results = unfold(import, |mut import| async move {
        let batch = import.receive.recv().await?;
        let lines = import.store(batch).await;
        Some((Ok::<_, std::convert::Infallible>(lines), import))
    });
    Ok(([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(results)).into_response())
}

/// Reads lines and puts them together to batches.
async fn gather(app: Shared, body: Body, batches: mpsc::Sender<Vec<Line>>) {
    let stream = std::pin::pin!(without_long_pauses(body.into_data_stream(), Arc::clone(&app.clock)));
    let reader = StreamReader::new(stream);
    let mut lines = NdjsonLines::new(BufReader::new(reader), Arc::clone(&app.templates));
    let mut more = true;
    while more {
        let mut batch = Vec::new();
        more = fill(&app, &mut lines, &mut batch).await;
        // A caller that left takes no more results, and so no more is stored.
        if !batch.is_empty() && batches.send(batch).await.is_err() {
            return;
        }
    }
}

/// The body, which fails once nothing has come for [`BETWEEN_CHUNKS`]. That says nothing about how long all of it takes.
fn without_long_pauses(body: BodyDataStream, clock: Arc<dyn Clock>) -> impl Stream<Item = std::io::Result<Bytes>> {
    unfold((body, clock), |(mut body, clock)| async move {
        let chunk = tokio::select! {
            biased;
            chunk = body.next() => chunk?.map_err(std::io::Error::other),
            () = clock.sleep(BETWEEN_CHUNKS) => {
                let nothing = format!("nothing came for {} s", BETWEEN_CHUNKS.as_secs());
                Err(std::io::Error::new(ErrorKind::TimedOut, nothing))
            }
        };
        Some((chunk, (body, clock)))
    })
}

/// Fills a batch with the next lines, at least one unless the input is over; whether there may be more.
async fn fill<R: AsyncBufRead + Unpin>(app: &App, lines: &mut NdjsonLines<R>, batch: &mut Vec<Line>) -> bool {
    let linger = app.clock.sleep(LINGER);
    tokio::pin!(linger);
    while batch.len() < BATCH {
        // Only a batch that has something in it is ended by the clock.
        let line = tokio::select! {
            biased;
            line = lines.next() => line,
            () = &mut linger, if !batch.is_empty() => return true,
        };
        match line {
            Ok(Some(line)) => batch.push(line),
            Ok(None) => return false,
            Err(error) => {
                // What was begun of a line is not a line.
                tracing::info!(%error, "an import broke off");
                return false;
            }
        }
    }
    true
}

struct Import {
    app: Shared,
    receive: mpsc::Receiver<Vec<Line>>,
    /// Once the store has failed, the lines behind are not tried: the caller sends them all again.
    failed: bool,
    _reading: AbortOnDropHandle<()>,
}

#[derive(Serialize)]
struct Outcome<'a> {
    line: u64,
    id: Option<&'a str>,
    status: &'static str,
    created: u32,
    changed: u32,
    unchanged: u32,
    errors: &'a [FieldError],
}

impl Import {
    /// Stores a batch; the result lines.
    async fn store(&mut self, batch: Vec<Line>) -> Bytes {
        let mut records = Vec::with_capacity(batch.len());
        let mut read = Vec::with_capacity(batch.len());
        for line in batch {
            read.push((line.number, line.result.map(|record| records.push(record))));
        }
        let stored = if self.failed { None } else { self.commit(&records).await };
        self.failed |= stored.is_none() && !records.is_empty();
        render(&read, &records, stored.as_deref())
    }

    async fn commit(&self, records: &[ImportRecord]) -> Option<Vec<Imported>> {
        if records.is_empty() {
            return Some(Vec::new());
        }
        match self.app.store.import(records, self.app.clock.now()).await {
            Ok(stored) => {
                self.announce(records, &stored);
                Some(stored)
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an import could not be stored");
                None
            }
        }
    }

    fn announce(&self, records: &[ImportRecord], stored: &[Imported]) {
        let mut any = false;
        for (record, outcome) in records.iter().zip(stored) {
            if matches!(outcome, Imported::Stored { created, changed, .. } if created + changed > 0) {
                any = true;
                self.app.events.publish(Event { object: ObjectId::Customer(record.id.clone()) });
            }
        }
        if any {
            self.app.reconciler.wake();
        }
    }
}

/// One result line per line read. `stored` has one entry per record, or is `None` when the store failed.
fn render(read: &[(u64, Result<(), LineError>)], records: &[ImportRecord], stored: Option<&[Imported]>) -> Bytes {
    let failure = [FieldError::of_document(
        "the bridge's database failed; whether the line was stored is not known, sending it again is safe",
    )];
    let mut next = records.iter().zip(0..);
    let mut out = Vec::new();
    for (line, result) in read {
        let line = *line;
        let refused =
            |id, errors| Outcome { line, id, status: "refused", created: 0, changed: 0, unchanged: 0, errors };
        let outcome = match result {
            Err(error) => refused(error.id.as_deref(), &error.errors),
            Ok(()) => {
                let Some((record, index)) = next.next() else { continue };
                let id = Some(record.id.as_str());
                match stored.and_then(|stored| stored.get::<usize>(index)) {
                    None => Outcome { status: "failed", ..refused(id, &failure) },
                    Some(Imported::Refused(errors)) => refused(id, errors),
                    Some(&Imported::Stored { created, changed, unchanged }) => Outcome {
                        line,
                        id,
                        status: word(created, changed, unchanged),
                        created,
                        changed,
                        unchanged,
                        errors: &[],
                    },
                }
            }
        };
        // Texts and numbers only: this cannot fail.
        out.extend(serde_json::to_vec(&outcome).unwrap_or_default());
        out.push(b'\n');
    }
    Bytes::from(out)
}

/// What became of a record as a whole: a user added to a customer that was there is a change.
fn word(created: u32, changed: u32, unchanged: u32) -> &'static str {
    match (created, changed, unchanged) {
        (0, 0, _) => "unchanged",
        (1.., 0, 0) => "created",
        _ => "changed",
    }
}
