//! Text that a shell is fed through its standard input, where its commands read as well.
//!
//! Of what one of them takes a part, the shell runs the rest, from the middle of a line or of a command. A text in which
//! that could happen must never pass as read.

use super::Inner;
use super::quiet::{FILTERS, is_awk, is_grep, is_known, is_plain_file, is_quiet, names_files};
use super::sed::scripts_are_plain;
use super::shells::SHELLS;
use super::subcommands::names_compose;
use super::told::{abbreviates, has_letter};
use crate::command::call::{Call, Place, Redirection, Wraps};
use crate::command::word::{Segment, Word};
use crate::command::{names, read_at};

pub(super) const SIPS: &str = "a command that reads a part of what a shell is fed, and the shell would run the rest: write `bash -c '…'`";

const UNREAD_SIPS: &str = "a program that is not known to leave alone what a shell is fed: it could take a part of that, and the shell would run the rest; give it `</dev/null`, or write `bash -c '…'`";

pub(super) const TYPED: &str = "text for a shell on a terminal, which reads it as if it was typed: leave the terminal out (`-i`, `-t`, `--pty`, `script`)";

/// What is shorter than a program's buffer it reads whole, if at all.
const MAX_SHARED: usize = 4096;

/// The smallest buffer that a program reads with (musl's stdio, of which busybox is made on Alpine).
const SMALL_BUFFER: usize = 1024;

/// Text that a shell reads from its standard input.
pub(super) fn fed(at: usize, text: &str) -> Inner {
    match shared(text) {
        Some(reason) => Inner::Refused(reason),
        None => Inner::text(at, text),
    }
}

/// Whether a program gives what it runs a terminal: a shell is interactive there, with a history and TAB (bash(1)).
pub(super) fn has_terminal(call: &Call) -> bool {
    let option = |letter: char, long: &str| {
        call.words.iter().skip(1).any(|w| {
            let text = w.literal_prefix();
            has_letter(text, &[letter]) || abbreviates(text, long)
        })
    };
    match call.name.base.as_str() {
        "script" | "run0" | "unbuffer" | "machinectl" => true,
        // Compose gives a terminal where it is not told otherwise.
        "docker-compose" | "podman-compose" => !option('T', "--no-tty"),
        "docker" | "podman" | "nerdctl" if names_compose(call) => !option('T', "--no-tty"),
        "docker" | "podman" | "nerdctl" | "kubectl" | "oc" => option('t', "--tty"),
        "ssh" => {
            let asks = |w: &Word| {
                w.literal_prefix()
                    .to_ascii_lowercase()
                    .contains("requesttty")
            };
            option('t', "") || call.words.iter().any(asks)
        }
        "su" | "runuser" => option('P', "--pty"),
        "systemd-run" => option('t', "--pty") || option('S', "--shell"),
        "setsid" => option('c', "--ctty"),
        base => SHELLS.contains(&base) && option('i', ""),
    }
}

/// Whether commands in a call's own words could read its input.
pub(super) fn substitutes(call: &Call) -> bool {
    let values = call.assignments.iter().map(|a| &a.value);
    let targets = call.redirections.iter().map(|r| &r.target);
    let mut words = call.words.iter().chain(values).chain(targets);
    words.any(|w| {
        let inside = |s: &Segment| matches!(s, Segment::Expansion(text) if text.contains("( "));
        w.segments.iter().any(inside)
    })
}

/// Why a text must not be a shell's input. What cannot be read at all is refused, with the reason, where it is read as
/// code.
pub(super) fn shared(text: &str) -> Option<&'static str> {
    let reading = read_at(text, 1).ok()?;
    let calls = &reading.calls;
    let several = text.trim_end().contains('\n');
    // Without the line in front of it, a pattern of `case` is a command.
    let case = several && reading.canonical.contains("esac");
    if case || text.contains("\\\n") || several && reading.canonical.contains('\n') {
        return Some(
            "a shell that is fed words of several lines: a command could read a part of them, and the shell would run the rest; write `bash -c '…'`",
        );
    }
    if text.len() > MAX_SHARED {
        return Some(
            "more than 4096 bytes for a shell's input: a command could read a part of them, and the shell would run the rest; write `bash -c '…'`",
        );
    }
    if sips(calls) || calls.iter().any(names_input) {
        return Some(SIPS);
    }
    if calls.iter().any(|c| may_write_there(c, calls)) {
        return Some(
            "a file that is known only when it is written, in text that a shell is fed: it could be the shell's own input; write `bash -c '…'`",
        );
    }
    if !several {
        return None;
    }
    // They read at the same time as the shell: where it stands in a line then is chance.
    let beside = |c: &Call| matches!(c.place, Place::ProcessSubstitution | Place::Receiver);
    if calls.iter().any(beside) || ["<(", ">("].iter().any(|s| reading.canonical.contains(s)) {
        return Some(SIPS);
    }
    let leaves = |call: &Call| !is_quiet(call) && !call.is_function && reaches(call, calls);
    let leaves = calls.iter().any(leaves);
    // A definition may be among what is taken.
    if leaves && calls.iter().any(|c| c.is_function) {
        return Some(SIPS);
    }
    // Behind the last line nothing is left.
    let last = text.trim_end().rfind('\n').unwrap_or_default();
    let own = |c: &Call| c.is_function && c.wraps == Wraps::Nothing;
    let unread = |c: &&Call| c.span.start < last && !is_known(c) && !own(c);
    // In a pipe as well: /proc has a name for the shell's input.
    let unread = calls.iter().filter(unread).any(|c| !has_own_input(c));
    if unread || calls.iter().any(runs_text) {
        return Some(UNREAD_SIPS);
    }
    // What reads a line leaves the shell to begin at the next one, in the middle of a command.
    let stands = |line: &str| line.trim().is_empty() || read_at(line, 1).is_ok();
    // What is ended while it reads a line, byte by byte, leaves the rest.
    if leaves && calls.iter().any(|c| c.name.base == "timeout") || calls.iter().any(sets_a_program)
    {
        return Some(SIPS);
    }
    let large = text.len() > SMALL_BUFFER && (leaves || calls.iter().any(hands_on));
    (large || leaves && !text.lines().all(stands)).then_some(SIPS)
}

/// Whether a call gives programs a variable in which they may find another that they run, or how much they read at once.
fn sets_a_program(call: &Call) -> bool {
    const PLAIN: [&str; 8] = [
        "LANG",
        "LANGUAGE",
        "TZ",
        "TERM",
        "COLUMNS",
        "LINES",
        "NO_COLOR",
        "DEBIAN_FRONTEND",
    ];
    // Programs may have these without `export`, from a login.
    const PARTS: [&str; 10] = [
        "EDITOR", "PAGER", "VISUAL", "GIT_", "LESS", "OPTIONS", "SSH", "ASKPASS", "BROWSER", "XDG_",
    ];
    let plain = |name: &str| {
        let variable = name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        !variable || name.is_empty() || name.starts_with("LC_") || PLAIN.contains(&name)
    };
    let given = |name: &str| !plain(name);
    let kept = |name: &str| !plain(name) && PARTS.iter().any(|part| name.contains(part));
    let exports = matches!(
        call.name.base.as_str(),
        "export" | "declare" | "typeset" | "local"
    );
    let declares = exports || names::named(&call.words).is_ok_and(|named| !named.is_empty());
    let mut words = call.words.iter().skip(1).filter_map(|w| {
        let (name, set) = match w.literal_prefix().split_once('=') {
            Some((name, _)) => (name, true),
            None => (w.literal_prefix(), false),
        };
        (set || declares).then_some(name)
    });
    let mut assigned = call.assignments.iter().map(|a| a.name.as_str());
    let mut lists = call.scope.lists.iter().map(|a| a.name.as_str());
    let alone = call.words.is_empty();
    assigned.any(|name| if alone { kept(name) } else { given(name) })
        || lists.any(kept)
        || words.any(|name| {
            if exports || !declares {
                given(name)
            } else {
                kept(name)
            }
        })
}

/// Whether of the commands beside a shell that reads on, one may take a part of its text.
pub(super) fn others_read(calls: &[Call]) -> bool {
    let quiet = |c: &Call| match c.wraps {
        Wraps::Nothing => is_quiet(c) || c.is_function,
        Wraps::Unknown => SHELLS.contains(&c.name.base.as_str()),
        Wraps::Calls | Wraps::Text => is_known(c),
    };
    calls
        .iter()
        .any(|c| names_input(c) || may_write_there(c, calls) || !quiet(c) && reaches(c, calls))
}

/// Whether a command may take a part of a line of the input that all of them share, and leave the rest.
pub(super) fn sips(calls: &[Call]) -> bool {
    calls.iter().any(|c| is_sip(c) && reaches(c, calls))
}

/// Whether a command of a text reads the text's own input, or could be given its name.
fn reaches(call: &Call, calls: &[Call]) -> bool {
    shares(call) || names_unknown(call, calls)
}

/// Whether a command's input is that of the text itself.
fn shares(call: &Call) -> bool {
    call.pipe.index == 0 && !has_own_input(call)
}

/// Whether all that a command's standard input is redirected from is other than that of the text.
fn has_own_input(call: &Call) -> bool {
    let input = |r: &&Redirection| match r.descriptor.as_deref() {
        None => r.operator.starts_with('<'),
        descriptor => descriptor == Some("0"),
    };
    let mut inputs = call.redirections.iter().filter(input).peekable();
    inputs.peek().is_some() && inputs.all(is_other_input)
}

/// Whether standard input is then a file or a text of its own.
fn is_other_input(redirection: &Redirection) -> bool {
    match redirection.operator.as_str() {
        "<" => is_plain_file(&redirection.target),
        operator => operator.starts_with("<<"),
    }
}

/// All words of a command, with those that it sets variables to.
fn words(call: &Call) -> impl Iterator<Item = &Word> {
    let set = call.assignments.iter().chain(&call.scope.lists);
    let operands = call.words.iter().skip(1);
    let targets = call.redirections.iter().map(|r| &r.target);
    operands.chain(targets).chain(set.map(|a| &a.value))
}

/// The names that a path, or the value of an option, is made of.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(['/', '=']);
    parts.filter(|part| !matches!(*part, "" | "."))
}

/// Whether a command names the input by a path, or moves it to another descriptor.
fn names_input(call: &Call) -> bool {
    let moves = |r: &Redirection| {
        r.operator == "<&" || r.operator == ">&" && r.descriptor.as_deref() == Some("0")
    };
    // What the text writes there, programs take for their options.
    const SETTINGS: [&str; 6] = [
        "curlrc",
        "wgetrc",
        "gitconfig",
        "apt.conf",
        ".config/",
        "inputrc",
    ];
    let named = |w: &Word| {
        let text = w.spelt();
        SETTINGS.iter().any(|part| text.contains(part))
            || text.contains(['/', '=']) && names(&text).any(|n| matches!(n, "fd" | "stdin"))
    };
    // From there, any name may be one.
    let enters = is_change_of_folder(call) && words(call).any(is_device);
    enters || call.redirections.iter().any(moves) || words(call).any(named)
}

/// Whether a command could write into the text's input: a pipe takes that by its name in /dev or /proc, and the shell, which
/// looks there for more behind the last line, runs it.
fn may_write_there(call: &Call, calls: &[Call]) -> bool {
    const WRITERS: [&str; 13] = [
        "tee", "cp", "dd", "install", "sort", "curl", "wget", "tar", "rsync", "scp", "uniq",
        "split", "script",
    ];
    let unknown = |w: &Word| w.literal().is_none() && !is_dated(w);
    let by = call.parent.and_then(|p| calls.get(p));
    let given = by.is_some_and(|c| matches!(c.name.base.as_str(), "xargs" | "parallel" | "find"));
    let operands = call.words.iter().skip(1);
    let writes = WRITERS.contains(&call.name.base.as_str());
    let targets = call.redirections.iter().filter(|r| r.writes());
    let mut targets = targets.map(|r| &r.target);
    // awk puts the name together itself.
    let prints = |w: &Word| {
        let code = w.spelt();
        code.split_once("print")
            .is_some_and(|(_, behind)| behind.contains('>'))
    };
    targets.any(unknown)
        || is_awk(&call.name.base) && operands.clone().any(prints)
        || writes && (given || operands.clone().any(unknown))
        || words(call).any(|w| unknown(w) && is_device(w))
}

/// Whether nothing of a path is unknown but a date or the shell's number, in which no `/` can be.
fn is_dated(word: &Word) -> bool {
    let path = word.literal_prefix();
    let known = path.starts_with('/') && !path.contains("..") && !is_device(word);
    known
        && word.segments.iter().all(|segment| match segment {
            Segment::Literal(_) => true,
            Segment::Glob(_) => false,
            Segment::Expansion(text) => {
                let date = text.strip_prefix("$( date ");
                text == "${$}" || date.is_some_and(|rest| !rest.contains(['/', '$', '`', '\\']))
            }
        })
}

fn is_change_of_folder(call: &Call) -> bool {
    matches!(call.name.base.as_str(), "cd" | "pushd" | "popd")
}

/// Whether a word is a path of devices or processes.
fn is_device(word: &Word) -> bool {
    names(&word.spelt()).any(|n| matches!(n, "dev" | "proc"))
}

/// Whether a command in a pipe could be given the path of the text's input by words that are known only when it runs, or
/// by a name in a folder that the text goes to.
fn names_unknown(call: &Call, calls: &[Call]) -> bool {
    let leads = |c: &Call| is_change_of_folder(c) && words(c).any(|w| w.literal().is_none());
    let operands = call.words.iter().skip(1);
    let operands = operands.filter(|w| !w.literal_prefix().starts_with('-'));
    let dynamic = |w: &Word| w.literal().is_none();
    let first = usize::from(takes_operand(call));
    operands.skip(first).any(dynamic)
        || words(call).any(|w| dynamic(w) && is_device(w))
        || calls.iter().any(leads)
}

/// Whether the first operand is no file.
fn takes_operand(call: &Call) -> bool {
    let base = call.name.base.as_str();
    base == "sed" || is_grep(base) || is_awk(base)
}

/// Whether a command hands on what it reads, a buffer at a time, to one that may end first.
fn hands_on(call: &Call) -> bool {
    let base = call.name.base.as_str();
    let operand = |w: &Word| !w.literal_prefix().starts_with('-');
    let named = !matches!(base, "tr" | "tee") && call.words.iter().skip(1).any(operand);
    call.pipe.len > 1 && shares(call) && !named && FILTERS.binary_search(&base).is_ok()
}

/// Whether a word of `head` leaves it to count lines: `-5k` is bytes (head(1), GNU).
fn is_of_lines(word: &str) -> bool {
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    match word.strip_prefix('-') {
        None => true,
        Some(option) => {
            number(option)
                || matches!(option, "q" | "v" | "-")
                || option.starts_with("-lines=")
                || option.strip_prefix('n').is_some_and(number)
        }
    }
}

/// Whether the first operand of awk stands in the line.
fn has_literal_program(call: &Call) -> bool {
    let mut words = call.words.iter().skip(1).map(Word::literal);
    while let Some(Some(word)) = words.next() {
        match word {
            "-v" | "-F" if words.next().flatten().is_none() => return false,
            "-v" | "-F" => {}
            word if !word.starts_with('-') => return true,
            _ => {}
        }
    }
    false
}

/// Whether awk or sed may run a command, which would read there too: `system(…)`, `"a" | getline`, sed's `e`.
fn runs_text(call: &Call) -> bool {
    let base = call.name.base.as_str();
    if is_awk(base) {
        // A separator is no code.
        let words = call.words.iter().skip(1).map(Word::spelt);
        let mut code = words.filter(|text| text.len() > 1 && !text.starts_with("-F"));
        let runs = |text: &str| {
            text.replace("||", "").contains('|')
                || ["system", "getline", "@"].iter().any(|s| text.contains(s))
        };
        let unread = |text: &str| {
            text.strip_prefix('-')
                .is_some_and(|option| !option.starts_with('v'))
        };
        return !has_literal_program(call) || code.any(|text| runs(&text) || unread(&text));
    }
    base == "sed" && !scripts_are_plain(call)
}

/// Whether a command may stop reading in the middle of a line: it counts bytes, or knows other ends of lines.
fn is_sip(call: &Call) -> bool {
    let words = call.words.get(1..).unwrap_or_default();
    let has = |letters: &[char]| {
        words.iter().any(|word| {
            let text = word.literal_prefix();
            word.literal().is_none() || text.starts_with('-') && text.contains(letters)
        })
    };
    match call.name.base.as_str() {
        "read" | "mapfile" | "readarray" => has(&['n', 'N', 'd', 'u', 't']),
        "head" => !words.iter().all(|w| w.literal().is_some_and(is_of_lines)),
        "line" => !words.is_empty(),
        "od" | "hexdump" | "hd" | "xxd" | "cmp" => has(&['N', 'n', 'l', 'b']),
        "dd" | "cryptsetup" => true,
        // Some read no more than a file's first bytes.
        "zcat" | "gunzip" | "gzip" | "bunzip2" | "bzcat" | "bzip2" | "uncompress" | "unzip"
        | "unxz" | "xz" | "xzcat" | "lzcat" | "unlzma" | "lzma" | "zstd" | "zstdcat" | "unzstd" => {
            !names_files(call, 0, "bSpPT")
        }
        _ => false,
    }
}
