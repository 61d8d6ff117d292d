//! A gate in a folder of its own, and a private sshd, for tests that run the built binary as a user would.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

pub mod logs;

use serde_json::Value;
use std::fs;
use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

pub const AIOPS: &str = env!("CARGO_BIN_EXE_aiops");

/// A private sshd on a loopback port, with keys of its own, that logs this user in.
pub struct Sshd {
    child: Child,
    pub dir: PathBuf,
    pub port: u16,
}

impl Sshd {
    pub fn start(dir: &Path, extra: &str) -> Sshd {
        let dir = dir.join("sshd");
        fs::create_dir(&dir).unwrap();
        keygen(&dir.join("host_key"));
        keygen(&dir.join("id"));
        fs::copy(dir.join("id.pub"), dir.join("authorized_keys")).unwrap();
        if nix::unistd::geteuid().is_root() {
            // What the service's RuntimeDirectory= would make (sshd(8)).
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let d = dir.display();
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {d}/host_key\nAuthorizedKeysFile {d}/authorized_keys\nPidFile none\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nStrictModes no\nUsePAM no\n{extra}\n"
        );
        fs::write(dir.join("config"), config).unwrap();
        let sshd = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"]
            .into_iter()
            .find(|p| Path::new(p).exists())
            .expect("sshd is installed by tests/run.sh");
        let child = Command::new(sshd)
            .args(["-D", "-f"])
            .arg(dir.join("config"))
            .arg("-E")
            .arg(dir.join("log"))
            .spawn()
            .unwrap();
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let key = fs::read_to_string(dir.join("host_key.pub")).unwrap();
        let words: Vec<&str> = key.split(' ').collect();
        fs::write(
            dir.join("known_hosts"),
            format!("[127.0.0.1]:{port} {} {}\n", words[0], words[1]),
        )
        .unwrap();
        Sshd { child, dir, port }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}

/// The text, signed by ssh-keygen(1).
pub fn sign(gate: &Gate, key: &str, namespace: &str, text: &[u8]) -> String {
    let mut keygen = Command::new("ssh-keygen");
    keygen
        .args(["-Y", "sign", "-n", namespace, "-f"])
        .arg(gate.path(key))
        .stderr(Stdio::null());
    String::from_utf8(fed(&mut keygen, text).stdout).unwrap()
}

pub fn user() -> String {
    nix::unistd::User::from_uid(nix::unistd::geteuid())
        .unwrap()
        .unwrap()
        .name
}

/// Runs a command with that input: what it answers on stdout, and on stderr where the caller pipes that. One that
/// ends without reading all of its input has answered as well.
pub fn fed(command: &mut Command, input: impl AsRef<[u8]>) -> Output {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.as_ref().to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let written = writer.join().unwrap();
    assert!(written.is_ok() || written.is_err_and(|e| e.kind() == ErrorKind::BrokenPipe));
    output
}

/// A gate with targets `here` (local) and, with an sshd, `srv1`.
pub struct Gate {
    pub dir: tempfile::TempDir,
    pub sshd: Option<Sshd>,
}

impl Gate {
    pub fn local() -> Gate {
        Gate::build(false, "")
    }

    pub fn ssh() -> Gate {
        Gate::build(true, "")
    }

    /// `more` goes into the configuration (approvers, limits).
    pub fn build(ssh: bool, more: &str) -> Gate {
        let dir = tempfile::Builder::new()
            .prefix("aiops-test")
            .tempdir()
            .unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        aiops::shipped::write_to(&dir.path().join("policies")).unwrap();
        let sshd = ssh.then(|| Sshd::start(dir.path(), ""));
        let gate = Gate { dir, sshd };
        gate.configure(more);
        gate
    }

    pub fn configure(&self, more: &str) {
        let mut text = format!(
            "version: 1\npolicy: policies/lab.yml\nstate_dir: s\naudit_log: audit.jsonl\n{more}\ntargets:\n  here:\n    transport: local\n    tags: [lab]\n"
        );
        if let Some(sshd) = &self.sshd {
            let d = sshd.dir.display();
            text.push_str(&format!("  srv1:\n    transport: ssh\n    host: 127.0.0.1\n    port: {}\n    user: {}\n    identity: {d}/id\n    known_hosts: {d}/known_hosts\n", sshd.port, user()));
        }
        self.write("config.yml", &text);
    }

    /// How approvers may prove who they are: `code, unix`.
    pub fn set_methods(&self, methods: &str) {
        let policy = fs::read_to_string(self.path("policies/lab.yml")).unwrap();
        let at = policy.find("methods: [").unwrap();
        let end = at + policy[at..].find(']').unwrap() + 1;
        let (before, behind) = (&policy[..at], &policy[end..]);
        self.write(
            "policies/lab.yml",
            &format!("{before}methods: [{methods}]{behind}"),
        );
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// `aiops ARGS --config …`, ready to run.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(AIOPS);
        command
            .args(args)
            .arg("--config")
            .arg(self.path("config.yml"));
        command
    }

    /// One message through `aiops run`: the outcome and the exit code.
    pub fn send(&self, message: impl AsRef<[u8]>) -> (Value, i32) {
        let output = fed(self.command(&["run"]).stderr(Stdio::null()), message);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            text.lines().count(),
            1,
            "exactly one document on stdout: {text:?}"
        );
        (
            serde_json::from_str(&text).unwrap(),
            output.status.code().unwrap(),
        )
    }

    pub fn ask(&self, target: &str, command: &str) -> (Value, i32) {
        self.send(request(target, command).to_string())
    }

    /// The audit log's records.
    pub fn records(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("audit.jsonl")).unwrap_or_default();
        text.lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect()
    }

    /// How many runs are on record.
    pub fn started(&self) -> usize {
        self.records()
            .iter()
            .filter(|r| r["event"] == "run.started")
            .count()
    }

    /// The same message from 64 processes at once.
    pub fn send_64_times(&self, message: &str) -> Vec<(Value, i32)> {
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..64)
                .map(|_| scope.spawn(|| self.send(message)))
                .collect();
            all.into_iter().map(|t| t.join().unwrap()).collect()
        })
    }

    pub fn verifies(&self) -> bool {
        aiops::audit::verify::verify(&self.path("audit.jsonl"))
            .unwrap()
            .holds()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        for entry in fs::read_dir(self.path("s/ssh"))
            .into_iter()
            .flatten()
            .flatten()
        {
            if entry.path().extension().is_none() {
                let _ = Command::new("ssh")
                    .args(["-F", "none", "-O", "exit", "-o"])
                    .arg(format!("ControlPath={}", entry.path().display()))
                    .arg("127.0.0.1")
                    .stderr(Stdio::null())
                    .status();
            }
        }
    }
}

pub fn request(target: &str, command: &str) -> Value {
    serde_json::json!({"target": target, "command": command, "requester": "hermes", "reason": "test"})
}

/// What an answer came to, and the program's exit code.
pub fn status(answer: &(Value, i32)) -> (&str, i32) {
    (answer.0["status"].as_str().unwrap(), answer.1)
}

/// A command that the lab policy asks about.
pub fn touch(gate: &Gate, name: &str) -> String {
    format!("touch {}", gate.path(name).display())
}

/// The variables that a command sees, in order.
pub const ENVIRONMENT: [&str; 28] = [
    "CHECKPOINT_DISABLE",
    "DEBIAN_FRONTEND",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_KEY_0",
    "GIT_CONFIG_KEY_1",
    "GIT_CONFIG_KEY_2",
    "GIT_CONFIG_KEY_3",
    "GIT_CONFIG_KEY_4",
    "GIT_CONFIG_KEY_5",
    "GIT_CONFIG_VALUE_0",
    "GIT_CONFIG_VALUE_1",
    "GIT_CONFIG_VALUE_2",
    "GIT_CONFIG_VALUE_3",
    "GIT_CONFIG_VALUE_4",
    "GIT_CONFIG_VALUE_5",
    "GIT_NO_LAZY_FETCH",
    "GIT_PAGER",
    "GIT_TERMINAL_PROMPT",
    "HOME",
    "LC_ALL",
    "NPM_CONFIG_ONLOAD_SCRIPT",
    "NPM_CONFIG_UPDATE_NOTIFIER",
    "PAGER",
    "PATH",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "SYSTEMD_COLORS",
    "SYSTEMD_PAGER",
    "TERM",
];

/// A file system of a few kilobytes, unmounted when it goes. Needs root.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None, said aloud, where it cannot be mounted.
    pub fn mount(at: PathBuf, size: &str) -> Option<SmallDisk> {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("SKIPPED: a full disk needs root to mount a small tmpfs");
            return None;
        }
        fs::create_dir(&at).unwrap();
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=0700"),
                "tmpfs",
            ])
            .arg(&at)
            .status()
            .unwrap();
        assert!(mounted.success());
        Some(SmallDisk(at))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Fills it up.
    pub fn fill(&self) {
        let filler = fs::File::create(self.0.join("filler"))
            .and_then(|mut f| f.write_all(&vec![0; 1 << 20]));
        assert!(filler.is_err(), "the disk is full");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(std::thread::panicking() || unmounted.is_ok_and(|s| s.success()));
    }
}
