//! Sees through programs that run other programs: what is wrapped becomes a call of its own.
//!
//! A wrapper whose options are not understood exactly runs something unknown: it is marked so, and every
//! word that could be the wrapped command is put before the policy as well, so that what is forbidden
//! is seen. Must never make a line look like less than it is.

mod each;
mod forms;
mod opaque;
mod options;
mod shells;
mod tells;

use super::call::{Call, Place, Sudo, Wraps};
use super::evaluated;
use super::name;
use super::word::{Segment, Word};
use super::{ReadError, read_at};
use each::{find_actions, replace};
use forms::FORMS;
use opaque::{guesses, is_exec};
use options::formed;
use shells::{SHELLS, shell_text, splits, trapped};
use tells::only_tells;

pub use opaque::is_interpreter;

/// Deepest nesting of wrappers in wrappers.
pub const MAX_DEPTH: usize = 16;
/// Most calls of one line.
const MAX_CALLS: usize = 4096;

/// Replaces each wrapper by itself and what it runs.
///
/// # Errors
/// When the nesting is too deep or the calls are too many: the line is then refused.
pub fn see_through(calls: Vec<Call>, depth: usize) -> Result<Vec<Call>, ReadError> {
    let mut out: Vec<Call> = Vec::with_capacity(calls.len());
    let mut moved = Vec::with_capacity(calls.len());
    for mut call in calls {
        // What a substitution stands in comes before it, and may have become several calls.
        call.inside = call.inside.and_then(|i| moved.get(i).copied());
        moved.push(out.len());
        expand(call, depth, &mut out)?;
    }
    Ok(out)
}

fn refuse(call: &Call, reason: &str) -> ReadError {
    ReadError {
        span: call.span,
        reason: reason.to_owned(),
    }
}

fn expand(mut call: Call, depth: usize, out: &mut Vec<Call>) -> Result<(), ReadError> {
    if out.len() >= MAX_CALLS {
        return Err(refuse(&call, "the line runs too many commands"));
    }
    evaluated::check(&call)?;
    let base = call.name.base.clone();
    let found = if only_tells(&call) {
        Inner::None
    } else if base == "trap" {
        trapped(&call)
    } else if base == "env" && splits(&call) {
        Inner::Refused("`env -S` splits text by rules of its own: write the words out")
    } else if base == "find" {
        find_actions(&call)
    } else if SHELLS.contains(&base.as_str()) {
        shell_text(&call)
    } else if let Some(form) = FORMS.iter().find(|f| f.names.contains(&base.as_str())) {
        formed(&call, form)
    } else if is_interpreter(&base) || is_exec(&call) {
        Inner::Unknown
    } else {
        Inner::None
    };
    if depth >= MAX_DEPTH && !matches!(found, Inner::None) {
        return Err(refuse(
            &call,
            "commands are wrapped in one another too deeply",
        ));
    }
    let parent = out.len();
    match found {
        Inner::None | Inner::Nothing => {
            out.push(call);
            Ok(())
        }
        Inner::Refused(reason) => Err(refuse(&call, reason)),
        Inner::Argv(at) => {
            let mut words = call.words.split_off(at);
            if base == "xargs" {
                replace(&call.words, &mut words);
            }
            if words[0].literal().is_none() {
                return Err(refuse(
                    &call,
                    &format!(
                        "the command that `{base}` runs is known only when it runs: write its name"
                    ),
                ));
            }
            call.wraps = Wraps::Calls;
            let mut inner = wrapped(&call, words, parent);
            if base == "xargs" {
                inner.words.push(Word {
                    segments: vec![Segment::Expansion("…".into())],
                    span: call.span,
                });
            }
            out.push(call);
            expand(inner, depth + 1, out)
        }
        Inner::Each(lists) => {
            call.wraps = Wraps::Calls;
            let inner: Vec<Call> = lists
                .into_iter()
                .map(|words| wrapped(&call, words, parent))
                .collect();
            out.push(call);
            inner
                .into_iter()
                .try_for_each(|c| expand(c, depth + 1, out))
        }
        Inner::Text { at, text } => text_inside(call, at, &text, depth, out),
        Inner::Unknown => {
            call.wraps = Wraps::Unknown;
            guesses(call, depth, out)
        }
    }
}

/// What a wrapper runs.
enum Inner {
    /// It is no wrapper.
    None,
    /// A wrapper with nothing to run (`env` alone).
    Nothing,
    /// The words from there on.
    Argv(usize),
    /// Several commands (`find -exec`).
    Each(Vec<Vec<Word>>),
    /// Text for a shell; the wrapper's own words end at `at`.
    Text { at: usize, text: String },
    /// Something that is not read.
    Unknown,
    /// Something that must not be run unread.
    Refused(&'static str),
}

/// A call for wrapped words.
fn wrapped(wrapper: &Call, words: Vec<Word>, parent: usize) -> Call {
    let own = match wrapper.name.base.as_str() {
        "sudo" if is_plain_sudo(wrapper) => Sudo::Plain,
        "sudo" | "doas" | "pkexec" | "su" | "runuser" => Sudo::Other,
        _ => Sudo::No,
    };
    let sudo = match (wrapper.sudo, own) {
        (Sudo::No, own) => own,
        (outer, Sudo::No) => outer,
        (Sudo::Plain, Sudo::Plain) => Sudo::Plain,
        _ => Sudo::Other,
    };
    Call {
        name: name::of(words.first().and_then(Word::literal)),
        words,
        assignments: Vec::new(),
        redirections: wrapper.redirections.clone(),
        pipe: wrapper.pipe,
        place: Place::Wrapped,
        parent: Some(parent),
        inside: wrapper.inside,
        sudo,
        wraps: Wraps::Nothing,
        scope: wrapper.scope.clone(),
        span: wrapper.span,
    }
}

/// `sudo` with no option but `-n` and `-u root`.
pub fn is_plain_sudo(call: &Call) -> bool {
    let mut words = call
        .words
        .iter()
        .skip(1)
        .map(|w| w.literal().unwrap_or("$"));
    while let Some(word) = words.next() {
        match word {
            "-n" | "--non-interactive" | "--" => {}
            "-u" if words.next() == Some("root") => {}
            _ => return false,
        }
    }
    call.assignments.is_empty()
}

/// Reads a shell's text; what cannot be read makes the wrapper one of something unknown.
fn text_inside(
    mut call: Call,
    at: usize,
    text: &str,
    depth: usize,
    out: &mut Vec<Call>,
) -> Result<(), ReadError> {
    let parent = out.len();
    let reading = read_at(text, depth + 1).map_err(|e| {
        refuse(
            &call,
            &format!(
                "the text inside `{}` cannot be read: {}",
                call.name.base, e.reason
            ),
        )
    })?;
    if reading.shell == super::Shell::Bash
        && !matches!(call.name.base.as_str(), "bash" | "rbash" | "eval" | "trap")
    {
        return Err(refuse(
            &call,
            &format!(
                "only bash reads the text inside `{}` so: use `bash -c`",
                call.name.base
            ),
        ));
    }
    call.wraps = if reading.is_strict() {
        Wraps::Calls
    } else {
        Wraps::Text
    };
    // The text stays among the wrapper's words for a shell (it is a word of it), and leaves them for ssh.
    if !SHELLS.contains(&call.name.base.as_str()) {
        call.words.truncate(at);
    }
    let outer = wrapped(&call, Vec::new(), parent);
    let call_inside = call.inside;
    out.push(call);
    let offset = out.len();
    let pipelines = 1 + out
        .iter()
        .map(|c| c.pipe.pipeline)
        .max()
        .unwrap_or_default();
    for mut inner in reading.calls {
        if out.len() >= MAX_CALLS {
            return Err(refuse(&inner, "the line runs too many commands"));
        }
        inner.parent = Some(inner.parent.map_or(parent, |p| p + offset));
        inner.inside = inner.inside.map(|i| i + offset).or(call_inside);
        inner.pipe.pipeline += pipelines;
        inner.place = Place::Wrapped;
        inner.span = outer.span;
        inner
            .redirections
            .extend(outer.redirections.iter().cloned());
        if inner.sudo == Sudo::No {
            inner.sudo = outer.sudo;
        }
        out.push(inner);
    }
    Ok(())
}

fn push(call: Call, out: &mut Vec<Call>) -> Result<(), ReadError> {
    if out.len() >= MAX_CALLS {
        return Err(refuse(&call, "the line runs too many commands"));
    }
    out.push(call);
    Ok(())
}
