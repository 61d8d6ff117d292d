//! Writes a line with small loops, conditions and substitutions out as plain commands that can be decided one by one.
//!
//! `for s in nginx cron; do systemctl is-active "$s"; done` is `systemctl is-active nginx; systemctl is-active
//! cron`: the line that is made here is what is decided and what runs, so an error here can change what a line
//! asks for, and never what may run. What stays is what cannot be written out: `if`, `{ …; }`, `( … )`, a loop
//! over the files of a pattern, and `"$( … )"`, which is always put in quotes: it is then a part of one word, whatever
//! it says. Anything else (`while`, `case`, functions, files written, variables that the line does not tell)
//! is left as it was, and asked about.

mod dates;
mod little;
mod said;
mod shapes;
mod sums;
mod tools;
mod words;

pub(super) use said::names_listed;
pub(super) use shapes::{listing, samples};

use super::types::is_in_quotes;
use crate::command::call::Redirection;
use crate::command::full::{self, ast};
use crate::command::strict::Joint;
use crate::command::word::bare;
use crate::command::{self, Place, ReadError, Reading, Segment, Shell, Span, Word};
use ast::{Command, Kind, List, Piece, Pipeline};
use words::{Given, Value};

/// Most simple commands that a line is written out to.
const MOST_CALLS: usize = 128;
/// Most bytes of a line that is written out.
const MOST_BYTES: usize = 16 * 1024;
/// Most variables of `read`.
const MOST_NAMES: usize = 32;
/// Deepest nesting that is written out.
const DEEPEST: usize = 8;

/// What holds while a line is written out.
struct Unfold {
    calls: usize,
    bytes: usize,
    /// How many loops around are written out turn after turn: there is none to go on with.
    turns: usize,
    /// Whether the line may hold any commands, so that each must run as often, and when, as it would have.
    exact: bool,
    /// No other command hangs on how the pipeline under way went.
    nothing_hangs: bool,
    /// A question is written out that is denied where it gets no number, as it is for 0.
    no_is_zero: bool,
    /// Whether an assignment was taken away, which would have said that it went well.
    took_away: bool,
    /// Those of which what they run would be lost, as long as nothing names their variable.
    unused: Vec<String>,
    /// Whether there was anything to write out: what the strict reader refuses for other reasons stays refused.
    any: bool,
}

impl Unfold {
    /// Counts what is written, so that values put into values do not grow without end.
    fn spend(&mut self, segments: &[Segment]) -> Option<()> {
        let length = |s: &Segment| match s {
            Segment::Literal(t) | Segment::Glob(t) | Segment::Expansion(t) => t.len() + 1,
        };
        self.bytes += 1 + segments.iter().map(length).sum::<usize>();
        (self.bytes <= 2 * MOST_BYTES).then_some(())
    }

    /// Whether a variable may be taken away: bash knows others with large letters, and so may the system that the line runs on.
    fn may_be_set(&self, name: &str) -> bool {
        words::may_be_set(name) && (!self.exact || words::is_plain_name(name))
    }

    fn count(&mut self) -> Option<()> {
        self.calls += 1;
        (self.calls <= MOST_CALLS).then_some(())
    }
}

/// Reads a line; one that can only be read once its loops and values are written out, as that.
///
/// `for p in 80 443; do nc -z localhost $p; done`: what `nc` may be made to run is known where `$p` is. What comes out may
/// hold any commands, which a person approves: each must run when, and as often as, the line says. So what substitutions say is
/// not put in, and nothing is written otherwise than it stands there.
///
/// # Errors
/// [`ReadError`] with the place and the reason; such a line must not run.
pub fn read(line: &str) -> Result<Reading, ReadError> {
    let error = match command::read(line) {
        Ok(reading) => return Ok(reading),
        Err(error) => error,
    };
    command::check_text(line)?;
    let parsed = full::read(line).map_err(|_| error.clone())?;
    let text = written(&parsed.list, true).filter(|_| parsed.functions.is_empty());
    let Some(mut reading) = text.and_then(|text| again(&text)) else {
        return Err(error);
    };
    // Where words are put in, a line may come to be one for bash, or not to be.
    let for_bash = parsed.bash || parsed.bashism;
    if reading.shell == Shell::Bash && !for_bash {
        return Err(error);
    }
    if for_bash {
        reading.shell = Shell::Bash;
    }
    // A person sees both.
    line.clone_into(&mut reading.source);
    for note in &mut reading.notes {
        note.span = error.span;
    }
    Ok(reading)
}

/// The line written out, and read again; none where it holds what is not written out, or where nothing is won.
pub(super) fn unfold(reading: &Reading) -> Option<Reading> {
    if reading.is_strict() || !reading.functions.is_empty() {
        return None;
    }
    let parsed = full::read(&reading.canonical).ok()?;
    again(&written(&parsed.list, false)?)
}

/// What is written out, read again: nothing but plain words and what may stay.
fn again(text: &str) -> Option<Reading> {
    // What is written out is written out for good: a target's guard reads it again.
    let list = full::read(text).ok()?.list;
    if written(&list, false).is_some_and(|again| again != text) {
        return None;
    }
    let again = command::read(text).ok()?;
    let plain = again.is_strict()
        || (again.canonical == text
            && again.functions.is_empty()
            && again.shell == Shell::Posix
            && is_plain(&list, &mut Vec::new()));
    plain.then_some(again)
}

/// The text that a list is written out to; none where there is nothing to write out. `exact`: of any commands.
fn written(list: &List, exact: bool) -> Option<String> {
    let mut unfold = Unfold {
        calls: 0,
        bytes: 0,
        turns: 0,
        exact,
        nothing_hangs: true,
        no_is_zero: false,
        took_away: false,
        unused: Vec::new(),
        any: false,
    };
    let text = ast::list(&unfold.list(list, &Given::default(), 0)?);
    let asks = unfold.took_away && text.contains("${?}");
    let whole = !asks && unfold.unused.is_empty();
    (unfold.any && whole && text.len() <= MOST_BYTES).then_some(text)
}

impl Unfold {
    fn list(&mut self, list: &List, given: &Given, depth: usize) -> Option<List> {
        if depth > DEEPEST {
            return None;
        }
        let free = self.nothing_hangs;
        let mut given = given.clone();
        let mut items: Vec<(Joint, Pipeline, bool)> = Vec::new();
        // What joins the next pipeline, where that is not for it to say.
        let mut joint_of_next = None;
        for (index, (joint, pipeline, background)) in list.items.iter().enumerate() {
            // `! command` changes nothing but a status, which only conditions look at.
            if *background || (pipeline.negated && depth == 0) {
                return None;
            }
            let next = list.items.get(index + 1).map(|(joint, _, _)| joint);
            let joint = joint_of_next.take().unwrap_or(*joint);
            let alone = matches!(joint, Joint::Then) || items.is_empty();
            if let Some(set) = assignment(pipeline) {
                // Only where it is certain that it is set, and where it cannot be another value than it was.
                let once =
                    self.may_be_set(&set.name) && (depth == 0 || given.get(&set.name).is_none());
                if !alone || !once || next.is_none() {
                    return None;
                }
                self.count()?;
                self.any = true;
                self.nothing_hangs = next == Some(&Joint::Then);
                let value = self.value(&set.value, &given, depth)?;
                let says = words::says(&value);
                if says && !words::is_quick(&value) {
                    given.goes_stale();
                }
                if says && self.exact && !words::says_surely(&value)
                    || self.unused.contains(&set.name)
                {
                    return None;
                }
                match next {
                    Some(Joint::Then) => {
                        joint_of_next = Some(Joint::Then);
                        self.unused.extend(says.then(|| set.name.clone()));
                    }
                    // Then the next command hangs on how the last substitution went.
                    _ if says => {
                        self.count()?;
                        items.push((joint, asked(&value)?, false));
                    }
                    Some(Joint::And) => joint_of_next = Some(Joint::Then),
                    _ => return None,
                }
                self.took_away = true;
                given.set(set.name.clone(), Value::Set(value));
                continue;
            }
            let by_itself = alone && matches!(next, None | Some(Joint::Then));
            self.nothing_hangs = by_itself && free;
            let written = self.pipeline(pipeline, &given, depth)?;
            if !is_quiet(pipeline) {
                given.goes_stale();
            }
            // A loop that nothing hangs on needs no braces around what it is written out to.
            match written.commands.as_slice() {
                [
                    Command {
                        kind: Kind::Group(turns),
                        redirections,
                        ..
                    },
                ] if by_itself
                    && redirections.is_empty()
                    && !written.negated
                    && matches!(
                        pipeline.commands.as_slice(),
                        [Command {
                            kind: Kind::For { .. } | Kind::Group(_),
                            ..
                        }]
                    ) =>
                {
                    for (at, (own, pipeline, _)) in turns.items.iter().enumerate() {
                        let own = if at == 0 { joint } else { *own };
                        items.push((own, pipeline.clone(), false));
                    }
                }
                _ => items.push((joint, written, false)),
            }
        }
        (!items.is_empty()).then_some(List { items })
    }

    fn pipeline(&mut self, pipeline: &Pipeline, given: &Given, depth: usize) -> Option<Pipeline> {
        if let Some(shorter) = over_names(pipeline).filter(|_| !self.exact) {
            self.any = true;
            return self.pipeline(&shorter, given, depth);
        }
        let mut commands = Vec::new();
        for (index, command) in pipeline.commands.iter().enumerate() {
            match self.input(command, given, depth) {
                // `wc -l < FILE` is `cat FILE | wc -l`.
                Some((cat, rest)) if index == 0 => {
                    commands.push(cat);
                    commands.push(match &rest.kind {
                        Kind::Loop { .. } => self.lines(&rest, given, depth)?,
                        _ => self.command(&rest, given, depth)?,
                    });
                }
                _ => commands.push(match &command.kind {
                    Kind::Loop { .. } if index > 0 => self.lines(command, given, depth)?,
                    _ => self.command(command, given, depth)?,
                }),
            }
        }
        Some(Pipeline {
            negated: pipeline.negated,
            commands,
        })
    }

    /// The file that a command reads by `<`, as a command that prints it, and the command without it.
    fn input(
        &mut self,
        command: &Command,
        given: &Given,
        depth: usize,
    ) -> Option<(Command, Command)> {
        let [redirection] = command.redirections.as_slice() else {
            return None;
        };
        let plain = match &command.kind {
            Kind::Simple { words, .. } => !words.is_empty(),
            Kind::Loop { condition, .. } => read_names(condition).is_some(),
            _ => false,
        };
        let reads = redirection.operator == "<" && redirection.descriptor.is_none();
        // A file that is not there would keep the command from running.
        if !plain || !reads || redirection.harmless || self.exact || !self.nothing_hangs {
            return None;
        }
        let target = self.word(&redirection.target, given, depth)?;
        let one =
            matches!(target.as_slice(), [one] if one.literal().is_some_and(|t| t.starts_with('/')));
        if !one {
            return None;
        }
        self.any = true;
        // Its status is another one.
        self.took_away = true;
        let bare = |kind| Command {
            kind,
            redirections: Vec::new(),
            inner: Vec::new(),
            span: command.span,
        };
        let name = Word {
            segments: vec![Segment::Literal("cat".to_owned())],
            span: command.span,
        };
        let cat = bare(Kind::Simple {
            assignments: Vec::new(),
            words: [vec![name], target].concat(),
        });
        Some((cat, bare(command.kind.clone())))
    }

    fn command(&mut self, command: &Command, given: &Given, depth: usize) -> Option<Command> {
        if !command.redirections.iter().all(is_harmless) {
            return None;
        }
        self.any |= !matches!(command.kind, Kind::Simple { .. });
        let kind = match &command.kind {
            Kind::Simple { assignments, words } => {
                self.count()?;
                self.no_is_zero = is_denied_for_none(words);
                // On how a substitution in its words went, nothing does.
                let free = std::mem::replace(&mut self.nothing_hangs, true);
                let mut written = Vec::new();
                for word in words {
                    written.extend(self.word(word, given, depth)?);
                }
                self.nothing_hangs = free;
                self.no_is_zero = false;
                let name = written.first().and_then(Word::literal)?;
                // The keyword, which is run as the program.
                self.any |= name == "time";
                if sets_a_variable(&written) || self.exact && name == "time" {
                    return None;
                }
                // The next turn of a loop that stays one.
                let goes_on = name == "continue" && written.len() == 1;
                let stays = given.finds() && self.turns == 0;
                if words::STEERS.contains(&name) && !(goes_on && stays) {
                    return None;
                }
                if !assignments.iter().all(|a| !a.value.is_dynamic()) {
                    return None;
                }
                Kind::Simple {
                    assignments: assignments.clone(),
                    words: written,
                }
            }
            Kind::Subshell(list) => Kind::Subshell(self.list(list, given, depth + 1)?),
            Kind::Group(list) => Kind::Group(self.list(list, given, depth + 1)?),
            Kind::If { arms, otherwise } => {
                // Each condition runs behind those before it.
                let mut given = given.clone();
                let mut written = Vec::new();
                for (condition, body) in arms {
                    let free = std::mem::replace(&mut self.nothing_hangs, false);
                    let asked = self.list(condition, &given, depth + 1)?;
                    self.nothing_hangs = free;
                    given = given.behind(condition);
                    written.push((asked, self.list(body, &given, depth + 1)?));
                }
                let otherwise = match otherwise {
                    Some(list) => Some(self.list(list, &given, depth + 1)?),
                    None => None,
                };
                Kind::If {
                    arms: written,
                    otherwise,
                }
            }
            Kind::For {
                name,
                words: Some(words),
                body,
            } => self.turns(name, words, body, given, depth)?,
            Kind::Test { pieces } => self.question(pieces, given, depth)?,
            Kind::Loop { .. } | Kind::For { .. } | Kind::Case { .. } | Kind::Function { .. } => {
                return None;
            }
        };
        Some(Command {
            kind,
            redirections: command.redirections.clone(),
            inner: Vec::new(),
            span: command.span,
        })
    }

    /// `… | while read -r a b; do …; done`: a loop over what a pipe brings, as a loop. Its variables may hold any text.
    fn lines(&mut self, command: &Command, given: &Given, depth: usize) -> Option<Command> {
        let Kind::Loop {
            until: false,
            condition,
            body,
        } = &command.kind
        else {
            return None;
        };
        let names = read_names(condition)?;
        if self.exact
            || names.len() > MOST_NAMES
            || given.finds()
            || !command.redirections.iter().all(is_harmless)
        {
            return None;
        }
        // In each turn but the first the body ran.
        let mut given = given.behind(body);
        for name in &names {
            if !words::is_plain_name(name) || !words::may_be_set(name) || given.get(name).is_some()
            {
                return None;
            }
            given.set(
                (*name).to_owned(),
                Value::Found {
                    place: String::new(),
                    one_word: false,
                },
            );
        }
        self.count()?;
        self.any = true;
        Some(Command {
            kind: Kind::Loop {
                until: false,
                condition: condition.clone(),
                body: self.list(body, &given, depth + 1)?,
            },
            redirections: command.redirections.clone(),
            inner: Vec::new(),
            span: command.span,
        })
    }

    /// One question of bash's `[[`, as one of `[`, which takes no text for a pattern or a sum.
    fn question(&mut self, pieces: &[Piece], given: &Given, depth: usize) -> Option<Kind> {
        if self.exact {
            return None;
        }
        let (not, pieces) = match pieces {
            [Piece::Operator("!"), rest @ ..] => (true, rest),
            all => (false, all),
        };
        let mut words = vec![Word::of("[")];
        if not {
            words.push(Word::of("!"));
        }
        match pieces {
            [Piece::Word(sign), Piece::Word(asked)] => {
                words.push(Word::of(sign.literal()?));
                words.push(self.text(asked, given, depth)?);
            }
            [
                Piece::Word(left),
                Piece::Operator(operator),
                Piece::Word(right),
            ] => {
                // An expansion outside of quotes would be a pattern on this side.
                let is_text = right.literal().is_some() || is_in_quotes(right);
                let operator = match *operator {
                    "=" | "==" if is_text => "=",
                    "!=" if is_text => "!=",
                    _ => return None,
                };
                words.push(self.text(left, given, depth)?);
                words.push(Word::of(operator));
                words.push(self.text(right, given, depth)?);
            }
            _ => return None,
        }
        self.count()?;
        words.push(Word::of("]"));
        Some(Kind::Simple {
            assignments: Vec::new(),
            words,
        })
    }

    /// A word that no shell splits, whether it stands in quotes or not.
    fn text(&mut self, word: &Word, given: &Given, depth: usize) -> Option<Word> {
        let quoted = |segment: &Segment| match segment {
            Segment::Expansion(text) if !text.starts_with(['"', '\'']) => {
                Segment::Expansion(format!("\"{text}\""))
            }
            other => other.clone(),
        };
        if word.segments.iter().any(|s| matches!(s, Segment::Glob(_))) {
            return None;
        }
        let whole = Word {
            segments: word.segments.iter().map(quoted).collect(),
            span: word.span,
        };
        match self.word(&whole, given, depth)?.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        }
    }

    /// A loop: turn after turn where the line tells its words, and as a loop where files are found for them.
    fn turns(
        &mut self,
        name: &str,
        words: &[Word],
        body: &List,
        given: &Given,
        depth: usize,
    ) -> Option<Kind> {
        // What it holds behind the loop is not followed.
        if !self.may_be_set(name) || given.get(name).is_some() {
            return None;
        }
        let mut values = Vec::new();
        for word in words {
            values.extend(match words::counted(word) {
                // What says them would have gone well.
                Some(numbers) => {
                    self.took_away = true;
                    numbers
                }
                None if said::lists_names(word) => vec![word.clone()],
                None => self.word(word, given, depth)?,
            });
        }
        if values.is_empty() || values.len() > MOST_CALLS {
            return None;
        }
        let mut given = given.clone();
        if values.iter().any(|w| w.literal().is_none()) {
            // A name that is found must begin as the pattern does, and never be an option.
            let found = |w: &Word| !w.is_dynamic() && w.literal_prefix().starts_with('/');
            if !values.iter().all(|w| found(w) || said::lists_names(w)) {
                return None;
            }
            // The shell sets it: no name that means something to one. And loops in loops have no bound.
            if !words::is_plain_name(name) || given.finds() {
                return None;
            }
            let place = match values.as_slice() {
                [one] => one.literal_prefix().to_owned(),
                _ => String::new(),
            };
            let one_word = values.iter().all(said::lists_names);
            given.set(name.to_owned(), Value::Found { place, one_word });
            let given = given.behind(body);
            return Some(Kind::For {
                name: name.to_owned(),
                words: Some(values),
                body: self.list(body, &given, depth + 1)?,
            });
        }
        let mut items = Vec::new();
        self.turns += 1;
        for value in &values {
            let text = Segment::Literal(value.literal()?.to_owned());
            given.set(name.to_owned(), Value::Set(vec![text]));
            let turn = self.list(body, &given, depth + 1)?;
            given = given.behind(body);
            for (at, (joint, pipeline, background)) in turn.items.into_iter().enumerate() {
                let joint = if at == 0 { Joint::Then } else { joint };
                items.push((joint, pipeline, background));
            }
        }
        self.turns -= 1;
        Some(Kind::Group(List { items }))
    }
}

/// `docker ps -q | while read -r c; do …; done` as a loop over `$(docker ps -q)`, where names without blanks are listed, one a
/// line. None where it is something else.
fn over_names(pipeline: &Pipeline) -> Option<Pipeline> {
    let at = pipeline
        .commands
        .iter()
        .position(|c| matches!(c.kind, Kind::Loop { .. }))?;
    let (before, rest) = pipeline.commands.split_at(at);
    let (command, behind) = rest.split_first()?;
    let Kind::Loop {
        until: false,
        condition,
        body,
    } = &command.kind
    else {
        return None;
    };
    let [name] = read_names(condition)?.try_into().ok()?;
    let producer = List {
        items: vec![(
            Joint::Then,
            Pipeline {
                negated: false,
                commands: before.to_vec(),
            },
            false,
        )],
    };
    let listed = Word {
        segments: vec![Segment::Expansion(format!("$( {} )", ast::list(&producer)))],
        span: command.span,
    };
    if before.is_empty() || !said::lists_names(&listed) {
        return None;
    }
    let turns = Command {
        kind: Kind::For {
            name: name.to_owned(),
            words: Some(vec![listed]),
            body: body.clone(),
        },
        redirections: command.redirections.clone(),
        inner: Vec::new(),
        span: command.span,
    };
    Some(Pipeline {
        negated: pipeline.negated,
        commands: std::iter::once(turns)
            .chain(behind.iter().cloned())
            .collect(),
    })
}

/// What a value says last, asked without saying it: `pgrep app >/dev/null` of `x=$(pgrep app)`.
fn asked(value: &[Segment]) -> Option<Pipeline> {
    let last = value.iter().rev().find_map(|segment| match segment {
        Segment::Expansion(text) => Some(words::substitution(bare(text).0)),
        _ => None,
    })??;
    let mut list = full::read(last).ok()?.list;
    let (_, mut pipeline, background) = list.items.pop().filter(|_| list.items.is_empty())?;
    let last = pipeline.commands.last_mut()?;
    let plain = matches!(last.kind, Kind::Simple { .. });
    if background || !plain || !last.redirections.iter().all(Redirection::is_of_errors) {
        return None;
    }
    last.redirections.push(Redirection {
        descriptor: None,
        operator: ">".to_owned(),
        target: Word::of("/dev/null"),
        harmless: true,
        span: Span::default(),
    });
    Some(pipeline)
}

/// A pipeline that is one assignment and nothing more.
fn assignment(pipeline: &Pipeline) -> Option<&command::Assignment> {
    match pipeline.commands.as_slice() {
        [
            Command {
                kind: Kind::Simple { assignments, words },
                redirections,
                ..
            },
        ] if words.is_empty() && redirections.is_empty() && !pipeline.negated => {
            match assignments.as_slice() {
                [one] => Some(one),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether nothing of a pipeline could change what something else says, or take time: `echo`, questions, assignments.
fn is_quiet(pipeline: &Pipeline) -> bool {
    let quiet = |list: &List| list.items.iter().all(|(_, pipeline, _)| is_quiet(pipeline));
    pipeline.commands.iter().all(|command| match &command.kind {
        Kind::Simple { words, .. } => {
            let name = words.first().map(|w| w.literal().unwrap_or("$"));
            let inner = command.inner.iter().all(|(_, list)| is_quick(list));
            inner && name.is_none_or(|name| QUIET.contains(&name))
        }
        Kind::Test { .. } => true,
        Kind::Subshell(list) | Kind::Group(list) => quiet(list),
        Kind::If { arms, otherwise } => {
            let arms = arms.iter().flat_map(|(condition, body)| [condition, body]);
            arms.chain(otherwise).all(quiet)
        }
        Kind::For { body, .. } => quiet(body),
        Kind::Loop { .. } | Kind::Case { .. } | Kind::Function { .. } => false,
    })
}

/// Whether a list only looks at something that is at hand: it takes no time, and asks no other host.
fn is_quick(list: &List) -> bool {
    let commands = list
        .items
        .iter()
        .flat_map(|(_, pipeline, _)| &pipeline.commands);
    commands.into_iter().all(|command| match &command.kind {
        Kind::Simple { words, .. } => {
            let mut names = words.iter().map(|w| w.literal().unwrap_or("$"));
            let inner = command.inner.iter().all(|(_, list)| is_quick(list));
            let name = names.find(|name| *name != "sudo");
            inner && name.is_none_or(|name| QUIET.contains(&name) || QUICK.contains(&name))
        }
        _ => false,
    })
}

/// Commands that look at what is at hand.
const QUICK: [&str; 28] = [
    "arch", "awk", "basename", "cat", "cut", "date", "dirname", "getconf", "grep", "head",
    "hostname", "id", "nproc", "pgrep", "pidof", "ps", "readlink", "realpath", "sed", "sort",
    "stat", "tail", "tr", "uname", "uniq", "uptime", "wc", "whoami",
];

/// Commands that only say, ask or do nothing.
const QUIET: [&str; 8] = [
    ":", "[", "continue", "echo", "false", "printf", "test", "true",
];

/// The variables of `read -r a b`, which reads a line and does nothing else.
fn read_names(condition: &List) -> Option<Vec<&str>> {
    let [(_, pipeline, false)] = condition.items.as_slice() else {
        return None;
    };
    let [
        Command {
            kind: Kind::Simple { assignments, words },
            redirections,
            ..
        },
    ] = pipeline.commands.as_slice()
    else {
        return None;
    };
    let words: Option<Vec<&str>> = words.iter().map(Word::literal).collect();
    let words = words?;
    let names = words
        .strip_prefix(&["read"])
        .map(|w| w.strip_prefix(&["-r"]).unwrap_or(w));
    match names {
        Some(names)
            if !names.is_empty()
                && !pipeline.negated
                && redirections.is_empty()
                && assignments.iter().all(is_separator) =>
        {
            Some(names.to_vec())
        }
        _ => None,
    }
}

/// `IFS=` keeps blanks, `IFS=:` takes other ones for them; neither holds behind `read`.
fn is_separator(assignment: &command::Assignment) -> bool {
    assignment.name == "IFS" && assignment.value.literal().is_some()
}

/// Whether a call is such a `read`.
pub(super) fn reads_line(call: &command::Call) -> bool {
    let name = |w: &Word| w.literal().is_some_and(words::is_plain_name);
    let raw = call.words.get(1).and_then(Word::literal) == Some("-r");
    let first = 1 + usize::from(raw);
    call.name.text == "read"
        && call.place == Place::Compound
        && call.redirections.is_empty()
        && call.words.len() > first
        && call.words.iter().skip(first).all(name)
        && call.assignments.iter().all(is_separator)
}

/// Whether a call is a `continue` of a loop that stays one.
pub(super) fn goes_on(call: &command::Call) -> bool {
    call.name.text == "continue"
        && call.words.len() == 1
        && matches!(call.place, Place::Compound)
        && !call.scope.lists.is_empty()
        && call.redirections.is_empty()
        && call.assignments.is_empty()
}

/// Whether `[` asks for a number that is greater than another, so that 0 and no number are denied alike.
fn is_denied_for_none(words: &[Word]) -> bool {
    let literal: Vec<&str> = words
        .iter()
        .map(|w| w.literal().unwrap_or_default())
        .collect();
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match literal.as_slice() {
        ["[", "", "-gt", least, "]"] => number(least),
        ["[", "", "-ge" | "-eq", least, "]"] => number(least) && !least.starts_with('0'),
        _ => false,
    }
}

/// Whether a builtin could set a variable, or steer, where neither its name nor an assignment says so.
fn sets_a_variable(words: &[Word]) -> bool {
    let mut literal = words.iter().map(|w| w.literal().unwrap_or_default());
    match (literal.next(), literal.next()) {
        (Some("command"), next) => !matches!(next, Some("-v" | "-V")),
        (Some("builtin"), _) => true,
        (Some("printf"), Some(option)) => option.starts_with("-v"),
        (Some("wait"), Some(option)) => option.starts_with('-'),
        // `time -p time read x`
        (Some("time" | "-p"), Some(next)) => {
            words::STEERS.contains(&next) || sets_a_variable(&words[1..])
        }
        _ => false,
    }
}

/// Whether a redirection neither reads nor writes anything, and names nothing that is known only later.
fn is_harmless(redirection: &Redirection) -> bool {
    redirection.harmless && redirection.target.literal().is_some()
}

/// Whether a list that was read again is only what is written out here, down to its substitutions.
fn is_plain(list: &List, loops: &mut Vec<String>) -> bool {
    list.items.iter().all(|(_, pipeline, background)| {
        !background
            && pipeline
                .commands
                .iter()
                .all(|command| is_plain_command(command, loops))
    })
}

fn is_plain_command(command: &Command, loops: &mut Vec<String>) -> bool {
    if !command.redirections.iter().all(is_harmless) {
        return false;
    }
    let own = match &command.kind {
        Kind::Simple { assignments, words } => {
            assignments.iter().all(|a| !a.value.is_dynamic())
                && words.first().is_some_and(|w| w.literal().is_some())
                && words.iter().all(|w| words::is_plain(w, loops))
        }
        Kind::Subshell(list) | Kind::Group(list) => is_plain(list, loops),
        Kind::If { arms, otherwise } => {
            arms.iter()
                .all(|(condition, body)| is_plain(condition, loops) && is_plain(body, loops))
                && otherwise.as_ref().is_none_or(|list| is_plain(list, loops))
        }
        Kind::For {
            name,
            words: Some(words),
            body,
        } => {
            loops.push(name.clone());
            let told = |w: &Word| !w.is_dynamic() || said::lists_names(w);
            let plain = words.iter().all(told) && is_plain(body, loops);
            loops.pop();
            plain
        }
        Kind::Loop {
            until: false,
            condition,
            body,
        } => read_names(condition).is_some_and(|names| {
            let before = loops.len();
            loops.extend(names.iter().map(|name| (*name).to_owned()));
            let plain = is_plain(body, loops);
            loops.truncate(before);
            plain
        }),
        _ => false,
    };
    own && command
        .inner
        .iter()
        .all(|(place, list)| *place == Place::Substitution && is_plain(list, loops))
}
