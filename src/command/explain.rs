//! Draws a reading for a person: each command, what runs it, where it stands, what is not literal.

use super::call::{Call, Place, Sudo, Wraps};
use super::render;
use super::{Reading, Shell};
use crate::display::escape;

/// The drawing, several lines, everything escaped for display.
pub fn draw(reading: &Reading) -> String {
    let mut text = format!("Line: {}\n", escape(&reading.source));
    if reading.canonical != reading.source {
        text.push_str(&format!("Read as: {}\n", escape(&reading.canonical)));
    }
    if reading.shell == Shell::Bash {
        text.push_str("Only bash reads it so.\n");
    }
    for note in &reading.notes {
        text.push_str(&format!(
            "Not literal: {} (column {})\n",
            escape(&note.what),
            note.span.start + 1
        ));
    }
    text.push('\n');
    for (index, call) in reading.calls.iter().enumerate() {
        let depth = depth_of(reading, index);
        text.push_str(&one(call, depth));
    }
    text
}

fn depth_of(reading: &Reading, mut index: usize) -> usize {
    let mut depth = 0;
    while let Some(parent) = reading
        .calls
        .get(index)
        .and_then(|c| c.parent)
        .filter(|p| *p < index)
    {
        depth += 1;
        index = parent;
    }
    depth
}

fn one(call: &Call, depth: usize) -> String {
    let mut words = String::new();
    for (index, word) in call.words.iter().enumerate() {
        if index > 0 {
            words.push(' ');
        }
        render::word(&mut words, word, index == 0);
    }
    let pad = "  ".repeat(depth);
    let mut text = format!("{pad}- {}\n", escape(&words));
    let mut fact = |what: String| text.push_str(&format!("{pad}    {what}\n"));
    if call.pipe.len > 1 {
        fact(format!(
            "command {} of {} in a pipeline",
            call.pipe.index + 1,
            call.pipe.len
        ));
    }
    match call.place {
        Place::Top | Place::Wrapped => {}
        Place::Substitution => fact("inside a command substitution".into()),
        Place::ProcessSubstitution | Place::Receiver => {
            fact("inside a process substitution".into());
        }
        Place::Group => fact("inside a group".into()),
        Place::Compound => fact("inside a compound command".into()),
        Place::Function => fact("inside a function".into()),
    }
    match call.sudo {
        Sudo::No => {}
        Sudo::Plain => fact("as root, through sudo".into()),
        Sudo::Other => fact("as another user, or through sudo with options".into()),
    }
    match call.wraps {
        Wraps::Nothing => {}
        Wraps::Calls => fact("runs what is below it".into()),
        Wraps::Text => fact("runs text that holds more than plain commands".into()),
        Wraps::Unknown => fact("runs something that cannot be read from the line".into()),
        Wraps::More => {
            fact("runs what is below it, and something that cannot be read from the line".into())
        }
    }
    if !call.name.trusted && !call.name.text.is_empty() {
        fact(format!(
            "`{}` is not a program of the system's",
            escape(&call.name.text)
        ));
    }
    for assignment in &call.assignments {
        fact(format!(
            "with the variable {} set",
            escape(&assignment.name)
        ));
    }
    for redirection in call.redirections.iter().filter(|r| !r.harmless) {
        let mut target = String::new();
        render::word(&mut target, &redirection.target, false);
        fact(format!(
            "redirects {} {}",
            escape(&redirection.operator),
            escape(&target)
        ));
    }
    for word in call.words.iter().filter(|w| w.literal().is_none()) {
        let mut shown = String::new();
        render::word(&mut shown, word, false);
        let what = if word.is_dynamic() {
            "is known only when it runs"
        } else {
            "is a pattern"
        };
        fact(format!("{} {what}", escape(&shown)));
    }
    text
}
