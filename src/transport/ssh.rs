//! Runs over SSH, through a master connection that calls share.
//!
//! The gate starts the master itself, with every option set here and none taken from a user's or the
//! system's ssh_config, and resumes it with the `openssh` crate's native multiplexing. Must never accept
//! a host key that is not pinned, forward anything, or ask for a terminal.

use super::channel::Channel;
use super::{ENVIRONMENT, Ended, RunResult, RunSpec, keeper, local, mark, nonce, shell_word};
use crate::audit::record::hex;
use crate::config::Ssh;
use crate::guard::ticket::{self, Ticket};
use openssh::{Session, Stdio};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// Longest path of a socket (unix(7)) less the suffix that ssh adds while it makes one.
const MAX_SOCKET: usize = 107 - 18;

/// The way to a target, as far as where the line is handed over.
pub(super) struct Way<'a> {
    master: Master<'a>,
    /// A keeper that waits for its line.
    session: Result<Open, String>,
}

/// Opens it: a connection if there is none, and a session over it.
///
/// # Errors
/// Why there is no connection.
pub(super) fn open<'a>(spec: &'a RunSpec<'a>, ssh: &'a Ssh) -> Result<Way<'a>, String> {
    let master = Master::new(spec, ssh)?;
    master.ensure(false)?;
    let session = Open::new(&master, spec);
    Ok(Way { master, session })
}

/// Runs over it. A master can die between our look and our use: then nothing was handed over, and a new one is tried,
/// once.
pub(super) fn run(spec: &RunSpec, ssh: &Ssh, way: Result<Way, String>) -> RunResult {
    let Way {
        master,
        mut session,
    } = match way {
        Ok(way) => way,
        Err(why) => return RunResult::not_started(why),
    };
    for attempt in 0..2 {
        if attempt > 0 {
            if let Err(why) = master.ensure(true) {
                return RunResult::not_started(why);
            }
            session = Open::new(&master, spec);
        }
        let result = match session {
            Ok(open) => open.run(spec, ssh),
            Err(why) => RunResult::not_started(why),
        };
        match &result.ended {
            // A guard's refusal is an answer; so is nothing else that did not start.
            Ended::NotStarted(why) if why.starts_with("the guard refused") => return result,
            Ended::NotStarted(why) => tracing::debug!("over the shared connection: {why}"),
            _ => return result,
        }
        session = Err(String::new());
    }
    // The server may refuse more sessions on one connection (MaxSessions): a connection of its own.
    direct(spec, ssh)
}

/// What is handed over: the line, or the ticket for it.
fn message(spec: &RunSpec, ssh: &Ssh, nonce: &str) -> Result<Vec<u8>, String> {
    let Some(key) = &ssh.ticket_key else {
        return Ok(keeper(spec, nonce).1);
    };
    let secret = ticket::load_secret(key)?;
    let now = chrono::Utc::now().timestamp();
    Ticket {
        id: spec.run_id.to_owned(),
        target: spec.facts.target_name.to_owned(),
        line: spec.script.to_owned(),
        ends: spec.facts.ends.map(str::to_owned),
        shell: spec.shell,
        timeout_s: spec.timeout.as_secs(),
        not_before: now - ticket::SKEW,
        not_after: now + ticket::SKEW,
        requester: spec.facts.requester.to_owned(),
        approval: spec.facts.approval.clone(),
        nonce: nonce.to_owned(),
    }
    .sign(&secret)
}

/// A session over the master, in which a keeper waits.
struct Open {
    runtime: tokio::runtime::Runtime,
    child: openssh::Child<Arc<Session>>,
    session: Arc<Session>,
    channel: Channel,
    nonce: String,
}

impl Open {
    fn new(master: &Master, spec: &RunSpec) -> Result<Open, String> {
        let nonce = nonce();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| format!("{e}."))?;
        let session = Session::resume_mux(master.socket.clone().into_boxed_path(), None);
        let session = Arc::new(session);
        let opened = runtime.block_on(async {
            let line = remote_line(spec, master.ssh, &nonce);
            let mut command = Arc::clone(&session).arc_raw_command(line);
            command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let mut child = tokio::time::timeout(spec.connect_timeout, command.spawn())
                .await
                .map_err(|_| "the target did not open a session in time.".to_owned())?
                .map_err(|e| format!("the session was refused: {}.", causes(&e)))?;
            let channel = pipes(&mut child)?;
            Ok((child, channel))
        });
        match opened {
            Ok((child, channel)) => Ok(Open {
                runtime,
                child,
                session,
                channel,
                nonce,
            }),
            Err(why) => {
                runtime.block_on(async { leave(session) });
                Err(why)
            }
        }
    }

    fn run(self, spec: &RunSpec, ssh: &Ssh) -> RunResult {
        let message = message(spec, ssh, &self.nonce);
        let result = match message {
            Err(why) => RunResult::not_started(why),
            Ok(message) => {
                let said = self.channel.converse(spec, &self.nonce, &message);
                let status = (!said.is_told())
                    .then(|| self.runtime.block_on(status(self.child)))
                    .flatten();
                said.judge(status)
            }
        };
        self.runtime.block_on(async { leave(self.session) });
        result
    }
}

/// Without this the crate would end the master that others share.
fn leave(session: Arc<Session>) {
    if let Some(session) = Arc::into_inner(session) {
        let _ = session.detach();
    }
}

/// The exit status of a session that is over; none where the connection is gone, or a signal ended it.
async fn status(child: openssh::Child<Arc<Session>>) -> Option<i32> {
    match tokio::time::timeout(Duration::from_secs(1), child.wait()).await {
        Ok(Ok(status)) => status
            .code()
            .or_else(|| std::os::unix::process::ExitStatusExt::signal(&status).map(|s| 128 + s)),
        // So the crate says 127.
        Ok(Err(openssh::Error::Remote(e))) if e.kind() == io::ErrorKind::NotFound => Some(127),
        _ => None,
    }
}

fn pipes(child: &mut openssh::Child<Arc<Session>>) -> Result<Channel, String> {
    let pipes = (
        child.stdin().take(),
        child.stdout().take(),
        child.stderr().take(),
    );
    let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err("a pipe is missing.".into());
    };
    let fds = (
        stdin.into_owned_fd(),
        stdout.into_owned_fd(),
        stderr.into_owned_fd(),
    );
    let (Ok(stdin), Ok(stdout), Ok(stderr)) = fds else {
        return Err("its pipes cannot be used.".into());
    };
    Channel::new(stdin, stdout, stderr).map_err(|e| format!("its pipes cannot be used: {e}."))
}

/// One command over a connection of its own.
fn direct(spec: &RunSpec, ssh: &Ssh) -> RunResult {
    let nonce = nonce();
    let message = match message(spec, ssh, &nonce) {
        Ok(message) => message,
        Err(why) => return RunResult::not_started(why),
    };
    let mut command = Command::new("ssh");
    command.args(options(spec, ssh)).args([
        "-o",
        "ControlMaster=no",
        "-o",
        "ControlPath=none",
        "-T",
    ]);
    command
        .arg("--")
        .arg(&ssh.host)
        .arg(remote_line(spec, ssh, &nonce));
    clean(&mut command);
    let result = local::converse(command, spec, &nonce, &message);
    match result.ended {
        Ended::NotStarted(ref why) if why.starts_with("the guard refused") => result,
        Ended::NotStarted(_) => {
            let said = result.stderr.text.clone();
            RunResult::not_started(advice(&said, ssh))
        }
        // ssh reads the whole line before it has a connection; without a word from the keeper, and with
        // a connection that was never made, nothing can have run.
        Ended::Unknown(_) if never_connected(&result.stderr.text) => {
            RunResult::not_started(advice(&result.stderr.text, ssh))
        }
        _ => result,
    }
}

/// The line for the login shell. See [`super::KEEPER`] for its characters.
fn remote_line(spec: &RunSpec, ssh: &Ssh, nonce: &str) -> String {
    if ssh.ticket_key.is_some() {
        // The forced command of the key says the same; this is for a host where somebody took that away.
        return "exec /opt/aiops/bin/aiops guard".into();
    }
    let environment: Vec<String> = ENVIRONMENT
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!(
        "exec env -i {} timeout -k 2 {} /bin/sh -c '{}' {} {} {nonce}",
        environment.join(" "),
        spec.timeout.as_secs(),
        keeper(spec, nonce).0,
        mark(spec.run_id),
        shell_word(spec.shell),
    )
}

/// Every option that matters, so that no file and no default decides.
fn options(spec: &RunSpec, ssh: &Ssh) -> Vec<String> {
    let mut options: Vec<String> = ["-F", "none", "-l"].map(str::to_owned).to_vec();
    options.extend([
        ssh.user.clone(),
        "-p".into(),
        ssh.port.to_string(),
        "-i".into(),
        ssh.identity.display().to_string(),
    ]);
    let connect = spec.connect_timeout.as_secs();
    for option in [
        "BatchMode=yes".to_owned(),
        "StrictHostKeyChecking=yes".into(),
        format!("UserKnownHostsFile={}", ssh.known_hosts.display()),
        "GlobalKnownHostsFile=none".into(),
        "UpdateHostKeys=no".into(),
        "CheckHostIP=no".into(),
        "IdentitiesOnly=yes".into(),
        "IdentityAgent=none".into(),
        "PreferredAuthentications=publickey".into(),
        "ForwardAgent=no".into(),
        "ForwardX11=no".into(),
        "ClearAllForwardings=yes".into(),
        "PermitLocalCommand=no".into(),
        "ProxyCommand=none".into(),
        "ProxyJump=none".into(),
        "KnownHostsCommand=none".into(),
        "RequestTTY=no".into(),
        "EscapeChar=none".into(),
        "Compression=no".into(),
        "ConnectionAttempts=1".into(),
        "ServerAliveInterval=15".into(),
        "ServerAliveCountMax=3".into(),
        "LogLevel=ERROR".into(),
        format!("ConnectTimeout={connect}"),
    ] {
        options.push("-o".into());
        options.push(option);
    }
    options
}

/// ssh itself gets nothing of our environment either.
fn clean(command: &mut Command) {
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C")
        .current_dir("/");
}

/// The shared connection to one destination.
struct Master<'a> {
    spec: &'a RunSpec<'a>,
    ssh: &'a Ssh,
    socket: PathBuf,
    lock: PathBuf,
    log: PathBuf,
}

impl<'a> Master<'a> {
    fn new(spec: &'a RunSpec, ssh: &'a Ssh) -> Result<Master<'a>, String> {
        let dir = spec.control_dir;
        private_folder(dir).map_err(|e| format!("{}: {e}.", dir.display()))?;
        // Another key, another pinned host key, another address: another connection.
        let keys = fs::read(&ssh.known_hosts)
            .map_err(|e| format!("{}: {e}.", ssh.known_hosts.display()))?;
        let identity =
            fs::read(&ssh.identity).map_err(|e| format!("{}: {e}.", ssh.identity.display()))?;
        let what = format!(
            "{}\n{}\n{}\n{}\n{}",
            ssh.user,
            ssh.host,
            ssh.port,
            hex(&keys),
            hex(&identity)
        );
        let name = hex(what.as_bytes())[..16].to_owned();
        let socket = dir.join(&name);
        if socket.as_os_str().len() > MAX_SOCKET {
            return Err(format!(
                "{}: too long for a socket: choose a shorter state_dir.",
                socket.display()
            ));
        }
        Ok(Master {
            spec,
            ssh,
            lock: dir.join(format!("{name}.lock")),
            log: dir.join(format!("{name}.log")),
            socket,
        })
    }

    fn alive(&self) -> bool {
        UnixStream::connect(&self.socket).is_ok()
    }

    /// Makes sure that a master is there; with `anew`, one that is not the present one.
    fn ensure(&self, anew: bool) -> Result<(), String> {
        if !anew && self.alive() {
            return Ok(());
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&self.lock);
        let lock: File = lock.map_err(|e| format!("{}: {e}.", self.lock.display()))?;
        lock.lock()
            .map_err(|e| format!("{}: {e}.", self.lock.display()))?;
        // Somebody else may have started it while we waited for the lock.
        if self.alive() && (!anew || self.answers()) {
            return Ok(());
        }
        let _ = fs::remove_file(&self.socket);
        self.start()
    }

    /// Whether the master still has its connection (`ssh -O check`).
    fn answers(&self) -> bool {
        let mut check = Command::new("ssh");
        check
            .args(["-F", "none", "-O", "check", "-o"])
            .arg(format!("ControlPath={}", self.socket.display()))
            .arg("--")
            .arg(&self.ssh.host);
        clean(&mut check);
        check
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        check.status().is_ok_and(|s| s.success())
    }

    fn start(&self) -> Result<(), String> {
        let _ = fs::remove_file(&self.log);
        let mut command = Command::new("ssh");
        command.args(options(self.spec, self.ssh));
        for option in [
            "ControlMaster=yes".to_owned(),
            format!("ControlPath={}", self.socket.display()),
            format!("ControlPersist={}", self.spec.persist.as_secs().max(1)),
        ] {
            command.arg("-o").arg(option);
        }
        command
            .args(["-T", "-N", "-f", "-E"])
            .arg(&self.log)
            .arg("--")
            .arg(&self.ssh.host);
        clean(&mut command);
        command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        let status = command.status().map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => {
                "ssh(1) is not installed on the gateway: install openssh-client.".to_owned()
            }
            _ => format!("ssh: {e}."),
        })?;
        if !status.success() {
            let said = fs::read_to_string(&self.log).unwrap_or_default();
            return Err(advice(&said, self.ssh));
        }
        // `-f` returns when the login is done; the socket is there at that moment or just after.
        for _ in 0..100 {
            if self.alive() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err("the SSH connection was made, but its socket did not come up.".into())
    }
}

/// Makes or checks a folder that only we can enter: whoever reaches a socket in it can use the connection.
fn private_folder(dir: &Path) -> io::Result<()> {
    if !dir.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let meta = fs::symlink_metadata(dir)?;
    if !meta.is_dir() || meta.uid() != nix::unistd::geteuid().as_raw() || meta.mode() & 0o077 != 0 {
        return Err(io::Error::other(
            "it must be a folder of the gate's user with mode 0700",
        ));
    }
    Ok(())
}

fn never_connected(said: &str) -> bool {
    [
        "ssh: connect to host",
        "Could not resolve hostname",
        "Host key verification failed",
        "Permission denied (publickey",
    ]
    .iter()
    .any(|text| said.contains(text))
}

/// What ssh said, and what to do about it.
fn advice(said: &str, ssh: &Ssh) -> String {
    let place = format!("{}@{}:{}", ssh.user, ssh.host, ssh.port);
    let hint = if said.contains("IDENTIFICATION HAS CHANGED")
        || said.contains("Host key verification failed")
    {
        format!(
            "its host key is not the one pinned in {}: find out why before you change that file",
            ssh.known_hosts.display()
        )
    } else if said.contains("host key is known") {
        format!(
            "its host key is not in {}: add it after checking its fingerprint",
            ssh.known_hosts.display()
        )
    } else if said.contains("Permission denied") {
        format!(
            "it does not accept the key {}: put its public half into the target's authorized_keys",
            ssh.identity.display()
        )
    } else if said.contains("refused") {
        "nothing listens on that port: is sshd running on the target?".to_owned()
    } else if said.contains("timed out")
        || said.contains("No route")
        || said.contains("unreachable")
    {
        "it does not answer: is the target up, and the way to it open?".to_owned()
    } else if said.contains("resolve") {
        "its name is not known: check `host` in the configuration".to_owned()
    } else {
        "see what ssh says".to_owned()
    };
    let words: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('@'))
        .collect();
    let shown = crate::display::escape(&words.join("; ")).into_owned();
    if shown.is_empty() {
        format!("{place}: {hint}.")
    } else {
        format!("{place}: {hint}. ssh says: {shown}")
    }
}

/// An error with all that caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
