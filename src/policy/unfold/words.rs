//! The words of a line that is written out: values put in, braces expanded, what stays put in quotes.
//!
//! Must never leave an expansion outside of quotes: it would be split, and its parts taken for patterns.

use super::{Unfold, is_quiet, little, said, sums};
use crate::command::full::ast::List;
use crate::command::full::{self, ast};
use crate::command::name::is_variable;
use crate::command::word::{bare, push};
use crate::command::{Segment, Word};

/// Most numbers of `{1..9}` and `seq`.
const MOST_NUMBERS: i64 = 64;
/// Most words that the braces of one word give.
const MOST_BRACED: usize = 64;

/// Builtins that change what comes behind them: where they stand, a line is not written out.
pub(super) const STEERS: [&str; 27] = [
    "break",
    "continue",
    "return",
    "exit",
    "exec",
    "eval",
    "set",
    "shift",
    "unset",
    "read",
    "export",
    "readonly",
    "local",
    "declare",
    "typeset",
    "trap",
    ".",
    "source",
    "alias",
    "unalias",
    "getopts",
    "mapfile",
    "readarray",
    "let",
    "enable",
    "shopt",
    "hash",
];

/// What a shell of the gate has without the line setting it, none of it secret: runs begin with an environment of
/// the gate's own.
const KNOWN: [&str; 9] = [
    "?", "PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "HOSTNAME", "LANG",
];

/// What a variable holds.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// This, written out already: what it says is said again wherever the variable stands.
    Set(Vec<Segment>),
    /// What something said before other commands ran: now it could say something else.
    Stale,
    /// A name that a pattern found, or one of a list; what its pattern begins with.
    Found {
        place: String,
        /// No blank or pattern is in it: quotes say nothing.
        one_word: bool,
    },
}

/// What the line has set so far.
#[derive(Clone, Default)]
pub(super) struct Given {
    values: Vec<(String, Value)>,
}

impl Given {
    pub(super) fn set(&mut self, name: String, value: Value) {
        self.values.retain(|(other, _)| *other != name);
        self.values.push((name, value));
    }

    /// Commands ran.
    pub(super) fn goes_stale(&mut self) {
        for (_, value) in &mut self.values {
            if matches!(value, Value::Set(segments) if says(segments) && !is_settled(segments)) {
                *value = Value::Stale;
            }
        }
    }

    /// The same, where a list ran.
    pub(super) fn behind(&self, list: &List) -> Given {
        let mut given = self.clone();
        if !list.items.iter().all(|(_, pipeline, _)| is_quiet(pipeline)) {
            given.goes_stale();
        }
        given
    }

    /// Whether it is in a loop that stays one.
    pub(super) fn finds(&self) -> bool {
        self.values
            .iter()
            .any(|(_, v)| matches!(v, Value::Found { .. }))
    }

    /// The variable of the loop that stays one, as it is written, and where the files are that it goes through.
    pub(super) fn place(&self) -> Option<(String, &str)> {
        self.values.iter().find_map(|(name, value)| match value {
            Value::Found { place, .. } => Some((format!("\"${{{name}}}\""), place.as_str())),
            Value::Set(_) | Value::Stale => None,
        })
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let found = self.values.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value)
    }
}

/// Whether a value is what commands say.
pub(super) fn says(value: &[Segment]) -> bool {
    let said = |s: &Segment| matches!(s, Segment::Expansion(text) if text.contains("$( "));
    value.iter().any(said)
}

/// Whether what commands say in a value is one word whenever it is asked (`nproc`): they change nothing.
pub(super) fn says_surely(value: &[Segment]) -> bool {
    value.iter().all(|segment| match segment {
        Segment::Expansion(text) => said::surely_one_word(bare(text).0),
        _ => true,
    })
}

/// Whether what commands say in a value is said at once.
pub(super) fn is_quick(value: &[Segment]) -> bool {
    value.iter().all(|segment| match segment {
        Segment::Expansion(text) => match substitution(bare(text).0) {
            Some(text) => full::read(text).is_ok_and(|parsed| super::is_quick(&parsed.list)),
            None => !text.contains("$( "),
        },
        _ => true,
    })
}

/// Whether what commands say in a value stays the same while a line runs that changes nothing: numbers of processes, names,
/// the day. What measures or counts does not.
fn is_settled(value: &[Segment]) -> bool {
    value.iter().all(|segment| match segment {
        Segment::Expansion(text) => substitution(bare(text).0).is_some_and(said::is_settled),
        _ => true,
    })
}

/// Whether a variable is one that no shell knows: they begin with a small letter.
pub(super) fn is_plain_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && !matches!(name, "histchars" | "auto_resume")
}

/// Whether a line may set a variable without changing how its commands run.
pub(super) fn may_be_set(name: &str) -> bool {
    let shells = [
        "IFS",
        "ENV",
        "OLDPWD",
        "CDPATH",
        "TERM",
        "TZ",
        "TMPDIR",
        "PAGER",
        "EDITOR",
        "OPTIND",
        "OPTARG",
        "UID",
        "EUID",
        "PPID",
        "RANDOM",
        "SECONDS",
        "LINENO",
        "COLUMNS",
        "LINES",
        "REPLY",
        "DISPLAY",
        "LANGUAGE",
        "KUBECONFIG",
        "MAIL",
        "FUNCNAME",
        "GROUPS",
        "PIPESTATUS",
        "POSIXLY_CORRECT",
        "HISTFILE",
        "GLOBIGNORE",
        "EXECIGNORE",
        "SHELLOPTS",
        "EPOCHSECONDS",
        "EPOCHREALTIME",
        "SRANDOM",
        "HISTCMD",
        "DIRSTACK",
        "_",
    ];
    let prefixes = [
        "LC_", "LD_", "BASH", "GIT_", "PS", "PG", "SYSTEMD_", "DOCKER_", "AIOPS",
    ];
    is_variable(name)
        && !KNOWN.contains(&name)
        && !shells.contains(&name)
        && !prefixes.iter().any(|prefix| name.starts_with(prefix))
        // Programs may have these from the system.
        && !name.to_ascii_lowercase().ends_with("_proxy")
}

/// The name in `${name}`, and nothing more.
pub(super) fn parameter(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    (name == "?" || is_variable(name)).then_some(name)
}

/// The name in `${name##*/}`, `${name%.log}` and `${name:-0}`, with plain text behind the operator.
fn trimmed(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("${")?.strip_suffix('}')?;
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let (name, rest) = inner.split_at(end);
    let operators = ["##", "#", "%%", "%", ":-"];
    let text = operators.iter().find_map(|o| rest.strip_prefix(o))?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"*?/._-: ".contains(&b);
    (is_variable(name) && text.bytes().all(plain)).then_some(name)
}

/// The list in `$( … )`.
pub(super) fn substitution(text: &str) -> Option<&str> {
    text.strip_prefix("$( ")?.strip_suffix(" )")
}

impl Unfold {
    /// What a word is written out to: several words where braces give them.
    pub(super) fn word(&mut self, word: &Word, given: &Given, depth: usize) -> Option<Vec<Word>> {
        let mut all: Vec<Vec<Segment>> = vec![Vec::new()];
        let mut braced = false;
        for segment in &word.segments {
            let parts: Vec<Vec<Segment>> = match segment {
                // Of kubectl's lists: a file of that name there is none.
                Segment::Glob(text)
                    if text == "[*]" && !self.exact && !word.spelt().contains('/') =>
                {
                    self.any = true;
                    vec![vec![Segment::Literal(text.clone())]]
                }
                Segment::Expansion(text) => match braces(text) {
                    Some(parts) => {
                        braced = true;
                        self.any = true;
                        parts
                            .into_iter()
                            .map(|p| vec![Segment::Literal(p)])
                            .collect()
                    }
                    None => vec![self.expansion(text, given, depth)?],
                },
                other => vec![vec![other.clone()]],
            };
            let mut next = Vec::new();
            for before in &all {
                for part in &parts {
                    let mut segments = before.clone();
                    for segment in part {
                        push(&mut segments, segment.clone());
                    }
                    next.push(segments);
                }
            }
            if next.len() > MOST_BRACED {
                return None;
            }
            for segments in &next {
                self.spend(segments)?;
            }
            all = next;
        }
        // Nothing at all is no word to bash, where braces gave it.
        if braced && all.iter().any(Vec::is_empty) {
            return None;
        }
        let span = word.span;
        let written = |segments| Word { segments, span };
        Some(all.into_iter().map(written).collect())
    }

    /// What an assignment sets, where that is text and what is said.
    pub(super) fn value(
        &mut self,
        word: &Word,
        given: &Given,
        depth: usize,
    ) -> Option<Vec<Segment>> {
        let mut segments = Vec::new();
        for segment in &word.segments {
            match segment {
                Segment::Literal(_) => push(&mut segments, segment.clone()),
                Segment::Glob(_) => return None,
                Segment::Expansion(text) => {
                    // Values are never split where they are set, so quotes say nothing here.
                    let (inner, _) = bare(text);
                    // Where it is used, these are others.
                    if matches!(parameter(inner), Some("?" | "PWD")) {
                        return None;
                    }
                    for part in self.expansion(&format!("\"{inner}\""), given, depth)? {
                        push(&mut segments, part);
                    }
                }
            }
        }
        self.spend(&segments)?;
        Some(segments)
    }

    /// One expansion: its text where the line tells it, otherwise itself in quotes.
    fn expansion(&mut self, text: &str, given: &Given, depth: usize) -> Option<Vec<Segment>> {
        if text == "''" {
            return Some(vec![Segment::Literal(String::new())]);
        }
        self.any = true;
        let (inner, quoted) = bare(text);
        if let Some(name) = parameter(inner) {
            return match given.get(name) {
                // Outside of quotes a shell would split it, and look for files.
                Some(Value::Set(value)) if !quoted && !is_one_word(value) => None,
                Some(Value::Set(value)) if !quoted && self.exact && !says_surely(value) => None,
                Some(Value::Set(value)) => {
                    self.unused.retain(|unused| unused != name);
                    Some(value.clone())
                }
                Some(Value::Stale) => None,
                Some(Value::Found { one_word: true, .. }) => Some(vec![kept(inner)]),
                Some(Value::Found { .. }) => self.kept(text, inner),
                None => {
                    let known = KNOWN.contains(&name);
                    self.kept(text, inner).filter(|_| known)
                }
            };
        }
        if let Some(inner) = sums::sum(inner) {
            return self.arithmetic(inner, given, depth);
        }
        if let Some(name) = trimmed(inner) {
            return match given.get(name)? {
                Value::Stale => None,
                Value::Found { .. } => self.kept(text, inner),
                // Where nothing is said, there would be no default: it must come to the same without.
                Value::Set(value) => {
                    let said = matches!(value.as_slice(), [Segment::Expansion(_)]);
                    let nothing = inner.ends_with(":-0}") && self.no_is_zero;
                    self.unused.retain(|unused| unused != name);
                    (said && nothing).then(|| value.clone())
                }
            };
        }
        let list = full::read(substitution(inner)?).ok()?;
        if !list.functions.is_empty() {
            return None;
        }
        let mut list = self.list(&list.list, given, depth + 1)?;
        if !self.exact {
            said::names_only(&mut list);
        }
        let small = little::is_small(&list, given.place());
        let inner = format!("$( {} )", ast::list(&list));
        // Of what always says one word, quotes say nothing.
        let kept = match said::surely_one_word(&inner) {
            true => Some(vec![kept(&inner)]),
            false => self.kept(text, &inner),
        };
        kept.filter(|_| small)
    }

    /// An expansion that stays, in quotes. Where all must be as it was, only where it stood in quotes.
    fn kept(&self, as_written: &str, inner: &str) -> Option<Vec<Segment>> {
        (!self.exact || bare(as_written).1).then(|| vec![kept(inner)])
    }
}

pub(super) fn kept(text: &str) -> Segment {
    Segment::Expansion(format!("\"{text}\""))
}

/// Whether a value stays what it is outside of quotes. What is said there is put in quotes, as everywhere.
fn is_one_word(value: &[Segment]) -> bool {
    value.iter().all(|segment| match segment {
        Segment::Literal(text) => !text.contains([' ', '\t', '\n', '*', '?', '[', '\\']),
        _ => true,
    }) && value != [Segment::Literal(String::new())]
        && !value.is_empty()
}

/// What `{a,b}` and `{1..3}` give (bash(1), Brace Expansion).
fn braces(text: &str) -> Option<Vec<String>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    if inner.contains(',') {
        return Some(inner.split(',').map(str::to_owned).collect());
    }
    let (first, last) = inner.split_once("..")?;
    let number = |text: &str| {
        let plain = text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit());
        let padded = text.len() > 1 && text.starts_with('0');
        text.parse::<i64>().ok().filter(|_| plain && !padded)
    };
    numbers(number(first)?, number(last)?)
}

fn numbers(first: i64, last: i64) -> Option<Vec<String>> {
    ((first..=last).contains(&first) && last - first < MOST_NUMBERS)
        .then(|| (first..=last).map(|n| n.to_string()).collect())
}

/// The words that `$(seq 1 5)` gives, which are known without running it.
pub(super) fn counted(word: &Word) -> Option<Vec<Word>> {
    let [Segment::Expansion(text)] = word.segments.as_slice() else {
        return None;
    };
    let mut words = substitution(text)?.strip_prefix("seq ")?.split(' ');
    let bound = |text: &str| {
        let plain = !text.is_empty() && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<i64>().ok().filter(|_| plain)
    };
    let first = bound(words.next()?)?;
    let (first, last) = match words.next() {
        Some(last) => (first, bound(last)?),
        None => (1, first),
    };
    if words.next().is_some() {
        return None;
    }
    let span = word.span;
    let one = |text| Word {
        segments: vec![Segment::Literal(text)],
        span,
    };
    Some(numbers(first, last)?.into_iter().map(one).collect())
}

/// Whether a word that was read again holds nothing but text, patterns, and what is kept in quotes.
pub(super) fn is_plain(word: &Word, loops: &[String]) -> bool {
    word.segments.iter().all(|segment| match segment {
        Segment::Literal(_) | Segment::Glob(_) => true,
        Segment::Expansion(text) => {
            let (inner, quoted) = bare(text);
            let known = parameter(inner)
                .is_some_and(|name| KNOWN.contains(&name) || loops.iter().any(|l| l == name));
            let part = trimmed(inner).is_some_and(|name| loops.iter().any(|l| l == name));
            let sum = inner.starts_with("$((");
            let said = !sum && substitution(inner).is_some();
            quoted && (known || part || said || sum && sums::is_plain(inner))
        }
    })
}
