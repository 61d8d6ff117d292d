//! Reads a shell command line exactly as bash and dash would, or refuses it.
//!
//! This module never decides whether a command is allowed, and never runs anything.
//! What it cannot read it refuses: [`read`] returns an error and nothing may run.

pub(crate) mod builtins;
pub mod call;
pub(crate) mod descriptors;
mod evaluated;
pub mod explain;
pub mod full;
pub mod name;
mod names;
pub mod render;
mod startup;
pub mod strict;
pub mod word;
pub mod wrapper;

pub use call::{
    Assignment, Call, Name, Pipe, Place, Redirection, Scope, Sudo, Wraps, above, with_lists,
};
pub use word::{Segment, Span, Word};

use names::Uses;
use std::collections::BTreeMap;

/// Longest line that is read, in bytes. Longer lines are refused before any work is done.
pub const MAX_LINE: usize = 64 * 1024;

/// Which shell gives the canonical form its meaning.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Shell {
    /// Any POSIX shell: dash and bash agree on it.
    Posix,
    /// Only bash reads it as we did (`[[ … ]]`, `<(…)`, arrays, `$'…'` kept in an expansion, …).
    Bash,
}

/// Why a line is not literal, and so can never be auto.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where in the source line, in bytes.
    pub span: Span,
    /// What stands there, for a person ("command substitution", "redirection to a file", …).
    pub what: String,
}

/// A line that was read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The line as it came.
    pub source: String,
    /// Empty if and only if the strict reader accepted the line. Otherwise why it did not.
    pub notes: Vec<Note>,
    /// Every simple command that the line can run, in source order, the ones inside
    /// substitutions, compound commands, functions and wrappers included.
    pub calls: Vec<Call>,
    /// The line rendered from its parse, fully quoted. This is what runs.
    pub canonical: String,
    /// The shell that must run the canonical form.
    pub shell: Shell,
    /// The functions that the line defines.
    pub functions: Vec<String>,
    /// It is `( … ); exit`.
    is_closed: bool,
    /// A shell in it is fed its text.
    feeds: bool,
    /// Where it runs commands at the same time as others, but for those of a pipeline.
    beside: Option<Span>,
    /// dash reads it as well, and does not do what was meant.
    for_bash: bool,
    /// What the line does with variables, where that is not seen in its calls.
    pub uses: Uses,
}

impl Reading {
    /// Whether the strict reader accepted the line: only then may it be auto.
    pub fn is_strict(&self) -> bool {
        self.notes.is_empty()
    }
}

/// The line could not be read. It must not run, approved or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// Where in the line, in bytes.
    pub span: Span,
    /// What is wrong, for a person.
    pub reason: String,
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "column {}: {}", self.span.start + 1, self.reason)
    }
}

impl std::error::Error for ReadError {}

impl ReadError {
    /// The line around the place, a caret under that, and the reason; all of it escaped for display.
    pub fn draw(&self, line: &str) -> String {
        let (shown, caret) = crate::display::point_at(line, self.span.start);
        format!("  {shown}\n  {caret} {}", self.reason)
    }
}

/// Reads a line.
///
/// # Errors
/// [`ReadError`] with the place and the reason; such a line must not run.
pub fn read(line: &str) -> Result<Reading, ReadError> {
    BUDGET.set(MAX_INNER);
    read_at(line, 0)
}

/// Said where the bound on inner text is reached.
pub(crate) const TOO_MUCH: &str = "too much text is wrapped in text";

/// Most bytes of text inside text (`sh -c '…'`, guesses) that are read for one line.
const MAX_INNER: usize = 512 * 1024;

thread_local! {
    /// What is left of them. Guesses inside guesses would otherwise multiply.
    static BUDGET: std::cell::Cell<usize> = const { std::cell::Cell::new(MAX_INNER) };
}

/// Takes from what is left of the bound on inner text; whether that was enough.
pub(crate) fn spend(bytes: usize) -> bool {
    BUDGET.set(BUDGET.get().saturating_sub(bytes));
    !is_spent()
}

/// Whether the bound on inner text is reached: then the whole line is refused.
pub(crate) fn is_spent() -> bool {
    BUDGET.get() == 0
}

/// Reads text that stands `depth` wrappers deep.
pub(crate) fn read_at(line: &str, depth: usize) -> Result<Reading, ReadError> {
    check_text(line)?;
    if depth > 0 && !spend(line.len() + 64) {
        return Err(ReadError {
            span: Span::default(),
            reason: TOO_MUCH.into(),
        });
    }
    match strict::read(line) {
        Ok(parsed) => {
            let (mut uses, mut functions) = (Uses::default(), Vec::new());
            let (calls, feeds) = seen_through(calls(&parsed), depth, &mut uses, &mut functions)?;
            let for_bash = is_meant_for_bash(&parsed);
            Ok(Reading {
                source: line.to_owned(),
                notes: Vec::new(),
                calls,
                canonical: render::line(&parsed),
                shell: if depth == 0 && for_bash {
                    Shell::Bash
                } else {
                    Shell::Posix
                },
                functions,
                is_closed: false,
                feeds,
                beside: None,
                for_bash,
                uses,
            })
        }
        Err(note) => fully(line, note, depth),
    }
}

/// Most notes of one reading: a person reads no more.
const MAX_NOTES: usize = 16;

/// Reads what the strict reader does not, for the reason in `first`.
fn fully(line: &str, first: Note, depth: usize) -> Result<Reading, ReadError> {
    let parsed = full::read(line)?;
    // What the text around defines or exports is not known here.
    if let Some(span) = parsed.relies.filter(|_| depth > 0) {
        return Err(ReadError {
            span,
            reason: "arithmetic on a command's output inside another text: a shell would evaluate it as code".into(),
        });
    }
    let canonical = full::ast::list(&parsed.list);
    // What a shell is given must be what was read. A fault of the writer ends here, as a refusal.
    let again = full::read(&canonical)
        .ok()
        .map(|p| full::ast::list(&p.list));
    if again.as_deref() != Some(canonical.as_str()) {
        return Err(ReadError {
            span: first.span,
            reason: format!("{}: it cannot be written back exactly", first.what),
        });
    }
    let mut calls = full::calls(&parsed.list).ok_or_else(|| ReadError {
        span: first.span,
        reason: "the line has too many commands and redirections".into(),
    })?;
    mark_functions(&mut calls, &parsed.list);
    let mut notes: Vec<Note> = Vec::new();
    for note in parsed.notes {
        if notes.len() < MAX_NOTES && !notes.contains(&note) {
            notes.push(note);
        }
    }
    if notes.is_empty() {
        notes.push(first);
    }
    notes.sort_by_key(|n| n.span.start);
    let mut uses = parsed.uses;
    let mut functions = parsed.functions;
    let (calls, feeds) = seen_through(calls, depth, &mut uses, &mut functions)?;
    if let Some(span) = parsed.beside.filter(|_| feeds) {
        return Err(ReadError {
            span,
            reason: wrapper::BESIDE.into(),
        });
    }
    Ok(Reading {
        source: line.to_owned(),
        notes,
        calls,
        canonical,
        shell: if parsed.bash || parsed.bashism && depth == 0 {
            Shell::Bash
        } else {
            Shell::Posix
        },
        functions,
        is_closed: parsed.list.is_closed(line),
        feeds,
        beside: parsed.beside,
        for_bash: parsed.bashism,
        uses,
    })
}

/// Whether a call could take a function away, or go past it.
fn undefines(call: &Call) -> bool {
    let tells = matches!(call.words.get(1).and_then(Word::literal), Some("-v" | "-V"));
    match call.name.base.as_str() {
        "command" => !tells,
        base => matches!(
            base,
            "unset" | "builtin" | "eval" | "." | "source" | "trap" | "enable" | "alias" | "exec"
        ),
    }
}

/// Marks the calls that surely are of functions of the line: defined at the top, whatever happens, and before. Where
/// that is not sure, the call may be of a program of that name.
fn mark_functions(calls: &mut [Call], list: &full::ast::List) {
    let defined = list.defined();
    if defined.is_empty() || calls.iter().any(undefines) {
        return;
    }
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for call in calls.iter() {
        for name in &call.scope.functions {
            if let Some(name) = defined.get(name.as_str()) {
                let end = last.entry(name).or_default();
                *end = (*end).max(call.span.end);
            }
        }
    }
    // A function's body runs no earlier than the first call outside of any.
    let runs = |c: &&Call| !matches!(c.name.base.as_str(), "" | "set");
    let outside = calls
        .iter()
        .filter(|c| c.scope.functions.is_empty())
        .filter(runs);
    let first = outside.map(|c| c.span.start).min().unwrap_or(usize::MAX);
    for call in calls.iter_mut() {
        let runs = match call.scope.functions.is_empty() {
            true => call.span.start,
            false => first,
        };
        let end = last.get(call.name.text.as_str());
        call.is_function = end.is_some_and(|end| runs >= *end);
    }
}

/// Whether dash would not do what a line says.
fn is_meant_for_bash(line: &strict::Line) -> bool {
    let mut commands = line.pipelines.iter().flat_map(|(_, p)| p);
    commands.any(|c| builtins::is_bashism(&c.words, !c.assignments.is_empty()))
}

/// All calls, with those of wrappers, and whether a shell among them is fed its text. `uses` is what the line does with
/// variables, and gets what the texts among them do; `functions` are its own, and for a text gets theirs.
fn seen_through(
    calls: Vec<Call>,
    depth: usize,
    uses: &mut Uses,
    functions: &mut Vec<String>,
) -> Result<(Vec<Call>, bool), ReadError> {
    let mut seen = wrapper::see_through(calls, depth)?;
    let counted = std::mem::take(&mut seen.uses.counted);
    uses.extend(seen.uses);
    let loose = &uses.loose;
    // Of each text by itself as well: outside of it, it is not known any more which commands stood in `>(…)`.
    wrapper::check_typed(&seen.calls)?;
    if depth == 0 {
        let lays_out = |at: &usize| wrapper::lays_out_json(&seen.calls[*at]);
        let laid_out: Vec<usize> = (0..seen.calls.len()).filter(lays_out).collect();
        let many = laid_out.len() > startup::MAX_READERS;
        let imports = laid_out
            .into_iter()
            .filter(|at| many || wrapper::imports(&seen.calls[*at], &seen.calls, loose));
        let told = wrapper::told_by_input(&seen.calls);
        let misled = startup::misled(&seen.calls).into_iter();
        let misled = misled.chain(startup::configured(&seen.calls, loose));
        let scripts = wrapper::scripts_in_doubt(&seen.calls, loose);
        let unread: Vec<usize> = imports.chain(told).chain(misled).chain(scripts).collect();
        for at in unread {
            seen.calls[at].wraps = seen.calls[at].wraps.unread();
        }
    }
    if let Some(name) = counted.iter().find(|name| loose.contains(name)) {
        return Err(ReadError {
            span: Span::default(),
            reason: evaluated::counted_inside(name),
        });
    }
    if depth == 0 {
        evaluated::check_together(&seen.calls, &counted)?;
        check_documents(&seen.calls, functions.iter().chain(&seen.functions))?;
    } else {
        functions.extend(seen.functions);
    }
    uses.counted.extend(counted);
    Ok((seen.calls, seen.feeds))
}

/// Refuses a here-document for a function: which of its commands reads that, and as what, is not followed.
fn check_documents<'a>(
    calls: &[Call],
    functions: impl Iterator<Item = &'a String>,
) -> Result<(), ReadError> {
    let functions: Vec<&String> = functions.collect();
    let given = |call: &&Call| {
        functions.contains(&&call.name.text)
            && call
                .redirections
                .iter()
                .any(|r| r.operator.starts_with("<<"))
    };
    match calls.iter().find(given) {
        None => Ok(()),
        Some(call) => Err(ReadError {
            span: call.span,
            reason: format!(
                "a here-document for the function `{}`: give it to the command that reads it",
                call.name.text
            ),
        }),
    }
}

/// What no line may hold, wherever it stands: what a shell drops, a terminal obeys, or an eye misses.
pub(crate) fn check_text(line: &str) -> Result<(), ReadError> {
    if line.len() > MAX_LINE {
        return Err(ReadError {
            span: Span {
                start: MAX_LINE,
                end: line.len(),
            },
            reason: format!("the line is longer than {MAX_LINE} bytes"),
        });
    }
    match line
        .char_indices()
        .find(|(_, c)| *c != '\n' && *c != '\t' && crate::display::is_deceptive(*c))
    {
        None => Ok(()),
        Some((start, c)) => {
            let reason = format!(
                "the character U+{:04X} is refused: it is not shown as itself",
                u32::from(c)
            );
            Err(ReadError {
                span: Span {
                    start,
                    end: start + c.len_utf8(),
                },
                reason,
            })
        }
    }
}

/// The calls of a strict line, in order.
fn calls(line: &strict::Line) -> Vec<Call> {
    let mut calls = Vec::new();
    for (pipeline, (_, commands)) in line.pipelines.iter().enumerate() {
        for (index, command) in commands.iter().enumerate() {
            calls.push(Call {
                name: name::of(command.words.first().and_then(Word::literal)),
                words: command.words.clone(),
                assignments: command.assignments.clone(),
                redirections: command.redirections.clone(),
                own: command.redirections.len(),
                pipe: Pipe {
                    pipeline,
                    index,
                    len: commands.len(),
                },
                place: Place::Top,
                parent: None,
                inside: None,
                sudo: Sudo::No,
                wraps: Wraps::Nothing,
                scope: Default::default(),
                is_function: false,
                span: command.span,
            });
        }
    }
    calls
}
