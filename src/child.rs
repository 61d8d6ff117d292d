//! Runs a helper program of the gate's own (a notifier, `ssh-keygen`) on hostile or secret input.
//!
//! Must never hand it anything by argument or environment that is secret, and never wait for it for ever.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Starts a program with a cleared environment and no output, gives it its input, and waits for its end.
///
/// # Errors
/// When it cannot be started, or takes longer than `limit`: then it and its children are killed.
pub fn feed(mut command: Command, input: &[u8], limit: Duration) -> Result<ExitStatus, String> {
    let mut child = command
        .env_clear()
        .envs([
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            ("LC_ALL", "C.UTF-8"),
            ("HOME", "/nonexistent"),
        ])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|e| format!("{} cannot be started: {e}", command.get_program().display()))?;
    let stdin = child.stdin.take();
    let deadline = Instant::now() + limit;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A program that does not read its input may still have done its work: its exit code tells.
            let _ = stdin.map(|mut pipe| pipe.write_all(input));
        });
        loop {
            match child.try_wait() {
                Ok(Some(status)) => {
                    // What it left behind would keep the pipe open.
                    let _ = kill_group(child.id());
                    return Ok(status);
                }
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(2))
                }
                Ok(None) => {
                    let _ = kill_group(child.id());
                    let _ = child.wait();
                    return Err(format!("it took longer than {} s", limit.as_secs()));
                }
                Err(e) => return Err(e.to_string()),
            }
        }
    })
}

fn kill_group(id: u32) -> nix::Result<()> {
    match i32::try_from(id) {
        Ok(id) if id > 1 => killpg(Pid::from_raw(id), Signal::SIGKILL),
        _ => Ok(()),
    }
}
