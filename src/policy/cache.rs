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
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// The file's name, in the gate's folder for state.
pub const FILE: &str = "policy.cache";
/// A source changed so short a time ago could change again with the same times, in seconds.
const SETTLED: i64 = 2;
/// What is read at once: the front of a policy with some hundred rules.
const FRONT: usize = 80 * 1024;
/// Longest line of a rule.
const MAX_LINE: usize = 1024 * 1024;

/// Rules, compiled as they are asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    slots: Vec<OnceLock<Box<Rule>>>,
    kept: Option<Arc<Kept>>,
    /// Stands for a number that no rule has.
    missing: OnceLock<Box<Rule>>,
}

impl Rules {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn push(&mut self, rule: Rule) {
        self.slots.push(OnceLock::from(Box::new(rule)));
    }

    /// The rule of a number; where a kept policy has none of that number, one that forbids.
    pub(super) fn get(&self, index: usize) -> Option<&Rule> {
        let slot = match self.slots.get(index) {
            None if self.kept.is_some() => &self.missing,
            found => found?,
        };
        Some(slot.get_or_init(|| {
            let kept = self.kept.as_deref().and_then(|kept| kept.rule(index));
            Box::new(kept.unwrap_or_else(damaged))
        }))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Rule> {
        (0..self.slots.len()).filter_map(|index| self.get(index))
    }
}

/// The kept form. What is not in memory is read from the file when it is needed: it stays the same file, whatever
/// takes its name meanwhile.
#[derive(Debug)]
struct Kept {
    file: File,
    /// All but the rules.
    front: String,
    /// The part of the front that says where each rule is: for each the end of its line, behind the front.
    ends: Range<usize>,
    common: Arc<Common>,
}

/// Digits of a place in the part that says where each rule is, and a line feed.
const PLACE: usize = 9;

impl Kept {
    /// Where the line before a rule's ends; for the number of rules, where the last one ends.
    fn place(&self, index: usize) -> Option<usize> {
        let Some(before) = index.checked_sub(1) else {
            return Some(0);
        };
        let from = self.ends.start + before * PLACE;
        let digits = self.front.get(from..from + PLACE - 1)?;
        usize::from_str_radix(digits, 16).ok()
    }

    fn rule(&self, index: usize) -> Option<Rule> {
        let (from, to) = (self.place(index)?, self.place(index + 1)?);
        let mut line = vec![0; to.checked_sub(from).filter(|length| *length <= MAX_LINE)?];
        let start = u64::try_from(self.front.len() + from).ok()?;
        self.file.read_exact_at(&mut line, start).ok()?;
        let line: Line = serde_json::from_slice(&line).ok()?;
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
        picked_by: None,
        sudo: SudoUse::default(),
        run_as: Vec::new(),
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
    rates: bool,
    rules: usize,
    /// The lengths of the parts behind this line: what all rules share, the index, and where each rule is.
    parts: [usize; 3],
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
}

/// What the sources are now; none for one that is not there or not trusted.
fn sources_now<'a>(
    paths: impl Iterator<Item = &'a String>,
) -> impl Iterator<Item = Option<Identity>> {
    yaml::look_trusted(paths.map(Path::new)).map(|meta| meta.map(|m| Identity::of(&m)))
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
fn kept(path: &Path, root: &Path) -> Option<Policy> {
    let file = files::open(path).ok()??;
    let length = usize::try_from(file.metadata().ok()?.len()).ok()?;
    let mut front = vec![0; FRONT.min(length)];
    file.read_exact_at(&mut front, 0).ok()?;
    let end = front.iter().position(|b| *b == b'\n')? + 1;
    let head: Head = serde_json::from_slice(&front[..end]).ok()?;
    let same = Identity::of_program()? == head.program
        && head.sources.first()?.0 == root.display().to_string()
        && sources_now(head.sources.iter().map(|(path, _)| path))
            .zip(&head.sources)
            .all(|(now, (_, then))| now.as_ref() == Some(then));
    let [common, index, places] = head.parts;
    if !same || head.rules == 0 || places != head.rules.checked_mul(PLACE)? {
        return None;
    }
    let behind = end
        .checked_add(common)?
        .checked_add(index)?
        .checked_add(places)
        .filter(|behind| *behind <= length)?;
    let read = front.len();
    front.resize(behind, 0);
    if behind > read {
        file.read_exact_at(&mut front[read..], u64::try_from(read).ok()?)
            .ok()?;
    }
    let front = String::from_utf8(front).ok()?;
    let shared = Arc::new(serde_json::from_str(front.get(end..end + common)?).ok()?);
    let index = Index::from_kept(front.get(end + common..behind - places)?)?;
    let kept = Arc::new(Kept {
        file,
        ends: behind - places..behind,
        common: Arc::clone(&shared),
        front,
    });
    if kept.place(head.rules)? != length - behind {
        return None;
    }
    Some(Policy {
        rules: Rules {
            slots: vec![OnceLock::new(); head.rules],
            kept: Some(kept),
            missing: OnceLock::new(),
        },
        index,
        unknown_is_rejected: head.unknown_is_rejected,
        levels: head.levels,
        mode: head.mode,
        approval: head.approval,
        level_methods: head.level_methods,
        trust: head.trust,
        hash: head.hash,
        rates: head.rates,
        common: shared,
        sources: Vec::new(),
    })
}

/// Writes the kept form, whole or not at all.
fn keep(policy: &Policy, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let now = chrono::Utc::now().timestamp();
    let mut sources = Vec::new();
    let identities = sources_now(policy.sources.iter().map(|(path, _)| path));
    for ((path, _), identity) in policy.sources.iter().zip(identities) {
        let identity = identity.ok_or("a source is not trusted")?;
        if (now - identity.changed.0).abs() <= SETTLED {
            return Err("a source has just been changed".into());
        }
        sources.push((path.clone(), identity));
    }
    let (mut body, mut places) = (String::new(), String::new());
    for line in raws(policy)? {
        body.push_str(&line);
        body.push('\n');
        places.push_str(&format!("{:08x}\n", body.len()));
    }
    let common = serde_json::to_string(&*policy.common)? + "\n";
    let index = policy
        .index
        .kept_form()
        .ok_or("a command has an odd name")?;
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
        rates: policy.rates,
        rules: policy.rules.len(),
        parts: [common.len(), index.len(), places.len()],
    };
    let head = serde_json::to_string(&head)?;
    files::write(
        file,
        format!("{head}\n{common}{index}{places}{body}").as_bytes(),
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
