//! Decides many commands: JSON lines in, JSON lines out. Runs nothing.

use super::{Context, Policy};
use serde::Deserialize;
use serde_json::json;
use std::io::{self, BufRead, Read, Write};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    command: String,
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    requester: Option<String>,
}

/// Longest line of input, in bytes.
const MAX_LINE: u64 = 1024 * 1024;

/// Answers each line of `input` with a line on `output`, as it comes.
///
/// # Errors
/// When input or output fail; a line that cannot be understood is answered with `error`.
pub fn stream(
    policy: &Policy,
    cx: &Context,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        writeln!(output, "{}", answer(policy, cx, &line))?;
    }
}

fn answer(policy: &Policy, cx: &Context, line: &[u8]) -> serde_json::Value {
    let question: Question = match serde_json::from_slice(line) {
        Ok(question) => question,
        Err(e) => return json!({"error": format!("not a JSON object with `command`: {e}")}),
    };
    let read = super::read(&question.command);
    let cx = Context {
        target: question.target.as_deref().or(cx.target),
        requester: question.requester.as_deref().unwrap_or(cx.requester),
        ..cx.clone()
    };
    let decision = policy.decide(read.as_ref(), &cx);
    json!({
        "command": question.command,
        "risk": decision.risk,
        "risk_level": decision.risk_level,
        "rules": decision.rules,
        "why": decision.why,
        "canonical": decision.canonical,
    })
}
