//! Counts what rules with a rate limit let run without a human, across processes.
//!
//! A run is counted, on disk, before it starts. What cannot be counted does not run, and a clock that was
//! set back counts what lies ahead of it as well.

use super::{Fault, Gate};
use crate::approval::files;
use crate::policy::{Decision, Recent, Risk};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The runs of one rule on one target, as they are on disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counted {
    rule: String,
    target: String,
    /// Milliseconds since 1970, oldest first.
    at: Vec<i64>,
}

/// The folder of counts.
#[derive(Debug)]
pub(super) struct Rates {
    dir: PathBuf,
}

impl Rates {
    pub(super) fn new(state_dir: &Path) -> Rates {
        Rates {
            dir: state_dir.join("rates"),
        }
    }

    fn file(&self, rule: &str, target: &str) -> PathBuf {
        let key = crate::audit::record::hex(format!("{rule}\0{target}").as_bytes());
        self.dir.join(format!("{key}.json"))
    }

    fn read(path: &Path) -> io::Result<Option<Counted>> {
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|e| io::Error::other(format!("{}: {e}", path.display()))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// What ran on a target under rules with a limit.
    fn recent(&self, target: &str) -> io::Result<Vec<Recent>> {
        let mut found = Vec::new();
        for path in files::json(&self.dir)? {
            let Some(counted) = Rates::read(&path)? else {
                continue;
            };
            if counted.target == target {
                found.extend(counted.at.iter().filter_map(|at| {
                    Some(Recent {
                        rule: counted.rule.clone(),
                        target: counted.target.clone(),
                        at: DateTime::from_timestamp_millis(*at)?,
                    })
                }));
            }
        }
        Ok(found)
    }

    /// Counts runs, if none of the limits stands against them: all of them or none.
    fn claim(&self, wanted: &[Wanted], target: &str, now: DateTime<Utc>) -> io::Result<bool> {
        files::folder(&self.dir)?;
        let _lock = files::lock(&self.dir.join("lock"))?;
        let mut writes = Vec::new();
        for want in wanted {
            let path = self.file(&want.rule, target);
            let mut counted = Rates::read(&path)?.unwrap_or_else(|| Counted {
                rule: want.rule.clone(),
                target: target.to_owned(),
                at: Vec::new(),
            });
            let since = (now - want.per).timestamp_millis();
            counted.at.retain(|at| *at > since);
            if counted.at.len() + want.times > want.max {
                return Ok(false);
            }
            counted
                .at
                .extend(std::iter::repeat_n(now.timestamp_millis(), want.times));
            writes.push((
                path,
                serde_json::to_vec(&counted).map_err(io::Error::other)?,
            ));
        }
        for (path, bytes) in writes {
            files::write(&path, &bytes)?;
        }
        Ok(true)
    }
}

/// How often a line would use a rule up.
struct Wanted {
    rule: String,
    times: usize,
    max: usize,
    per: chrono::TimeDelta,
}

impl Gate {
    /// What counts against the limits on a target; nothing where the policy has none.
    pub(super) fn recent(&self, target: &str) -> Vec<Recent> {
        if !self.policy.has_rates() {
            return Vec::new();
        }
        self.rates.recent(target).unwrap_or_else(|e| {
            // It decides nothing alone: what cannot be counted is refused before it runs.
            tracing::error!("the counts of rate limits cannot be read: {e}");
            Vec::new()
        })
    }

    /// Counts a line that is about to run without a human. False when a limit is used up by now.
    ///
    /// # Errors
    /// When it cannot be counted: it must not run.
    pub(super) fn count(&self, decision: &Decision, target: &str) -> Result<bool, Fault> {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        if decision.risk == Risk::AutoAllowed && self.policy.has_rates() {
            for rule in decision.calls.iter().flat_map(|c| &c.rules) {
                *times.entry(rule).or_default() += 1;
            }
        }
        let wanted: Vec<Wanted> = times
            .into_iter()
            .filter_map(|(rule, times)| {
                let (max, per) = self.policy.rate(rule)?;
                Some(Wanted {
                    rule: rule.to_owned(),
                    times,
                    max,
                    per,
                })
            })
            .collect();
        if wanted.is_empty() {
            return Ok(true);
        }
        self.rates
            .claim(&wanted, target, self.clock.wall)
            .map_err(|e| Fault::record("a rate limit cannot be counted", e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want(times: usize) -> Vec<Wanted> {
        vec![Wanted {
            rule: "r".into(),
            times,
            max: 3,
            per: chrono::TimeDelta::hours(1),
        }]
    }

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + 60 * minute, 0).unwrap()
    }

    #[test]
    fn three_an_hour_a_target() {
        let dir = tempfile::tempdir().unwrap();
        let rates = Rates::new(dir.path());
        assert!(rates.recent("a").unwrap().is_empty());
        assert!(rates.claim(&want(1), "a", at(0)).unwrap());
        assert!(rates.claim(&want(2), "a", at(1)).unwrap());
        assert!(!rates.claim(&want(1), "a", at(59)).unwrap());
        assert!(
            rates.claim(&want(3), "b", at(2)).unwrap(),
            "each target by itself"
        );
        assert_eq!(rates.recent("a").unwrap().len(), 3);
        assert!(
            rates.claim(&want(1), "a", at(60)).unwrap(),
            "the first is an hour old"
        );
        assert!(!rates.claim(&want(1), "a", at(60)).unwrap());
        assert!(
            !rates.claim(&want(1), "a", at(-500)).unwrap(),
            "a clock set back frees nothing"
        );
        assert!(
            !rates.claim(&want(4), "c", at(0)).unwrap(),
            "one line of four"
        );
    }

    #[test]
    fn a_damaged_count_stops_the_run() {
        let dir = tempfile::tempdir().unwrap();
        let rates = Rates::new(dir.path());
        assert!(rates.claim(&want(1), "a", at(0)).unwrap());
        fs::write(rates.file("r", "a"), b"{").unwrap();
        assert!(rates.claim(&want(1), "a", at(500)).is_err());
        assert!(rates.recent("a").is_err());
    }

    #[test]
    fn a_race_lets_no_more_through() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        let won: usize = std::thread::scope(|s| {
            let tries: Vec<_> = (0..12)
                .map(|_| s.spawn(|| Rates::new(path).claim(&want(1), "a", at(0)).unwrap()))
                .collect();
            tries
                .into_iter()
                .map(|t| usize::from(t.join().unwrap()))
                .sum()
        });
        assert_eq!(won, 3);
    }
}
