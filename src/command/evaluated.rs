//! Builtins that read their arguments as code, quoted or not, and variables whose value is run.
//!
//! `test -v 'a[$(id)]'` runs `id` in bash, and `PS4='$(id)'` runs it at every traced command: no reader of
//! words can see that. Such lines are refused; this must never try to say what the code would do.

use super::ReadError;
use super::call::Call;
use super::word::{Segment, Word};

/// Builtins that evaluate the subscript of a name they are given (bash(1), Arrays).
const SUBSCRIPTS: [&str; 17] = [
    "test",
    "[",
    "printf",
    "declare",
    "typeset",
    "local",
    "export",
    "readonly",
    "unset",
    "read",
    "let",
    "mapfile",
    "readarray",
    "getopts",
    "wait",
    "compgen",
    "complete",
];

/// Builtins that change how the rest of the line is read, or which program a name is.
const CHANGES: [&str; 8] = [
    "alias", "shopt", "enable", "bind", "compopt", "hash", "compgen", "complete",
];

/// Options of `set` that leave the reading of words as it is.
const SET: [&str; 9] = [
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
const CODE: [&str; 17] = [
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

/// Refuses a call that would evaluate its words.
pub fn check(call: &Call) -> Result<(), ReadError> {
    let refuse = |reason: String| {
        Err(ReadError {
            span: call.span,
            reason,
        })
    };
    let base = call.name.base.as_str();
    let words = call.words.get(1..).unwrap_or_default();
    // Without -v, printf only prints.
    let names = base != "printf"
        || words
            .first()
            .is_some_and(|w| w.is_dynamic() || w.literal_prefix().starts_with("-v"));
    if names && SUBSCRIPTS.contains(&base) && words.iter().any(is_subscript) {
        return refuse(format!(
            "`{base}` would evaluate the text in brackets as code"
        ));
    }
    let named = match base {
        "test" | "[" => words.iter().any(|w| w.literal() == Some("-v")),
        "printf" => words
            .first()
            .is_some_and(|w| w.literal_prefix().starts_with("-v")),
        "unset" | "let" | "getopts" | "declare" | "typeset" | "read" | "mapfile" | "readarray" => {
            true
        }
        _ => false,
    };
    if named && words.iter().any(Word::is_dynamic) {
        return refuse(format!(
            "`{base}` of a name that is known only when it runs: it would evaluate it as code"
        ));
    }
    let set = words.iter().filter_map(Word::literal).find(|w| is_code(w));
    if let Some(name) =
        set.filter(|_| SUBSCRIPTS.contains(&base) && !matches!(base, "test" | "[" | "unset"))
    {
        return refuse(format!("a shell runs the value of `{name}` as code"));
    }
    let option = |letters: &[char]| {
        words
            .iter()
            .filter_map(Word::literal)
            .any(|w| w.starts_with(['-', '+']) && !w.starts_with("--") && w.contains(letters))
    };
    match base {
        "declare" | "typeset" | "local" | "readonly" | "export"
            if option(&['i', 'n', 'a', 'A']) && base != "export" =>
        {
            return refuse(format!(
                "`{base}` of an integer, a reference or a list: the shell evaluates what is put there"
            ));
        }
        "mapfile" | "readarray" if option(&['C']) => {
            return refuse(format!("`{base} -C` runs its word as code"));
        }
        _ => {}
    }
    if CHANGES.contains(&base) && !words.is_empty() {
        return refuse(format!("`{base}` changes how the rest is read"));
    }
    if base == "set" {
        check_set(words).or_else(refuse)?;
    }
    let variables = call
        .assignments
        .iter()
        .map(|a| (a.name.as_str(), a.value.segments.is_empty()));
    let operands = words
        .iter()
        .filter(|_| is_environment(base))
        .filter_map(|w| {
            let (name, value) = w.literal_prefix().split_once('=')?;
            Some((name, value.is_empty() && w.segments.len() == 1))
        });
    for (name, empty) in variables.chain(operands) {
        if !empty && is_code(name) {
            return refuse(format!("a shell runs the value of `{name}` as code"));
        }
    }
    Ok(())
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
    )
}

/// A subscript that is more than a plain name or number.
fn is_subscript(word: &Word) -> bool {
    let text: String = word
        .segments
        .iter()
        .map(|s| match s {
            Segment::Literal(text) | Segment::Glob(text) => text.as_str(),
            Segment::Expansion(_) => "$",
        })
        .collect();
    text.split_once('[')
        .is_some_and(|(_, behind)| behind.contains(['$', '`']))
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
        if letters.contains('o') {
            match words.next().map(Word::literal) {
                Some(Some(option)) if SET.contains(&option) => {}
                _ => return Err("`set -o` of an option that changes how the rest is read".into()),
            }
        }
    }
    Ok(())
}
