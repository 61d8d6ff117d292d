//! `aiops audit`: its commands, options and help texts.

use super::LogArg;
use clap::{Subcommand, ValueHint};
use std::path::PathBuf;

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
        /// Check the seals with the seed in this file (`-` for standard input)
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        seed: Option<PathBuf>,
        /// Accept a log that begins with this record, because older files were removed on purpose
        #[arg(long, value_name = "SEQ")]
        first: Option<u64>,
        /// Print JSON instead of text
        #[arg(long)]
        json: bool,
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
