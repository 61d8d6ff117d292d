//! What the strict reader accepts, the full one reads the same, and it is written back exactly.
#![no_main]

use aiops::command::{full, render, strict};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(line) = strict::read(text) else { return };
    let canonical = render::line(&line);
    let again = strict::read(&canonical).expect("the canonical form is strict");
    assert_eq!(render::line(&again), canonical);
    let parsed = full::read(text).expect("the full reader reads what the strict one does");
    assert_eq!(full::ast::list(&parsed.list), canonical);
});
