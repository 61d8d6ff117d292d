//! Time zones by name, from the system's own tables (tzfile(5), RFC 8536).
//!
//! Read once, when a policy is loaded, from a folder that only root writes. A zone that cannot be read in
//! full is an error: hours at the wrong offset would open what should be closed.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Where the tables are.
const FOLDER: &str = "/usr/share/zoneinfo";
/// Larger tables than any real one are refused.
const MAX_FILE: u64 = 256 * 1024;

/// A zone's offsets from UTC over time, in seconds east.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// From which moment (Unix seconds) which offset holds, in order.
    changes: Vec<(i64, i32)>,
    /// The offset before the first change.
    first: i32,
    /// What holds after the last one.
    rule: Option<Rule>,
}

/// A year's rule, as POSIX's `TZ` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rule {
    standard: i32,
    /// Summer's offset, and when it begins and ends.
    summer: Option<(i32, Moment, Moment)>,
}

/// A day of a year and a second of it, in local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    day: Day,
    second: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    /// `Jn`: 1 to 365, 29 February never counted.
    Julian(i64),
    /// `n`: 0 to 365.
    Zero(i64),
    /// `Mm.w.d`: month, week (5 is the last), weekday (0 is Sunday).
    Month(i64, i64, i64),
}

impl Zone {
    /// Reads a zone of the system.
    ///
    /// # Errors
    /// When the name is odd, or the table is missing, not root's alone, or damaged.
    pub fn load(name: &str) -> Result<Zone, String> {
        let plain = !name.is_empty()
            && name.len() <= 64
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"/_+-".contains(&b))
            && name.split('/').all(|part| !part.is_empty());
        if !plain {
            return Err(format!("`{name}` is not a time zone such as Europe/Berlin"));
        }
        let path = Path::new(FOLDER).join(name);
        let fail = |why: &dyn std::fmt::Display| {
            format!(
                "time zone {name}: {}: {why}; install tzdata, or write an offset such as +01:00",
                path.display()
            )
        };
        let file = File::open(&path).map_err(|e| fail(&e))?;
        let facts = file.metadata().map_err(|e| fail(&e))?;
        if !facts.is_file()
            || facts.len() > MAX_FILE
            || facts.uid() != 0
            || facts.mode() & 0o022 != 0
        {
            return Err(fail(&"it is not a file that root alone can write"));
        }
        let mut bytes = Vec::new();
        file.take(MAX_FILE)
            .read_to_end(&mut bytes)
            .map_err(|e| fail(&e))?;
        Zone::parse(&bytes).ok_or_else(|| fail(&"it is not a table of version 2 or later"))
    }

    /// Understands a table.
    fn parse(bytes: &[u8]) -> Option<Zone> {
        let first = Header::parse(bytes)?;
        if first.version < b'2' {
            return None;
        }
        // The block of version 1 (32-bit times) is skipped.
        let bytes = bytes.get(44 + first.size(4)?..)?;
        let head = Header::parse(bytes)?;
        let body = bytes.get(44..)?;
        let (times, rest) = split(body, head.times.checked_mul(8)?)?;
        let (kinds, rest) = split(rest, head.times)?;
        let (types, _) = split(rest, head.types.checked_mul(6)?)?;
        let offset = |kind: usize| -> Option<i32> {
            let at = kind.checked_mul(6)?;
            let bytes: [u8; 4] = types.get(at..at + 4)?.try_into().ok()?;
            let seconds = i32::from_be_bytes(bytes);
            (-93_600..=93_600).contains(&seconds).then_some(seconds)
        };
        let mut changes = Vec::new();
        for (time, kind) in times.chunks_exact(8).zip(kinds) {
            let at = i64::from_be_bytes(time.try_into().ok()?);
            if changes.last().is_some_and(|(last, _)| *last >= at) {
                return None;
            }
            changes.push((at, offset(usize::from(*kind))?));
        }
        let footer = bytes.get(44 + head.size(8)?..)?;
        let text = std::str::from_utf8(footer).ok()?.strip_prefix('\n')?;
        let text = &text[..text.find('\n')?];
        let rule = if text.is_empty() {
            None
        } else {
            Some(Rule::parse(text)?)
        };
        Some(Zone {
            changes,
            first: offset(0)?,
            rule,
        })
    }

    /// Seconds east of UTC at a moment (Unix seconds).
    pub fn offset_at(&self, at: i64) -> i32 {
        let after = self.changes.partition_point(|(from, _)| *from <= at);
        match (&self.rule, after.checked_sub(1)) {
            (Some(rule), _) if after == self.changes.len() => rule.offset_at(at),
            (_, Some(index)) => self.changes[index].1,
            (_, None) => self.first,
        }
    }
}

fn split(bytes: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    (at <= bytes.len()).then(|| bytes.split_at(at))
}

/// Counts in front of a block.
struct Header {
    version: u8,
    utc: usize,
    wall: usize,
    leaps: usize,
    times: usize,
    types: usize,
    letters: usize,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Header> {
        if bytes.get(..4)? != b"TZif" {
            return None;
        }
        let count = |index: usize| -> Option<usize> {
            let at = 20 + 4 * index;
            let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_be_bytes(four))
                .ok()
                .filter(|n| *n <= 100_000)
        };
        Some(Header {
            version: *bytes.get(4)?,
            utc: count(0)?,
            wall: count(1)?,
            leaps: count(2)?,
            times: count(3)?,
            types: count(4)?,
            letters: count(5)?,
        })
    }

    /// How long its block is, with times of that many bytes.
    fn size(&self, width: usize) -> Option<usize> {
        Some(
            self.times * (width + 1)
                + self.types * 6
                + self.letters
                + self.leaps * (width + 4)
                + self.wall
                + self.utc,
        )
    }
}

impl Rule {
    /// `CET-1CEST,M3.5.0,M10.5.0/3`, `<+0545>-5:45`.
    fn parse(text: &str) -> Option<Rule> {
        let mut rest = text;
        name(&mut rest)?;
        let standard = -time(&mut rest, 24)?;
        if rest.is_empty() {
            return Some(Rule {
                standard: i32::try_from(standard).ok()?,
                summer: None,
            });
        }
        name(&mut rest)?;
        let summer = if rest.starts_with(',') {
            standard + 3600
        } else {
            -time(&mut rest, 24)?
        };
        let start = moment(&mut rest)?;
        let end = moment(&mut rest)?;
        rest.is_empty().then_some(())?;
        Some(Rule {
            standard: i32::try_from(standard).ok()?,
            summer: Some((i32::try_from(summer).ok()?, start, end)),
        })
    }

    fn offset_at(&self, at: i64) -> i32 {
        let Some((summer, start, end)) = &self.summer else {
            return self.standard;
        };
        let local = at + i64::from(self.standard);
        let year = civil_year(local.div_euclid(86_400));
        let moment = |m: &Moment, offset: i32| m.in_year(year) - i64::from(offset);
        let (start, end) = (moment(start, self.standard), moment(end, *summer));
        let in_summer = if start < end {
            start <= at && at < end
        } else {
            at < end || start <= at
        };
        if in_summer { *summer } else { self.standard }
    }
}

impl Moment {
    /// Seconds from 1970 in local time.
    fn in_year(&self, year: i64) -> i64 {
        let new_year = days(year, 1, 1);
        let leap = days(year + 1, 1, 1) - new_year == 366;
        let day = match self.day {
            Day::Zero(n) => new_year + n,
            Day::Julian(n) => new_year + n - 1 + i64::from(leap && n >= 60),
            Day::Month(month, week, weekday) => {
                let first = days(year, month, 1);
                // 1 January 1970 was a Thursday.
                let ahead = (weekday - (first + 4)).rem_euclid(7);
                let next = if month == 12 {
                    days(year + 1, 1, 1)
                } else {
                    days(year, month + 1, 1)
                };
                let mut day = first + ahead + 7 * (week - 1);
                while day >= next {
                    day -= 7;
                }
                day
            }
        };
        day * 86_400 + self.second
    }
}

/// Days from 1 January 1970 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The year of a day counted from 1 January 1970.
fn civil_year(day: i64) -> i64 {
    let mut year = 1970 + day.div_euclid(366);
    while days(year + 1, 1, 1) <= day {
        year += 1;
    }
    while days(year, 1, 1) > day {
        year -= 1;
    }
    year
}

/// Takes a zone's short name: letters, or anything in `<…>`.
fn name(rest: &mut &str) -> Option<()> {
    let length = if rest.starts_with('<') {
        rest.find('>')? + 1
    } else {
        rest.bytes().take_while(u8::is_ascii_alphabetic).count()
    };
    *rest = rest.get(length..)?;
    (length >= 3).then_some(())
}

/// Takes `[+-]hh[:mm[:ss]]`, in seconds.
fn time(rest: &mut &str, most: i64) -> Option<i64> {
    let sign = match rest.as_bytes().first()? {
        b'-' => -1,
        _ => 1,
    };
    *rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    let mut total = number(rest, most)? * 3600;
    for unit in [60, 1] {
        if let Some(after) = rest.strip_prefix(':') {
            *rest = after;
            total += number(rest, 59)? * unit;
        } else {
            break;
        }
    }
    Some(sign * total)
}

fn number(rest: &mut &str, most: i64) -> Option<i64> {
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let value: i64 = rest.get(..length.min(4))?.parse().ok()?;
    *rest = rest.get(length..)?;
    (length <= 4 && value <= most).then_some(value)
}

/// Takes `,date[/time]`.
fn moment(rest: &mut &str) -> Option<Moment> {
    *rest = rest.strip_prefix(',')?;
    let day = if let Some(after) = rest.strip_prefix('M') {
        *rest = after;
        let month = number(rest, 12)?;
        *rest = rest.strip_prefix('.')?;
        let week = number(rest, 5)?;
        *rest = rest.strip_prefix('.')?;
        let weekday = number(rest, 6)?;
        (month >= 1 && week >= 1).then_some(())?;
        Day::Month(month, week, weekday)
    } else if let Some(after) = rest.strip_prefix('J') {
        *rest = after;
        Day::Julian(number(rest, 365)?)
    } else {
        Day::Zero(number(rest, 365)?)
    };
    let second = match rest.strip_prefix('/') {
        Some(after) => {
            *rest = after;
            time(rest, 167)?
        }
        None => 7200,
    };
    Some(Moment { day, second })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_the_year_hold() {
        let berlin = Rule::parse("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        // 29 March 2026, 01:00 UTC and 25 October 2026, 01:00 UTC.
        for (at, offset) in [
            (1_774_745_999, 3600),
            (1_774_746_000, 7200),
            (1_792_889_999, 7200),
            (1_792_890_000, 3600),
        ] {
            assert_eq!(berlin.offset_at(at), offset, "{at}");
        }
        assert_eq!(Rule::parse("<+0545>-5:45").unwrap().offset_at(0), 20_700);
        assert!(
            Rule::parse("AEST-10AEDT,M10.1.0,M4.1.0/3")
                .unwrap()
                .summer
                .is_some()
        );
        for odd in [
            "",
            "C",
            "CET",
            "CET-25",
            "CET-1CEST,M13.1.0,M1.1.0",
            "CET-1CEST,M3.5.0",
            "CET-1x",
        ] {
            assert_eq!(Rule::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn no_name_leads_elsewhere() {
        for odd in [
            "",
            "/etc/shadow",
            "../../../etc/passwd",
            "Europe//Berlin",
            "a b",
            "Europe/Berlin/",
            "posixrules.",
            "Nowhere/Land",
        ] {
            assert!(Zone::load(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn damaged_tables_are_refused() {
        let Ok(bytes) = std::fs::read("/usr/share/zoneinfo/Europe/Berlin") else {
            return;
        };
        assert!(Zone::parse(&bytes).is_some());
        for cut in 0..bytes.len() {
            assert_eq!(Zone::parse(&bytes[..cut]), None, "{cut}");
        }
        for at in 0..bytes.len().min(60) {
            let mut bad = bytes.clone();
            bad[at] ^= 0xff;
            let _ = Zone::parse(&bad);
        }
    }

    /// date(1) as the judge, over a hundred and seventy years.
    #[test]
    fn offsets_are_those_of_date() {
        for name in [
            "Europe/Berlin",
            "America/New_York",
            "America/St_Johns",
            "Australia/Lord_Howe",
            "Asia/Kathmandu",
            "Africa/Casablanca",
            "Pacific/Apia",
            "UTC",
        ] {
            let Ok(zone) = Zone::load(name) else {
                continue;
            };
            let moments: Vec<i64> = (0..600)
                .map(|n| -1_500_000_000 + n * 9_000_017 + n * n % 86_400)
                .collect();
            let input: String = moments.iter().map(|m| format!("@{m}\n")).collect();
            let mut child = std::process::Command::new("date")
                .args(["-f", "-", "+%z"])
                .env("TZ", name)
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            let lines = String::from_utf8(output.stdout).unwrap();
            assert_eq!(lines.lines().count(), moments.len());
            for (moment, line) in moments.iter().zip(lines.lines()) {
                let ours = zone.offset_at(*moment);
                let shown = format!(
                    "{}{:02}{:02}",
                    if ours < 0 { '-' } else { '+' },
                    ours.abs() / 3600,
                    ours.abs() / 60 % 60
                );
                assert_eq!(shown, line, "{name} at {moment}");
            }
        }
    }
}
