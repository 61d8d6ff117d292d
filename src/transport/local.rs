//! Runs on this machine, as the user of the gate: for the demo and the gateway's own host.

use super::channel::{Channel, Said};
use super::{ENVIRONMENT, RunResult, RunSpec, keeper, mark, nonce, shell_word};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

/// A keeper that waits for its line.
pub(super) struct Way {
    nonce: String,
    message: Vec<u8>,
    started: Result<Started, String>,
}

struct Started {
    child: Child,
    channel: Channel,
}

pub(super) fn open(spec: &RunSpec) -> Way {
    let nonce = nonce();
    let (keeper, message) = keeper(spec, &nonce);
    let mut command = Command::new("timeout");
    command
        .args(["-k", "2", &spec.timeout.as_secs().to_string()])
        .args(["/bin/sh", "-c", &keeper, &mark(spec.run_id)])
        .args([shell_word(spec.shell), &nonce])
        .env_clear()
        .envs(ENVIRONMENT)
        .current_dir("/")
        .process_group(0);
    Way {
        nonce,
        message,
        started: start(command),
    }
}

pub(super) fn run(spec: &RunSpec, way: Way) -> RunResult {
    match way.started {
        Ok(started) => started.converse(spec, &way.nonce, &way.message),
        Err(why) => RunResult::not_started(why),
    }
}

/// Starts a keeper as a child and talks to it.
pub(super) fn converse(command: Command, spec: &RunSpec, nonce: &str, message: &[u8]) -> RunResult {
    match start(command) {
        Ok(started) => started.converse(spec, nonce, message),
        Err(why) => RunResult::not_started(why),
    }
}

fn start(mut command: Command) -> Result<Started, String> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| {
        let program = command.get_program().display();
        format!("{program}: {e}.")
    })?;
    match channel(&mut child) {
        Ok(channel) => Ok(Started { child, channel }),
        Err(e) => Err(format!("its pipes cannot be used: {e}.")),
    }
}

impl Started {
    fn converse(mut self, spec: &RunSpec, nonce: &str, message: &[u8]) -> RunResult {
        let said: Said = self.channel.converse(spec, nonce, message);
        // The keeper has nothing left to do but end; if it does not, its time limit still holds on its own.
        let status = reap(&mut self.child).ok().flatten();
        said.judge(status.and_then(|s| s.code().or_else(|| s.signal().map(|n| 128 + n))))
    }
}

fn reap(child: &mut Child) -> io::Result<Option<std::process::ExitStatus>> {
    for _ in 0..100 {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    Ok(None)
}

fn channel(child: &mut Child) -> io::Result<Channel> {
    let missing = || io::Error::other("a pipe is missing");
    let stdin: OwnedFd = child.stdin.take().ok_or_else(missing)?.into();
    let stdout: OwnedFd = child.stdout.take().ok_or_else(missing)?.into();
    let stderr: OwnedFd = child.stderr.take().ok_or_else(missing)?.into();
    Channel::new(stdin, stdout, stderr)
}
