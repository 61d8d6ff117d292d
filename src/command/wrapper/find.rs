//! `find -exec` and its kin (find(1)): which of find's words are commands, whatever those are that only the shell knows.
//!
//! Must never take a word for a value, or for a path, that could begin an action: find's words are followed through all
//! that each of them could be.

use super::Inner;
use super::each::put_in;
use super::opaque::A_WORD;
use super::options::is_one;
use super::shells::DYNAMIC_COMMAND;
use crate::command::call::Call;
use crate::command::word::{ONE_NAME, SEVERAL_NAMES, Segment, Word};
use crate::command::{TOO_MUCH, spend};

/// Actions that run a command.
pub(in crate::command) const ACTIONS: [&str; 4] = ["-exec", "-execdir", "-ok", "-okdir"];

/// Actions that write a file.
pub(in crate::command) const WRITES: [&str; 4] = ["-fls", "-fprint", "-fprint0", "-fprintf"];

/// Primaries without a value.
const ALONE: [&str; 30] = [
    "-a",
    "-and",
    "-o",
    "-or",
    "-not",
    "-daystart",
    "-delete",
    "-depth",
    "-empty",
    "-executable",
    "-false",
    "-follow",
    "-help",
    "-ignore_readdir_race",
    "-ls",
    "-mount",
    "-nogroup",
    "-noignore_readdir_race",
    "-noleaf",
    "-nouser",
    "-nowarn",
    "-print",
    "-print0",
    "-prune",
    "-quit",
    "-readable",
    "-true",
    "-warn",
    "-writable",
    "-xdev",
];

/// Primaries with one. Of any other option it is not known, but of `-newerXY`.
const VALUED: [&str; 42] = [
    "-amin",
    "-anewer",
    "-atime",
    "-cmin",
    "-cnewer",
    "-context",
    "-ctime",
    "-files0-from",
    "-fls",
    "-fprint",
    "-fprint0",
    "-fstype",
    "-gid",
    "-group",
    "-ilname",
    "-iname",
    "-inum",
    "-ipath",
    "-iregex",
    "-iwholename",
    "-links",
    "-lname",
    "-maxdepth",
    "-mindepth",
    "-mmin",
    "-mtime",
    "-name",
    "-newer",
    "-path",
    "-perm",
    "-printf",
    "-regex",
    "-regextype",
    "-samefile",
    "-size",
    "-type",
    "-uid",
    "-used",
    "-user",
    "-wholename",
    "-xtype",
    "-xattr",
];

/// Most words `+` in actions that may end one or not: what stands behind each is read twice.
const MAX_CUT: usize = 16;

/// What find may be about to read; several of these where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct States(u8);

/// Nothing: it stops with an error, and has run nothing.
const NONE: States = States(0);
/// A path, or the first word of the expression.
const PATH: States = States(1);
/// The value of an option in front of the paths.
const PATH_VALUE: States = States(2);
/// A primary or an operator.
const PRIMARY: States = States(4);
/// The value of a primary.
const VALUE: States = States(8);
/// The first of two values.
const TWO_VALUES: States = States(16);
/// The command of an action which the line names.
const COMMAND: States = States(32);
/// Its arguments.
const ARGUMENTS: States = States(64);
/// The command of an action that is known only when it runs.
const HIDDEN: States = States(128);

impl States {
    fn or(self, other: States) -> States {
        States(self.0 | other.0)
    }

    fn has(self, other: States) -> bool {
        self.0 & other.0 != 0
    }

    /// What each of these leads to: the four that a word decides, and values, which take any.
    fn step(self, decided: [(States, States); 4]) -> States {
        let values = [(PATH_VALUE, PATH), (VALUE, PRIMARY), (TWO_VALUES, VALUE)];
        let reached = decided
            .into_iter()
            .chain(values)
            .filter(|(state, _)| self.has(*state));
        reached.fold(NONE, |all, (_, then)| all.or(then))
    }

    /// Where it stops with an error, what stands behind is read all the same.
    fn or_error(self) -> States {
        if self == NONE { PRIMARY } else { self }
    }
}

/// The commands of `-exec`, `-execdir`, `-ok`, `-okdir`.
pub(super) fn find_actions(call: &Call) -> Inner {
    let words = call.words.get(1..).unwrap_or_default();
    if words.iter().any(|w| w.is_dynamic() && !is_one(w)) {
        return Inner::Refused(DYNAMIC_COMMAND);
    }
    let last_end = words.iter().rposition(|w| w.may_be(";") || w.may_be("+"));
    let mut lists = Vec::new();
    let mut states = PATH;
    let mut stray = false;
    let mut cut = 0;
    for (at, word) in words.iter().enumerate() {
        // Of a pattern there may be several words, an action, its command and its end among them.
        let ended = last_end > Some(at) || last_end == Some(at) && word.is_glob();
        let runs = |states: States| states.has(HIDDEN) && may_be_command(word) && ended;
        if runs(states) {
            return Inner::Refused(DYNAMIC_COMMAND);
        }
        let Some(text) = word.literal() else {
            states = behind_unknown(states, word).or_error();
            if word.is_glob() && runs(states) {
                return Inner::Refused(DYNAMIC_COMMAND);
            }
            continue;
        };
        if ACTIONS.contains(&text) {
            if states.has(VALUE.or(TWO_VALUES)) && !states.has(PATH.or(PRIMARY)) {
                return Inner::Refused("an action of `find` that could be another's value");
            }
            if states.has(PATH.or(PRIMARY)) {
                // Without an end of their own, all would hold what stands behind.
                if !spend(A_WORD * (words.len() - at)) {
                    return Inner::Refused(TOO_MUCH);
                }
                let list = action(&words[at + 1..], text.starts_with("-exec"));
                if hides_action(&list) {
                    return Inner::Refused(DYNAMIC_COMMAND);
                }
                // busybox ends an action at any `+`, and goes on behind it.
                if let Some(early) = list.iter().position(|w| w.literal() == Some("+")) {
                    cut += 1;
                    if cut > MAX_CUT {
                        return Inner::Refused("an action of `find` with many words `+`");
                    }
                    lists.push(list[..early].to_vec());
                }
                lists.push(list);
            }
        }
        stray |= matches!(text, ";" | "+") && !states.has(ARGUMENTS);
        states = behind(states, text).or_error();
    }
    // The end of an action that nobody began.
    if stray && words.iter().any(|w| w.literal().is_none()) {
        return Inner::Refused(DYNAMIC_COMMAND);
    }
    lists.retain(|list| !list.is_empty());
    if lists.is_empty() {
        Inner::None
    } else {
        Inner::Each(lists)
    }
}

/// What find may be about to read behind a word.
fn behind(states: States, text: &str) -> States {
    let option = text.len() > 1 && text.starts_with('-');
    let expression = option || matches!(text, "(" | ")" | "!" | ",");
    let primary = match text {
        _ if ACTIONS.contains(&text) => COMMAND,
        "-fprintf" => TWO_VALUES,
        _ if ALONE.contains(&text) => PRIMARY,
        _ if VALUED.contains(&text) || text.starts_with("-newer") => VALUE,
        _ if option => PRIMARY.or(VALUE),
        _ if expression => PRIMARY,
        // A path behind the expression has begun: an error.
        _ => NONE,
    };
    // `-L`, `-O3`, `-D tree`, and `--`
    let leads = option && (text.len() == 2 || text.starts_with("-O") || text.starts_with("-D"));
    let first = match text {
        _ if !expression => PATH,
        // In front of an expression these are paths (GNU).
        ")" | "," => primary.or(PATH),
        _ if leads => primary.or(PATH).or(PATH_VALUE),
        _ => primary,
    };
    let argument = match text {
        ";" => PRIMARY,
        "+" => PRIMARY.or(ARGUMENTS),
        _ => ARGUMENTS,
    };
    let command = if text == ";" { PRIMARY } else { ARGUMENTS };
    states.step([
        (PATH, first),
        (PRIMARY, primary),
        (COMMAND, command),
        (ARGUMENTS, argument),
    ])
}

/// What find may be about to read behind a word that only the shell knows, or behind the words that it makes of a pattern.
fn behind_unknown(states: States, word: &Word) -> States {
    let text = word.literal_prefix();
    // A file may have any name.
    let open = text.starts_with('-') || text.trim_matches(['(', ')', '!', ',']).is_empty();
    let (mut first, mut primary) = (PATH, NONE);
    if open {
        primary = PRIMARY.or(VALUE).or(TWO_VALUES);
        first = first.or(PATH_VALUE);
    }
    if ACTIONS.iter().any(|action| word.may_be(action)) {
        primary = primary.or(HIDDEN);
    }
    let ends = word.may_be(";") || word.may_be("+");
    let argument = if ends {
        ARGUMENTS.or(PRIMARY)
    } else {
        ARGUMENTS
    };
    let decided = [
        (PATH, first.or(primary)),
        (PRIMARY, primary),
        (COMMAND, ARGUMENTS),
        (ARGUMENTS, argument),
    ];
    let mut all = states.step(decided);
    while word.is_glob() && all.or(all.step(decided)) != all {
        all = all.or(all.step(decided));
    }
    all
}

/// Whether a word could be a command: no program is called as a primary or an operator is.
fn may_be_command(word: &Word) -> bool {
    let is_primary = |text: &str| {
        ACTIONS.contains(&text)
            || ALONE.contains(&text)
            || VALUED.contains(&text)
            || text == "-fprintf"
    };
    match word.literal() {
        Some("(" | ")" | "!" | "," | ";" | "+") => false,
        Some(text) => !is_primary(text),
        None => true,
    }
}

/// Whether one of an action's words could be its end, with another action behind it.
fn hides_action(list: &[Word]) -> bool {
    let action = |w: &Word| w.literal().is_some_and(|text| ACTIONS.contains(&text));
    let open = |w: &Word| w.may_be(";") || w.may_be("+");
    let end = list
        .iter()
        .position(|w| w.literal().is_none() && open(w) && !is_names(w));
    end.is_some_and(|at| list[at..].iter().any(action))
}

/// Whether a word is the names that find puts there.
fn is_names(word: &Word) -> bool {
    matches!(word.segments.as_slice(), [Segment::Expansion(text)] if matches!(text.as_str(), ONE_NAME | SEVERAL_NAMES))
}

/// The words of an action up to its end, in which `{}` is a name that find puts there, or in front of a `+` several.
fn action(words: &[Word], plus: bool) -> Vec<Word> {
    let length = length(words, plus);
    let mut list = words[..length].to_vec();
    let ends_all = words.get(length).and_then(Word::literal) == Some("+");
    // busybox takes any `+` for the end, and puts several names wherever `{}` stands, also in what the shell alone knows.
    let several = ends_all
        || list
            .iter()
            .any(|w| w.literal() == Some("+") || plus && w.may_be("+"));
    for word in &mut list {
        if several && word.literal().is_none() {
            word.segments.push(Segment::Expansion(SEVERAL_NAMES.into()));
        }
        put_in(word, "{}", if several { SEVERAL_NAMES } else { ONE_NAME });
    }
    list
}

/// How many words an action has: up to `;`, or up to a `+` right behind `{}`.
fn length(words: &[Word], plus: bool) -> usize {
    words
        .iter()
        .enumerate()
        .position(|(at, word)| match word.literal() {
            Some(";") => true,
            Some("+") => plus && at > 0 && words[at - 1].literal() == Some("{}"),
            _ => false,
        })
        .unwrap_or(words.len())
}
