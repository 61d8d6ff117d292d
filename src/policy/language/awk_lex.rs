//! Tokens of awk. Where awks disagree on where a token ends, it is an error.

/// One token; `line` numbers are not kept, positions are byte offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tok {
    Num(String),
    Str(String),
    /// Its text between the slashes.
    Regex(String),
    Name(String),
    /// A function of the allow list.
    Func(String),
    Key(&'static str),
    Op(&'static str),
    Newline,
    End,
}

pub(super) const FUNCS: &[&str] = &[
    "length", "substr", "split", "gsub", "sub", "index", "match", "tolower", "toupper", "sprintf",
    "int", "sqrt", "log", "exp", "sin", "cos", "atan2", "strftime", "systime", "mktime", "gensub",
    "strtonum",
];
const KEYS: &[&str] = &[
    "BEGIN", "END", "if", "else", "for", "in", "print", "printf", "next", "nextfile", "exit",
    "break", "continue", "delete",
];
/// Words that some awk gives a meaning that is not read here.
const REFUSED: &[&str] = &[
    "getline",
    "system",
    "close",
    "fflush",
    "function",
    "func",
    "while",
    "do",
    "return",
    "switch",
    "case",
    "default",
    "ENVIRON",
    "ARGV",
    "ARGC",
    "ARGIND",
    "PROCINFO",
    "SYMTAB",
    "FUNCTAB",
    "ERRNO",
    "LINT",
    "TEXTDOMAIN",
    "BINMODE",
    "FIELDWIDTHS",
    "FPAT",
    "RT",
    "PREC",
    "ROUNDMODE",
    "IGNORECASE",
    "CONVFMT",
    "OFMT",
    "BEGINFILE",
    "ENDFILE",
    "rand",
    "srand",
    "asort",
    "asorti",
    "patsplit",
    "strtonum",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
    "compl",
    "typeof",
    "isarray",
    "mkbool",
    "intdiv",
    "intdiv0",
    "dcgettext",
    "dcngettext",
    "bindtextdomain",
    "extension",
    "adump",
    "stopme",
    "fork",
    "exec",
    "wait",
    "eval",
    "include",
    "load",
    "namespace",
    "readfile",
    "writea",
    "reada",
    "ord",
    "chr",
    "stat",
    "fts",
    "chdir",
    "gettimeofday",
    "sleep",
    "inplace",
];
/// Longest first.
const OPS: &[&str] = &[
    "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "==", "!=", "<=", ">=", "!~", "{", "}",
    "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", "<", ">", "~", "?", ":", "=",
    "$",
];

/// All tokens with their byte offsets, ending in [`Tok::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(Tok, usize)>, String> {
    let b = text.as_bytes();
    let mut out: Vec<(Tok, usize)> = Vec::new();
    let mut i = 0;
    while i < b.len() {
        let start = i;
        let c = b[i];
        let tok = match c {
            b' ' | b'\t' => {
                i += 1;
                continue;
            }
            b'\n' => {
                i += 1;
                Tok::Newline
            }
            b'"' => string(text, &mut i)?,
            b'/' => {
                if operand_ended(&out, start)? {
                    operator(text, &mut i)?
                } else {
                    regex(b, &mut i)?;
                    let text = text.get(start + 1..i - 1).unwrap_or_default();
                    super::check_repeats(text).map_err(|e| format!("awk: {e}"))?;
                    Tok::Regex(text.to_string())
                }
            }
            b'0'..=b'9' => number(text, &mut i)?,
            b'.' if b.get(i + 1).is_some_and(u8::is_ascii_digit) => number(text, &mut i)?,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                while b
                    .get(i)
                    .is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'_')
                {
                    i += 1;
                }
                name(&text[start..i], start)?
            }
            _ => operator(text, &mut i)?,
        };
        out.push((tok, start));
    }
    out.push((Tok::End, b.len()));
    Ok(out)
}

fn name(word: &str, at: usize) -> Result<Tok, String> {
    if let Some(k) = KEYS.iter().find(|k| **k == word) {
        return Ok(Tok::Key(k));
    }
    if FUNCS.contains(&word) {
        return Ok(Tok::Func(word.to_string()));
    }
    if REFUSED.contains(&word) {
        return Err(format!("awk: `{word}` at {at} is not accepted"));
    }
    Ok(Tok::Name(word.to_string()))
}

fn number(text: &str, i: &mut usize) -> Result<Tok, String> {
    let b = text.as_bytes();
    let start = *i;
    while b.get(*i).is_some_and(|c| c.is_ascii_digit() || *c == b'.') {
        *i += 1;
    }
    // Exponents and hexadecimal differ between awks, and 1x is a concatenation.
    if b.get(*i)
        .is_some_and(|c| c.is_ascii_alphabetic() || *c == b'_')
    {
        return Err(format!("awk: number at {start} is followed by a letter"));
    }
    let word = &text[start..*i];
    if word.matches('.').count() > 1 || word.len() > 16 {
        return Err(format!("awk: number `{word}` at {start} is not plain"));
    }
    Ok(Tok::Num(word.to_string()))
}

fn string(text: &str, i: &mut usize) -> Result<Tok, String> {
    let b = text.as_bytes();
    let start = *i;
    *i += 1;
    loop {
        match b.get(*i) {
            None | Some(b'\n') => {
                return Err(format!("awk: string at {start} has no end on its line"));
            }
            Some(b'"') => {
                *i += 1;
                return Ok(Tok::Str(text[start + 1..*i - 1].to_string()));
            }
            Some(b'\\') => {
                if !b.get(*i + 1).is_some_and(|c| (0x20..0x7f).contains(c)) {
                    return Err(format!("awk: `\\` at {i} is not followed by a character"));
                }
                *i += 2;
            }
            Some(_) => *i += 1,
        }
    }
}

/// A regex literal. A slash or an unclear bracket inside `[...]` ends it in one awk and not in
/// another, so these are refused.
fn regex(b: &[u8], i: &mut usize) -> Result<(), String> {
    let start = *i;
    *i += 1;
    if b.get(*i) == Some(&b'=') {
        return Err(format!(
            "awk: `/=` at {start} may be a division; write /[=]/"
        ));
    }
    let mut bracket = false;
    loop {
        let c = *b
            .get(*i)
            .ok_or(format!("awk: regex at {start} has no end"))?;
        match c {
            b'\n' => return Err(format!("awk: regex at {start} has no end on its line")),
            b'\\' => {
                let n = b.get(*i + 1).copied().unwrap_or(b'\n');
                if n == b'\n' || (bracket && matches!(n, b'[' | b']' | b'/')) {
                    return Err(format!(
                        "awk: `\\` at {i} in a regex is read differently by different awks"
                    ));
                }
                *i += 2;
                continue;
            }
            b'/' if bracket => {
                return Err(format!(
                    "awk: `/` inside [...] at {i} ends the regex in some awks"
                ));
            }
            b'/' => {
                *i += 1;
                return Ok(());
            }
            b'[' if bracket => {
                // Only a class such as [:space:] may stand in a bracket.
                match super::class_length(&b[*i..]) {
                    Some(length) => {
                        *i += length;
                        continue;
                    }
                    None => return Err(format!("awk: `[` inside [...] at {i} is not accepted")),
                }
            }
            b'[' => {
                bracket = true;
                if b.get(*i + 1) == Some(&b'^') {
                    *i += 1;
                }
                if b.get(*i + 1) == Some(&b']') {
                    return Err(format!("awk: `]` first in [...] at {i} is not accepted"));
                }
            }
            b']' => bracket = false,
            _ => {}
        }
        *i += 1;
    }
}

/// Whether a `/` here divides.
fn operand_ended(out: &[(Tok, usize)], at: usize) -> Result<bool, String> {
    Ok(match out.last().map(|t| &t.0) {
        Some(Tok::Num(_) | Tok::Str(_) | Tok::Regex(_) | Tok::Name(_)) => true,
        Some(Tok::Op(")" | "]")) => true,
        Some(Tok::Op("++" | "--" | "$") | Tok::Func(_)) => {
            return Err(format!("awk: `/` at {at} may be a division or a regex"));
        }
        _ => false,
    })
}

fn operator(text: &str, i: &mut usize) -> Result<Tok, String> {
    let rest = &text[*i..];
    match OPS.iter().find(|o| rest.starts_with(**o)) {
        Some(o) => {
            *i += o.len();
            Ok(Tok::Op(o))
        }
        None => {
            let c = rest.chars().next().unwrap_or(' ');
            Err(format!("awk: `{c}` at {i} is not accepted"))
        }
    }
}
