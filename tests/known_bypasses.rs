//! The table of known bypasses says what the shipped production policy answers: row by row it is asked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use aiops::policy::{Context, Policy, Risk};
use std::path::Path;

/// The cells of a table's row, with `\|` for a bar.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut characters = line.trim_matches('|').chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' if characters.peek() == Some(&'|') => {
                cells.last_mut().unwrap().push('|');
                characters.next();
            }
            '|' => cells.push(String::new()),
            c => cells.last_mut().unwrap().push(c),
        }
    }
    cells.iter().map(|c| c.trim().to_owned()).collect()
}

/// A line as the table shows it: in backquotes, `␊` for a line feed, `\u{…}` for a character.
fn command(cell: &str) -> String {
    let text = match cell.strip_prefix("`` ") {
        Some(inner) => inner.strip_suffix(" ``").unwrap(),
        None => cell.trim_matches('`'),
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("\\u{") {
        let (number, after) = behind.split_once('}').unwrap();
        out.push_str(before);
        out.push(char::from_u32(u32::from_str_radix(number, 16).unwrap()).unwrap());
        rest = after;
    }
    out.push_str(rest);
    out.replace('␊', "\n")
}

#[test]
fn every_known_bypass_is_answered_as_the_table_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = root.join("docs/known-bypasses.md");
    let policy = Policy::load(&root.join("policies/production.yml")).unwrap();
    let text = std::fs::read_to_string(&page).unwrap();
    let context = Context {
        target: None,
        tags: &[],
        requester: "agent",
        now: chrono::Utc::now(),
        recent: &[],
    };
    let mut rows = 0;
    let mut autos = 0;
    let mut wrong = Vec::new();
    let mut anew = String::new();
    for line in text.lines() {
        let row = cells(line);
        if row.len() != 5 || row[0] == "way" || row[0] == "---" {
            anew.push_str(line);
            anew.push('\n');
            continue;
        }
        rows += 1;
        let command = command(&row[1]);
        let read = aiops::policy::read(&command);
        let decision = policy.decide(read.as_ref(), &context);
        let answer = match decision.risk {
            Risk::AutoAllowed => "auto",
            Risk::ApprovalRequired => "approval",
            Risk::Forbidden => "forbidden",
        };
        autos += usize::from(answer == "auto");
        let by = decision.rules.first().map(String::as_str).unwrap_or("?");
        if answer != row[3] || !decision.rules.contains(&row[4]) {
            wrong.push(format!(
                "{command:?}: {answer} by {by}, not {} by {}",
                row[3], row[4]
            ));
        }
        let head = line.rsplitn(4, '|').last().unwrap();
        anew.push_str(&format!("{head}| {answer} | {by} |\n"));
    }
    if std::env::var_os("AIOPS_UPDATE_DOCS").is_some() {
        std::fs::write(&page, anew).unwrap();
        return;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows > 170, "{rows} rows");
    assert_eq!(autos, 1, "only the line that prints is auto");
}
