//! When a token is good enough, and when the next one is fetched. Pure.

use std::time::Duration;

use super::Scope;

/// How much of its life a token must have left to be handed out. Monite decides how long tokens live; of one that never
/// had `min_left` half a life is asked, or every single call would fetch a new one.
pub(super) fn required(life: Duration, min_left: Duration) -> Duration {
    if life >= min_left { min_left } else { life / 2 }
}

/// Below how much time left the next token is fetched, in the background. `spread` in `0..1` keeps tokens that were
/// fetched together from being renewed together.
///
/// The partner's: somewhere in the last 10 to 20 % of its life. A user's: 60 to 240 s before it would no longer be
/// handed out, or half of what there is between for short lives.
pub(super) fn refresh_when_left(scope: Scope, life: Duration, min_left: Duration, spread: f64) -> Duration {
    match scope {
        Scope::Partner => life.mul_f64(0.1 + 0.1 * spread),
        Scope::EntityUser(_) => {
            let needed = required(life, min_left);
            let margin = Duration::from_secs(60) + Duration::from_secs(180).mul_f64(spread);
            needed + margin.min(life.saturating_sub(needed) / 2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::EntityUserId;

    #[test]
    fn when_a_token_is_refreshed_early() {
        let user = Scope::EntityUser(EntityUserId::from_uuid(uuid::Uuid::nil()));
        // scope, life, min_left, spread, refresh when less than this is left
        let table = [
            (Scope::Partner, 1800, 30, 0.0, 180),
            (Scope::Partner, 1800, 30, 1.0, 360),
            (user, 1800, 660, 0.0, 720),
            (user, 1800, 660, 1.0, 900),
            (user, 700, 660, 1.0, 680),
            (user, 100, 660, 0.0, 75),
        ];
        for (scope, life, min_left, spread, expected) in table {
            let secs = Duration::from_secs;
            let found = refresh_when_left(scope, secs(life), secs(min_left), spread);
            assert_eq!(found, secs(expected), "{scope:?} life {life} min_left {min_left} spread {spread}");
        }
    }
}
