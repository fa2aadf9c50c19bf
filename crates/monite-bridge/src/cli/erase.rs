//! `erase`: scrubs a customer at Monite, purges it here, and prints the evidence.

use std::io::IsTerminal as _;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::failure::{Exit, Failure};
use super::output::Output;
use super::why::unknown;
use super::{signal, words};
use crate::assemble::{Bridge, Setup};
use crate::audit::AuditEntry;
use crate::domain::{CustomerId, ObjectId};
use crate::reconcile::erase::{Ended, Eraser, Evidence, KEPT_AT_MONITE, KEPT_HERE};

const AGAIN: &str = "Run the same command again; it goes on from where it is. Until it is done nobody gets a token, and the product \
                     cannot write the customer.";

/// Erase a customer for good: scrub its entity, delete its users, purge its data here, print the evidence
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What it does, in this order: no tokens any more and those issued revoked; the entity deactivated; its entity users deleted, those made by
others too; names, addresses, tax and register numbers and the e-mail address overwritten or emptied; the metadata emptied; another look at
Monite; all rows purged here and the SQLite file written anew. Monite cannot delete an entity: what it keeps is printed. It cannot be undone.
Killed or stopped half-way, run it again: it goes on. Waits while a call that nobody saw answered may still land, up to two minutes.")]
pub(super) struct Erase {
    /// The product's id of the customer
    customer: CustomerId,
    /// Do not ask; needed where nobody can answer
    #[arg(long)]
    yes: bool,
    /// Purge it here although Monite does not show its entity: you know that it is gone, and that these are the right credentials
    #[arg(long)]
    entity_is_gone: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    erased: bool,
    entity_id: Option<String>,
    begun_at: Option<Timestamp>,
    purged_at: Option<Timestamp>,
    #[serde(flatten)]
    evidence: &'a Evidence,
    monite_keeps: &'a [&'a str],
    kept_here: &'a [&'a str],
    left: &'a [String],
}

impl Erase {
    pub(super) async fn run(
        &self, setup: impl FnOnce() -> Result<Setup, Failure>, output: &Output,
    ) -> Result<Exit, Failure> {
        self.confirm(output)?;
        let bridge = Bridge::assemble(setup()?).await?;
        let ended = self.work(&bridge, output).await;
        bridge.close().await;
        ended
    }

    fn confirm(&self, output: &Output) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        let again = "Say it with --yes; `monite-bridge erase --help` tells what it does.";
        if !std::io::stdin().is_terminal() {
            return Err(Failure::usage("erasing cannot be undone, and nobody is here to confirm it", again));
        }
        output.stderr(&format!("This cannot be undone. Type the customer's id ({}) to erase it: ", self.customer));
        if !is_typed(&self.customer, &mut std::io::stdin().lock()) {
            return Err(Failure::usage("that is not the customer's id: nothing was done", again));
        }
        Ok(())
    }

    async fn work(&self, bridge: &Bridge, output: &Output) -> Result<Exit, Failure> {
        let name = uuid::Uuid::new_v4().simple().to_string();
        let eraser = Eraser::new(bridge.reconciler.workshop().clone(), &name).missing_is_gone(self.entity_is_gone);
        let stop = signal::stop_requested();
        let mut evidence = Evidence::of(&self.customer);
        let mut told = None;
        let ended = loop {
            let (until, why) = match eraser.go_on(&self.customer, &mut evidence).await? {
                Ended::Wait { until, why } => (until, why),
                ended => break ended,
            };
            if told.as_ref() != Some(&why) {
                output.note(&format!("{why}: goes on {}", words::time(until)));
                told = Some(why);
            }
            let wait = Duration::try_from(until.duration_since(bridge.now())).unwrap_or_default();
            tokio::select! {
                () = bridge.clock.sleep(wait) => {}
                () = stop.cancelled() => break Ended::Left(vec!["it was interrupted while it waited".to_owned()]),
            }
        };
        let mut entry = AuditEntry::of_command("erase", bridge.now());
        entry.customer = Some(self.customer.to_string());
        if ended == Ended::NeverKnown {
            return Err(unknown(&ObjectId::Customer(self.customer.clone())));
        }
        if !matches!(ended, Ended::Done(_)) {
            entry.outcome = "unfinished".to_owned();
        }
        bridge.store.append_audit(&[entry]).await?;
        Ok(tell(&ended, &evidence, output))
    }
}

fn tell(ended: &Ended, evidence: &Evidence, output: &Output) -> Exit {
    let (erasure, left): (_, &[String]) = match ended {
        Ended::Done(erasure) => (Some(erasure), &[]),
        Ended::Left(left) => (None, left),
        Ended::Wait { .. } | Ended::NeverKnown => (None, &[]),
    };
    let report = Report {
        erased: erasure.is_some(),
        entity_id: erasure.and_then(|erasure| erasure.entity).map(|id| id.to_string()),
        begun_at: erasure.map(|erasure| erasure.begun_at),
        purged_at: erasure.and_then(|erasure| erasure.purged_at),
        evidence,
        monite_keeps: &KEPT_AT_MONITE,
        kept_here: &KEPT_HERE,
        left,
    };
    output.result(&text(&report), &report);
    if erasure.is_none() {
        output.note(AGAIN);
    }
    Exit::failed_if(erasure.is_none())
}

fn text(report: &Report<'_>) -> String {
    let evidence = report.evidence;
    let mut lines = Vec::new();
    for step in &evidence.steps {
        let requests = match step.request_ids.as_slice() {
            [] => String::new(),
            ids => format!("  (Monite's requests {})", ids.join(", ")),
        };
        lines.push(format!("{:.0}  {}{requests}", step.at, step.what));
    }
    for (what, fields) in [("overwritten", &evidence.fields_overwritten), ("emptied", &evidence.fields_emptied)] {
        if !fields.is_empty() {
            lines.push(format!("{what}: {}", fields.join(", ")));
        }
    }
    match (report.erased, &report.entity_id) {
        (true, Some(entity)) => {
            lines.push(format!("{} is erased; its entity at Monite was {entity}", evidence.customer))
        }
        (true, None) => lines.push(format!("{} is erased; it had no entity at Monite", evidence.customer)),
        (false, _) => lines.push(format!("{} is NOT erased yet; left:", evidence.customer)),
    }
    lines.extend(report.left.iter().map(|left| format!("  {left}")));
    for (who, kept) in [("Monite keeps, or may keep", report.monite_keeps), ("kept on this side", report.kept_here)] {
        lines.push(format!("{who}:"));
        lines.extend(kept.iter().map(|kept| format!("  {kept}")));
    }
    lines.join("\n")
}

/// Whether the next line is the customer's id, and nothing else but blanks around it.
fn is_typed(customer: &CustomerId, input: &mut impl std::io::BufRead) -> bool {
    let mut typed = String::new();
    input.read_line(&mut typed).is_ok() && typed.trim() == customer.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_id_confirms() {
        let acme = CustomerId::parse("acme").unwrap();
        for (typed, confirms) in [
            ("acme\n", true),
            (" acme \r\n", true),
            ("acme", true),
            ("ACME\n", false),
            ("acme2\n", false),
            ("y\n", false),
            ("\nacme\n", false),
            ("", false),
        ] {
            assert_eq!(is_typed(&acme, &mut typed.as_bytes()), confirms, "{typed:?}");
        }
        assert!(!is_typed(&acme, &mut &b"\xff\xfe\n"[..]), "what is no text is no id");
    }
}
