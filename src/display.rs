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
            // Blanks and joiners of scripts that no host is run in.
            0x2D7F | 0x1107F | 0x11A47 | 0x11A99 | 0x16FE4 | 0x1D159
            | 0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x2800 | 0x3164
            | 0xFE00..=0xFE0F | 0xFEFF | 0x13430..=0x1343F | 0x1BCA0..=0x1BCA3 | 0xFFA0 | 0xFFF0..=0xFFFF
            | 0xE000..=0xF8FF | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF | 0xF0000..=0x10FFFF)
}

/// Whether a letter or digit is written from right to left (UAX #9: R, AL, AN): what stands between two such words, a `>`
/// or the order of operands, would be drawn the other way round.
fn is_right_to_left(c: char) -> bool {
    matches!(u32::from(c),
        0x0590..=0x08FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFE | 0x10800..=0x10FFF | 0x1E800..=0x1EFFF)
}

/// What a line feed and a tab are shown as, and what stands around the number of any other.
const MARKS: [char; 4] = ['⏎', '⇥', '⟨', '⟩'];

/// The text on one line, with every deceptive character as `⏎` (a line feed), `⇥` (a tab) or `⟨U+202E⟩`. These marks are
/// written by their numbers as well, so that two texts which differ are never shown alike: a backslash and an `n`
/// must not look like the line feed behind which another command begins.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_unless(text, |c| is_plain(c) && !is_right_to_left(c))
}

/// As [`escape`], but keeps letters that are written from right to left: for what people say, not for what runs.
pub fn escape_prose(text: &str) -> Cow<'_, str> {
    escape_unless(text, is_plain)
}

/// For a text of which every part was escaped already: what hides is still written by its number, the marks stay.
pub fn escape_again(text: &str) -> Cow<'_, str> {
    escape_unless(text, |c| !is_deceptive(c))
}

/// As [`escape_prose`], but keeps line feeds and tabs: for output of several lines.
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_unless(text, |c| matches!(c, '\n' | '\t') || is_plain(c))
}

/// Whether a character is seen as itself, and is none of the marks.
fn is_plain(c: char) -> bool {
    !is_deceptive(c) && !MARKS.contains(&c)
}

fn escape_unless(text: &str, shown: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&shown) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if shown(c) => out.push(c),
            '\n' => out.push('⏎'),
            '\t' => out.push('⇥'),
            c => {
                let _ = write!(out, "⟨U+{:04X}⟩", u32::from(c));
            }
        }
    }
    Cow::Owned(out)
}

/// Most characters of a line that are shown before a place in it, and behind.
const AROUND: usize = 200;

/// What stands around a place (in bytes) of a line, escaped, and a caret for the line below it. Of a long line it
/// is a part, with `…` where it was cut.
pub fn point_at(line: &str, at: usize) -> (String, String) {
    let mut at = at.min(line.len());
    while !line.is_char_boundary(at) {
        at -= 1;
    }
    let (before, behind) = line.split_at(at);
    let (before, behind) = (escape(before), escape(behind));
    let cut = before.char_indices().rev().nth(AROUND - 1);
    let mut shown = match cut {
        Some((cut, _)) if cut > 0 => format!("…{}", &before[cut..]),
        _ => before.into_owned(),
    };
    let caret = " ".repeat(shown.chars().count()) + "^";
    match behind.char_indices().nth(AROUND) {
        Some((cut, _)) => shown.extend([&behind[..cut], "…"]),
        None => shown += &behind,
    }
    (shown, caret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_itself() {
        assert_eq!(escape_prose("שלום x\n"), "שלום x⏎");
        assert_eq!(escape("mv 'א' b"), "mv '⟨U+05D0⟩' b");
        assert_eq!(escape_prose("\u{61c}א"), "⟨U+061C⟩א");
        assert_eq!(escape_again("a⏎b⟨U+202E⟩\u{1b}"), "a⏎b⟨U+202E⟩⟨U+001B⟩");
        for text in ["", "uptime", "grep 'ä ö' /var/log/x — fine", "日本語"] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn what_hides_is_shown() {
        assert_eq!(
            escape("a\u{202e}b\u{1b}[2J\r\n\u{200b}\u{a0}\u{e0041}"),
            "a⟨U+202E⟩b⟨U+001B⟩[2J⟨U+000D⟩⏎⟨U+200B⟩⟨U+00A0⟩⟨U+E0041⟩"
        );
        assert_eq!(escape_lines("a\n\tb\u{1b}"), "a\n\tb⟨U+001B⟩");
    }

    #[test]
    fn texts_that_differ_are_shown_differently() {
        let parts = [
            "\n",
            "\\n",
            "\\",
            "n",
            "⏎",
            "\t",
            "⇥",
            "\u{202e}",
            "⟨U+202E⟩",
            "⟨",
            "⟩",
            "U+23CE",
            "\\u{202e}",
        ];
        let mut shown = std::collections::BTreeMap::new();
        for a in parts {
            for b in parts {
                for c in parts {
                    let text = format!("{a}{b}{c}");
                    let before = shown.insert(escape(&text).into_owned(), text.clone());
                    assert!(before.is_none_or(|other| other == text), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn a_place_is_shown_in_a_line_of_any_length() {
        let (short, behind) = ("ä\tb", "a".repeat(200));
        assert_eq!(point_at(short, 3), ("ä⇥b".into(), "  ^".into()));
        assert_eq!(point_at(short, 1), ("ä⇥b".into(), "^".into()));
        assert_eq!(point_at(short, 99), ("ä⇥b".into(), "   ^".into()));
        assert_eq!(point_at(&behind, 200).0, behind);
        assert_eq!(point_at(&behind, 0).0, behind);
        for long in ["a".repeat(1 << 20), "\u{202e}".repeat(1 << 17)] {
            for at in [0, 300, 70_000, 1 << 20] {
                let (shown, caret) = point_at(&long, at);
                assert!(shown.chars().count() < 2_000 && caret.len() < 1_000, "{at}");
                assert_eq!(shown.starts_with('…'), at > 0);
                assert_eq!(shown.ends_with('…'), at < long.len() - 1);
            }
        }
    }
}
