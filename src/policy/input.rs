//! What stands on a call's standard input, and whether a rule wants it there.
//!
//! Must never take input that another may have written for none.

use super::allow::{Miss, miss};
use super::awk_sets;
use super::rule::{Rule, Stdin};
use crate::command::{Call, Place, Reading, Redirection, Word, Wraps};

/// Whether standard input comes from where the rule wants it; `given` operands are there.
pub(super) fn stdin(rule: &Rule, call: &Call, given: usize) -> Result<(), Miss> {
    let behind_pipe = call.pipe.index > 0;
    match rule.stdin {
        Stdin::Pipe if !behind_pipe => Err(miss(
            6,
            "it reads standard input, and stands behind no pipe",
        )),
        Stdin::PipeOrOperand
            if !behind_pipe && given <= rule.operands.min && !awk_sets::reads_nothing(call) =>
        {
            Err(miss(
                6,
                "without a file it reads standard input, and it stands behind no pipe",
            ))
        }
        _ => Ok(()),
    }
}

/// Whether there is nothing to read on a call's standard input, or the line feed of a bare `echo`.
pub(super) fn is_silent(reading: &Reading, call: &Call) -> bool {
    let from_null = |fed: &Fed| {
        let null = |r: &Redirection| r.harmless && r.operator == "<";
        fed.plain_line && call.redirections.iter().any(null)
    };
    fed(reading, call, says_nothing).is_some_and(|f| f.piped || from_null(&f) || !f.inherits)
}

/// Whether a call reads one of the known questions, and nothing else.
pub(super) fn is_asked(reading: &Reading, call: &Call) -> bool {
    fed(reading, call, asks).is_some_and(|f| f.piped)
}

/// Where a call's standard input comes from.
struct Fed {
    /// From a pipe.
    piped: bool,
    /// From what is around it, where no pipe takes its place.
    inherits: bool,
    /// No group, loop or function is in the line.
    plain_line: bool,
}

/// Where a call's standard input comes from: none where that is a file, or a pipe of whose commands `says` does not
/// know one.
fn fed(reading: &Reading, call: &Call, says: impl Fn(&Call) -> bool) -> Option<Fed> {
    let reads = |c: &Call| {
        c.redirections
            .iter()
            .any(|r| !r.harmless && r.operator.starts_with('<'))
    };
    // Redirections of groups and loops are those of all calls in them, but a pipe inside takes their place.
    let plain = |c: &Call| matches!(c.place, Place::Top | Place::Substitution | Place::Wrapped);
    let plain_line = reading.calls.iter().all(plain);
    let (mut at, mut piped, mut inherits) = (Some(call), false, !plain_line);
    while let Some(here) = at {
        if reads(here) || here.wraps.is_in_doubt() {
            return None;
        }
        if here.pipe.index > 0 {
            piped = true;
            let mut feeders = reading
                .calls
                .iter()
                .filter(|c| c.pipe.pipeline == here.pipe.pipeline)
                .filter(|c| c.pipe.index + 1 == here.pipe.index)
                .peekable();
            if feeders.peek().is_none() || !feeders.all(&says) {
                return None;
            }
        }
        inherits |= here.place == Place::Substitution;
        at = here.parent.and_then(|index| reading.calls.get(index));
    }
    Some(Fed {
        piped,
        inherits,
        plain_line,
    })
}

/// `echo`, `echo ''` and `echo Q`, which ends the talk of `openssl s_client`.
fn says_nothing(call: &Call) -> bool {
    let words: Vec<Option<&str>> = call.words.iter().skip(1).map(Word::literal).collect();
    call.name.trusted
        && call.name.base == "echo"
        && call.wraps == Wraps::Nothing
        && call.pipe.index == 0
        && matches!(words.as_slice(), [] | [Some("" | "Q" | "-n")])
}

/// What haproxy, memcached, ZooKeeper and redis are asked for their state with: no other program that reads lines
/// would take one of these for an order.
const QUESTIONS: [&str; 24] = [
    "show stat",
    "show info",
    "show servers state",
    "show servers conn",
    "show backend",
    "show pools",
    "show activity",
    "show version",
    "show threads",
    "show resolvers",
    "stats",
    "stats items",
    "stats slabs",
    "stats settings",
    "stats conns",
    "version",
    "ruok",
    "stat",
    "srvr",
    "mntr",
    "isro",
    "ping",
    "PING",
    "info",
];

/// `echo stats`, `echo "show stat"`, `echo show stat`, `printf 'stats\n'`.
fn asks(call: &Call) -> bool {
    let words: Option<Vec<&str>> = call.words.iter().skip(1).map(Word::literal).collect();
    let plain = call.name.trusted && call.wraps == Wraps::Nothing && call.pipe.index == 0;
    let Some(words) = words.filter(|_| plain) else {
        return false;
    };
    let said = match (call.name.base.as_str(), words.as_slice()) {
        ("echo", ["-n" | "-e", words @ ..] | words) => words.join(" "),
        ("printf", [text]) => text
            .strip_suffix("\\n")
            .map(|t| t.strip_suffix("\\r").unwrap_or(t))
            .unwrap_or(text)
            .to_owned(),
        _ => return false,
    };
    QUESTIONS.contains(&said.as_str())
}
