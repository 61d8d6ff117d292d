//! Programs of awk and scripts of sed, by some of which they run commands.
//!
//! Only what surely runs none may pass unmarked: where a text could be cut into its parts in two ways, it could run one.

use super::options::{is_one, is_operand};
use crate::command::call::Call;
use crate::command::full::REDEFINERS;
use crate::command::names;
use crate::command::word::{Segment, Word};

/// Whether the program of an awk or the script of a sed could run something.
pub(super) fn runs(call: &Call) -> bool {
    match call.name.base.as_str() {
        "sed" => sed_runs(call),
        "awk" | "gawk" | "mawk" | "nawk" => awk_runs(call),
        _ => false,
    }
}

/// Whether a script of sed could run something, or is known only when it runs.
fn sed_runs(call: &Call) -> bool {
    is_hidden_script(call) || sed_scripts(&call.words).into_iter().any(may_execute)
}

/// Whether a word of sed that is known only when it runs could be an option, or a part of the script.
fn is_hidden_script(call: &Call) -> bool {
    let hidden = |(at, word): (usize, &Word)| {
        let before = call.words.get(..at).unwrap_or_default();
        let value = before
            .last()
            .is_some_and(|w| w.literal_prefix().starts_with('-'));
        // Behind its script sed takes files, and options still.
        let file = is_operand(word) && !value && !sed_scripts(before).is_empty();
        word.literal().is_none() && !file && !names_are_text(call, word)
    };
    let many = call.words.len() > MOST_WORDS && call.words.iter().any(|w| w.literal().is_none());
    many || call.words.iter().enumerate().skip(1).any(hidden)
}

/// Most words of a sed that are looked at one by one.
const MOST_WORDS: usize = 1000;

/// The scripts among sed's words, as far as these are known: its first operand, or what stands behind `-e`.
fn sed_scripts(words: &[Word]) -> Vec<&str> {
    let mut words = words.iter().skip(1).map(Word::literal_prefix);
    let (mut scripts, mut told, mut ended) = (Vec::new(), false, false);
    while let Some(word) = words.next() {
        if word == "--" && !ended {
            ended = true;
            continue;
        }
        let letters = word
            .strip_prefix('-')
            .filter(|rest| !ended && !rest.starts_with('-'));
        // `-ne SCRIPT`, `-eSCRIPT`, `-n -i.bak`, `-l 5`
        let valued = letters.and_then(|text| text.split_once(['e', 'f', 'l', 'i']));
        match (valued, word.strip_prefix("--").filter(|_| !ended)) {
            (Some((flags, rest)), _) => {
                let letter = letters.and_then(|text| text.chars().nth(flags.len()));
                let value = match (letter, rest) {
                    (Some('i'), _) => None,
                    (_, "") => words.next(),
                    _ => Some(rest),
                };
                told |= matches!(letter, Some('e' | 'f'));
                scripts.extend(value.filter(|_| letter == Some('e')));
            }
            (None, Some(long)) => {
                let (name, value) = long.split_once('=').unzip();
                let name = name.unwrap_or(long);
                let is = |option: &str| !name.is_empty() && option.starts_with(name);
                told |= is("expression") || name.starts_with("fi");
                // `--line-length`
                let takes = is("expression") || name.starts_with('l') || name.starts_with("fi");
                let value = value.or_else(|| takes.then(|| words.next()).flatten());
                scripts.extend(value.filter(|_| is("expression")));
            }
            _ if letters.is_some_and(|text| !text.is_empty()) => {}
            _ if !told => {
                told = true;
                scripts.push(word);
            }
            _ => {}
        }
    }
    scripts
}

/// Whether a script of sed could hold the command `e`, or that flag of `s`: a letter of that kind stands where no address, no
/// pattern and no replacement is.
fn may_execute(script: &str) -> bool {
    let bare = script.contains('e').then(|| bare_commands(script));
    bare.is_some_and(|commands| commands.is_none_or(|c| c.contains('e')))
}

/// A script without its patterns, replacements and addresses; None where it is not one of plain commands.
fn bare_commands(script: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = script.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' => part(&mut chars, '/')?,
            's' | 'y' => {
                let end = chars
                    .next()
                    .filter(char::is_ascii_punctuation)
                    .filter(|c| *c != '\\')?;
                match c {
                    's' => part(&mut chars, end)?,
                    _ => text(&mut chars, end)?,
                }
                text(&mut chars, end)?;
                while let Some(flag) = chars.next_if(|c| c.is_ascii_alphanumeric()) {
                    // The name of a file follows.
                    if flag == 'w' {
                        return None;
                    }
                    out.push(flag);
                }
            }
            // Text, up to the end of the line.
            'a' | 'i' | 'c' => {
                while let Some(c) = chars.next().filter(|c| *c != '\n') {
                    if c == '\\' {
                        return None;
                    }
                }
            }
            '0'..='9' | '$' | ',' | '!' | ';' | '{' | '}' | ' ' | '\n' | '+' | '~' => {}
            'I' | 'M' | 'p' | 'P' | 'd' | 'D' | 'q' | 'Q' | 'n' | 'N' | 'g' | 'G' | 'h' | 'H'
            | 'x' | '=' => {}
            _ => return None,
        }
    }
    Some(out)
}

/// Goes behind the end of a text, in which brackets are nothing special.
fn text(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, end: char) -> Option<()> {
    loop {
        match chars.next()? {
            '\\' => drop(chars.next()?),
            c if c == end => return Some(()),
            '\n' => return None,
            _ => {}
        }
    }
}

/// Goes behind the end of a pattern. None where brackets could hold the end.
fn part(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, end: char) -> Option<()> {
    loop {
        match chars.next()? {
            '\\' => drop(chars.next().filter(|c| *c != '\n')?),
            c if c == end => return Some(()),
            '\n' => return None,
            '[' => bracket(chars, end)?,
            _ => {}
        }
    }
}

/// Goes behind a bracket expression. A `]` that comes first is one of its characters (POSIX, 9.3.5). None where seds differ on
/// where it ends.
fn bracket(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, end: char) -> Option<()> {
    if matches!(end, ']' | '^' | ':') {
        return None;
    }
    chars.next_if_eq(&'^');
    chars.next_if_eq(&']');
    loop {
        match chars.next()? {
            ']' => return Some(()),
            '\n' => return None,
            // `[:space:]`; of the rest of its kind no more is known here.
            '[' => match chars.peek() {
                Some(':') => {
                    chars.next();
                    while chars.next_if(char::is_ascii_alphabetic).is_some() {}
                    chars.next_if_eq(&':')?;
                    chars.next_if_eq(&']')?;
                }
                Some('.' | '=') => return None,
                _ => {}
            },
            // Some take it away, some leave it: it is none of what ends something here.
            '\\' => drop(chars.next().filter(|c| !matches!(c, '[' | ']' | '\n'))?),
            c if c == end => return None,
            _ => {}
        }
    }
}

/// Options of awk that bring no program, and no more than a variable's value.
const AWK_FLAGS: [&str; 16] = [
    "-b",
    "-c",
    "-h",
    "-N",
    "-n",
    "-O",
    "-P",
    "-r",
    "-S",
    "-s",
    "-V",
    "--help",
    "--posix",
    "--re-interval",
    "--sandbox",
    "--version",
];

/// Whether the program of awk, its first operand or behind `-e`, runs something, or could come from elsewhere.
fn awk_runs(call: &Call) -> bool {
    let mut words = call.words.iter().skip(1);
    let mut told = false;
    while let Some(word) = words.next() {
        let text = word.literal_prefix();
        // Options end where the first operand stands.
        if word.literal().is_none() && !(told && is_operand(word)) {
            return true;
        }
        let code = match text {
            "-F" | "-v" if words.next().is_some_and(is_one) => continue,
            "-F" | "-v" => return true,
            text if text.starts_with("-F") || text.starts_with("-v") => continue,
            text if AWK_FLAGS.contains(&text) => continue,
            "-e" | "--source" => words.next(),
            text if text.starts_with("-e") || text.starts_with("--source=") => Some(word),
            "--" => return !told && words.next().is_some_and(is_awk_s),
            text if text.len() > 1 && text.starts_with('-') => return true,
            _ => return !told && is_awk_s(word),
        };
        told = true;
        if code.is_some_and(is_awk_s) {
            return true;
        }
    }
    false
}

/// `system(…)`, `"x" | getline`, `print | "x"`, `@load`, `@f()` (awk(1), gawk(1)), outside of a program's strings and
/// patterns; where those are not certain, anywhere.
fn is_awk_s(program: &Word) -> bool {
    let Some(code) = program.literal() else {
        return true;
    };
    let outside = outside(code);
    let code = outside.as_deref().unwrap_or(code);
    let runs = ["system", "getline", "@"];
    runs.iter().any(|s| code.contains(s)) || code.replace("||", "").contains('|')
}

/// A program without its strings and patterns. None where a `/` could be of a division as well as of a pattern, where it
/// could stand in brackets of one, and where there is a comment or a line goes on in the next.
fn outside(code: &str) -> Option<String> {
    let mut out = String::from("(");
    let mut chars = code.chars();
    while let Some(c) = chars.next() {
        match c {
            '#' | '\\' => return None,
            '"' => {
                while let Some(inner) = chars.next().filter(|inner| *inner != '"') {
                    if inner == '\\' {
                        chars.next();
                    }
                }
            }
            '/' if !divides(&out)? => skip_pattern(&mut chars)?,
            _ => {}
        }
        out.push(c);
    }
    Some(out)
}

/// Whether a `/` behind this code divides a value at its end, or begins a pattern; None where it could do either.
fn divides(code: &str) -> Option<bool> {
    // Behind these it may be both, as behind `)` and `++`.
    const KEYWORDS: [&str; 13] = [
        "case", "delete", "do", "else", "exit", "getline", "in", "length", "print", "printf",
        "return", "next", "func",
    ];
    let code = code.trim_end_matches([' ', '\t']);
    if code.ends_with(['(', ',', '~', '!', '&', '|', '{', ';', '\n']) {
        return Some(false);
    }
    let before = code.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let word = &code[before.len()..];
    let value = !word.is_empty() && !KEYWORDS.contains(&word) || code.ends_with(['"', ']']);
    value.then_some(true)
}

/// Goes behind a pattern's end. None where this could stand in brackets, in which `/` ends nothing.
fn skip_pattern(chars: &mut std::str::Chars<'_>) -> Option<()> {
    // Never fewer than are open: right behind one `]` closes nothing, and a class has brackets of its own.
    let mut open = 0_usize;
    while let Some(c) = chars.next().filter(|c| *c != '/') {
        match c {
            '\\' => drop(chars.next()),
            '[' => {
                open += 1;
                let rest = chars.as_str();
                let behind = rest.strip_prefix('^').unwrap_or(rest);
                if let Some(behind) = behind.strip_prefix(']') {
                    *chars = behind.chars();
                }
            }
            ']' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    (open == 0).then_some(())
}

/// Where the users' names stand.
const USERS: &str = "$( cut -d: -f1 /etc/passwd )";

/// Whether a word holds nothing that only the shell knows but the names of users: variables of a `for` that goes through these.
fn is_of_names(call: &Call, word: &Word) -> bool {
    let of_loop = |text: &str| {
        let name = text
            .trim_matches('"')
            .strip_prefix("${")
            .and_then(|t| t.strip_suffix('}'));
        let mut lists = call.scope.lists.iter();
        lists.any(|list| Some(list.name.as_str()) == name)
    };
    let known = |s: &Segment| match s {
        Segment::Literal(_) => true,
        Segment::Glob(_) => false,
        Segment::Expansion(text) => of_loop(text),
    };
    let mut lists = call.scope.lists.iter();
    !word.literal_prefix().is_empty()
        && word.segments.iter().all(known)
        && lists.all(|list| list.value.spelt() == USERS)
}

/// Whether a word is `s/PATTERN/TEXT/`, and users' names stand in the pattern or the text, where each is no more than that.
fn names_are_text(call: &Call, word: &Word) -> bool {
    const NAME: char = '\u{1}';
    let mut text = String::new();
    for segment in &word.segments {
        match segment {
            Segment::Literal(part) | Segment::Glob(part) => text.push_str(part),
            Segment::Expansion(_) => text.push(NAME),
        }
    }
    let parts: Vec<&str> = text.split('/').collect();
    let plain = !text.contains(['\\', '\n', '[']);
    plain && matches!(parts.as_slice(), ["s", _, _, "" | "g" | "p"]) && is_of_names(call, word)
}

/// The calls of sed with users' names in their scripts, where the line could give a variable another value, or make
/// another `cut`. `set` are the variables that it sets, once for each time.
pub(in crate::command) fn in_doubt(calls: &[Call], set: &[String]) -> Vec<usize> {
    let relies = |call: &Call| {
        let mut words = call.words.iter().skip(1);
        call.name.base == "sed" && words.any(|w| w.literal().is_none() && names_are_text(call, w))
    };
    let at: Vec<usize> = (0..calls.len()).filter(|at| relies(&calls[*at])).collect();
    if at.is_empty() {
        return at;
    }
    let other = |call: &Call| {
        let names_path = |w: &Word| w.spelt().contains("PATH=");
        !call.assignments.is_empty()
            || !call.scope.functions.is_empty()
            || call.words.iter().any(names_path)
            || REDEFINERS.contains(&call.name.base.as_str())
            || names::named(&call.words).map_or(true, |named| !named.is_empty())
    };
    let doubt = calls.iter().any(other);
    let again = |at: &usize| {
        let mut lists = calls[*at].scope.lists.iter();
        lists.any(|list| set.iter().filter(|name| **name == list.name).count() > 1)
    };
    at.into_iter().filter(|at| doubt || again(at)).collect()
}
