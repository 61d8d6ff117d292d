//! Text that a shell is fed through its standard input, where its commands read as well.
//!
//! Of what one of them takes a part, the shell runs the rest, from the middle of a line or of a command; and what one
//! writes into a pipe by its name in /dev or /proc, the shell runs behind the last line. So only `( … ); exit` may pass as
//! read: of that the shell has read all before it runs any, nothing in the parentheses changes the shell around them, and
//! it never looks for more.

use super::Inner;
use super::seen::{Seen, refuse};
use super::shells::SHELLS;
use super::terminal::{TYPED, has_terminal};
use super::told::{abbreviates, has_letter};
use crate::command::call::{Call, Place, Redirection, Sudo, Wraps};
use crate::command::word::{Segment, Word};
use crate::command::{ReadError, Reading, read_at};

pub(super) const SIPS: &str = "a command that could take a part of what a shell beside it is fed, which would run the rest: write `bash -c '…'`";

const OPEN: &str = "text that a shell is fed, of which a command could take a part, or to which it could add, and the shell would run what nobody read: put all of it in `( … ); exit`";

const PASSWORD: &str = "a password is read from what the shell is fed: leave `-S`, `-A`, `-b` out, and `su` without `sudo`";

const LOGIN: &str = "text for a login shell, or one that is not named: it runs files of its own behind the text, and could be any shell; name it (`ssh h bash`), without `-l`";

const AROUND: &str = "text for a shell that is started by a program which could start it twice, change what it reads, or read there itself: write `bash -c '…'`";

pub(in crate::command) const BESIDE: &str = "a command in the line of a shell that is fed its text, which could run beside it and take a part of that: send it by itself";

const SECOND: &str = "a second shell that is fed its text: send it by itself";

/// Text that a call's shell reads from its standard input.
pub(super) fn fed(call: &Call, at: usize, text: &str, seen: &Seen) -> Inner {
    match unfit(call, seen) {
        Some(reason) => Inner::Refused(reason),
        None if call.name.base == "ssh" => Inner::Refused(LOGIN),
        None => Inner::Fed {
            at,
            text: text.to_owned(),
        },
    }
}

/// Whether commands in the words of a call, or in front of what runs it, could read its input before it does.
pub(super) fn is_read_before(call: &Call, seen: &Seen) -> bool {
    substitutes(call) || seen.is_within(call, assigns_output)
}

/// Refuses a text that a call could give to a shell, so many wrappers deep, unless that reads it as one piece.
pub(super) fn check(call: &Call, text: &str, seen: &Seen, depth: usize) -> Result<(), ReadError> {
    if let Some(reason) = unfit(call, seen) {
        return Err(refuse(call, reason));
    }
    match read_at(text, depth) {
        Ok(reading) => check_closed(call, &reading),
        Err(_) => Err(refuse(call, OPEN)),
    }
}

pub(super) fn check_closed(call: &Call, reading: &Reading) -> Result<(), ReadError> {
    if reading.is_closed {
        Ok(())
    } else {
        Err(refuse(call, OPEN))
    }
}

/// Why no text must be the input of a call's shell.
fn unfit(call: &Call, seen: &Seen) -> Option<&'static str> {
    let held = |is: fn(&Call) -> bool| seen.is_within(call, is);
    match () {
        () if is_read_before(call, seen) => Some(SIPS),
        () if held(is_login) => Some(LOGIN),
        () if held(has_terminal) => Some(TYPED),
        () if held(takes_password) => Some(PASSWORD),
        () if held(|c| !starts_once(c)) => Some(AROUND),
        () => None,
    }
}

/// Refuses what stands in a line beside the shell that is fed its text, but for what surely is at its end before that
/// begins, and filters of what it says: by a name in /proc others could find its input, and read there first.
pub(super) fn check_beside(calls: &[Call], fed: &[usize]) -> Result<(), ReadError> {
    let Some(shell) = fed.first() else {
        return Ok(());
    };
    if let Some(second) = fed.get(1) {
        return Err(refuse(&calls[*second], SECOND));
    }
    // The shell, what it runs, and what runs it.
    let mut apart = vec![false; calls.len()];
    for (at, call) in calls.iter().enumerate() {
        apart[at] = at == *shell || call.parent.is_some_and(|by| apart.get(by) == Some(&true));
    }
    let mut by = calls[*shell].parent;
    while let Some(at) = by.filter(|at| !apart[*at]) {
        apart[at] = true;
        by = calls[at].parent;
    }
    let mut others = calls.iter().zip(&apart).filter(|(_, apart)| !**apart);
    match others.find(|(call, _)| !is_harmless(call)) {
        None => Ok(()),
        Some((call, _)) => Err(refuse(call, BESIDE)),
    }
}

/// Whether a command runs nothing else, and is at its end when the shell goes on, or filters what comes through a pipe.
fn is_harmless(call: &Call) -> bool {
    const ENDS: [&str; 13] = [
        "printf", "pwd", "date", "hostname", "id", "whoami", "basename", "dirname", "sleep",
        "mkdir", "mktemp", "exit", "wait",
    ];
    let base = call.name.base.as_str();
    let targets = call.redirections.iter().map(|r| &r.target);
    let mut named = call.words.iter().chain(targets);
    let names_process = named.any(|w| w.spelt().contains("proc"));
    let known = match call.pipe.len {
        1 => BUILTINS.contains(&base) || ENDS.contains(&base),
        _ => is_filter(call),
    };
    let plain = call.name.trusted && call.wraps == Wraps::Nothing && !names_process;
    let sets = call.words.is_empty() && call.pipe.len == 1;
    (sets || known && plain) && !reads_file(call)
}

/// Whether a call reads a file by itself: `<FILE`, and bash's `$(<FILE)`.
fn reads_file(call: &Call) -> bool {
    let values = call.assignments.iter().map(|a| &a.value);
    let inside = |s: &Segment| matches!(s, Segment::Expansion(text) if text.contains('<'));
    let targets = call.redirections.iter().map(|r| &r.target);
    let mut words = call.words.iter().chain(values).chain(targets);
    let input = |r: &Redirection| r.operator.starts_with('<') && !r.operator.starts_with("<<");
    words.any(|w| w.segments.iter().any(inside))
        || call.redirections.iter().any(|r| input(r) && !r.harmless)
}

/// Whether a command of a pipeline surely opens no file for reading.
fn is_filter(call: &Call) -> bool {
    let words: Option<Vec<&str>> = call.words.iter().skip(1).map(Word::literal).collect();
    let Some(words) = words else {
        return false;
    };
    let mut operands = words.iter().filter(|w| !w.starts_with('-'));
    let long = words.iter().any(|w| w.starts_with("--"));
    let number = |w: &&str| w.bytes().all(|b| b.is_ascii_digit());
    match call.name.base.as_str() {
        "echo" | "printf" | "tr" => true,
        "cat" | "cut" | "sort" | "wc" => operands.next().is_none() && !long,
        "head" | "tail" => operands.all(number) && !long,
        "grep" => {
            let files = words
                .iter()
                .any(|w| has_letter(w, &['d', 'D', 'f', 'r', 'R']));
            operands.count() == 1 && !files && !long
        }
        "tee" => operands.all(|w| w.starts_with('/')),
        _ => false,
    }
}

/// Builtins that read nothing, and write nothing but their output.
const BUILTINS: [&str; 11] = [
    ":", "[", "cd", "echo", "export", "false", "set", "test", "true", "umask", "unset",
];

/// Whether a program starts what it is given once, waits for it, and leaves its input alone.
pub(in crate::command) fn starts_once(call: &Call) -> bool {
    const STARTS: [&str; 27] = [
        "at",
        "batch",
        "chroot",
        "chrt",
        "command",
        "docker",
        "docker-compose",
        "doas",
        "env",
        "exec",
        "ionice",
        "ip",
        "kubectl",
        "nerdctl",
        "nice",
        "nohup",
        "nsenter",
        "oc",
        "podman",
        "podman-compose",
        "runuser",
        "ssh",
        "su",
        "sudo",
        "taskset",
        "timeout",
        "unshare",
    ];
    let restarts = |w: &Word| w.spelt().contains("Restart");
    match call.name.base.as_str() {
        "systemd-run" => !call.words.iter().any(restarts),
        base => STARTS.contains(&base) || SHELLS.contains(&base),
    }
}

/// Whether a call is of a login shell, which runs ~/.bash_logout at `exit`, or of one that a wrapper starts where it is
/// given no command: that may be interactive (chroot(1)).
fn is_login(call: &Call) -> bool {
    let base = call.name.base.as_str();
    let shell = SHELLS.contains(&base);
    let login = |w: &Word| {
        let text = w.literal_prefix();
        has_letter(text, &['l']) || abbreviates(text, "--login")
    };
    let unnamed = |w: &Word| {
        let text = w.literal_prefix();
        let long = ["--login", "--shell"];
        has_letter(text, &['i', 's']) || long.iter().any(|option| abbreviates(text, option))
    };
    let mut options = call.words.iter().skip(1);
    match base {
        "exec" => options.any(login),
        "su" | "runuser" => options.any(|w| w.literal() == Some("-") || login(w)),
        "sudo" => options.any(unnamed),
        _ => shell && (call.is_implied() || options.any(login)),
    }
}

/// Whether a program may read a password in front of what the shell that it runs is fed, or beside it (sudo(8), pam(3)).
fn takes_password(call: &Call) -> bool {
    let words = || call.words.iter().skip(1).map(Word::literal_prefix);
    match call.name.base.as_str() {
        "sudo" => words().any(|w| {
            let long = ["--stdin", "--askpass", "--background"];
            has_letter(w, &['A', 'S', 'b']) || long.iter().any(|option| abbreviates(w, option))
        }),
        "su" => call.sudo != Sudo::Plain,
        _ => false,
    }
}

/// Whether commands in a call's own words could read its input.
fn substitutes(call: &Call) -> bool {
    let targets = call.redirections.iter().map(|r| &r.target);
    call.words.iter().chain(targets).any(is_output) || assigns_output(call)
}

/// Whether commands in front of a call could read its input: dash runs them behind its redirections.
fn assigns_output(call: &Call) -> bool {
    call.assignments.iter().any(|a| is_output(&a.value))
}

/// Whether commands stand in a word.
fn is_output(word: &Word) -> bool {
    let inside = |s: &Segment| matches!(s, Segment::Expansion(text) if text.contains("( "));
    word.segments.iter().any(inside)
}

/// Whether of the commands beside a shell that reads on, one may take a part of its text, or add to it.
pub(super) fn others_read(reading: &Reading) -> bool {
    const WRAPPERS: [&str; 8] = [
        "command", "env", "exec", "ionice", "nice", "nohup", "sudo", "timeout",
    ];
    let flags = |text: &str| text.bytes().all(|b| b"-esux".contains(&b));
    let option = |w: &Word| {
        w.literal()
            .is_some_and(|text| text.starts_with('-') && flags(text))
    };
    let reads_on = |c: &Call| {
        let shell = SHELLS.contains(&c.name.base.as_str());
        shell && !is_login(c) && c.wraps == Wraps::Unknown && c.words.iter().skip(1).all(option)
    };
    let quiet = |c: &Call| {
        let base = c.name.base.as_str();
        let known = match c.wraps {
            Wraps::Nothing => BUILTINS.contains(&base),
            Wraps::Calls | Wraps::Text => WRAPPERS.contains(&base),
            Wraps::Unknown | Wraps::More => reads_on(c),
        };
        let once = matches!(c.place, Place::Top | Place::Wrapped);
        (c.words.is_empty() || known && c.name.trusted)
            && !reads_file(c)
            && once
            && !takes_password(c)
            && !has_terminal(c)
            && c.redirections.iter().all(|r| r.harmless)
    };
    // To a second one the first could leave something.
    let readers = reading.calls.iter().filter(|c| reads_on(c)).count();
    readers > 1 || reading.beside.is_some() || !reading.calls.iter().all(quiet)
}
