//! Rules: as written, and as compiled.

use super::language::{Kind, Limits};
use super::options::OptionSpec;
use super::pattern::Pattern;
use super::types::Type;
use super::when::When;
use super::{Reversibility, Risk, RiskLevel};
use serde::{Deserialize, Serialize};

/// One value or several.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Many {
    /// One.
    One(String),
    /// Several.
    List(Vec<String>),
}

impl Many {
    pub fn as_slice(&self) -> &[String] {
        match self {
            Many::One(one) => std::slice::from_ref(one),
            Many::List(list) => list,
        }
    }

    pub fn into_vec(self) -> Vec<String> {
        match self {
            Many::One(one) => vec![one],
            Many::List(list) => list,
        }
    }
}

/// One list, or several that must each be met.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Groups {
    /// One.
    One(Vec<String>),
    /// Several.
    All(Vec<Vec<String>>),
}

/// A rule as written.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    pub id: String,
    pub about: String,
    pub decision: Verdict,
    #[serde(default)]
    pub risk: Option<RiskLevel>,
    #[serde(default)]
    pub reversibility: Option<Reversibility>,
    #[serde(default)]
    pub command: Option<Many>,
    #[serde(default)]
    pub subcommands: Vec<String>,
    #[serde(default)]
    pub global_options: Vec<String>,
    #[serde(default)]
    pub options: Vec<String>,
    #[serde(default)]
    pub style: Style,
    #[serde(default)]
    pub operands: Option<RawOperands>,
    #[serde(default)]
    pub under: Vec<String>,
    #[serde(default)]
    pub not: Vec<String>,
    #[serde(default)]
    pub hosts: Vec<String>,
    #[serde(default)]
    pub reader: Option<String>,
    #[serde(default)]
    pub reader_options: Option<Limits>,
    #[serde(default)]
    pub stdin: Stdin,
    #[serde(default)]
    pub picked_by: Option<String>,
    #[serde(default)]
    pub sudo: SudoUse,
    #[serde(default)]
    pub run_as: Vec<String>,
    #[serde(default)]
    pub env: Vec<String>,
    #[serde(default)]
    pub wraps: bool,
    #[serde(default)]
    pub when: Option<RawWhen>,
    #[serde(default)]
    pub hint: Option<String>,
    #[serde(default)]
    pub unless_auto: bool,
    #[serde(default)]
    pub has_option: Option<Groups>,
    #[serde(default)]
    pub lacks_option: Vec<String>,
    #[serde(default)]
    pub as_root: bool,
    #[serde(default)]
    pub has_operand: Option<RawHasOperand>,
    #[serde(default)]
    pub has_word: Option<Many>,
    #[serde(default)]
    pub redirects_to: Option<RawPlaces>,
    #[serde(default)]
    pub writes_to: Option<RawWritesTo>,
    #[serde(default)]
    pub pipes_into: Vec<String>,
    #[serde(default)]
    pub substituted_into: Vec<String>,
    #[serde(default)]
    pub line_regex: Option<String>,
    #[serde(default)]
    pub word_regex: Option<String>,
    #[serde(default)]
    pub probe: Option<String>,
    #[serde(default)]
    pub dry_run: Option<String>,
    #[serde(default, rename = "match")]
    pub matches: Vec<String>,
    #[serde(default)]
    pub no_match: Vec<String>,
}

/// What a rule decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Auto,
    Approval,
    Forbidden,
}

/// How a program reads its options.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// getopt_long(3): clusters, glued values, `--`, options after operands.
    #[default]
    Gnu,
    /// Words that begin with one dash (`ip -br`, `openssl -noout`); values are the next word.
    SingleDash,
    /// No options at all: every word is an operand (`echo`).
    Plain,
}

/// Where standard input may come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdin {
    /// The program does not read it, or it does not matter.
    #[default]
    Any,
    /// A filter: behind a pipe, or with an operand beyond those it always has.
    PipeOrOperand,
    /// Behind a pipe only.
    Pipe,
    /// Nothing to read: no pipe but from a bare `echo`, no input but `/dev/null`.
    Silent,
    /// A question of a few known words, which an `echo` in front asks (`show stat`).
    Question,
}

/// Whether a rule also speaks of the command as root.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SudoUse {
    #[default]
    Refused,
    Allowed,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged)]
pub enum RawOperands {
    Word(String),
    One(RawOperand),
    List(Vec<RawOperand>),
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawOperand {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub min: Option<usize>,
    #[serde(default)]
    pub max: Option<usize>,
    #[serde(default)]
    pub under: Vec<String>,
    #[serde(default)]
    pub as_root: Option<Vec<String>>,
    #[serde(default)]
    pub not: Vec<String>,
    #[serde(default)]
    pub hosts: Vec<String>,
    #[serde(default)]
    pub glob: bool,
    #[serde(default)]
    pub optional: bool,
    #[serde(default)]
    pub repeat: bool,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawHasOperand {
    #[serde(default)]
    pub at: Vec<String>,
    #[serde(default)]
    pub under: Vec<String>,
    #[serde(default)]
    pub words: Vec<String>,
    #[serde(default)]
    pub expansions: bool,
    /// The last operand does not count: it is where the others go.
    #[serde(default)]
    pub but_last: bool,
}

impl RawHasOperand {
    pub fn places(&self) -> super::places::Places<'_> {
        super::places::Places {
            at: &self.at,
            under: &self.under,
        }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawPlaces {
    #[serde(default)]
    pub under: Vec<String>,
    /// Patterns of the target as it is written, expansions and all.
    #[serde(default)]
    pub words: Vec<String>,
    #[serde(default)]
    pub not: Vec<String>,
}

/// Places that a call writes to, by its redirections and by the policy's `writes` tables.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawWritesTo {
    #[serde(default)]
    pub under: Vec<String>,
    #[serde(default)]
    pub at: Vec<String>,
    /// Folders in which a tree lands whose names the line does not tell.
    #[serde(default)]
    pub trees: Vec<String>,
    /// Patterns of the name as it is written, expansions and all.
    #[serde(default)]
    pub words: Vec<String>,
    #[serde(default)]
    pub not: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawWhen {
    #[serde(default)]
    pub targets: Vec<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub requesters: Vec<String>,
    #[serde(default)]
    pub hours: Option<RawHours>,
    #[serde(default)]
    pub rate: Option<RawRate>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawRate {
    pub max: u32,
    pub per: String,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawHours {
    pub from: String,
    pub to: String,
    #[serde(default)]
    pub days: Vec<String>,
    #[serde(default)]
    pub offset: Option<String>,
    #[serde(default)]
    pub tz: Option<String>,
}

/// One operand, compiled.
#[derive(Debug, Clone)]
pub struct Operand {
    pub kind: Type,
    pub bounds: super::types::Bounds,
    pub optional: bool,
    pub repeat: bool,
}

/// The operands of an auto rule.
#[derive(Debug, Clone, Default)]
pub struct Operands {
    pub list: Vec<Operand>,
    pub min: usize,
    pub max: usize,
}

/// What a tightening rule looks for.
#[derive(Debug, Clone, Default)]
pub struct Signs {
    pub options: Vec<Vec<String>>,
    /// Whether the call must be run as root by plain sudo.
    pub as_root: bool,
    /// The rule holds only where none of these is there.
    pub without: Vec<String>,
    pub operand: Option<RawHasOperand>,
    pub words: Vec<String>,
    pub redirects: Option<RawPlaces>,
    pub writes: Option<RawWritesTo>,
    pub pipes_into: Vec<String>,
    pub substituted_into: Vec<String>,
    pub line: Option<Pattern>,
    /// Fits somewhere in a decoded word of the call.
    pub word: Option<Pattern>,
}

/// A rule, compiled.
#[derive(Debug, Clone)]
pub struct Rule {
    pub id: String,
    pub about: String,
    pub verdict: Verdict,
    pub level: RiskLevel,
    pub reversibility: Option<Reversibility>,
    pub commands: Vec<String>,
    pub subcommands: Vec<Vec<String>>,
    pub global_options: Vec<OptionSpec>,
    pub options: Vec<OptionSpec>,
    pub style: Style,
    pub operands: Operands,
    /// What reads all words behind the command instead of `options` and `operands`. In an auto rule it
    /// accepts or not; in one that asks it says how risky a line is and what it does.
    pub reader: Option<(Kind, Limits)>,
    /// Where paths and hosts in option values may lead.
    pub bounds: super::types::Bounds,
    pub stdin: Stdin,
    /// It speaks of the command only in front of a filter that picks lines of these keys.
    pub picked_by: Option<Type>,
    pub sudo: SudoUse,
    /// Users as whom `sudo -u` may run it.
    pub run_as: Vec<String>,
    pub env: Vec<String>,
    pub wraps: bool,
    pub when: When,
    pub hint: Option<String>,
    /// An approval rule that gives way to an auto rule: it says how what is left is asked about.
    pub unless_auto: bool,
    pub signs: Signs,
    /// A read-only command whose answer must not change between the question and the run.
    pub probe: Option<String>,
    /// A command that tells what would happen.
    pub dry_run: Option<String>,
    pub matches: Vec<String>,
    pub no_match: Vec<String>,
    /// File and line it stands in.
    pub place: (String, usize),
}

impl Verdict {
    pub fn risk(self) -> Risk {
        match self {
            Verdict::Auto => Risk::AutoAllowed,
            Verdict::Approval => Risk::ApprovalRequired,
            Verdict::Forbidden => Risk::Forbidden,
        }
    }
}
