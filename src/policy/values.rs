//! What the variables of a line could hold, as far as the line itself says it.
//!
//! `for d in /etc /usr; do chmod -R 777 $d; done` names what it changes, only not in one place. What is found
//! here is held against rules that forbid, and nothing else: it is a guess, and must never let anything run.

use super::path;
use crate::command::word::{ONE_NAME, SEVERAL_NAMES, bare};
use crate::command::{Call, Reading, Segment, Word, with_lists};
use std::cell::Cell;
use std::collections::BTreeMap;

/// Most values of one variable.
const MOST: usize = 32;
/// Most words that one word could stand for.
const MOST_WORDS: usize = 64;
/// Variables may be set from others, so often.
const ROUNDS: usize = 3;
/// Deepest substitution in a substitution.
const DEEPEST: usize = 3;

/// Longest text that a value is made of, in bytes: no path and no word that matters is longer.
const LONGEST: usize = 64 * 1024;
/// Longest value that a pattern is taken off from, in bytes (PATH_MAX).
const LONGEST_CUT: usize = 4096;
/// Most that all of this may cost for a line, in bytes made or compared. Behind it nothing more is guessed.
const BUDGET: usize = 32 * 1024 * 1024;
/// What reading the text of one substitution costs, beside its bytes.
const A_READING: usize = 16 * 1024;

/// Values by the variable's name; `@` are the positional parameters, `…` what xargs reads.
#[derive(Debug, Default)]
pub struct Values {
    known: BTreeMap<String, Vec<String>>,
    spent: Cell<usize>,
}

impl Values {
    /// What a line sets, anywhere.
    pub fn of(reading: &Reading) -> Values {
        let mut set: Vec<(String, Word)> = Vec::new();
        for (call, lists) in with_lists(&reading.calls) {
            set.extend(lists.iter().map(|a| (a.name.clone(), a.value.clone())));
            of_call(reading, call, &mut set);
        }
        let mut values = Values::default();
        // Whose home it is cannot be known: it is taken for root's, the worst.
        values.add("HOME", "/root".to_owned());
        for _ in 0..ROUNDS {
            for (name, word) in &set {
                for text in values.texts(word, 0) {
                    values.add(name, text);
                }
            }
        }
        values
    }

    /// Whether so many bytes may still be made or compared.
    fn spend(&self, bytes: usize) -> bool {
        let spent = self.spent.get().saturating_add(bytes);
        self.spent.set(spent);
        spent <= BUDGET
    }

    fn add(&mut self, name: &str, text: String) {
        let texts = self.known.entry(name.to_owned()).or_default();
        if texts.len() < MOST && !texts.contains(&text) {
            texts.push(text);
        }
    }

    /// What a word could stand for: each is one word, or several where the shell would split it. None for a
    /// word without expansions, or with one that the line says nothing of.
    pub fn alternatives(&self, word: &Word) -> Vec<Vec<Word>> {
        if !word.is_dynamic() {
            return Vec::new();
        }
        let split = word
            .segments
            .iter()
            .any(|s| matches!(s, Segment::Expansion(t) if !t.starts_with('"')));
        self.spellings(word, 0)
            .into_iter()
            .map(|text| {
                let parts: Vec<Word> = text
                    .split([' ', '\t', '\n'])
                    .filter(|_| split)
                    .filter(|part| !part.is_empty())
                    .map(|part| as_word(part, word))
                    .collect();
                if parts.is_empty() {
                    vec![as_word(&text, word)]
                } else {
                    parts
                }
            })
            .collect()
    }

    /// The texts of a word, itself where it is literal.
    fn texts(&self, word: &Word, depth: usize) -> Vec<String> {
        match word.literal() {
            Some(text) => vec![text.to_owned()],
            None => self.spellings(word, depth),
        }
    }

    fn spellings(&self, word: &Word, depth: usize) -> Vec<String> {
        let mut texts = vec![String::new()];
        for segment in &word.segments {
            let parts = match segment {
                Segment::Literal(text) | Segment::Glob(text) => vec![text.clone()],
                Segment::Expansion(text) => self.expansion(text, depth),
            };
            texts = texts
                .iter()
                .flat_map(|before| parts.iter().map(move |part| (before, part)))
                .filter(|(before, part)| before.len() + part.len() <= LONGEST)
                .take(MOST_WORDS)
                .take_while(|(before, part)| self.spend(before.len() + part.len() + 1))
                .map(|(before, part)| format!("{before}{part}"))
                .collect();
        }
        texts
    }

    /// What an expansion as it is written could give.
    fn expansion(&self, text: &str, depth: usize) -> Vec<String> {
        let (inner, _) = bare(text);
        if inner == "''" {
            vec![String::new()]
        } else if let Some(user) = inner.strip_prefix('~') {
            if !(user.is_empty() || user.starts_with('/')) {
                return vec![home(user)];
            }
            let homes = self.value("HOME").into_iter();
            homes.map(|home| format!("{home}{user}")).collect()
        } else if let Some(body) = inner.strip_prefix("${").and_then(|t| t.strip_suffix('}')) {
            self.parameter(body, depth)
        } else if let Some(body) = inner.strip_prefix("$( ").and_then(|t| t.strip_suffix(" )")) {
            self.substitution(body, depth)
        } else if let Some(body) = inner.strip_prefix('{').and_then(|t| t.strip_suffix('}'))
            && body.contains(',')
        {
            body.split(',').map(str::to_owned).collect()
        } else if inner.starts_with(['$', '<', '>']) {
            Vec::new()
        } else {
            // What stands for the input of xargs, whatever it is called; `{}` may be find's.
            let own = self.value(inner);
            if own.is_empty() {
                self.value("…")
            } else {
                own
            }
        }
    }

    fn value(&self, name: &str) -> Vec<String> {
        self.known.get(name).cloned().unwrap_or_default()
    }

    /// `x`, `x:-/etc`, `x%.bak`, `x/a/b`, `x:1:3` (POSIX 2.6.2, and bash's).
    fn parameter(&self, body: &str, depth: usize) -> Vec<String> {
        let letters = body
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
            .count();
        let length = if letters == 0 {
            body.chars().next().map_or(0, char::len_utf8)
        } else {
            letters
        };
        let (name, rest) = body.split_at(length);
        let held = match name {
            "*" => self.value("@"),
            name => self.value(name),
        };
        let operand = |text: &str| {
            if text.starts_with("${") || text.starts_with("$( ") {
                self.expansion(text, depth)
            } else {
                vec![text.replace(['\'', '"'], "")]
            }
        };
        if let Some(default) = [":-", ":=", "-", "="]
            .iter()
            .find_map(|o| rest.strip_prefix(o))
        {
            return held.into_iter().chain(operand(default)).collect();
        }
        if let Some(other) = [":+", "+"].iter().find_map(|o| rest.strip_prefix(o)) {
            return operand(other);
        }
        held.iter()
            .filter(|text| self.spend(cost(text, rest)))
            .map(|text| changed(text, rest))
            .collect()
    }

    /// What a command that only says its words would say.
    fn substitution(&self, body: &str, depth: usize) -> Vec<String> {
        if depth >= DEEPEST || !self.spend(A_READING + body.len() * 8) {
            return Vec::new();
        }
        let Ok(reading) = crate::command::read(body) else {
            return Vec::new();
        };
        let tells = |call: &&Call| {
            matches!(
                call.name.base.as_str(),
                "echo"
                    | "printf"
                    | "dirname"
                    | "basename"
                    | "realpath"
                    | "readlink"
                    | "pidof"
                    | "pgrep"
            )
        };
        let mut texts = Vec::new();
        for call in reading.calls.iter().filter(tells) {
            let words = call.words.iter().skip(1);
            let said = words
                .flat_map(|word| self.texts(word, depth + 1))
                .filter(|text| !text.starts_with('-'))
                .flat_map(|text| lines(&text));
            texts.extend(said.take(MOST).map(|text| {
                match (
                    call.name.base.as_str(),
                    text.trim_end_matches('/').rsplit_once('/'),
                ) {
                    ("dirname", Some(("", _))) => "/".to_owned(),
                    ("dirname", Some((folder, _))) => folder.to_owned(),
                    ("basename", Some((_, name))) => name.to_owned(),
                    _ => text,
                }
            }));
        }
        texts
    }
}

/// `~user`, with what stands behind.
fn home(user: &str) -> String {
    let (user, rest) = user.split_at(user.find('/').unwrap_or(user.len()));
    match user {
        "root" => format!("/root{rest}"),
        user => format!("/home/{user}{rest}"),
    }
}

/// What an operator costs for a value: each of its places is held against a pattern, or each match is replaced.
fn cost(text: &str, operator: &str) -> usize {
    match operator.as_bytes().first() {
        Some(b'%' | b'#') if text.len() > LONGEST_CUT => text.len(),
        Some(b'%' | b'#') => text.len() * text.len(),
        Some(b'/') => {
            let (from, to) = replaced(operator.trim_start_matches('/'));
            let found = if from.is_empty() {
                0
            } else {
                text.matches(from).count()
            };
            text.len() + found * to.len()
        }
        _ => text.len(),
    }
}

/// `a/b` of `${x/a/b}`.
fn replaced(operand: &str) -> (&str, &str) {
    operand.split_once('/').unwrap_or((operand, ""))
}

/// A value after the operator behind its parameter.
fn changed(text: &str, operator: &str) -> String {
    let cuts = |from_end: bool, longest: bool, pattern: &str| {
        if text.len() > LONGEST_CUT {
            return text.to_owned();
        }
        let mut at: Vec<usize> = (0..=text.len())
            .filter(|i| text.is_char_boundary(*i))
            .filter(|i| {
                let part = if from_end { &text[*i..] } else { &text[..*i] };
                path::matches(pattern, part)
            })
            .collect();
        if from_end != longest {
            at.reverse();
        }
        match at.first() {
            Some(i) if from_end => text[..*i].to_owned(),
            Some(i) => text[*i..].to_owned(),
            None => text.to_owned(),
        }
    };
    if let Some(pattern) = operator.strip_prefix("%%") {
        cuts(true, true, pattern)
    } else if let Some(pattern) = operator.strip_prefix('%') {
        cuts(true, false, pattern)
    } else if let Some(pattern) = operator.strip_prefix("##") {
        cuts(false, true, pattern)
    } else if let Some(pattern) = operator.strip_prefix('#') {
        cuts(false, false, pattern)
    } else if let Some(rest) = operator.strip_prefix('/') {
        let all = rest.starts_with('/');
        let (from, to) = replaced(rest.trim_start_matches('/'));
        match (from.is_empty(), all) {
            (true, _) => text.to_owned(),
            (_, true) => text.replace(from, to),
            (_, false) => text.replacen(from, to, 1),
        }
    } else if operator.starts_with(',') {
        text.to_lowercase()
    } else if operator.starts_with('^') {
        text.to_uppercase()
    } else if let Some(range) = operator.strip_prefix(':') {
        let mut numbers = range.splitn(2, ':').map(|n| n.parse::<usize>().ok());
        let from = numbers.next().flatten().unwrap_or(0);
        let most = numbers.next().flatten().unwrap_or(usize::MAX);
        text.chars().skip(from).take(most).collect()
    } else {
        text.to_owned()
    }
}

/// What one call sets.
fn of_call(reading: &Reading, call: &Call, set: &mut Vec<(String, Word)>) {
    for assignment in &call.assignments {
        set.push((assignment.name.clone(), assignment.value.clone()));
    }
    let words = call.words.get(1..).unwrap_or_default();
    match call.name.base.as_str() {
        "export" | "readonly" | "local" | "declare" | "typeset" | "env" | "sudo" | "doas" => {
            for word in words {
                if let Some((name, _)) = word.literal_prefix().split_once('=') {
                    set.push((name.to_owned(), word.behind(name.len() + 1)));
                }
            }
        }
        "read" => {
            let names = words.iter().filter_map(Word::literal);
            let names: Vec<&str> = names.filter(|n| !n.starts_with('-')).collect();
            for text in read_by(reading, call) {
                for name in &names {
                    set.push(((*name).to_owned(), text.clone()));
                }
            }
        }
        "xargs" => {
            for word in read_by(reading, call) {
                set.push(("…".to_owned(), word.clone()));
                set.push((ONE_NAME.to_owned(), word));
            }
        }
        "find" => {
            // `-name shadow` below `/etc`: one that is found may be directly inside.
            let starts = words
                .iter()
                .map_while(Word::literal)
                .take_while(|w| !w.starts_with(['-', '(', '!']));
            let names = words.windows(2).filter_map(|pair| match pair {
                [option, name] => match option.literal() {
                    Some("-name" | "-iname" | "-path" | "-wholename") => name.literal(),
                    _ => None,
                },
                _ => None,
            });
            let names: Vec<&str> = names.take(MOST).collect();
            for start in starts.take(MOST) {
                for name in &names {
                    let path = match name.starts_with('/') {
                        true => (*name).to_owned(),
                        false => format!("{}/{name}", start.trim_end_matches('/')),
                    };
                    for put_in in [ONE_NAME, SEVERAL_NAMES] {
                        set.push((put_in.to_owned(), Word::of(&path)));
                    }
                }
            }
        }
        "printf" if words.first().and_then(Word::literal) == Some("-v") => {
            if let Some(name) = words.get(1).and_then(Word::literal) {
                let values = words.iter().skip(2).cloned();
                set.extend(values.map(|word| (name.to_owned(), word)));
            }
        }
        "set" => {
            let at = words.iter().position(|w| w.literal() == Some("--"));
            positional(words.get(at.map_or(words.len(), |a| a + 1)..), 1, set);
        }
        base if crate::command::wrapper::is_interpreter(base) => {
            let is_text = |w: &Word| !w.literal_prefix().starts_with('-');
            let at = words
                .iter()
                .position(is_text)
                .map_or(words.len(), |a| a + 1);
            positional(words.get(at..), 0, set);
        }
        _ if reading.functions.contains(&call.name.text)
            || reading
                .calls
                .iter()
                .any(|c| c.scope.functions.contains(&call.name.text)) =>
        {
            positional(Some(words), 1, set);
        }
        _ => {}
    }
}

fn positional(words: Option<&[Word]>, first: usize, set: &mut Vec<(String, Word)>) {
    for (index, word) in words.unwrap_or_default().iter().enumerate() {
        set.push(((first + index).to_string(), word.clone()));
        set.push(("@".to_owned(), word.clone()));
    }
}

/// The words that a call reads from its standard input, where the line says them.
fn read_by(reading: &Reading, call: &Call) -> Vec<Word> {
    input(reading, call)
        .iter()
        .flat_map(|text| lines(text))
        .take(MOST)
        .map(|text| Word::of(&text))
        .collect()
}

/// What a call reads from its standard input, where the line says it: here-documents, here-strings, and what
/// `echo`, `printf` and `cat <<E` in front of it write.
pub fn input(reading: &Reading, call: &Call) -> Vec<String> {
    let document = |c: &Call| -> Vec<String> {
        let here = c
            .redirections
            .iter()
            .filter(|r| r.operator.starts_with("<<"));
        here.map(|r| r.target.spelt()).collect()
    };
    let mut texts = document(call);
    for other in reading.calls.iter().filter(|other| {
        other.pipe.pipeline == call.pipe.pipeline && other.pipe.index < call.pipe.index
    }) {
        texts.extend(document(other));
        if matches!(other.name.base.as_str(), "echo" | "printf") {
            let words: Vec<String> = other.words.iter().skip(1).map(Word::spelt).collect();
            texts.push(words.join(" "));
        }
    }
    texts
}

/// The words of a text, line by line, with the line feeds and NULs that `printf` writes.
fn lines(text: &str) -> Vec<String> {
    let text = text.replace("\\n", "\n").replace("\\0", "\n");
    text.split([' ', '\t', '\n'])
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A text as a word that is a pattern from its first special character on.
pub(super) fn as_word(text: &str, of: &Word) -> Word {
    let at = text.find(['*', '?', '[']).unwrap_or(text.len());
    let (plain, pattern) = text.split_at(at);
    let mut word = Word {
        span: of.span,
        ..Word::of(plain)
    };
    if !pattern.is_empty() {
        word.segments.push(Segment::Glob(pattern.to_owned()));
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the last word of the last call could stand for.
    fn last(line: &str) -> Vec<String> {
        let reading = crate::command::read(line).unwrap();
        let values = Values::of(&reading);
        let call = reading.calls.iter().rfind(|c| c.name.base == "ls").unwrap();
        let alternatives = values.alternatives(call.words.last().unwrap());
        let text = |words: &Vec<Word>| {
            let texts: Vec<String> = words.iter().map(Word::spelt).collect();
            texts.join("|")
        };
        alternatives.iter().map(text).collect()
    }

    #[test]
    fn values_are_found_wherever_the_line_sets_them() {
        for line in [
            "x=/etc; ls $x",
            "x=/etc; ls \"${x}\"",
            "export x=/etc; ls $x",
            "for x in /etc; do ls $x; done",
            "read x <<< /etc; ls $x",
            "echo /etc | while read -r x; do ls $x; done",
            "ls ${x:-/etc}",
            "y=/etc; x=$y; ls $x",
            "ls $(echo /etc)",
            "ls \"$(printf '%s' /etc)\" | cat",
            "x=/etcx; ls ${x%x}",
            "x=a/b/etc; ls /${x##*/}",
            "x=/abc; ls ${x/abc/etc}",
            "x=-/etc; ls ${x:1}",
            "x=/ETC; ls ${x,,}",
            "set -- /etc; ls $1",
            "f() { ls \"$@\"; }; f /etc",
            "bash -c 'ls $1' _ /etc",
            "x=/etc sh -c 'ls $x'",
            "env x=/etc sh -c 'ls $x'",
            "printf -v x /etc; ls $x",
            "a=/e; b=tc; ls $a$b",
            "ls $(dirname /etc/hosts)",
            "find / -name etc -exec ls {} +",
            "echo /etc | xargs ls",
        ] {
            let Ok(reading) = crate::command::read(line) else {
                panic!("{line}");
            };
            drop(reading);
            assert!(
                last(line).contains(&"/etc".to_owned()),
                "{line}: {:?}",
                last(line)
            );
        }
    }

    #[test]
    fn what_the_line_does_not_say_is_not_guessed() {
        assert!(last("ls $x").is_empty());
        assert!(last("x=/etc; ls $x$y").is_empty());
        assert!(last("x=/etc; ls /usr").is_empty());
        assert!(last("ls $(curl http://x)").is_empty());
    }

    #[test]
    fn words_are_split_where_the_shell_would() {
        assert_eq!(last("x='-l /etc'; ls $x"), ["-l|/etc"]);
        assert_eq!(last("x='-l /etc'; ls \"$x\""), ["-l /etc"]);
        assert_eq!(last("ls /{etc,usr}"), ["/etc", "/usr"]);
        assert_eq!(last("ls ~root/.ssh"), ["/root/.ssh"]);
    }

    #[test]
    fn what_doubles_or_is_compared_without_an_end_is_not_guessed() {
        let doubled: String = (1..40)
            .map(|i| format!("v{}=$v{i}$v{i}; ", i + 1))
            .collect();
        let began = std::time::Instant::now();
        assert!(
            last(&format!("v1=aaaaaaaa; {doubled}ls $v40"))
                .iter()
                .all(|t| t.len() <= LONGEST)
        );
        let (a, b) = ("a".repeat(2000), "b".repeat(2000));
        let line = format!("x={a}; y=${{x//a/{b}}}; z=${{y//b/{b}}}; ls $z");
        assert!(last(&line).iter().all(|t| t.len() <= LONGEST * 64));
        let many: String = (0..2000).map(|i| format!("${{x%%*a*a*{i}}} ")).collect();
        last(&format!("x={a}{a}; ls {many}"));
        let many = "\"$(echo $(echo a))\" ".repeat(900);
        last(&format!("ls {many}"));
        // Minutes, without a bound.
        assert!(began.elapsed().as_secs() < 60);
    }

    #[test]
    fn products_and_circles_end() {
        let many: String = (0..200).map(|i| format!("v{i} ")).collect();
        let line = format!("for a in {many}; do ls $a$a$a$a$a$a$a$a; done");
        assert!(last(&line).len() <= MOST_WORDS);
        assert!(last("a=$b; b=$a; ls $a").is_empty());
    }
}
