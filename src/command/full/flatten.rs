//! From the tree to the flat list of calls.

use super::ast::{Command, Kind, List, Piece};
use crate::command::call::{Assignment, Call, Pipe, Place, Redirection, Scope, Sudo, Wraps};
use crate::command::name;
use crate::command::word::{Segment, Word};
use std::sync::Arc;

/// Where a list stands.
#[derive(Clone, Copy)]
struct Around<'a> {
    place: Place,
    /// Of the compound commands around it.
    redirections: &'a [Redirection],
    /// The pipeline that it is a part of.
    pipe: Option<Pipe>,
    /// The call in whose words it stands.
    inside: Option<usize>,
    /// The loops and functions around it.
    scope: &'a Arc<Scope>,
}

/// Every simple command of a list, the ones in its words, bodies and branches included; none when they are too many.
pub fn calls(list: &List) -> Option<Vec<Call>> {
    let mut flat = Flat {
        calls: Vec::new(),
        pipelines: 0,
        weight: 0,
    };
    let around = Around {
        place: Place::Top,
        redirections: &[],
        pipe: None,
        inside: None,
        scope: &Arc::default(),
    };
    flat.list(list, around);
    (flat.weight <= MAX_WEIGHT).then_some(flat.calls)
}

struct Flat {
    calls: Vec<Call>,
    pipelines: usize,
    /// Calls and the redirections they carry.
    weight: usize,
}

/// Most calls and redirections of one line together.
const MAX_WEIGHT: usize = 40_000;

impl Flat {
    fn list(&mut self, list: &List, around: Around<'_>) {
        for (_, pipeline, _) in &list.items {
            let length = pipeline.commands.len();
            let number = self.pipelines;
            self.pipelines += 1;
            for (index, command) in pipeline.commands.iter().enumerate() {
                let own = Pipe {
                    pipeline: number,
                    index,
                    len: length,
                };
                let outer = around.pipe.filter(|outer| outer.len > 1);
                let pipe = outer.map_or(own, |outer| own.inside(outer));
                self.command(command, pipe, around);
            }
        }
    }

    fn command(&mut self, command: &Command, pipe: Pipe, around: Around<'_>) {
        let first = self.calls.len();
        let mut redirections = command.redirections.clone();
        redirections.extend(around.redirections.iter().cloned());
        // Each call carries those around it: a line whose groups pile them up is refused as too long.
        let carried: usize = around.redirections.iter().map(|r| r.target.size()).sum();
        self.weight += redirections.len() * 2 + 1 + carried / 32;
        if self.weight > MAX_WEIGHT {
            return;
        }
        let below = Around {
            redirections: &redirections,
            pipe: Some(pipe),
            ..around
        };
        let own = self.kind(command, pipe, below);
        if self.calls.len() == first && !own && !redirections.is_empty() {
            self.push(command, pipe, below, &[], Vec::new());
        }
        for (place, list) in &command.inner {
            // What a `>(…)` reads comes through a pipe.
            let behind = Pipe {
                index: pipe.index + 1,
                len: pipe.len.max(pipe.index + 2),
                ..pipe
            };
            // Its output goes into the word, and the rest is as it is around the command.
            let kept = around.redirections.iter().filter(|r| !r.is_of_output());
            let kept: Vec<Redirection> = kept.cloned().collect();
            // What stands in a function runs when that is called, and by its name.
            let inside = Around {
                place: match around.place {
                    Place::Function => Place::Function,
                    _ => *place,
                },
                redirections: &kept,
                pipe: Some(if *place == Place::Receiver {
                    behind
                } else {
                    pipe
                }),
                inside: if own { Some(first) } else { around.inside },
                ..around
            };
            self.list(list, inside);
        }
    }

    /// The calls of a command; whether the first of them is the command itself.
    fn kind(&mut self, command: &Command, pipe: Pipe, below: Around<'_>) -> bool {
        // What stands in a function stays in it, whatever else it stands in.
        let within = |place| match below.place {
            Place::Function => Place::Function,
            _ => place,
        };
        let compound = Around {
            place: within(Place::Compound),
            ..below
        };
        match &command.kind {
            Kind::Simple { assignments, words } => {
                self.push(command, pipe, below, words, assignments.clone());
                return true;
            }
            Kind::Test { pieces } => {
                let mut words = vec![Word::of("[[")];
                words.extend(pieces.iter().map(|piece| match piece {
                    Piece::Word(word) => word.clone(),
                    Piece::Operator(operator) => Word::of(operator),
                }));
                self.push(command, pipe, below, &words, Vec::new());
                return true;
            }
            Kind::Subshell(list) | Kind::Group(list) => {
                let group = Around {
                    place: within(Place::Group),
                    ..below
                };
                self.list(list, group);
            }
            Kind::If { arms, otherwise } => {
                for (condition, body) in arms {
                    self.list(condition, compound);
                    self.list(body, compound);
                }
                if let Some(list) = otherwise {
                    self.list(list, compound);
                }
            }
            Kind::Loop {
                condition, body, ..
            } => {
                self.list(condition, compound);
                self.list(body, compound);
            }
            Kind::For { name, words, body } => {
                if !self.carries(below.scope, words.as_ref().map_or(1, Vec::len)) {
                    return false;
                }
                let scope = Arc::new(looped(below.scope, name, words.as_deref()));
                let scope = &scope;
                self.list(body, Around { scope, ..compound });
            }
            Kind::Case { arms, .. } => arms.iter().for_each(|(_, list)| self.list(list, compound)),
            Kind::Function { name, body } => {
                if !self.carries(below.scope, 1) {
                    return false;
                }
                let mut scope = Scope::clone(below.scope);
                scope.functions.push(name.clone());
                let function = Around {
                    place: Place::Function,
                    scope: &Arc::new(scope),
                    ..below
                };
                self.command(body, pipe, function);
            }
        }
        false
    }

    /// What stands in a loop or a function carries all that is around it; whether the line is not too long for that.
    fn carries(&mut self, scope: &Scope, more: usize) -> bool {
        self.weight += scope.lists.len() + scope.functions.len() + more;
        self.weight <= MAX_WEIGHT
    }

    fn push(
        &mut self,
        command: &Command,
        pipe: Pipe,
        around: Around<'_>,
        words: &[Word],
        assignments: Vec<crate::command::Assignment>,
    ) {
        // Without a command word there is no name at all, and none that is known only when it runs.
        let first = words.first().map_or(Some(""), Word::literal);
        self.calls.push(Call {
            name: name::of(first),
            words: words.to_vec(),
            assignments,
            redirections: around.redirections.to_vec(),
            own: command.redirections.len(),
            pipe,
            place: around.place,
            parent: None,
            inside: around.inside,
            sudo: Sudo::No,
            wraps: Wraps::Nothing,
            scope: Arc::clone(around.scope),
            is_function: false,
            span: command.span,
        });
    }
}

/// The scope inside a `for`; without words it goes through the positional parameters.
fn looped(around: &Scope, name: &str, words: Option<&[Word]>) -> Scope {
    let mut scope = around.clone();
    let all = Word {
        segments: vec![Segment::Expansion("${@}".to_owned())],
        span: Default::default(),
    };
    let words = words.unwrap_or(std::slice::from_ref(&all));
    scope.lists.extend(words.iter().map(|word| Assignment {
        name: name.to_owned(),
        value: word.clone(),
        span: word.span,
    }));
    scope
}
