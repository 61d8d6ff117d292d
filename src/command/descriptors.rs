//! Files that a line opens for reading, and then names by their descriptors.
//!
//! Linux opens `/dev/fd/3`, `/dev/stdin`, `/proc/self/fd/3` anew: `3</etc/passwd` and `>/dev/fd/3` write that file, and with
//! `3</etc` the name `/dev/fd/3/passwd` is `/etc/passwd`. Such a line says one file and means another: it is refused.

use super::ReadError;
use super::call::{Call, Redirection, Wraps, with_lists};
use super::word::{Segment, Word};

/// Programs that only tell of a name, and open nothing.
const TELL: [&str; 6] = ["ls", "readlink", "realpath", "stat", "test", "["];

/// Programs that only read what they open.
const READ: [&str; 11] = [
    "cat",
    "du",
    "file",
    "grep",
    "head",
    "md5sum",
    "sha1sum",
    "sha256sum",
    "tail",
    "tr",
    "wc",
];

/// Refuses a call that names a descriptor where the line opens a file for reading.
pub(super) fn check(calls: &[Call]) -> Result<(), ReadError> {
    if !may_reopen(calls) {
        return Ok(());
    }
    let redirections = || calls.iter().flat_map(|c| &c.redirections);
    let line = Line {
        copied: redirections().any(|r| copies_input(r) || closes(r)),
        moves: calls.iter().any(moves),
        goes: calls.iter().any(goes_to_devices),
    };
    let found = with_lists(calls)
        .enumerate()
        .find_map(|(at, (call, lists))| {
            let lists = lists.iter().map(|list| &list.value);
            let mut named = named(call, calls).chain(lists);
            let named = named.find_map(|word| line.descriptor(word));
            Some((call.span, named.or_else(|| line.finds(at, calls))?))
        });
    match found {
        None => Ok(()),
        Some((span, name)) => Err(ReadError {
            span,
            reason: format!(
                "`{name}` in a line that opens a file for reading: it may be another name of that file, or of what is below it; write the file's own name"
            ),
        }),
    }
}

/// Whether a descriptor's name could be another name of a file in a line: it opens one for reading, or leaves one of the first
/// three numbers to what a program opens next.
pub fn may_reopen(calls: &[Call]) -> bool {
    let mut redirections = calls.iter().flat_map(|c| &c.redirections);
    // flock opens its file, and hands it on.
    let locks = |c: &Call| c.name.base == "flock";
    redirections.any(|r| opens(r) || closes(r)) || calls.iter().any(locks)
}

/// Whether a call opens none of the names in its words, or only to read them.
pub fn only_reads(call: &Call, calls: &[Call]) -> bool {
    let base = call.name.base.as_str();
    is_itself(call, calls) && (TELL.contains(&base) || READ.contains(&base))
}

/// Whether a call's name is that of the system's program, and of no function of the line.
fn is_itself(call: &Call, calls: &[Call]) -> bool {
    let mut functions = calls.iter().flat_map(|c| &c.scope.functions);
    call.name.trusted && !functions.any(|name| *name == call.name.text)
}

/// Whether it closes one of the first three descriptors.
fn closes(redirection: &Redirection) -> bool {
    let number = redirection.descriptor.as_deref();
    matches!(redirection.operator.as_str(), "<&" | ">&")
        && redirection.target.literal() == Some("-")
        && matches!(number, None | Some("0" | "1" | "2"))
}

/// The words of a call that could name a file, where it does more than tell of it.
fn named<'a>(call: &'a Call, calls: &'a [Call]) -> impl Iterator<Item = &'a Word> {
    let base = call.name.base.as_str();
    let reads = READ.contains(&base) && is_itself(call, calls);
    let only_tells = TELL.contains(&base) && is_itself(call, calls);
    let made = move |w: &Word| reads && w.literal().is_none();
    let words = call.words.iter();
    let words = words.filter(move |w| !(only_tells || made(w)));
    let targets = call.redirections.iter();
    let targets = targets
        .filter(|r| !r.operator.starts_with("<<"))
        .map(|r| &r.target);
    let values = call.assignments.iter().map(|a| &a.value);
    words.chain(targets).chain(values)
}

/// Whether a plain name behind a call could be that of a device.
fn moves(call: &Call) -> bool {
    goes(call) || call.wraps != Wraps::Nothing
}

fn goes(call: &Call) -> bool {
    matches!(call.name.base.as_str(), "cd" | "pushd" | "popd")
}

/// Whether a call may go where the kernel keeps descriptors.
fn goes_to_devices(call: &Call) -> bool {
    let elsewhere = |w: &Word| {
        let text = w.literal().unwrap_or_default();
        let devices = ["/dev", "/proc"]
            .iter()
            .any(|folder| text.starts_with(folder));
        text.starts_with('/') && !devices && !text.contains("..") && !text.contains("//")
    };
    let mut to = call.words.iter().skip(1);
    goes(call) && !to.all(elsewhere)
}

/// Whether it opens a file or folder for reading, by its name.
fn opens(redirection: &Redirection) -> bool {
    let substituted = |s: &Segment| matches!(s, Segment::Expansion(text) if text.starts_with("<("));
    let of_kernel = redirection
        .target
        .literal()
        .and_then(|text| text.strip_prefix("/proc/"))
        .is_some_and(|name| name.bytes().all(|b| b.is_ascii_lowercase()));
    matches!(redirection.operator.as_str(), "<" | "<>")
        && !redirection.harmless
        && !of_kernel
        && !redirection.target.segments.iter().all(substituted)
}

/// Whether it could make an output of what is opened for reading: `1<&0`, `>&3`, `1<FILE`.
fn copies_input(redirection: &Redirection) -> bool {
    let input =
        |number: &str| number == "0" || number.starts_with(|c: char| ('3'..='9').contains(&c));
    let to_output = redirection.descriptor.as_deref().is_some_and(|d| !input(d));
    match redirection.operator.as_str() {
        "<&" | ">&" => !matches!(redirection.target.literal(), Some("1" | "2" | "-")),
        "<" | "<>" => to_output,
        _ => false,
    }
}

/// What a line does that gives names another meaning.
struct Line {
    /// What was opened for reading could be an output.
    copied: bool,
    /// It goes to other folders, or runs something there.
    moves: bool,
    /// It may go to the folders of descriptors.
    goes: bool,
}

impl Line {
    /// The name of a descriptor in a word. Of the outputs' only what lies below is one, as long as nothing is `copied` there.
    fn descriptor(&self, word: &Word) -> Option<String> {
        let text = word.spelt();
        let mut inside = text.match_indices('/').map(|(at, _)| &text[at + 1..]);
        let first = self.moves || text.starts_with("fd/");
        // `of=fd/3`
        let mut values = text
            .match_indices(['=', ','])
            .map(|(at, _)| &text[at + 1..]);
        let found = first && (self.names(&text) || values.any(|value| self.names(value)))
            || inside.any(|rest| self.names(rest))
            || word.literal().is_none() && is_made(word);
        found.then_some(text)
    }

    /// Where find runs something for the names of devices or processes' files, that could be one, however it puts it together.
    fn finds(&self, at: usize, calls: &[Call]) -> Option<String> {
        let call = &calls[at];
        let run = || calls.iter().filter(|c| c.parent == Some(at));
        let only_reads = call.wraps == Wraps::Calls && run().all(|c| only_reads(c, calls));
        if call.name.base != "find" || call.wraps == Wraps::Nothing || only_reads {
            return None;
        }
        let words = call.words.iter().skip(1).map(Word::spelt);
        let options = |w: &String| matches!(w.as_str(), "-H" | "-L" | "-P") || w.starts_with("-O");
        let mut paths = words
            .skip_while(options)
            .take_while(|w| !w.starts_with(['-', '(', '!']));
        let of_devices = |path: &str| path.starts_with("/dev") || path.starts_with("/proc");
        paths.find(|path| self.goes && !path.starts_with('/') || of_devices(path))
    }

    /// Whether a path begins with the name of one.
    fn names(&self, path: &str) -> bool {
        let (stream, behind) = if let Some(number) = path.strip_prefix("fd") {
            // `/fdisk`, `/fd-1`: no folder of descriptors.
            if !ends(number) && !number.starts_with('/') {
                return false;
            }
            let number = number.strip_prefix('/').unwrap_or(number);
            match number.strip_prefix(['1', '2']) {
                Some(behind) => ("fd", behind),
                None => return true,
            }
        } else if let Some(behind) = path.strip_prefix("stdin") {
            return ends(behind) || behind.starts_with('/');
        } else {
            let outputs = ["stdout", "stderr"].iter();
            match outputs.filter_map(|s| path.strip_prefix(*s)).next() {
                Some(behind) => ("std", behind),
                None => return false,
            }
        };
        // Another number, or one of the outputs.
        let more = stream == "fd" && behind.starts_with(|c: char| c.is_ascii_digit());
        more || behind.starts_with('/') || self.copied && ends(behind)
    }
}

/// Whether a name ends here, also where a shell cuts words.
fn ends(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with([' ', '\t', '\n', ';', '\'', '"'])
}

/// Whether the shell could make such a name of a word that begins so: `/dev/f?/3`, `/dev/{fd,fd}/3`.
fn is_made(word: &Word) -> bool {
    let text = word.literal_prefix();
    let below =
        |folder: &str| text.starts_with(folder) || text.len() > 1 && folder.starts_with(text);
    below("/dev/") || below("/proc/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_known_by_its_name() {
        let is = |text: &str, copied, moves| {
            let line = Line {
                copied,
                moves,
                goes: moves,
            };
            line.descriptor(&Word::of(text)).is_some()
        };
        for text in [
            "/dev/stdin",
            "/dev/fd/0",
            "/dev/fd/3",
            "/dev/fd/3/usr",
            "/dev/fd/10",
            "/dev/fd",
            "/dev/fd/",
            "/proc/self/fd/3",
            "/dev/stdin/x",
            "/dev/fd/1/x",
            "/dev/stdout/x",
            "fd/3",
            "@/dev/stdin",
            "of=/dev/fd/3",
            "/proc/12/task/12/fd/3",
            "/fdisk/dev/fd/3",
            "/dev/fd/$x",
        ] {
            assert!(is(text, false, false), "{text}");
        }
        for text in ["/dev/stdout", "/dev/fd/1", "/dev/stderr", "/proc/self/fd/2"] {
            assert!(!is(text, false, true) && is(text, true, false), "{text}");
        }
        for text in ["stdin", "fd", "stdin/x", "stdout/x"] {
            assert!(!is(text, true, false) && is(text, false, true), "{text}");
        }
        for text in [
            "/sbin/fdisk",
            "/etc/stdin.conf",
            "a",
            "/dev/fdx",
            "/x/stdinx",
        ] {
            assert!(!is(text, true, true), "{text}");
        }
    }
}
