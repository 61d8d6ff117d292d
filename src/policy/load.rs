//! Reads a policy and what it includes, and compiles it.
//!
//! A policy with one bad rule is no policy: nothing is skipped. Must never take a file that others can write.

use super::builtin::SHELL_BUILTINS;
use super::cache::Rules;
use super::language::{Kind, Limits};
use super::options::OptionSpec;
use super::rule::{
    Clock, Groups, Hours, Operand, Operands, Rate, Raw, RawOperand, RawOperands, RawRate, RawWhen,
    Rule, Signs, Verdict, When,
};
use super::types::{Bounds, Type};
use super::{Quorum, RiskLevel};
use crate::yaml;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// What is wrong with a policy, and where.
pub type PolicyError = yaml::Error;

/// How strict a policy means to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// For trying out.
    Lab,
    /// For servers that matter.
    Production,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum UnknownDefault {
    ApprovalRequired,
    Reject,
}

/// How an approver may be known, strongest in the chat first (docs/approvals.md).
pub const METHODS: [&str; 5] = ["code", "ssh", "totp", "unix", "relay"];

/// Who may approve.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalPolicy {
    /// Methods that count, of [`METHODS`].
    pub methods: Vec<String>,
    /// Whether somebody other than the requester must approve.
    pub separation: bool,
    /// Whether the rules' probes and dry runs are taken.
    pub probes: bool,
}

impl Default for ApprovalPolicy {
    fn default() -> ApprovalPolicy {
        ApprovalPolicy {
            methods: vec!["unix".into()],
            separation: true,
            probes: true,
        }
    }
}

/// Fewer approvals after so many in a row without a denial.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrustStep {
    after: u32,
    approvals: u32,
    #[serde(default)]
    roles: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum RawLevel {
    Word(String),
    Need {
        approvals: u32,
        #[serde(default)]
        roles: Vec<String>,
        #[serde(default)]
        methods: Option<Vec<String>>,
    },
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
    secret: Vec<String>,
    #[serde(default)]
    open: Vec<String>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    sets: BTreeMap<String, Vec<String>>,
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
    secret: Vec<String>,
    #[serde(default)]
    open: Vec<String>,
    #[serde(default)]
    sets: BTreeMap<String, Vec<String>>,
    rules: Vec<Raw>,
}

/// A policy, compiled.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(super) rules: Rules,
    /// Rules by the base name of the command they speak of.
    pub(super) by_command: HashMap<String, Vec<usize>>,
    /// Rules that speak of any command.
    pub(super) anywhere: Vec<usize>,
    pub(super) unknown_is_rejected: bool,
    pub(super) levels: BTreeMap<RiskLevel, Option<Quorum>>,
    pub(super) mode: Mode,
    pub(super) approval: ApprovalPolicy,
    /// Levels that take other methods than the rest.
    pub(super) level_methods: BTreeMap<RiskLevel, Vec<String>>,
    pub(super) trust: BTreeMap<RiskLevel, Vec<TrustStep>>,
    pub(super) hash: String,
    /// Whether any rule has a rate limit.
    pub(super) rates: bool,
    pub(super) common: Arc<Common>,
    /// Every file it was read from; none for a policy that was kept.
    pub(super) sources: Vec<Source>,
}

/// A file's name and text.
type Source = (String, String);

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
        let mut packs = Vec::new();
        for name in &raw.include {
            if name.starts_with('/') || name.split('/').any(|part| part == "..") {
                return Err(yaml::Error::file(
                    name,
                    "a pack is named by a path below the policy's folder",
                ));
            }
            let source = read(name)?;
            let pack: RawPack = yaml::from_str(&source.0, &source.1)?;
            check_version(pack.version, &source)?;
            sources.push(source);
            packs.push(pack);
        }
        let mut common = Common {
            readable: raw.readable,
            secret: raw.secret,
            open: raw.open,
            hosts: raw.hosts,
            sets: raw.sets,
        };
        for pack in &packs {
            common.readable.extend(pack.readable.iter().cloned());
            common.secret.extend(pack.secret.iter().cloned());
            common.open.extend(pack.open.iter().cloned());
            common
                .sets
                .extend(pack.sets.iter().map(|(k, v)| (k.clone(), v.clone())));
        }
        let mut policy = Policy {
            rules: Rules::default(),
            rates: false,
            by_command: HashMap::new(),
            anywhere: Vec::new(),
            unknown_is_rejected: raw.unknown_default == UnknownDefault::Reject,
            levels: levels(&sources[0], &raw.levels)?,
            level_methods: level_methods(&sources[0], raw.mode, &raw.approval, &raw.levels)?,
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
        let groups = std::iter::once(raw.rules).chain(packs.into_iter().map(|p| p.rules));
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
        policy.sources = sources;
        Ok(policy)
    }

    /// The same policy with a pack more, for trying rules out. The pack's own `readable`, `secret`, `open`
    /// and `sets` are not taken.
    ///
    /// # Errors
    /// As [`Policy::load`].
    pub fn with_pack(&self, name: &str, text: &str) -> Result<Policy, PolicyError> {
        let pack: RawPack = yaml::from_str(name, text)?;
        let source = (name.to_owned(), text.to_owned());
        let mut policy = self.clone();
        let mut ids = policy.rules.iter().map(|r| r.id.clone()).collect();
        policy.add_all(&source, pack.rules, &mut ids)?;
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
            let rule = compile(raw, &self.common, (source.0.clone(), line))
                .map_err(|why| fail(format!("rule {id}: {why}")))?;
            self.add(rule);
        }
        Ok(())
    }

    /// Every example of its rules, `match` and `no_match`.
    pub fn examples(&self) -> Vec<String> {
        self.rules
            .iter()
            .flat_map(|r| r.matches.iter().chain(&r.no_match))
            .filter(|line| !line.contains('\n'))
            .cloned()
            .collect()
    }

    /// Whether any rule has a rate limit.
    pub fn has_rates(&self) -> bool {
        self.rates
    }

    /// How many runs a rule allows on one target, and in what time.
    pub fn rate(&self, id: &str) -> Option<(usize, chrono::TimeDelta)> {
        let rate = self.rules.iter().find(|r| r.id == id)?.when.rate?;
        Some((rate.max, rate.per))
    }

    /// Whether a rule asks or forbids whatever auto rules say.
    pub(super) fn asks_always(&self, id: &str) -> bool {
        self.rules
            .iter()
            .any(|r| r.id == id && r.verdict != Verdict::Auto && !r.unless_auto)
    }

    /// The text of a file it was read from.
    pub(super) fn source(&self, name: &str) -> &str {
        self.sources
            .iter()
            .find(|(file, _)| file == name)
            .map_or("", |(_, text)| text)
    }

    fn add(&mut self, rule: Rule) {
        let index = self.rules.len();
        if rule.commands.is_empty() {
            self.anywhere.push(index);
        }
        for command in &rule.commands {
            self.by_command
                .entry(command.clone())
                .or_default()
                .push(index);
        }
        self.rates |= rule.when.rate.is_some();
        self.rules.push(rule);
    }

    /// SHA-256 over all its sources, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The examples of the auto rules that also speak of the command as root, as their authors wrote them.
    pub fn examples_as_root(&self) -> Vec<String> {
        self.rules
            .iter()
            .filter(|rule| {
                rule.verdict == Verdict::Auto && rule.sudo == super::rule::SudoUse::Allowed
            })
            .flat_map(|rule| rule.matches.iter().cloned())
            .collect()
    }

    /// How strict it means to be.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Who may approve.
    pub fn approval(&self) -> &ApprovalPolicy {
        &self.approval
    }

    /// The methods that count for a question of that level. The gateway's word is never among them from high on.
    pub fn methods(&self, level: RiskLevel) -> Vec<&str> {
        let methods = self
            .level_methods
            .get(&level)
            .unwrap_or(&self.approval.methods);
        methods
            .iter()
            .map(String::as_str)
            .filter(|m| *m != "relay" || level < RiskLevel::High)
            .collect()
    }

    /// The approvals that a level needs; none where it is forbidden.
    pub fn quorum(&self, level: RiskLevel) -> Option<&Quorum> {
        self.levels.get(&level).and_then(Option::as_ref)
    }

    /// Whether approvals of that level are counted.
    pub fn learns(&self, level: RiskLevel) -> bool {
        self.trust
            .get(&level)
            .is_some_and(|steps| !steps.is_empty())
    }

    /// The approvals that do after so many in a row; none where nothing is lowered.
    pub fn trusted(&self, level: RiskLevel, approved: u32) -> Option<Quorum> {
        let steps = self.trust.get(&level)?;
        let step = steps
            .iter()
            .filter(|s| s.after <= approved)
            .max_by_key(|s| s.after)?;
        Some(Quorum {
            need: step.approvals,
            roles: step.roles.clone(),
        })
    }

    fn check_trust(&self) -> Result<(), String> {
        for (level, steps) in &self.trust {
            let name = crate::outcome::level_name(*level);
            let Some(Some(quorum)) = self
                .levels
                .get(level)
                .filter(|_| *level != RiskLevel::Critical)
            else {
                return Err(format!(
                    "{name} never needs less, however often it was approved"
                ));
            };
            for step in steps {
                if step.after == 0 || step.approvals == 0 || step.approvals >= quorum.need {
                    return Err(format!(
                        "{name}: after {} approvals it would need {}: write at least 1, and fewer than the {} of the level",
                        step.after, step.approvals, quorum.need
                    ));
                }
                if step.roles.len() as u32 > step.approvals {
                    return Err(format!("{name}: more roles than approvals"));
                }
                if step.roles.is_empty() && !quorum.roles.is_empty() {
                    return Err(format!(
                        "{name}: the level names roles: say with `roles` which of them still must approve"
                    ));
                }
            }
        }
        Ok(())
    }

    /// How many rules it has.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Never: a policy without rules is refused.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
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

/// What all rules share.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Common {
    readable: Vec<String>,
    secret: Vec<String>,
    open: Vec<String>,
    hosts: Vec<String>,
    sets: BTreeMap<String, Vec<String>>,
}

impl Common {
    /// `$name` stands for the set of that name.
    fn expand(&self, list: &[String]) -> Result<Vec<String>, String> {
        let mut out = Vec::new();
        for item in list {
            match item.strip_prefix('$') {
                Some("readable") => out.extend(self.readable.iter().cloned()),
                Some("secret") => out.extend(self.secret.iter().cloned()),
                Some("hosts") => out.extend(self.hosts.iter().cloned()),
                Some(name) => out.extend(
                    self.sets
                        .get(name)
                        .ok_or_else(|| format!("there is no set `{name}`"))?
                        .iter()
                        .cloned(),
                ),
                None => out.push(item.clone()),
            }
        }
        Ok(out)
    }

    /// A reader with its limits, in which sets are written out and secrets are never readable.
    fn reader(
        &self,
        name: Option<&str>,
        raw: Option<Limits>,
    ) -> Result<Option<(Kind, Limits)>, String> {
        let Some(name) = name else {
            return match raw {
                None => Ok(None),
                Some(_) => Err("reader_options belong to a `reader`".into()),
            };
        };
        let kind = Kind::from_name(name)
            .filter(|k| k.is_whole_argv())
            .ok_or_else(|| {
                format!("`{name}` does not read whole commands: see docs/languages.md")
            })?;
        let mut limits = raw.unwrap_or_default();
        for list in [
            &mut limits.under,
            &mut limits.not,
            &mut limits.hosts,
            &mut limits.resolvers,
            &mut limits.domains,
        ] {
            *list = self.expand(list)?;
        }
        // Readers know `*` only, and patterns of whole paths.
        for pattern in &mut limits.not {
            *pattern = pattern.replace('?', "*");
            if !pattern.starts_with(['/', '*']) {
                *pattern = format!("*/{pattern}");
            }
        }
        Ok(Some((kind, limits)))
    }

    fn bounds(&self, raw: Option<&RawOperand>) -> Result<Bounds, String> {
        let (under, not, hosts, glob) = raw.map_or((&[][..], &[][..], &[][..], false), |o| {
            (&o.under[..], &o.not[..], &o.hosts[..], o.glob)
        });
        self.bounds_of(under, not, hosts, glob)
    }

    fn bounds_of(
        &self,
        under: &[String],
        not: &[String],
        hosts: &[String],
        glob: bool,
    ) -> Result<Bounds, String> {
        let under = if under.is_empty() {
            self.readable.clone()
        } else {
            self.expand(under)?
        };
        let mut secret = self.secret.clone();
        secret.extend(self.expand(not)?);
        let hosts = if hosts.is_empty() {
            self.hosts.clone()
        } else {
            self.expand(hosts)?
        };
        Ok(Bounds {
            under,
            secret,
            open: self.open.clone(),
            hosts,
            glob,
        })
    }
}

fn levels(
    source: &Source,
    raw: &BTreeMap<RiskLevel, RawLevel>,
) -> Result<BTreeMap<RiskLevel, Option<Quorum>>, PolicyError> {
    let quorum = |need| {
        Some(Quorum {
            need,
            roles: Vec::new(),
        })
    };
    let mut levels = BTreeMap::from([
        (RiskLevel::Low, quorum(1)),
        (RiskLevel::Medium, quorum(1)),
        (RiskLevel::High, quorum(2)),
        (RiskLevel::Critical, None),
    ]);
    for (level, raw) in raw {
        let quorum = match raw {
            RawLevel::Word(word) if word == "forbidden" => None,
            RawLevel::Need {
                approvals, roles, ..
            } if *approvals >= 1 && (roles.len() as u32) <= *approvals => Some(Quorum {
                need: *approvals,
                roles: roles.clone(),
            }),
            _ => {
                return Err(yaml::Error::file(
                    &source.0,
                    "levels: write `forbidden`, or { approvals: 1, roles: [...] } with at least one approval and one for each role",
                ));
            }
        };
        levels.insert(*level, quorum);
    }
    Ok(levels)
}

/// Checks the names of methods, and where the gateway's word would count.
fn level_methods(
    source: &Source,
    mode: Mode,
    approval: &ApprovalPolicy,
    raw: &BTreeMap<RiskLevel, RawLevel>,
) -> Result<BTreeMap<RiskLevel, Vec<String>>, PolicyError> {
    let fail = |why: String| Err(yaml::Error::file(&source.0, why));
    let own: BTreeMap<RiskLevel, Vec<String>> = raw
        .iter()
        .filter_map(|(level, raw)| match raw {
            RawLevel::Need {
                methods: Some(methods),
                ..
            } => Some((*level, methods.clone())),
            _ => None,
        })
        .collect();
    for methods in std::iter::once(&approval.methods).chain(own.values()) {
        if methods.is_empty() {
            return fail("methods: name at least one, or nothing could ever be approved".into());
        }
        if let Some(unknown) = methods.iter().find(|m| !METHODS.contains(&m.as_str())) {
            return fail(format!(
                "methods: `{unknown}` is not one of {}",
                METHODS.join(", ")
            ));
        }
        if mode == Mode::Production && methods.iter().any(|m| m == "relay") {
            return fail("methods: `relay` takes the chat gateway's word for a human's: a policy of mode production must not".into());
        }
    }
    for level in [RiskLevel::High, RiskLevel::Critical] {
        if own
            .get(&level)
            .is_some_and(|methods| methods.iter().any(|m| m == "relay"))
        {
            return fail(
                "levels: the gateway's word (`relay`) is never enough for high or critical".into(),
            );
        }
    }
    Ok(own)
}

fn hash(sources: &[Source]) -> String {
    let mut text = String::new();
    for (_, source) in sources {
        text.push_str(&format!("{}\n{source}", source.len()));
    }
    crate::audit::record::hex(text.as_bytes())
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

pub(super) fn compile(raw: Raw, common: &Common, place: (String, usize)) -> Result<Rule, String> {
    let commands = raw
        .command
        .clone()
        .map(super::rule::Many::into_vec)
        .unwrap_or_default();
    if commands.iter().any(|c| c.is_empty() || c.contains('/')) {
        return Err("`command` is a program's name without folders".into());
    }
    check_kind(&raw, &commands)?;
    for template in raw.probe.iter().chain(&raw.dry_run) {
        if raw.decision != Verdict::Approval {
            return Err(
                "probe and dry_run are for approval rules: nobody is asked about the others".into(),
            );
        }
        super::state::check_template(template)?;
    }
    let reader = common.reader(raw.reader.as_deref(), raw.reader_options.clone())?;
    let specs = |list: &[String]| {
        list.iter()
            .map(|o| OptionSpec::parse(o))
            .collect::<Result<Vec<_>, _>>()
    };
    let level = raw.risk.unwrap_or(match raw.decision {
        Verdict::Auto => RiskLevel::Low,
        Verdict::Approval => RiskLevel::Medium,
        Verdict::Forbidden => RiskLevel::Critical,
    });
    Ok(Rule {
        level,
        commands,
        subcommands: raw
            .subcommands
            .iter()
            .map(|s| s.split_whitespace().map(str::to_owned).collect())
            .collect(),
        global_options: specs(&raw.global_options)?,
        options: specs(&raw.options)?,
        operands: operands(raw.operands.as_ref(), common)?,
        bounds: common.bounds_of(&raw.under, &raw.not, &raw.hosts, false)?,
        reader,
        when: when(raw.when.unwrap_or_default())?,
        signs: Signs {
            options: match raw.has_option {
                None => Vec::new(),
                Some(Groups::One(list)) => vec![list],
                Some(Groups::All(lists)) => lists,
            },
            as_root: raw.as_root,
            without: raw.lacks_option,
            operand: match raw.has_operand {
                None => None,
                Some(mut places) => {
                    places.at = common.expand(&places.at)?;
                    places.under = common.expand(&places.under)?;
                    Some(places)
                }
            },
            words: raw
                .has_word
                .map(super::rule::Many::into_vec)
                .unwrap_or_default(),
            redirects: match raw.redirects_to {
                None => None,
                Some(mut places) => {
                    places.under = common.expand(&places.under)?;
                    Some(places)
                }
            },
            pipes_into: common.expand(&raw.pipes_into)?,
            substituted_into: common.expand(&raw.substituted_into)?,
            line: pattern("line_regex", raw.line_regex)?,
            word: pattern("word_regex", raw.word_regex)?,
        },
        probe: raw.probe,
        dry_run: raw.dry_run,
        id: raw.id,
        about: raw.about,
        verdict: raw.decision,
        reversibility: raw.reversibility,
        style: raw.style,
        stdin: raw.stdin,
        sudo: raw.sudo,
        env: raw.env,
        wraps: raw.wraps,
        hint: raw.hint,
        unless_auto: raw.unless_auto,
        matches: raw.matches,
        no_match: raw.no_match,
        place,
    })
}

/// Auto rules are allow lists, the others look for signs: the fields of one are a mistake in the other.
fn check_kind(raw: &Raw, commands: &[String]) -> Result<(), String> {
    let signs = raw.has_option.is_some()
        || !raw.lacks_option.is_empty()
        || raw.as_root
        || raw.has_operand.is_some()
        || raw.has_word.is_some()
        || raw.redirects_to.is_some()
        || !raw.pipes_into.is_empty()
        || !raw.substituted_into.is_empty()
        || raw.word_regex.is_some()
        || raw.line_regex.is_some();
    if raw.decision == Verdict::Auto {
        if signs {
            return Err("has_option, has_operand, has_word, redirects_to, pipes_into, substituted_into and line_regex may only make a line stricter".into());
        }
        if commands.is_empty() {
            return Err("an auto rule names its command".into());
        }
        let lists = !raw.options.is_empty()
            || !raw.global_options.is_empty()
            || !raw.subcommands.is_empty()
            || raw.operands.is_some()
            || raw.wraps;
        if raw.reader.is_some() && lists {
            return Err("a reader reads all words: options, global_options, subcommands, operands and wraps say nothing beside it".into());
        }
        if let Some(builtin) = commands
            .iter()
            .find(|c| SHELL_BUILTINS.contains(&c.as_str()))
        {
            return Err(format!(
                "`{builtin}` is a builtin of the shell that reads its arguments as code or changes the shell: it is never auto"
            ));
        }
        return Ok(());
    }
    let lists = !raw.options.is_empty()
        || !raw.global_options.is_empty()
        || raw.operands.is_some()
        || !raw.env.is_empty()
        || !raw.under.is_empty()
        || !raw.not.is_empty()
        || !raw.hosts.is_empty()
        || raw.wraps;
    if lists {
        return Err("options, global_options, operands, env and wraps are allow lists: they belong in auto rules; look for signs with has_option, has_operand, has_word".into());
    }
    if raw.when.as_ref().is_some_and(|w| w.rate.is_some()) {
        return Err("a rate limits what runs without a human: it belongs in auto rules".into());
    }
    if raw.unless_auto && raw.decision != Verdict::Approval {
        return Err(
            "unless_auto is for approval rules: what is forbidden gives way to nothing".into(),
        );
    }
    if commands.is_empty() && !signs {
        return Err("it would speak of every command: name a command or a sign".into());
    }
    Ok(())
}

fn operands(raw: Option<&RawOperands>, common: &Common) -> Result<Operands, String> {
    let one = |o: &RawOperand| -> Result<Operand, String> {
        Ok(Operand {
            kind: Type::parse(&o.kind)?,
            bounds: common.bounds(Some(o))?,
            optional: o.optional,
            repeat: o.repeat,
        })
    };
    match raw {
        None => Ok(Operands::default()),
        Some(RawOperands::Word(word)) if word == "none" => Ok(Operands::default()),
        Some(RawOperands::Word(word)) => Err(format!(
            "operands: `{word}`: write none, one type, or a list of types"
        )),
        Some(RawOperands::One(o)) => {
            let mut operand = one(o)?;
            operand.repeat = true;
            Ok(Operands {
                list: vec![operand],
                min: o.min.unwrap_or(0),
                max: o.max.unwrap_or(32),
            })
        }
        Some(RawOperands::List(list)) => {
            let compiled = list.iter().map(one).collect::<Result<Vec<_>, _>>()?;
            let min = compiled.iter().filter(|o| !o.optional).count();
            let max = match list.last() {
                Some(last) if last.repeat => compiled.len() - 1 + last.max.unwrap_or(32),
                _ => compiled.len(),
            };
            Ok(Operands {
                list: compiled,
                min,
                max,
            })
        }
    }
}

fn pattern(key: &str, text: Option<String>) -> Result<Option<regex::Regex>, String> {
    text.map(|t| regex::Regex::new(&t))
        .transpose()
        .map_err(|e| format!("{key}: {e}"))
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

fn when(raw: RawWhen) -> Result<When, String> {
    let hours = match raw.hours {
        None => None,
        Some(h) => {
            let time = |text: &str| {
                chrono::NaiveTime::parse_from_str(text, "%H:%M")
                    .map_err(|_| format!("`{text}` is not a time of day such as 08:00"))
            };
            let clock = match (h.offset.as_deref(), h.tz.as_deref()) {
                (Some(_), Some(_)) => {
                    return Err(
                        "hours: offset and tz are two ways to say the same: write one".into(),
                    );
                }
                (_, Some(name)) => Clock::Zone(super::zone::Zone::load(name)?),
                (Some(text), None) if text != "UTC" => {
                    Clock::Fixed(text.parse().map_err(|_| {
                        "offset: write a difference from UTC such as +01:00".to_owned()
                    })?)
                }
                _ => Clock::Fixed(chrono::Offset::fix(&chrono::Utc)),
            };
            Some(Hours {
                from: time(&h.from)?,
                to: time(&h.to)?,
                days: h
                    .days
                    .iter()
                    .map(|d| {
                        d.parse()
                            .map_err(|_| format!("`{d}` is not a day such as mon"))
                    })
                    .collect::<Result<_, _>>()?,
                clock,
            })
        }
    };
    Ok(When {
        targets: raw.targets,
        tags: raw.tags,
        requesters: raw.requesters,
        hours,
        rate: raw.rate.map(rate).transpose()?,
    })
}
