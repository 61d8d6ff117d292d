//! Conditions: targets, requesters, hours and rates, as written and as they hold at a moment.
//!
//! Must never read the clock itself: the moment is handed in.

use super::Context;
use super::rule::{RawHours, RawRate, RawWhen};
use super::zone::Zone;
use chrono::{DateTime, Datelike, FixedOffset, NaiveTime, Utc, Weekday};

/// When a rule speaks at all.
#[derive(Debug, Clone, Default)]
pub struct When {
    pub targets: Vec<String>,
    pub tags: Vec<String>,
    pub requesters: Vec<String>,
    pub hours: Option<Hours>,
    pub rate: Option<Rate>,
}

impl When {
    /// Whether the conditions hold now.
    pub fn holds(&self, cx: &Context) -> bool {
        self.unmet(cx).is_none()
    }

    /// The first condition that does not hold, for a person, behind "it only speaks".
    pub fn unmet(&self, cx: &Context) -> Option<String> {
        let any = |list: &[String], word: &str| list.is_empty() || list.iter().any(|w| w == word);
        if !any(&self.targets, cx.target.unwrap_or_default()) {
            return Some(format!("of {}", self.targets.join(", ")));
        }
        if !self.tags.is_empty() && !self.tags.iter().any(|t| cx.tags.contains(t)) {
            let tags = self.tags.join(", ");
            return Some(format!("of targets with the tag {tags}"));
        }
        if !any(&self.requesters, cx.requester) {
            return Some(format!("to {}", self.requesters.join(", ")));
        }
        let hours = self.hours.as_ref().filter(|h| !h.hold(cx.now))?;
        let days: Vec<String> = hours.days.iter().map(Weekday::to_string).collect();
        let (from, to) = (hours.from.format("%H:%M"), hours.to.format("%H:%M"));
        Some(match days.is_empty() {
            true => format!("from {from} to {to}"),
            false => format!("from {from} to {to} on {}", days.join(", ")),
        })
    }
}

/// How often a rule lets something run on one target without a human.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub max: usize,
    pub per: chrono::TimeDelta,
}

impl Rate {
    /// Whether there were as many runs as it allows. One that lies ahead of the clock counts too.
    pub fn is_used_up(&self, rule: &str, cx: &Context) -> bool {
        let runs = cx
            .recent
            .iter()
            .filter(|r| r.rule == rule && cx.target == Some(r.target.as_str()))
            .filter(|r| r.at > cx.now - self.per)
            .count();
        runs >= self.max
    }
}

/// Hours of days.
#[derive(Debug, Clone)]
pub struct Hours {
    pub from: NaiveTime,
    pub to: NaiveTime,
    pub days: Vec<Weekday>,
    pub clock: Clock,
}

impl Hours {
    fn hold(&self, now: DateTime<Utc>) -> bool {
        let there = now.with_timezone(&self.clock.offset_at(now));
        let time = there.time();
        let within = if self.from <= self.to {
            self.from <= time && time < self.to
        } else {
            time >= self.from || time < self.to
        };
        within && (self.days.is_empty() || self.days.contains(&there.weekday()))
    }
}

/// Which clock hours are read on.
#[derive(Debug, Clone)]
pub enum Clock {
    /// At one offset from UTC all year.
    Fixed(FixedOffset),
    /// As a place's law has it.
    Zone(Zone),
}

impl Clock {
    /// The offset from UTC at a moment.
    pub fn offset_at(&self, at: DateTime<Utc>) -> FixedOffset {
        match self {
            Clock::Fixed(offset) => *offset,
            Clock::Zone(zone) => FixedOffset::east_opt(zone.offset_at(at.timestamp()))
                .unwrap_or_else(|| chrono::Offset::fix(&Utc)),
        }
    }
}

/// Compiles conditions.
pub(super) fn compile(raw: RawWhen) -> Result<When, String> {
    Ok(When {
        targets: raw.targets,
        tags: raw.tags,
        requesters: raw.requesters,
        hours: raw.hours.map(hours).transpose()?,
        rate: raw.rate.map(rate).transpose()?,
    })
}

/// `{from: "08:00", to: "18:00", days: [mon], tz: Europe/Berlin}`.
fn hours(raw: RawHours) -> Result<Hours, String> {
    let time = |text: &str| {
        NaiveTime::parse_from_str(text, "%H:%M")
            .map_err(|_| format!("`{text}` is not a time of day such as 08:00"))
    };
    let clock = match (raw.offset.as_deref(), raw.tz.as_deref()) {
        (Some(_), Some(_)) => {
            return Err("hours: offset and tz are two ways to say the same: write one".into());
        }
        (_, Some(name)) => Clock::Zone(Zone::load(name)?),
        (Some(text), None) if text != "UTC" => Clock::Fixed(
            text.parse()
                .map_err(|_| "offset: write a difference from UTC such as +01:00".to_owned())?,
        ),
        _ => Clock::Fixed(chrono::Offset::fix(&Utc)),
    };
    let day = |text: &String| {
        text.parse()
            .map_err(|_| format!("`{text}` is not a day such as mon"))
    };
    Ok(Hours {
        from: time(&raw.from)?,
        to: time(&raw.to)?,
        days: raw.days.iter().map(day).collect::<Result<_, _>>()?,
        clock,
    })
}

/// `{max: 3, per: 1h}`.
fn rate(raw: RawRate) -> Result<Rate, String> {
    let bad = || {
        format!(
            "rate: write {{max: 3, per: 1h}} with at least one run and a time such as 90s, 10m, 1h or 1d up to 31d, not `{}`",
            raw.per
        )
    };
    let (count, unit) = raw
        .per
        .split_at_checked(raw.per.len().saturating_sub(1))
        .ok_or_else(bad)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(bad()),
    };
    let plain = !count.is_empty() && count.len() <= 7 && count.bytes().all(|b| b.is_ascii_digit());
    let total = count
        .parse::<i64>()
        .ok()
        .filter(|n| plain && *n > 0)
        .map(|n| n * seconds)
        .filter(|s| *s <= 31 * 86_400 && (1..=10_000).contains(&raw.max))
        .ok_or_else(bad)?;
    Ok(Rate {
        max: raw.max as usize,
        per: chrono::TimeDelta::seconds(total),
    })
}
