//! A reading of the clocks, handed in by the caller so that deciding stays pure.
//!
//! The wall clock can be set back; the boot clock (CLOCK_BOOTTIME, clock_gettime(2)) cannot. What is
//! older than either of them says is older.

use chrono::{DateTime, TimeDelta, Utc};
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Differences up to this are drift, not a step.
const DRIFT: TimeDelta = TimeDelta::seconds(5);

/// One reading of both clocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The time of day.
    pub wall: DateTime<Utc>,
    /// Milliseconds since boot, sleep included.
    pub boot_ms: i64,
    /// Which boot (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
}

impl Clock {
    /// Reads them.
    pub fn now() -> Clock {
        let boot_ms = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(0, |t| {
            t.tv_sec().saturating_mul(1000) + t.tv_nsec() / 1_000_000
        });
        let boot_id =
            std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Clock {
            wall: Utc::now(),
            boot_ms,
            boot_id: boot_id.trim().to_owned(),
        }
    }

    /// How long ago `earlier` was read; none if the clock stepped back since.
    pub fn since(&self, earlier: &Clock) -> Option<TimeDelta> {
        let wall = self.wall - earlier.wall;
        if wall < TimeDelta::zero() {
            return None;
        }
        if self.boot_id.is_empty() || self.boot_id != earlier.boot_id {
            return Some(wall);
        }
        let boot = TimeDelta::milliseconds(self.boot_ms - earlier.boot_ms);
        if wall + DRIFT < boot {
            return None;
        }
        Some(wall.max(boot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall_s: i64, boot_ms: i64, boot: &str) -> Clock {
        Clock {
            wall: DateTime::from_timestamp(1_700_000_000 + wall_s, 0).unwrap(),
            boot_ms,
            boot_id: boot.into(),
        }
    }

    #[test]
    fn a_step_back_is_seen() {
        let asked = at(0, 1000, "a");
        assert_eq!(
            at(60, 61_000, "a").since(&asked),
            Some(TimeDelta::seconds(60))
        );
        assert_eq!(at(-1, 2000, "a").since(&asked), None, "before it was asked");
        assert_eq!(
            at(10, 3_601_000, "a").since(&asked),
            None,
            "set back within the hour that passed"
        );
        assert_eq!(
            at(3600, 2000, "a").since(&asked),
            Some(TimeDelta::seconds(3600)),
            "set forward counts as later"
        );
        assert_eq!(
            at(10, 500, "b").since(&asked),
            Some(TimeDelta::seconds(10)),
            "after a reboot only the wall clock is left"
        );
        assert_eq!(at(-10, 500, "b").since(&asked), None);
    }
}
