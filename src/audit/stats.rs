//! Counts: who, what, how often, how long, refused.

use super::query::duration;
use super::stream::Record;
use crate::display::escape;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// The counts of a period.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Stats {
    /// Records.
    pub records: u64,
    /// Time of the first and the last.
    pub first: Option<String>,
    /// See `first`.
    pub last: Option<String>,
    /// Records of each event.
    pub events: BTreeMap<String, u64>,
    /// Commands that ran, by status.
    pub runs: BTreeMap<String, u64>,
    /// Commands that ran and ended with another exit code than 0.
    pub nonzero: u64,
    /// Requests that the policy forbade.
    pub rejected: u64,
    /// Replies that could not be applied, by status.
    pub refused_replies: BTreeMap<String, u64>,
    /// Runs by requester, target, caller and the person who approved.
    pub requesters: BTreeMap<String, Count>,
    /// See `requesters`.
    pub targets: BTreeMap<String, Count>,
    /// See `requesters`.
    pub callers: BTreeMap<String, Count>,
    /// Votes by person, `alice (unix)`.
    pub approvers: BTreeMap<String, Votes>,
    /// The commands that ran most, by their first two words.
    pub commands: BTreeMap<String, u64>,
    /// How long runs took, in milliseconds.
    pub run_ms: Spread,
    /// How long questions waited for their answer, in milliseconds.
    pub wait_ms: Spread,
    #[serde(skip)]
    runs_took: Vec<i64>,
    #[serde(skip)]
    waits: Vec<i64>,
    #[serde(skip)]
    asked: HashMap<String, DateTime<Utc>>,
}

/// What one requester, target or caller had.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Count {
    /// Commands that ran.
    pub runs: u64,
    /// Questions that were asked.
    pub asked: u64,
    /// Requests that the policy forbade.
    pub rejected: u64,
}

/// What one person answered.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Votes {
    /// Approvals.
    pub approved: u64,
    /// Denials.
    pub denied: u64,
}

/// How numbers spread.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Spread {
    /// How many there are.
    pub count: usize,
    /// The one in the middle.
    pub median: i64,
    /// 95 of 100 are not above it.
    pub p95: i64,
    /// The largest.
    pub max: i64,
}

impl Spread {
    fn of(numbers: &mut [i64]) -> Spread {
        numbers.sort_unstable();
        let at = |part: usize| {
            let index = (numbers.len() * part).div_ceil(100).saturating_sub(1);
            numbers.get(index).copied().unwrap_or_default()
        };
        Spread {
            count: numbers.len(),
            median: at(50),
            p95: at(95),
            max: numbers.last().copied().unwrap_or_default(),
        }
    }
}

impl Stats {
    /// Counts one record.
    pub fn add(&mut self, record: &Record) {
        let event = record.text("event");
        self.records += 1;
        let time = record.text("timestamp").to_owned();
        self.first.get_or_insert_with(|| time.clone());
        self.last = Some(time);
        *self.events.entry(event.to_owned()).or_default() += 1;
        match event {
            "run.finished" | "run.interrupted" => self.ran(record),
            "request.decided" if record.text("status") == "rejected" => {
                self.rejected += 1;
                self.each_side(record, |c| c.rejected += 1);
            }
            "approval.requested" => {
                self.each_side(record, |c| c.asked += 1);
                if let Some(time) = record.time() {
                    self.asked
                        .insert(record.text("approval_id").to_owned(), time);
                }
            }
            "approval.voted" | "approval.denied" => self.voted(record, event == "approval.voted"),
            "reply.refused" => {
                let status = record.text("status").to_owned();
                *self.refused_replies.entry(status).or_default() += 1;
            }
            _ => {}
        }
    }

    fn each_side(&mut self, record: &Record, change: impl Fn(&mut Count)) {
        for (map, key) in [
            (&mut self.requesters, "requester"),
            (&mut self.targets, "target"),
            (&mut self.callers, "caller"),
        ] {
            let name = record.text(key);
            if !name.is_empty() {
                change(map.entry(name.to_owned()).or_default());
            }
        }
    }

    fn ran(&mut self, record: &Record) {
        let status = record.text("status").to_owned();
        *self.runs.entry(status).or_default() += 1;
        self.each_side(record, |c| c.runs += 1);
        if record.number("exit_code").is_some_and(|code| code != 0) {
            self.nonzero += 1;
        }
        if let Some(ms) = record.number("duration_ms") {
            self.runs_took.push(ms);
        }
        let words: Vec<&str> = record.text("command").split_whitespace().take(2).collect();
        if !words.is_empty() {
            *self.commands.entry(words.join(" ")).or_default() += 1;
        }
    }

    fn voted(&mut self, record: &Record, approved: bool) {
        for name in record.list("approvers") {
            let votes = self.approvers.entry(name.to_owned()).or_default();
            if approved {
                votes.approved += 1;
            } else {
                votes.denied += 1;
            }
        }
        let asked = self.asked.remove(record.text("approval_id"));
        if let (Some(asked), Some(now)) = (asked, record.time()) {
            self.waits
                .push(now.signed_duration_since(asked).num_milliseconds());
        }
    }

    /// Call when every record was counted.
    #[must_use]
    pub fn finish(mut self) -> Stats {
        self.run_ms = Spread::of(&mut self.runs_took);
        self.wait_ms = Spread::of(&mut self.waits);
        self
    }

    /// For a person.
    pub fn draw(&self) -> String {
        let mut text = format!(
            "{} records, {} to {}\n",
            self.records,
            self.first.as_deref().unwrap_or("-"),
            self.last.as_deref().unwrap_or("-")
        );
        let total: u64 = self.runs.values().sum();
        text.push_str(&format!(
            "\nRuns: {total} ({})\n  with an exit code other than 0: {}\n  took: {}\n",
            counts(&self.runs),
            self.nonzero,
            spread(&self.run_ms)
        ));
        text.push_str(&format!(
            "Rejected by policy: {}\nReplies refused: {}\nQuestions waited: {}\n",
            self.rejected,
            counts(&self.refused_replies),
            spread(&self.wait_ms)
        ));
        for (title, map) in [
            ("Requester", &self.requesters),
            ("Target", &self.targets),
            ("Caller", &self.callers),
        ] {
            text.push_str(&format!(
                "\n{title:<32} {:>7} {:>7} {:>9}\n",
                "runs", "asked", "rejected"
            ));
            for (name, count) in map {
                text.push_str(&format!(
                    "  {:<30} {:>7} {:>7} {:>9}\n",
                    escape(name),
                    count.runs,
                    count.asked,
                    count.rejected
                ));
            }
        }
        text.push_str(&format!(
            "\n{:<32} {:>8} {:>8}\n",
            "Approver", "approved", "denied"
        ));
        for (name, votes) in &self.approvers {
            text.push_str(&format!(
                "  {:<30} {:>8} {:>8}\n",
                escape(name),
                votes.approved,
                votes.denied
            ));
        }
        text.push_str("\nCommands that ran most\n");
        for (command, count) in self.most(10) {
            text.push_str(&format!("  {count:>6}  {}\n", escape(command)));
        }
        text
    }

    /// The commands that ran most.
    pub fn most(&self, count: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<(&str, u64)> = self
            .commands
            .iter()
            .map(|(c, n)| (c.as_str(), *n))
            .collect();
        all.sort_by_key(|(command, n)| (std::cmp::Reverse(*n), *command));
        all.truncate(count);
        all
    }
}

/// `executed 3, failed 1`.
pub fn counts(map: &BTreeMap<String, u64>) -> String {
    if map.is_empty() {
        return "none".into();
    }
    map.iter()
        .map(|(name, n)| format!("{} {n}", escape(name)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Median, 95th percentile and largest, for a person.
pub fn spread(spread: &Spread) -> String {
    if spread.count == 0 {
        return "none".into();
    }
    format!(
        "median {}, 95% within {}, longest {}",
        duration(spread.median),
        duration(spread.p95),
        duration(spread.max)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_numbers_that_are_there() {
        let spread = Spread::of(&mut (1..=100).rev().collect::<Vec<_>>());
        assert_eq!((spread.median, spread.p95, spread.max), (50, 95, 100));
        let one = Spread::of(&mut [7]);
        assert_eq!((one.median, one.p95, one.max), (7, 7, 7));
        assert_eq!(Spread::of(&mut []).count, 0);
    }
}
