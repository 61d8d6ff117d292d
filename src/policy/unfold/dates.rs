//! What `date` says, by its format.
//!
//! Must never take a date that may not be understood: nothing is said of it.

/// Points in time that date(1) surely understands, none before 1970: `yesterday`, `1 hour ago`, `-2 days`.
fn is_understood(text: &str) -> bool {
    let is_unit = |unit: &str, count: &str| {
        let most = match unit.strip_suffix('s').unwrap_or(unit) {
            "second" | "sec" | "minute" | "min" | "hour" | "day" => 3,
            "week" | "month" => 2,
            "year" => 1,
            _ => 0,
        };
        (1..=most).contains(&count.len()) && count.bytes().all(|b| b.is_ascii_digit())
    };
    match text.split(' ').collect::<Vec<_>>().as_slice() {
        [one] => matches!(*one, "now" | "today" | "yesterday" | "tomorrow"),
        [count, unit] => is_unit(unit, count.strip_prefix('-').unwrap_or(count)),
        [count, unit, "ago"] => is_unit(unit, count),
        _ => false,
    }
}

/// Two dates in the format that is asked for.
pub(super) fn dates(words: &[&str]) -> Option<Vec<String>> {
    let mut format = None;
    let mut now = true;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "-u" | "--utc" => {}
            "-d" => {
                now = false;
                is_understood(words.next()?).then_some(())?;
            }
            word if word.starts_with("--date=") => {
                now = false;
                is_understood(word.strip_prefix("--date=")?).then_some(())?;
            }
            word if word.starts_with('+') && format.is_none() => format = word.strip_prefix('+'),
            _ => return None,
        }
    }
    let format = format.unwrap_or("%a %b %e %T %Z %Y");
    // A text of the line's own choice is not a date.
    if !format.contains('%') {
        return None;
    }
    [0, 1]
        .into_iter()
        .map(|which| in_format(format, which, now))
        .collect()
}

fn in_format(format: &str, which: usize, now: bool) -> Option<String> {
    let mut text = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let mut letter = rest.next()?;
        if matches!(letter, '-' | '_' | '0' | '^') {
            letter = rest.next()?;
        }
        let pair = match letter {
            'F' => ["2026-11-21", "2025-01-02"],
            'Y' => ["2026", "2025"],
            'y' => ["26", "25"],
            'm' => ["11", "1"],
            'd' => ["21", "02"],
            'e' => ["21", " 2"],
            'j' => ["325", "002"],
            'H' | 'k' | 'I' | 'l' => ["23", "07"],
            'M' | 'S' | 'U' | 'V' | 'W' => ["59", "07"],
            'T' => ["23:59:59", "07:07:07"],
            'R' => ["23:59", "07:07"],
            'b' | 'h' => ["Nov", "Jan"],
            'B' => ["November", "January"],
            'a' => ["Sat", "Thu"],
            'A' => ["Saturday", "Thursday"],
            'u' | 'w' => ["6", "1"],
            'p' => ["PM", "AM"],
            // Of now a moment that has passed by then; any other may be still to come.
            's' if now => ["1795219199", "1735801627"],
            's' => ["4102444800", "1735801627"],
            'N' => ["123456789", "000000000"],
            'z' => ["+0000", "-0330"],
            'Z' => ["UTC", "-03"],
            _ => return None,
        };
        text.push_str(pair.get(which)?);
    }
    Some(text)
}
