//! What comes in on stdin: one request or one reply, and nothing else.
//!
//! Must never guess: a message that is not exactly one of the two is an error that says what
//! was expected. Everything here was written by the agent and is not to be believed, `requester` included.

use serde::Deserialize;
use std::fmt;
use std::io::Read;

/// Largest message that is read, in bytes.
pub const MAX_MESSAGE: usize = 64 * 1024;
/// How much of an oversized message is read and thrown away, so that its writer sees our answer
/// and not a broken pipe.
const MAX_DRAIN: u64 = 64 * 1024 * 1024;

const MAX_LABEL: usize = 256;
const MAX_REASON: usize = 4096;
const MAX_SIGNATURE: usize = 16 * 1024;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The agent asks for a command to be run.
    Request(Request),
    /// A human's answer, relayed.
    Reply(Reply),
}

/// A request to run a command on a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Name of a configured target, exactly.
    pub target: String,
    /// The shell command line.
    pub command: String,
    /// Who asks, by the agent's own word: a label, not an identity.
    pub requester: String,
    /// Why, by the agent's own word.
    pub reason: String,
    /// Idempotency key: 1 to 128 of `A-Z a-z 0-9 . _ : -`.
    pub request_id: Option<String>,
    /// The chat conversation.
    pub session: Option<String>,
    /// Time limit in seconds; the configuration's default and maximum apply.
    pub timeout_s: Option<u64>,
    /// Decide and explain, run and store nothing.
    pub dry_run: bool,
}

/// What a human answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Run it.
    Approve,
    /// Do not run it.
    Deny,
    /// The requester takes the request back.
    Cancel,
}

/// A human's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Approve, deny or cancel.
    pub verdict: Verdict,
    /// The approval's short code (lower case) or id; none for a bare reply.
    pub approval: Option<String>,
    /// Who answers, by the relayer's word.
    pub approver: Option<String>,
    /// A one-time code or password.
    pub code: Option<String>,
    /// An SSH signature over the approval, armored (ssh-keygen(1), `-Y sign`).
    pub signature: Option<String>,
    /// A remark for the record.
    pub comment: Option<String>,
    /// The chat conversation the answer came from.
    pub session: Option<String>,
}

/// The input could not be understood. Its text says what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(pub String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

/// Reads one message from `input` to its end.
///
/// # Errors
/// [`Invalid`] when the input is empty, too long, not UTF-8, or neither a request nor a reply.
pub fn read(input: &mut impl Read) -> Result<Message, Invalid> {
    let mut bytes = Vec::new();
    input
        .by_ref()
        .take(MAX_MESSAGE as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Invalid(format!("standard input cannot be read: {e}")))?;
    if bytes.len() > MAX_MESSAGE {
        // The content no longer matters, only that the writer can finish.
        let _ = std::io::copy(&mut input.take(MAX_DRAIN), &mut std::io::sink());
        return Err(Invalid(format!(
            "the message is longer than {MAX_MESSAGE} bytes: send a shorter one"
        )));
    }
    let text = std::str::from_utf8(&bytes).map_err(|e| {
        Invalid(format!(
            "the message is not UTF-8: byte {} does not fit",
            e.valid_up_to()
        ))
    })?;
    parse(text)
}

/// Understands one message.
///
/// # Errors
/// [`Invalid`] when it is neither a request nor a reply.
pub fn parse(text: &str) -> Result<Message, Invalid> {
    let trimmed = text.trim_matches([' ', '\t', '\r', '\n']);
    if trimmed.is_empty() {
        return Err(Invalid(format!("the message is empty: {EXPECTED}")));
    }
    if trimmed.starts_with('{') {
        return parse_json(trimmed);
    }
    parse_plain(trimmed).map(Message::Reply).ok_or_else(|| {
        Invalid(format!(
            "the message is neither a JSON object nor a reply: {EXPECTED}"
        ))
    })
}

const EXPECTED: &str = "expected one JSON request such as {\"target\":\"srv1\",\"command\":\"uptime\",\
\"requester\":\"manual\",\"reason\":\"healthcheck\"}, or a reply: Approve, Deny, Cancel, each with an optional code";

/// Keeps `null` from standing for "absent": a field that is there must have its type.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// The fields of both kinds of message. serde refuses unknown fields and duplicates by name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default, deserialize_with = "present")]
    target: Option<String>,
    #[serde(default, deserialize_with = "present")]
    command: Option<String>,
    #[serde(default, deserialize_with = "present")]
    requester: Option<String>,
    #[serde(default, deserialize_with = "present")]
    reason: Option<String>,
    #[serde(default, deserialize_with = "present")]
    request_id: Option<String>,
    #[serde(default, deserialize_with = "present")]
    session: Option<String>,
    #[serde(default, deserialize_with = "present")]
    timeout_s: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    dry_run: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    reply: Option<String>,
    #[serde(default, deserialize_with = "present")]
    approval: Option<String>,
    #[serde(default, deserialize_with = "present")]
    approver: Option<String>,
    #[serde(default, deserialize_with = "present")]
    code: Option<String>,
    #[serde(default, deserialize_with = "present")]
    signature: Option<String>,
    #[serde(default, deserialize_with = "present")]
    comment: Option<String>,
}

fn parse_json(text: &str) -> Result<Message, Invalid> {
    let raw: Raw = serde_json::from_str(text)
        .map_err(|e| Invalid(format!("the message is not a valid request or reply: {e}")))?;
    if raw.reply.is_some() {
        json_reply(raw).map(Message::Reply)
    } else {
        json_request(raw).map(Message::Request)
    }
}

fn refuse_fields(kind: &str, fields: &[(&str, bool)]) -> Result<(), Invalid> {
    match fields.iter().find(|(_, there)| *there) {
        Some((name, _)) => Err(Invalid(format!(
            "field `{name}` does not belong in a {kind}"
        ))),
        None => Ok(()),
    }
}

fn json_request(raw: Raw) -> Result<Request, Invalid> {
    let required = |name: &str, value: Option<String>| {
        value.ok_or_else(|| {
            Invalid(format!(
                "field `{name}` is missing: a request has target, command, requester and reason"
            ))
        })
    };
    refuse_fields(
        "request (and there is no `reply`)",
        &[
            ("approval", raw.approval.is_some()),
            ("approver", raw.approver.is_some()),
            ("code", raw.code.is_some()),
            ("signature", raw.signature.is_some()),
            ("comment", raw.comment.is_some()),
        ],
    )?;
    let request = Request {
        target: required("target", raw.target)?,
        command: required("command", raw.command)?,
        requester: required("requester", raw.requester)?,
        reason: required("reason", raw.reason)?,
        request_id: raw.request_id,
        session: raw.session,
        timeout_s: raw.timeout_s,
        dry_run: raw.dry_run.unwrap_or(false),
    };
    label("target", &request.target, MAX_LABEL)?;
    if request.command.trim_matches([' ', '\t', '\n']).is_empty() {
        return Err(Invalid(
            "field `command` is empty: there is nothing to run".into(),
        ));
    }
    label("requester", &request.requester, MAX_LABEL)?;
    at_most("reason", &request.reason, MAX_REASON)?;
    if let Some(session) = &request.session {
        label("session", session, MAX_LABEL)?;
    }
    if let Some(id) = &request.request_id {
        identifier("request_id", id)?;
    }
    if request.timeout_s == Some(0) {
        return Err(Invalid(
            "field `timeout_s` is 0: give at least one second".into(),
        ));
    }
    Ok(request)
}

fn json_reply(raw: Raw) -> Result<Reply, Invalid> {
    refuse_fields(
        "reply",
        &[
            ("target", raw.target.is_some()),
            ("command", raw.command.is_some()),
            ("requester", raw.requester.is_some()),
            ("reason", raw.reason.is_some()),
            ("request_id", raw.request_id.is_some()),
            ("timeout_s", raw.timeout_s.is_some()),
            ("dry_run", raw.dry_run.is_some()),
        ],
    )?;
    let word = raw.reply.unwrap_or_default();
    let verdict = verdict(
        word.trim_matches([' ', '\t', '\r', '\n'])
            .trim_end_matches(['.', '!']),
    )
    .ok_or_else(|| Invalid("field `reply` must be \"approve\", \"deny\" or \"cancel\"".into()))?;
    let approval = match raw.approval {
        Some(text) => {
            identifier("approval", &text)?;
            Some(text.to_ascii_lowercase())
        }
        None => None,
    };
    for (name, value) in [
        ("approver", &raw.approver),
        ("code", &raw.code),
        ("session", &raw.session),
    ] {
        if let Some(value) = value {
            label(name, value, MAX_LABEL)?;
        }
    }
    if let Some(comment) = &raw.comment {
        at_most("comment", comment, MAX_REASON)?;
    }
    if let Some(signature) = &raw.signature {
        at_most("signature", signature, MAX_SIGNATURE)?;
        if raw.code.is_some() {
            return Err(Invalid(
                "fields `code` and `signature` are two proofs: give one".into(),
            ));
        }
    }
    Ok(Reply {
        verdict,
        approval,
        approver: raw.approver,
        code: raw.code,
        signature: raw.signature,
        comment: raw.comment,
        session: raw.session,
    })
}

fn verdict(word: &str) -> Option<Verdict> {
    if word.eq_ignore_ascii_case("approve") {
        Some(Verdict::Approve)
    } else if word.eq_ignore_ascii_case("deny") {
        Some(Verdict::Deny)
    } else if word.eq_ignore_ascii_case("cancel") {
        Some(Verdict::Cancel)
    } else {
        None
    }
}

/// `Approve`, `Approve k7fq`, `Approve 7K3F-Q2`, `Approve k7fq 123456`: the whole message, nothing else in it.
fn parse_plain(text: &str) -> Option<Reply> {
    let text = text.strip_suffix(['.', '!']).unwrap_or(text);
    let mut words = text.split([' ', '\t']).filter(|w| !w.is_empty());
    let verdict = verdict(words.next()?)?;
    let rest: Vec<&str> = words.collect();
    if !rest.iter().all(|w| is_identifier(w)) {
        return None;
    }
    let (approval, code) = match rest.as_slice() {
        [] => (None, None),
        [one] if is_approval_selector(one) => (Some(*one), None),
        [one] => (None, Some(*one)),
        [first, second] if is_approval_selector(first) => (Some(*first), Some(*second)),
        _ => return None,
    };
    Some(Reply {
        verdict,
        approval: approval.map(str::to_ascii_lowercase),
        approver: None,
        code: code.map(str::to_owned),
        signature: None,
        comment: None,
        session: None,
    })
}

/// Short codes have four characters and ids 36; one-time codes have other lengths.
fn is_approval_selector(word: &str) -> bool {
    word.len() == 4 || word.len() == 36
}

fn is_identifier(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'))
}

fn identifier(name: &str, text: &str) -> Result<(), Invalid> {
    if is_identifier(text) {
        return Ok(());
    }
    Err(Invalid(format!(
        "field `{name}` must be 1 to 128 of the characters A-Z a-z 0-9 . _ : -"
    )))
}

fn at_most(name: &str, text: &str, max: usize) -> Result<(), Invalid> {
    if text.len() > max {
        return Err(Invalid(format!(
            "field `{name}` is longer than {max} bytes"
        )));
    }
    Ok(())
}

fn label(name: &str, text: &str, max: usize) -> Result<(), Invalid> {
    if text.trim().is_empty() {
        return Err(Invalid(format!("field `{name}` is empty")));
    }
    at_most(name, text, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> Reply {
        match parse(text) {
            Ok(Message::Reply(r)) => r,
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    fn error(text: &str) -> String {
        match parse(text) {
            Err(e) => e.0,
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    #[test]
    fn the_contract_s_own_request_is_read() {
        let text =
            r#"{"target":"srv1","command":"uptime","requester":"manual","reason":"healthcheck"}"#;
        let Ok(Message::Request(r)) = parse(text) else {
            panic!()
        };
        assert_eq!((r.target.as_str(), r.command.as_str()), ("srv1", "uptime"));
        assert!(!r.dry_run);
    }

    #[test]
    fn replies_ignore_case_space_and_one_final_mark() {
        for text in ["Approve", "approve", " APPROVE \n", "Approve.", "approve!"] {
            assert_eq!(reply(text).verdict, Verdict::Approve, "{text:?}");
            assert_eq!(reply(text).approval, None);
        }
        assert_eq!(reply("Deny K7FQ.").approval.as_deref(), Some("k7fq"));
        assert_eq!(reply("Approve 7K3F-Q2").code.as_deref(), Some("7K3F-Q2"));
        let both = reply("approve k7fq 123456");
        assert_eq!(
            (both.approval.as_deref(), both.code.as_deref()),
            (Some("k7fq"), Some("123456"))
        );
        assert_eq!(
            reply(r#"{"reply":"approve","approval":"k7fq","approver":"alice"}"#)
                .approver
                .as_deref(),
            Some("alice")
        );
    }

    #[test]
    fn what_merely_contains_a_reply_is_not_one() {
        for text in [
            "I don't Approve",
            "Approve?",
            "Approve all of it",
            "> Approve",
            "Approved",
            "approve\napprove",
            "Approve k7fq 123456 now",
            "Аpprove",
            "Approve\u{200b}",
            "yes",
            "\"Approve\"",
            "[]",
            "null",
        ] {
            assert!(parse(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn malformed_requests_are_named() {
        assert!(error("").contains("empty"));
        assert!(error(r#"{"target":"a"}"#).contains("`command`"));
        assert!(
            error(r#"{"target":"a","command":"x","command":"y","requester":"r","reason":""}"#)
                .contains("duplicate field `command`")
        );
        assert!(error(r#"{"target":"a","Command":"x"}"#).contains("unknown field `Command`"));
        assert!(error(r#"{"target":null}"#).contains("null"));
        assert!(error(r#"{"target":["a"]}"#).contains("string"));
        assert!(error(r#"{"reply":"approve","command":"x"}"#).contains("`command`"));
        assert!(
            error(r#"{"target":"a","command":"x","requester":"r","reason":"y"} {}"#)
                .contains("trailing")
        );
        assert!(
            error(r#"{"target":"a","command":"x","requester":"r","reason":"y","approver":"me"}"#)
                .contains("`approver`")
        );
        assert!(
            error(r#"{"target":"a","command":" ","requester":"r","reason":"y"}"#)
                .contains("nothing to run")
        );
        assert!(
            error(r#"{"target":"a","command":"\ud800","requester":"r","reason":"y"}"#)
                .contains("hex escape")
        );
    }

    #[test]
    fn a_long_message_is_refused_whole() {
        let mut input = std::io::repeat(b'x').take(10 << 20);
        assert!(read(&mut input).unwrap_err().0.contains("65536"));
        assert_eq!(input.limit(), 0, "the writer could finish");
    }
}
