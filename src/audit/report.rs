//! A report of a period as one HTML file: for a screen, a phone, and paper.
//!
//! Must never load anything, run any script, or let a record's text be read as HTML: everything is
//! escaped, and a content security policy forbids what an error here might let through.

use super::query::{Filter, duration};
use super::stats::{self, Count, Stats};
use super::stream::{self, Record};
use super::verify::Report;
use crate::display;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

/// How many rows a table has at most; what is left out is said.
const ROWS: usize = 500;
/// How many characters of somebody's text a cell shows.
const MOST_TEXT: usize = 800;
/// How many bars the timeline has at most.
const BARS: i64 = 60;

/// One question and what became of it.
struct Story {
    seq: u64,
    asked: DateTime<Utc>,
    target: String,
    command: String,
    requester: String,
    reason: String,
    level: String,
    /// As HTML.
    votes: Vec<String>,
    end: String,
    waited: Option<i64>,
}

#[derive(Default)]
struct Found {
    stats: Stats,
    times: Vec<(DateTime<Utc>, Kind)>,
    stories: Vec<Story>,
    index: HashMap<String, usize>,
    refused: Vec<Record>,
    failed: Vec<Record>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Run,
    Asked,
    Refused,
}

/// Draws the report of the records that match, with the verification's result.
///
/// # Errors
/// When the log cannot be read.
pub fn html(path: &Path, filter: &Filter, verified: &Report) -> io::Result<String> {
    let mut found = Found::default();
    stream::each(path, |record| {
        if filter.matches(&record) {
            found.add(record);
        }
        Ok(true)
    })?;
    found.stats = std::mem::take(&mut found.stats).finish();
    Ok(found.draw(path, filter, verified))
}

impl Found {
    fn add(&mut self, record: Record) {
        self.stats.add(&record);
        let event = record.text("event").to_owned();
        let status = record.text("status").to_owned();
        let kind = match (event.as_str(), status.as_str()) {
            ("run.finished" | "run.interrupted", _) => Some(Kind::Run),
            ("approval.requested", _) => Some(Kind::Asked),
            ("request.decided", "rejected") | ("reply.refused" | "input.invalid", _) => {
                Some(Kind::Refused)
            }
            _ => None,
        };
        self.times.extend(record.time().zip(kind));
        self.follow(&record, &event);
        let ran_well = status == "executed" && record.number("exit_code").unwrap_or(0) == 0;
        match kind {
            Some(Kind::Run) if event == "run.interrupted" || !ran_well => self.failed.push(record),
            Some(Kind::Refused) => self.refused.push(record),
            _ => {}
        }
    }

    /// Keeps the story of each approval.
    fn follow(&mut self, record: &Record, event: &str) {
        let id = record.text("approval_id");
        let Some(time) = record.time().filter(|_| !id.is_empty()) else {
            return;
        };
        if event == "approval.requested" {
            self.index.insert(id.to_owned(), self.stories.len());
            self.stories.push(Story {
                seq: record.seq(),
                asked: time,
                target: record.text("target").to_owned(),
                command: record.text("command").to_owned(),
                requester: record.text("requester").to_owned(),
                reason: record.text("reason").to_owned(),
                level: record.text("risk_level").to_owned(),
                votes: Vec::new(),
                end: "waits".into(),
                waited: None,
            });
        }
        let Some(story) = self.index.get(id).and_then(|at| self.stories.get_mut(*at)) else {
            return;
        };
        let waited = time.signed_duration_since(story.asked).num_milliseconds();
        match event {
            "approval.voted" | "approval.denied" => {
                let word = if event == "approval.voted" {
                    "approved"
                } else {
                    "denied"
                };
                for who in record.list("approvers") {
                    story
                        .votes
                        .push(format!("{} {word} <time>{}</time>", esc(who), moment(time)));
                }
                story.waited.get_or_insert(waited);
                if event == "approval.denied" {
                    story.end = "denied".into();
                }
            }
            "approval.expired" | "approval.cancelled" | "approval.voided" => {
                story.end = event.trim_start_matches("approval.").to_owned();
            }
            "run.started" => story.end = "runs".into(),
            "run.finished" | "run.interrupted" => {
                let code = record
                    .number("exit_code")
                    .map_or(String::new(), |code| format!(", exit {code}"));
                story.end = format!("{}{code}", record.text("status"));
            }
            _ => {}
        }
    }

    fn draw(&self, path: &Path, filter: &Filter, verified: &Report) -> String {
        let bound = |asked: Option<DateTime<Utc>>, seen: &Option<String>, none: &str| {
            asked.map(moment).unwrap_or_else(|| match seen {
                Some(text) => moment_of(text),
                None => none.to_owned(),
            })
        };
        let period = format!(
            "{} – {}",
            bound(filter.since, &self.stats.first, "the beginning"),
            bound(filter.until, &self.stats.last, "now")
        );
        let mut page = String::from(HEAD);
        page.push_str(&format!(
            "<header><h1>Audit report</h1><p>{}</p><p class=dim>{} · drawn {} by aiops {} · all times are UTC</p></header>\n",
            esc(&period),
            esc(&path.display().to_string()),
            moment(Utc::now()),
            super::export::VERSION
        ));
        page.push_str(&verdict(verified));
        page.push_str(&self.numbers());
        page.push_str(&self.timeline());
        page.push_str(&self.approvals());
        page.push_str(&self.records("Refused", &self.refused, "Nothing was refused."));
        page.push_str(&self.records("Runs that failed", &self.failed, "No run failed."));
        page.push_str(&counts_table("Requesters", &self.stats.requesters));
        page.push_str(&counts_table("Targets", &self.stats.targets));
        page.push_str(&self.people());
        page.push_str("</main></html>\n");
        page
    }

    fn numbers(&self) -> String {
        let runs: u64 = self.stats.runs.values().sum();
        let tiles = [
            ("runs", runs.to_string()),
            ("failed runs", self.failed.len().to_string()),
            ("asked", self.stories.len().to_string()),
            ("forbidden", self.stats.rejected.to_string()),
            ("records", self.stats.records.to_string()),
        ];
        let tiles: String = tiles
            .iter()
            .map(|(name, n)| format!("<div><b>{n}</b><span>{name}</span></div>"))
            .collect();
        format!(
            "<section><div class=tiles>{tiles}</div><p>Runs took: {}. Questions waited: {}.</p></section>\n",
            esc(&stats::spread(&self.stats.run_ms)),
            esc(&stats::spread(&self.stats.wait_ms))
        )
    }

    /// Bars of equal time, runs, questions and refusals on top of each other.
    fn timeline(&self) -> String {
        let (Some(first), Some(last)) = (self.times.first(), self.times.last()) else {
            return String::new();
        };
        let whole = last.0.signed_duration_since(first.0).num_seconds().max(1);
        let step = step(whole);
        let begin = first.0.timestamp() / step * step;
        let mut bars: BTreeMap<i64, [u64; 3]> = BTreeMap::new();
        for (time, kind) in &self.times {
            bars.entry((time.timestamp() - begin) / step).or_default()[*kind as usize] += 1;
        }
        let count = bars.keys().max().copied().unwrap_or(0) + 1;
        let most = bars
            .values()
            .map(|b| b.iter().sum::<u64>())
            .max()
            .unwrap_or(1)
            .max(1);
        let width = 600.0 / count as f64;
        let mut drawn = String::new();
        for (at, numbers) in &bars {
            let mut y = 120.0;
            let start = DateTime::from_timestamp(begin + at * step, 0).unwrap_or_default();
            for (number, class) in numbers.iter().zip(["run", "ask", "no"]) {
                let height = *number as f64 * 116.0 / most as f64;
                y -= height;
                drawn.push_str(&format!(
                    "<rect class={class} x={:.1} y={y:.1} width={:.1} height={height:.1} />",
                    *at as f64 * width,
                    (width - 1.0).max(0.5)
                ));
            }
            drawn.push_str(&format!(
                "<rect x={:.1} y=0 width={width:.1} height=120 fill=none pointer-events=all><title>{}: {} runs, {} asked, {} refused</title></rect>",
                *at as f64 * width, moment(start), numbers[0], numbers[1], numbers[2]
            ));
        }
        format!(
            "<section><h2>Timeline</h2><svg viewBox=\"0 0 600 120\" preserveAspectRatio=none role=img aria-label=\"events over time\">{drawn}</svg>\
             <p class=dim><i class=run></i> runs <i class=ask></i> asked <i class=no></i> refused · a bar is {} · at most {most} · {} – {}</p></section>\n",
            span(step),
            moment(first.0),
            moment(last.0)
        )
    }

    fn approvals(&self) -> String {
        let mut rows = String::new();
        for story in self.stories.iter().take(ROWS) {
            let votes = if story.votes.is_empty() {
                "nobody".to_owned()
            } else {
                story.votes.join("<br>")
            };
            rows.push_str(&format!(
                "<tr><td data-t=Asked><span>{}<br><span class=dim>record {}</span></span><td data-t=Command><span><code>{}: {}</code><br><span class=dim>{}</span></span><td data-t=Requester>{}<td data-t=Risk>{}<td data-t=Answered><span>{votes}{}</span><td data-t=Result>{}</tr>\n",
                moment(story.asked),
                story.seq,
                esc(&story.target),
                clip(&story.command),
                clip(&story.reason),
                clip(&story.requester),
                esc(&story.level),
                story.waited.map_or(String::new(), |ms| format!("<br><span class=dim>after {}</span>", duration(ms))),
                esc(&story.end)
            ));
        }
        if rows.is_empty() {
            return "<section><h2>Approvals</h2><p>Nobody was asked.</p></section>\n".into();
        }
        format!(
            "<section><h2>Approvals</h2><table><colgroup><col style=\"width:7.5em\"><col><col style=\"width:7em\"><col style=\"width:5em\"><col style=\"width:11em\"><col style=\"width:7em\"></colgroup><thead><tr><th>Asked<th>Command<th>Requester<th>Risk<th>Answered by<th>Result</thead><tbody>{rows}</tbody></table>{}</section>\n",
            left_out(self.stories.len())
        )
    }

    fn records(&self, title: &str, records: &[Record], none: &str) -> String {
        if records.is_empty() {
            return format!("<section><h2>{title}</h2><p>{none}</p></section>\n");
        }
        let rows: String = records
            .iter()
            .take(ROWS)
            .map(|r| {
                let code = r.number("exit_code").map_or(String::new(), |c| format!(", exit {c}"));
                let command = match r.text("target") {
                    "" => String::new(),
                    target => format!("{target}: {}", r.text("command")),
                };
                format!(
                    "<tr><td data-t=Record>{}<td data-t=Time>{}<td data-t=Command><code>{}</code><td data-t=Requester>{}<td data-t=Status>{}{}<td data-t=Why>{}</tr>\n",
                    r.seq(), esc(&moment_of(r.text("timestamp"))), clip(&command), clip(r.text("requester")), esc(r.text("status")), code, clip(r.text("why"))
                )
            })
            .collect();
        format!(
            "<section><h2>{title}</h2><table><colgroup><col style=\"width:4.5em\"><col style=\"width:7em\"><col><col style=\"width:7em\"><col style=\"width:7em\"><col style=\"width:28%\"></colgroup><thead><tr><th>Record<th>Time<th>Command<th>Requester<th>Status<th>Why</thead><tbody>{rows}</tbody></table>{}</section>\n",
            left_out(records.len())
        )
    }

    fn people(&self) -> String {
        let rows: String = self
            .stats
            .approvers
            .iter()
            .map(|(name, v)| {
                format!(
                    "<tr><td data-t=Who>{}<td data-t=Approved>{}<td data-t=Denied>{}</tr>\n",
                    esc(name),
                    v.approved,
                    v.denied
                )
            })
            .collect();
        format!(
            "<section><h2>Approvers</h2><table><colgroup><col><col style=\"width:7em\"><col style=\"width:7em\"></colgroup><thead><tr><th>Who (how)<th>Approved<th>Denied</thead><tbody>{rows}</tbody></table></section>\n"
        )
    }
}

/// A moment as people read it, in UTC: the page says so once.
fn moment(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The same from a record's text, as it is where it is no moment.
fn moment_of(text: &str) -> String {
    DateTime::parse_from_rfc3339(text).map_or_else(|_| text.to_owned(), |t| moment(t.to_utc()))
}

/// A step of the timeline in words.
fn span(seconds: i64) -> String {
    let (count, unit) = match seconds {
        s if s % 86_400 == 0 => (s / 86_400, "day"),
        s if s % 3600 == 0 => (s / 3600, "hour"),
        s if s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Somebody's text in a cell: escaped, and cut where it would push everything else away.
fn clip(text: &str) -> String {
    match text.char_indices().nth(MOST_TEXT) {
        None => esc(text),
        Some((at, _)) => format!(
            "{}… <span class=dim>({} characters: the record has them all)</span>",
            esc(&text[..at]),
            text.chars().count()
        ),
    }
}

/// The shortest round time that gives few enough bars.
fn step(seconds: i64) -> i64 {
    const STEPS: [i64; 12] = [
        1, 10, 60, 300, 900, 3600, 10_800, 21_600, 86_400, 604_800, 2_592_000, 31_536_000,
    ];
    STEPS
        .into_iter()
        .find(|step| seconds / step < BARS)
        .unwrap_or(seconds / BARS + 1)
}

fn verdict(verified: &Report) -> String {
    let class = if verified.holds() { "good" } else { "bad" };
    let text: String = verified
        .to_string()
        .lines()
        .map(|line| format!("<p>{}</p>", esc(line)))
        .collect();
    format!("<section class={class}><h2>Integrity of the whole log</h2>{text}</section>\n")
}

fn counts_table(title: &str, counts: &BTreeMap<String, Count>) -> String {
    let rows: String = counts
        .iter()
        .take(ROWS)
        .map(|(name, c)| {
            format!(
                "<tr><td data-t=Name>{}<td data-t=Runs>{}<td data-t=Asked>{}<td data-t=Forbidden>{}</tr>\n",
                clip(name), c.runs, c.asked, c.rejected
            )
        })
        .collect();
    format!(
        "<section><h2>{title}</h2><table><colgroup><col><col style=\"width:7em\"><col style=\"width:7em\"><col style=\"width:7em\"></colgroup><thead><tr><th>Name<th>Runs<th>Asked<th>Forbidden</thead><tbody>{rows}</tbody></table>{}</section>\n",
        left_out(counts.len())
    )
}

fn left_out(count: usize) -> String {
    if count <= ROWS {
        return String::new();
    }
    format!(
        "<p>{} more are not shown: <code>aiops audit query</code> lists them.</p>",
        count - ROWS
    )
}

/// Text in HTML: what would hide is shown, what is markup is not.
fn esc(text: &str) -> String {
    display::escape(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// A period that ends now, for a caller who named none: the last 30 days.
pub fn last_month() -> DateTime<Utc> {
    Utc::now() - TimeDelta::days(30)
}

const HEAD: &str = r#"<!doctype html>
<html lang=en><meta charset=utf-8>
<meta http-equiv=Content-Security-Policy content="default-src 'none'; style-src 'unsafe-inline'">
<meta name=viewport content="width=device-width, initial-scale=1">
<meta name=referrer content=no-referrer>
<title>aiops audit report</title>
<style>
:root{--ink:#1a1d21;--dim:#5c6570;--line:#d8dde3;--back:#fff;--run:#2f7d5b;--ask:#c98a12;--no:#b3362c}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ec;--dim:#9aa4af;--line:#3a4149;--back:#16191c}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.45 system-ui,sans-serif}
main{max-width:70rem;margin:auto;padding:1rem}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.6rem 0 .5rem}p{margin:.3rem 0}
.dim{color:var(--dim);font-size:.88em}time{white-space:nowrap}
.good,.bad{border-left:.35rem solid var(--run);padding:.1rem 1rem .6rem}.bad{border-color:var(--no)}.good p,.bad p{overflow-wrap:anywhere}
.tiles{display:flex;flex-wrap:wrap;gap:.6rem;margin-top:1.2rem}
.tiles div{border:1px solid var(--line);border-radius:.4rem;padding:.5rem 1rem;flex:1 1 6rem}
.tiles b{display:block;font-size:1.5rem}.tiles span{color:var(--dim)}
svg{width:100%;height:8rem;border-bottom:1px solid var(--line)}
rect.run,i.run{fill:var(--run);background:var(--run)}rect.ask,i.ask{fill:var(--ask);background:var(--ask)}rect.no,i.no{fill:var(--no);background:var(--no)}
i{display:inline-block;width:.7rem;height:.7rem}
table{border-collapse:collapse;width:100%;table-layout:fixed}th,td{text-align:left;vertical-align:top;padding:.35rem .5rem .35rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
th{color:var(--dim);font-weight:600;overflow-wrap:normal}code{font:.9em ui-monospace,monospace;white-space:pre-wrap}
@media (max-width:45rem){thead,colgroup{display:none}table,tbody,tr{display:block}tr{border-bottom:2px solid var(--line);padding:.4rem 0}td{display:flex;gap:.6rem;border:0;padding:.15rem 0}td:empty{display:none}td::before{content:attr(data-t);color:var(--dim);flex:0 0 5.5rem}td>*{min-width:0}}
@page{margin:14mm}
@media print{body{font-size:8.5pt}h1{font-size:14pt}h2{font-size:11pt}.tiles b{font-size:13pt}:root{--ink:#000;--dim:#444;--line:#aaa;--back:#fff}main{max-width:none;padding:0}tr,.tiles div{break-inside:avoid}h2{break-after:avoid}thead{display:table-header-group}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
</style>
<main>
"#;
