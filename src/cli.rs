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
    /// Read one reply on stdin as yourself (what `aiops approve` calls through sudo)
    #[command(hide = true)]
    Vote,
    /// Read on stdin what a person wants (what `aiops freeze`, `thaw`, `approval show` … call through sudo)
    #[command(hide = true)]
    Person,
    /// Look at one approval, waiting or closed
    #[command(subcommand)]
    Approval(ApprovalCommand),
    /// Read, verify, seal and rotate the audit log
    #[command(subcommand)]
    Audit(Box<AuditCommand>),
    /// Check the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Install, update or remove a gateway or a target on this host
    #[command(subcommand)]
    Install(InstallCommand),
    /// Make servers known to this gateway
    #[command(subcommand)]
    Target(TargetCommand),
    /// Check everything that can be wrong on this gateway or target, and say what to do
    Doctor(DoctorArgs),
    /// Print what a chat agent must be told before its first request
    PrintBootstrap(ConfigArg),
    /// Read the runbooks: incidents, what to ask the gate, and what it will say
    #[command(subcommand)]
    Runbook(RunbookCommand),
    /// Run one signed ticket from standard input (the forced command of the gate's key on a target)
    #[command(hide = true)]
    Guard {
        /// Run planned work from standard input, as a child of the guard
        #[arg(long, hide = true)]
        execute: bool,
    },
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
    /// Compare two policies: which lines of a file, or which past requests, would be decided otherwise
    Diff(DiffArgs),
    /// Draft rules for what people approved again and again, as YAML for you to review; changes nothing
    Suggest(SuggestArgs),
    /// Print the JSON Schema of policies and packs, for editors
    Schema,
    /// List a policy's rules: what each is about and decides
    Rules(RulesArgs),
}

/// `aiops policy diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The policy as it is
    #[arg(value_name = "OLD", value_hint = ValueHint::FilePath)]
    pub old: PathBuf,
    /// The policy as it would be
    #[arg(value_name = "NEW", value_hint = ValueHint::FilePath)]
    pub new: PathBuf,
    /// Lines to decide, one command a line [default: every example of both policies]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "audit")]
    pub corpus: Option<PathBuf>,
    /// Audit log whose requests are decided again
    #[arg(long, value_name = "LOG", value_hint = ValueHint::FilePath)]
    pub audit: Option<PathBuf>,
    /// Exit 4 when the new policy is more lenient with any line
    #[arg(long)]
    pub check: bool,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `aiops policy rules`.
#[derive(Debug, Args)]
pub struct RulesArgs {
    /// The policy
    #[command(flatten)]
    pub policy: PolicyArg,
    /// Print JSON, with options and examples
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Print Markdown tables, as in docs/packs.md
    #[arg(long)]
    pub markdown: bool,
}

/// `aiops policy suggest`.
#[derive(Debug, Args)]
pub struct SuggestArgs {
    /// The policy in force
    #[command(flatten)]
    pub policy: PolicyArg,
    /// Audit log
    #[arg(long, value_name = "LOG", value_hint = ValueHint::FilePath)]
    pub audit: PathBuf,
    /// How often a line must have been approved
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..))]
    pub least: u32,
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

/// What every `aiops install` command takes.
#[derive(Debug, Args, Clone)]
pub struct ActArgs {
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Work on the tree below this folder instead of the running system (for images and packages)
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub root: Option<PathBuf>,
}

/// `aiops install`.
#[derive(Debug, Subcommand)]
pub enum InstallCommand {
    /// Make this host a gateway: users, keys, configuration, policy, wrapper, sudoers; prints the next command
    Gateway {
        /// How
        #[command(flatten)]
        act: ActArgs,
        /// The chat agent's user; made if there is none
        #[arg(long, value_name = "USER", default_value = "hermes")]
        agent: String,
        /// A person who may approve (login name); may be given several times
        #[arg(long, value_name = "USER")]
        approver: Vec<String>,
        /// The policy to begin with
        #[arg(long, value_name = "NAME", default_value = "production", value_parser = ["production", "lab"])]
        policy: String,
        /// Do not seal the audit log yet: where this output goes to a log and nobody is there to take the
        /// seed it would show (`aiops audit seal init` begins it later)
        #[arg(long)]
        unsealed: bool,
    },
    /// Make this host a target: the gate's login user and key, the guard or exact sudoers rules
    Target {
        /// How
        #[command(flatten)]
        act: ActArgs,
        /// The gate's SSH public key, as `aiops install gateway` printed it, in quotes
        #[arg(value_name = "SSH-KEY")]
        key: String,
        /// The gate's ticket key, as `aiops install gateway` printed it; without it there is no guard
        #[arg(long, value_name = "KEY")]
        ticket_key: Option<String>,
        /// Address or network that the gate comes from, or `any`; may be given several times
        #[arg(long, value_name = "ADDRESS", required = true)]
        from: Vec<String>,
        /// What the gateway calls this host [default: its host name]
        #[arg(long)]
        name: Option<String>,
        /// Tags that policies may name, as on the gateway
        #[arg(long, value_delimiter = ',')]
        tags: Vec<String>,
        /// The user that the gate logs in as
        #[arg(long, default_value = "aiops")]
        user: String,
        /// The policy, as on the gateway
        #[arg(long, value_name = "NAME", default_value = "production")]
        policy: String,
        /// Without the guard: a command that root may run besides the policy's own examples, in quotes; may be given several times
        #[arg(long, value_name = "COMMAND", conflicts_with = "ticket_key")]
        root_command: Vec<String>,
    },
    /// Put this program, its policies and its knowledge in the place of the installed ones; all else stays
    Update {
        /// How
        #[command(flatten)]
        act: ActArgs,
        /// Go back to the version before
        #[arg(long)]
        back: bool,
    },
    /// Take everything away again; the audit log stays
    Remove {
        /// How
        #[command(flatten)]
        act: ActArgs,
        /// Remove the audit log too
        #[arg(long)]
        audit: bool,
        /// Remove the agent's user and its home too, if the installation made it
        #[arg(long)]
        agent: bool,
    },
}

/// `aiops target`.
#[derive(Debug, Subcommand)]
pub enum TargetCommand {
    /// Add a server: fetches its host key, shows the fingerprint, and asks before it trusts it
    Add {
        /// How
        #[command(flatten)]
        act: ActArgs,
        /// What the gate calls it
        name: String,
        /// Host name or address
        host: String,
        /// SSH port
        #[arg(long, default_value_t = 22)]
        port: u16,
        /// The user that the gate logs in as
        #[arg(long, default_value = "aiops")]
        user: String,
        /// Tags that policies may name
        #[arg(long, value_delimiter = ',')]
        tags: Vec<String>,
        /// There is no guard on it
        #[arg(long)]
        plain: bool,
        /// The host key's fingerprint (SHA256:…), compared already: asks nothing
        #[arg(long, value_name = "SHA256")]
        fingerprint: Option<String>,
        /// Replace a target of that name
        #[arg(long)]
        replace: bool,
    },
    /// List the servers
    List(ConfigArg),
    /// Take a server away
    Remove {
        /// How
        #[command(flatten)]
        act: ActArgs,
        /// Its name
        name: String,
    },
}

/// `aiops doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// Do not connect to the targets
    #[arg(long)]
    pub offline: bool,
}

/// `aiops runbook`.
#[derive(Debug, Subcommand)]
pub enum RunbookCommand {
    /// List them
    List {
        /// Print JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// Show one
    Show {
        /// Its name
        name: String,
    },
}
