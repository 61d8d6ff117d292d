//! Masks secrets in text before it is written or answered.
//!
//! Linear in the text. Must never mask what is not a secret by its form: hashes, ids, paths, unit
//! names and plain words stay. A mark says what was masked: `[masked:jwt]`. Masking twice changes
//! nothing.

mod forms;

use forms::{ASSIGNED, FORMS};
use regex::{Captures, Regex};
use std::borrow::Cow;
use std::sync::LazyLock;

/// How often a text is looked at again at most; the second time nearly always finds nothing.
const MOST_PASSES: usize = 8;

struct Form {
    /// Text without which the pattern cannot match: searched for first, so that ordinary text costs nearly nothing.
    needs: &'static [&'static str],
    /// The shortest run of letters, digits and `._-` that the pattern can match.
    word: usize,
    /// What is replaced; groups around it stay.
    pattern: LazyLock<Option<Regex>>,
    replacement: &'static str,
}

/// The text with secrets replaced by marks.
pub fn mask(text: &str) -> Cow<'_, str> {
    let masked = mask_settled(text);
    // Colours stand between a name and its value, or in the middle of a token. Where there is a secret
    // behind them, they go.
    if !["\x1b[", "\\x1b[", "⟨U+001B⟩["]
        .iter()
        .any(|begin| masked.contains(begin))
    {
        return masked;
    }
    let Some(colours) = COLOURS.as_ref() else {
        return masked;
    };
    let bare = colours.replace_all(&masked, "");
    match mask_settled(&bare) {
        Cow::Owned(found) if found != *bare => Cow::Owned(found),
        _ => masked,
    }
}

/// Masked until nothing more is found: a mark can lay open what stood behind it.
fn mask_settled(text: &str) -> Cow<'_, str> {
    let mut masked = mask_plain(text);
    if matches!(masked, Cow::Borrowed(_)) {
        return masked;
    }
    for _ in 0..MOST_PASSES {
        match mask_plain(&masked) {
            Cow::Owned(more) if more != *masked => masked = Cow::Owned(more),
            _ => break,
        }
    }
    masked
}

/// Terminal control sequences (ECMA-48, CSI), as they come and as they are shown.
static COLOURS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:\x1b|\\x1b|⟨U\+001B⟩)\[[0-9;:?]{0,32}[A-Za-z]").ok());

fn mask_plain(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    // Most texts lack some letter of what most forms need.
    let mut there = [false; 256];
    text.bytes().for_each(|b| there[usize::from(b)] = true);
    for form in FORMS.iter() {
        let may_be = |need: &&str| need.bytes().all(|b| there[usize::from(b)]);
        let mut needed = form.needs.iter().filter(|n| may_be(n));
        if !needed.any(|need| masked.contains(need)) || !has_word_of(&masked, form.word) {
            continue;
        }
        let Some(pattern) = form.pattern.as_ref() else {
            continue;
        };
        if let Cow::Owned(replaced) = pattern.replace_all(&masked, form.replacement) {
            masked = Cow::Owned(replaced);
            there = [true; 256];
        }
    }
    if !may_name_a_secret(&masked) {
        return masked;
    }
    for form in ASSIGNED.iter() {
        if !form.needs.iter().any(|need| masked.contains(need)) {
            continue;
        }
        let Some(pattern) = form.pattern.as_ref() else {
            continue;
        };
        if let Cow::Owned(replaced) = pattern.replace_all(&masked, assigned) {
            masked = Cow::Owned(replaced);
        }
    }
    masked
}

/// Whether a run of letters, digits and `._-` is that long.
fn has_word_of(text: &str, length: usize) -> bool {
    length == 0
        || text
            .split(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c))
            .any(|word| word.len() >= length)
}

/// Whether a name could be among [`ASSIGNED`]'s: making these patterns is most of what a short run costs.
fn may_name_a_secret(text: &str) -> bool {
    // Outside of ASCII other letters fold to these: `ſ` is an `s` to the patterns.
    !text.is_ascii() || {
        let text = text.to_ascii_lowercase();
        [
            "pass",
            "pwd",
            "secret",
            "key",
            "token",
            "credential",
            "psk",
            "kennwort",
        ]
        .iter()
        .any(|stem| text.contains(stem))
    }
}

/// `NAME=VALUE` whose name says that the value is a secret.
fn assigned(found: &Captures) -> String {
    let whole = found.get(0).map_or("", |m| m.as_str());
    let value = found.name("value").map_or("", |m| m.as_str());
    let name = found.name("name").map_or("", |m| m.as_str());
    if is_placeholder(value) || is_other_thing(name, value) {
        return whole.to_owned();
    }
    let before = whole.strip_suffix(value).unwrap_or_default();
    let behind = if value.ends_with('#') { " #" } else { "" };
    format!("{before}[masked:secret]{behind}")
}

/// What stands for a value, or says that there is none.
fn is_placeholder(value: &str) -> bool {
    let bare = value.trim_matches(['"', '\'', '\\']);
    let word = bare.to_ascii_lowercase();
    bare.is_empty()
        || bare.starts_with("[masked:")
        || bare.starts_with(['<', '%'])
        // A variable: its value is not here.
        || (value.starts_with(['$', '"'])
            && bare
                .strip_prefix('$')
                .is_some_and(|rest| rest.starts_with(|c: char| c == '{' || c == '(' || c.is_ascii_alphabetic() || c == '_')))
        || bare.chars().all(|c| matches!(c, '*' | '.' | 'x' | 'X' | '-' | '!' | '|' | '>'))
        || matches!(
            word.as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "none" | "nil" | "required" | "optional"
                | "sufficient" | "never" | "always" | "prompt" | "ask" | "enabled" | "disabled" | "set" | "unset"
                | "empty" | "not" | "undefined" | "md5" | "sha256" | "scram-sha-256"
        )
}

/// Names that look like a secret's and are something else: `passwd: files` of nsswitch.conf(5).
fn is_other_thing(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_path = value.starts_with(['/', '~']) || value.starts_with("./");
    // Counts: `pass: 12, fail: 3`.
    let is_count = matches!(name.as_str(), "pass" | "token")
        && value
            .bytes()
            .all(|b| b.is_ascii_digit() || b",} \t\r".contains(&b));
    (name == "passwd" && !value.starts_with(['"', '\'']))
        // A file that holds the secret.
        || (is_path && !name.ends_with("password"))
        || is_count
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_pattern_is_a_regex() {
        for form in FORMS.iter() {
            assert!(form.pattern.is_some(), "{}", form.replacement);
        }
        assert!(ASSIGNED.iter().all(|form| form.pattern.is_some()));
    }

    proptest! {
        #[test]
        fn masking_twice_changes_nothing(
            parts in prop::collection::vec(
                prop_oneof![
                    "[ -~\n]{0,12}",
                    Just("password=".to_owned()), Just("hunter2".to_owned()), Just("://u:p@h".to_owned()),
                    Just("-----BEGIN PRIVATE KEY-----\n".to_owned()), Just("-----END PRIVATE KEY-----".to_owned()),
                    Just("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig".to_owned()), Just("Authorization: Bearer ".to_owned()),
                    Just("\"token\": \"".to_owned()), Just("[masked:jwt]".to_owned()), Just(" --password ".to_owned()),
                    Just("\\\"password\\\":\\\"".to_owned()), Just("\\x1b[0m".to_owned()), Just("password: |\n  ".to_owned()),
                    Just("name: DB_PASSWORD\n  value: ".to_owned()), Just("<password>".to_owned()), Just("</".to_owned()),
                    Just("%22token%22%3A%22".to_owned()), Just("IDENTIFIED BY '".to_owned()), Just(" | chpasswd".to_owned()),
                    Just("echo a:b".to_owned()), Just("requirepass ".to_owned()), Just(" # ".to_owned()), Just("'X-Token: ".to_owned()),
                ],
                0..8,
            )
        ) {
            let once = mask(&parts.concat()).into_owned();
            prop_assert_eq!(mask(&once).into_owned(), once.clone());
        }
    }

    #[test]
    fn time_grows_with_the_text_only() {
        for piece in [
            "password",
            "eyJ",
            "://a:",
            "-----BEGIN PRIVATE KEY-----",
            "token=\"",
            "a.",
            "mysql -p",
            ":1:",
        ] {
            let text = piece.repeat(100_000 / piece.len());
            let spent = crate::processor_time(|| drop(mask(&text)));
            assert!(spent.as_secs() < 5, "{piece}: {spent:?}");
        }
    }
}
