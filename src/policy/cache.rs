//! A policy kept in a form that is read in a fraction of a millisecond.
//!
//! Reading the YAML of some 350 rules is nearly all of what a decision costs. What was read and found good is
//! therefore kept in the gate's own folder, each rule on a line of its own, and a rule is compiled only when a
//! command of its name is decided. The kept form counts only while every source is the same file, unchanged
//! (device, inode, size, times), and trusted as when it is read; and never when others can write it.
//! Must never decide otherwise than the sources: what is damaged forbids everything.

use super::common::Common;
use super::compile::compile;
use super::index::Index;
use super::levels::{ApprovalPolicy, TrustStep};
use super::loaded::{Mode, Policy};
use super::rule::{Operands, Raw, Rule, Signs, Stdin, Style, SudoUse, Verdict};
use super::types::Bounds;
use super::when::When;
use super::{Quorum, RiskLevel};
use crate::approval::files;
use crate::yaml;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// The file's name, in the gate's folder for state.
pub const FILE: &str = "policy.cache";
/// A source changed so short a time ago could change again with the same times, in seconds.
const SETTLED: i64 = 2;

/// Rules, compiled as they are asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    slots: Vec<Slot>,
    kept: Option<Arc<Kept>>,
}

#[derive(Debug, Clone)]
struct Slot {
    rule: OnceLock<Rule>,
    /// Where its line is in the kept text.
    line: (usize, usize),
}

#[derive(Debug)]
struct Kept {
    text: String,
    common: Arc<Common>,
}

impl Rules {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn push(&mut self, rule: Rule) {
        self.slots.push(Slot {
            rule: OnceLock::from(rule),
            line: (0, 0),
        });
    }

    pub(super) fn get(&self, index: usize) -> Option<&Rule> {
        let slot = self.slots.get(index)?;
        Some(slot.rule.get_or_init(|| {
            let kept = self.kept.as_deref();
            kept.and_then(|kept| kept.rule(slot.line))
                .unwrap_or_else(damaged)
        }))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Rule> {
        (0..self.slots.len()).filter_map(|index| self.get(index))
    }
}

impl Kept {
    fn rule(&self, (from, to): (usize, usize)) -> Option<Rule> {
        let line: Line = serde_json::from_str(self.text.get(from..to)?).ok()?;
        compile(line.raw, &self.common, line.place).ok()
    }
}

/// Stands for a rule that cannot be read any more: it forbids its commands.
fn damaged() -> Rule {
    Rule {
        id: super::builtin::DAMAGED.to_owned(),
        about: format!("the kept policy is damaged: remove {FILE} in the gate's folder"),
        verdict: Verdict::Forbidden,
        level: RiskLevel::Critical,
        reversibility: None,
        commands: Vec::new(),
        subcommands: Vec::new(),
        global_options: Vec::new(),
        options: Vec::new(),
        style: Style::Plain,
        operands: Operands::default(),
        reader: None,
        bounds: Bounds::default(),
        stdin: Stdin::default(),
        sudo: SudoUse::default(),
        env: Vec::new(),
        wraps: false,
        when: When::default(),
        hint: None,
        unless_auto: false,
        signs: Signs::default(),
        probe: None,
        dry_run: None,
        matches: Vec::new(),
        no_match: Vec::new(),
        place: (FILE.to_owned(), 1),
    }
}

/// A rule, with the file and line it stands in.
#[derive(Serialize, Deserialize)]
struct Line {
    raw: Raw,
    place: (String, usize),
}

/// The first line of the kept form.
#[derive(Serialize, Deserialize)]
struct Head {
    /// The program that wrote it: another may read rules otherwise.
    program: Identity,
    sources: Vec<(String, Identity)>,
    hash: String,
    mode: Mode,
    unknown_is_rejected: bool,
    levels: BTreeMap<RiskLevel, Option<Quorum>>,
    level_methods: BTreeMap<RiskLevel, Vec<String>>,
    trust: BTreeMap<RiskLevel, Vec<TrustStep>>,
    approval: ApprovalPolicy,
    common: Common,
    index: Index,
    rates: bool,
    /// The length of each rule's line, its line feed included.
    lines: Vec<usize>,
}

/// What tells a file from another, and from itself after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Identity {
    fn of(meta: &std::fs::Metadata) -> Identity {
        Identity {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }

    fn of_program() -> Option<Identity> {
        let path = std::env::current_exe().ok()?;
        Some(Identity::of(&std::fs::metadata(path).ok()?))
    }

    fn of_source(path: &str) -> Option<Identity> {
        let file = yaml::open_trusted(Path::new(path)).ok()?;
        Some(Identity::of(&file.metadata().ok()?))
    }
}

impl Policy {
    /// Reads a policy as [`Policy::load`], from the form kept in `folder` where that is still good; keeps it there
    /// otherwise. That it cannot be kept is no error.
    ///
    /// # Errors
    /// As [`Policy::load`].
    pub fn load_kept(path: &Path, folder: &Path) -> Result<Policy, super::load::PolicyError> {
        let file = folder.join(FILE);
        if let Some(policy) = kept(&file, path) {
            return Ok(policy);
        }
        let policy = Policy::load(path)?;
        if let Err(e) = keep(&policy, &file) {
            tracing::debug!("the policy is not kept in {}: {e}", file.display());
        }
        Ok(policy)
    }
}

/// The policy as it was kept; none where anything is not as it was.
fn kept(file: &Path, root: &Path) -> Option<Policy> {
    let text = files::read(file).ok()??;
    let (first, _) = text.split_once('\n')?;
    let head: Head = serde_json::from_str(first).ok()?;
    let same = Identity::of_program()? == head.program
        && head.sources.first()?.0 == root.display().to_string()
        && head
            .sources
            .iter()
            .all(|(path, identity)| Identity::of_source(path).as_ref() == Some(identity));
    let mut at = first.len() + 1;
    let slots = head
        .lines
        .iter()
        .map(|length| {
            let line = (at, at + length - 1);
            at += length;
            Slot {
                rule: OnceLock::new(),
                line,
            }
        })
        .collect::<Vec<_>>();
    if !same || at != text.len() || slots.is_empty() {
        return None;
    }
    let common = Arc::new(head.common);
    let kept = Kept {
        text,
        common: Arc::clone(&common),
    };
    Some(Policy {
        rules: Rules {
            slots,
            kept: Some(Arc::new(kept)),
        },
        index: head.index,
        unknown_is_rejected: head.unknown_is_rejected,
        levels: head.levels,
        mode: head.mode,
        approval: head.approval,
        level_methods: head.level_methods,
        trust: head.trust,
        hash: head.hash,
        rates: head.rates,
        common,
        sources: Vec::new(),
    })
}

/// Writes the kept form, whole or not at all.
fn keep(policy: &Policy, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let now = chrono::Utc::now().timestamp();
    let mut sources = Vec::new();
    for (path, _) in &policy.sources {
        let identity = Identity::of_source(path).ok_or("a source is not trusted")?;
        if (now - identity.changed.0).abs() <= SETTLED {
            return Err("a source has just been changed".into());
        }
        sources.push((path.clone(), identity));
    }
    let mut body = String::new();
    let mut lines = Vec::new();
    for line in raws(policy)? {
        let start = body.len();
        body.push_str(&line);
        body.push('\n');
        lines.push(body.len() - start);
    }
    let head = Head {
        program: Identity::of_program().ok_or("the program's own file is gone")?,
        sources,
        hash: policy.hash.clone(),
        mode: policy.mode,
        unknown_is_rejected: policy.unknown_is_rejected,
        levels: policy.levels.clone(),
        level_methods: policy.level_methods.clone(),
        trust: policy.trust.clone(),
        approval: policy.approval.clone(),
        common: Common::clone(&policy.common),
        index: policy.index.clone(),
        rates: policy.rates,
        lines,
    };
    files::write(
        file,
        format!("{}\n{body}", serde_json::to_string(&head)?).as_bytes(),
    )?;
    Ok(())
}

/// Each rule as it was written, on a line, without its examples, in the order of the compiled ones.
fn raws(policy: &Policy) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let mut lines = Vec::new();
    let written = super::load::raw_rules(&policy.sources)?;
    if written.len() != policy.rules.len() {
        return Err("the sources changed meanwhile".into());
    }
    for (mut raw, rule) in written.into_iter().zip(policy.rules.iter()) {
        if raw.id != rule.id {
            return Err("the sources changed meanwhile".into());
        }
        raw.matches.clear();
        raw.no_match.clear();
        let mut value = serde_json::to_value(Line {
            raw,
            place: rule.place.clone(),
        })?;
        // What is not there is not read: a third of the size.
        if let Some(fields) = value["raw"].as_object_mut() {
            fields.retain(|_, v| !v.is_null() && v.as_array().is_none_or(|list| !list.is_empty()));
        }
        lines.push(serde_json::to_string(&value)?);
    }
    Ok(lines)
}
