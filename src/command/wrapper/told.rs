//! Options by which git, rsync, tar, apt and others are told to run something.
//!
//! What could be such an option, in any spelling that its program takes, must never be passed over.

use super::subcommands::subcommand;
use crate::command::call::Call;
use crate::command::word::Word;

/// Whether a word is an option that begins so, or a beginning of it, as getopt_long(3) takes.
pub(super) fn is_option(word: &str, option: &str) -> bool {
    // A flag of its own, and no beginning.
    const OTHERS: [&str; 2] = ["--manual", "--status"];
    word.starts_with(option) || abbreviates(word, option) && !OTHERS.contains(&name_of(word))
}

/// Whether a word is a long option by its beginning, or whole.
pub(super) fn abbreviates(word: &str, option: &str) -> bool {
    let name = name_of(word);
    name.len() > 2 && name.starts_with("--") && option.starts_with(name)
}

/// An option without the value that is glued to it.
fn name_of(word: &str) -> &str {
    word.split('=').next().unwrap_or_default()
}

/// Whether a word is a cluster of short options that could hold one of those.
pub(super) fn has_letter(word: &str, letters: &[char]) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.contains(letters)
}

/// Whether an option of sed or awk names the file of its script; `flags` are the letters that may stand in front of `f`.
pub(super) fn is_script_file(word: &Word, flags: &str, long: &str) -> bool {
    let text = word.literal_prefix();
    let short = text
        .strip_prefix('-')
        .filter(|letters| !letters.starts_with('-'));
    let short = short.map(|letters| letters.trim_start_matches(|c| flags.contains(c)));
    short.is_some_and(|rest| rest.starts_with('f')) || abbreviates(text, long)
}

/// Whether a word of apt's names a file of settings, or a setting that may name a program (apt.conf(5)).
pub(super) fn sets_apt(word: &str) -> bool {
    const PLAIN: [&str; 12] = [
        "acquire::retries",
        "acquire::forceipv4",
        "acquire::forceipv6",
        "acquire::check-valid-until",
        "acquire::languages",
        "acquire::http::timeout",
        "acquire::https::timeout",
        "debug::nolocking",
        "dpkg::use-pty",
        "dpkg::lock::timeout",
        "dpkg::options::=--force-conf",
        "apt::get::",
    ];
    if word.starts_with("-c") || word.starts_with("--c") {
        return true;
    }
    let lower = word.to_ascii_lowercase();
    let name = lower
        .trim_start_matches("--option=")
        .trim_start_matches("-o")
        .trim_start_matches('=');
    lower.contains("::") && !PLAIN.iter().any(|plain| name.starts_with(plain))
}

/// Whether rsync is told with what to reach the other side: `-e`, `-ave`, other than ssh with a port or a key.
pub(super) fn rsync_runs(call: &Call) -> bool {
    let usual = |value: &str| {
        let mut words = value.split_ascii_whitespace();
        words.next() == Some("ssh")
            && !value.contains(['F', 'S', 'D', '\'', '"'])
            && !value.to_ascii_lowercase().contains("command")
    };
    let mut words = call.words.iter().skip(1);
    while let Some(word) = words.next() {
        let text = word.literal_prefix();
        let shell = is_option(text, "--rsh");
        let path = is_option(text, "--rsync-path") && !shell;
        let long = shell || path;
        let short = has_letter(text, &['e']);
        let value = match text.split_once('=') {
            Some((_, value)) if long => Some(value),
            None if long || short && text.ends_with('e') => words.next().and_then(Word::literal),
            _ => text
                .split_once('e')
                .map(|(_, value)| value)
                .filter(|_| short),
        };
        let own = |value: &str| {
            matches!(
                value,
                "rsync" | "/usr/bin/rsync" | "sudo rsync" | "sudo -n rsync"
            )
        };
        if (long || short) && !value.is_some_and(|v| if path { own(v) } else { usual(v) }) {
            return true;
        }
    }
    false
}

/// Whether a word is a path on another machine which the shell there reads: before OpenSSH 9.0 scp gave it as it is, and
/// rsync before 3.2.4.
pub(super) fn is_remote_text(word: &Word) -> bool {
    let plain = |c: char| !"$`;|&()<>\n\\'\" {}!".contains(c);
    let remote = |text: &str| text.split_once(':').map(|(_, path)| path.to_owned());
    let hidden = |w: &Word| w.literal().is_none() && w.literal_prefix().contains(':');
    remote(&word.spelt()).is_some_and(|path| !path.chars().all(plain)) || hidden(word)
}

/// Whether tar is told to run something that is no known compressor.
pub(super) fn tar_runs(call: &Call) -> bool {
    const COMPRESSORS: [&str; 12] = [
        "gzip", "pigz", "bzip2", "pbzip2", "lbzip2", "xz", "pixz", "pxz", "zstd", "zstdmt", "lz4",
        "lzop",
    ];
    const RUNS: [&str; 5] = [
        "--to-command",
        "--info-script",
        "--new-volume-script",
        "--rsh-command",
        "--rmt-command",
    ];
    // tar gives it to a shell.
    let plain = |c: char| c.is_ascii_alphanumeric() || " -=,.".contains(c);
    let known = |value: &str| {
        let mut words = value.split(' ');
        words.next().is_some_and(|name| COMPRESSORS.contains(&name)) && value.chars().all(plain)
    };
    let words: Vec<&str> = call
        .words
        .iter()
        .skip(1)
        .map(|w| w.literal().unwrap_or("$"))
        .collect();
    let value = |at: usize| words.get(at).copied().unwrap_or_default();
    words.iter().enumerate().any(|(at, word)| {
        if word.contains("exec=") || RUNS.iter().any(|o| is_option(word, o)) {
            return true;
        }
        if is_option(word, "--use-compress-program") {
            return !known(
                word.split_once('=')
                    .map_or_else(|| value(at + 1), |(_, value)| value),
            );
        }
        match word.strip_prefix('-') {
            Some(long) if long.starts_with('-') => false,
            Some(letters) => match letters.split_once('I') {
                Some((_, "")) => !known(value(at + 1)),
                Some((_, glued)) => !known(glued),
                None => letters.contains('F'),
            },
            // Their values follow in the order of the letters (tar(1), traditional usage).
            None if at == 0 => {
                let takes = |c: char| "fbCgHKLNTVXF".contains(c);
                word.contains('F')
                    || word.split_once('I').is_some_and(|(before, _)| {
                        !known(value(1 + before.chars().filter(|c| takes(*c)).count()))
                    })
            }
            None => false,
        }
    })
}

/// Whether git is told to run something: `clone -u`, a value that begins with `!`, and keys that name a program
/// (git-config(1)).
pub(super) fn git_runs(call: &Call) -> bool {
    const KEYS: [&str; 18] = [
        "alias.",
        "pager",
        "editor",
        "command",
        "cmd",
        "hook",
        "helper",
        "program",
        "driver",
        "textconv",
        "filter.",
        "external",
        "askpass",
        "proxy",
        "fsmonitor",
        "include",
        "packobjects",
        "uploadpack",
    ];
    let mut words = call.words.iter().skip(1).map(Word::literal_prefix);
    match subcommand(call) {
        // They open an editor, which takes its commands where git has its input.
        Some(
            name @ ("commit" | "merge" | "revert" | "cherry-pick" | "add" | "tag" | "notes"
            | "branch" | "rebase" | "replace"),
        ) => edits(name, words.clone()) || name == "rebase" && words.any(|w| has_letter(w, &['x'])),
        Some("filter-branch") => true,
        Some("difftool") => words.any(|w| has_letter(w, &['x'])),
        Some("clone" | "ls-remote") => words.any(|w| w.starts_with("-u")),
        Some("config") => {
            let reads = |w: &str| {
                matches!(
                    w,
                    "--get"
                        | "--get-all"
                        | "--get-regexp"
                        | "-l"
                        | "--list"
                        | "--unset"
                        | "get"
                        | "list"
                        | "unset"
                )
            };
            let set = |w: &str| {
                let lower = w.to_ascii_lowercase();
                w.starts_with('!') || KEYS.iter().any(|key| lower.contains(key))
            };
            let edits = |w: &str| matches!(w, "-e" | "edit") || w.starts_with("--e");
            let hidden = call.words.iter().any(|w| w.literal().is_none());
            words.clone().any(edits) || !words.clone().any(reads) && (hidden || words.any(set))
        }
        _ => false,
    }
}

/// Whether a subcommand of git is told to open an editor, or opens one where no message is given.
fn edits<'a>(subcommand: &str, words: impl Iterator<Item = &'a str> + Clone) -> bool {
    let any = |found: &dyn Fn(&str) -> bool| words.clone().any(found);
    let message = any(&|w| {
        has_letter(w, &['m', 'F', 'C'])
            || ["--m", "--file", "--no-e", "--reu"]
                .iter()
                .any(|o| w.starts_with(o))
    });
    let asked = any(&|w| w.starts_with("--e") || w.contains("amend:"));
    let letter = any(&|w| has_letter(w, &['e']));
    match subcommand {
        "commit" => asked || letter || !message && !any(&|w| w.starts_with("--fix")),
        "merge" | "revert" | "cherry-pick" | "add" => asked || letter,
        "tag" => {
            asked
                || letter
                || !message
                    && any(&|w| {
                        has_letter(w, &['a', 's', 'u'])
                            || w.starts_with("--an")
                            || w.starts_with("--si")
                    })
        }
        "notes" => !message && any(&|w| matches!(w, "add" | "append" | "edit")),
        "rebase" => asked || any(&|w| has_letter(w, &['i']) || w.starts_with("--i")),
        _ => asked || any(&|w| w == "--edit"),
    }
}
