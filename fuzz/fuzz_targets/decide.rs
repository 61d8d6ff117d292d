//! No line breaks the shipped policy, and what is auto is strict.
#![no_main]

use aiops::command;
use aiops::policy::{Context, Policy, Risk};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/production.yml");
    Policy::load(std::path::Path::new(path)).expect("the shipped policy loads")
});

fuzz_target!(|text: &str| {
    let read = command::read(text);
    let context = Context {
        target: None,
        tags: &[],
        requester: "fuzz",
        now: chrono::DateTime::UNIX_EPOCH,
        recent: &[],
    };
    let decision = POLICY.decide(read.as_ref(), &context);
    if decision.risk == Risk::AutoAllowed {
        assert!(read.expect("an auto line was read").is_strict());
    }
});
