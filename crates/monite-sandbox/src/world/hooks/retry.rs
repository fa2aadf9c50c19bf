//! When a delivery that failed is tried again.

/// Minutes between one attempt and the next. Monite's own plan is not documented; this one is documented for a product
/// of its new owner: after 1, 5, 15, 30 and 60 minutes, then every two hours until twelve hours have passed.
const PLAN_MINUTES: [u32; 10] = [1, 5, 15, 30, 60, 120, 120, 120, 120, 120];

/// Microseconds to wait once `attempts` have failed; `None` when that was the last. `scale` makes the plan shorter.
pub(super) fn wait_after(attempts: u32, scale: f64) -> Option<i64> {
    let step = usize::try_from(attempts).ok()?.checked_sub(1)?;
    let minutes = PLAN_MINUTES.get(step)?;
    // Rounding is what shortening means; never so short that a row is due in the moment it failed.
    #[allow(clippy::cast_possible_truncation)]
    Some(((f64::from(*minutes) * 60_000_000.0 * scale) as i64).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_grows_and_ends_within_twelve_hours() {
        let waits: Vec<i64> =
            (1..).map_while(|attempts| wait_after(attempts, 1.0)).map(|wait| wait / 60_000_000).collect();
        assert_eq!(waits, [1, 5, 15, 30, 60, 120, 120, 120, 120, 120]);
        let total: i64 = waits.iter().sum();
        assert!(total <= 12 * 60 && total + 120 > 12 * 60, "{total} minutes");
        assert_eq!(wait_after(1, 0.001), Some(60_000));
        assert_eq!(wait_after(1, 1e-12), Some(1));
        assert_eq!(wait_after(0, 1.0), None, "nothing has failed yet");
    }
}
