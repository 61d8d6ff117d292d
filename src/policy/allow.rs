//! Whether an auto rule speaks of a call: every word must be one that it names.
//!
//! Must never let a word pass that no list names.

use super::language::{self, Kind, Limits};
use super::options::{self, OptionSpec};
use super::rule::{Rule, Stdin, SudoUse};
use super::types::{self, BELOW, Bounds, Type};
use super::{Context, awk_sets};
use crate::command::{Assignment, Call, Place, Reading, Redirection, Segment, Sudo, Word, Wraps};
use std::borrow::Cow;

/// Variables with values that change how output is written and nothing else, for whatever program.
const HARMLESS_VALUES: [(&str, &str); 9] = [
    ("PAGER", "cat"),
    ("SYSTEMD_PAGER", "cat"),
    ("SYSTEMD_PAGER", ""),
    ("GIT_PAGER", "cat"),
    ("SYSTEMD_COLORS", "0"),
    ("NO_COLOR", "1"),
    ("TERM", "dumb"),
    ("SYSTEMD_LESS", ""),
    ("DEBIAN_FRONTEND", "noninteractive"),
];

/// Environment variables that change how output is written and nothing else.
const HARMLESS_ENV: [&str; 4] = ["LC_ALL", "LANG", "LC_NUMERIC", "LC_TIME"];

/// Why an auto rule does not match, and how far it got.
pub(super) struct Miss {
    pub(super) far: u8,
    pub(super) why: String,
    /// Only the use of sudo stood against it.
    pub(super) root: bool,
}

fn miss(far: u8, why: impl Into<String>) -> Miss {
    Miss {
        far,
        why: why.into(),
        root: false,
    }
}

/// Whether an auto rule speaks of a call: every word is one that the rule names.
pub(super) fn matches_auto(
    rule: &Rule,
    reading: &Reading,
    call: &Call,
    cx: &Context,
) -> Result<(), Miss> {
    if !call.name.trusted {
        return Err(miss(
            0,
            format!(
                "`{}` is not a program of the system's",
                crate::display::escape(&call.name.text)
            ),
        ));
    }
    // What `find -exec` runs is a call of its own.
    let finds = matches!(rule.reader, Some((Kind::Find, _))) && call.wraps == Wraps::Calls;
    if !finds && rule.wraps != (call.wraps == Wraps::Calls) {
        return Err(miss(
            1,
            if rule.wraps {
                "it wraps no command"
            } else {
                "it wraps a command"
            },
        ));
    }
    let given = match &rule.reader {
        Some((Kind::Test, _)) => question(rule, call)?,
        Some((kind, limits)) => read_by(*kind, limits, rule, call)?,
        None => words(rule, &awk_sets::told(rule, call))?,
    };
    stdin(rule, call, given)?;
    if rule.stdin == Stdin::Silent && !is_silent(reading, call) {
        return Err(miss(
            6,
            "what it reads goes to another program; let it read </dev/null or a bare `echo |`",
        ));
    }
    if rule.stdin == Stdin::Question && !is_asked(reading, call) {
        return Err(miss(
            6,
            "what it reads goes to another program; let it be one of the known questions, such as `echo 'show stat' |`",
        ));
    }
    if call.pipe.len > 2 && grows_on(reading, call) {
        return Err(miss(
            6,
            "it is one of many in this pipeline that write more than they read, which may fill memory",
        ));
    }
    for assignment in &call.assignments {
        environment(rule, assignment).map_err(|why| miss(7, why))?;
    }
    if let Some(condition) = rule.when.unmet(cx) {
        return Err(miss(9, format!("it only speaks {condition}")));
    }
    if let Some(rate) = rule.when.rate
        && rate.is_used_up(&rule.id, cx)
    {
        return Err(miss(
            9,
            format!(
                "it ran {} times here lately, which is as often as it may without a human",
                rate.max
            ),
        ));
    }
    as_root(rule, reading, call)
}

/// Filters that may write several times what they read, as often as their text says.
const GROWS: [&str; 6] = ["awk", "gawk", "mawk", "sed", "jq", "xargs"];
/// Filters that may write many times what they read: one blank becomes a line, a tab a thousand blanks.
const GROWS_MUCH: [&str; 10] = [
    "expand", "nl", "od", "hexdump", "xxd", "hd", "fold", "column", "paste", "base64",
];

/// Whether too many commands of a call's pipeline, the call among them, write more than they read.
fn grows_on(reading: &Reading, call: &Call) -> bool {
    let base = call.name.base.as_str();
    let of = |fits: &dyn Fn(&Call) -> bool| {
        let own = |c: &&Call| c.pipe.pipeline == call.pipe.pipeline;
        let all = reading.calls.iter().filter(own);
        all.filter(|c| fits(c)).count()
    };
    let grows = |c: &Call| GROWS.contains(&c.name.base.as_str()) || multiplies(c);
    let much = |c: &Call| GROWS_MUCH.contains(&c.name.base.as_str());
    grows(call) && of(&grows) > 4 || GROWS_MUCH.contains(&base) && of(&much) > 1
}

/// Filters that write more only with some options: `grep -no .` a line with its number for each character, `cut`
/// a text in place of each delimiter.
fn multiplies(call: &Call) -> bool {
    let words = || call.words.iter().skip(1).filter_map(Word::literal);
    let letter = |letters: &[char], long: &[&str]| {
        words().any(|w| {
            long.contains(&w) || !w.starts_with("--") && w.starts_with('-') && w.contains(letters)
        })
    };
    match call.name.base.as_str() {
        "grep" | "egrep" | "fgrep" | "zgrep" | "zegrep" | "zfgrep" | "xzgrep" => {
            let front = [
                "--line-number",
                "--byte-offset",
                "--with-filename",
                "--initial-tab",
            ];
            letter(&['o'], &["--only-matching"]) && letter(&['n', 'b', 'H', 'T'], &front)
        }
        "cut" => words().any(|w| w.starts_with("--output-d")),
        _ => false,
    }
}

/// Whether standard input comes from where the rule wants it; `given` operands are there.
fn stdin(rule: &Rule, call: &Call, given: usize) -> Result<(), Miss> {
    let behind_pipe = call.pipe.index > 0;
    match rule.stdin {
        Stdin::Pipe if !behind_pipe => Err(miss(
            6,
            "it reads standard input, and stands behind no pipe",
        )),
        Stdin::PipeOrOperand
            if !behind_pipe && given <= rule.operands.min && !awk_sets::reads_nothing(call) =>
        {
            Err(miss(
                6,
                "without a file it reads standard input, and it stands behind no pipe",
            ))
        }
        _ => Ok(()),
    }
}

/// Whether there is nothing to read on a call's standard input, or the line feed of a bare `echo`.
fn is_silent(reading: &Reading, call: &Call) -> bool {
    let from_null = |fed: &Fed| {
        let null = |r: &Redirection| r.harmless && r.operator == "<";
        fed.plain_line && call.redirections.iter().any(null)
    };
    fed(reading, call, says_nothing).is_some_and(|f| f.piped || from_null(&f) || !f.inherits)
}

/// Whether a call reads one of the known questions, and nothing else.
fn is_asked(reading: &Reading, call: &Call) -> bool {
    fed(reading, call, asks).is_some_and(|f| f.piped)
}

/// Where a call's standard input comes from.
struct Fed {
    /// From a pipe.
    piped: bool,
    /// From what is around it, where no pipe takes its place.
    inherits: bool,
    /// No group, loop or function is in the line.
    plain_line: bool,
}

/// Where a call's standard input comes from: none where that is a file, or a pipe of whose commands `says` does not
/// know one.
fn fed(reading: &Reading, call: &Call, says: impl Fn(&Call) -> bool) -> Option<Fed> {
    let reads = |c: &Call| {
        c.redirections
            .iter()
            .any(|r| !r.harmless && r.operator.starts_with('<'))
    };
    // Redirections of groups and loops are those of all calls in them, but a pipe inside takes their place.
    let plain = |c: &Call| matches!(c.place, Place::Top | Place::Substitution | Place::Wrapped);
    let plain_line = reading.calls.iter().all(plain);
    let (mut at, mut piped, mut inherits) = (Some(call), false, !plain_line);
    while let Some(here) = at {
        if reads(here) || here.wraps == Wraps::Text || here.wraps == Wraps::Unknown {
            return None;
        }
        if here.pipe.index > 0 {
            piped = true;
            let mut feeders = reading
                .calls
                .iter()
                .filter(|c| c.pipe.pipeline == here.pipe.pipeline)
                .filter(|c| c.pipe.index + 1 == here.pipe.index)
                .peekable();
            if feeders.peek().is_none() || !feeders.all(&says) {
                return None;
            }
        }
        inherits |= here.place == Place::Substitution;
        at = here.parent.and_then(|index| reading.calls.get(index));
    }
    Some(Fed {
        piped,
        inherits,
        plain_line,
    })
}

/// `echo`, `echo ''` and `echo Q`, which ends the talk of `openssl s_client`.
fn says_nothing(call: &Call) -> bool {
    let words: Vec<Option<&str>> = call.words.iter().skip(1).map(Word::literal).collect();
    call.name.trusted
        && call.name.base == "echo"
        && call.wraps == Wraps::Nothing
        && call.pipe.index == 0
        && matches!(words.as_slice(), [] | [Some("" | "Q" | "-n")])
}

/// What haproxy, memcached, ZooKeeper and redis are asked for their state with: no other program that reads lines
/// would take one of these for an order.
const QUESTIONS: [&str; 24] = [
    "show stat",
    "show info",
    "show servers state",
    "show servers conn",
    "show backend",
    "show pools",
    "show activity",
    "show version",
    "show threads",
    "show resolvers",
    "stats",
    "stats items",
    "stats slabs",
    "stats settings",
    "stats conns",
    "version",
    "ruok",
    "stat",
    "srvr",
    "mntr",
    "isro",
    "ping",
    "PING",
    "info",
];

/// `echo stats`, `echo "show stat"`, `echo show stat`, `printf 'stats\n'`.
fn asks(call: &Call) -> bool {
    let words: Option<Vec<&str>> = call.words.iter().skip(1).map(Word::literal).collect();
    let plain = call.name.trusted && call.wraps == Wraps::Nothing && call.pipe.index == 0;
    let Some(words) = words.filter(|_| plain) else {
        return false;
    };
    let said = match (call.name.base.as_str(), words.as_slice()) {
        ("echo", ["-n" | "-e", words @ ..] | words) => words.join(" "),
        ("printf", [text]) => text
            .strip_suffix("\\n")
            .map(|t| t.strip_suffix("\\r").unwrap_or(t))
            .unwrap_or(text)
            .to_owned(),
        _ => return false,
    };
    QUESTIONS.contains(&said.as_str())
}

/// Whether the rule speaks of the user as whom the call runs.
fn as_root(rule: &Rule, reading: &Reading, call: &Call) -> Result<(), Miss> {
    match (call.sudo, rule.sudo) {
        (Sudo::No, _) | (Sudo::Plain, SudoUse::Allowed) => Ok(()),
        (Sudo::Plain, SudoUse::Refused) => Err(Miss {
            far: 8,
            why: "it is not allowed as root".into(),
            root: true,
        }),
        (Sudo::Other, _) if runs_as(rule, reading, call) => Ok(()),
        (Sudo::Other, _) => Err(miss(
            8,
            "it runs as another user, or through sudo with options",
        )),
    }
}

/// Whether a plain `sudo -u` directly in front of a call names a user as whom the rule lets it run.
fn runs_as(rule: &Rule, reading: &Reading, call: &Call) -> bool {
    let wrapper = call.parent.and_then(|at| reading.calls.get(at));
    wrapper
        .filter(|w| w.sudo == Sudo::No)
        .and_then(user_of)
        .is_some_and(|user| rule.run_as.iter().any(|u| u == user))
}

/// The user whom `sudo` names, where it says nothing else that matters: `-u USER`, with `-n` and `-H`.
pub(super) fn user_of(call: &Call) -> Option<&str> {
    if call.name.text != "sudo" || !call.assignments.is_empty() {
        return None;
    }
    let mut user = None;
    let mut words = call.words.iter().skip(1).map(Word::literal);
    while let Some(word) = words.next() {
        match word? {
            "-n" | "--non-interactive" | "-H" | "--set-home" | "--" => {}
            "-u" | "--user" if user.is_none() => user = Some(words.next()??),
            word if user.is_none() => {
                user = Some(word.strip_prefix("--user=").or(word.strip_prefix("-u"))?);
            }
            _ => return None,
        }
    }
    user
}

/// A call that `find -exec` runs, with the found file written as what it is: something below a folder where
/// find begins. Only types that read no more of a file than its name and facts take such a word.
pub(super) fn below_find<'a>(reading: &Reading, call: &'a Call) -> Cow<'a, Call> {
    let parent = call.parent.and_then(|at| reading.calls.get(at));
    let (Some(parent), Some((last, words))) = (parent, call.words.split_last()) else {
        return Cow::Borrowed(call);
    };
    let Some(find) = finder(reading, parent, &last.segments) else {
        return Cow::Borrowed(call);
    };
    // Where it begins: up to its first test. Each must be known.
    let folders: Option<Vec<&str>> = find
        .words
        .iter()
        .skip(1)
        .skip_while(|w| matches!(w.literal(), Some("-H" | "-P")))
        .take_while(|w| !w.literal_prefix().starts_with(['-', '(', '!', ',']))
        .map(|w| w.literal().filter(|text| text.starts_with('/')))
        .collect();
    let Some(folders) = folders else {
        return Cow::Borrowed(call);
    };
    // Below these, a name can lead to other processes' files, or to other hosts.
    let apart = |text: &&str| {
        // On one file system only, none of these is gone into; and no folder is handed on.
        if *text == "/" && has(find, &["-xdev", "-mount"]) && has_files_only(find) {
            return false;
        }
        let first = text.split('/').find(|part| !part.is_empty());
        first.is_none_or(|name| matches!(name, "proc" | "sys" | "net" | "misc"))
    };
    if folders.is_empty() || folders.iter().any(apart) {
        return Cow::Borrowed(call);
    }
    let below = folders.into_iter().map(|folder| Word {
        segments: vec![
            Segment::Literal(format!("{}/", folder.trim_end_matches('/'))),
            Segment::Glob(BELOW.to_owned()),
        ],
        span: last.span,
    });
    Cow::Owned(Call {
        words: words.iter().cloned().chain(below).collect(),
        ..call.clone()
    })
}

/// The `find` whose names a wrapper hands on: itself by `-exec`, or `xargs -0` behind its `-print0`.
fn finder<'a>(reading: &'a Reading, parent: &'a Call, handed: &[Segment]) -> Option<&'a Call> {
    let is_find = |c: &Call| c.name.base == "find" && c.name.trusted;
    let is = |text: &str| handed == [Segment::Expansion(text.into())];
    if is_find(parent) && is("{}") {
        return Some(parent);
    }
    let by_null = parent.name.base == "xargs"
        && parent.name.trusted
        && has(parent, &["-0", "--null", "-0r", "-r0"])
        && is("…");
    let feeds = |c: &&Call| {
        c.pipe.pipeline == parent.pipe.pipeline
            && c.pipe.index + 1 == parent.pipe.index
            && c.wraps == Wraps::Nothing
    };
    let mut feeders = reading.calls.iter().filter(feeds);
    let find = feeders
        .next()
        .filter(|_| by_null && parent.pipe.index == 1)?;
    let last = find.words.last().and_then(Word::literal);
    // Anything else that it prints would be names of the line's own making.
    if has(find, &["-printf", "-print", "-ls", "-fprint0"]) {
        return None;
    }
    (feeders.next().is_none() && is_find(find) && last == Some("-print0")).then_some(find)
}

/// Whether one of a call's words is one of these.
fn has(call: &Call, words: &[&str]) -> bool {
    let mut own = call.words.iter().filter_map(Word::literal);
    own.any(|word| words.contains(&word))
}

/// Whether `find` hands on plain files only: `-type f`, and nothing that another test could stand in for.
fn has_files_only(find: &Call) -> bool {
    let plain = find.words.windows(2).any(
        |pair| matches!(pair, [a, b] if a.literal() == Some("-type") && b.literal() == Some("f")),
    );
    plain && !has(find, &["-o", "-or", "!", "-not", ",", "(", "-L", "-follow"])
}

/// Checks all words by the rule's lists; how many operands there are.
fn words(rule: &Rule, call: &Call) -> Result<usize, Miss> {
    let (global, rest) = subcommand(rule, &call.words[1..])?;
    let bounds = &match call.sudo {
        Sudo::Plain => Cow::Owned(rule.bounds.as_root()),
        _ => Cow::Borrowed(&rule.bounds),
    };
    let globals: Vec<&OptionSpec> = rule.global_options.iter().collect();
    options::take(global, &globals, rule.style, bounds).map_err(|why| miss(3, why))?;
    let all: Vec<&OptionSpec> = rule.options.iter().chain(&rule.global_options).collect();
    let given = options::take(rest, &all, rule.style, bounds).map_err(|why| miss(4, why))?;
    operands(rule, &given, call.sudo).map_err(|why| miss(5, why))?;
    Ok(given.len())
}

/// Checks the words of `test` and `[`; how many there are.
fn question(rule: &Rule, call: &Call) -> Result<usize, Miss> {
    let mut words = call.words.get(1..).unwrap_or_default();
    if call.name.base == "[" {
        words = match words.split_last() {
            Some((last, words)) if last.literal() == Some("]") => words,
            _ => return Err(miss(5, "its `]` is not there")),
        };
    }
    let texts: Option<Vec<Option<&str>>> = words
        .iter()
        .map(|word| match word.literal() {
            Some(text) => Some(Some(text)),
            // One word, whatever it says.
            None => types::is_in_quotes(word).then_some(None),
        })
        .collect();
    // Where files are found for a pattern, each is asked about by itself.
    let bounds = Bounds {
        glob: true,
        ..rule.bounds.clone()
    };
    let file = |at: usize| match words.get(at) {
        Some(word) => types::check(&Type::Path, word, &bounds),
        None => Err("a file is missing".into()),
    };
    let found = |word: &Word| word.is_glob() && word.literal_prefix().starts_with('/');
    let texts = match texts {
        Some(texts) => texts,
        None if words.iter().all(|w| w.literal().is_some() || found(w)) => {
            words.iter().map(Word::literal).collect()
        }
        None => return Err(miss(5, "put what is known only when it runs in quotes")),
    };
    language::test::check(&texts, &file).map_err(|why| miss(5, why))?;
    Ok(words.len())
}

/// Checks all words by a reader; how many words there are.
fn read_by(kind: Kind, limits: &Limits, rule: &Rule, call: &Call) -> Result<usize, Miss> {
    // Of a pattern that fits one name, the shell hands on itself or that name: both are read.
    if kind == Kind::Kubectl && call.words.iter().any(|w| w.literal().is_none()) {
        read_words(kind, limits, rule, call, true)?;
    }
    read_words(kind, limits, rule, call, false)
}

fn read_words(
    kind: Kind,
    limits: &Limits,
    rule: &Rule,
    call: &Call,
    fitted: bool,
) -> Result<usize, Miss> {
    let one = |word: &Word| {
        let (pattern, name) = types::of_one_name(word)?;
        Some(Cow::Owned(if fitted { name } else { pattern }))
    };
    let words: Option<Vec<Cow<str>>> = call.words[1..]
        .iter()
        .map(|word| match word.literal() {
            Some(text) => Some(Cow::Borrowed(text)),
            None if kind == Kind::Curl => query(word).map(Cow::Owned),
            None if kind == Kind::Kubectl => one(word),
            None if matches!(kind, Kind::Openssl | Kind::Find) => {
                a_name(word, limits, &rule.bounds).map(Cow::Owned)
            }
            None => None,
        })
        .collect();
    let words = words.ok_or_else(|| {
        miss(
            5,
            "it holds an unquoted pattern or an expansion; put it in quotes",
        )
    })?;
    let words: Vec<&str> = words.iter().map(Cow::as_ref).collect();
    language::check_argv(kind, &words, limits).map_err(|why| miss(5, why))?;
    Ok(words.len())
}

/// One of the names that a pattern of files may find, where each of them may be read: the reader looks at that one.
fn a_name(word: &Word, limits: &Limits, bounds: &Bounds) -> Option<String> {
    let bounds = Bounds {
        glob: true,
        under: limits.under.as_slice().into(),
        secret: limits.not.as_slice().into(),
        ..bounds.clone()
    };
    types::check(&Type::Path, word, &bounds).ok()?;
    let mut text = String::new();
    for segment in &word.segments {
        match segment {
            Segment::Literal(part) => text.push_str(part),
            Segment::Glob(part) if part == "[0-9]" => text.push('0'),
            Segment::Glob(_) => text.push('x'),
            Segment::Expansion(_) => return None,
        }
    }
    text.starts_with('/').then_some(text)
}

/// A URL whose `?` stands unquoted behind its host and path. Should a file of such a name be there after
/// all, the shell's word still begins with the same host, and only the one character differs.
fn query(word: &Word) -> Option<String> {
    let mut text = String::new();
    for segment in &word.segments {
        match segment {
            Segment::Literal(part) => text.push_str(part),
            Segment::Glob(part) if part == "?" => text.push('?'),
            _ => return None,
        }
    }
    let prefix = word.literal_prefix();
    let path = prefix.split_once("://").map_or(prefix, |(_, rest)| rest);
    (path.contains('/') && !text.starts_with('-')).then_some(text)
}

/// Splits at the subcommand: the words before it (global options), and those behind it.
fn subcommand<'a>(rule: &Rule, words: &'a [Word]) -> Result<(&'a [Word], &'a [Word]), Miss> {
    if rule.subcommands.is_empty() {
        return Ok((&[], words));
    }
    let mut at = 0;
    while let Some(text) = words
        .get(at)
        .and_then(Word::literal)
        .filter(|t| t.starts_with('-'))
    {
        let takes = rule.global_options.iter().any(|o| {
            matches!(o.value, options::Value::Required(_)) && o.names.iter().any(|n| n == text)
        });
        at += 1 + usize::from(takes);
    }
    let here = words.get(at..).unwrap_or_default();
    // The longest path that fits, so that `addr show` is not `addr` with an operand.
    let fits = |path: &&Vec<String>| {
        path.len() <= here.len()
            && path
                .iter()
                .zip(here)
                .all(|(name, word)| word.literal() == Some(name))
    };
    match rule.subcommands.iter().filter(fits).max_by_key(|p| p.len()) {
        Some(path) => Ok((&words[..at], &here[path.len()..])),
        None => Err(miss(
            2,
            format!(
                "`{}` is not one of its subcommands",
                here.first().and_then(Word::literal).unwrap_or("(none)")
            ),
        )),
    }
}

fn operands(rule: &Rule, words: &[&Word], sudo: Sudo) -> Result<(), String> {
    let wanted = &rule.operands;
    if words.len() < wanted.min {
        return Err(format!("it needs {} operands", wanted.min));
    }
    if words.len() > wanted.max {
        let extra = words
            .get(wanted.max)
            .map(|w| w.literal_prefix())
            .unwrap_or_default();
        return Err(format!(
            "the operand `{}` is one too many",
            crate::display::escape(extra)
        ));
    }
    for (index, word) in words.iter().enumerate() {
        let Some(operand) = wanted
            .list
            .get(index)
            .or_else(|| wanted.list.last().filter(|o| o.repeat))
        else {
            return Err("it takes no operands".into());
        };
        match sudo {
            Sudo::Plain => types::check(&operand.kind, word, &operand.bounds.as_root())?,
            _ => types::check(&operand.kind, word, &operand.bounds)?,
        }
    }
    Ok(())
}

fn environment(rule: &Rule, assignment: &Assignment) -> Result<(), String> {
    let name = assignment.name.as_str();
    let value = assignment.value.literal().unwrap_or("$");
    let plain = value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_.,@+-".contains(&b))
        || (name == "TZ"
            && value.split('/').all(|p| {
                !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            }));
    let allowed =
        HARMLESS_ENV.contains(&name) || name == "TZ" || rule.env.iter().any(|e| e == name);
    let width = matches!(name, "COLUMNS" | "LINES")
        && (1..=4).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_digit());
    if allowed && plain || width || HARMLESS_VALUES.contains(&(name, value)) {
        Ok(())
    } else {
        Err(format!(
            "the variable `{}` is not allowed in front of it",
            crate::display::escape(name)
        ))
    }
}
