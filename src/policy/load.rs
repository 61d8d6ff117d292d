//! Reads a policy and what it includes.
//!
//! A policy with one bad rule is no policy: nothing is skipped. Must never take a file that others can write.

use super::RiskLevel;
use super::cache::Rules;
use super::common::Common;
use super::compile::{check_patterns, compile};
use super::index::Index;
use super::levels::{self, ApprovalPolicy, RawLevel, TrustStep};
use super::loaded::{Mode, Policy, Source};
use super::rule::Raw;
use super::types::List;
use super::writes::Writes;
use crate::yaml;
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// What is wrong with a policy, and where.
pub type PolicyError = yaml::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum UnknownDefault {
    ApprovalRequired,
    Reject,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    version: u32,
    mode: Mode,
    unknown_default: UnknownDefault,
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    approval: ApprovalPolicy,
    #[serde(default)]
    levels: BTreeMap<RiskLevel, RawLevel>,
    #[serde(default)]
    trust: BTreeMap<RiskLevel, Vec<TrustStep>>,
    #[serde(default)]
    readable: Vec<String>,
    #[serde(default)]
    readable_as_root: Vec<String>,
    #[serde(default)]
    remote: Vec<String>,
    #[serde(default)]
    secret: Vec<String>,
    #[serde(default)]
    open: Vec<String>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    sets: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    writes: Vec<Writes>,
    #[serde(default)]
    code: Vec<String>,
    #[serde(default)]
    rules: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPack {
    version: u32,
    #[allow(dead_code, reason = "the pack's own name is for its reader")]
    pack: String,
    #[serde(default)]
    readable: Vec<String>,
    #[serde(default)]
    readable_as_root: Vec<String>,
    #[serde(default)]
    remote: Vec<String>,
    #[serde(default)]
    secret: Vec<String>,
    #[serde(default)]
    open: Vec<String>,
    #[serde(default)]
    sets: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    writes: Vec<Writes>,
    #[serde(default)]
    code: Vec<String>,
    rules: Vec<Raw>,
}

impl Policy {
    /// Reads a policy file and its packs.
    ///
    /// # Errors
    /// With file, line, column and key.
    pub fn load(path: &Path) -> Result<Policy, PolicyError> {
        let text = yaml::read_trusted(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Policy::build((path.display().to_string(), text), &mut |name| {
            let file = folder.join(name);
            yaml::read_trusted(&file).map(|text| (file.display().to_string(), text))
        })
    }

    /// The same for sources that a closure knows by their names.
    ///
    /// # Errors
    /// As [`Policy::load`].
    pub fn from_sources(
        root: &str,
        read: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Policy, PolicyError> {
        let find =
            |name: &str| read(name).ok_or_else(|| yaml::Error::file(name, "there is no such file"));
        Policy::build((root.to_owned(), find(root)?), &mut |name| {
            find(name).map(|text| (name.to_owned(), text))
        })
    }

    /// A policy of one text, for tests and tools.
    ///
    /// # Errors
    /// As [`Policy::load`].
    pub fn parse(name: &str, text: &str) -> Result<Policy, PolicyError> {
        Policy::build((name.to_owned(), text.to_owned()), &mut |pack| {
            Err(yaml::Error::file(
                pack,
                "a policy of one text includes nothing",
            ))
        })
    }

    fn build(
        root: Source,
        read: &mut dyn FnMut(&str) -> Result<Source, PolicyError>,
    ) -> Result<Policy, PolicyError> {
        let raw: RawPolicy = yaml::from_str(&root.0, &root.1)?;
        check_version(raw.version, &root)?;
        let mut sources = vec![root];
        let mut groups = vec![raw.rules];
        let mut common = Common {
            readable: raw.readable.as_slice().into(),
            readable_as_root: raw.readable_as_root.as_slice().into(),
            remote: raw.remote.as_slice().into(),
            secret: raw.secret.as_slice().into(),
            open: raw.open.as_slice().into(),
            hosts: raw.hosts.as_slice().into(),
            sets: sets(&raw.sets).collect(),
            writes: raw.writes,
            code: raw.code,
        };
        for name in &raw.include {
            if name.starts_with('/') || name.split('/').any(|part| part == "..") {
                return Err(yaml::Error::file(
                    name,
                    "a pack is named by a path below the policy's folder",
                ));
            }
            let source = read(name)?;
            let pack = RawPack::of(&source)?;
            sources.push(source);
            groups.push(pack.rules);
            common.writes.extend(pack.writes);
            common.code.extend(pack.code);
            common.readable.extend(&pack.readable);
            common.readable_as_root.extend(&pack.readable_as_root);
            common.remote.extend(&pack.remote);
            common.secret.extend(&pack.secret);
            common.open.extend(&pack.open);
            for (set, items) in sets(&pack.sets) {
                // Rules of other files would mean another list by its name.
                if common.sets.insert(set.clone(), items).is_some() {
                    let why = format!("another file has a set `{set}`: give this one another name");
                    return Err(yaml::Error::file(name, why));
                }
            }
        }
        for entry in &common.writes {
            entry
                .check()
                .map_err(|why| yaml::Error::file(&sources[0].0, why))?;
        }
        let mut policy = Policy {
            rules: Rules::default(),
            rates: false,
            index: Index::default(),
            unknown_is_rejected: raw.unknown_default == UnknownDefault::Reject,
            levels: levels::levels(&sources[0], &raw.levels)?,
            level_methods: levels::level_methods(
                &sources[0],
                raw.mode,
                &raw.approval,
                &raw.levels,
            )?,
            trust: raw.trust,
            mode: raw.mode,
            approval: raw.approval,
            hash: hash(&sources),
            common: Arc::new(common),
            sources: Vec::new(),
        };
        policy
            .check_trust()
            .map_err(|why| yaml::Error::file(&sources[0].0, format!("trust: {why}")))?;
        let mut ids = HashSet::new();
        for (source, rules) in sources.iter().zip(groups) {
            policy.add_all(source, rules, &mut ids)?;
        }
        if policy.rules.is_empty() {
            return Err(yaml::Error::file(
                &sources[0].0,
                "there is not one rule: a policy that says nothing is a mistake",
            ));
        }
        policy.index = Index::of(policy.rules.iter());
        policy.sources = sources;
        Ok(policy)
    }

    /// The same policy with a pack more, for trying rules out. The pack's own `readable`, `secret`, `open`,
    /// `sets`, `writes` and `code` are not taken.
    ///
    /// # Errors
    /// As [`Policy::load`].
    pub fn with_pack(&self, name: &str, text: &str) -> Result<Policy, PolicyError> {
        let source = (name.to_owned(), text.to_owned());
        let pack = RawPack::of(&source)?;
        let mut policy = self.clone();
        let mut ids = policy.rules.iter().map(|r| r.id.clone()).collect();
        policy.add_all(&source, pack.rules, &mut ids)?;
        policy.index = Index::of(policy.rules.iter());
        policy.sources.push(source);
        policy.hash = hash(&policy.sources);
        Ok(policy)
    }

    fn add_all(
        &mut self,
        source: &Source,
        rules: Vec<Raw>,
        ids: &mut HashSet<String>,
    ) -> Result<(), PolicyError> {
        let mut lines = rule_lines(&source.1);
        for raw in rules {
            let line = lines.next().unwrap_or(1);
            let fail = |why: String| yaml::Error::at(&source.0, &source.1, line, 5, why);
            if !ids.insert(raw.id.clone()) {
                return Err(fail(format!("rule {} is there twice", raw.id)));
            }
            let id = raw.id.clone();
            let rule = compile(raw, &self.common, (source.0.clone(), line));
            let rule = rule.and_then(|rule| check_patterns(&rule).map(|()| rule));
            let rule = rule.map_err(|why| {
                let (line, column) = place(&source.1, line, &why);
                let why = format!("rule {id}: {why}");
                yaml::Error::at(&source.0, &source.1, line, column, why)
            })?;
            self.rates |= rule.when.rate.is_some();
            self.rules.push(rule);
        }
        Ok(())
    }
}

impl RawPack {
    fn of(source: &Source) -> Result<RawPack, PolicyError> {
        let pack: RawPack = yaml::from_str(&source.0, &source.1)?;
        check_version(pack.version, source)?;
        Ok(pack)
    }
}

fn check_version(version: u32, source: &Source) -> Result<(), PolicyError> {
    if version == 1 {
        return Ok(());
    }
    let why = format!("this program reads version 1, not {version}");
    Err(yaml::Error::at(&source.0, &source.1, 1, 1, why))
}

/// The rules as written, in the order in which they are compiled.
pub(super) fn raw_rules(sources: &[Source]) -> Result<Vec<Raw>, PolicyError> {
    let mut all = Vec::new();
    for (index, (name, text)) in sources.iter().enumerate() {
        if index == 0 {
            all.extend(yaml::from_str::<RawPolicy>(name, text)?.rules);
        } else {
            all.extend(yaml::from_str::<RawPack>(name, text)?.rules);
        }
    }
    Ok(all)
}

fn hash(sources: &[Source]) -> String {
    let mut text = String::new();
    for (_, source) in sources {
        text.push_str(&format!("{}\n{source}", source.len()));
    }
    crate::audit::record::hex(text.as_bytes())
}

/// Where in the rule that begins on `line` the first word stands that an error quotes in backquotes: its line
/// and column, from 1; the rule's beginning where it is not to be found.
fn place(text: &str, line: usize, why: &str) -> (usize, usize) {
    let quoted = why.split('`').nth(1).filter(|word| !word.is_empty());
    let own = text
        .lines()
        .enumerate()
        .skip(line.saturating_sub(1))
        .take_while(|(at, l)| *at < line || !l.trim_start().starts_with("- id:"));
    let found = quoted.and_then(|word| {
        own.into_iter()
            .find_map(|(at, l)| Some((at + 1, l[..l.find(word)?].chars().count() + 1)))
    });
    found.unwrap_or((line, 5))
}

/// The lines on which rules begin, in order.
fn rule_lines(text: &str) -> impl Iterator<Item = usize> {
    let lines: Vec<usize> = text
        .lines()
        .enumerate()
        .filter(|(_, l)| l.trim_start().starts_with("- id:"))
        .map(|(n, _)| n + 1)
        .collect();
    lines.into_iter()
}

fn sets(raw: &BTreeMap<String, Vec<String>>) -> impl Iterator<Item = (String, List)> {
    raw.iter()
        .map(|(name, items)| (name.clone(), items.as_slice().into()))
}
