//! `demo`: the whole of it on one screen: a pretend Monite, sample customers, a token, and the proof that it works.

mod calls;
mod proof;
mod report;
mod stage;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use self::calls::Ledger;
use self::report::{ImportReport, Report, SyncReport};
use self::stage::Stage;
use super::failure::{Exit, Failure};
use super::import::{ImportError, Refusal, Run, Source};
use super::output::Output;
use super::serve::Service;
use super::signal;
use super::sync::{Patience, Scope, drive};

/// The sample customers, so that the binary shows them anywhere.
const SAMPLE: &str = include_str!("../../../../../examples/customers.ndjson");

/// What the sample is called in the report.
const SAMPLE_NAME: &str = "examples/customers.ndjson";

/// Refused lines and failing objects kept for the report; the counts are of all.
const SHOWN: usize = 20;

/// Show the whole on one screen: a pretend Monite, sample customers, a token; then serve until Ctrl-C
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// End when everything has been shown, with 1 if something is not as it should be
    #[arg(long)]
    exit: bool,
    /// Your own customers (NDJSON, or CSV by its name) instead of the sample
    #[arg(long, value_name = "FILE")]
    customers: Option<PathBuf>,
    /// Requests per second that the pretend Monite allows
    #[arg(long, value_name = "N|off", default_value = "30")]
    rate_limit: RateLimit,
}

/// `N` per second, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RateLimit {
    PerSecond(u32),
    Off,
}

impl FromStr for RateLimit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.parse()) {
            ("off", _) => Ok(Self::Off),
            (_, Ok(1..)) => Ok(Self::PerSecond(text.parse().unwrap_or(1))),
            _ => Err("a whole number from 1, or off"),
        }
    }
}

impl RateLimit {
    fn per_second(self) -> Option<u32> {
        match self {
            Self::PerSecond(limit) => Some(limit),
            Self::Off => None,
        }
    }
}

impl Demo {
    pub(super) async fn run(self, output: &Output) -> Result<Exit, Failure> {
        let stop = signal::stop_requested();
        let stage = Stage::set_up(self.rate_limit.per_second()).await?;
        let stop_serving = stop.child_token();
        let service = stage.open(&stop_serving).await?;
        let report = tokio::select! {
            report = self.show(&stage, &service, output) => report?,
            () = stop.cancelled() => return Err(Failure::failed("interrupted", "Start it again; nothing is left behind.")),
        };
        output.result(&report::tell_end(&report, output.style()), &report);
        if !self.exit {
            output.line(&report::invitation(&report, stage.api_key(), output.style()));
            stop.cancelled().await;
        }
        stop_serving.cancel();
        service.until(&stop_serving).await?;
        stage.clear().await;
        Ok(Exit::failed_if(!report.wrong.is_empty()))
    }

    async fn show(&self, stage: &Stage, service: &Service, output: &Output) -> Result<Report, Failure> {
        let style = output.style();
        let sandbox = stage.sandbox.base_url();
        output.line(&report::opening(&sandbox, &service.url, self.rate_limit.per_second(), style));
        let (file, source) = self.source().await?;
        let import = import(stage, file, source, output).await.map_err(|error| {
            Failure::caused_by(
                &error,
                "Name a file of customers with --customers; examples/customers.ndjson shows the form.",
            )
        })?;
        output.line(&report::tell_import(&import, style));
        let sync = sync(stage, output).await?;
        output.line(&report::tell_sync(&sync, style));
        let token = proof::prove(stage, service).await?;
        let wrong = report::wrong(&sync, token.as_ref());
        Ok(Report { sandbox, bridge: service.url.clone(), import, sync, token, wrong })
    }

    async fn source(&self) -> Result<(String, Source), Failure> {
        match &self.customers {
            Some(file) => Ok((file.display().to_string(), Source::open(file, None).await?)),
            None => Ok((SAMPLE_NAME.to_owned(), Source::of_text(SAMPLE))),
        }
    }
}

async fn import(stage: &Stage, file: String, source: Source, output: &Output) -> Result<ImportReport, ImportError> {
    let mut refused = Vec::new();
    let progress = output.progress("importing");
    let mut keep = |refusal: Refusal| {
        if refused.len() < SHOWN {
            refused.push(refusal);
        }
    };
    let mut run = Run::new(stage.bridge.store.as_ref(), &stage.bridge.setup, &progress);
    run.all(source, &mut keep).await?;
    let counts = run.counts;
    Ok(ImportReport { file, counts, refused })
}

async fn sync(stage: &Stage, output: &Output) -> Result<SyncReport, Failure> {
    let started = Instant::now();
    let scope = Scope { customer: None, patience: Patience::UntilDone };
    drive(&stage.bridge, &scope, &CancellationToken::new(), output).await?;
    let took = started.elapsed();
    let store = &stage.bridge.store;
    let (stats, failing) = (store.stats().await?, store.failing(None, SHOWN as u32).await?);
    Ok(SyncReport::new(stats, failing, Ledger::read(stage).await?, took))
}
