//! Calls of wrappers and interpreters that only tell something (`python3 --version`) and run nothing.

use crate::command::call::Call;
use crate::command::word::Word;

/// Whether the one word behind a program asks only for its version, or for a list.
pub(super) fn only_tells(call: &Call) -> bool {
    // `command -v NAME` says what a name is.
    if call.name.base == "command" {
        let first = call.words.get(1).and_then(Word::literal);
        return matches!(first, Some("-v" | "-V"))
            && call.words[2..].iter().all(|w| w.literal().is_some());
    }
    match call.words.get(1..).unwrap_or_default() {
        [word] => match word.literal() {
            Some("--version" | "--help") => call.name.base != "eval",
            Some("-V") => {
                call.name.base.starts_with("python")
                    || matches!(call.name.base.as_str(), "sudo" | "ssh" | "redis-cli")
            }
            Some("-v") => matches!(
                call.name.base.as_str(),
                "node" | "php" | "perl" | "ruby" | "npm"
            ),
            Some("-l") => call.name.base == "crontab",
            Some("-m" | "--ini") => call.name.base == "php",
            _ => false,
        },
        words => {
            let words: Option<Vec<&str>> = words.iter().map(Word::literal).collect();
            match (call.name.base.as_str(), words.as_deref()) {
                ("crontab", Some(["-l", "-u", _] | ["-u", _, "-l"])) => true,
                ("nc" | "netcat", Some(words)) => only_knocks(words),
                _ => false,
            }
        }
    }
}

/// `nc -z`: sees whether a port is open and sends nothing. No word may be one of those that run a program.
fn only_knocks(words: &[&str]) -> bool {
    let mut knocks = false;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match *word {
            option if option.starts_with('-') => {
                // `-zvw3`, `-zvw 3`: the seconds are glued or the next word.
                let (letters, seconds) = match option[1..].split_once('w') {
                    Some((letters, "")) => (letters, rest.next().copied().unwrap_or("-")),
                    Some((letters, glued)) => (letters, glued),
                    None => (&option[1..], "0"),
                };
                let plain = !seconds.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit());
                if option.len() < 2 || !plain || !letters.bytes().all(|b| b"zvnu46".contains(&b)) {
                    return false;
                }
                knocks |= letters.contains('z');
            }
            _ => {}
        }
    }
    knocks
}
