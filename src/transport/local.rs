//! Runs on this machine, as the user of the gate: for the demo and the gateway's own host.

use super::channel::Channel;
use super::{ENVIRONMENT, KEEPER, RUNNER, RunResult, RunSpec, mark, nonce, shell_word};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

pub(super) fn run(spec: &RunSpec) -> RunResult {
    let nonce = nonce();
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(RUNNER)
        .args([
            &mark(spec.run_id),
            KEEPER,
            shell_word(spec.shell),
            &spec.timeout.as_secs().to_string(),
            &nonce,
        ])
        .env_clear()
        .envs(ENVIRONMENT)
        .current_dir("/")
        .process_group(0);
    let message = format!("{}{nonce}", spec.script);
    converse(command, spec, &nonce, message.as_bytes())
}

/// Starts a runner as a child and talks to it.
pub(super) fn converse(
    mut command: Command,
    spec: &RunSpec,
    nonce: &str,
    message: &[u8],
) -> RunResult {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(e) => {
            return RunResult::not_started(format!("{}: {e}.", command.get_program().display()));
        }
    };
    let result = match channel(&mut child) {
        Ok(channel) => channel.converse(spec, nonce, message),
        Err(e) => RunResult::not_started(format!("its pipes cannot be used: {e}.")),
    };
    // The runner has nothing left to do but end; if it does not, its time limit still holds on its own.
    let _ = child
        .try_wait()
        .ok()
        .flatten()
        .map_or_else(|| reap(&mut child), |_| Ok(()));
    result
}

fn reap(child: &mut Child) -> io::Result<()> {
    for _ in 0..20 {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Ok(())
}

fn channel(child: &mut Child) -> io::Result<Channel> {
    let missing = || io::Error::other("a pipe is missing");
    let stdin: OwnedFd = child.stdin.take().ok_or_else(missing)?.into();
    let stdout: OwnedFd = child.stdout.take().ok_or_else(missing)?.into();
    let stderr: OwnedFd = child.stderr.take().ok_or_else(missing)?.into();
    Channel::new(stdin, stdout, stderr)
}
