//! Sees through programs that run other programs: what is wrapped becomes a call of its own.
//!
//! A wrapper whose options are not understood exactly runs something unknown: it is marked so, and every
//! word that could be the wrapped command is put before the policy as well, so that what is forbidden
//! is seen. Must never make a line look like less than it is.

mod besides;
mod clients;
mod containers;
mod each;
mod fed;
mod find;
mod formed;
mod forms;
mod identity;
mod jobs;
mod manner;
mod opaque;
mod options;
mod parallel;
mod programs;
mod runs;
mod scripts;
mod seen;
mod shells;
mod subcommands;
mod tells;
mod terminal;
mod told;

use super::ReadError;
use super::call::{Call, Place};
use super::full::REDEFINERS;
use super::names::Uses;
use super::word::Word;
use besides::is_exec;
pub(super) use fed::{BESIDE, starts_once};
pub(super) use find::{ACTIONS as FIND_ACTIONS, WRITES as FIND_WRITES};
use seen::Seen;
pub(super) use shells::SHELLS;

pub use besides::runs_besides;
pub(super) use clients::told_by_input;
pub(crate) use identity::sudo_takes;
pub use programs::is_interpreter;
pub(super) use scripts::in_doubt as scripts_in_doubt;
pub(super) use tells::may_leave_a_file;
pub(crate) use tells::{imports, lays_out_json};
pub(super) use terminal::check_typed;

/// Deepest nesting of wrappers in wrappers.
pub const MAX_DEPTH: usize = 16;

/// The calls of a line with those that its wrappers run, and what the texts among them do with variables.
pub struct SeenThrough {
    /// In order; what is wrapped stands behind its wrapper.
    pub calls: Vec<Call>,
    /// What texts do with variables.
    pub uses: Uses,
    /// The functions that they define.
    pub functions: Vec<String>,
    /// A shell is fed its text.
    pub feeds: bool,
}

/// Replaces each wrapper by itself and what it runs.
///
/// # Errors
/// When the nesting is too deep, the calls are too many, or what a wrapper runs cannot be known: the line is
/// then refused.
pub fn see_through(calls: Vec<Call>, depth: usize) -> Result<SeenThrough, ReadError> {
    let mut seen = Seen {
        out: Vec::with_capacity(calls.len()),
        written: written(&calls, depth),
        uses: Uses::default(),
        functions: Vec::new(),
        fed: Vec::new(),
        carried: 0,
    };
    let mut moved = Vec::with_capacity(calls.len());
    for mut call in calls {
        // What a substitution stands in comes before it, and may have become several calls.
        call.inside = call.inside.and_then(|i| moved.get(i).copied());
        moved.push(seen.out.len());
        seen.expand(call, depth)?;
    }
    fed::check_beside(&seen.out, &seen.fed)?;
    Ok(SeenThrough {
        feeds: !seen.fed.is_empty(),
        calls: seen.out,
        uses: seen.uses,
        functions: seen.functions,
    })
}

/// What the commands of pipelines write, where that stands in the line: by pipeline and place in it.
fn written(calls: &[Call], depth: usize) -> Vec<(usize, usize, String)> {
    if !calls.iter().any(|c| c.pipe.index > 0) {
        return Vec::new();
    }
    // A function may go by the name of a program, and a text may stand where one is known that is not seen here.
    let renames = |c: &Call| {
        c.place == Place::Function
            || REDEFINERS.contains(&c.name.base.as_str())
            || matches!(c.name.base.as_str(), "read" | "getopts")
            || c.assignments.iter().any(|a| a.name == "PATH")
    };
    if depth > 0 || calls.iter().any(renames) {
        return Vec::new();
    }
    let at = |c: &Call| (c.pipe.pipeline, c.pipe.index);
    let alone = |call: &Call| calls.iter().filter(|c| at(c) == at(call)).count() == 1;
    calls
        .iter()
        .filter(|c| c.pipe.index + 1 < c.pipe.len)
        .filter_map(|c| Some((c.pipe.pipeline, c.pipe.index, jobs::written(c)?, c)))
        .filter(|(.., call)| alone(call))
        // Others that read there could take a part.
        .filter(|(pipeline, index, ..)| {
            calls
                .iter()
                .filter(|c| at(c) == (*pipeline, index + 1))
                .count()
                == 1
        })
        .take(MAX_WRITTEN)
        .map(|(pipeline, index, text, _)| (pipeline, index, text))
        .collect()
}

/// Most commands of a line whose output is kept.
const MAX_WRITTEN: usize = 16;

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
    /// Texts for a shell, each by itself; the wrapper's own words end at `at`.
    Text { at: usize, texts: Vec<String> },
    /// Text that a shell reads from its standard input.
    Fed { at: usize, text: String },
    /// Something that is not read, and may stand in its words.
    Unknown,
    /// Something that is not read, and stands elsewhere.
    Unread,
    /// Something that must not be run unread.
    Refused(&'static str),
}

impl Inner {
    /// A shell without a word, which reads its standard input.
    fn shell() -> Inner {
        Inner::Each(vec![vec![Word::of("sh")]])
    }

    fn text(at: usize, text: &str) -> Inner {
        Inner::Text {
            at,
            texts: vec![text.to_owned()],
        }
    }
}

/// What a call's program runs besides itself.
fn inner(call: &Call, seen: &Seen) -> Inner {
    let base = call.name.base.as_str();
    if tells::only_tells(call) {
        return Inner::None;
    }
    match base {
        "trap" => return shells::trapped(call),
        "env" if shells::splits(call) => {
            return Inner::Refused("`env -S` splits text by rules of its own: write the words out");
        }
        "exec" if renames(call) => {
            return Inner::Refused(
                "`exec -a` lets a program take itself for another: leave it out",
            );
        }
        "exec" if takes_input(call) => {
            return Inner::Refused("`exec` that changes where the rest of the line reads from");
        }
        "find" => return find::find_actions(call),
        "su" | "runuser" => return shells::other_user(call),
        "script" => return shells::script(call),
        "at" | "batch" => return jobs::at(call, seen),
        "crontab" => return jobs::crontab(call, seen),
        "parallel" => return parallel::parallel(call),
        "busybox" | "toybox" if is_other_wrapper(call) => return Inner::Unknown,
        _ => {}
    }
    if SHELLS.contains(&base) {
        return shells::shell_text(call, seen);
    }
    if let Some(form) = forms::form(base) {
        return formed::formed(call, form, seen);
    }
    if subcommands::is_hidden(call) {
        return Inner::Refused(
            "a subcommand that is known only when it runs, and may run a command: write it out, and put options' values in double quotes",
        );
    }
    match containers::contained(call) {
        Some(inner) => inner,
        None if is_interpreter(base) || is_exec(call) => Inner::Unknown,
        None if besides::may_run(call) || clients::tells_a_command(call) || scripts::runs(call) => {
            Inner::Unread
        }
        None => Inner::None,
    }
}

/// Whether `exec` gives the program another name.
fn renames(call: &Call) -> bool {
    let words = call.words.iter().skip(1).map(Word::literal_prefix);
    let mut options = words.take_while(|text| text.starts_with('-') && *text != "--");
    options.any(|text| text.contains('a'))
}

/// Whether `exec` without a command gives the shell another input, or code in a descriptor.
fn takes_input(call: &Call) -> bool {
    // A word of an expansion may be none.
    let mut behind = call.words.iter().skip(1);
    behind.all(|w| w.literal().is_none_or(|text| text.starts_with('-')))
        && call
            .redirections
            .iter()
            .any(|r| r.operator.starts_with("<<") || r.is_of_input())
}

/// Whether a multi-call binary is asked for a wrapper: its own take other options.
fn is_other_wrapper(call: &Call) -> bool {
    // Without an option of its own, xargs is the same everywhere.
    let applet = |at: usize| call.words.get(at).map(Word::literal_prefix);
    if applet(1) == Some("xargs") && applet(2).is_some_and(|w| !w.is_empty() && !w.starts_with('-'))
    {
        return false;
    }
    call.words
        .get(1)
        .and_then(Word::literal)
        .is_some_and(|applet| {
            !SHELLS.contains(&applet) && (forms::form(applet).is_some() || is_interpreter(applet))
        })
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
