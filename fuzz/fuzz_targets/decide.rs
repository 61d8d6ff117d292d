//! No line breaks the shipped policy; what is auto is strict, or comes to the same when it is read and decided again.
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
    if decision.risk != Risk::AutoAllowed || read.is_ok_and(|r| r.is_strict()) {
        return;
    }
    let canonical = decision.canonical.expect("an auto line has a canonical form");
    let again = POLICY.decide(command::read(&canonical).as_ref(), &context);
    assert_eq!(again.risk, Risk::AutoAllowed, "{canonical}");
    assert_eq!(again.canonical.as_ref(), Some(&canonical));
});
