//! Tells one person about a question, past the agent: by a program, by mail, or by a webhook.
//!
//! Must never put a one-time code where others can read it: not in an argument, not in the
//! environment, not in a log, and not in what is told of a failure.

mod mail;
mod webhook;

use crate::config::Channel;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// How long one channel may take.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// What a person is told.
#[derive(Debug)]
pub struct Notice {
    /// One line, without a secret in it.
    pub subject: String,
    /// The full question, and the code to reply with.
    pub text: String,
    /// The same for programs.
    pub json: serde_json::Value,
    /// Whether the risk is high.
    pub urgent: bool,
}

/// Sends it.
///
/// # Errors
/// Why it was not taken, without anything of the notice or of the channel's secrets.
pub fn send(channel: &Channel, notice: &Notice) -> Result<(), String> {
    match channel {
        Channel::Program(program) => {
            let command = trusted(program)?;
            let ended = feed(command, notice.json.to_string().as_bytes())?;
            if ended.success() {
                Ok(())
            } else {
                Err(format!("the program ended with {ended}"))
            }
        }
        Channel::Mail { sendmail, to, from } => mail::send(sendmail, to, from.as_deref(), notice),
        Channel::Post {
            shape,
            url,
            token_file,
            chat,
        } => webhook::send(*shape, url, token_file.as_deref(), chat.as_deref(), notice),
    }
}

/// A program that nobody but root or ourselves can have written.
fn trusted(program: &Path) -> Result<Command, String> {
    let name = program.display();
    let path = program.canonicalize().map_err(|e| format!("{name}: {e}"))?;
    let meta = std::fs::metadata(&path).map_err(|e| format!("{name}: {e}"))?;
    let own = nix::unistd::geteuid().as_raw();
    if !meta.is_file() || (meta.uid() != 0 && meta.uid() != own) || meta.mode() & 0o022 != 0 {
        return Err(format!(
            "{name}: it must belong to root or the gate's user, and nobody else may write it"
        ));
    }
    // Started under the name it was given: some programs (sendmail) are what they are called.
    Ok(Command::new(program))
}

fn feed(command: Command, input: &[u8]) -> Result<ExitStatus, String> {
    crate::child::feed(command, input, TIME_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    fn notice() -> Notice {
        Notice {
            subject: "s".into(),
            text: "Approval required\nReply: Approve SECRET".into(),
            json: serde_json::json!({"one_time_code": "SECRET"}),
            urgent: false,
        }
    }

    fn script(dir: &Path, text: &str) -> Channel {
        let path = dir.join("n.sh");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        Channel::Program(path)
    }

    #[test]
    fn a_program_gets_json_and_nothing_of_it_shows_in_a_failure() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let good = script(
            dir.path(),
            &format!("#!/bin/sh\ncat > {0}\nenv > {0}.env\n", out.display()),
        );
        send(&good, &notice()).unwrap();
        assert_eq!(
            std::fs::read_to_string(&out).unwrap(),
            r#"{"one_time_code":"SECRET"}"#
        );
        let env = std::fs::read_to_string(dir.path().join("out.env")).unwrap();
        assert!(!env.contains("CARGO") && !env.contains("SECRET"), "{env}");
        let bad = script(dir.path(), "#!/bin/sh\ncat >&2; exit 7\n");
        let why = send(&bad, &notice()).unwrap_err();
        assert!(why.contains('7') && !why.contains("SECRET"), "{why}");
        let deaf = script(dir.path(), "#!/bin/sh\nexec <&-\nsleep 100 &\nexit 0\n");
        let began = Instant::now();
        send(
            &deaf,
            &Notice {
                json: "x".repeat(1 << 20).into(),
                ..notice()
            },
        )
        .unwrap();
        assert!(
            began.elapsed() < TIME_LIMIT,
            "what it left behind is not waited for"
        );
    }

    #[test]
    fn a_program_that_others_can_write_is_not_started() {
        let dir = tempfile::tempdir().unwrap();
        let channel = script(dir.path(), "#!/bin/sh\nexit 0\n");
        std::fs::set_permissions(
            dir.path().join("n.sh"),
            std::fs::Permissions::from_mode(0o722),
        )
        .unwrap();
        assert!(
            send(&channel, &notice())
                .unwrap_err()
                .contains("nobody else may write")
        );
    }
}
