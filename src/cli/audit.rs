//! `aiops audit`: its commands, options and help texts.

use super::LogArg;
use crate::audit::export::Format;
use crate::audit::query::{Filter, moment};
use crate::audit::ship::To;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;

/// Which records.
#[derive(Debug, Args, Clone)]
pub struct FilterArg {
    /// Not before: 2026-11-21T08:00:00Z, 2026-11-21, or 30m, 12h, 7d, 2w ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<DateTime<Utc>>,
    /// Before: as --since
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<DateTime<Utc>>,
    /// On this target (may be given more than once, as the options below)
    #[arg(long, value_name = "NAME")]
    pub target: Vec<String>,
    /// Asked for by this requester (by the agent's word)
    #[arg(long, value_name = "NAME")]
    pub requester: Vec<String>,
    /// Called by this user (by the kernel's word)
    #[arg(long, value_name = "USER")]
    pub caller: Vec<String>,
    /// In this conversation
    #[arg(long, value_name = "NAME")]
    pub session: Vec<String>,
    /// With this event, such as run.finished
    #[arg(long, value_name = "EVENT")]
    pub event: Vec<String>,
    /// With this status, such as executed or rejected
    #[arg(long, value_name = "STATUS")]
    pub status: Vec<String>,
    /// With this risk: auto_allowed, approval_required or forbidden
    #[arg(long, value_name = "RISK")]
    pub risk: Vec<String>,
    /// With this risk level: low, medium, high or critical
    #[arg(long, value_name = "LEVEL")]
    pub risk_level: Vec<String>,
    /// Answered by this person
    #[arg(long, value_name = "NAME")]
    pub approver: Option<String>,
    /// Decided by this rule
    #[arg(long, value_name = "ID")]
    pub rule: Option<String>,
    /// With this text in the command, reason, explanation or output, whatever the case
    #[arg(long, value_name = "TEXT")]
    pub contains: Option<String>,
}

impl FilterArg {
    /// The same as the log's reader takes it.
    pub fn filter(self) -> Filter {
        Filter {
            since: self.since,
            until: self.until,
            fields: vec![
                ("target", self.target),
                ("requester", self.requester),
                ("caller", self.caller),
                ("session", self.session),
                ("event", self.event),
                ("status", self.status),
                ("risk", self.risk),
                ("risk_level", self.risk_level),
            ],
            approver: self.approver,
            rule: self.rule,
            contains: self.contains,
        }
    }
}

/// `aiops audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Show the last records, one line an event
    Tail {
        /// The log
        #[command(flatten)]
        log: LogArg,
        /// How many records
        #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
        lines: usize,
        /// Go on showing records as they come
        #[arg(short, long)]
        follow: bool,
    },
    /// Verify the chain over all files of the log, and its seals; exit 4 and the first bad record when it does not hold
    Verify {
        /// The log
        #[command(flatten)]
        log: LogArg,
        /// Check the seals with the seed in this file (`-` for standard input); where sealing began anew, the seeds in their order
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        seed: Option<PathBuf>,
        /// Accept a log that begins with this record, because older files were removed on purpose
        #[arg(long, value_name = "SEQ")]
        first: Option<u64>,
        /// Print JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// List the records that fit, one line each, oldest first
    Query {
        /// The log
        #[command(flatten)]
        log: LogArg,
        /// Which records
        #[command(flatten)]
        filter: FilterArg,
        /// Only the last N of them
        #[arg(short = 'n', long, value_name = "N")]
        lines: Option<usize>,
        /// Print the records as they stand in the log
        #[arg(long)]
        json: bool,
    },
    /// Show one record, field by field
    Show {
        /// The log
        #[command(flatten)]
        log: LogArg,
        /// Its number (`audit_seq` in an outcome)
        seq: u64,
        /// Print the record as it stands in the log
        #[arg(long)]
        json: bool,
    },
    /// Tell the whole story of one request: who asked, who answered, what ran, what came of it
    Trace {
        /// The log
        #[command(flatten)]
        log: LogArg,
        /// An approval's id, a run's id, or a request_id
        id: String,
        /// Print the records as they stand in the log
        #[arg(long)]
        json: bool,
    },
    /// Count: who, what, how often, how long, refused
    Stats {
        /// The log
        #[command(flatten)]
        log: LogArg,
        /// Which records
        #[command(flatten)]
        filter: FilterArg,
        /// Print JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// Write the records in a form that other systems take, or send them there as they come
    Export {
        /// The log
        #[command(flatten)]
        log: LogArg,
        /// The form; OTLP and journald receivers have their own
        #[arg(long, value_enum, default_value = "jsonl")]
        format: Format,
        /// Which records
        #[command(flatten)]
        filter: FilterArg,
        /// Go on with the records that come
        #[arg(short, long)]
        follow: bool,
        /// Where to: - (standard output), udp://HOST:PORT or tcp://HOST:PORT or unix:///dev/log (syslog, RFC 5424), journald, http://HOST:4318/v1/logs (OTLP)
        #[arg(long, value_name = "RECEIVER", default_value = "-")]
        to: To,
        /// Remember here what was sent, and go on behind it the next time
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        cursor: Option<PathBuf>,
    },
    /// Draw a report of a period as one HTML file: counts, timeline, approvals, refusals, failures, verification
    Report {
        /// The log
        #[command(flatten)]
        log: LogArg,
        /// Which records [default: those of the last 30 days]
        #[command(flatten)]
        filter: FilterArg,
        /// Write HTML, the only form there is
        #[arg(long, default_value_t = true, hide = true)]
        html: bool,
        /// The file to write [default: standard output]
        #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
        /// Check the seals with the seed in this file (`-` for standard input); where sealing began anew, the seeds in their order
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        seed: Option<PathBuf>,
    },
    /// Seal the log, so that somebody who takes over the gateway later cannot change what was before
    #[command(subcommand)]
    Seal(SealCommand),
    /// Close the log's file and begin a new one that follows it; as root also where the file is append-only (chattr +a)
    Rotate {
        /// The log
        #[command(flatten)]
        log: LogArg,
        /// Compress the closed file, whatever the configuration says
        #[arg(long)]
        compress: bool,
    },
}

/// `aiops audit seal`.
#[derive(Debug, Subcommand)]
pub enum SealCommand {
    /// Make a seed, show it once for the auditor to write down, and begin sealing
    Init {
        /// The log
        #[command(flatten)]
        log: LogArg,
        /// How long a key is used, in seconds
        #[arg(long, value_name = "SECONDS", default_value_t = crate::audit::seal::PERIOD_S, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
        period: u64,
    },
    /// Write a seal now: for a timer, so that a quiet log is sealed too
    Now {
        /// The log
        #[command(flatten)]
        log: LogArg,
    },
    /// Say whether the log is sealed, how often, and when last
    Status {
        /// The log
        #[command(flatten)]
        log: LogArg,
    },
}
