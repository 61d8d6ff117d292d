//! Builtins that read their arguments as code, quoted or not, and variables whose value is run.
//!
//! `test -v 'a[$(id)]'` runs `id` in bash, and `PS4='$(id)'` runs it at every traced command: no reader of
//! words can see that. Such lines are refused; this must never try to say what the code would do.

use super::ReadError;
use super::call::{Assignment, Call, Redirection, with_lists};
use super::descriptors;
use super::full::is_number;
use super::names::{self, DECLARING, Named};
use super::startup;
use super::word::{Segment, Span, Word};
use super::wrapper::SHELLS;
use std::collections::BTreeSet;

/// Builtins that change how the rest of the line is read, or which program a name is.
const CHANGES: [&str; 8] = [
    "alias", "shopt", "enable", "bind", "compopt", "hash", "compgen", "complete",
];

/// Programs that run another one: of that name there is then a program, and no builtin.
const RUN_PROGRAMS: [&str; 18] = [
    "sudo",
    "doas",
    "env",
    "nohup",
    "nice",
    "ionice",
    "timeout",
    "xargs",
    "find",
    "stdbuf",
    "setsid",
    "chroot",
    "systemd-run",
    "exec",
    "flock",
    "chrt",
    "taskset",
    "strace",
];

/// Options of `set` that leave the reading of words as it is.
pub const SET: [&str; 9] = [
    "allexport",
    "errexit",
    "noglob",
    "nounset",
    "pipefail",
    "noclobber",
    "noexec",
    "notify",
    "xtrace",
];

/// Variables whose value shells run, read code from, or evaluate because they are integers.
const CODE: [&str; 53] = [
    // Perl, and programs written in it.
    "PERL5OPT",
    "PERL5DB",
    "CONTAINERS_CONF",
    "CONTAINERS_CONF_OVERRIDE",
    "DOCKER_CONFIG",
    "SSH_SK_HELPER",
    "SSH_SK_PROVIDER",
    "SSH_PKCS11_HELPER",
    // Where the environment has them bash keeps that, and they are no numbers.
    "UID",
    "EUID",
    "APT_CONFIG",
    "WGETRC",
    "POSIX_PEDANTIC",
    "TMOUT",
    "KUBECTL_EXTERNAL_DIFF",
    "KUBE_EDITOR",
    "TERMINFO",
    "TERMINFO_DIRS",
    "TERMCAP",
    "MAILPATH",
    "PS2",
    "INPUTRC",
    "ZDOTDIR",
    "CDPATH",
    "SSH_ASKPASS",
    "BASH_XTRACEFD",
    "SUDO_ASKPASS",
    "BASHPID",
    // The way that bash reads, and what names stand for.
    "POSIXLY_CORRECT",
    "BASH_COMPAT",
    "BASH_ALIASES",
    "BASH_LOADABLES_PATH",
    "DIRSTACK",
    "FCEDIT",
    "EXECIGNORE",
    "histchars",
    "SHELL",
    "RANDOM",
    "SRANDOM",
    "OPTIND",
    "HISTCMD",
    "SECONDS",
    "LINENO",
    "BASH_ARGV0",
    "BASH_ENV",
    "ENV",
    "PS4",
    "PS0",
    "PS1",
    "PROMPT_COMMAND",
    "SHELLOPTS",
    "BASHOPTS",
    "BASH_CMDS",
];

/// Whether a shell runs the value of a variable, or reads code from where it says.
pub fn is_code(variable: &str) -> bool {
    CODE.contains(&variable) || variable.starts_with("BASH_FUNC_")
}

/// Whether it does so with the value that a line gives it. An empty one is as good as none, but of those by which programs
/// keep to POSIX it is enough that they are there (getopt(3), bash(1)).
fn runs_value(variable: &str, empty: bool) -> bool {
    is_code(variable) && (!empty || variable.starts_with("POSIX"))
}

/// What only an assignment may set, where it is seen: by it the shell finds programs, or reads characters, or systemd its bus.
pub fn is_of_the_line(variable: &str) -> bool {
    variable == "PATH" || is_locale(variable) || is_bus(variable)
}

/// What the shell takes the meaning of bytes from.
fn is_locale(variable: &str) -> bool {
    matches!(variable, "LC_ALL" | "LC_CTYPE" | "LANG" | "LOCPATH")
}

/// All that a call sets a variable to; None for what is known only when it runs.
fn given<'a>(call: &'a Call, name: &'a str) -> impl Iterator<Item = Option<&'a str>> {
    let assigned = call.assignments.iter().filter(move |a| a.name == name);
    let words = call.words.iter().flat_map(move |w| {
        let found = settings(w.literal_prefix()).filter(move |(other, _)| *other == name);
        found.map(|(_, value)| w.literal().map(|_| value))
    });
    assigned.map(|a| a.value.literal()).chain(words)
}

/// Whether all that a call sets it to leaves `\` what it is: in Big5 and the like it is the second half of a character.
fn is_plain_locale(call: &Call, name: &str) -> bool {
    let plain = |value: Option<&str>| {
        value.is_some_and(|value| {
            let (language, set) = value.split_once('.').unwrap_or((value, ""));
            let set = set.to_ascii_lowercase();
            let old = ["zh", "ja", "ko"].iter().any(|l| language.starts_with(l));
            !value.contains('/') && (set.starts_with("utf") || set.is_empty() && !old)
        })
    };
    name != "LOCPATH" && given(call, name).all(plain)
}

/// Where systemd's tools find the bus. By `unixexec:` and `autolaunch:` they start a program (D-Bus Specification, Transports).
fn is_bus(variable: &str) -> bool {
    variable.starts_with("DBUS_") && variable.ends_with("_ADDRESS")
}

fn is_plain_bus(call: &Call, name: &str) -> bool {
    let plain = |value: Option<&str>| {
        value.is_some_and(|v| v.starts_with("unix:") && !v.contains([';', '%']))
    };
    given(call, name).all(plain)
}

/// The variables that a word could set: `NAME=value`, also behind an option (`-eNAME=value`, `-qENAME=value`,
/// `--setenv=NAME=value`, `Environment=NAME=value`).
fn settings(word: &str) -> impl Iterator<Item = (&str, &str)> {
    let letters = word.match_indices(['e', 'E']).take(8);
    let letters = letters.filter(|_| word.starts_with('-') && !word.starts_with("--"));
    let behind = word.find('=').map(|at| &word[at + 1..]);
    std::iter::once(word)
        .chain(letters.map(|(at, _)| &word[at + 1..]))
        .chain(behind)
        .filter_map(|text| text.split_once('='))
}

/// Whether what a wrapper runs is a program, and no builtin of a shell.
fn runs_programs(wrapper: &Call) -> bool {
    let base = wrapper.name.base.as_str();
    // Those give their words to a shell.
    let shell = matches!(base, "sudo" | "doas")
        && wrapper
            .words
            .iter()
            .any(|w| is_option(w, &['s', 'i']) || w.literal_prefix().starts_with("--"));
    RUN_PROGRAMS.contains(&base) && !shell
}

/// Refuses a call that would evaluate its words. `by` is the wrapper that runs it.
pub fn check(call: &Call, by: Option<&Call>) -> Result<(), ReadError> {
    let refuse = |reason: String| {
        Err(ReadError {
            span: call.span,
            reason,
        })
    };
    let base = call.name.base.as_str();
    let words = call.words.get(1..).unwrap_or_default();
    // Of other builtins' names some systems have programs that call them (POSIX, 1.7).
    let program = matches!(base, "test" | "[" | "printf") && by.is_some_and(runs_programs);
    if !program {
        check_builtin(call, base, words).or_else(refuse)?;
        // Behind `command` bash splits what it does not behind `export`, and nobody has asked whether it is a number.
        let known = match base {
            "wait" => words.iter().all(|w| w.literal().is_some()),
            "test" | "[" => words.iter().all(is_one),
            base => !DECLARING.contains(&base) || words.iter().all(is_one),
        };
        if by.is_some() && !known {
            return refuse(format!(
                "a word of `{base}` that the shell splits: put it in double quotes, or write `{base}` by itself"
            ));
        }
    }
    if base == "xargs" && words.iter().any(|w| w.literal_prefix().starts_with("--pr")) {
        return refuse("`xargs --process-slot-var` sets a variable: leave it out".into());
    }
    let variables = call
        .assignments
        .iter()
        .map(|a| (a.name.as_str(), a.value.segments.is_empty()));
    let operands = words.iter().filter(|_| is_environment(base)).flat_map(|w| {
        let found = settings(w.literal_prefix());
        found.map(|(name, value)| (name, value.is_empty() && w.segments.len() == 1))
    });
    for (name, empty) in variables.chain(operands) {
        if runs_value(name, empty) {
            return refuse(runs(name));
        }
        if !empty && is_bus(name) && !is_plain_bus(call, name) {
            return refuse(format!(
                "`{name}` may name a program that is started: write `unix:path=…`"
            ));
        }
        if !empty && is_locale(name) && !is_plain_locale(call, name) {
            return refuse(format!(
                "`{name}` is set to a locale in which a shell could read characters otherwise: write `C.UTF-8` or the like"
            ));
        }
    }
    Ok(())
}

/// Refuses what only calls together do: a variable of one that another, or the text of another, takes for something else.
///
/// `counted` are the variables that texts for shells take for numbers; their own sets were seen, not those around them.
pub fn check_together(calls: &[Call], counted: &[String]) -> Result<(), ReadError> {
    descriptors::check(calls)?;
    let starts = startup::of(calls);
    // Of programs that have a builtin's name nothing is known, and nothing need be.
    let named = |c: &Call| names::named(&c.words).unwrap_or_default();
    let named: Vec<Vec<Named>> = calls.iter().map(named).collect();
    let lists: Vec<&Assignment> = with_lists(calls).flat_map(|(_, lists)| lists).collect();
    let counted: BTreeSet<&String> = counted.iter().collect();
    let words: usize = calls
        .iter()
        .map(|c| c.words.len() + c.assignments.len())
        .sum();
    if counted
        .len()
        .saturating_mul(calls.len() + lists.len() + words)
        > MAX_COMPARED
    {
        return Err(ReadError {
            span: Span::default(),
            reason: "too many variables for texts to count with: split the line".to_owned(),
        });
    }
    let documents = calls.iter().any(is_document_in_function);
    let looped = |name: &str, but_numbers: bool| {
        let mut lists = lists.iter().filter(|a| a.name == name);
        lists.any(|a| is_other(&a.value, but_numbers))
    };
    if let Some(name) = counted.iter().find(|name| looped(name, true)) {
        return Err(ReadError {
            span: lists.first().map(|a| a.span).unwrap_or_default(),
            reason: counted_inside(name),
        });
    }
    let become_lists = named
        .iter()
        .flatten()
        .filter(|n| n.list)
        .map(|n| n.name.as_str());
    let become_lists: BTreeSet<&str> = become_lists.collect();
    for (call, named) in calls.iter().zip(&named) {
        let refuse = |reason: String| {
            Err(ReadError {
                span: call.span,
                reason,
            })
        };
        if documents && exports_functions(call) {
            return refuse(
                "a function with a here-document that is exported: bash writes it anew, and may take other lines for the document".to_owned(),
            );
        }
        let sets_it = |name: &str| sets(call, named, name, false);
        starts.check(call, sets_it).or_else(refuse)?;
        if let Some(name) = counted.iter().find(|name| sets(call, named, name, true)) {
            return refuse(counted_inside(name));
        }
        let list = named.iter().find(|n| {
            n.value.as_ref().is_some_and(Word::is_dynamic)
                && (become_lists.contains(n.name.as_str()) || is_list(&n.name))
        });
        if let Some(Named { name, .. }) = list {
            return refuse(format!(
                "`{name}` is a list: the shell evaluates what is put there"
            ));
        }
    }
    Ok(())
}

/// Most comparisons of a variable with a call, or a word.
const MAX_COMPARED: usize = 200_000;

fn is_document_in_function(call: &Call) -> bool {
    let document = |r: &Redirection| r.operator.starts_with("<<") && r.operator != "<<<";
    !call.scope.functions.is_empty() && call.redirections.iter().any(document)
}

/// Whether the programs that a shell starts are given its functions: `export -f`, `declare -fx`, `set -a`, `bash -a`.
fn exports_functions(call: &Call) -> bool {
    let base = call.name.base.as_str();
    let has = |letters: &[char]| call.words.iter().any(|w| is_option(w, letters));
    match base {
        "export" => has(&['f']),
        "declare" | "typeset" | "local" => has(&['x']),
        "set" => has(&['a']) || call.words.iter().any(|w| w.literal() == Some("allexport")),
        base if SHELLS.contains(&base) => {
            has(&['a']) || call.words.iter().any(|w| w.literal() == Some("allexport"))
        }
        _ => false,
    }
}

/// Why a text must not count with a variable.
pub fn counted_inside(name: &str) -> String {
    format!(
        "arithmetic inside a text on `{name}`, which the line sets to other than a number: a shell would evaluate it as code"
    )
}

/// Lists that bash has by itself.
fn is_list(name: &str) -> bool {
    name.starts_with("BASH_")
        || name.starts_with("COMP")
        || matches!(
            name,
            "FUNCNAME" | "GROUPS" | "PIPESTATUS" | "MAPFILE" | "COPROC"
        )
}

/// Whether a value is something, and, `but_numbers`, other than a number.
fn is_other(value: &Word, but_numbers: bool) -> bool {
    !(value.segments.is_empty() || but_numbers && is_number(value))
}

/// Whether a call, which names those variables, could set one; `but_numbers`, to other than a number.
pub(super) fn sets(call: &Call, named: &[Named], name: &str, but_numbers: bool) -> bool {
    let other = |value: &Word| is_other(value, but_numbers);
    let mut set = call.assignments.iter();
    if set.any(|a| a.name == name && other(&a.value)) {
        return true;
    }
    let brings = !DECLARING.contains(&call.name.base.as_str()) && call.name.base != "unset";
    let sets = |n: &Named| n.name == name && n.value.as_ref().map_or(brings || but_numbers, other);
    if named.iter().any(sets) {
        return true;
    }
    // The text of a shell stands among its words, and was read.
    let is_text = SHELLS.contains(&call.name.base.as_str());
    let sign = format!("{name}=");
    !is_text
        && call.words.iter().any(|word| {
            let text = word.spelt();
            text.match_indices(&sign).any(|(at, _)| {
                let before = &text[..at];
                let whole = !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                    || before.starts_with('-') && before.ends_with(['e', 'E']);
                let value = &text[at + sign.len()..];
                let number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
                (whole || but_numbers) && !(but_numbers && number)
            })
        })
}

fn runs(variable: &str) -> String {
    if variable == "CDPATH" {
        return "`CDPATH` leads `cd` to other folders than the line says: leave it out".into();
    }
    format!("a shell runs the value of `{variable}` as code")
}

/// What a builtin of that name would do with its words.
fn check_builtin(call: &Call, base: &str, words: &[Word]) -> Result<(), String> {
    for Named { name, value, .. } in names::named(&call.words)? {
        let empty = value.is_some_and(|v| v.segments.is_empty());
        if runs_value(&name, empty) && base != "unset" {
            return Err(runs(&name));
        }
        if is_of_the_line(&name) && !DECLARING.contains(&base) && base != "unset" {
            return Err(format!("`{name}` is set by `{base}`: write `{name}=…`"));
        }
    }
    if CHANGES.contains(&base) && !words.is_empty() {
        return Err(format!("`{base}` changes how the rest is read"));
    }
    match base {
        "test" | "[" => check_test(base, words),
        "set" => check_set(words),
        "printf" => check_format(words),
        "let" => Err("`let` evaluates its words as code: write `x=$((…))`".into()),
        "fc" => Err("`fc` runs what it finds in the history".into()),
        "history"
            if words
                .iter()
                .any(|w| w.literal().is_none() || is_option(w, &['s', 'p'])) =>
        {
            Err("`history -s` keeps its words, to be run later".into())
        }
        "jobs"
            if words
                .iter()
                .any(|w| w.literal().is_none() || is_option(w, &['x'])) =>
        {
            Err("`jobs -x` runs its words: write the command itself".into())
        }
        _ => Ok(()),
    }
}

/// Whether a word begins like an option, and holds one of those letters.
pub(super) fn is_option(word: &Word, letters: &[char]) -> bool {
    word.literal_prefix().starts_with('-') && word.literal_prefix().contains(letters)
}

/// `test -v 'a[x]'` evaluates the subscript; so no word may become a `-v`, and none a subscript behind one.
fn check_test(base: &str, words: &[Word]) -> Result<(), String> {
    let asks_for_name = |w: &Word| matches!(w.literal(), Some("-v" | "-R"));
    if words.iter().any(asks_for_name) && words.iter().any(|w| w.literal().is_none()) {
        return Err(format!(
            "`{base}` of a name that is known only when it runs: it would evaluate it as code"
        ));
    }
    if words.iter().any(is_subscript) {
        return Err(format!(
            "`{base}` would evaluate the text in brackets as code"
        ));
    }
    let split = |w: &&Word| !is_one(w) && !names::is_one_variable(w) && !is_substitution(w);
    if words.iter().any(|w| split(&w)) {
        return Err(format!(
            "a word of `{base}` that the shell splits, and could make a `-v` of: put it in double quotes"
        ));
    }
    if words
        .windows(2)
        .any(|two| may_be_sign(&two[0]) && may_be_name(&two[1]))
    {
        return Err(format!(
            "two words of `{base}` side by side that are known only when it runs: one could be a `-v`"
        ));
    }
    Ok(())
}

/// bash's `%n` sets the variable that an argument names.
fn check_format(words: &[Word]) -> Result<(), String> {
    let mut at = 0;
    while let Some(text) = words.get(at).and_then(Word::literal) {
        at += match text {
            "-v" => 2,
            "--" => {
                at += 1;
                break;
            }
            text if text.starts_with("-v") => 1,
            _ => break,
        };
    }
    let Some((format, arguments)) = words.get(at..).and_then(<[Word]>::split_first) else {
        return Ok(());
    };
    let is_name = |w: &Word| {
        let name = |text: &str| super::name::is_variable(text.split('[').next().unwrap_or(text));
        w.literal().is_none_or(name)
    };
    let counts = format.literal().is_none() || counts(&format.spelt());
    // A format that the shell splits brings its own arguments along.
    if counts && (!is_one(format) || arguments.iter().any(is_name)) {
        return Err(
            "`printf` with a format that could hold `%n`, which sets a variable: write `printf '%s' TEXT`"
                .into(),
        );
    }
    Ok(())
}

/// Whether a format holds `%n`.
fn counts(format: &str) -> bool {
    format.replace("%%", "").split('%').skip(1).any(|part| {
        part.trim_start_matches(|c: char| "-+ #'0123456789.*$hlLjzt".contains(c))
            .starts_with('n')
    })
}

/// Whether a shell makes one word of it, or several that all begin with the same text.
fn is_one(word: &Word) -> bool {
    let pattern = !word.is_dynamic() && !word.literal_prefix().is_empty();
    let number = |s: &Segment| matches!(s, Segment::Expansion(text) if text.starts_with("$((") || text.starts_with("${#"));
    pattern || word.segments.iter().all(|s| s.is_whole() || number(s))
}

/// `$(…)`: whether it says a number, `full::variables` asks.
fn is_substitution(word: &Word) -> bool {
    matches!(word.segments.as_slice(), [Segment::Expansion(text)] if text.starts_with("$("))
}

/// Whether a word could be `-v` when it runs.
fn may_be_sign(word: &Word) -> bool {
    word.literal().is_none() && matches!(word.literal_prefix(), "" | "-" | "-v" | "-R")
}

/// Whether a word could be a name with a subscript when it runs.
fn may_be_name(word: &Word) -> bool {
    let first = word.literal_prefix().chars().next();
    word.literal().is_none() && first.is_none_or(|c| may_be_variable(&c.to_string()))
}

/// Whether a text is a variable's name in some locale: bash takes any letter of it (ISO-8859-1, `ê`).
fn may_be_variable(name: &str) -> bool {
    let ascii = name.replace(|c: char| !c.is_ascii(), "_");
    super::name::is_variable(&ascii)
}

/// Whether `NAME=value` words of a program set variables.
fn is_environment(base: &str) -> bool {
    matches!(
        base,
        "env"
            | "sudo"
            | "doas"
            | "export"
            | "readonly"
            | "local"
            | "declare"
            | "typeset"
            | "systemd-run"
            | "strace"
            | "docker"
            | "podman"
            | "nerdctl"
            | "docker-compose"
            | "podman-compose"
    )
}

/// `NAME[…]` with a subscript that is no number.
fn is_subscript(word: &Word) -> bool {
    let text = word.spelt();
    let Some((name, behind)) = text.split_once('[') else {
        return false;
    };
    may_be_variable(name)
        && behind
            .strip_suffix(']')
            .is_none_or(|inside| !inside.bytes().all(|b| b.is_ascii_digit() || b == b'@'))
}

fn check_set(words: &[Word]) -> Result<(), String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(text) = word.literal() else {
            return Err("`set` with an option that is known only when it runs".into());
        };
        if text == "--" || !text.starts_with(['-', '+']) {
            return Ok(());
        }
        let letters = &text[1..];
        if !letters.chars().all(|c| "aefuCxnbo".contains(c)) {
            return Err(format!("`set {text}` changes how the rest is read"));
        }
        // Two of them take two options' names.
        if letters.matches('o').count() > 1 {
            return Err(format!("`set {text}`: write each `-o` by itself"));
        }
        if letters.contains('o') {
            match words.next().map(Word::literal) {
                Some(Some(option)) if SET.contains(&option) => {}
                _ => return Err("`set -o` of an option that changes how the rest is read".into()),
            }
        }
    }
    Ok(())
}
