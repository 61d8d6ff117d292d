//! Patterns of `grep` that pick nothing but lines of listed keys: `^\s*(bind|port|maxmemory)`.
//!
//! Settings and passwords stand in the same file, each on a line of its own. A pattern is accepted if every line that it
//! fits begins with a listed key, or holds one that is listed with `*` in front, which may stand anywhere. What stands
//! behind the key only narrows. It must be so however the program reads the pattern (basic, extended, fixed), as that
//! depends on its options; Perl's way of reading is not allowed for.
//! Must never accept a beginning that is shorter than a listed key: `re` would pick `requirepass`.

/// Most alternatives of one pattern.
const MOST: usize = 64;

/// Whether all lines that a pattern fits are of the keys. `-` and `_` are one, and small letters and capitals.
///
/// # Errors
/// The alternative that may fit others.
pub fn check(text: &str, keys: &[String]) -> Result<(), String> {
    let keys: Vec<(String, bool)> = keys
        .iter()
        .map(|key| match key.strip_prefix('*') {
            Some(key) => (normal(key), true),
            None => (normal(key), false),
        })
        .collect();
    let basic = text.contains("\\|") || text.contains("\\(");
    // A pattern of one kind is nothing but text where it is read as the other.
    if basic && without_escapes(text).contains(['|', '(', ')']) {
        return Err("write groups in one way: with -E, `(a|b)`".into());
    }
    let pattern = Pattern { basic, keys: &keys };
    let all = pattern.split(text)?;
    if all.len() > MOST {
        return Err(format!("it has more than {MOST} alternatives"));
    }
    all.into_iter()
        .try_for_each(|part| pattern.alternative(part, "", false, 0))
}

/// Whether the words of a filter (`grep -E '^\s*listen'`) let nothing through but lines of the keys.
pub fn is_filter(words: &[&str], keys: &[String]) -> bool {
    let ["grep" | "egrep" | "fgrep", rest @ ..] = words else {
        return program(words).is_some_and(|text| check(text, keys).is_ok());
    };
    let mut patterns = Vec::new();
    let (mut flagged, mut said) = (false, rest.iter());
    while let Some(word) = said.next() {
        match *word {
            "-e" => {
                flagged = true;
                patterns.extend(said.next());
            }
            "-m" | "--max-count" => {
                let number = said.next();
                if !number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) {
                    return false;
                }
            }
            "--ignore-case" | "--line-number" | "--extended-regexp" | "--only-matching"
            | "--word-regexp" | "--count" | "--color=never" | "--color=auto"
            | "--line-buffered" => {}
            flags if flags.len() > 1 && flags.starts_with('-') => {
                let mut letters = flags.bytes().skip(1);
                if !letters.all(|b| b"inhHwosEGFaIclqx".contains(&b)) {
                    return false;
                }
            }
            pattern => patterns.push(pattern),
        }
    }
    let one = flagged || patterns.len() == 1;
    // With -e, what stands alone is a file.
    let own = !flagged || patterns.len() == rest.iter().filter(|w| **w == "-e").count();
    one && own && !patterns.is_empty() && patterns.iter().all(|p| check(p, keys).is_ok())
}

/// The pattern of `awk '/PATTERN/ {print $2}'` and `sed -n '/PATTERN/p'`.
fn program<'a>(words: &[&'a str]) -> Option<&'a str> {
    let (text, print) = match words {
        ["awk" | "gawk" | "mawk", options @ .., text] => {
            let separator = match options {
                [] => true,
                [one] => one.strip_prefix("-F").is_some_and(is_separator),
                ["-F", separator] => is_separator(separator),
                _ => false,
            };
            if !separator {
                return None;
            }
            let (pattern, action) = text.strip_prefix('/')?.rsplit_once('/')?;
            let action: String = action.chars().filter(|c| *c != ' ').collect();
            let print = action.is_empty()
                || action
                    .strip_prefix("{print")
                    .and_then(|a| a.strip_suffix('}'))
                    .is_some_and(|fields| {
                        fields.is_empty()
                            || fields
                                .split(',')
                                .all(|f| matches!(f.as_bytes(), [b'$', n] if n.is_ascii_digit()))
                    });
            (pattern, print)
        }
        ["sed", "-n" | "-nE" | "-En" | "-nr", text] => {
            let pattern = text.strip_prefix('/')?.strip_suffix("/p")?;
            (pattern, true)
        }
        _ => return None,
    };
    (print && !text.contains('/')).then_some(text)
}

/// One or two characters that columns are split at.
fn is_separator(text: &str) -> bool {
    (1..=2).contains(&text.len()) && !text.contains(char::is_alphanumeric)
}

/// Capitals and small letters, `-` and `_`: one of each.
fn normal(text: &str) -> String {
    text.to_ascii_lowercase().replace('-', "_")
}

/// A pattern without what is escaped in it.
fn without_escapes(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            c => plain.push(c),
        }
    }
    plain
}

struct Pattern<'a> {
    basic: bool,
    keys: &'a [(String, bool)],
}

/// Blanks as a pattern may say them.
const BLANKS: [&str; 9] = [
    "[[:space:]]",
    "[[:blank:]]",
    "[ \\t]",
    "[ ]",
    "[\\t ]",
    "\\s",
    " ",
    "\\b",
    "\\<",
];

impl<'a> Pattern<'a> {
    fn bar(&self) -> &'static str {
        if self.basic { "\\|" } else { "|" }
    }
    fn open(&self) -> &'static str {
        if self.basic { "\\(" } else { "(" }
    }
    fn close(&self) -> &'static str {
        if self.basic { "\\)" } else { ")" }
    }

    /// The length of what stands first in a text: an escaped character, a bracket expression, or one character.
    fn length(&self, text: &str) -> Result<usize, String> {
        let first = text.bytes().next();
        match first {
            Some(b'\\') => match text.as_bytes().get(1) {
                Some(c) if b"|()sSbwB.<>/-_\"?+{}*^$[]".contains(c) => Ok(2),
                _ => Err("it has an escape that is not known here".into()),
            },
            Some(b'[') => {
                let inner = text
                    .strip_prefix("[^")
                    .or(text.strip_prefix('['))
                    .unwrap_or("");
                if let Some(class) = super::class_length(inner.as_bytes()) {
                    let end = inner.as_bytes().get(class);
                    let own = text.len() - inner.len() + class + 1;
                    return match end {
                        Some(b']') => Ok(own),
                        _ => Err("it has a bracket that is not plain".into()),
                    };
                }
                let end = inner.find(']').filter(|end| *end > 0);
                let plain = |end: usize| {
                    inner.get(..end).is_some_and(|i| {
                        i == " \\t"
                            || i == "\\t "
                            || i.bytes().all(|b| {
                                b.is_ascii_alphanumeric() || b" _.,:;=/#\"'+%-".contains(&b)
                            })
                    })
                };
                match end {
                    Some(end) if plain(end) => Ok(text.len() - inner.len() + end + 1),
                    _ => Err("it has a bracket that is not plain".into()),
                }
            }
            Some(_) => Ok(text.chars().next().map_or(1, char::len_utf8)),
            None => Err("it is empty".into()),
        }
    }

    /// The alternatives of a pattern or a group.
    fn split<'t>(&self, text: &'t str) -> Result<Vec<&'t str>, String> {
        let (mut parts, mut start, mut at, mut depth) = (Vec::new(), 0, 0, 0usize);
        while at < text.len() {
            let rest = &text[at..];
            if rest.starts_with(self.open()) {
                depth += 1;
                at += self.open().len();
            } else if rest.starts_with(self.close()) {
                depth = depth
                    .checked_sub(1)
                    .ok_or("a group ends that did not begin")?;
                at += self.close().len();
            } else if rest.starts_with(self.bar()) {
                if depth == 0 {
                    parts.push(&text[start..at]);
                    start = at + self.bar().len();
                }
                at += self.bar().len();
            } else {
                at += self.length(rest)?;
            }
        }
        if depth > 0 {
            return Err("a group does not end".into());
        }
        parts.push(&text[start..]);
        Ok(parts)
    }

    /// Whether an alternative begins with a key, the text `behind` its group included. `anchored` says whether a line's
    /// beginning stands in front of it.
    fn alternative(
        &self,
        text: &str,
        behind: &str,
        mut anchored: bool,
        depth: usize,
    ) -> Result<(), String> {
        let fault = || {
            format!(
                "`{}` may fit lines of other keys than those listed; begin it with `^` and a whole key",
                crate::display::escape(text)
            )
        };
        let mut rest = text;
        if let Some(behind) = rest.strip_prefix('^') {
            anchored = true;
            rest = behind;
        }
        while let Some(more) = BLANKS.iter().find_map(|b| rest.strip_prefix(b)) {
            let many = ["*", "+", "?", "\\+", "\\?"];
            rest = many
                .iter()
                .find_map(|m| more.strip_prefix(m))
                .unwrap_or(more);
        }
        if let Some(inner) = rest.strip_prefix(self.open()) {
            let (inside, next) = self.group(inner).ok_or_else(fault)?;
            if self.repeats(next) || depth > 2 {
                return Err(fault());
            }
            let parts = self.split(inside)?;
            if parts.len() > MOST {
                return Err(format!("it has more than {MOST} alternatives"));
            }
            let behind = format!("{next}{behind}");
            return parts
                .into_iter()
                .try_for_each(|part| self.alternative(part, &behind, anchored, depth + 1));
        }
        let (mut word, whole) = self.word(rest)?;
        if whole && !word.is_empty() {
            word.push_str(&self.word(behind)?.0);
        }
        let fits = |(key, anywhere): &&(String, bool)| {
            (anchored || *anywhere) && word.starts_with(key.as_str())
        };
        self.keys.iter().find(fits).map(|_| ()).ok_or_else(fault)
    }

    /// What is in a group, and what stands behind it.
    fn group<'t>(&self, inner: &'t str) -> Option<(&'t str, &'t str)> {
        let (mut at, mut depth) = (0, 1usize);
        while at < inner.len() {
            let rest = &inner[at..];
            if rest.starts_with(self.open()) {
                depth += 1;
                at += self.open().len();
            } else if rest.starts_with(self.close()) {
                depth -= 1;
                if depth == 0 {
                    return Some((&inner[..at], &rest[self.close().len()..]));
                }
                at += self.close().len();
            } else {
                at += self.length(rest).ok()?;
            }
        }
        None
    }

    /// Whether what stands in front may be left out, in any way of reading.
    fn repeats(&self, behind: &str) -> bool {
        ["*", "?", "{", "+", "\\?", "\\{", "\\+"]
            .iter()
            .any(|m| behind.starts_with(m))
    }

    /// The text that a pattern begins with whatever it fits, and whether that is all of it.
    fn word(&self, text: &str) -> Result<(String, bool), String> {
        let mut word = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let length = self.length(rest)?;
            let (one, behind) = rest.split_at(length);
            let said = match one.as_bytes() {
                [b'\\', c] if b"./-_\"".contains(c) => one.get(1..).map(str::to_owned),
                [c] if c.is_ascii_alphanumeric() || b"_.-/:=\"' ".contains(c) => {
                    Some(one.to_owned())
                }
                // `[Ll]isten`, `max[_-]connections`.
                [b'[', a, b, b']']
                    if normal(&char::from(*a).to_string())
                        == normal(&char::from(*b).to_string()) =>
                {
                    Some(char::from(*a).to_string())
                }
                _ => None,
            };
            let Some(said) = said.filter(|_| !self.repeats(behind)) else {
                break;
            };
            word.push_str(&said);
            rest = behind;
        }
        Ok((normal(&word), rest.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<String> {
        [
            "bind",
            "port",
            "save",
            "client-output",
            "*maxmemory",
            "date.timezone",
            "- to:",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    #[test]
    fn lines_of_listed_keys_may_be_picked() {
        for text in [
            "^bind",
            "^(bind|port|maxmemory)",
            r"^\s*(bind|port)\s",
            "^[[:space:]]*bind",
            r"^\s*(bind|port)\s*=",
            r"^\(bind\|port\)",
            r"^bind\|^port",
            "^bind|^port|maxmemory",
            "maxmemory",
            "maxmemory-policy",
            r"\bmaxmemory\b",
            "MaxMemory.*lru",
            "^bind .*[0-9]+",
            "^[Bb]ind",
            "^client_output-buffer",
            "^(bind|port) (a|b)$",
            "^(bind|save( 900)?)",
            "^ports?",
            r"^date\.timezone",
            r"^\s*- to:",
            r"^\s*(- to|bind):",
            r"^\(- to\|bind\):",
            "^ *bind",
            "^\\s*\"?port",
        ] {
            let own = check(text, &keys());
            assert_eq!(own.is_ok(), !text.contains('"'), "{text}: {own:?}");
        }
    }

    #[test]
    fn no_other_line_may_be_picked() {
        for text in [
            "",
            "^",
            ".",
            "^.",
            "^b",
            "^re",
            "bind",
            "^bin",
            "^bind?",
            "^bind?x",
            "^por[t]",
            "^po*rt",
            "^(bind)?",
            "^(bind)*pass",
            "^(bind){0}",
            "^(bind|)",
            "^(bind||port)",
            "^(|bind)",
            "^bind|",
            "^bind|requirepass",
            r"^bind\|requirepass",
            r"^\(bind\|requirepass\)",
            r"^(bind\|requirepass)|x",
            r"^bind\|port|requirepass",
            "^(bind|requirepass)",
            "^((bind|port)|re)",
            "^(bind|port)|^m",
            "maxmemor",
            "maxmemory?",
            "(maxmemory)?",
            "maxmemory{0}",
            r"maxmemory\{0\}",
            r"maxmemory\?",
            "m[a]xmemory",
            "[^x]maxmemory",
            ".*bind",
            r"\S*bind",
            r"^\w+",
            "^#?bind",
            "^#bind",
            r"^bind[(]|requirepass[)]",
            r"^bind\Q(\E|requirepass\Q)\E",
            r"^bind[\](]|requirepass",
            "^bind[",
            "^bind(",
            "^bind)",
            "^[bp]ort",
            "^(?!x)",
            "bind$",
            "^$|bind",
            r"^\bpor",
            r"^(- to|bind)",
            r"^(- to|bind)[:]",
            r"^(- to|bind):?",
            r"^(- to?|bind):",
            r"^(- t|bind)o:x|y",
            "x*",
            "^(b|p)ind",
        ] {
            assert!(check(text, &keys()).is_err(), "{text}");
        }
    }

    #[test]
    fn filters_say_their_pattern_in_a_few_ways() {
        for line in [
            "grep ^bind",
            "grep -E ^(bind|port)",
            "grep -iE ^bind -n",
            "grep -e ^bind -e ^port",
            "egrep -m 5 maxmemory",
            "grep --color=never ^bind",
            "awk /^bind/",
            "sed -n /^bind/p",
            "sed -nE /^(bind|port)/p",
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert!(is_filter(&words, &keys()), "{line}");
        }
        assert!(is_filter(&["awk", "/^bind/ {print $1, $2}"], &keys()));
        assert!(is_filter(&["awk", "-F=", "/^bind/{print $2}"], &keys()));
        assert!(is_filter(&["awk", "-F", ": ", "/^bind/"], &keys()));
        assert!(!is_filter(&["awk", "-f", "/^bind/"], &keys()));
        assert!(!is_filter(&["awk", "-v", "x=1", "/^bind/"], &keys()));
        for line in [
            "grep -v ^bind",
            "grep -A 3 ^bind",
            "grep -C1 ^bind",
            "grep -P ^bind",
            "grep -f x",
            "grep ^bind /etc/x",
            "grep -e ^bind ^re",
            "grep -e ^bind -f x",
            "grep",
            "grep -z ^bind",
            "grep -e",
            "awk /^bind/||1",
            "awk !/^bind/",
            "awk /^bind/,0",
            "sed /^bind/p",
            "sed -n /^bind/,$p",
            "sed -n /^bind/!p",
            "cat",
            "head -5",
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert!(!is_filter(&words, &keys()), "{line}");
        }
        assert!(!is_filter(&["awk", "/^bind/ {print} {print}"], &keys()));
        assert!(!is_filter(&["awk", "/^bind/{print FILENAME}"], &keys()));
        assert!(!is_filter(&["sed", "-n", "/^bind/p;/x/p"], &keys()));
    }
}
