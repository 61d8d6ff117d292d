//! Plays the whole story in a throwaway folder, for somebody who has just built the program.
//!
//! Needs no root, sshd or set-up: the target is this machine over the `local` transport, the
//! commands are harmless, and each step runs this very program as a user would, so that what is
//! shown is what happens. Must never touch anything outside its folder.

use serde_json::Value;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A step that did not go as told.
#[derive(Debug)]
pub struct Failed(String);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Failed {
    fn from(e: io::Error) -> Failed {
        Failed(e.to_string())
    }
}

/// Plays the story, writing it to `out`.
///
/// # Errors
/// When a step does not go as told, or the folder cannot be made.
pub fn play(out: &mut impl Write) -> Result<(), Failed> {
    let stage = Stage::build()?;
    let result = story(&stage, out);
    fs::remove_dir_all(&stage.dir).ok();
    result
}

fn story(stage: &Stage, out: &mut impl Write) -> Result<(), Failed> {
    let mark = stage.dir.join("mark");
    let mark_text = mark.display();
    writeln!(
        out,
        "A private gate in {}; its target `here` is this machine (transport: local).",
        stage.dir.display()
    )?;

    title(out, "1. A harmless command runs at once")?;
    expect(
        &stage.send(out, &request("uptime", "healthcheck"))?,
        "executed",
    )?;

    title(
        out,
        "2. A command that changes something waits; a human approves",
    )?;
    let asked = stage.send(out, &request(&format!("touch {mark_text}"), "leave a mark"))?;
    expect(&asked, "approval_requested")?;
    writeln!(
        out,
        "\n--- what the human sees in the chat:\n{}",
        asked["display"].as_str().unwrap_or_default()
    )?;
    holds(!mark.exists(), "nothing runs before it is approved")?;
    expect(&stage.send(out, "Approve")?, "executed")?;
    holds(mark.exists(), "the approved command ran")?;

    title(out, "3. A human denies")?;
    expect(
        &stage.send(out, &request(&format!("rm {mark_text}"), "tidy up"))?,
        "approval_requested",
    )?;
    expect(&stage.send(out, "Deny")?, "denied")?;
    holds(mark.exists(), "the denied command did not run")?;

    title(out, "4. The policy forbids: nobody is asked")?;
    expect(
        &stage.send(
            out,
            &request("mkfs.ext4 /dev/aiops-no-such-disk", "make room"),
        )?,
        "rejected",
    )?;

    title(out, "5. Two requests wait: a bare Approve is ambiguous")?;
    let first = stage.send(out, &request(&format!("touch {mark_text}.1"), "first"))?;
    let second = stage.send(out, &request(&format!("touch {mark_text}.2"), "second"))?;
    expect(&stage.send(out, "Approve")?, "ambiguous")?;
    expect(
        &stage.send(out, &format!("Approve {}", code(&first)))?,
        "executed",
    )?;
    expect(
        &stage.send(out, &format!("Deny {}", code(&second)))?,
        "denied",
    )?;

    title(
        out,
        "6. Past the agent: a one-time code goes to the human alone",
    )?;
    stage.send_codes_to_alice()?;
    let asked = stage.send(out, &request(&format!("touch {mark_text}.3"), "third"))?;
    expect(&asked, "approval_requested")?;
    writeln!(out, "\n--- the agent tries it on its own:")?;
    expect(&stage.send(out, "Approve")?, "not_authorized")?;
    let notice = fs::read_to_string(stage.dir.join("alice"))?;
    let notice: Value = serde_json::from_str(&notice)
        .map_err(|e| Failed(format!("what alice got is not JSON: {e}")))?;
    writeln!(
        out,
        "\n--- what alice's phone shows:\n{}\n--- she types it into the chat, and the agent can only relay it:",
        notice["text"].as_str().unwrap_or_default()
    )?;
    let code = notice["one_time_code"].as_str().unwrap_or_default();
    expect(&stage.send(out, &format!("Approve {code}"))?, "executed")?;

    title(out, "7. Everything is on record")?;
    stage.show(out, &["audit", "tail"])?;
    holds(stage.show(out, &["audit", "verify"])?, "the log verifies")?;

    title(out, "8. Somebody changes one byte of the log")?;
    stage.forge()?;
    writeln!(out, "(in record 1, one letter of the command was changed)")?;
    holds(
        !stage.show(out, &["audit", "verify"])?,
        "the changed log does not verify",
    )?;
    writeln!(out, "\nThat is all. The folder is removed.")?;
    Ok(())
}

struct Stage {
    dir: PathBuf,
    program: PathBuf,
}

impl Stage {
    fn build() -> Result<Stage, Failed> {
        let dir = std::env::temp_dir().join(format!("aiops-demo-{}", uuid::Uuid::new_v4()));
        fs::DirBuilder::new().mode(0o700).create(&dir)?;
        crate::shipped::write_to(&dir.join("policies"))?;
        let config = "version: 1\npolicy: policies/lab.yml\nstate_dir: runtime\naudit_log: audit.jsonl\n\
                      targets:\n  here:\n    transport: local\n    tags: [demo]\n";
        write_private(&dir.join("config.yml"), config)?;
        Ok(Stage {
            dir,
            program: std::env::current_exe()?,
        })
    }

    /// From here on only a code counts that was sent past the agent: here by a program that writes a file.
    fn send_codes_to_alice(&self) -> Result<(), Failed> {
        let policy = self.dir.join("policies/lab.yml");
        let text = fs::read_to_string(&policy)?.replace("methods: [relay, ", "methods: [");
        write_private(&policy, &text)?;
        let script = self.dir.join("to-alice");
        let phone = self.dir.join("alice");
        write_private(&script, &format!("#!/bin/sh\ncat >{}\n", phone.display()))?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700))?;
        let config = self.dir.join("config.yml");
        let more = format!(
            "approvers: {{ alice: {{ notify: [phone] }} }}\nnotifiers: {{ phone: {{ type: program, program: {} }} }}\n",
            script.display()
        );
        let text = fs::read_to_string(&config)? + &more;
        write_private(&config, &text)?;
        Ok(())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .arg("--config")
            .arg(self.dir.join("config.yml"));
        command
    }

    /// Sends one message through the gate, showing the line a user would type and the outcome.
    fn send(&self, out: &mut impl Write, message: &str) -> Result<Value, Failed> {
        writeln!(out, "\n$ echo '{message}' | aiops run")?;
        let mut child = self
            .command(&["run"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(message.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        let outcome: Value = serde_json::from_slice(&output.stdout)
            .map_err(|e| Failed(format!("the gate's answer is not JSON: {e}")))?;
        writeln!(
            out,
            "{}",
            serde_json::to_string_pretty(&brief(&outcome)).unwrap_or_default()
        )?;
        Ok(outcome)
    }

    fn show(&self, out: &mut impl Write, args: &[&str]) -> Result<bool, Failed> {
        writeln!(out, "\n$ aiops {}", args.join(" "))?;
        let output = self.command(args).output()?;
        out.write_all(&output.stdout)?;
        out.write_all(&output.stderr)?;
        Ok(output.status.success())
    }

    fn forge(&self) -> Result<(), Failed> {
        let path = self.dir.join("audit.jsonl");
        let text = fs::read_to_string(&path)?;
        fs::write(&path, text.replacen("uptime", "uptimf", 1))?;
        Ok(())
    }
}

/// The fields a person looks at first.
fn brief(outcome: &Value) -> Value {
    let mut brief = serde_json::Map::new();
    for key in [
        "status",
        "risk",
        "risk_level",
        "command",
        "message",
        "approval_code",
        "exit_code",
        "stdout",
        "pending",
        "audit_seq",
    ] {
        if let Some(value) = outcome.get(key) {
            brief.insert(key.to_owned(), value.clone());
        }
    }
    Value::Object(brief)
}

fn request(command: &str, reason: &str) -> String {
    serde_json::json!({"target": "here", "command": command, "requester": "demo", "reason": reason})
        .to_string()
}

fn code(outcome: &Value) -> &str {
    outcome["approval_code"].as_str().unwrap_or_default()
}

fn title(out: &mut impl Write, text: &str) -> io::Result<()> {
    writeln!(out, "\n== {text}")
}

fn expect(outcome: &Value, status: &str) -> Result<(), Failed> {
    holds(
        outcome["status"] == status,
        &format!(
            "status {status}, not {}: {}",
            outcome["status"], outcome["message"]
        ),
    )
}

fn holds(truth: bool, what: &str) -> Result<(), Failed> {
    if truth {
        Ok(())
    } else {
        Err(Failed(format!("the demo expected: {what}")))
    }
}

/// Writes a file that nobody else can write, whatever the umask.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}
