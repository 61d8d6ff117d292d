//! jq filters that only look at their input and end by themselves.
//!
//! What a filter can reach is named by its identifiers, so the reader cuts exact tokens and
//! accepts identifiers of a list only: no environment, files, modules, definitions, further
//! inputs, or generators without end.

type R<T> = Result<T, String>;

/// Functions and words, all pure and bounded by their input.
const WORDS: &[&str] = &[
    "if",
    "then",
    "elif",
    "else",
    "end",
    "and",
    "or",
    "not",
    "as",
    "try",
    "catch",
    "true",
    "false",
    "null",
    "length",
    "utf8bytelength",
    "keys",
    "keys_unsorted",
    "values",
    "nulls",
    "has",
    "in",
    "inside",
    "contains",
    "any",
    "all",
    "flatten",
    "floor",
    "ceil",
    "round",
    "sqrt",
    "fabs",
    "abs",
    "tostring",
    "tonumber",
    "type",
    "infinite",
    "nan",
    "isnan",
    "isinfinite",
    "isnormal",
    "sort",
    "sort_by",
    "group_by",
    "min",
    "max",
    "min_by",
    "max_by",
    "unique",
    "unique_by",
    "reverse",
    "startswith",
    "endswith",
    "ltrimstr",
    "rtrimstr",
    "trim",
    "ltrim",
    "rtrim",
    "explode",
    "implode",
    "split",
    "splits",
    "join",
    "ascii",
    "ascii_downcase",
    "ascii_upcase",
    "recurse",
    "map",
    "map_values",
    "path",
    "paths",
    "leaf_paths",
    "getpath",
    "del",
    "delpaths",
    "select",
    "empty",
    "error",
    "add",
    "to_entries",
    "from_entries",
    "with_entries",
    "pick",
    "transpose",
    "first",
    "last",
    "nth",
    "limit",
    "objects",
    "iterables",
    "booleans",
    "numbers",
    "strings",
    "arrays",
    "scalars",
    "tojson",
    "fromjson",
    "todate",
    "fromdate",
    "now",
    "date",
    "dateadd",
    "datesub",
    "gmtime",
    "localtime",
    "mktime",
    "strftime",
    "strptime",
    "strflocaltime",
    "fromdateiso8601",
    "todateiso8601",
    "test",
    "match",
    "capture",
    "scan",
    "sub",
    "gsub",
    "index",
    "rindex",
    "indices",
    "toarray",
    "have_literal_numbers",
];
const FORMATS: &[&str] = &[
    "text", "json", "csv", "tsv", "html", "uri", "sh", "base64", "base64d",
];

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
    };
    lexer.filter(0, None)
}

struct Lexer<'a> {
    b: &'a [u8],
    i: usize,
}

impl Lexer<'_> {
    fn at(&self, i: usize) -> u8 {
        self.b.get(i).copied().unwrap_or(0)
    }
    fn fail<T>(&self, at: usize, why: &str) -> R<T> {
        Err(format!("jq: {why}, at byte {at}"))
    }
    fn word(&mut self) -> &str {
        let start = self.i;
        while self.at(self.i).is_ascii_alphanumeric() || self.at(self.i) == b'_' {
            self.i += 1;
        }
        std::str::from_utf8(&self.b[start..self.i]).unwrap_or("")
    }

    /// Tokens up to `close` (or the end of the text).
    fn filter(&mut self, depth: usize, close: Option<u8>) -> R<()> {
        if depth > 40 {
            return self.fail(self.i, "nested too deeply");
        }
        let object = close == Some(b'}');
        // In an object, the word after `{` or `,` is a key.
        let mut key_place = object;
        // `recurse(f)`, `limit` and others take filters; only recurse is endless with one.
        let mut last_word_recurse = false;
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
            let after_recurse = std::mem::replace(&mut last_word_recurse, false);
            match c {
                b' ' | b'\t' | b'\n' => {
                    self.i += 1;
                    key_place = was_key_place;
                    last_word_recurse = after_recurse;
                }
                b'"' => self.string(depth)?,
                b'(' | b'[' | b'{' => {
                    if c == b'(' && after_recurse {
                        return self.fail(start, "recurse with a filter may not end");
                    }
                    self.i += 1;
                    self.filter(
                        depth + 1,
                        Some(match c {
                            b'(' => b')',
                            b'[' => b']',
                            _ => b'}',
                        }),
                    )?;
                }
                b'.' if self.at(start + 1) == b'.' => self.i += 2,
                b'.' if self.at(start + 1).is_ascii_alphabetic() || self.at(start + 1) == b'_' => {
                    self.i += 1;
                    self.word();
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
                }
                b'@' => {
                    self.i += 1;
                    let name = self.word().to_string();
                    if !FORMATS.contains(&name.as_str()) {
                        return self.fail(start, &format!("format `@{name}` is not accepted"));
                    }
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                    let name = self.word().to_string();
                    if self.at(self.i) == b':' && self.at(self.i + 1) == b':' {
                        return self.fail(start, "modules are not accepted");
                    }
                    let mut j = self.i;
                    while matches!(self.at(j), b' ' | b'\t' | b'\n') {
                        j += 1;
                    }
                    let is_key = was_key_place && matches!(self.at(j), b':' | b',' | b'}');
                    if !is_key && !WORDS.contains(&name.as_str()) {
                        return self.fail(start, &format!("`{name}` is not accepted"));
                    }
                    last_word_recurse = !is_key && name == "recurse";
                }
                b',' => {
                    self.i += 1;
                    key_place = object;
                }
                b'*' => {
                    self.i += 1;
                    let mut j = self.i;
                    while matches!(self.at(j), b' ' | b'\t' | b'\n') {
                        j += 1;
                    }
                    // A string times a number repeats it.
                    if self.at(j) == b'"'
                        || self.b[..start]
                            .iter()
                            .rev()
                            .find(|b| !b.is_ascii_whitespace())
                            == Some(&b'"')
                    {
                        return self.fail(start, "a repeated string may fill memory");
                    }
                    if self.at(j) == b'=' {
                        return self.fail(start, "assignment is not accepted");
                    }
                }
                b'|' | b'/' | b'+' | b'-' | b'%' | b'=' | b'!' | b'<' | b'>' | b':' | b';'
                | b'?' => self.operator()?,
                _ => return self.fail(start, &format!("`{}` is not accepted", char::from(c))),
            }
        }
    }

    fn operator(&mut self) -> R<()> {
        let rest = &self.b[self.i..];
        for bad in ["|=", "+=", "-=", "*=", "/=", "%=", "//=", "::", "?//"] {
            if rest.starts_with(bad.as_bytes()) {
                return self.fail(self.i, &format!("`{bad}` is not accepted"));
            }
        }
        for good in ["//", "==", "!=", "<=", ">="] {
            if rest.starts_with(good.as_bytes()) {
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
