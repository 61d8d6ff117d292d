//! jq filters that only look at their input and end by themselves.
//!
//! What a filter can reach is named by its identifiers, so the reader cuts exact tokens and
//! accepts identifiers of a list only: no environment, files, modules, definitions, further
//! inputs, or generators without end.

type R<T> = Result<T, String>;

/// Functions and words of which only a number, a truth value or nothing comes. Those here and below are all pure
/// and bounded by their input.
const SMALL: &str = "
    if then elif else end and or not as try catch true false null length utf8bytelength has in inside
    contains any all floor ceil round sqrt fabs abs tonumber type infinite nan isnan isinfinite isnormal
    startswith endswith empty now mktime test index rindex todate fromdate date gmtime localtime
    strftime strptime strflocaltime fromdateiso8601 todateiso8601 dateadd datesub
";
/// The other functions that are accepted: of their input more may come.
const OTHERS: &str = "
    keys keys_unsorted values nulls flatten tostring sort sort_by group_by min max min_by max_by unique
    unique_by reverse ltrimstr rtrimstr trim ltrim rtrim explode implode split splits join ascii
    ascii_downcase ascii_upcase recurse map map_values path paths leaf_paths getpath del delpaths select
    error add to_entries from_entries with_entries pick transpose first last nth limit objects iterables
    booleans numbers strings arrays scalars tojson fromjson match capture scan sub gsub indices toarray
    have_literal_numbers
";
const FORMATS: &[&str] = &[
    "text", "json", "csv", "tsv", "html", "uri", "sh", "base64", "base64d",
];

/// Whether a word stands in a list.
fn is_in(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|w| w == word)
}

/// Checks a filter.
///
/// # Errors
/// What is not accepted and at which byte.
pub fn check(text: &str) -> R<()> {
    if text.trim().is_empty() {
        return Err("jq: an empty filter".into());
    }
    let mut lexer = Lexer {
        b: text.as_bytes(),
        i: 0,
        refs: Vec::new(),
        first: None,
        grows: 1,
        factors: 1,
        iterators: 0,
        sums: false,
        compares: false,
    };
    lexer.tokens(0, None)?;
    lexer.stage_ends();
    let named = text.contains(" as ");
    let many = match (lexer.sums, named, lexer.compares) {
        (true, _, _) => 2,
        (_, true, _) => 3,
        (_, _, true) => 4,
        _ => 6,
    };
    if lexer.iterators >= many {
        return Err(
            "jq: this takes everything together with everything, which may fill memory".into(),
        );
    }
    if lexer.factors > MOST_OF_TEXTS && text.contains("tostring") {
        return Err("jq: a repeated string may fill memory".into());
    }
    if lexer.grows > MOST_GROWTH {
        return Err("jq: this says its input again and again, which may fill memory".into());
    }
    Ok(())
}

/// How many times larger a value may become: `[.,.]|[.,.]|…` doubles it at each step.
const MOST_GROWTH: usize = 64;
/// How many times longer a string may become by numbers (`.name * 1000`), which numbers do not.
const MOST_FACTOR: u64 = 2_000_000;
/// The same where the filter makes strings of numbers.
const MOST_OF_TEXTS: u64 = 1000;
/// Functions that repeat parts of their input, by how much.
const REPEATING: &[(&str, usize)] = &[
    ("recurse", 8),
    ("paths", 8),
    ("leaf_paths", 8),
    ("tojson", 2),
];

struct Lexer<'a> {
    b: &'a [u8],
    i: usize,
    /// What the stage of the pipe that is being read says of its input: paths as they are written up to their
    /// first bracket, empty for all of it.
    refs: Vec<String>,
    /// What the first stage of the pipe in these parentheses said, once it is over.
    first: Option<Vec<String>>,
    /// How many times larger the input may have become by the stages before.
    grows: usize,
    /// The product of the numbers that something is multiplied by.
    factors: u64,
    /// How often it goes through all of something: `.[]`, `..`.
    iterators: usize,
    /// Whether something is added, multiplied, divided: on two sides, each with each.
    sums: bool,
    /// Whether something is compared.
    compares: bool,
}

impl Lexer<'_> {
    fn at(&self, i: usize) -> u8 {
        self.b.get(i).copied().unwrap_or(0)
    }
    fn fail<T>(&self, at: usize, why: &str) -> R<T> {
        Err(format!("jq: {why}, at byte {at}"))
    }
    /// The first place from there on that is no blank.
    fn behind_blanks(&self, mut i: usize) -> usize {
        while matches!(self.at(i), b' ' | b'\t' | b'\n') {
            i += 1;
        }
        i
    }
    fn word(&mut self) -> &str {
        let start = self.i;
        while self.at(self.i).is_ascii_alphanumeric() || self.at(self.i) == b'_' {
            self.i += 1;
        }
        std::str::from_utf8(&self.b[start..self.i]).unwrap_or("")
    }

    /// A pipe: what comes now speaks of what came out.
    fn stage_ends(&mut self) {
        // A part of the input is there once for each path that leads to it, or to what it lies in.
        let lies_in = |inner: &str, outer: &str| {
            outer.is_empty()
                || inner
                    .strip_prefix(outer)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let said = |path: &String| self.refs.iter().filter(|r| lies_in(path, r)).count();
        let most = self.refs.iter().map(said).max().unwrap_or(1);
        self.grows = self.grows.saturating_mul(most.max(1));
        self.refs.clear();
    }

    /// `.a.b` from its first dot, whose name is read already: the path as far as it is plain.
    fn path(&mut self, start: usize) {
        while self.at(self.i) == b'.'
            && (self.at(self.i + 1).is_ascii_alphabetic() || self.at(self.i + 1) == b'_')
        {
            self.i += 1;
            self.word();
        }
        let text = String::from_utf8_lossy(&self.b[start..self.i]).into_owned();
        self.refs.push(text);
    }

    /// The text of the plain string that is the first argument from here, behind `(`.
    fn literal_argument(&self) -> Option<(String, bool)> {
        let mut i = self.behind_blanks(self.i);
        if self.at(i) != b'(' {
            return None;
        }
        i = self.behind_blanks(i + 1);
        if self.at(i) != b'"' {
            return None;
        }
        let start = i + 1;
        i = start;
        while self.at(i) != b'"' {
            if self.at(i) == 0 || self.at(i) == b'\\' && self.at(i + 1) == b'(' {
                return None;
            }
            i += 1 + usize::from(self.at(i) == b'\\');
        }
        let text = String::from_utf8_lossy(&self.b[start..i]).into_owned();
        match self.at(self.behind_blanks(i + 1)) {
            b')' => Some((text, true)),
            b';' => Some((text, false)),
            _ => None,
        }
    }

    /// All that stands between the parentheses of the call from here, as it is written; none where a text in it
    /// holds an expression with a text of its own.
    fn arguments(&self) -> Option<&[u8]> {
        let open = self.behind_blanks(self.i);
        if self.at(open) != b'(' {
            return None;
        }
        let (mut depth, mut text, mut i) = (0usize, false, open);
        while i < self.b.len() {
            match self.at(i) {
                b'\\' if text && self.at(i + 1) == b'(' => {
                    let mut inner = 1usize;
                    i += 2;
                    while inner > 0 {
                        match self.at(i) {
                            0 | b'"' => return None,
                            b'(' => inner += 1,
                            b')' => inner -= 1,
                            _ => {}
                        }
                        i += 1;
                    }
                    continue;
                }
                b'\\' if text => i += 1,
                b'"' => text = !text,
                b'(' if !text => depth += 1,
                b')' if !text && depth <= 1 => return self.b.get(open + 1..i),
                b')' if !text => depth -= 1,
                _ => {}
            }
            i += 1;
        }
        None
    }

    /// What a function does with its literal arguments: patterns must not match nothing where each match is
    /// replaced (jq 1.6 never ends then), nor unfold to much; formats must have small widths.
    fn function(&mut self, start: usize, name: &str) -> R<()> {
        let argument = self.literal_argument();
        if argument
            .as_ref()
            .is_some_and(|(text, _)| text.contains("\\u"))
        {
            return self.fail(start, "`\\u` in a pattern or format is not accepted");
        }
        match name {
            "sub" | "gsub" => {
                let Some((pattern, _)) = &argument else {
                    return self.fail(start, "the pattern must be one plain string");
                };
                if self.odd_flags() {
                    return self.fail(start, "flags other than \"gins\" are not accepted here");
                }
                if name == "gsub" || self.has_flags() {
                    self.never_empty(start, pattern)?;
                    // Each match may become that much longer.
                    let all = self.arguments().unwrap_or(&[]);
                    if all.is_empty() || all.contains(&b'$') {
                        return self.fail(start, "a variable in what is put in its place");
                    }
                    let text = all.len().saturating_sub(pattern.len() + 5).max(1);
                    self.grows = self.grows.saturating_mul(text);
                }
                super::check_repeats(pattern).map_err(|e| format!("jq: {e}"))
            }
            // jq 1.6 finds nothing without end.
            "index" | "rindex" | "indices" => match &argument {
                Some((text, true)) if !text.is_empty() => Ok(()),
                _ => self.fail(start, "what is looked for must be one plain string"),
            },
            "join" => match &argument {
                Some((text, true)) => {
                    self.grows = self.grows.saturating_mul(text.len().max(1));
                    Ok(())
                }
                _ => self.fail(start, "what stands between must be one plain string"),
            },
            // Of a place far on in a list it makes all that stand before.
            "pick" => {
                let plain = |c: &u8| c.is_ascii_alphanumeric() || b"_., ".contains(c);
                match self.arguments() {
                    Some(paths) if paths.iter().all(plain) => Ok(()),
                    _ => self.fail(start, "only plain paths are picked"),
                }
            }
            "test" | "match" | "capture" | "scan" | "splits" | "split" => match &argument {
                Some((pattern, _)) => {
                    if name.starts_with("split") && pattern.is_empty() {
                        self.grows = self.grows.saturating_mul(2);
                    }
                    super::check_repeats(pattern).map_err(|e| format!("jq: {e}"))
                }
                None => self.fail(start, "the pattern must be one plain string"),
            },
            "strftime" | "strflocaltime" | "strptime" => match &argument {
                Some((format, _)) => super::formats::check_widths(format)
                    .map_err(|e| format!("jq: {e}, at byte {start}")),
                None => self.fail(start, "the format must be one plain string"),
            },
            _ => Ok(()),
        }
    }

    /// Whether the call from here has a third argument.
    fn has_flags(&self) -> bool {
        let (mut depth, mut semicolons, mut text) = (0usize, 0, false);
        let mut i = self.i;
        while i < self.b.len() {
            match self.at(i) {
                b'\\' => i += 1,
                b'"' => text = !text,
                b'(' if !text => depth += 1,
                b')' if !text && depth <= 1 => break,
                b')' if !text => depth -= 1,
                b';' if !text && depth == 1 => semicolons += 1,
                _ => {}
            }
            i += 1;
        }
        semicolons != 1
    }

    /// Whether the call from here gives flags other than `g`, `i`, `n`, `s`: with `x` blanks in a pattern count for nothing.
    fn odd_flags(&self) -> bool {
        let rest = &self.b[self.i.min(self.b.len())..];
        let rest = std::str::from_utf8(rest).unwrap_or("x");
        let mut parts = rest.split(';').skip(1);
        let flags = parts
            .by_ref()
            .nth(1)
            .map(|p| p.split(')').next().unwrap_or(p).trim());
        self.has_flags()
            && !flags.is_some_and(|f| {
                f.len() >= 2
                    && f.starts_with('"')
                    && f.ends_with('"')
                    && f[1..f.len() - 1].bytes().all(|b| b"gins".contains(&b))
            })
    }

    fn never_empty(&self, start: usize, pattern: &str) -> R<()> {
        // In the string's own spelling `\\` is one.
        let text = pattern.replace("\\\\", "\\").replace("\\\"", "\"");
        let plain = text.strip_prefix('^').unwrap_or(&text);
        let plain = plain.strip_suffix('$').unwrap_or(plain);
        let stands_between = plain.contains(['^', '$'])
            || ["\\b", "\\B", "\\A", "\\z", "\\Z", "\\G", "\\K"]
                .iter()
                .any(|a| plain.contains(a));
        let probe = regex::RegexBuilder::new(&format!("^(?:{plain})$"))
            .size_limit(1 << 20)
            .build();
        match probe {
            Ok(regex) if !stands_between && !regex.is_match("") => Ok(()),
            _ => self.fail(
                start,
                "a pattern that may match nothing is replaced without end by some jq",
            ),
        }
    }

    /// Tokens up to `close` (or the end of the text).
    fn filter(&mut self, depth: usize, close: Option<u8>) -> R<()> {
        let outer = std::mem::take(&mut self.refs);
        let outer_first = self.first.take();
        self.tokens(depth, close)?;
        let first = std::mem::replace(&mut self.first, outer_first);
        let mine = match first {
            Some(first) => {
                self.stage_ends();
                first
            }
            None => std::mem::take(&mut self.refs),
        };
        self.refs = outer;
        self.refs.extend(mine);
        Ok(())
    }

    fn tokens(&mut self, depth: usize, close: Option<u8>) -> R<()> {
        if depth > 40 {
            return self.fail(self.i, "nested too deeply");
        }
        let object = close == Some(b'}');
        // In an object, the word after `{` or `,` is a key.
        let mut key_place = object;
        loop {
            let start = self.i;
            let c = self.at(start);
            if c == 0 {
                return match close {
                    None => Ok(()),
                    Some(c) => self.fail(start, &format!("`{}` is missing", char::from(c))),
                };
            }
            if Some(c) == close {
                self.i += 1;
                return Ok(());
            }
            let was_key_place = std::mem::replace(&mut key_place, false);
            match c {
                b' ' | b'\t' | b'\n' => {
                    self.i += 1;
                    key_place = was_key_place;
                }
                b'"' => self.string(depth)?,
                b'(' | b'[' | b'{' => {
                    self.i += 1;
                    if c == b'[' && self.at(self.behind_blanks(self.i)) == b']' {
                        self.iterators += 1;
                    }
                    self.filter(
                        depth + 1,
                        Some(match c {
                            b'(' => b')',
                            b'[' => b']',
                            _ => b'}',
                        }),
                    )?;
                }
                b'.' if self.at(start + 1) == b'.' => {
                    self.i += 2;
                    self.iterators += 1;
                    self.refs.extend(vec![String::new(); 8]);
                }
                b'.' if self.at(start + 1).is_ascii_alphabetic() || self.at(start + 1) == b'_' => {
                    // Behind a bracket it goes on with a path that has been said.
                    let goes_on = start > 0
                        && matches!(self.b.get(start - 1), Some(b']' | b')' | b'?' | b'"'));
                    self.path(start);
                    if goes_on {
                        self.refs.pop();
                    }
                }
                b'.' if !self.at(start + 1).is_ascii_digit() => {
                    self.i += 1;
                    self.refs.push(String::new());
                }
                b'0'..=b'9' | b'.' => self.number()?,
                b'$' => {
                    self.i += 1;
                    let name = self.word().to_string();
                    if name.is_empty()
                        || name.starts_with("__")
                        || name == "ENV"
                        || self.at(self.i) == b':' && self.at(self.i + 1) == b':'
                    {
                        return self.fail(start, &format!("variable `${name}` is not accepted"));
                    }
                    let named = self.b[..start].trim_ascii_end().ends_with(b" as");
                    if !named {
                        self.refs.push(String::new());
                    }
                }
                b'@' => {
                    self.i += 1;
                    let name = self.word().to_string();
                    if !FORMATS.contains(&name.as_str()) {
                        return self.fail(start, &format!("format `@{name}` is not accepted"));
                    }
                    if !matches!(name.as_str(), "text" | "csv" | "tsv") {
                        self.grows = self.grows.saturating_mul(2);
                    }
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.name(depth, was_key_place)?,
                b',' => {
                    self.i += 1;
                    key_place = object;
                }
                b'*' => self.times(start)?,
                b'|' => {
                    self.operator()?;
                    if self.first.is_none() {
                        self.first = Some(self.refs.clone());
                    }
                    self.stage_ends();
                }
                b'/' | b'+' | b'-' | b'%' | b'=' | b'!' | b'<' | b'>' | b':' | b';' | b'?' => {
                    self.operator()?
                }
                _ => return self.fail(start, &format!("`{}` is not accepted", char::from(c))),
            }
        }
    }

    /// A name: a word, a function with its arguments, or, in its place in an object, a key.
    fn name(&mut self, depth: usize, key_place: bool) -> R<()> {
        let start = self.i;
        let name = self.word().to_string();
        if self.at(self.i) == b':' && self.at(self.i + 1) == b':' {
            return self.fail(start, "modules are not accepted");
        }
        let next = self.behind_blanks(self.i);
        if key_place && matches!(self.at(next), b':' | b',' | b'}') {
            // `{a}` is `{a: .a}`.
            if self.at(next) != b':' {
                self.refs.push(format!(".{name}"));
            }
            return Ok(());
        }
        let small = is_in(SMALL, &name);
        if !small && !is_in(OTHERS, &name) {
            return self.fail(start, &format!("`{name}` is not accepted"));
        }
        self.function(start, &name)?;
        self.iterators += usize::from(matches!(
            name.as_str(),
            "recurse" | "paths" | "leaf_paths" | "range" | "inputs" | "scan" | "splits"
        ));
        if let Some((_, by)) = REPEATING.iter().find(|(n, _)| *n == name) {
            self.grows = self.grows.saturating_mul(*by);
        }
        if small {
            return Ok(());
        }
        let said = self.refs.len();
        if self.at(next) == b'(' {
            if name == "recurse" {
                return self.fail(start, "recurse with a filter may not end");
            }
            self.i = next + 1;
            self.filter(depth + 1, Some(b')'))?;
        }
        // It speaks of its input through its arguments, or else of all of it.
        if self.refs.len() == said {
            self.refs.push(String::new());
        }
        Ok(())
    }

    /// `*` repeats a string, and what stands beside it may be one.
    fn times(&mut self, start: usize) -> R<()> {
        self.i += 1;
        let before = self.b[..start].trim_ascii_end();
        let behind = &self.b[self.behind_blanks(self.i)..];
        if behind.starts_with(b"\"") || before.ends_with(b"\"") {
            return self.fail(start, "a repeated string may fill memory");
        }
        if behind.starts_with(b"=") {
            return self.fail(start, "assignment is not accepted");
        }
        let is_digit = |b: &&u8| b.is_ascii_digit() || **b == b'.';
        let right = behind.iter().take_while(is_digit).count();
        let left = before.iter().rev().take_while(is_digit).count();
        let numbers = [&behind[..right], &before[before.len() - left..]];
        let by = numbers
            .iter()
            .filter_map(|text| {
                let whole = std::str::from_utf8(text).ok()?.split('.').next()?;
                whole.parse::<u64>().ok()
            })
            .max();
        let Some(by) = by else {
            return self.fail(start, "a repeated string may fill memory: name a number");
        };
        self.sums = true;
        self.factors = self.factors.saturating_mul(by.max(1));
        if self.factors > MOST_FACTOR {
            return self.fail(start, "a repeated string may fill memory");
        }
        Ok(())
    }

    fn operator(&mut self) -> R<()> {
        let rest = &self.b[self.i..];
        for bad in ["|=", "+=", "-=", "*=", "/=", "%=", "//=", "::", "?//"] {
            if rest.starts_with(bad.as_bytes()) {
                return self.fail(self.i, &format!("`{bad}` is not accepted"));
            }
        }
        self.sums |= matches!(rest.first(), Some(b'+' | b'-' | b'%'))
            || rest.starts_with(b"/") && !rest.starts_with(b"//");
        for good in ["//", "==", "!=", "<=", ">="] {
            if rest.starts_with(good.as_bytes()) {
                self.compares |= good != "//";
                self.i += 2;
                return Ok(());
            }
        }
        if matches!(rest.first(), Some(b'=' | b'!')) {
            return self.fail(self.i, "assignment is not accepted");
        }
        self.i += 1;
        Ok(())
    }

    fn number(&mut self) -> R<()> {
        let start = self.i;
        while self.at(self.i).is_ascii_digit() || self.at(self.i) == b'.' {
            self.i += 1;
        }
        if self.i - start > 16 || self.at(self.i).is_ascii_alphabetic() || self.at(self.i) == b'_' {
            return self.fail(start, "this number is not plain");
        }
        Ok(())
    }

    fn string(&mut self, depth: usize) -> R<()> {
        let start = self.i;
        self.i += 1;
        loop {
            match self.at(self.i) {
                0 => return self.fail(start, "the string has no end"),
                b'"' => {
                    self.i += 1;
                    return Ok(());
                }
                b'\\' => {
                    let n = self.at(self.i + 1);
                    self.i += 2;
                    if n == b'(' {
                        self.filter(depth + 1, Some(b')'))?;
                    } else if !b"\"\\/bfnrtu".contains(&n) || n == 0 {
                        return self.fail(self.i, "this `\\` is not accepted");
                    }
                }
                _ => self.i += 1,
            }
        }
    }
}
