//! Finding records: by time, by what they say, and the whole story of one request.

use super::stream::{self, Record};
use super::tail::{event_line, field_lines};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// What a record must be. What is not set matches everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
    /// Fields that must have exactly one of these values.
    pub fields: Vec<(&'static str, Vec<String>)>,
    /// One of the approvers has this name.
    pub approver: Option<String>,
    /// One of the rules that decided.
    pub rule: Option<String>,
    /// Some text field contains it, whatever the case.
    pub contains: Option<String>,
}

/// The fields that hold somebody's words.
const WORDS: [&str; 6] = ["command", "canonical", "reason", "why", "stdout", "stderr"];

impl Filter {
    /// Whether it lets everything through.
    pub fn is_empty(&self) -> bool {
        self.since.is_none()
            && self.until.is_none()
            && self.fields.iter().all(|(_, wanted)| wanted.is_empty())
            && self.approver.is_none()
            && self.rule.is_none()
            && self.contains.is_none()
    }

    /// Whether a record is what is looked for.
    pub fn matches(&self, record: &Record) -> bool {
        if self.since.is_some() || self.until.is_some() {
            let Some(time) = record.time() else {
                return false;
            };
            if self.since.is_some_and(|since| time < since)
                || self.until.is_some_and(|until| time >= until)
            {
                return false;
            }
        }
        self.fields
            .iter()
            .all(|(key, wanted)| wanted.is_empty() || wanted.iter().any(|w| record.text(key) == w))
            && self
                .approver
                .as_ref()
                .is_none_or(|name| record.list("approvers").iter().any(|a| is_by(a, name)))
            && self
                .rule
                .as_ref()
                .is_none_or(|rule| record.list("rules").contains(&rule.as_str()))
            && self.contains.as_ref().is_none_or(|text| {
                let text = text.to_lowercase();
                WORDS
                    .iter()
                    .any(|key| record.text(key).to_lowercase().contains(&text))
            })
    }
}

/// Whether `alice (unix)` is alice.
fn is_by(approver: &str, name: &str) -> bool {
    approver == name
        || approver
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(" ("))
}

/// A moment as people write it: RFC 3339, a date (its first second, UTC), or `30m`, `12h`, `7d`, `2w` ago.
///
/// # Errors
/// When it is none of these.
pub fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    if let Ok(date) = text.parse::<NaiveDate>()
        && let Some(time) = date.and_hms_opt(0, 0, 0)
    {
        return Ok(time.and_utc());
    }
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[number.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => 0,
    };
    number
        .parse::<u32>()
        .ok()
        .filter(|_| seconds > 0)
        .and_then(|n| Utc::now().checked_sub_signed(TimeDelta::seconds(i64::from(n) * seconds)))
        .ok_or_else(|| {
            format!("{text:?} is no time: write 2026-11-21T08:00:00Z, 2026-11-21, or 30m, 12h, 7d, 2w for so long ago")
        })
}

/// Record number `seq`.
///
/// # Errors
/// When the log cannot be read.
pub fn find(path: &Path, seq: u64) -> io::Result<Option<Record>> {
    let mut stream = stream::Stream::open(path, seq.saturating_sub(1))?;
    Ok(stream.next_record()?.filter(|r| r.seq() == seq))
}

/// One record, field by field, for a person.
pub fn show(record: &Record) -> String {
    field_lines(&record.value)
}

/// Everything that happened about an approval, a run or a request id, oldest first.
///
/// # Errors
/// When the log cannot be read.
pub fn trace(path: &Path, id: &str) -> io::Result<Vec<Record>> {
    let mut ids = BTreeSet::from([id.to_owned()]);
    let mut story: Vec<Record> = Vec::new();
    stream::each(path, |record| {
        let own: Vec<&str> = ["approval_id", "run_id", "request_id"]
            .iter()
            .map(|key| record.text(key))
            .filter(|id| !id.is_empty())
            .collect();
        let belongs = own.iter().any(|own| ids.contains(*own));
        if belongs {
            ids.extend(own.into_iter().map(str::to_owned));
            story.push(record);
        }
        Ok(true)
    })?;
    Ok(story)
}

/// The story of one request, for a person.
pub fn tell(story: &[Record], colour: bool) -> String {
    let mut text = String::new();
    let mut before: Option<DateTime<Utc>> = None;
    for record in story {
        let time = record.time();
        if let (Some(before), Some(time)) = (before, time) {
            let wait = time.signed_duration_since(before);
            if wait.num_milliseconds() >= 1000 {
                text.push_str(&format!(
                    "{:>13} later\n",
                    duration(wait.num_milliseconds())
                ));
            }
        }
        before = time.or(before);
        text.push_str(&event_line(&record.raw, colour));
        text.push('\n');
        for key in ["reason", "canonical", "why", "stdout", "stderr"] {
            let value = record.text(key);
            let same = key == "canonical" && value == record.text("command");
            let told =
                key == "reason" && record.text("event") != "approval.requested" && story.len() > 1;
            if value.is_empty() || same || told {
                continue;
            }
            for (n, line) in value.lines().enumerate() {
                let head = if n == 0 { key } else { "" };
                text.push_str(&format!("{head:>16}  {}\n", crate::display::escape(line)));
            }
        }
    }
    text
}

/// Milliseconds as a person reads them.
pub fn duration(ms: i64) -> String {
    match ms {
        ..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{:.1} s", ms as f64 / 1000.0),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms / 1000 % 60),
        _ => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_write_them() {
        assert_eq!(
            moment("2026-11-21").unwrap().to_rfc3339(),
            "2026-11-21T00:00:00+00:00"
        );
        assert_eq!(
            moment("2026-11-21T08:00:00+02:00").unwrap().to_rfc3339(),
            "2026-11-21T06:00:00+00:00"
        );
        let hour = Utc::now() - moment("1h").unwrap();
        assert!((3599..=3601).contains(&hour.num_seconds()));
        for wrong in [
            "",
            "h",
            "1",
            "1y",
            "yesterday",
            "-1h",
            "99999999999h",
            "1ü",
            "2026-13-01",
        ] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_approver_is_found_by_name_not_by_its_beginning() {
        assert!(is_by("alice (unix)", "alice"));
        assert!(!is_by("alice2 (unix)", "alice"));
        assert!(!is_by("bob (unix)", "alice"));
    }
}
