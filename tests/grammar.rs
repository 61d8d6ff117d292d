//! What the grammar's document says is refused is refused, and in these words.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use aiops::command;

const PAGE: &str = include_str!("../docs/grammar.md");

/// The rows of the table of refusals: a line, and what the reader says to it.
fn rows() -> Vec<(String, String)> {
    PAGE.lines()
        .skip_while(|line| !line.starts_with("| what | line |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            assert!(cells.len() >= 3, "{line}");
            let shown = cells[1];
            let text = match shown.strip_prefix("`` ") {
                Some(inner) => inner.strip_suffix(" ``").unwrap(),
                None => shown
                    .strip_prefix('`')
                    .and_then(|t| t.strip_suffix('`'))
                    .expect(line),
            };
            let text = text
                .replace('␊', "\n")
                .replace('│', "|")
                .replace("\\u{d}", "\r");
            (text, cells[2].replace('│', "|"))
        })
        .collect()
}

#[test]
fn every_line_of_the_table_is_refused_in_the_words_it_gives() {
    let rows = rows();
    assert!(rows.len() > 80, "{} rows", rows.len());
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(line, says)| match command::read(line) {
            Ok(_) => Some(format!("{line:?} is read")),
            Err(e) if e.reason.contains(says.as_str()) => None,
            Err(e) => Some(format!("{line:?}: {:?}, not {says:?}", e.reason)),
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bounds_are_those_that_the_document_names() {
    for (line, says) in [
        ("a".repeat(64 * 1024 + 1), "is longer than 65536 bytes"),
        (format!("{}a", "( ".repeat(41)), "it is nested too deeply"),
        ("a;".repeat(4097), "too many commands"),
        (
            format!("{}a", "sudo ".repeat(18)),
            "wrapped in one another too deeply",
        ),
        (format!("tmux {}", "a ".repeat(401)), "more than 400 words"),
        (
            format!("{{ {} }} {}", "a;".repeat(3000), ">/x ".repeat(16)),
            "too many commands and redirections",
        ),
    ] {
        let error = command::read(&line).unwrap_err();
        assert!(error.reason.contains(says), "{says}: {}", error.reason);
    }
}
