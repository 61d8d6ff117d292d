//! Runs generated lines in real shells, where every command is a stand-in that writes its words down.
//!
//! Lines run with an empty environment, no program on the `PATH`, in an empty folder, and as root under
//! the user nobody with limits: whatever a line is taken for, it can do nothing.

use aiops::command::render;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

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

/// Changes some bytes of a line.
pub fn mutate(random: &mut Random, text: &str) -> String {
    const BYTES: &[u8] = b"pfg a'\"\\|&;<>(){}[]*?!#~=%$`\n\t-+0123/.:,^_@";
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(3) {
        let byte = BYTES[random.below(BYTES.len())];
        match random.below(3) {
            0 if !bytes.is_empty() => {
                let at = random.below(bytes.len());
                bytes[at] = byte;
            }
            1 if !bytes.is_empty() => {
                let at = random.below(bytes.len());
                bytes.remove(at);
            }
            _ => {
                let at = random.below(bytes.len() + 1);
                bytes.insert(at, byte);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What ran by line: each command's words, sorted.
pub type Ran = BTreeMap<usize, Vec<Vec<String>>>;

/// Runs every line in one shell, each in a subshell. `PATH` holds no program.
pub fn run(shell: &str, lines: &[String], dir: &Path) -> Ran {
    // Without pathname expansion a pattern stays as it was read, whatever lies in the folder.
    let mut script =
        String::from("set -f; trap '' PIPE; exec 2>/dev/null; PATH=/nonexistent; FUNCNEST=12\n");
    for name in NAMES {
        let status = u8::from(name == "f");
        // A loop ends with its stand-ins.
        script.push_str(&format!(
            "{name}() {{ case $ZN in x????????????????????????????????????????) exit 9;; esac; ZN=x$ZN; printf '%s\\000' \"$N\" \"$(($#+1))\" {name} \"$@\" >&9; return {status}; }}\n"
        ));
    }
    if shell == "bash" {
        // What no stand-in is for still shows that it would have run.
        script.push_str("command_not_found_handle() { printf '%s\\000' \"$N\" \"$#\" \"$@\" >&9; return 127; }\n");
    }
    for (index, line) in lines.iter().enumerate() {
        let mut quoted = String::new();
        render::quote(&mut quoted, line);
        script.push_str(&format!(
            "N={index}; (ulimit -t 1; ZN=; eval {quoted}) </dev/null >/dev/null\n"
        ));
    }
    script.push_str("exit 0\n");
    let path = dir.join(format!("script-{shell}"));
    std::fs::write(&path, script).unwrap();
    let empty = dir.join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    let mut command = if nix::unistd::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command
    } else {
        Command::new("env")
    };
    // A pipe: it ends when the last background command has ended.
    let output = command
        .args([
            "/bin/sh",
            "-c",
            "exec 9>&1 >/dev/null; exec \"$@\"",
            "sh",
            "prlimit",
            "--nproc=8000",
            "--fsize=200000000",
            "--",
            shell,
        ])
        .arg("/dev/stdin")
        .env_clear()
        .env("PATH", "/nonexistent:/bin:/usr/bin")
        .env("LC_ALL", "C.UTF-8")
        .current_dir(&empty)
        .stdin(Stdio::from(std::fs::File::open(&path).unwrap()))
        .stderr(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.code().is_some_and(|code| code == 0),
        "{shell} did not come to the end of the lines: {}",
        output.status
    );
    parse(&output.stdout)
}

fn parse(log: &[u8]) -> Ran {
    let mut found: Ran = BTreeMap::new();
    let mut fields = log
        .split(|b| *b == 0)
        .map(|f| String::from_utf8_lossy(f).into_owned());
    while let Some(field) = fields.next().filter(|f| !f.is_empty()) {
        let index: usize = field.parse().unwrap_or_else(|_| {
            panic!(
                "a torn record: {field:?} {:?}",
                fields.clone().take(6).collect::<Vec<_>>()
            )
        });
        let count: usize = fields.next().and_then(|f| f.parse().ok()).unwrap();
        found
            .entry(index)
            .or_default()
            .push(fields.by_ref().take(count).collect());
    }
    found.values_mut().for_each(|v| v.sort());
    found
}

/// A number from the environment.
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}

/// Two workers share `lines` in batches; what `compare` (of a seed and a size) counted, summed.
pub fn in_batches(
    lines: usize,
    seed: u64,
    size: usize,
    compare: impl Fn(u64, usize) -> usize + Sync,
) -> usize {
    std::thread::scope(|scope| {
        let compare = &compare;
        let workers: Vec<_> = (0..2u64)
            .map(|worker| {
                scope.spawn(move || {
                    let batches = lines.div_ceil(2).div_ceil(size) as u64;
                    (0..batches)
                        .map(|batch| {
                            let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
                                ^ ((worker << 32) | (batch + 1));
                            compare(seed, size)
                        })
                        .sum::<usize>()
                })
            })
            .collect();
        workers.into_iter().map(|w| w.join().unwrap()).sum()
    })
}

/// A folder for the scripts, open to the user they run as.
pub fn folder() -> tempfile::TempDir {
    tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap()
}
