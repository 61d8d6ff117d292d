//! Puts what a wrapper runs into the list of calls, behind the wrapper, and reads the texts for shells.
//!
//! A wrapped call must never carry less than its wrapper: its redirections, its pipe, its root.

use super::opaque::{A_WORD, guessed, guesses, is_shell_text, reads_code};
use super::programs::elevates;
use super::{Inner, MAX_DEPTH, each, fed, inner, is_plain_sudo, shells};
use crate::command::call::{Call, Place, Redirection, Sudo, Wraps, above};
use crate::command::names::Uses;
use crate::command::word::{Segment, Word};
use crate::command::{ReadError, Reading, Shell, TOO_MUCH, evaluated, name, read_at, spend};
use shells::SHELLS;

/// Most calls of one line.
const MAX_CALLS: usize = 4096;

pub(super) fn refuse(call: &Call, reason: &str) -> ReadError {
    ReadError {
        span: call.span,
        reason: reason.to_owned(),
    }
}

/// The calls of a line, as far as they were seen through.
pub(super) struct Seen {
    pub(super) out: Vec<Call>,
    pub(super) written: Vec<(usize, usize, String)>,
    /// What texts for shells do with variables.
    pub(super) uses: Uses,
    /// The functions that they define.
    pub(super) functions: Vec<String>,
    /// The calls that feed a shell its text, or run text that does.
    pub(super) fed: Vec<usize>,
    /// Bytes of redirections that what is wrapped has from its wrapper.
    pub(super) carried: usize,
}

/// Most bytes of them.
const MAX_CARRIED: usize = 2 * 1024 * 1024;

impl Seen {
    /// The text that a pipe brings to a call, if it stands in the line.
    pub(super) fn piped(&self, call: &Call) -> Option<&str> {
        self.written
            .iter()
            .find(|(pipeline, index, _)| {
                *pipeline == call.pipe.pipeline && index + 1 == call.pipe.index
            })
            .map(|(.., text)| text.as_str())
    }

    /// Keeps that a call feeds a shell its text.
    pub(super) fn feeds(&mut self, call: usize) {
        if self.fed.last() != Some(&call) {
            self.fed.push(call);
        }
    }

    /// Whether a call, or what runs it, stands in a function or in what a signal runs.
    pub(super) fn in_function(&self, call: &Call) -> bool {
        self.is_within(call, |c| {
            c.place == Place::Function || c.name.base == "trap"
        })
    }

    /// Whether that holds of a call, or of what runs it.
    pub(super) fn is_within(&self, call: &Call, holds: impl Fn(&Call) -> bool) -> bool {
        holds(call) || above(&self.out, call).any(|(_, by)| holds(by))
    }

    pub(super) fn push(&mut self, call: Call) -> Result<(), ReadError> {
        if self.out.len() >= MAX_CALLS {
            return Err(refuse(&call, "the line runs too many commands"));
        }
        if call.parent.is_some() {
            self.carried += call
                .redirections
                .iter()
                .map(|r| r.target.size())
                .sum::<usize>();
        }
        if self.carried > MAX_CARRIED {
            return Err(refuse(
                &call,
                "the line runs too many commands for the text that all of them could read",
            ));
        }
        self.out.push(call);
        Ok(())
    }

    pub(super) fn expand(&mut self, mut call: Call, depth: usize) -> Result<(), ReadError> {
        if self.out.len() >= MAX_CALLS {
            return Err(refuse(&call, "the line runs too many commands"));
        }
        let by = call.parent.and_then(|p| self.out.get(p));
        evaluated::check(&call, by)?;
        let found = inner(&call, self);
        if depth >= MAX_DEPTH && !matches!(found, Inner::None) {
            return Err(refuse(
                &call,
                "commands are wrapped in one another too deeply",
            ));
        }
        let parent = self.out.len();
        match found {
            Inner::None | Inner::Nothing => self.push(call),
            Inner::Refused(reason) => Err(refuse(&call, reason)),
            Inner::Argv(at) => self.argv(call, at, depth),
            Inner::Each(lists) => {
                // Of actions in actions both ways of reading have an end.
                if !spend(A_WORD * lists.iter().map(Vec::len).sum::<usize>()) {
                    return Err(refuse(&call, TOO_MUCH));
                }
                call.wraps = Wraps::Calls;
                let mut inner: Vec<Call> = lists
                    .into_iter()
                    .map(|words| wrapped(&call, words, parent))
                    .collect();
                // They share their input, and each could take a part of it.
                if inner.len() > 1 {
                    inner.iter_mut().for_each(|c| c.own = 0);
                    self.written
                        .retain(|(pipeline, ..)| *pipeline != call.pipe.pipeline);
                }
                self.push(call)?;
                inner
                    .into_iter()
                    .try_for_each(|c| self.wrapped_command(c, depth))
            }
            Inner::Text { at, texts } => self.texts(call, at, &texts, false, depth),
            Inner::Fed { at, text } => self.texts(call, at, &[text], true, depth),
            Inner::Unknown => {
                call.wraps = Wraps::Unknown;
                guesses(call, depth, self)
            }
            Inner::Unread => {
                call.wraps = Wraps::Unknown;
                self.push(call)
            }
        }
    }

    /// The words from `at` on are the command.
    fn argv(&mut self, mut call: Call, at: usize, depth: usize) -> Result<(), ReadError> {
        let parent = self.out.len();
        let mut words = call.words.split_off(at);
        let xargs = call.name.base == "xargs";
        if xargs {
            each::replace(&call, &mut words).map_err(|what| refuse(&call, what))?;
        }
        call.wraps = Wraps::Calls;
        let mut inner = wrapped(&call, words, parent);
        if xargs {
            inner.words.push(Word {
                segments: vec![Segment::Expansion("…".into())],
                span: call.span,
            });
        }
        self.push(call)?;
        self.wrapped_command(inner, depth)
    }

    /// A command behind a wrapper: its name must stand in the line.
    fn wrapped_command(&mut self, inner: Call, depth: usize) -> Result<(), ReadError> {
        let by = inner
            .parent
            .and_then(|p| self.out.get(p))
            .map_or("", |p| p.name.base.as_str());
        match inner.words.first().map(Word::literal) {
            Some(Some(text)) => name::check_word(text)
                .map_err(|what| refuse(&inner, &format!("what `{by}` runs: {what}")))?,
            _ => {
                return Err(refuse(
                    &inner,
                    &format!(
                        "the command that `{by}` runs is known only when it runs: write its name"
                    ),
                ));
            }
        }
        self.expand(inner, depth + 1)
    }

    /// Reads a shell's texts; one that cannot be read makes the whole line unreadable. Whether they are its input as well:
    /// then nothing of that is left for what they run.
    fn texts(
        &mut self,
        mut call: Call,
        at: usize,
        texts: &[String],
        is_input: bool,
        depth: usize,
    ) -> Result<(), ReadError> {
        let parent = self.out.len();
        let base = call.name.base.clone();
        let mut readings = Vec::with_capacity(texts.len());
        for text in texts {
            let reading = read_at(text, depth + 1).map_err(|e| {
                refuse(
                    &call,
                    &format!("the text inside `{base}` cannot be read: {}", e.reason),
                )
            })?;
            if is_input {
                fed::check_closed(&call, &reading)?;
            }
            // Also not inside `eval` and `trap`: whether the line itself goes to bash is not known here, and
            // of `eval 'a $'\\''…'` dash runs something else.
            if reading.shell == Shell::Bash && !matches!(base.as_str(), "bash" | "rbash") {
                return Err(refuse(
                    &call,
                    &format!("only bash reads the text inside `{base}` so: use `bash -c`"),
                ));
            }
            // A program is looked for by the name of the option.
            let takes_none = |c: &Call| {
                let option = |w: &Word| w.literal_prefix().starts_with('-');
                matches!(c.name.base.as_str(), "exec" | "eval")
                    && c.words.get(1).is_some_and(option)
            };
            if !matches!(base.as_str(), "bash" | "rbash") && reading.calls.iter().any(takes_none) {
                return Err(refuse(
                    &call,
                    "`exec` and `eval` take no options in dash: use `bash -c`",
                ));
            }
            // These are read by the shell of the line itself.
            if reading.for_bash && matches!(base.as_str(), "eval" | "trap") {
                return Err(refuse(
                    &call,
                    &format!(
                        "dash does something else with the text inside `{base}` than bash: use `bash -c`"
                    ),
                ));
            }
            readings.push(reading);
        }
        call.wraps = if readings.iter().all(Reading::is_strict) {
            Wraps::Calls
        } else {
            Wraps::Text
        };
        let inner: Vec<&Call> = readings
            .iter()
            .flat_map(|r| &r.calls)
            .filter(|c| reads_code(c))
            .collect();
        // Of its own input nothing is left.
        let reads_on =
            (!is_input && !inner.is_empty()).then(|| inner.iter().any(|c| is_shell_text(c)));
        let fed = call.pipe.index > 0
            || call
                .redirections
                .iter()
                .any(|r| r.operator.starts_with("<<"));
        let others_sip = fed && readings.iter().any(fed::others_read);
        let in_function = self.in_function(&call);
        // The text stays among the wrapper's words for a shell (it is a word of it), and leaves them for ssh.
        if !SHELLS.contains(&base.as_str()) {
            call.words.truncate(at);
        }
        let mut outer = wrapped(&call, Vec::new(), parent);
        if is_input {
            let is_text = |r: &Redirection| r.operator.starts_with("<<") && r.is_of_input();
            outer.redirections.retain(|r| !is_text(r));
        }
        self.push(call.clone())?;
        if is_input || readings.iter().any(|r| r.feeds) {
            self.feeds(parent);
        }
        for reading in readings {
            self.uses.extend(reading.uses);
            self.functions.extend(reading.functions);
            self.adopt(reading.calls, &call, &outer, parent)?;
        }
        if let Some(shell) = reads_on {
            if others_sip {
                return Err(refuse(&call, fed::SIPS));
            }
            self.left_to_read(&call, parent, shell, in_function, depth)?;
        }
        Ok(())
    }

    /// The calls of a text become those of the line.
    fn adopt(
        &mut self,
        calls: Vec<Call>,
        call: &Call,
        outer: &Call,
        parent: usize,
    ) -> Result<(), ReadError> {
        let offset = self.out.len();
        let pipelines = 1 + self
            .out
            .iter()
            .map(|c| c.pipe.pipeline)
            .max()
            .unwrap_or_default();
        for mut inner in calls {
            inner.parent = Some(inner.parent.map_or(parent, |p| p + offset));
            inner.inside = inner.inside.map(|i| i + offset).or(call.inside);
            if call.pipe.len > 1 {
                inner.pipe = inner.pipe.inside(call.pipe);
            } else {
                inner.pipe.pipeline += pipelines;
            }
            inner.place = Place::Wrapped;
            inner.span = outer.span;
            inner
                .redirections
                .extend(outer.redirections.iter().cloned());
            if inner.sudo == Sudo::No {
                inner.sudo = outer.sudo;
            }
            self.push(inner)?;
        }
        Ok(())
    }

    /// A shell or another interpreter inside a text reads on where the text's own standard input comes from.
    fn left_to_read(
        &mut self,
        call: &Call,
        parent: usize,
        shell: bool,
        in_function: bool,
        depth: usize,
    ) -> Result<(), ReadError> {
        if in_function {
            return Err(refuse(call, shells::IN_FUNCTION));
        }
        let documents = call.redirections.iter().enumerate();
        for (at, redirection) in documents.filter(|(_, r)| r.operator.starts_with("<<")) {
            let Some(text) = redirection.target.literal() else {
                return Err(refuse(call, shells::DYNAMIC));
            };
            if shell && at >= call.own {
                return Err(refuse(call, shells::OF_GROUP));
            }
            if shell {
                fed::check(call, text, self, depth + 1)?;
                self.feeds(parent);
            }
            guessed(call, parent, text, depth, self)?;
        }
        Ok(())
    }
}

/// A call for wrapped words.
pub(super) fn wrapped(wrapper: &Call, words: Vec<Word>, parent: usize) -> Call {
    let own = match wrapper.name.base.as_str() {
        "sudo" if is_plain_sudo(wrapper) => Sudo::Plain,
        "pkexec" | "su" | "runuser" | "run0" | "systemd-run" => Sudo::Other,
        base if elevates(base) => Sudo::Other,
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
        own: wrapper.own,
        pipe: wrapper.pipe,
        place: Place::Wrapped,
        parent: Some(parent),
        inside: wrapper.inside,
        sudo,
        wraps: Wraps::Nothing,
        scope: wrapper.scope.clone(),
        is_function: false,
        span: wrapper.span,
    }
}
