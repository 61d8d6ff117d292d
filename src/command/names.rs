//! The variables that the shell's builtins are given by name, read as the builtins read their options.
//!
//! `read -raPS4` sets `PS4`, and `printf -v 'a[$(id)]'` runs `id`: what a name is must be known, or the line is refused.
//! Must never pass over an option or a word that could be a name (bash(1), Shell Builtin Commands).

use super::name::is_variable;
use super::word::{Segment, Word};

/// Builtins that set their operands `NAME=value`, which bash does not split.
pub const DECLARING: [&str; 5] = ["export", "readonly", "local", "declare", "typeset"];

/// A variable that a builtin sets, unsets or shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Without a subscript.
    pub name: String,
    /// What stands behind `NAME=`; none where the builtin brings the value along, or only the attributes change.
    pub value: Option<Word>,
    /// It becomes a list.
    pub list: bool,
}

/// What a text does with variables, where its calls do not say so.
#[derive(Debug, Clone, Default)]
pub struct Uses {
    /// Those that it takes for numbers.
    pub counted: Vec<String>,
    /// Those that it sets to other than numbers.
    pub loose: Vec<String>,
    /// What its loops and expansions (`${x:=…}`) give to variables, each value for itself.
    pub given: Vec<(String, Word)>,
}

impl Uses {
    /// What another text does, too.
    pub fn extend(&mut self, other: Uses) {
        self.counted.extend(other.counted);
        self.loose.extend(other.loose);
        self.given.extend(other.given);
    }
}

/// What the operands of a builtin are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operands {
    /// `NAME` or `NAME=value`.
    Declared,
    /// Names.
    Names,
    /// Names that become lists.
    Lists,
    /// Only the second one is a name.
    Second,
    /// Text.
    Text,
}

struct Builtin {
    /// Options without a value, with one, and with a name as value.
    letters: [&'static str; 3],
    operands: Operands,
}

fn builtin(name: &str) -> Option<Builtin> {
    use Operands::{Declared, Lists, Names, Second, Text};
    let (letters, operands) = match name {
        "export" => (["fnp", "", ""], Declared),
        "readonly" => (["fp", "", ""], Declared),
        // Without -i, -n, -a, -A: the shell evaluates what is put into an integer, a reference or a list.
        "local" | "declare" | "typeset" => (["prxgtulfF", "", ""], Declared),
        // Without -e and -i: readline runs what some keys among the data say.
        "read" => (["rs", "dnNptu", "a"], Names),
        // Without -C, whose value is code.
        "mapfile" | "readarray" => (["t", "dnOsu", ""], Lists),
        "unset" => (["fnv", "", ""], Names),
        "getopts" => (["", "", ""], Second),
        "printf" => (["", "", "v"], Text),
        "wait" => (["fn", "", "p"], Text),
        _ => return None,
    };
    Some(Builtin { letters, operands })
}

/// The variables that a builtin's words name; none for any other command. Or why they are not known.
///
/// # Errors
/// What is wrong with the words, for a person.
pub fn named(words: &[Word]) -> Result<Vec<Named>, String> {
    let Some((first, rest)) = words.split_first() else {
        return Ok(Vec::new());
    };
    let name = first.literal().unwrap_or_default();
    let Some(builtin) = builtin(name) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let at = options(name, &builtin, rest, &mut found)?;
    let operands = rest.get(at..).unwrap_or_default();
    let ended = at > 0 && rest.get(at - 1).and_then(Word::literal) == Some("--");
    match builtin.operands {
        Operands::Declared => {
            for word in operands {
                found.push(declared(name, word)?);
            }
        }
        Operands::Names | Operands::Lists => {
            for word in operands {
                found.push(plain(name, word, builtin.operands == Operands::Lists)?);
            }
        }
        Operands::Second => match operands {
            [letters, variable, ..] if letters.literal().is_some() => {
                found.push(plain(name, variable, false)?);
            }
            [] => {}
            _ => return Err(unknown(name)),
        },
        // Where the first word is nothing to the shell, the next one could be an option.
        Operands::Text if name == "wait" && !ended => {
            let known = |w: &Word| match w.literal() {
                Some(text) => !text.starts_with('-'),
                None => is_one_variable(w),
            };
            if !operands.iter().all(known) {
                return Err(option(name));
            }
        }
        Operands::Text => {}
    }
    Ok(found)
}

/// Reads the options in front as getopt does, with the names that are their values; where the operands begin.
fn options(
    name: &str,
    builtin: &Builtin,
    words: &[Word],
    found: &mut Vec<Named>,
) -> Result<usize, String> {
    let [flags, values, names] = builtin.letters;
    let declares = builtin.operands == Operands::Declared;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let Some(text) = word.literal() else {
            return if may_be_option(word) && !is_pid(name, word) {
                Err(option(name))
            } else {
                Ok(at)
            };
        };
        let sign = text.starts_with('-') || declares && text.starts_with('+');
        if !sign || text.len() < 2 {
            return Ok(at);
        }
        at += 1;
        if text == "--" {
            return Ok(at);
        }
        for (place, letter) in text[1..].char_indices() {
            if flags.contains(letter) {
                continue;
            }
            if !values.contains(letter) && !names.contains(letter) {
                return Err(match (name, letter) {
                    (_, 'i' | 'n' | 'a' | 'A') if declares => format!(
                        "`{name}` of an integer, a reference or a list: the shell evaluates what is put there"
                    ),
                    ("mapfile" | "readarray", 'C') => {
                        format!("`{name} -C` runs its word as code")
                    }
                    _ => format!("`{name} {text}`: an option that is not read here"),
                });
            }
            let glued = text
                .get(1 + place + letter.len_utf8()..)
                .unwrap_or_default();
            let value = if glued.is_empty() {
                at += 1;
                words.get(at - 1).cloned().unwrap_or_default()
            } else {
                Word::of(glued)
            };
            if names.contains(letter) {
                found.push(plain(name, &value, letter == 'a')?);
            } else if value.literal().is_none() && !value.is_whole() {
                return Err(unknown(name));
            }
            break;
        }
    }
    Ok(at)
}

/// Whether the shell could make an option of a word of which nothing is known at its beginning.
fn may_be_option(word: &Word) -> bool {
    match word.segments.first() {
        Some(Segment::Literal(text)) => text.starts_with(['-', '+']),
        _ => true,
    }
}

/// `wait $!`: a number, whatever it is. Of variables `full::variables` asks whether they are.
fn is_pid(name: &str, word: &Word) -> bool {
    name == "wait" && is_one_variable(word)
}

/// Whether a word is one variable or special parameter and nothing else: `$x`, `"${x}"`, `$!`.
pub fn is_one_variable(word: &Word) -> bool {
    matches!(word.segments.as_slice(), [Segment::Expansion(text)] if variable(text).is_some())
}

/// The name in an expansion that is only that: `x` of `${x}`, `!` of `"${!}"`.
pub fn variable(expansion: &str) -> Option<&str> {
    let (inner, _) = super::word::bare(expansion);
    let name = inner.strip_prefix("${")?.strip_suffix('}')?;
    (is_variable(name) || matches!(name, "!" | "?" | "$" | "#")).then_some(name)
}

/// `NAME` or `NAME=value`.
fn declared(builtin: &str, word: &Word) -> Result<Named, String> {
    let text = word.literal_prefix();
    let (name, value) = match text.split_once('=') {
        Some((name, _)) => (name, Some(word.behind(name.len() + 1))),
        None if word.literal().is_some() => (text, None),
        None => return Err(unknown(builtin)),
    };
    // Where the variable is a list, bash reads such a value as code, quoted or not.
    if let Some(value) = &value
        && value.literal_prefix().starts_with('(')
    {
        return Err(format!(
            "`{builtin}` of a list: the shell evaluates what is put there"
        ));
    }
    let pattern = |s: &Segment| matches!(s, Segment::Glob(_));
    if word.segments.iter().any(pattern) {
        return Err(format!(
            "a pattern behind `{builtin}`, which only some shells expand: quote it"
        ));
    }
    if name.ends_with('+') {
        return Err(format!("`+=` behind `{builtin}`: write the whole value"));
    }
    Ok(Named {
        name: base(builtin, name)?,
        value,
        list: name.contains('['),
    })
}

fn plain(builtin: &str, word: &Word, list: bool) -> Result<Named, String> {
    let text = word.literal().ok_or_else(|| unknown(builtin))?;
    Ok(Named {
        name: base(builtin, text)?,
        value: None,
        list: list || text.contains('['),
    })
}

/// The name without a subscript, which may be a number.
fn base(builtin: &str, text: &str) -> Result<String, String> {
    let (name, subscript) = match text.split_once('[') {
        Some((name, behind)) => (name, behind.strip_suffix(']').unwrap_or("?")),
        None => (text, "0"),
    };
    if !subscript.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!(
            "`{builtin}` would evaluate the text in brackets as code"
        ));
    }
    if !is_variable(name) {
        return Err(format!("`{builtin}` of what is no name: {text:?}"));
    }
    Ok(name.to_owned())
}

fn unknown(builtin: &str) -> String {
    format!("`{builtin}` of a name that is known only when it runs: it would evaluate it as code")
}

/// Why a word must not stand where an option could.
fn option(builtin: &str) -> String {
    let instead = match builtin {
        "printf" => "write `printf -- FORMAT`, or `printf '%s' TEXT`",
        "wait" => "write `wait -- WORD`",
        _ => return unknown(builtin),
    };
    format!(
        "`{builtin}` with a word that could be an option, and name what it would evaluate as code: {instead}"
    )
}
