//! What one seed makes of the world: how many bridges, what the network does, how Monite misbehaves.

use std::time::Duration;

use monite_sandbox::{Fault, FaultRule, RateAlgorithm};
use serde_json::Value;

use crate::chance::Chance;
use crate::network::{Down, DownLook, Roughness};

/// See the module.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Bridges on one store.
    pub bridges: usize,
    /// Clients of the product; each writes customers of its own, one thing after the other.
    pub clients: usize,
    /// Customers of each client.
    pub customers: usize,
    /// What each client does, so many times.
    pub deeds: usize,
    /// Customers that a bridge visits at the same time.
    pub workers: usize,
    /// Whether one bridge fetches the partner's token for all.
    pub shares_token: bool,
    /// How often everything is looked at again, if it is.
    pub sweep_every: Option<Duration>,
    /// The part of the rate that this may take.
    pub sweep_share: f64,
    /// How often somebody else meddles with what is at Monite while it storms.
    pub meddling: usize,
    /// Whether bridges work in passes of their own (`sync`) instead of being woken (`serve`).
    pub in_passes: bool,
    /// Whether customers look all the same, are written at the same moment, and the first answers to their creates are lost.
    pub are_twins: bool,
    /// Calls a second that all bridges share.
    pub rate: u32,
    /// Whether Monite counts them, and how.
    pub counts: Option<RateAlgorithm>,
    /// When Monite answers nobody.
    pub outages: Vec<Down>,
    /// How likely a bridge dies at one of its steps.
    pub crash: f64,
    /// How likely it stands still at one of its steps.
    pub freeze: f64,
    /// How likely time passes although somebody could go.
    pub dawdle: f64,
    /// The network.
    pub roughness: Roughness,
    /// What Monite does wrong.
    pub faults: Vec<FaultRule>,
    /// Whether one of these is that tokens expire early.
    pub tokens_expire: bool,
    /// Whether one of these is that reads show what was there before.
    pub is_stale: bool,
    /// Points that Monite's documents leave open, and how this Monite settles them.
    pub quirks: Vec<(String, String)>,
}

/// Calls that change something.
const CHANGES: &str = "POST|PATCH|PUT|DELETE *";

impl Plan {
    /// The plan of a seed. `open_points` is what the sandbox can be asked to settle another way.
    #[must_use]
    pub fn draw(seed: u64, open_points: &Value) -> Self {
        let chance = Chance::new(seed, 1);
        let counts = chance.hits(0.25).then(|| chance.one_of(&COUNTINGS));
        let roughness = roughness(&chance, counts);
        let bridges = chance.one_of(&[1, 1, 2, 2, 3]);
        let sweep_every = chance.hits(0.7).then(|| chance.between(Duration::from_secs(15), Duration::from_secs(120)));
        // Whoever meddles takes places in Monite's count that are in no bridge's books.
        let is_meddled_with = sweep_every.is_some() && counts.is_none() && chance.hits(0.7);
        let (mut faults, tokens_expire) = faults(&chance, seed);
        let are_twins = chance.hits(0.15);
        let clients = if are_twins { 2 + chance.below(2) } else { 1 + chance.below(3) };
        if are_twins {
            let lost = FaultRule::new("POST /entities", Fault::LoseAnswer).times(clients as u64);
            faults.insert(0, lost);
        }
        Self {
            seed,
            bridges,
            clients,
            customers: 1 + chance.below(2),
            deeds: 8 + chance.below(20),
            workers: 1 + chance.below(5),
            shares_token: chance.hits(0.8),
            sweep_every,
            sweep_share: chance.one_of(&[0.1, 0.3, 1.0]),
            meddling: if is_meddled_with { 1 + chance.below(12) } else { 0 },
            in_passes: chance.hits(0.3),
            are_twins,
            rate: if counts.is_some() { chance.one_of(&[6, 12, 30]) } else { chance.one_of(&[12, 30]) },
            counts,
            outages: outages(&chance),
            crash: chance.one_of(&[0.0, 0.004, 0.012, 0.03]),
            freeze: chance.one_of(&[0.0, 0.0, 0.004, 0.012]),
            dawdle: chance.one_of(&[0.0, 0.01]),
            roughness,
            is_stale: faults.iter().any(|rule| matches!(rule.action, Fault::Stale(_))),
            faults,
            tokens_expire,
            quirks: quirks(&chance, open_points),
        }
    }
}

/// The four ways of counting; those that a process can keep to on any network come up more often.
const COUNTINGS: [RateAlgorithm; 6] = [
    RateAlgorithm::FixedSecond,
    RateAlgorithm::SlidingLog,
    RateAlgorithm::FixedSecond,
    RateAlgorithm::SlidingLog,
    RateAlgorithm::TokenBucket,
    RateAlgorithm::SlidingCounter,
];

/// Where Monite counts, calls take their usual time: one that comes a minute late is in nobody's books any more. A bucket and a sliding
/// counter also see how evenly calls arrive, which nobody can promise on a slow network.
fn roughness(chance: &Chance, counts: Option<RateAlgorithm>) -> Roughness {
    let usual = Duration::from_millis(match counts {
        Some(RateAlgorithm::TokenBucket | RateAlgorithm::SlidingCounter) => 0,
        _ => chance.one_of(&[0, 5, 60, 300]),
    });
    if counts.is_some() || chance.hits(0.2) {
        return Roughness { usual, ..Roughness::CALM };
    }
    Roughness {
        usual,
        slow: chance.one_of(&[0.0, 0.05, 0.2]),
        cut: chance.one_of(&[0.0, 0.03, 0.15]),
        timeout: chance.one_of(&[0.0, 0.02, 0.1]),
        short: chance.one_of(&[0.0, 0.1, 0.5]),
    }
}

fn outages(chance: &Chance) -> Vec<Down> {
    let how_many = chance.one_of(&[0, 0, 1, 2]);
    let outage = |_| Down {
        after: chance.between(Duration::from_secs(5), Duration::from_secs(240)),
        lasts: chance.between(Duration::from_secs(2), Duration::from_secs(120)),
        looks: chance.one_of(&[DownLook::Refused, DownLook::Refused, DownLook::Gateway, DownLook::Silent]),
    };
    (0..how_many).map(outage).collect()
}

fn faults(chance: &Chance, seed: u64) -> (Vec<FaultRule>, bool) {
    let kinds = [
        Fault::Status { status: 429, retry_after: Some(1) },
        Fault::Status { status: 503, retry_after: None },
        Fault::Status { status: 500, retry_after: None },
        Fault::CloseBefore,
        Fault::LoseAnswer,
        Fault::CutBody,
        Fault::Stale(Duration::from_millis(500 + chance.below(9400) as u64)),
        Fault::Status { status: 422, retry_after: None },
        Fault::ExpireTokens,
    ];
    let mut rules = Vec::new();
    let mut tokens_expire = false;
    let share = chance.one_of(&[0.2, 0.5]);
    for (kind, n) in kinds.into_iter().zip(0..) {
        if !chance.hits(share) {
            continue;
        }
        tokens_expire |= kind == Fault::ExpireTokens;
        let (calls, probability) = match kind {
            Fault::Status { status: 422, .. } => ("POST|PATCH /ent*", 0.03),
            Fault::ExpireTokens => ("*", 0.02),
            Fault::Stale(_) => ("POST|PATCH|DELETE *", chance.one_of(&[0.3, 1.0])),
            _ => (CHANGES, chance.one_of(&[0.05, 0.2])),
        };
        rules.push(FaultRule::new(calls, kind).probability(probability, seed.wrapping_mul(100) + n));
    }
    // The first rule that fires decides, so the one that fires always comes last.
    rules.sort_by_key(|rule| matches!(rule.action, Fault::Stale(_)));
    (rules, tokens_expire)
}

fn quirks(chance: &Chance, open_points: &Value) -> Vec<(String, String)> {
    let mut drawn = Vec::new();
    if !chance.hits(0.4) {
        return drawn;
    }
    let points: Vec<(&String, &Value)> = open_points.as_object().into_iter().flatten().collect();
    for _ in 0..1 + chance.below(3) {
        let Some((name, point)) = points.get(chance.below(points.len())) else { continue };
        let options: Vec<&str> = point["options"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if let Some(option) = options.get(chance.below(options.len())) {
            drawn.push(((*name).clone(), (*option).to_owned()));
        }
    }
    drawn
}
