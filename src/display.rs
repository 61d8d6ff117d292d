//! Shows text to a person exactly: what would not be seen as itself is written as an escape.
//!
//! Must never drop a character, and never let text drive a terminal or reorder a line.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character could hide, move or imitate: controls, line breaks, bidirectional and
/// zero-width marks, white space other than the plain space, tags, variation selectors, private use.
pub fn is_deceptive(c: char) -> bool {
    let code = u32::from(c);
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(code,
            0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x2800 | 0x3164
            | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFF
            | 0xE000..=0xF8FF | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF | 0xF0000..=0x10FFFF)
}

/// The text on one line, with every deceptive character as `\n`, `\t`, `\x1b` or `\u{202e}`.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_unless(text, |_| false)
}

/// As [`escape`], but keeps line feeds and tabs: for output of several lines.
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_unless(text, |c| c == '\n' || c == '\t')
}

fn escape_unless(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_deceptive(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if !is_deceptive(c) || keep(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if u32::from(c) < 0x100 => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_itself() {
        for text in ["", "uptime", "grep 'ä ö' /var/log/x — fine", "日本語"] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn what_hides_is_shown() {
        assert_eq!(
            escape("a\u{202e}b\u{1b}[2J\r\n\u{200b}\u{a0}\u{e0041}"),
            "a\\u{202e}b\\x1b[2J\\r\\n\\u{200b}\\xa0\\u{e0041}"
        );
        assert_eq!(escape_lines("a\n\tb\u{1b}"), "a\n\tb\\x1b");
    }
}
