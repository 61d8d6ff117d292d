//! Builtins of shells, and what of them, and of variables, only bash has.
//!
//! Must never take what is told to the shell itself for a program of that name.

use super::word::{Segment, Word};

/// Builtins that read their arguments as code, change the shell for what follows, or mean something
/// else than the program of the same name. No auto rule may speak of them.
pub const BUILTINS: [&str; 46] = [
    ".",
    ":",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "cd",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "declare",
    "dirs",
    "disown",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "fc",
    "fg",
    "getopts",
    "hash",
    "help",
    "history",
    "jobs",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "pushd",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "shift",
    "shopt",
    "source",
    "trap",
    "typeset",
    "unset",
    "wait",
];

/// Builtins that are programs as well, which cannot do for a shell what these do.
const OWN_WAYS: [&str; 11] = [
    "[", "command", "kill", "printf", "suspend", "test", "times", "type", "ulimit", "umask",
    "unalias",
];

/// Whether a program of that name would not do what the builtin does.
pub(super) fn is_builtin(name: &str) -> bool {
    BUILTINS.contains(&name) || OWN_WAYS.contains(&name)
}

/// Whether dash would take a command for an error, or do something else than bash. Those who write it mean bash.
pub(super) fn is_bashism(words: &[Word], assigned: bool) -> bool {
    let Some((first, rest)) = words.split_first() else {
        return false;
    };
    let name = first.literal().unwrap_or_default();
    let has = |text: &str| rest.iter().any(|w| w.literal() == Some(text));
    let is_option = |w: &Word| w.literal_prefix().starts_with('-');
    let options = || {
        let words = rest.iter().map(Word::literal_prefix);
        words.take_while(|text| text.starts_with('-') && text.len() > 1)
    };
    let bashism = match name {
        "set" => has("pipefail"),
        "[" | "test" => {
            let sign = rest.iter().find(|w| w.literal() != Some("!"));
            let sign = sign.and_then(Word::literal);
            has("==") || has("-v") || matches!(sign, Some("-a" | "-N" | "-R" | "-o"))
        }
        // With two folders bash goes to none, and dash to the first.
        "cd" => rest.iter().filter(|w| !is_option(w)).count() > 1,
        "declare" | "typeset" | "mapfile" | "readarray" | "source" | "pushd" | "popd" | "dirs"
        | "disown" | "builtin" => true,
        // dash knows one option, and takes every backslash for an escape.
        "echo" => {
            let escapes = |w: &Word| {
                w.segments
                    .iter()
                    .any(|s| matches!(s, Segment::Literal(t) if t.contains('\\')))
            };
            let own = |text: &str| text[1..].bytes().all(|b| b"neE".contains(&b)) && text != "-n";
            options().next().is_some_and(own) || rest.iter().any(escapes)
        }
        "printf" => {
            let own = ["%(", "%q", "\\x", "\\u", "\\U", "\\e"];
            let format = rest.first().map(Word::spelt).unwrap_or_default();
            options().any(|text| text.starts_with("-v")) || own.iter().any(|o| format.contains(o))
        }
        "read" => {
            let bare = rest.iter().all(is_option);
            bare || options().any(|text| text[1..].contains(|c| !"rp".contains(c)))
        }
        "wait" | "type" => options().any(|text| text != "--"),
        // Without a value it is unset in bash, and what it was in dash.
        "local" => rest.iter().any(|w| !w.literal_prefix().contains('=')),
        "export" | "readonly" => options().any(|text| !matches!(text, "-p" | "--")),
        "trap" => {
            let signal = |w: &Word| w.literal_prefix().starts_with("SIG");
            has("ERR") || has("DEBUG") || has("RETURN") || rest.iter().skip(1).any(signal)
        }
        "shift" => !rest.is_empty(),
        // dash knows no options of these, and takes them for the command.
        "exec" | "eval" => options().count() > 0,
        "command" => {
            let own = rest.iter().take_while(|w| is_option(w)).count();
            is_bashism(&rest[own..], assigned)
        }
        _ => false,
    };
    bashism || assigned && SPECIAL.contains(&name) || rest.iter().any(finds_folders)
}

/// A pattern for hidden files: dash finds `.` and `..` by it as well, bash no more (since 5.2, bash(1), globskipdots).
fn finds_folders(word: &Word) -> bool {
    word.segments.windows(2).any(|pair| match pair {
        [Segment::Literal(text), Segment::Glob(_)] => text == "." || text.ends_with("/."),
        _ => false,
    })
}

/// Builtins in front of which a variable is set for good in dash, and for the one command in bash (POSIX 2.15).
const SPECIAL: [&str; 14] = [
    ".", ":", "break", "continue", "eval", "exit", "export", "readonly", "return", "set", "shift",
    "times", "trap", "unset",
];

/// Whether only bash has a variable by itself.
pub(super) fn is_of_bash(variable: &str) -> bool {
    variable.starts_with("BASH") || OF_BASH.contains(&variable)
}

const OF_BASH: [&str; 15] = [
    "_",
    "REPLY",
    "UID",
    "EUID",
    "RANDOM",
    "SRANDOM",
    "SECONDS",
    "FUNCNAME",
    "PIPESTATUS",
    "GROUPS",
    "OSTYPE",
    "HOSTTYPE",
    "MACHTYPE",
    "EPOCHSECONDS",
    "EPOCHREALTIME",
];
