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
const READ: [&str; 6] = ["cat", "grep", "head", "tail", "tr", "wc"];

/// Refuses a call that names a descriptor where the line opens a file for reading.
pub(super) fn check(calls: &[Call]) -> Result<(), ReadError> {
    let redirections = || calls.iter().flat_map(|c| &c.redirections);
    // flock opens its file, and hands it on.
    let locks = |c: &Call| c.name.base == "flock";
    if !redirections().any(opens) && !calls.iter().any(locks) {
        return Ok(());
    }
    let line = Line {
        copied: redirections().any(copies_input),
        moves: calls.iter().any(moves),
    };
    let found = with_lists(calls).find_map(|(call, lists)| {
        let lists = lists.iter().map(|list| &list.value);
        let mut named = named(call).chain(lists);
        named.find_map(|word| Some((call.span, line.descriptor(word)?)))
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

/// The words of a call that could name a file, where it does more than tell of it.
fn named(call: &Call) -> impl Iterator<Item = &Word> {
    let base = call.name.base.as_str();
    let reads = READ.contains(&base);
    let only_tells = TELL.contains(&base);
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
    matches!(call.name.base.as_str(), "cd" | "pushd" | "popd") || call.wraps != Wraps::Nothing
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
}

impl Line {
    /// The name of a descriptor in a word. Of the outputs' only what lies below is one, as long as nothing is `copied` there.
    fn descriptor(&self, word: &Word) -> Option<String> {
        let text = word.spelt();
        let mut inside = text.match_indices('/').map(|(at, _)| &text[at + 1..]);
        let first = self.moves || text.starts_with("fd/");
        let found = first && self.names(&text)
            || inside.any(|rest| self.names(rest))
            || word.literal().is_none() && is_made(word);
        found.then_some(text)
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
            let line = Line { copied, moves };
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
