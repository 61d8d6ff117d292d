//! Runs generated lines in real shells, where every command is a stand-in that writes its words down.
//!
//! Lines run as the user nobody with limits, in namespaces of their own (no network, no other process), in a root
//! folder that holds the shells, a few programs that run others, the stand-ins and nothing else, and in which nothing
//! can be written: whatever a line is taken for, it can do nothing. Without root there are no programs at all.
//!
//! One shell runs many lines. Lines that only run stand-ins share a subshell, twenty at a time, for a fork is most of
//! what a line costs; the others have one each. What is not as expected is run again alone ([`How::Alone`]), and so
//! is a sample, also as `sh -c LINE` in a new shell ([`How::Own`]).

#![allow(dead_code, reason = "each suite uses a part")]

use aiops::command::render;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A small generator of numbers (xorshift): the same seed gives the same lines on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    pub fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

/// The stand-ins: `f` fails, the others succeed.
pub const NAMES: [&str; 3] = ["p", "f", "g"];

/// Programs that run others, and that a line may really run.
pub const PROGRAMS: [&str; 7] = ["env", "nice", "nohup", "timeout", "xargs", "find", "stdbuf"];

/// Changes some bytes of a line.
pub fn mutate(random: &mut Random, text: &str) -> String {
    const BYTES: &[u8] = b"pfg a'\"\\|&;<>(){}[]*?!#~=%$`\n\t-+0123/.:,^_@";
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(3) {
        let byte = BYTES[random.below(BYTES.len())];
        match random.below(5) {
            0 if !bytes.is_empty() => {
                let at = random.below(bytes.len());
                bytes[at] = byte;
            }
            1 if !bytes.is_empty() => {
                let at = random.below(bytes.len());
                bytes.remove(at);
            }
            2 if !bytes.is_empty() => {
                let from = random.below(bytes.len());
                let to = (from + 1 + random.below(8)).min(bytes.len());
                let part = bytes[from..to].to_vec();
                let at = random.below(bytes.len() + 1);
                bytes.splice(at..at, part);
            }
            _ => {
                let at = random.below(bytes.len() + 1);
                bytes.insert(at, byte);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// In what a line is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// With others in one subshell: only for lines that leave nothing behind.
    Shared,
    /// In a subshell of its own.
    Alone,
    /// In a new shell, as `sh -c LINE`.
    Own,
}

/// What a line ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// Each command's words, sorted.
    pub calls: Vec<Vec<String>>,
    /// It came to its end; a line that runs more than [`MOST`] commands is stopped.
    pub ended: bool,
}

/// Most commands of a line.
const MOST: usize = 60;

/// A root folder for the shells, used for any number of lines.
pub struct Sandbox {
    dir: tempfile::TempDir,
    /// Root, with namespaces: lines may run programs.
    pub walled: bool,
    /// The longest that nothing may be heard of a shell.
    pub silence: Duration,
}

impl Sandbox {
    pub fn new() -> Sandbox {
        Sandbox::with(&PROGRAMS)
    }

    /// One in which lines may run these programs.
    pub fn with(programs: &[&str]) -> Sandbox {
        let dir = folder();
        let walled = nix::unistd::geteuid().is_root()
            && Command::new("unshare")
                .args(["-n", "-i", "-p", "-m", "--fork", "true"])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|s| s.success());
        let silence = Duration::from_secs(20);
        let sandbox = Sandbox {
            dir,
            walled,
            silence,
        };
        std::fs::create_dir(sandbox.path("empty")).unwrap();
        if walled {
            sandbox.furnish(programs);
        }
        sandbox
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Puts the shells, what they are linked with, the wrappers and the stand-ins there.
    fn furnish(&self, programs: &[&str]) {
        for folder in ["bin", "dev", "proc", "lib", "usr"] {
            std::fs::create_dir(self.path(folder)).unwrap();
        }
        for (name, minor) in [("null", 3), ("zero", 5)] {
            use nix::sys::stat::{Mode, SFlag, makedev, mknod};
            let path = self.path("dev").join(name);
            mknod(&path, SFlag::S_IFCHR, Mode::empty(), makedev(1, minor)).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
        }
        symlink("/proc/self/fd", self.path("dev/fd")).unwrap();
        symlink("dash", self.path("bin/sh")).unwrap();
        for name in programs.iter().chain(&["bash", "dash"]) {
            let from = ["/usr/bin", "/bin", "/usr/sbin"].map(|d| Path::new(d).join(name));
            let from = from.iter().find(|p| p.exists()).unwrap();
            std::fs::copy(from, self.path("bin").join(name)).unwrap();
            let linked = Command::new("ldd").arg(from).output().unwrap();
            for word in String::from_utf8_lossy(&linked.stdout).split_whitespace() {
                let to = self.path(word.trim_start_matches('/'));
                if word.starts_with('/') && !to.exists() {
                    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                    std::fs::copy(word, to).unwrap();
                }
            }
        }
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/stand_in.c");
        let made = Command::new("cc")
            .args(["-O1", "-static", "-nostdlib", "-ffreestanding"])
            .args([
                "-fno-stack-protector",
                "-fno-tree-loop-distribute-patterns",
                "-o",
            ])
            .arg(self.path("bin/p"))
            .arg(source)
            .status()
            .unwrap();
        assert!(made.success(), "cc could not make the stand-in");
        for name in &NAMES[1..] {
            std::fs::hard_link(self.path("bin/p"), self.path("bin").join(name)).unwrap();
        }
    }

    /// Runs every line in one shell, as `how` says.
    pub fn run(&self, shell: &str, lines: &[(&str, How)]) -> Vec<Ran> {
        let mut ran: Vec<Option<Ran>> = vec![None; lines.len()];
        let mut again: Vec<usize> = (0..lines.len()).collect();
        let mut first = true;
        while !again.is_empty() {
            // What a group's end took with it is run alone.
            let script: Vec<(usize, &str, How)> = again
                .iter()
                .map(|&i| match lines[i] {
                    (text, How::Shared) if !first => (i, text, How::Alone),
                    (text, how) => (i, text, how),
                })
                .collect();
            let before = again.len();
            let silent = self.batch(shell, &script, &mut ran);
            again.retain(|&i| ran[i].is_none());
            if !first && (silent || again.len() == before) {
                // One keeps the others from their end, and which one is not to be seen: each has a shell to itself,
                // so that a line that forks without end costs one silence, and not one for each of the others.
                for line in script.iter().filter(|(i, ..)| again.contains(i)) {
                    self.batch(shell, std::slice::from_ref(line), &mut ran);
                }
                break;
            }
            first = false;
        }
        ran.into_iter()
            .map(|r| {
                let mut r = r.unwrap_or_default();
                r.calls.sort();
                r
            })
            .collect()
    }

    /// Runs a script; fills in the lines that came to their end, and the one that was stopped. Whether it was stopped
    /// because nothing was heard of it.
    fn batch(&self, shell: &str, lines: &[(usize, &str, How)], ran: &mut [Option<Ran>]) -> bool {
        std::fs::write(self.path("script"), script(shell, lines)).unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut child = self.shell(shell, writer);
        let mut log = Log::new(ran.len());
        let mut buffer = vec![0; 1 << 16];
        let mut stopped = None;
        loop {
            if !is_ready(&reader, self.silence) {
                stopped = Some(None);
                break;
            }
            match reader.read(&mut buffer).unwrap() {
                0 => break,
                n => stopped = log.take(&buffer[..n]).map(Some),
            }
            if stopped.is_some() {
                break;
            }
        }
        let group = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        child.wait().unwrap();
        for &(index, text, _) in lines {
            let calls = std::mem::take(&mut log.calls[index]);
            // What goes on behind the end of its line may have been cut off.
            let whole = stopped.is_none() || !text.contains(['&', '(']);
            if log.ends[index] && whole {
                ran[index] = Some(Ran { calls, ended: true });
            } else if stopped == Some(Some(index)) || lines.len() == 1 {
                ran[index] = Some(Ran {
                    calls,
                    ended: false,
                });
            }
        }
        stopped == Some(None)
    }

    /// A shell that is about to run the script, and whose stand-ins write into the pipe.
    fn shell(&self, shell: &str, log: std::io::PipeWriter) -> Child {
        let mut command;
        let script;
        // The pipe ends when the last background command has ended.
        if self.walled {
            command = Command::new("unshare");
            command
                .args([
                    "-n",
                    "-i",
                    "-p",
                    "-m",
                    "--fork",
                    "--kill-child",
                    "/bin/sh",
                    "-c",
                ])
                .arg(WALLS)
                .arg("sh")
                .arg(self.dir.path());
            script = PathBuf::from("/script");
        } else {
            command = Command::new("/bin/sh");
            command.args(["-c", "exec 9>&1 >/dev/null; exec \"$@\"", "sh"]);
            command.args([
                "prlimit",
                "--nproc=2000",
                "--fsize=0",
                "--core=0",
                "--cpu=20",
                "--",
            ]);
            script = self.path("script");
        }
        command
            .arg(shell)
            .arg(script)
            .env_clear()
            .env("PATH", "/nonexistent:/bin:/usr/bin:/sbin:/usr/sbin")
            .env("LC_ALL", "C.UTF-8")
            .current_dir(self.path("empty"))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::from(log))
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }
}

/// Inside of the new namespaces: the root folder, the limits, the user nobody, and then the shell. The first
/// process stays until every other one has come to its end, in the background or not.
const WALLS: &str = "mount -t proc proc \"$1/proc\" || exit 9; root=$1; shift; exec 9>&1 >/dev/null; \
prlimit --nproc=4000 --fsize=0 --cpu=20 --core=0 -- setpriv --no-new-privs -- \
chroot --userspec=65534:65534 --groups= \"$root\" \"$@\"; exec 9>&-; \
while set -- \"$root\"/proc/[0-9]*; [ $# -gt 1 ]; do sleep 0.01; done";

/// Whether something can be read before the silence is too long.
fn is_ready(reader: &std::io::PipeReader, silence: Duration) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    let started = Instant::now();
    while started.elapsed() < silence {
        let mut fds = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::from(1000u16)).is_ok_and(|n| n > 0) {
            return true;
        }
    }
    false
}

/// The stand-ins as functions, and the lines.
fn script(shell: &str, lines: &[(usize, &str, How)]) -> String {
    // Without pathname expansion a pattern stays as it was read, whatever lies in the folder.
    let mut script = String::from(
        "set -f; trap '' PIPE; exec 2>/dev/null; cd /empty; PATH=/bin; [ -x /bin/p ] || PATH=/nonexistent; FUNCNEST=12\n",
    );
    // A line feed is where bash would cut its record in two; no line holds a character 1.
    let whole = if shell == "bash" {
        "set -- \"${@//$'\\n'/$'\\1'}\"; "
    } else {
        ""
    };
    for name in NAMES {
        let status = u8::from(name == "f");
        // A loop ends with its stand-ins.
        script.push_str(&format!(
            "{name}() {{ case $ZN in x????????????????????????????????????????) exit 9;; esac; ZN=x$ZN; {whole}printf '%s\\000' \"$N\" \"$(($#+1))\" {name} \"$@\" >&9; return {status}; }}\n"
        ));
    }
    // Says how many of them ran, and fails each other time: what it says depends on when it is asked.
    script.push_str("uptime() { echo ${#ZN}; return $((${#ZN} % 2)); }\n");
    if shell == "bash" {
        // What no stand-in is for still shows that it would have run.
        script.push_str(&format!("command_not_found_handle() {{ {whole}printf '%s\\000' \"$N\" \"$#\" \"$@\" >&9; return 127; }}\n"));
    }
    let mut shared = 0;
    for (index, line, how) in lines {
        let mut quoted = String::new();
        render::quote(&mut quoted, line);
        // The number is also a limit (which Linux does not enforce), for programs get no variable from `env -i`.
        let number = format!("N={index}; ulimit -S -m $N");
        let end = format!("printf '%s\\000' {index} 0 >&9");
        if *how == How::Shared {
            script.push_str(if shared == 0 { "(\n" } else { "" });
            script.push_str(&format!(
                "{number}; ZN=; eval {quoted} </dev/null >/dev/null; {end}; unset v x; unset -f h0 h1 h2\n"
            ));
            shared += 1;
            if shared < SHARED {
                continue;
            }
        }
        script.push_str(if shared > 0 { ")\n" } else { "" });
        shared = 0;
        let run = match how {
            How::Shared => continue,
            How::Alone => format!("ZN=; eval {quoted}"),
            How::Own => format!("exec {shell} -fc {quoted}"),
        };
        script.push_str(&format!(
            "{number}; (ulimit -t 1; {run}) </dev/null >/dev/null; {end}\n"
        ));
    }
    script.push_str(if shared > 0 { ")\n" } else { "" });
    script.push_str("exit 0\n");
    script
}

/// How many lines share a subshell.
const SHARED: usize = 20;

/// What the stand-ins write, as it comes.
struct Log {
    rest: Vec<u8>,
    calls: Vec<Vec<Vec<String>>>,
    ends: Vec<bool>,
}

impl Log {
    fn new(lines: usize) -> Log {
        Log {
            rest: Vec::new(),
            calls: vec![Vec::new(); lines],
            ends: vec![false; lines],
        }
    }

    /// Takes in what was read; the line that runs too much, if one does.
    fn take(&mut self, bytes: &[u8]) -> Option<usize> {
        self.rest.extend_from_slice(bytes);
        let mut taken = 0;
        let mut endless = None;
        while let Some((length, index, words)) = record(&self.rest[taken..]) {
            taken += length;
            if words.is_empty() {
                self.ends[index] = true;
                continue;
            }
            self.calls[index].push(words);
            if self.calls[index].len() > MOST {
                endless = Some(index);
            }
        }
        self.rest.drain(..taken);
        endless
    }
}

/// The record at the beginning, if it is whole: its length, its line, its words.
fn record(bytes: &[u8]) -> Option<(usize, usize, Vec<String>)> {
    let mut at = 0;
    let mut field = || {
        let length = bytes[at..].iter().position(|b| *b == 0)?;
        let text = String::from_utf8_lossy(&bytes[at..at + length]).replace('\u{1}', "\n");
        at += length + 1;
        Some(text)
    };
    let (index, count) = (field()?, field()?);
    let number = |text: &str| -> usize {
        text.parse()
            .unwrap_or_else(|_| panic!("a torn record: {:?}", String::from_utf8_lossy(bytes)))
    };
    let words = (0..number(&count))
        .map(|_| field())
        .collect::<Option<_>>()?;
    Some((at, number(&index), words))
}

/// A number from the environment.
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}

/// What workers counted.
#[derive(Default)]
pub struct Tally {
    pub lines: usize,
    /// Lines that another of their group disturbed: alone they ran as expected.
    pub disturbed: usize,
    /// What should not be.
    pub findings: Vec<String>,
    /// How often each production of the grammar was written, and how often in a line that was read.
    pub productions: BTreeMap<&'static str, (usize, usize)>,
}

impl Tally {
    /// Writes the counts, and what was found by `how` each line was run.
    pub fn tell(&self, how: &str) {
        let mut out = std::io::stderr();
        for (name, (written, read)) in &self.productions {
            let _ = writeln!(out, "{written:7} {read:7} {name}");
        }
        let (lines, differences) = (self.lines, self.findings.len());
        let again = self.disturbed;
        let _ = writeln!(
            out,
            "{lines} lines, each {how}: {differences} differences ({again} run again alone)"
        );
    }

    /// A generator that stops writing something would go blind without a word.
    pub fn assert_read<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            let read = self.productions.get(name).map_or(0, |(_, read)| *read);
            assert!(read > 0, "no line with {name} was read");
        }
    }

    pub fn add(&mut self, other: Tally) {
        self.lines += other.lines;
        self.disturbed += other.disturbed;
        self.findings.extend(other.findings);
        for (name, (written, read)) in other.productions {
            let sum = self.productions.entry(name).or_default();
            sum.0 += written;
            sum.1 += read;
        }
    }
}

/// Workers (`AIOPS_ORACLE_WORKERS`, two) share `lines` (`AIOPS_ORACLE_LINES`) in batches of at most `most`; what `compare`
/// (of a seed and a size) found, summed. Lines may run `programs`.
pub fn in_batches(
    programs: &[&str],
    lines: u64,
    most: usize,
    compare: impl Fn(&Sandbox, u64, usize) -> Tally + Sync,
) -> Tally {
    let lines = usize::try_from(setting("AIOPS_ORACLE_LINES", lines)).unwrap();
    let seed = setting("AIOPS_ORACLE_SEED", 20_261_121);
    let size = most.min(lines.div_ceil(2));
    let count = setting("AIOPS_ORACLE_WORKERS", 2).max(1);
    let started = Instant::now();
    let tally = std::thread::scope(|scope| {
        let compare = &compare;
        let workers: Vec<_> = (0..count)
            .map(|worker| {
                scope.spawn(move || {
                    let sandbox = Sandbox::with(programs);
                    let mut tally = Tally::default();
                    let share = lines.div_ceil(usize::try_from(count).unwrap());
                    let mut said = Duration::from_secs(60);
                    for batch in 1..=share.div_ceil(size) as u64 {
                        let seed =
                            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ ((worker << 32) | batch);
                        let found = compare(&sandbox, seed, size);
                        for finding in &found.findings {
                            let _ = writeln!(std::io::stderr(), "FOUND {finding}");
                        }
                        tally.add(found);
                        if started.elapsed() > said {
                            said += Duration::from_secs(60);
                            let (lines, found) = (tally.lines, tally.findings.len());
                            let _ = writeln!(std::io::stderr(), "{lines} lines, {found} findings");
                        }
                    }
                    tally
                })
            })
            .collect();
        let mut tally = Tally::default();
        workers
            .into_iter()
            .for_each(|w| tally.add(w.join().unwrap()));
        tally
    });
    assert!(tally.lines >= lines);
    tally
}

/// A folder for scripts, open to the user they run as.
pub fn folder() -> tempfile::TempDir {
    tempfile::Builder::new()
        .permissions(PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap()
}
