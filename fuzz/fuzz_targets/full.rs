//! No text breaks the readers, and a reading is written back to the same reading.
#![no_main]

use aiops::command;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(reading) = command::read(text) else { return };
    let again = command::read(&reading.canonical).expect("the canonical form is read");
    assert_eq!(again.canonical, reading.canonical);
    // Redirections are written behind the words, and what stands in them moves with them.
    let names = |r: &command::Reading| -> Vec<String> {
        let mut names: Vec<String> = r.calls.iter().map(|c| c.name.text.clone()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&again), names(&reading));
    let _ = command::explain::draw(&reading);
});
