//! What the variables of a line could hold, as far as the line itself says it.
//!
//! `for d in /etc /usr; do chmod -R 777 $d; done` names what it changes, only not in one place. What is found
//! here is held against rules that forbid, and nothing else: it is a guess, and must never let anything run.

use super::made::{changed, cost, printed};
use super::sets::{self, MOST, TELLS, pieces};
use crate::command::word::bare;
use crate::command::{Call, Reading, Segment, Word};
use std::cell::Cell;
use std::collections::BTreeMap;

/// Most words that one word could stand for.
const MOST_WORDS: usize = 256;
/// Variables may be set from others, so often.
const ROUNDS: usize = 3;
/// Deepest substitution in a substitution.
const DEEPEST: usize = 3;

/// Longest text that a value is made of, in bytes: no path and no word that matters is longer.
pub(super) const LONGEST: usize = 64 * 1024;
/// Most that all of this may cost for a line, in bytes made or compared. Behind it nothing more is guessed.
const BUDGET: usize = 32 * 1024 * 1024;
/// What reading the text of one substitution costs, beside its bytes.
const A_READING: usize = 16 * 1024;

/// Values by the variable's name, as [`sets`] names them.
#[derive(Debug, Default)]
pub struct Values {
    known: BTreeMap<String, Vec<String>>,
    spent: Cell<usize>,
}

impl Values {
    /// What a line sets, anywhere.
    pub fn of(reading: &Reading) -> Values {
        let sets = sets::of(reading);
        let mut values = Values::default();
        // Whose home it is cannot be known: it is taken for root's, the worst.
        values.add("HOME", "/root".to_owned());
        for _ in 0..ROUNDS {
            for (name, word) in &sets {
                for text in values.texts(word, 0) {
                    values.add(name, text);
                }
            }
        }
        values
    }

    /// Whether there was more than is looked at.
    pub fn is_spent(&self) -> bool {
        self.spent.get() > BUDGET
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
        let separators = self.value("IFS").concat();
        let words = |parts: Vec<String>| parts.iter().map(|part| as_word(part, word)).collect();
        let ways = |text: String| {
            let blanks: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            if !split || blanks.is_empty() {
                return vec![vec![as_word(&text, word)]];
            }
            let mut ways: Vec<Vec<Word>> = vec![words(blanks)];
            if text.contains(|c| separators.contains(c)) {
                let all = pieces(&text, &separators);
                ways.push(words(all));
            }
            ways
        };
        let texts = self.spellings(word, 0).into_iter();
        texts.flat_map(ways).take(MOST_WORDS).collect()
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
                return homes(user);
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
        } else if let Some(body) = inner.strip_prefix('{').and_then(|t| t.strip_suffix('}'))
            && let Some((first, rest)) = body.split_once("..")
        {
            let last = rest.split("..").next().unwrap_or_default();
            vec![first.to_owned(), last.to_owned()]
        } else if let Some(number) = inner.strip_prefix("$((").and_then(|t| t.strip_suffix("))"))
            && number.trim().bytes().all(|b| b.is_ascii_digit())
        {
            vec![number.trim().to_owned()]
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
        let is_all = matches!(name, "@" | "*");
        let mut held = self.value(if is_all { "@" } else { name });
        if name == "*"
            && let Some(between) = self.value("IFS").concat().chars().next()
        {
            held.push(held.join(&between.to_string()));
        }
        let after = |operators: &[&str]| operators.iter().find_map(|o| rest.strip_prefix(o));
        if let Some(default) = after(&[":-", ":=", "-", "="]) {
            held.extend(self.operand(default, depth));
            return held;
        }
        if let Some(other) = after(&[":+", "+"]) {
            return self.operand(other, depth);
        }
        // Of several they are some, not parts of each.
        if is_all && rest.starts_with(':') {
            return held;
        }
        let mut out = Vec::new();
        for operator in self.operand(rest, depth) {
            let affordable = held.iter().filter(|text| self.spend(cost(text, &operator)));
            out.extend(
                affordable
                    .map(|text| changed(text, &operator))
                    .take(MOST_WORDS),
            );
        }
        out.truncate(MOST_WORDS);
        out
    }

    /// What a parameter's operand could be: `${y}/b`, `'a'"$z"`.
    fn operand(&self, text: &str, depth: usize) -> Vec<String> {
        if !text.contains(['$', '\'', '"', '\\', '~']) {
            return vec![text.to_owned()];
        }
        let plain = || vec![text.replace(['\'', '"'], "")];
        if depth >= DEEPEST || !self.spend(A_READING + text.len() * 8) {
            return plain();
        }
        // The word in front keeps an operand that begins with `#` or `=` what it is.
        let Ok(reading) = crate::command::read(&format!(": x {text}")) else {
            return plain();
        };
        let words = reading.calls.first().and_then(|c| c.words.get(2..));
        let words = words.unwrap_or_default().iter();
        let between = Word::of(" ");
        let segments = words.flat_map(|w| between.segments.iter().chain(&w.segments));
        let all = Word {
            segments: segments.skip(1).cloned().collect(),
            ..Word::default()
        };
        self.spellings(&all, depth + 1)
    }

    /// What `printf` makes of its words, where all of them are known.
    fn formatted(&self, words: &[Word], depth: usize) -> Vec<String> {
        let words = words.iter().skip(1);
        let known: Vec<Vec<String>> = words.map(|word| self.texts(word, depth + 1)).collect();
        let ways = known.iter().map(Vec::len).max().unwrap_or(0).min(MOST);
        let way = |at: usize| -> Option<Vec<&str>> {
            let texts = known.iter();
            texts
                .map(|t| Some(t.get(at % t.len().max(1))?.as_str()))
                .collect()
        };
        (0..ways)
            .filter_map(|at| match way(at)?.as_slice() {
                ["--", format, words @ ..] | [format, words @ ..] => Some(printed(format, words)),
                [] => None,
            })
            .take_while(|text| self.spend(8 * text.len() + 1))
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
        let tells = |call: &&Call| TELLS.contains(&call.name.base.as_str());
        let mut texts = Vec::new();
        for call in reading.calls.iter().filter(tells) {
            if call.name.base == "printf" {
                texts.extend(self.formatted(&call.words, depth));
            }
            let words = call.words.iter().skip(1);
            let said = words
                .flat_map(|word| self.texts(word, depth + 1))
                .filter(|text| !text.starts_with('-'))
                .flat_map(|text| pieces(&text, ""));
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

/// Accounts whose home is a folder of the system's, by Debian's and Red Hat's base-passwd and setup.
const HOMES: [(&str, &str); 20] = [
    ("dbus", "/"),
    ("nobody", "/"),
    ("polkitd", "/"),
    ("bin", "/bin"),
    ("sys", "/dev"),
    ("sync", "/bin"),
    ("sync", "/sbin"),
    ("daemon", "/usr/sbin"),
    ("daemon", "/sbin"),
    ("halt", "/sbin"),
    ("shutdown", "/sbin"),
    ("games", "/usr/games"),
    ("operator", "/root"),
    ("mail", "/var/mail"),
    ("mail", "/var/spool/mail"),
    ("adm", "/var/adm"),
    ("backup", "/var/backups"),
    ("proxy", "/bin"),
    ("root", "/root"),
    ("www-data", "/var/www"),
];

/// What `~user` may be, with what stands behind.
fn homes(user: &str) -> Vec<String> {
    let (user, rest) = user.split_at(user.find('/').unwrap_or(user.len()));
    let known = HOMES.iter().filter(|(name, _)| *name == user);
    let mut homes: Vec<String> = known.map(|(_, home)| format!("{home}{rest}")).collect();
    if user.starts_with("systemd-") {
        homes.push(format!("/{rest}"));
    }
    if homes.is_empty() {
        homes.push(format!("/home/{user}{rest}"));
    }
    homes
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
        let reading = match crate::command::read(line) {
            Ok(reading) => reading,
            Err(error) => return vec![error.to_string()],
        };
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
        let mut missed = Vec::new();
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
            // What no call gives.
            ": ${x:=/etc}; ls $x",
            "y=${x=/etc}; ls $x",
            ": \"${y:-${x:=/etc}}\"; ls $x",
            "for x in /etc; do [[ a ]]; done; ls $x",
            "case ${x:=/etc} in a) ;; esac; ls $x",
            // Positional parameters.
            "set -- x /etc; shift; ls $1",
            "set x /etc; ls $2",
            "set -o pipefail x /etc; ls $2",
            "f() { shift; ls $1; }; f x /etc",
            "bash -o pipefail -c 'ls $1' _ /etc",
            "bash -s a /etc <<'E'\n( ls $2 ); exit\nE\n",
            "set -- x /etc; ls ${@:2}",
            "IFS=/; set -- '' etc; ls \"$*\"",
            // Operands that hold expansions, and patterns.
            "y=/e; ls ${x:-$y}tc",
            "y=e; ls ${x:-/$y'tc'}",
            "x=/etcZ; y=Z; ls ${x%$y}",
            "x=/eXXtc; ls ${x/X*X/}",
            "x=/eXYtXYc; ls ${x//X?/}",
            // Those that the shell sets.
            "getopts f: o -f /etc; ls $OPTARG",
            ": /etc; ls $_",
            "cd /etc; ls $PWD",
            "cd /etc; cd /; ls \"$OLDPWD\"",
            "read x < <(echo /etc); ls $x",
            "IFS=: read a b <<< x:/etc; ls $b",
            "dirname /etc/x | { read x; ls $x; }",
            // By a format.
            "printf -v x %s%s /e tc; ls $x",
            "ls $(printf '/%s\\n' etc)",
            "printf '/%s\\n' etc | xargs ls",
            // By xargs.
            "echo x,/etc | xargs -d, ls",
            "echo \"/e'tc'\" | xargs ls",
            // By find.
            "find /etc -exec ls {} ';'",
            "find / -iname ETC -exec ls {} ';'",
            "find / -samefile /etc -exec ls {} ';'",
            "find -L -O3 /etc -type d -exec ls {} +",
            "docker exec -e x=/etc c sh -c 'ls $x'",
            "docker exec --env=x=/etc c sh -c 'ls $x'",
        ] {
            let found = last(line);
            if !found.contains(&"/etc".to_owned()) {
                missed.push(format!("{line}: {found:?}"));
            }
        }
        assert!(missed.is_empty(), "{}", missed.join("\n"));
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
        assert_eq!(last("ls ~sys/sda"), ["/dev/sda"]);
        assert_eq!(last("ls ~bob"), ["/home/bob"]);
        assert_eq!(last("ls {1..3}"), ["1", "3"]);
        assert_eq!(last("ls $((4755))"), ["4755"]);
        assert_eq!(last("IFS=:; x=a:b; ls $x"), ["a:b", "a:b|a|b"]);
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
