//! Runs planned work: a process group of its own, limits, a clean environment, an end in time.
//!
//! Two processes: the supervisor (root) starts the executor, the leader of a new process group, and
//! waits no longer than the time limit; the executor starts the programs. So the whole group can be
//! ended at once, and programs that read nothing of ours cannot hold the supervisor up.

use super::work::{Pipeline, Redirect, Stage, When, Work};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How the work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit code, as a shell would give it.
    Exited(i32),
    /// By the time limit.
    TimedOut,
}

/// The most that the names of a pattern may take, in bytes.
const NAMES: u64 = 64 * 1024;
/// How long programs have between the request to end and the end.
const PATIENCE: Duration = Duration::from_secs(2);

/// The environment of everything that runs under the guard.
const ENVIRONMENT: [(&str, &str); 28] = crate::transport::ENVIRONMENT;

/// Runs it as the supervisor.
///
/// # Errors
/// When the executor cannot be started: then nothing ran.
pub fn supervise(work: &Work, timeout: Duration, note: &Path) -> io::Result<End> {
    // Locked for as long as this process lives: by it `end` knows a run under way from a dead one.
    let mut running = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(note)?;
    running.lock()?;
    let end = start_and_wait(work, timeout, &mut running);
    let _ = std::fs::remove_file(note);
    end
}

/// Ends a run under way: first politely, then for good. False where there is no such run.
///
/// # Errors
/// When its note cannot be read.
pub fn end(note: &Path) -> io::Result<bool> {
    let mut file = match std::fs::File::open(note) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    if file.try_lock().is_ok() {
        // Its supervisor is dead.
        std::fs::remove_file(note)?;
        return Ok(false);
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let Ok(group) = text.trim().parse::<i32>() else {
        // Not begun yet, or this very moment: the caller asks again.
        return Ok(false);
    };
    let group = Pid::from_raw(group);
    let _ = killpg(group, Signal::SIGTERM);
    for _ in 0..20 {
        if killpg(group, None) == Err(nix::errno::Errno::ESRCH) {
            return Ok(true);
        }
        std::thread::sleep(PATIENCE / 20);
    }
    let _ = killpg(group, Signal::SIGKILL);
    Ok(true)
}

fn start_and_wait(work: &Work, timeout: Duration, running: &mut std::fs::File) -> io::Result<End> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["guard", "--execute"])
        .env_clear()
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .spawn()?;
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    // The executor waits for its work: nothing runs before the note is written.
    if let Err(e) = running.write_all(group.as_raw().to_string().as_bytes()) {
        let _ = child.kill();
        let _ = child.wait();
        return Err(e);
    }
    if let Some(mut stdin) = child.stdin.take() {
        // Should it have died already, its exit status says so.
        let _ = stdin.write_all(&serde_json::to_vec(work)?);
    }
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait()));
    if let Ok(status) = ended.recv_timeout(timeout) {
        return Ok(End::Exited(code(status?)));
    }
    let _ = killpg(group, Signal::SIGTERM);
    let _ = ended.recv_timeout(PATIENCE);
    // Also what ignored the request, and what its parent left behind.
    let _ = killpg(group, Signal::SIGKILL);
    Ok(End::TimedOut)
}

/// The names that a pattern stands for, as the login user sees them; the pattern itself where there are none.
///
/// # Errors
/// When they cannot be listed, are too many, or are not text.
pub fn names(pattern: &str, user: &str) -> Result<Vec<String>, String> {
    let script = format!("for f in {pattern}; do printf '%s\\0' \"$f\"; done");
    let down = down(user).map_err(|e| e.to_string())?;
    let (program, arguments) = down.split_first().ok_or("no setpriv")?;
    let mut child = Command::new(program)
        .args(arguments)
        .args([
            "/usr/bin/timeout",
            "-k",
            "1",
            "10",
            "/bin/sh",
            "-c",
            &script,
        ])
        .env_clear()
        .envs(ENVIRONMENT)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("/usr/bin/setpriv: {e}"))?;
    let mut found = Vec::new();
    if let Some(out) = child.stdout.take() {
        out.take(NAMES + 1)
            .read_to_end(&mut found)
            .map_err(|e| e.to_string())?;
    }
    let _ = child.kill();
    let _ = child.wait();
    if found.len() as u64 > NAMES || found.last() != Some(&0) {
        return Err("the pattern stands for too many names, or they cannot be listed".into());
    }
    found.pop();
    String::from_utf8(found)
        .map(|text| text.split('\0').map(str::to_owned).collect())
        .map_err(|_| "a name that the pattern stands for is not text".into())
}

/// The executor: reads its work from standard input; the result is its exit code.
///
/// # Errors
/// When the work cannot be read.
pub fn execute() -> io::Result<i32> {
    let mut text = Vec::new();
    io::stdin().lock().read_to_end(&mut text)?;
    let work: Work = serde_json::from_slice(&text)?;
    // No program may leave an image of its memory behind.
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    if !work.asked {
        let most = crate::transport::most_data();
        // A lower limit that is there already stays.
        let _ = setrlimit(Resource::RLIMIT_DATA, most, most);
        let most = crate::transport::MOST_FILE;
        let _ = setrlimit(Resource::RLIMIT_FSIZE, most, most);
    }
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let mut last = 0;
    for pipeline in &work.pipelines {
        let runs = match pipeline.when {
            When::Always => true,
            When::Succeeded => last == 0,
            When::Failed => last != 0,
        };
        if runs {
            last = run_pipeline(pipeline, &work.user);
        }
    }
    Ok(last)
}

/// The exit code of the last program, as a shell gives it.
fn run_pipeline(pipeline: &Pipeline, user: &str) -> i32 {
    let mut children: Vec<Child> = Vec::new();
    let mut input: Option<OwnedFd> = None;
    let mut last = 0;
    let count = pipeline.stages.len();
    for (index, stage) in pipeline.stages.iter().enumerate() {
        let (output, next) = if index + 1 < count {
            match io::pipe() {
                Ok((reader, writer)) => (Some(OwnedFd::from(writer)), Some(OwnedFd::from(reader))),
                Err(e) => return complain(stage, &e, 126),
            }
        } else {
            (None, None)
        };
        match start(stage, user, input.take(), output) {
            Ok(child) => {
                children.push(child);
                last = 0;
            }
            Err(e) => {
                let status = if e.kind() == io::ErrorKind::NotFound {
                    127
                } else {
                    126
                };
                last = complain(stage, &e, status);
            }
        }
        input = next;
    }
    drop(input);
    let failed_last = last;
    for mut child in children {
        last = child.wait().map_or(126, code);
    }
    if failed_last == 0 { last } else { failed_last }
}

fn complain(stage: &Stage, error: &io::Error, status: i32) -> i32 {
    let name = stage.argv.first().map_or("", String::as_str);
    let _ = writeln!(io::stderr(), "{}: {error}", crate::display::escape(name));
    status
}

/// Where a descriptor leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    Out,
    Err,
    Null,
}

fn start(
    stage: &Stage,
    user: &str,
    input: Option<OwnedFd>,
    output: Option<OwnedFd>,
) -> io::Result<Child> {
    let mut argv = stage.argv.clone();
    let mut own = stage.env.as_slice();
    if !stage.root && nix::unistd::geteuid().is_root() {
        let mut front = down(user)?;
        if !stage.env.is_empty() {
            // Not in the environment of setpriv: the loader would obey LD_PRELOAD there, still as root.
            front.push("/usr/bin/env".into());
            front.extend(
                stage
                    .env
                    .iter()
                    .map(|(name, value)| format!("{name}={value}")),
            );
        }
        argv.splice(0..0, front);
        own = &[];
    }
    let (program, arguments) = argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(ENVIRONMENT)
        .envs(own.iter().map(|(name, value)| (name, value)))
        .current_dir("/");
    command.stdin(match (stage.no_input, input) {
        (false, Some(pipe)) => Stdio::from(pipe),
        _ => Stdio::null(),
    });
    let mut leads = [Lead::Out, Lead::Err];
    for redirection in &stage.redirections {
        match *redirection {
            Redirect::Null(fd) => leads[usize::from(fd == 2)] = Lead::Null,
            Redirect::Like(fd, to) => leads[usize::from(fd == 2)] = leads[usize::from(to == 2)],
        }
    }
    let open = |lead: Lead| -> io::Result<Stdio> {
        Ok(match (lead, &output) {
            (Lead::Null, _) => Stdio::null(),
            (Lead::Out, Some(pipe)) => Stdio::from(pipe.try_clone()?),
            (Lead::Out, None) => {
                Stdio::from(std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned()?)
            }
            (Lead::Err, _) => {
                Stdio::from(std::os::fd::AsFd::as_fd(&io::stderr()).try_clone_to_owned()?)
            }
        })
    };
    command.stdout(open(leads[0])?);
    command.stderr(open(leads[1])?);
    command.spawn()
}

/// In front of a program, so that it runs as that user with a login's groups and no capabilities.
fn down(user: &str) -> io::Result<Vec<String>> {
    let user = nix::unistd::User::from_name(user)
        .ok()
        .flatten()
        .filter(|u| !u.uid.is_root())
        .ok_or_else(|| io::Error::other("the guard's login user is not known here"))?;
    let words = [
        "/usr/bin/setpriv",
        "--reuid",
        &user.uid.to_string(),
        "--regid",
        &user.gid.to_string(),
        "--init-groups",
        "--inh-caps=-all",
        "--",
    ];
    Ok(words.map(str::to_owned).to_vec())
}

/// 128 + N for signal N, as shells say it.
fn code(status: ExitStatus) -> i32 {
    status
        .code()
        .or_else(|| status.signal().map(|s| 128 + s))
        .unwrap_or(126)
}
