//! Runs a canonical command line on a target, and says exactly what is known of its end.
//!
//! Both transports start the same small POSIX `sh` program, the keeper, under `timeout(1)` and with a cleared
//! environment. It reads the line from its standard input, runs it with standard input from `/dev/null`, and writes
//! how it ended behind a nonce. So exit codes 124, 127 and 255 are the command's own, a lost connection is known as
//! such, and until the whole line was handed over nothing can have run: that is why a keeper may be started while the
//! record of the run is still being written. A time limit ends the command's whole process group, also when the
//! connection is gone.
//!
//! Must never run the agent's own text: only what [`crate::command`] rendered.

mod capture;
mod channel;
mod local;
mod ssh;

pub use capture::Captured;

use crate::command::Shell;
use crate::config::{Target, Transport};
use std::convert::Infallible;
use std::path::Path;
use std::time::{Duration, Instant};

/// The longest script that is handed over, in bytes: it is one argument of `sh -c`, and Linux
/// takes 128 KiB for one (execve(2), MAX_ARG_STRLEN).
pub const MAX_SCRIPT: usize = 120_000;

/// What to run, where, and within which limits.
#[derive(Debug)]
pub struct RunSpec<'a> {
    /// The target.
    pub target: &'a Target,
    /// The canonical line.
    pub script: &'a str,
    /// The shell that reads it.
    pub shell: Shell,
    /// Time limit on the target.
    pub timeout: Duration,
    /// How much of each stream is kept, in bytes.
    pub output_bytes: usize,
    /// The run's id, for diagnostics.
    pub run_id: &'a str,
    /// Folder of the SSH masters' sockets.
    pub control_dir: &'a Path,
    /// Time limit for connecting.
    pub connect_timeout: Duration,
    /// How long an unused master stays.
    pub persist: Duration,
    /// What a ticket says besides the line, for a target with the guard.
    pub facts: Facts<'a>,
}

/// Who stands behind a run: what a guard wants to know.
#[derive(Debug, Clone, Default)]
pub struct Facts<'a> {
    /// The target's name.
    pub target_name: &'a str,
    /// Who asked.
    pub requester: &'a str,
    /// The approval it was given.
    pub approval: Option<crate::guard::ticket::Approval>,
    /// The run that this one ends; a guard does that itself, in place of the line.
    pub ends: Option<&'a str>,
}

/// Which way a run took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// On this machine.
    Local,
    /// A shell of the target's login user.
    Ssh,
    /// The guard on the target, which checked the gate's signature and its own policy.
    Guard,
}

impl Via {
    /// The word in the audit log.
    pub fn name(self) -> &'static str {
        match self {
            Via::Local => "local",
            Via::Ssh => "ssh",
            Via::Guard => "guard",
        }
    }
}

impl Target {
    /// Which way a run on it takes.
    pub fn via(&self) -> Via {
        match &self.transport {
            Transport::Local => Via::Local,
            Transport::Ssh(ssh) if ssh.ticket_key.is_some() => Via::Guard,
            Transport::Ssh(_) => Via::Ssh,
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code; 128+N is the shell's way to say that signal N ended it.
    Exited(i32),
    /// By the time limit.
    TimedOut,
    /// It certainly did not run.
    NotStarted(String),
    /// It may have run, in part or in full.
    Unknown(String),
}

/// Everything that is known of a run.
#[derive(Debug, Clone)]
pub struct RunResult {
    /// How it ended.
    pub ended: Ended,
    /// Standard output.
    pub stdout: Captured,
    /// Standard error, without the keeper's own lines.
    pub stderr: Captured,
    /// From the start of the attempt to its end.
    pub duration: Duration,
}

impl RunResult {
    fn not_started(why: impl Into<String>) -> RunResult {
        RunResult {
            ended: Ended::NotStarted(why.into()),
            stdout: Captured::default(),
            stderr: Captured::default(),
            duration: Duration::ZERO,
        }
    }
}

/// Runs it.
pub fn run(spec: &RunSpec) -> RunResult {
    match run_after(spec, || Ok::<(), Infallible>(())) {
        Ok((result, ())) => result,
        Err(never) => match never {},
    }
}

/// Runs it once `first` has succeeded. Meanwhile the way to the target is opened, as far as where the line is handed
/// over; when `first` fails, nothing is.
///
/// The result, and what `first` gave.
///
/// # Errors
/// What `first` says.
pub fn run_after<T, E>(
    spec: &RunSpec,
    first: impl FnOnce() -> Result<T, E>,
) -> Result<(RunResult, T), E> {
    if spec.script.len() > MAX_SCRIPT || spec.script.contains('\0') {
        let first = first()?;
        let why =
            format!("the canonical form is longer than {MAX_SCRIPT} bytes: split the command");
        return Ok((RunResult::not_started(why), first));
    }
    let mut began = Instant::now();
    let (mut result, first) = match &spec.target.transport {
        Transport::Local => {
            let way = local::open(spec);
            let first = first()?;
            began = Instant::now();
            (local::run(spec, way), first)
        }
        Transport::Ssh(ssh) => {
            let (way, first) = std::thread::scope(|scope| {
                let way = scope.spawn(|| ssh::open(spec, ssh));
                let first = first();
                (way.join(), first)
            });
            let first = first?;
            let result = match way {
                Ok(way) => ssh::run(spec, ssh, way),
                Err(_) => RunResult::not_started("the way to the target could not be opened."),
            };
            (result, first)
        }
    };
    result.duration = began.elapsed();
    tracing::debug!(run_id = spec.run_id, ended = ?result.ended, "run ended");
    Ok((result, first))
}

/// The keeper. It stays through the SIGTERM of `timeout`, so that it can tell how the command itself ended, gives the
/// others a second to end, and then ends what is left of the group. Its text has none of `' \ !` and no line feed, so
/// that every login shell reads it alike in single quotes (fish and tcsh differ from POSIX on those); `READ` stands
/// for how it reads the line.
/// Arguments: the shell, the nonce.
const KEEPER: &str = concat!(
    "cd / || exit 1; K=$1; N=$2; X=0; trap X=1 TERM; READ; exec </dev/null; ",
    // A line that was cut off on its way must not run: it ends in the nonce.
    "case $S in *\"$N\") S=${S%\"$N\"};; *) echo \"$N cut\" >&2; exit 1;; esac; CAP",
    "if [ \"$K\" = bash ]; then set -- bash --noprofile --norc; ",
    "elif [ -x /bin/dash ]; then set -- /bin/dash; else set -- /bin/sh; fi; ",
    // A sudo that is killed before it passed the SIGTERM on leaves what became root running.
    "\"$@\" -c -- \"$S\"; R=$?; [ $X = 0 ] || (trap \"\" TERM; exec sleep 1); ",
    // Said on both streams: what stands before it is all that the command wrote.
    "echo \"$N\"; echo >&2; echo \"$N end $R $X\" >&2; ",
    "[ $X = 0 ] || kill -9 0"
);

/// What nobody was asked about may not take the memory that the services of the target need: each of its programs has
/// a quarter of what is free, or [`LEAST_DATA`] (getrlimit(2), RLIMIT_DATA; what a person approved may start a service,
/// which would inherit it). Nor the disk: what reads leaves no large file behind, and `sort` of more than fits into memory
/// ends (RLIMIT_FSIZE; POSIX counts 512 bytes).
const CAP: &str = concat!(
    "D=0; while read -r A B C; do [ \"$A\" = MemAvailable: ] && D=$((B/4)) && break; done </proc/meminfo 2>/dev/null; ",
    "[ $D -gt 1048576 ] || D=1048576; ulimit -d $D 2>/dev/null; ulimit -f 262144 2>/dev/null; "
);
/// The least that a program may have, in KiB.
const LEAST_DATA: u64 = 1024 * 1024;

/// The largest file that such a program may write, in bytes.
pub(crate) const MOST_FILE: u64 = 128 * 1024 * 1024;

/// What a program that nobody was asked about may have on this machine, in bytes.
pub(crate) fn most_data() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let free = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.split_ascii_whitespace().next()?.parse::<u64>().ok());
    LEAST_DATA.max(free.unwrap_or(0) / 4) * 1024
}

/// Longest line that the shell reads itself, byte by byte: beyond it a `cat` is quicker.
const SHORT: usize = 4096;

/// The keeper for a script, and what is handed over. A plain short line is read by the shell itself; `read` is
/// trusted with printable ASCII only.
fn keeper(spec: &RunSpec, nonce: &str) -> (String, Vec<u8>) {
    let script = spec.script;
    let asked = spec.facts.approval.is_some();
    let plain = script.len() <= SHORT && script.bytes().all(|b| (0x20..0x7f).contains(&b));
    let (read, end) = if plain {
        ("IFS= read -r S", "\n")
    } else {
        ("S=$(cat)", "")
    };
    (
        KEEPER
            .replacen("READ", read, 1)
            .replacen("CAP", if asked { "" } else { CAP }, 1),
        format!("{script}{nonce}{end}").into_bytes(),
    )
}

/// The command's environment: nothing of ours, nothing of the target's.
pub(crate) const ENVIRONMENT: [(&str, &str); 28] = [
    (
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ),
    ("LC_ALL", "C.UTF-8"),
    ("HOME", "/nonexistent"),
    ("TERM", "dumb"),
    ("PAGER", "cat"),
    ("SYSTEMD_PAGER", "cat"),
    ("SYSTEMD_COLORS", "0"),
    ("GIT_PAGER", "cat"),
    // A repository's own configuration must not make `git log`, `git branch` or `git tag` run a program, or
    // fetch: what stands here has the precedence of the command line (git-config(1), git 2.31). The programs
    // are those that check signatures, which `format.pretty` and `branch.sort` can ask for.
    ("GIT_CONFIG_COUNT", "6"),
    ("GIT_CONFIG_KEY_0", "log.showSignature"),
    ("GIT_CONFIG_VALUE_0", "false"),
    ("GIT_CONFIG_KEY_1", "gpg.program"),
    ("GIT_CONFIG_VALUE_1", "false"),
    ("GIT_CONFIG_KEY_2", "gpg.openpgp.program"),
    ("GIT_CONFIG_VALUE_2", "false"),
    ("GIT_CONFIG_KEY_3", "gpg.x509.program"),
    ("GIT_CONFIG_VALUE_3", "false"),
    ("GIT_CONFIG_KEY_4", "gpg.ssh.program"),
    ("GIT_CONFIG_VALUE_4", "false"),
    ("GIT_CONFIG_KEY_5", "core.fsmonitor"),
    ("GIT_CONFIG_VALUE_5", "false"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    // `npm ls`, `pip list` and `terraform --version` would ask another host whether they are the newest.
    ("NPM_CONFIG_UPDATE_NOTIFIER", "false"),
    // A project's own .npmrc must not name a script for it to load (npm up to 6).
    ("NPM_CONFIG_ONLOAD_SCRIPT", ""),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("CHECKPOINT_DISABLE", "1"),
];

/// The name under which the keeper is started: by it a run is found again.
fn mark(run_id: &str) -> String {
    let id: String = run_id
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    format!("aiops-run-{id}")
}

/// A line that ends a run of ours on its target as its time limit would: first politely, then for good.
/// It exits with 3 where there is no such run, and with 4 where something of it is left: what became
/// root is not the login user's to end. One line, so that it does not find itself. The group is told from here too:
/// a sudo may pass on no signal that comes from its own process group, in which `timeout` is.
pub fn ending_line(run_id: &str) -> String {
    // The process groups of all that lives; in stat(5) what stands behind the last `) ` is numbers.
    let left = "L=; for P in $G; do if cat /proc/[0-9]*/stat 2>/dev/null | sed -n 's/.*) [^Z] [0-9]* \\([0-9]*\\) .*/\\1/p' | grep -qxF -e \"$P\"; then L=1; fi; done";
    format!(
        "M={}; G=; for D in /proc/[0-9]*; do A=$(tr '\\0' '\\n' <\"$D/cmdline\" 2>/dev/null); \
         if [ \"$(printf '%s\\n' \"$A\" | head -n 1)\" = timeout ] && printf '%s\\n' \"$A\" | grep -qxF -e \"$M\"; then G=\"$G ${{D#/proc/}}\"; fi; done; \
         [ -n \"$G\" ] || exit 3; kill $G; for P in $G; do kill -- \"-$P\" 2>/dev/null; done; for I in 1 2 3 4 5 6; do sleep 0.5; {left}; [ -n \"$L\" ] || exit 0; done; \
         for P in $G; do kill -9 -- \"-$P\" 2>/dev/null; done; sleep 0.2; {left}; [ -n \"$L\" ] || exit 0; exit 4",
        mark(run_id)
    )
}

/// How long beyond the time limit an answer is waited for: `timeout -k 2` and the way back.
const GRACE: Duration = Duration::from_secs(6);

fn shell_word(shell: Shell) -> &'static str {
    match shell {
        Shell::Posix => "posix",
        Shell::Bash => "bash",
    }
}

/// 128 random bits in hexadecimal: the command cannot know them when its text is written.
fn nonce() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
