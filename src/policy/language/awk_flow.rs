//! What text goes into which variable of an awk program: whether it can double again and again.
//!
//! `s = s $0` grows by what is read, `s = s s` doubles with every line. Text flows from the names of a value to the
//! name it is put into; where a name gets more than one copy of what it, round about, came from, it is refused.

use super::awk_lex::Tok;
use std::collections::{BTreeMap, BTreeSet};

/// The name under which all fields of a line go.
pub(super) const FIELDS: &str = "$";
/// Most values in a row that say a name twice, where none of them goes round.
const MOST_TWICE: usize = 6;

#[derive(Debug, Default)]
pub(super) struct Flows {
    /// Target, and how often each name stands in its value; whether these are put together.
    list: Vec<(String, BTreeMap<String, usize>, bool)>,
    /// Some `gensub` makes a text longer than it was.
    pub(super) longer: bool,
    /// What `gensub` gives is put into a name.
    kept: bool,
}

impl Flows {
    /// Text of one name goes into another as it is.
    pub(super) fn copies(&mut self, to: &str, from: &str) {
        self.list
            .push((to.to_owned(), BTreeMap::from([(from.to_owned(), 1)]), false));
    }

    /// The tokens of a value go into a name. Whether the value says the name itself; for the fields, which are new with every
    /// line, how often, and at least once.
    pub(super) fn text(&mut self, to: &str, value: &[(Tok, usize)]) -> Own {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for (at, (tok, _)) in value.iter().enumerate() {
            if is_condition(value, at) {
                continue;
            }
            let name = match tok {
                Tok::Op("$") => FIELDS,
                Tok::Name(name) => name,
                _ => continue,
            };
            *names.entry(name.to_owned()).or_default() += 1;
        }
        let joined = value
            .windows(2)
            .any(|pair| matches!(pair, [(a, _), (b, _)] if ends_value(a) && begins_value(b)))
            || value
                .iter()
                .any(|(t, _)| matches!(t, Tok::Func(f) if f == "sprintf" || f == "gensub"));
        self.kept |= value
            .iter()
            .any(|(t, _)| matches!(t, Tok::Func(f) if f == "gensub"));
        let own = names.get(to).copied().unwrap_or(0);
        self.list.push((to.to_owned(), names, joined));
        Own {
            times: if joined { own } else { own.min(1) },
            joined,
        }
    }

    /// # Errors
    /// When a text can double with every line, or too often in a row.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.longer && self.kept {
            return Err("awk: what gensub made longer is kept".into());
        }
        let mut twice = 0;
        for (to, names, _) in self.list.iter().filter(|(_, _, joined)| *joined) {
            let from_itself: usize = names
                .iter()
                .filter(|(name, _)| !(to == FIELDS && *name == FIELDS))
                .filter(|(name, _)| self.reaches(to, name))
                .map(|(_, times)| *times)
                .sum();
            if from_itself > 1 {
                let shown = if to == FIELDS { "a field" } else { to };
                return Err(format!(
                    "awk: `{shown}` is put together from more than one copy of itself, which may fill memory"
                ));
            }
            twice += usize::from(names.values().any(|times| *times > 1));
        }
        if twice > MOST_TWICE {
            return Err("awk: texts are doubled too often".into());
        }
        Ok(())
    }

    /// Whether what `from` holds can come into `to`.
    fn reaches(&self, from: &str, to: &str) -> bool {
        let mut seen = BTreeSet::from([from]);
        let mut left = vec![from];
        while let Some(name) = left.pop() {
            if name == to {
                return true;
            }
            for (target, names, _) in &self.list {
                if names.contains_key(name) && seen.insert(target) {
                    left.push(target);
                }
            }
        }
        false
    }
}

/// How a value speaks of the name it is put into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    times: usize,
    joined: bool,
}

impl Own {
    /// It grows from what it was.
    pub(super) fn grows(self) -> bool {
        self.joined && self.times > 0
    }
    /// By how much at most, where each copy is as long as the whole.
    pub(super) fn factor(self) -> usize {
        self.times.max(1)
    }
}

/// Whether a token stands in what is asked by `?`: of that only its truth goes into the value.
fn is_condition(value: &[(Tok, usize)], at: usize) -> bool {
    let mut depth = 0usize;
    for (tok, _) in value.iter().skip(at + 1) {
        match tok {
            Tok::Op("(" | "[") => depth += 1,
            Tok::Op(")" | "]") if depth == 0 => return false,
            Tok::Op(")" | "]") => depth -= 1,
            Tok::Op("?") if depth == 0 => return true,
            Tok::Op(":" | "," | "=") if depth == 0 => return false,
            _ => {}
        }
    }
    false
}

fn ends_value(tok: &Tok) -> bool {
    matches!(
        tok,
        Tok::Num(_) | Tok::Str(_) | Tok::Regex(_) | Tok::Name(_) | Tok::Op(")" | "]" | "++" | "--")
    )
}

fn begins_value(tok: &Tok) -> bool {
    matches!(
        tok,
        Tok::Num(_) | Tok::Str(_) | Tok::Name(_) | Tok::Func(_) | Tok::Op("$" | "(")
    )
}
