//! What the calls of a line give to its variables: `read`, `set --`, `getopts`, `find`, `xargs`, …
//!
//! Each value is a guess, held against rules that forbid and nothing else: it must never let anything run.

use super::goes::is_in_cluster;
use crate::command::word::{ONE_NAME, SEVERAL_NAMES};
use crate::command::{Call, Reading, Segment, Word, render};

/// Most values that one call gives to a variable.
pub(super) const MOST: usize = 32;

/// Programs whose output is taken from their words.
pub(super) const TELLS: [&str; 8] = [
    "echo", "printf", "dirname", "basename", "realpath", "readlink", "pidof", "pgrep",
];

/// Variables and what each could hold, in order; `@` are the positional parameters, `…` what xargs reads, `{}` what find finds.
pub(super) type Sets = Vec<(String, Word)>;

/// What a line gives to its variables, anywhere.
pub(super) fn of(reading: &Reading) -> Sets {
    let mut sets = reading.uses.given.clone();
    let last = reading.source.contains("$_") || reading.source.contains("${_");
    let separators = separators(reading);
    for call in &reading.calls {
        of_call(reading, call, &separators, &mut sets);
        if let Some(word) = call.words.iter().rfind(|w| last && !is_added(w)) {
            sets.push(("_".to_owned(), word.clone()));
        }
    }
    // Then each may be any.
    if reading.calls.iter().any(|c| c.name.base == "shift") {
        sets.extend((1..=9).map(|number| (number.to_string(), all())));
    }
    sets
}

/// The positional parameters.
fn all() -> Word {
    Word::expansion("\"${@}\"")
}

/// Whether a word stands for what xargs adds.
fn is_added(word: &Word) -> bool {
    word.segments == [Segment::Expansion("…".into())]
}

/// What a call says, as a word: `$( … )`.
fn said_by(call: &Call) -> Option<Word> {
    TELLS
        .contains(&call.name.base.as_str())
        .then(|| said(&call.name.base, call.words.get(1..).unwrap_or_default()))
}

fn said(command: &str, words: &[Word]) -> Word {
    let mut text = command.to_owned();
    for word in words {
        text.push(' ');
        render::word(&mut text, word, false);
    }
    Word::expansion(format!("$( {text} )"))
}

/// By what words are split here besides white space: what the line gives to `IFS`.
fn separators(reading: &Reading) -> String {
    let assignments = reading.calls.iter().flat_map(|c| &c.assignments);
    let given = assignments.filter(|a| a.name == "IFS");
    given.map(|a| a.value.spelt()).collect()
}

/// What one call gives.
fn of_call(reading: &Reading, call: &Call, separators: &str, sets: &mut Sets) {
    for assignment in &call.assignments {
        sets.push((assignment.name.clone(), assignment.value.clone()));
    }
    let words = call.words.get(1..).unwrap_or_default();
    match call.name.base.as_str() {
        "export" | "readonly" | "local" | "declare" | "typeset" | "env" | "sudo" | "doas"
        | "docker" | "podman" | "nerdctl" | "systemd-run" => declared(words, sets),
        "read" => {
            let names = words.iter().filter_map(Word::literal);
            let names: Vec<&str> = names.filter(|n| !n.starts_with('-')).collect();
            for text in read_by(reading, call, separators) {
                for name in &names {
                    sets.push(((*name).to_owned(), text.clone()));
                }
            }
        }
        "xargs" | "parallel" => {
            for word in read_by(reading, call, &delimiter(words)) {
                // It takes quotes and backslashes out (POSIX, xargs).
                let plain = word.literal().map(|t| t.replace(['\'', '"', '\\'], ""));
                // What the reader calls parallel's.
                sets.push(("ARG".to_owned(), word.clone()));
                for word in [Some(word), plain.map(|text| Word::of(&text))]
                    .into_iter()
                    .flatten()
                {
                    sets.push(("…".to_owned(), word.clone()));
                    sets.push((ONE_NAME.to_owned(), word));
                }
            }
        }
        "find" => {
            for found in found(words) {
                for put_in in [ONE_NAME, SEVERAL_NAMES] {
                    sets.push((put_in.to_owned(), found.clone()));
                }
            }
        }
        "printf" if words.first().and_then(Word::literal) == Some("-v") => {
            if let Some(name) = words.get(1).and_then(Word::literal) {
                let words = words.get(2..).unwrap_or_default();
                let own = words.iter().position(is_added).unwrap_or(words.len());
                let words = &words[..own];
                sets.push((name.to_owned(), said("printf", words)));
                sets.extend(words.iter().map(|word| (name.to_owned(), word.clone())));
            }
        }
        "cd" | "pushd" => {
            let to = words.iter().find(|w| !w.literal_prefix().starts_with('-'));
            for name in ["PWD", "OLDPWD"] {
                sets.extend(to.map(|word| (name.to_owned(), word.clone())));
            }
        }
        "getopts" => {
            let words = words.iter().skip(2).cloned().chain([all()]);
            sets.extend(words.map(|word| ("OPTARG".to_owned(), word)));
        }
        "set" => positional(operands(words), 1, sets),
        base if crate::command::wrapper::is_interpreter(base) => {
            let letter = |letter: char| words.iter().any(|w| is_in_cluster(w, letter));
            match operands(words) {
                // The first is the text, the second the name of the shell.
                [_, operands @ ..] if letter('c') || !letter('s') => positional(operands, 0, sets),
                operands => positional(operands, 1, sets),
            }
        }
        _ if reading.functions.contains(&call.name.text)
            || reading
                .calls
                .iter()
                .any(|c| c.scope.functions.contains(&call.name.text)) =>
        {
            positional(words, 1, sets);
        }
        _ => {}
    }
}

/// `NAME=value`, `--env=NAME=value` among the words.
fn declared(words: &[Word], sets: &mut Sets) {
    for word in words {
        let text = word.literal_prefix();
        let mut parts: Vec<&str> = text.splitn(3, '=').collect();
        let skipped = match parts.as_slice() {
            [option, _, _] if option.starts_with('-') => parts.remove(0).len() + 1,
            _ => 0,
        };
        if let [name, _, ..] = parts.as_slice() {
            let name = name.trim_start_matches("-e");
            sets.push((name.to_owned(), word.behind(skipped + parts[0].len() + 1)));
        }
    }
}

/// The words behind the options of `set` or of a shell. `-o` and `-O` have a word of their own, and so do long ones that
/// name a file (bash(1), OPTIONS).
fn operands(words: &[Word]) -> &[Word] {
    let mut rest = words;
    while let [word, behind @ ..] = rest {
        let text = word.literal_prefix();
        rest = match text {
            "-" | "--" => return behind,
            "--rcfile" | "--init-file" => behind.get(1..).unwrap_or_default(),
            _ if !text.starts_with(['-', '+']) => return rest,
            _ if !text.starts_with("--") && text.ends_with(['o', 'O']) => {
                behind.get(1..).unwrap_or_default()
            }
            _ => behind,
        };
    }
    rest
}

fn positional(words: &[Word], first: usize, sets: &mut Sets) {
    for (index, word) in words.iter().enumerate() {
        sets.push(((first + index).to_string(), word.clone()));
        sets.push(("@".to_owned(), word.clone()));
    }
}

/// By what xargs cuts its input, besides white space.
fn delimiter(words: &[Word]) -> String {
    let mut words = words.iter().filter_map(Word::literal);
    while let Some(word) = words.next() {
        let value = match word {
            "-d" | "--delimiter" => words.next(),
            _ => word
                .strip_prefix("--delimiter=")
                .or_else(|| word.strip_prefix("-d")),
        };
        if let Some(value) = value {
            return value.to_owned();
        }
    }
    String::new()
}

/// What find may hand on: what its tests name, where they name something, directly inside of where it begins; or that, and
/// all below.
fn found(words: &[Word]) -> Vec<Word> {
    let is_path = |w: &&Word| !w.literal_prefix().starts_with(['-', '(', '!']);
    let behind = words.iter().position(|w| {
        !matches!(w.literal_prefix(), "-H" | "-L" | "-P") && !w.literal_prefix().starts_with("-O")
    });
    let rest = words
        .get(behind.unwrap_or(words.len())..)
        .unwrap_or_default();
    let starts: Vec<&Word> = rest.iter().take_while(is_path).take(MOST).collect();
    let mut names = Vec::new();
    let mut out = Vec::new();
    for pair in rest.windows(2) {
        let (Some(test), Some(name)) = (pair[0].literal(), pair[1].literal()) else {
            continue;
        };
        match test {
            "-name" | "-path" | "-wholename" => names.push(name.to_owned()),
            "-iname" | "-ipath" | "-iwholename" => {
                names.extend([name.to_owned(), name.to_lowercase()]);
            }
            "-samefile" => out.push(Word::of(name)),
            _ => {}
        }
    }
    names.truncate(MOST);
    for name in names.iter().filter(|name| name.starts_with('/')) {
        out.push(Word::of(name));
    }
    for start in starts {
        let inside = |name: &str| match start.literal() {
            Some(text) => Word::of(&format!("{}/{name}", text.trim_end_matches('/'))),
            None => {
                let mut word = start.clone();
                word.segments.push(Segment::Literal(format!("/{name}")));
                word
            }
        };
        // What is below a home is its owner's, as it is to `-R`.
        let home = ["~", "/home", "/root"]
            .iter()
            .any(|home| start.spelt().starts_with(home));
        let all = home || start.literal() == Some("/");
        if names.is_empty() {
            out.push(start.clone());
            out.extend((!all).then(|| inside("*")));
        } else {
            let names = names.iter().filter(|name| !name.starts_with('/'));
            out.extend(names.map(|name| inside(name)));
        }
    }
    out
}

/// The words that a call reads from its standard input, where the line says them.
fn read_by(reading: &Reading, call: &Call, separators: &str) -> Vec<Word> {
    let texts = input(reading, call);
    let pieces = texts.iter().flat_map(|text| pieces(text, separators));
    let substituted = call.redirections.iter().filter_map(|r| {
        let Segment::Expansion(text) = r.target.segments.first()? else {
            return None;
        };
        let body = text.strip_prefix("<(")?;
        Some(Word::expansion(format!("$({body}")))
    });
    let said = before(reading, call).filter_map(said_by);
    let pieces = pieces.take(MOST).map(|text| Word::of(&text));
    pieces.chain(substituted).chain(said).collect()
}

/// What a call reads from its standard input, where the line says it: here-documents, here-strings, and what
/// `echo`, `printf` and `cat <<E` in front of it write.
pub(super) fn input(reading: &Reading, call: &Call) -> Vec<String> {
    let document = |c: &Call| -> Vec<String> {
        let here = c
            .redirections
            .iter()
            .filter(|r| r.operator.starts_with("<<"));
        here.map(|r| r.target.spelt()).collect()
    };
    let mut texts = document(call);
    for other in before(reading, call) {
        texts.extend(document(other));
        if matches!(other.name.base.as_str(), "echo" | "printf") {
            let words: Vec<String> = other.words.iter().skip(1).map(Word::spelt).collect();
            texts.push(words.join(" "));
        }
    }
    texts
}

/// Whether the line says what stands in front of a call's pipe.
pub(super) fn is_told(reading: &Reading, call: &Call) -> bool {
    let mut first = before(reading, call).filter(|c| c.pipe.index == 0);
    let document = |c: &Call| c.redirections.iter().any(|r| r.operator.starts_with("<<"));
    document(call)
        || first.all(|c| matches!(c.name.base.as_str(), "echo" | "printf") || document(c))
}

/// The calls in front of one in its pipeline.
fn before<'a>(reading: &'a Reading, call: &'a Call) -> impl Iterator<Item = &'a Call> {
    let pipe = call.pipe;
    let calls = reading.calls.iter();
    calls.filter(move |c| c.pipe.pipeline == pipe.pipeline && c.pipe.index < pipe.index)
}

/// The words of a text, line by line, with the line feeds and NULs that `printf` writes; and what is left between the
/// separators, where there are any.
pub(super) fn pieces(text: &str, separators: &str) -> Vec<String> {
    let text = text.replace("\\n", "\n").replace("\\0", "\n");
    let by = |separators: &str| -> Vec<String> {
        let parts = text.split(|c: char| matches!(c, ' ' | '\t' | '\n') || separators.contains(c));
        let parts = parts.filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    let mut all = by("");
    if !separators.is_empty() {
        all.extend(by(separators));
    }
    all
}
