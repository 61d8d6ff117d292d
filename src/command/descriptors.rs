//! Files that a line opens for reading, and then names by their descriptors.
//!
//! Linux opens `/dev/fd/3`, `/dev/stdin`, `/proc/self/fd/3` anew: `3</etc/passwd` and `>/dev/fd/3` write that file, and with
//! `3</etc` the name `/dev/fd/3/passwd` is `/etc/passwd`. Such a line says one file and means another: it is refused.

use super::ReadError;
use super::call::{Call, Redirection, Wraps};
use super::word::{Segment, Word};

/// Programs that only tell of a name, and open nothing.
const TELL: [&str; 6] = ["ls", "readlink", "realpath", "stat", "test", "["];

/// Refuses a call that names a descriptor where the line opens a file for reading.
pub(super) fn check(calls: &[Call]) -> Result<(), ReadError> {
    let redirections = || calls.iter().flat_map(|c| &c.redirections);
    if !redirections().any(opens) {
        return Ok(());
    }
    let copied = redirections().any(copies_input);
    let found = calls.iter().find_map(|call| {
        let only_tells = TELL.contains(&call.name.base.as_str());
        // The text of a shell was read by itself.
        let text = |w: &Word| call.wraps == Wraps::Text && w.spelt().contains([' ', '\n', ';']);
        let words = call
            .words
            .iter()
            .skip(1)
            .filter(|w| !only_tells && !text(w));
        let targets = call
            .redirections
            .iter()
            .filter(|r| !r.operator.starts_with("<<"));
        let mut named = words.chain(targets.map(|r| &r.target));
        named.find_map(|word| Some((call.span, descriptor(word, copied)?)))
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

/// Whether it could make the output of what was opened for reading: `1<&0`, `>&3`.
fn copies_input(redirection: &Redirection) -> bool {
    matches!(redirection.operator.as_str(), "<&" | ">&")
        && !matches!(redirection.target.literal(), Some("1" | "2" | "-"))
}

/// The name of a descriptor in a word. Of the outputs' only what lies below is one, as long as nothing is `copied` there.
fn descriptor(word: &Word, copied: bool) -> Option<String> {
    let text = word.spelt();
    let names = |rest: &str| {
        let (stream, behind) = match rest.strip_prefix("fd") {
            Some(number) => ("", number.strip_prefix('/').unwrap_or(number)),
            None => {
                let stream = STREAMS.iter().find(|s| rest.starts_with(**s));
                stream.map_or(("-", ""), |s| (*s, &rest[s.len()..]))
            }
        };
        let behind = match stream {
            // `/fdisk`, `/fd-1`: no folder of descriptors.
            "" if !matches!(rest.as_bytes().get(2), None | Some(b'/')) => return false,
            "" => match behind.strip_prefix(['1', '2']) {
                Some(behind) => behind,
                None => return true,
            },
            "-" => return false,
            "stdin" => return behind.is_empty() || behind.starts_with('/'),
            _ => behind,
        };
        // Another name or number, or one of the outputs.
        let more = behind.starts_with(|c: char| c.is_ascii_digit());
        let folder = behind.starts_with('/');
        stream.is_empty() && more || folder || copied && behind.is_empty()
    };
    let inside = text.match_indices('/').map(|(at, _)| &text[at + 1..]);
    let found = text.starts_with("fd/") && names(&text) || inside.into_iter().any(names);
    found.then_some(text)
}

const STREAMS: [&str; 3] = ["stdin", "stdout", "stderr"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_known_by_its_name() {
        let is = |text: &str, copied| descriptor(&Word::of(text), copied).is_some();
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
            assert!(is(text, false), "{text}");
        }
        for text in ["/dev/stdout", "/dev/fd/1", "/dev/stderr", "/proc/self/fd/2"] {
            assert!(!is(text, false) && is(text, true), "{text}");
        }
        for text in [
            "/sbin/fdisk",
            "/etc/stdin.conf",
            "fd",
            "a",
            "/dev/fdx",
            "/x/stdinx",
        ] {
            assert!(!is(text, true), "{text}");
        }
    }
}
