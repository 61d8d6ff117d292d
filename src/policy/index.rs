//! Finds the rules that could speak of a call without looking at all of them.
//!
//! Rules stand under the name of the command they speak of. Where many speak of one command, each also stands
//! under a word, a target or a requester without which it cannot match. Must never leave out a rule that could
//! match: a rule of which no such thing is known is always looked at.

use super::Context;
use super::rule::{Rule, Verdict};
use super::types::Type;
use crate::command::Word;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

/// As many rules are simply looked at, one after the other.
const FEW: usize = 16;

/// Rules by what a call must hold for them to match, as numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// By the base name of the command they speak of, also where a rule says where it lies.
    by_command: Commands,
    /// Those that speak of any command.
    anywhere: Bucket,
}

/// The rules of each command.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Commands {
    Made(HashMap<String, Bucket>),
    /// In the order of their names, on each line a name, a tab, and its rules: only those that are asked for are read.
    Kept(String),
}

impl Default for Commands {
    fn default() -> Commands {
        Commands::Made(HashMap::new())
    }
}

impl Commands {
    fn get(&self, name: &str) -> Option<Cow<'_, Bucket>> {
        match self {
            Commands::Made(buckets) => buckets.get(name).map(Cow::Borrowed),
            Commands::Kept(lines) => {
                let bucket = find(lines.as_bytes(), name.as_bytes())?;
                Some(Cow::Owned(
                    serde_json::from_slice(bucket).unwrap_or_else(|_| Bucket::damaged()),
                ))
            }
        }
    }
}

/// What stands behind a name in sorted lines; nothing, which is no bucket either, where a line has no tab.
fn find<'a>(mut lines: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    while !lines.is_empty() {
        let (before, behind) = lines.split_at(lines.len() / 2);
        let start = before
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        let end = behind
            .iter()
            .position(|b| *b == b'\n')
            .map_or(lines.len(), |at| before.len() + at + 1);
        let line = &lines[start..end];
        let Some(tab) = line.iter().position(|b| *b == b'\t') else {
            return Some(&[]);
        };
        match line[..tab].cmp(name) {
            Ordering::Equal => return Some(&line[tab + 1..]),
            Ordering::Less => lines = &lines[end..],
            Ordering::Greater => lines = &lines[..start],
        }
    }
    None
}

/// The rules of one command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Bucket {
    /// Looked at for every call.
    always: Vec<usize>,
    /// Looked at where one of the call's words is this one.
    #[serde(default, skip_serializing_if = "HashMap::is_empty")]
    words: HashMap<String, Vec<usize>>,
    /// Looked at on this target.
    #[serde(default, skip_serializing_if = "HashMap::is_empty")]
    targets: HashMap<String, Vec<usize>>,
    /// Looked at for this requester.
    #[serde(default, skip_serializing_if = "HashMap::is_empty")]
    requesters: HashMap<String, Vec<usize>>,
}

/// What a call must hold, one of each list at least, for a rule to match.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key<'a> {
    Word(&'a str),
    Target(&'a str),
    Requester(&'a str),
}

impl Index {
    /// Puts all rules of a policy where their calls find them.
    pub(super) fn of<'a>(rules: impl Iterator<Item = &'a Rule>) -> Index {
        Index::beyond(FEW, rules)
    }

    /// The same where more than `few` rules of one command are told apart.
    fn beyond<'a>(few: usize, rules: impl Iterator<Item = &'a Rule>) -> Index {
        let rules: Vec<&Rule> = rules.collect();
        let mut by_command: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut anywhere = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            if rule.commands.is_empty() {
                anywhere.push(number);
            }
            for command in &rule.commands {
                let base = command.rsplit('/').next().unwrap_or(command);
                by_command.entry(base).or_default().push(number);
            }
        }
        Index {
            by_command: Commands::Made(
                by_command
                    .into_iter()
                    .map(|(command, own)| (command.to_owned(), Bucket::of(few, &rules, own)))
                    .collect(),
            ),
            anywhere: Bucket::of(few, &rules, anywhere),
        }
    }

    /// The form in which it is kept: a line of what speaks of any command, and those of [`Commands::Kept`]. None where a
    /// name cannot stand in it.
    pub(super) fn kept_form(&self) -> Option<String> {
        let Commands::Made(buckets) = &self.by_command else {
            return None;
        };
        let mut buckets: Vec<(&String, &Bucket)> = buckets.iter().collect();
        buckets.sort_unstable_by_key(|(name, _)| *name);
        let mut text = serde_json::to_string(&self.anywhere).ok()? + "\n";
        for (name, bucket) in buckets {
            if name.contains(['\t', '\n']) {
                return None;
            }
            text.push_str(&format!(
                "{name}\t{}\n",
                serde_json::to_string(bucket).ok()?
            ));
        }
        Some(text)
    }

    /// Reads [`Index::kept_form`].
    pub(super) fn from_kept(text: &str) -> Option<Index> {
        let (anywhere, lines) = text.split_once('\n')?;
        Some(Index {
            anywhere: serde_json::from_str(anywhere).ok()?,
            by_command: Commands::Kept(lines.to_owned()),
        })
    }

    /// Whether any rule names the command.
    pub(super) fn names(&self, command: &str) -> bool {
        self.by_command.get(command).is_some()
    }

    /// The numbers of all rules that could match a command with those words behind it, in order, each once.
    pub(super) fn candidates(&self, command: &str, words: &[Word], cx: &Context) -> Vec<usize> {
        let mut found = Vec::new();
        if let Some(own) = self.by_command.get(command) {
            own.collect(words, cx, &mut found);
        }
        self.anywhere.collect(words, cx, &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Bucket {
    /// Stands for what cannot be read any more: a number that no rule has, which forbids (`cache::Rules::get`).
    fn damaged() -> Bucket {
        Bucket {
            always: vec![usize::MAX],
            ..Bucket::default()
        }
    }

    fn of(few: usize, rules: &[&Rule], mut own: Vec<usize>) -> Bucket {
        // A rule may name its command twice.
        own.dedup();
        if own.len() <= few {
            return Bucket {
                always: own,
                ..Bucket::default()
            };
        }
        let needs: Vec<(usize, Vec<Need>)> = own
            .iter()
            .filter_map(|number| Some((*number, needs(rules.get(*number)?))))
            .collect();
        let mut shared: HashMap<Key, usize> = HashMap::new();
        for key in needs.iter().flat_map(|(_, n)| n.iter().flatten().flatten()) {
            *shared.entry(*key).or_default() += 1;
        }
        // What the fewest others share finds a rule best.
        let crowd = |key: &Key| shared.get(key).copied().unwrap_or(0);
        let mut bucket = Bucket::default();
        for (number, needs) in &needs {
            let best = needs
                .iter()
                .map(|need| {
                    let ways = need.iter();
                    ways.filter_map(|way| way.iter().copied().min_by_key(|key| crowd(key)))
                        .collect::<Vec<Key>>()
                })
                .min_by_key(|keys| keys.iter().map(crowd).max());
            match best {
                None => bucket.always.push(*number),
                Some(keys) => keys.iter().for_each(|key| bucket.put(*key, *number)),
            }
        }
        bucket.always.extend(closest(rules, &own));
        bucket
    }

    fn put(&mut self, key: Key, number: usize) {
        let (map, name) = match key {
            Key::Word(name) => (&mut self.words, name),
            Key::Target(name) => (&mut self.targets, name),
            Key::Requester(name) => (&mut self.requesters, name),
        };
        map.entry(name.to_owned()).or_default().push(number);
    }

    fn collect(&self, words: &[Word], cx: &Context, found: &mut Vec<usize>) {
        found.extend(&self.always);
        if !self.words.is_empty() {
            // A word known only in part is held against rules by the part that is known.
            for word in words {
                let text = word.literal_prefix();
                found.extend(self.words.get(text).into_iter().flatten());
            }
        }
        let target = cx.target.unwrap_or_default();
        found.extend(self.targets.get(target).into_iter().flatten());
        found.extend(self.requesters.get(cx.requester).into_iter().flatten());
    }
}

/// The auto rule that allows most: what a person is told of where nothing matches.
fn closest(rules: &[&Rule], own: &[usize]) -> Option<usize> {
    own.iter()
        .filter_map(|number| Some((*number, *rules.get(*number)?)))
        .filter(|(_, rule)| rule.verdict == Verdict::Auto)
        .max_by_key(|(_, rule)| (rule.options.len(), std::cmp::Reverse(&rule.id)))
        .map(|(number, _)| number)
}

/// Ways of which a call must go one for a rule to match it, each with the keys that it then has, all of them.
type Need<'a> = Vec<Vec<Key<'a>>>;

/// All that is known of what a rule needs; none where nothing is. No way is ever without a key.
fn needs(rule: &Rule) -> Vec<Need<'_>> {
    let mut needs: Vec<Need> = Vec::new();
    // Every word of a subcommand must be there as it is written: in `allow::subcommand` in its place, in
    // `tighten::has_in_order` in any.
    if !rule.subcommands.is_empty() && rule.subcommands.iter().all(|path| !path.is_empty()) {
        let paths = rule.subcommands.iter();
        needs.push(
            paths
                .map(|path| path.iter().map(|name| Key::Word(name)).collect())
                .collect(),
        );
    }
    match rule.verdict {
        Verdict::Auto => {
            if rule.reader.is_none()
                && rule.operands.min > 0
                && let Some(Type::Enum(words)) = rule.operands.list.first().map(|o| &o.kind)
            {
                needs.push(words.iter().map(|word| vec![Key::Word(word)]).collect());
            }
        }
        Verdict::Approval | Verdict::Forbidden => {
            let signs = &rule.signs.words;
            if !signs.is_empty() && !signs.iter().any(|w| w.contains(['*', '?', '['])) {
                needs.push(signs.iter().map(|word| vec![Key::Word(word)]).collect());
            }
        }
    }
    if !rule.when.targets.is_empty() {
        let names = rule.when.targets.iter();
        needs.push(names.map(|t| vec![Key::Target(t)]).collect());
    }
    if !rule.when.requesters.is_empty() {
        let names = rule.when.requesters.iter();
        needs.push(names.map(|r| vec![Key::Requester(r)]).collect());
    }
    needs
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod tests {
    use super::super::{Decision, Policy};
    use super::*;
    use std::path::Path;

    #[test]
    fn a_kept_index_finds_the_same_and_what_is_damaged_forbids() {
        let policy = Policy::load(Path::new("policies/production.yml")).unwrap();
        let text = policy.index.kept_form().unwrap();
        let kept = Index::from_kept(&text).unwrap();
        let Commands::Made(made) = &policy.index.by_command else {
            panic!("it was made");
        };
        assert_eq!(kept.anywhere, policy.index.anywhere);
        for (name, bucket) in made {
            assert_eq!(kept.by_command.get(name).as_deref(), Some(bucket), "{name}");
            for other in [
                format!("{name}é"),
                format!("{name}\t"),
                name[1..].to_owned(),
            ] {
                assert_eq!(kept.names(&other), made.contains_key(&other), "{other:?}");
            }
        }
        assert!(!kept.names("") && !Index::from_kept("{\"always\":[]}\n").unwrap().names("ls"));
        for broken in ["ls\t{\n", "ls\t\n", "ls\n", "no tab at all"] {
            let index = Index::from_kept(&format!("{{\"always\":[]}}\n{broken}")).unwrap();
            assert_eq!(
                index.by_command.get("ls").as_deref(),
                Some(&Bucket::damaged()),
                "{broken:?}"
            );
        }
    }

    /// Each corpus and every rule's own examples.
    fn lines(policy: &Policy) -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
        let mut lines = policy.examples();
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            lines.extend(text.lines().map(|line| line.replace('⏎', "\n")));
        }
        lines
    }

    fn decide(policy: &Policy, line: &str, target: &str, requester: &str) -> Decision {
        let read = crate::command::read(line);
        let cx = Context {
            target: Some(target),
            tags: &[],
            requester,
            now: chrono::DateTime::UNIX_EPOCH,
            recent: &[],
        };
        policy.decide(read.as_ref(), &cx)
    }

    /// The same policy, looking at every rule of a command, and telling all of them apart.
    fn both(policy: &Policy) -> (Policy, Policy) {
        let (mut slow, mut fast) = (policy.clone(), policy.clone());
        slow.index = Index::beyond(usize::MAX, policy.rules.iter());
        fast.index = Index::beyond(0, policy.rules.iter());
        (slow, fast)
    }

    /// Everything but the words that tell a person which rule came nearest.
    fn same(one: &Decision, other: &Decision) -> bool {
        let calls = |d: &Decision| -> Vec<_> {
            let all = d.calls.iter();
            all.map(|c| (c.risk, c.risk_level, c.rules.clone()))
                .collect()
        };
        (
            one.risk,
            one.risk_level,
            &one.rules,
            &one.quorum,
            calls(one),
        ) == (
            other.risk,
            other.risk_level,
            &other.rules,
            &other.quorum,
            calls(other),
        )
    }

    #[test]
    fn no_rule_that_could_match_is_left_out() {
        let shipped = Policy::from_sources("production.yml", &|path| {
            crate::shipped::text(path).map(str::to_owned)
        })
        .unwrap();
        let (slow, fast) = both(&shipped);
        assert!(slow.index != fast.index);
        let lines = lines(&shipped);
        assert!(lines.len() > 4000, "{}", lines.len());
        for line in &lines {
            let (one, other) = (
                decide(&slow, line, "web1", "a"),
                decide(&fast, line, "web1", "a"),
            );
            assert!(same(&one, &other), "{line}: {one:?}\n{other:?}");
        }
    }

    /// Rules of one command that differ in everything an index knows, against lines made of the same words.
    #[test]
    fn rules_of_one_command_are_told_apart_by_what_they_need() {
        let words = ["get", "pods", "drain", "node", "x*", "--all", "a b"];
        let mut text =
            String::from("version: 1\nmode: production\nunknown_default: reject\nrules:\n");
        let mut add = |rule: String| {
            let number = text.lines().count();
            text.push_str(&format!(
                "  - {{id: r.{number}, about: R, command: [k, k], {rule}}}\n"
            ));
        };
        for (at, word) in words.iter().enumerate() {
            let next = words[(at + 1) % words.len()];
            add(format!(
                "decision: forbidden, has_word: ['{word}'], when: {{targets: [t{at}]}}"
            ));
            add(format!(
                "decision: approval, has_word: ['{word}', '{next}'], when: {{requesters: [q{at}]}}"
            ));
            add(format!(
                "decision: approval, subcommands: ['{word} {next}', '{next}'], unless_auto: true"
            ));
            add(format!(
                "decision: forbidden, subcommands: ['{next} {word}'], has_option: [--all]"
            ));
            add(format!(
                "decision: auto, subcommands: ['{word}'], operands: {{type: 'enum({next}|{word})', min: 1}}"
            ));
            add(format!(
                "decision: auto, operands: [{{type: 'enum({word})'}}, {{type: word, optional: true}}], when: {{targets: [t{at}, u]}}"
            ));
        }
        let policy = Policy::parse("many", &text).unwrap();
        let (slow, fast) = both(&policy);
        let shapes = [
            "'get'", "pods", "drain", "node", "xyz", "--all", "'a b'", "$x", "no$x", "x*", "-a",
            "g*t",
        ];
        let mut risks = std::collections::HashSet::new();
        for (at, first) in shapes.iter().enumerate() {
            for second in shapes {
                for third in ["", "pods", "$(x)"] {
                    let line = format!("k {first} {second} {third}");
                    for (target, requester) in
                        [("t0", "q1"), ("t3", "q0"), ("u", "q4"), ("web", "z")]
                    {
                        let target = if at % 2 == 0 { target } else { "t5" };
                        let one = decide(&slow, &line, target, requester);
                        let other = decide(&fast, &line, target, requester);
                        assert!(same(&one, &other), "{line}: {one:?}\n{other:?}");
                        risks.insert(one.risk);
                    }
                }
            }
        }
        assert_eq!(risks.len(), 3, "each decision is among them");
    }
}
