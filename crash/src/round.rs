//! One round: the product writes while the bridge dies again and again; then everything must be there, once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bridge::Bridge;
use crate::chance::Chance;
use crate::check::differences;
use crate::fleet::Fleet;
use crate::ledger::{Ledger, Wish};
use crate::monite::Monite;
use crate::postgres::Postgres;
use crate::process::Program;
use crate::product::{Done, Product, Progress};
use crate::secrets::Secrets;
use crate::story::{Event, Pause, Story};
use crate::{Arguments, Database};

/// Parts of the product that write at the same time.
const WRITERS: usize = 2;

/// An event waits no longer for the product's steps: it may be the event that the product waits for.
const STEPS_WITHIN: Duration = Duration::from_secs(5);

/// A round that ended well.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) customers: usize,
    pub(crate) users: usize,
    pub(crate) kills: usize,
    pub(crate) done: Done,
    /// Calls at Monite.
    pub(crate) calls: u64,
    /// Those of them that looked for an entity whose create went unanswered.
    pub(crate) looks: u64,
    /// From the last death until all was at rest.
    pub(crate) settling: Duration,
}

/// A round that did not.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What was not as it must be.
    pub(crate) differences: Vec<String>,
    /// What was drawn.
    pub(crate) story: String,
    /// Where logs, database and Monite's state are kept.
    pub(crate) folder: PathBuf,
}

/// Runs the round of this seed.
pub(crate) fn run(arguments: &Arguments, seed: u64) -> Result<Report, Failure> {
    let folder = arguments.folder.join(format!("{}-{seed}", arguments.database.word()));
    let mut chance = Chance::new(seed);
    let story = Story::draw(arguments.database, &mut chance);
    let fail = |differences| Failure { differences, story: story.summary(), folder: folder.clone() };
    let result = prepare(&folder).and_then(|()| Stage::set(arguments, seed, &folder, &story));
    let stage = result.map_err(|reason| fail(vec![reason]))?;
    let report = stage.play(&story, &mut chance).map_err(&fail)?;
    // Kept only when there is something to be seen in it.
    std::fs::remove_dir_all(&folder)
        .map_err(|error| fail(vec![format!("cannot remove {}: {error}", folder.display())]))?;
    Ok(report)
}

fn prepare(folder: &Path) -> Result<(), String> {
    let made = match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => std::fs::create_dir_all(folder),
    };
    made.map_err(|error| format!("cannot make {}: {error}", folder.display()))
}

/// Everything at work.
pub(crate) struct Stage {
    pub(crate) folder: PathBuf,
    pub(crate) secrets: Secrets,
    pub(crate) monite: Monite,
    pub(crate) fleet: Fleet,
    /// Dropped after the replicas that work on it.
    pub(crate) postgres: Option<Postgres>,
    pub(crate) bridge: Bridge,
}

impl Stage {
    fn set(arguments: &Arguments, seed: u64, folder: &Path, story: &Story) -> Result<Self, String> {
        let secrets = Secrets::of(seed);
        let monite = Monite::start(&arguments.binary, folder, &secrets, story.rate_limit)?;
        monite.set_faults(&story.faults)?;
        let (postgres, url, replicas) = match arguments.database {
            Database::Sqlite => (None, "sqlite://monite-bridge.db".to_owned(), 1),
            Database::Postgres => {
                let server = Postgres::start()?;
                let url = server.url();
                (Some(server), url, 2)
            }
        };
        let programs = (0..replicas).map(|number| serve(arguments, folder, &secrets, &monite, story, &url, number));
        let fleet = Fleet::start(programs.collect())?;
        let bridge = Bridge { doors: fleet.doors(), api_key: secrets.api_key.clone() };
        Ok(Self { folder: folder.to_owned(), secrets, monite, fleet, postgres, bridge })
    }

    fn play(mut self, story: &Story, chance: &mut Chance) -> Result<Report, Vec<String>> {
        let differences = match self.live_and_compare(story, chance) {
            Ok((report, differences)) if differences.is_empty() => return Ok(report),
            Ok((_, differences)) => differences,
            Err(reason) => vec![reason],
        };
        self.keep_evidence();
        Err(differences)
    }

    fn live_and_compare(&mut self, story: &Story, chance: &mut Chance) -> Result<(Report, Vec<String>), String> {
        let (ledgers, done) = self.live_through(story, chance)?;
        let started = Instant::now();
        self.monite.set_faults(&[])?;
        self.come_to_rest()?;
        let settling = started.elapsed();
        self.monite.lift_limit()?;
        let customers = self.read_back(ledgers)?;
        let requests = self.monite.requests()?;
        let mut found = differences(&customers, &self.monite.state()?);
        found.extend(self.broken_secrecy(story, &customers, &done));
        let count = |value: &Value| value.as_u64().unwrap_or_default();
        let report = Report {
            customers: customers.iter().filter(|customer| customer.world.wish == Wish::Present).count(),
            users: customers.iter().map(|customer| customer.users.len()).sum(),
            kills: story.kills(),
            done,
            calls: count(&requests["total"]),
            looks: count(&requests["counts"]["GET /entities"]),
            settling,
        };
        Ok((report, found))
    }

    /// The product writes while what the story says happens.
    fn live_through(&mut self, story: &Story, chance: &mut Chance) -> Result<(BTreeMap<usize, Ledger>, Done), String> {
        let products: Vec<Product> = (0..WRITERS)
            .map(|writer| {
                let own = (0..story.customers).filter(move |customer| customer % WRITERS == writer);
                Product::new(self.bridge.clone(), chance.branch(), own)
            })
            .collect();
        let progress = Progress::default();
        std::thread::scope(|scope| {
            let progress = &progress;
            let work = |mut product: Product| move || product.work(progress, story.steps).map(|()| product);
            let writers: Vec<_> = products.into_iter().map(|product| scope.spawn(work(product))).collect();
            let happened = self.happen(story, progress);
            progress.end();
            let (mut ledgers, mut done) = (BTreeMap::new(), Done::default());
            for writer in writers {
                let product = writer.join().map_err(|_| "a writer panicked".to_owned())??;
                ledgers.extend(product.ledgers);
                done.add(product.done);
            }
            happened.map(|()| (ledgers, done))
        })
    }

    fn happen(&mut self, story: &Story, progress: &Progress) -> Result<(), String> {
        for (pause, event) in &story.events {
            wait(*pause, progress);
            match event {
                Event::Kill(number) => self.fleet.kill(*number)?,
                Event::Freeze(number) => self.fleet.freeze(*number)?,
                Event::Thaw(number) => self.fleet.thaw(*number)?,
                Event::CrashDatabase => self.postgres.as_mut().map_or(Ok(()), Postgres::crash)?,
            }
        }
        Ok(())
    }

    /// For the person who looks at the folder. What went wrong is told in any case, so it does not matter when this fails.
    fn keep_evidence(&self) {
        if let Some(server) = &self.postgres {
            let _ = std::fs::copy(server.home.join("log"), self.folder.join("postgres.log"));
        }
        for (name, document) in [("state.json", self.monite.state()), ("requests.json", self.monite.requests())] {
            if let Ok(document) = document {
                let _ = std::fs::write(self.folder.join(name), format!("{document:#}\n"));
            }
        }
    }
}

fn wait(pause: Pause, progress: &Progress) {
    let (started, from) = (Instant::now(), progress.steps());
    while progress.steps() < from + pause.steps && started.elapsed() < STEPS_WITHIN {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(pause.time);
}

fn serve(
    arguments: &Arguments, folder: &Path, secrets: &Secrets, monite: &Monite, story: &Story, database: &str,
    number: usize,
) -> Program {
    let rate_limit = story.rate_limit.map_or("10000".to_owned(), |limit| limit.to_string());
    let env = [
        ("MONITE_BRIDGE__DATABASE__URL", database),
        ("MONITE_BRIDGE__MONITE__BASE_URL", &monite.base_url()),
        ("MONITE_BRIDGE__MONITE__RATE_LIMIT", &rate_limit),
        ("MONITE_BRIDGE__SERVER__LISTEN", "127.0.0.1:0"),
        ("MONITE_CLIENT_ID", &secrets.client_id),
        ("MONITE_CLIENT_SECRET", &secrets.client_secret),
        ("MONITE_BRIDGE_MASTER_KEY", &secrets.master_key),
        ("MONITE_BRIDGE_API_KEY", &secrets.api_key),
        // As talkative as it gets without the libraries below: this is where secrets would slip out.
        ("RUST_LOG", "info,monite=trace,monite_bridge=trace"),
    ];
    Program {
        binary: arguments.binary.clone(),
        args: vec!["serve".to_owned()],
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        folder: folder.to_owned(),
        log: format!("serve-{number}.log"),
    }
}
