//! Options by which git, rsync, tar, apt and others are told to run something.
//!
//! What could be such an option, in any spelling that its program takes, must never be passed over.

use super::formed::is_plain_setting;
use super::subcommands::candidates;
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
    // Any operand would be a host, and rsync's own words a command there.
    let usual = |value: &str| {
        let mut words = value.split_ascii_whitespace();
        let shell = words.next() == Some("ssh");
        let path = |c: char| c.is_ascii_alphanumeric() || "/._-~".contains(c);
        let port = |n: &str| n.bytes().all(|b| b.is_ascii_digit());
        let mut plain = true;
        while let Some(word) = words.next() {
            plain &= match word {
                "-q" | "-4" | "-6" | "-C" | "-x" | "-T" => true,
                "-p" => words.next().is_some_and(port),
                "-i" => words.next().is_some_and(|file| file.chars().all(path)),
                "-o" => words.next().is_some_and(is_plain_setting),
                _ => {
                    word.strip_prefix("-o").is_some_and(is_plain_setting)
                        || word.strip_prefix("-p").is_some_and(port)
                }
            };
        }
        shell && plain
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

/// Whether git is told to run something: by a subcommand, by `clone -u`, or by a key that may name a program
/// (git-config(1)).
pub(super) fn git_runs(call: &Call) -> bool {
    candidates(call)
        .iter()
        .any(|name| subcommand_runs(call, name))
}

fn subcommand_runs(call: &Call, name: &str) -> bool {
    const RUNS: [&str; 19] = [
        "filter-branch",
        "remote-ext",
        "remote-fd",
        "imap-send",
        "web--browse",
        "instaweb",
        "merge-index",
        "merge-one-file",
        "send-email",
        "mergetool",
        "citool",
        "gui",
        "svn",
        "p4",
        "cvsserver",
        "shell",
        "daemon",
        "http-backend",
        "hook",
    ];
    let mut words = call.words.iter().skip(1).map(Word::literal_prefix);
    match name {
        "difftool" => words.any(|w| has_letter(w, &['x'])),
        "clone" | "ls-remote" | "init" | "fetch" | "pull" => words.any(|w| {
            has_letter(w, &['u', 'c']) || abbreviates(w, "--config") || abbreviates(w, "--template")
        }),
        "config" => sets_program(call),
        // They open an editor, which takes its commands where git has its input.
        "commit" | "merge" | "revert" | "cherry-pick" | "add" | "tag" | "notes" | "branch"
        | "replace" => edits(name, words),
        "rebase" => edits(name, words.clone()) || words.any(|w| has_letter(w, &['x'])),
        name => RUNS.contains(&name) || name.contains('/'),
    }
}

/// Whether `git config` opens an editor, or sets a key that is not known to name no program.
fn sets_program(call: &Call) -> bool {
    const PLAIN: [&str; 23] = [
        "user.",
        "color.",
        "advice.",
        "branch.",
        "push.",
        "pull.",
        "safe.",
        "gc.auto",
        "gc.prune",
        "log.",
        "status.",
        "core.autocrlf",
        "core.eol",
        "core.filemode",
        "core.quotepath",
        "core.ignorecase",
        "init.defaultbranch",
        "fetch.prune",
        "merge.ff",
        "rebase.auto",
        "http.postbuffer",
        "diff.renames",
        "credential.usehttppath",
    ];
    const READS: [&str; 12] = [
        "--get",
        "--get-all",
        "--get-regexp",
        "--get-urlmatch",
        "--remove-section",
        "--unset-all",
        "-l",
        "--list",
        "--unset",
        "get",
        "list",
        "unset",
    ];
    // With a value in the next word (git-config(1)).
    const VALUED: [&str; 8] = [
        "--type",
        "-f",
        "--file",
        "--default",
        "--blob",
        "--comment",
        "--value",
        "--url",
    ];
    const FLAGS: [&str; 20] = [
        "--global",
        "--local",
        "--system",
        "--worktree",
        "--add",
        "--append",
        "--all",
        "--replace-all",
        "--null",
        "-z",
        "--name-only",
        "--show-origin",
        "--show-scope",
        "--show-names",
        "--bool",
        "--int",
        "--path",
        "--fixed-value",
        "--includes",
        "--no-includes",
    ];
    let words = || call.words.iter().skip(1);
    let asks = |w: &Word| w.literal().is_some_and(|text| READS.contains(&text));
    let option = |w: &&Word| w.literal_prefix().starts_with('-');
    let edits = |w: &Word| {
        let text = w.literal_prefix();
        matches!(text, "-e" | "edit") || abbreviates(text, "--edit")
    };
    // A key, or what could be one.
    let sets = |w: &Word| {
        let text = w.literal_prefix().to_ascii_lowercase();
        let plain = PLAIN.iter().any(|key| text.starts_with(key))
            || text.starts_with("remote.") && (text.ends_with(".url") || text.ends_with(".fetch"));
        w.literal().is_none() || text.starts_with('!') || text.contains('.') && !plain
    };
    let mut behind = words()
        .skip_while(|w| w.literal() != Some("config"))
        .skip(1);
    let mut rest = Vec::new();
    while let Some(word) = behind.next() {
        let text = word.literal_prefix();
        match word.literal() {
            Some(text) if VALUED.contains(&text) => drop(behind.next()),
            Some(text) if FLAGS.contains(&text) || READS.contains(&text) || text.contains('=') => {
                rest.push(word);
            }
            // It could take the next word, or a key, with it.
            _ if text.starts_with('-') => return true,
            _ => rest.push(word),
        }
    }
    let mut keys = rest.iter().copied().filter(|w| !option(w));
    let first = keys.find(|w| w.literal() != Some("set"));
    // `git config KEY` only tells.
    let told = keys.next().is_none();
    // A value may be such a word as well.
    let asked = rest.iter().copied().filter(option).chain(first).any(asks);
    words().any(edits) || !asked && !told && first.is_some_and(sets)
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
