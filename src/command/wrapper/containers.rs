//! Commands inside containers: `docker exec`, `docker compose exec`, `kubectl exec` and their kin.
//!
//! What runs there is judged as if it ran here. It must never be taken for less because it is elsewhere.

use super::Inner;
use super::formed::sets_code;
use super::forms::{Form, PLAIN};
use super::options::{Miss, is_operand, permuted, take};
use super::shells::DYNAMIC_COMMAND;
use crate::command::call::Call;
use crate::command::word::Word;

/// `docker exec`, `podman exec`: options end at the container's name.
const EXEC: Form = Form {
    flags: "dit",
    values: "euw",
    long_flags: &[],
    // Without --env-file: a variable in it could be code for a shell.
    long_values: &["env", "user", "workdir", "detach-keys"],
    // Go's flags take `=true`.
    long_optional: &["detach", "interactive", "tty", "privileged"],
    sets: &["e", "env"],
    operands: 1,
    ..PLAIN
};

const COMPOSE: Form = Form {
    values: "fp",
    long_values: &[
        "file",
        "project-name",
        "project-directory",
        "profile",
        "env-file",
        "ansi",
    ],
    long_optional: &["compatibility"],
    ..PLAIN
};

const COMPOSE_EXEC: Form = Form {
    flags: "dT",
    long_values: &["env", "user", "workdir", "index"],
    long_optional: &["detach", "no-TTY", "no-tty", "privileged"],
    ..EXEC
};

/// `kubectl exec` takes options anywhere in front of `--`.
const KUBECTL: Form = Form {
    flags: "itq",
    values: "cn",
    long_values: &[
        "container",
        "namespace",
        "context",
        "cluster",
        "request-timeout",
        "pod-running-timeout",
    ],
    long_optional: &["stdin", "tty", "quiet"],
    ..PLAIN
};

/// What is run in a container, where the call is one that runs something there.
pub(super) fn contained(call: &Call) -> Option<Inner> {
    let word = |at: usize| call.words.get(at).and_then(Word::literal);
    let read = match call.name.base.as_str() {
        "docker" | "podman" | "nerdctl" => match (word(1), word(2)) {
            (Some("exec"), _) => behind(call, 2, &EXEC),
            (Some("container"), Some("exec")) => behind(call, 3, &EXEC),
            (Some("compose"), _) => compose(call, 2)?,
            _ => return None,
        },
        "docker-compose" | "podman-compose" => compose(call, 1)?,
        "kubectl" | "oc" => pod(call)?,
        // ip takes any beginning of its words, and `-all` needs no name.
        "ip" => match (word(1), word(2), word(3)) {
            (Some("netns" | "vrf"), Some("exec"), Some(_)) => Ok(4),
            _ if call.words.windows(2).any(|w| {
                is_beginning(&w[1], "exec")
                    && (is_beginning(&w[0], "netns") || is_beginning(&w[0], "vrf"))
            }) =>
            {
                Err(Miss::Unknown)
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(match read {
        Ok(at) if at < call.words.len() => Inner::Argv(at),
        Ok(_) => Inner::Nothing,
        Err(Miss::Dynamic) => Inner::Refused(DYNAMIC_COMMAND),
        Err(_) => Inner::Unknown,
    })
}

fn is_beginning(word: &Word, of: &str) -> bool {
    word.literal()
        .is_some_and(|text| !text.is_empty() && of.starts_with(text))
}

/// Where the command begins behind a container's name.
fn behind(call: &Call, from: usize, form: &Form) -> Result<usize, Miss> {
    let taken = take(call, from, form)?;
    if sets_code(form, &taken).is_some() {
        return Err(Miss::Dynamic);
    }
    Ok(taken.at)
}

fn compose(call: &Call, from: usize) -> Option<Result<usize, Miss>> {
    let has_exec = call.words.iter().any(|w| w.literal() == Some("exec"));
    let at = match take(call, from, &COMPOSE) {
        Ok(taken) => taken.at,
        Err(miss) => return has_exec.then_some(Err(miss)),
    };
    match call.words.get(at).and_then(Word::literal) {
        Some("exec") => Some(behind(call, at + 1, &COMPOSE_EXEC)),
        // `docker compose run`, and names that only look like the command.
        _ if has_exec => Some(Err(Miss::Unknown)),
        _ => None,
    }
}

/// `kubectl exec POD -- COMMAND`. Without `--` the options of both are mixed.
fn pod(call: &Call) -> Option<Result<usize, Miss>> {
    let exec = |w: &Word| w.literal() == Some("exec");
    if !call.words.iter().any(exec) {
        return None;
    }
    Some(permuted(call, 1, &KUBECTL).and_then(|taken| {
        match (taken.ended, taken.operands.as_slice()) {
            (Some(at), [first, pod])
                if exec(&call.words[*first]) && is_operand(&call.words[*pod]) =>
            {
                Ok(at)
            }
            _ => Err(Miss::Unknown),
        }
    }))
}
