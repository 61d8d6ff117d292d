//! Every command, option and help text: from these definitions come parsing, `--help`, the manual
//! pages and the shell completions.
//!
//! Must hold no behaviour: `main` and the rooms do the work.

mod audit;

pub use audit::{AuditCommand, SealCommand};

use clap::{Args, Parser, Subcommand, ValueHint};
use std::path::PathBuf;

/// Where the configuration is when nothing else is said. The wrapper `run_action` knows only this.
pub const DEFAULT_CONFIG: &str = "/opt/aiops/config.yml";

/// sudo for chat agents: runs what the policy allows, asks a human where it says so, records everything
#[derive(Debug, Parser)]
#[command(name = "aiops", version, max_term_width = 100, after_help = EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 handled · 3 rejected by policy · 4 the reply could not be applied · \
5 target not reached, or time ran out · 64 bad input · 70 internal fault · 73 state or audit cannot be written \
(nothing was run) · 77 not permitted · 78 bad configuration.\n\
Called through the name run_action, the program takes no arguments: it reads one message as `aiops run` does.";

/// The configuration file.
#[derive(Debug, Args, Clone)]
pub struct ConfigArg {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG, value_hint = ValueHint::FilePath)]
    pub config: PathBuf,
}

/// Which policy to decide by.
#[derive(Debug, Args, Clone)]
pub struct PolicyArg {
    /// Policy file [default: the one the configuration names; without a configuration, the shipped production policy]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub policy: Option<PathBuf>,
    /// Configuration file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Decide for this target (its name and tags matter to rules with conditions)
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read one message (a JSON request, or a reply) on stdin and write one JSON outcome on stdout
    Run(ConfigArg),
    /// Show how a command line is read and what the policy says of each command in it; runs nothing
    Explain(ExplainArgs),
    /// Evaluate, check and compare policies
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// List the requests that wait for a human
    Pending(PendingArgs),
    /// Approve a waiting request as yourself, and run it when that was the last approval needed
    Approve(VoteArgs),
    /// Deny a waiting request as yourself
    Deny(VoteArgs),
    /// Stop every new run at once: the kill switch, for approvers and root
    Freeze(FreezeArgs),
    /// Wish to lift a freeze; it is lifted when as many different people wish it as a high risk needs
    Thaw(ThawArgs),
    /// Show who can approve, and enrol people for one-time passwords
    #[command(subcommand)]
    Approver(ApproverCommand),
    /// Show and reset what the gate learnt from approvals, where the policy has a `trust` table
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Look at one approval, waiting or closed
    #[command(subcommand)]
    Approval(ApprovalCommand),
    /// Read, verify, seal and rotate the audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Check the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Play the whole story in a throwaway folder: auto, approved, denied, forbidden, ambiguous, and a forged log
    Demo,
    /// Print shell completions
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages, one file a command, into a folder
    Man {
        /// The folder, which must exist
        #[arg(value_hint = ValueHint::DirPath)]
        dir: PathBuf,
    },
}

/// `aiops explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The policy to decide by
    #[command(flatten)]
    pub policy: PolicyArg,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// The command line, as one argument: quote it
    #[arg(value_name = "LINE", allow_hyphen_values = true)]
    pub line: String,
}

/// `aiops policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Decide many commands: JSON lines {"command":"…"} on stdin, a JSON line for each on stdout; runs nothing
    Eval(PolicyArg),
    /// Check policies: every rule's own examples, and attacks on them; exit 78 when something does not hold
    Check {
        /// Policy files
        #[arg(required = true, value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
    },
}

/// `aiops pending`.
#[derive(Debug, Args)]
pub struct PendingArgs {
    /// The configuration
    #[command(flatten)]
    pub config: ConfigArg,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// `aiops approve`, `aiops deny`.
#[derive(Debug, Args)]
pub struct VoteArgs {
    /// The configuration
    #[command(flatten)]
    pub config: ConfigArg,
    /// The approval's short code, or its id
    pub code: String,
    /// A remark for the record
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// Read an approver's SSH signature on standard input (made over `aiops approval show CODE --signable`)
    #[arg(long)]
    pub signed: bool,
}

/// `aiops freeze`.
#[derive(Debug, Args)]
pub struct FreezeArgs {
    /// The configuration
    #[command(flatten)]
    pub config: ConfigArg,
    /// Only this target [default: all of them]
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Also end what runs now
    #[arg(long)]
    pub now: bool,
    /// Why: every answer tells it as long as the freeze lasts
    pub why: String,
}

/// `aiops thaw`.
#[derive(Debug, Args)]
pub struct ThawArgs {
    /// The configuration
    #[command(flatten)]
    pub config: ConfigArg,
    /// The freeze of this target [default: the one of all targets]
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
}

/// `aiops approver`.
#[derive(Debug, Subcommand)]
pub enum ApproverCommand {
    /// Make a secret for one-time passwords (RFC 6238) and show it once, as a QR code
    Add {
        /// The configuration
        #[command(flatten)]
        config: ConfigArg,
        /// The person, as under `approvers` in the configuration
        name: String,
        /// One-time passwords by the clock: the one method that needs enrolling
        #[arg(long, required = true)]
        totp: bool,
        /// Make a new secret where there is one; the old one counts no more
        #[arg(long)]
        replace: bool,
    },
    /// Remove a person's secret
    Remove {
        /// The configuration
        #[command(flatten)]
        config: ConfigArg,
        /// The person
        name: String,
        /// The secret for one-time passwords
        #[arg(long, required = true)]
        totp: bool,
    },
    /// List the people who may approve, their roles, and how each is known
    List(ConfigArg),
}

/// `aiops trust`.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// List the patterns (rules and targets) that were approved in a row, most trusted first
    Show {
        /// The configuration
        #[command(flatten)]
        config: ConfigArg,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Set patterns to zero: all of them, or those of one rule
    Reset {
        /// The configuration
        #[command(flatten)]
        config: ConfigArg,
        /// The rule's id
        rule: Option<String>,
    },
}

/// `aiops approval`.
#[derive(Debug, Subcommand)]
pub enum ApprovalCommand {
    /// Show everything about one approval
    Show {
        /// The configuration
        #[command(flatten)]
        config: ConfigArg,
        /// The approval's short code (while it waits), or its id
        code: String,
        /// Print JSON instead of text
        #[arg(long, conflicts_with = "signable")]
        json: bool,
        /// Print exactly the text that an approver signs: … | ssh-keygen -Y sign -n aiops-approval -f KEY
        #[arg(long)]
        signable: bool,
    },
}

/// Where the log is.
#[derive(Debug, Args, Clone)]
pub struct LogArg {
    /// Audit log [default: the one the configuration names]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub log: Option<PathBuf>,
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG, value_hint = ValueHint::FilePath)]
    pub config: PathBuf,
}

/// `aiops config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Read the configuration and its policy and say what they hold; exit 78 when they are wrong
    Check(ConfigArg),
}
