//! Whatever a wrapper runs, the reader saw: real programs that run others, with their own options in every order,
//! abbreviated, doubled, cut off and mixed up, in front of stand-ins.
//!
//! A line whose reading is marked as not understood may run anything; of any other, each command that ran must be listed
//! with its words. `AIOPS_ORACLE_LINES`, `AIOPS_ORACLE_SEED` and `AIOPS_ORACLE_WORKERS` make longer runs (CONTRIBUTING.md).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/shells.rs"]
mod shells;

use aiops::command::{Call, Reading, Shell};
use shells::{How, Ran, Random, Sandbox, Tally, mutate};

/// A wrapper, and words of its own that may stand behind its name, with ` | ` between.
type Wrapper = (&'static str, &'static str);

/// Programs of Debian that run others. They have no privilege here, and no network.
const WRAPPERS: &[Wrapper] = &[
    (
        "env",
        "-i | - | -u x | -ux | --unset=x | --unset x | --uns x | -C / | -C/ | --chdir=/ | --chd / | -0 | \
         -v | -iv | -iu x | -- | x=1 | x= | x=W | =a | --ignore-environment | --ig | --debug | --null | \
         -S 'p a' | -S'p a' | -vS 'p a' | --split-string='p a' | --split-string 'p a' | -S 'x=1 p' | \
         -S '-i p' | -S 'p # a' | -S 'p\\_a' | -S \"p 'a b'\" | -S '-S p' | --spl='g b' | -iS 'p a' | \
         -S '' | -S '-- p' | -S 'x' | --block-signal | --block-signal=INT | --default-signal | \
         --ignore-signal=PIPE | --list-signal-handling | -a b | -x",
    ),
    (
        "nice",
        "-n 5 | -n5 | -5 | -n -1 | --5 | --adjustment=5 | --adjustment 5 | --adj 5 | -n 1 -n 2 | -1 -n 2 | \
         -05 | -n | -- | -+5 | -n x | -n '' | +5 | -5x",
    ),
    ("nohup", "-- | -a | --help | --v"),
    (
        "timeout",
        "5 | 5s | 0 | 1m | -k 1 | -k1 | --kill-after=1 | --kill-after 1 | --kill 1 | -s KILL | -sINT | \
         --signal=9 | --sig 9 | --foreground | --fo | --preserve-status | -v | --verbose | -vk 1 | -- | x | \
         -5 | 1e3 | inf | -f | -p",
    ),
    (
        "stdbuf",
        "-oL | -o0 | -o L | -i0 | -e 0 | -eL | --output=L | --output 0 | --out=L | --input=0 | --error=0 | \
         -- | -o0e0 | -oLi0 | -x",
    ),
    (
        "setsid",
        "-w | -c | --wait | --wa | -cw | -- | --ctty | -wV | -x",
    ),
    (
        "ionice",
        "-c3 | -c 3 | -c2 -n7 | -c2 -n 7 | -n 7 | -t | --ignore | --class 3 | --class=idle | --cl 3 | -tc3 | \
         --classdata=1 | -p 1 | -p1 | -- | -c x | -p 0 | -u 1 | -P 1 | -p W",
    ),
    (
        "chrt",
        "-o 0 | -b 0 | -i 0 | --other 0 | --idle 0 | 0 | 1 | -v | -p | -p 0 | -p 1 | -bv | -R | -a | -T 1 | \
         -m | --max | -- | -o | -pa 0 | --batch | -f | -T1",
    ),
    (
        "taskset",
        "1 | -c 0 | -c | 0 | 0x1 | -p | -p 1 | -a | -pc 0 | --cpu-list 0 | --cpu 0 | --all-tasks | -- | \
         -ac 0 | 3 | x",
    ),
    (
        "flock",
        "/ | /bin | /dev/null | -n | -n / | -w 1 | -w1 | -E 3 | -s | -x / | -o | -F | -c | -c 'p a' | \
         -c'p a' | --command 'p a' | --command='p a' | --no-fork | --close | -- | 0 | 9 | -u | --nb | \
         --timeout 1 | --wait=1 | --verbose | -ne | /nowhere | -nc",
    ),
    (
        "unshare",
        "-r | -U | -m | -rm | --user | -f | -fp | --fork | --map-root-user | --map-roo | -c | -u | \
         --mount-proc | --mount-proc=/proc | -R / | --root=/ | -w / | --wd / | -S 0 | --kill-child | \
         --setuid 0 | -- | --propagation private | -rfp | -n | -i | -C | --net=/x | -T",
    ),
    (
        "nsenter",
        "-t 1 | -t1 | --target 1 | --target=1 | -U/proc/self/ns/user | -r/ | -w/ | -r | -w | -F | \
         --no-fork | --root=/ | --wd=/ | -m | --mount | -S 0 | -G0 | --preserve-credentials | -- | -a | \
         -W / | -W/ | -p | -Z",
    ),
    (
        "chroot",
        "/ | /bin | --userspec=0 | --userspec 0:0 | --groups=0 | --groups 0 | --skip-chdir | --sk | -- | W",
    ),
    (
        "setpriv",
        "--nnp | --no-new-privs | --no-new | --reset-env | --clear-groups | --keep-groups | --ruid 65534 | \
         --reuid=65534 | --inh-caps -all | --bounding-set=-all | --pdeathsig KILL | --securebits +noroot | \
         -d | --dump | -- | --groups 0 | --pdeath KILL",
    ),
    (
        "prlimit",
        "--nofile=100 | --nofile 100 | -n100 | -n | -n 100 | --core=0 | -c0 | --pid 1 | -p 1 | --nofile | \
         --raw | --noheadings | -o SOFT | --output SOFT | -- | --verbose | -c | -q | --cpu=5:6",
    ),
    (
        "choom",
        "-n 0 | -n0 | -p 1 | --adjust 0 | --adjust=0 | --adj 0 | -- | -n 1 -- | --pid 1 | -p 0",
    ),
    (
        "setarch",
        "x86_64 | -R | -v | --addr-no-randomize | --list | -X | -- | linux64 | -RX | --4gb | --uname-2.6 | -p",
    ),
    ("linux64", "-R | -- | -v | -RX | x86_64"),
    (
        "time",
        "-p | -f %e | -f%e | -o /dev/null | -ao /dev/null | --format=%e | --format %e | --output=/dev/null | \
         -v | -q | -- | --ver | -a | --quiet",
    ),
    (
        "xargs",
        "-0 | -n 1 | -n1 | -n 2 | -L 1 | -L1 | -l | -l1 | -i | -i% | -I {} | -I% | -I g | -I a | -Ip | -r | \
         -t | -x | -P 2 | -d ' ' | -da | -d '\\0' | -E b | -Eb | -e | -eb | -s 99 | -a /dev/null | --null | \
         --max-args=1 | --max-args 1 | --max-lines | --max-lines=1 | --replace | --replace=% | --replace=g | \
         --delimiter=b | --delim b | --eof | --eof=b | --no-run-if-empty | --no-run | --exit | --verbose | \
         --arg-file=/dev/null | --max-procs=2 | -- | -p | --interactive | -o | -0n1 | -rn 1 | \
         --process-slot-var=x | --show-limits | --max-ch 99 | -0I {} | -L 1 -I {} | -I {} -n 1",
    ),
    (
        "find",
        ". | / | -H | -L | -P | -O2 | -D exec | -maxdepth 0 | -name bin | -name W | ! | '(' | ')' | \\( | \
         -o | -a | , | -not | -prune | -quit | -print | -exec p {} ';' | -exec g {} + | -exec p a{}b \\; | \
         -execdir p {} ';' | -execdir g {} + | -ok p {} ';' | -okdir g ';' | -exec p ';' -exec g ';' | \
         -exec p + {} ';' | -exec p {} + -exec | -exec {} ';' | -exec | ';' | + | {} | -type d | \
         -printf %p | -print0 | -path /bin | -newer . | -files0-from - | -exec p '{}' \";\" | \
         -exec p ; g ';' | -mindepth 1 | -empty | -fprint /dev/null | -- | -perm /1 | -depth | \
         -exec env {} \\;",
    ),
    (
        "sh",
        "-c 'p a' | -ec 'p a; g' | -c -e 'p a' | -e | -x | -u | +e | -c | 'p a' | -- | - | -s | \
         -c -- 'p a' | -o errexit | -eo errexit | +o errexit | -c 'p \"$0\" \"$@\"' | -ce 'exec p' | \
         /dev/null | -c 'exec \"$@\"' | -cs 'p a' | -i | -n | -f | -c '' | -co errexit 'p a' | \
         -oc errexit 'p a'",
    ),
    (
        "bash",
        "-c 'p a' | -ec 'p a; g' | -c -e 'p a' | --norc | --noprofile | --posix | -O extglob | +O extglob | \
         -o posix | -x | -c | 'p a' | -- | - | -s | -c -- 'p a' | -cO extglob 'p a' | --init-file x | \
         --rcfile x | -r | --restricted | -c 'p \"$0\" \"$@\"' | -c 'exec \"$@\"' | --noediting | -n | -D | \
         -l | --login | -o | /dev/null | -norc | -posix | -cO | -oc errexit 'p a' | -p | --dump-strings | -v",
    ),
    (
        "exec",
        "-a x | -c | -l | -ca x | -cl | -ax | -- | -la x | >&2 | -",
    ),
    (
        "command",
        "-p | -- | -v | -V | -pv | -p -p | -pV | -x | exec | builtin | command | eval",
    ),
    ("builtin", "-- | command | exec | eval | builtin | -x"),
    (
        "eval",
        "-- | 'p a' | p | 'p a;' | exec | \"p 'a b'\" | 'x=1' | command",
    ),
    (
        "busybox",
        "env | env -i | nice | nice -n 5 | nice -5 | nohup | timeout 5 | timeout -k 1 5 | \
         timeout -s KILL 5 | setsid | setsid -c | xargs | xargs -n 1 | xargs -I {} | xargs -0 | xargs -i | \
         find . -exec | find -maxdepth 0 -exec | sh -c 'p a' | ash -c 'p a' | time | time -p | chroot / | \
         unshare -r | setpriv --nnp | taskset 1 | chrt 0 | start-stop-daemon -S -x | run-parts | linux64 | \
         nsenter | -- | {} ';' | {} + | -o | xargs -r -t | env - | nice -n | flock / | -exec | \
         timeout -t 5 | setsid -w | --help",
    ),
];

fn words_of(own: &'static str) -> Vec<&'static str> {
    own.split('|').map(str::trim).collect()
}

/// Those of them which are no builtins, and no shells.
fn programs() -> Vec<&'static str> {
    let names = WRAPPERS.iter().map(|(name, _)| *name);
    let shells = ["sh", "bash", "exec", "command", "builtin", "eval"];
    names.filter(|name| !shells.contains(name)).collect()
}

/// Words of any kind, where an option or a value was expected.
const ODD: &[&str] = &[
    "--",
    "-",
    "p",
    "g a",
    "5",
    "-5",
    "x=1",
    "''",
    "$v",
    "\"$v\"",
    "{}",
    "+",
    "';'",
    "--help",
    "-c",
    "-n",
    "W",
    "a",
    "'a b'",
    "*",
    "$(p)",
    "--x",
    "-x",
    "~",
    "{p,g}",
    "-{n,c}",
    "/",
    "\"$v\"p",
    "2>&1",
    "</dev/null",
    "--=a",
    "''p",
];

/// What is wrapped.
const COMMANDS: &[&str] = &[
    "p",
    "g a",
    "p -n b",
    "g -- c",
    "p --help",
    "p {} a",
    "g a {}",
    "f",
    "p '' a",
    "g 'a b'",
    "/bin/p a",
    "p x=1",
    "p -c g",
    "sh -c 'p a'",
    "sh -c 'p \"$@\"' x y",
    "x=1",
    "p ';'",
    "g +",
    "exec p",
    "command p a",
    "\"$v\" a",
    "$v",
    "p $v",
    "env p",
    "",
];

const VALUES: &[&str] = &[
    "p", "g", "''", "-c", "'p a'", "--", "-n", "5", "'-n 1 p'", "{}", "'-i'", "'x=1'",
];

const INPUTS: &[&str] = &[
    "",
    "",
    "",
    "",
    "echo a b | ",
    "printf 'p a\\n' | ",
    "printf 'a\\0g b\\0' | ",
    "echo y | ",
    "printf '%s\\n' -n 1 | ",
];

struct Writer {
    random: Random,
    used: Vec<&'static str>,
}

impl Writer {
    fn line(&mut self) -> String {
        self.used.clear();
        let mut words: Vec<String> = Vec::new();
        for _ in 0..=self.random.below(5) / 2 {
            self.wrapper(&mut words);
        }
        words.push(self.random.pick(COMMANDS).to_owned());
        for _ in 0..self.random.below(3) {
            self.change(&mut words);
        }
        let mut line = String::new();
        if words.iter().any(|w| w.contains("$v")) && self.random.below(3) > 0 {
            line = format!("v={}; ", self.random.pick(VALUES));
        }
        line.push_str(self.random.pick(INPUTS));
        line.push_str(&words.join(" "));
        line.push_str(self.random.pick(&[
            "",
            "",
            "",
            " b",
            " 2>&1",
            " </dev/null",
            "; p",
            " && g",
            " <<<'p a'",
        ]));
        if self.random.below(8) == 0 {
            line = mutate(&mut self.random, &line);
        }
        line
    }

    fn wrapper(&mut self, words: &mut Vec<String>) {
        let (name, own) = WRAPPERS[self.random.below(WRAPPERS.len())];
        self.used.push(name);
        words.push(name.to_owned());
        for _ in 0..self.random.below(4) {
            let word = self.random.pick(&words_of(own));
            words.push(self.fill(word));
        }
        // Most of these run nothing without one.
        match name {
            "timeout" => words.push("5".to_owned()),
            "flock" | "chroot" => words.push("/".to_owned()),
            "taskset" => words.push("1".to_owned()),
            "chrt" => words.push("-o 0".to_owned()),
            _ => {}
        }
    }

    /// One word, with what `W` stands for.
    fn fill(&mut self, word: &str) -> String {
        match word.strip_suffix('W') {
            Some(before) => format!("{before}{}", self.random.pick(VALUES)),
            None => word.to_owned(),
        }
    }

    /// Something that whoever reads options carelessly would not expect.
    fn change(&mut self, words: &mut Vec<String>) {
        let at = self.random.below(words.len());
        let other = self.random.below(words.len());
        match self.random.below(8) {
            0 => {
                words.remove(at);
                words.push("p".to_owned());
            }
            1 => words.swap(at, other),
            2 => words.insert(at, words[other].clone()),
            3 | 4 => {
                let odd = self.random.pick(ODD);
                let odd = self.fill(odd);
                words.insert(at, odd);
            }
            5 => {
                let (_, own) = WRAPPERS[self.random.below(WRAPPERS.len())];
                let own = self.random.pick(&words_of(own));
                words.insert(at, own.to_owned());
            }
            6 => {
                // An option cut short, as getopt_long takes it too.
                let end = words[at].find(['=', ' ']).unwrap_or(words[at].len());
                if words[at].starts_with("--") && end > 4 {
                    let cut = 3 + self.random.below(end - 3);
                    words[at].replace_range(cut..end, "");
                }
            }
            _ => {
                // Two words of options in one.
                if let Some(next) = words.get(at + 1).cloned()
                    && let Some(letters) = next.strip_prefix('-')
                {
                    words[at].push_str(letters);
                    words.remove(at + 1);
                }
            }
        }
    }
}

/// Whether a command that ran is this one, as far as its words say.
fn is(call: &Call, ran: &[String]) -> bool {
    let mut told = 0;
    for (word, ran) in call.words.iter().zip(ran) {
        match word.literal() {
            Some(text) if text == ran => told += 1,
            Some(_) => return false,
            None => return told > 0 || call.name.text == *ran,
        }
    }
    // A word that is known only when it runs may be none, or many.
    let rest = call.words.get(told..).unwrap_or_default();
    told > 0 && rest.iter().all(|w| w.literal().is_none()) && (told == ran.len())
}

/// Whether the reading says that something runs which it cannot name.
fn is_marked(reading: &Reading) -> bool {
    let unnamed = |c: &Call| c.words.first().is_some_and(|w| w.literal().is_none());
    reading
        .calls
        .iter()
        .any(|c| c.wraps.is_unread() || unnamed(c))
}

fn compare(sandbox: &Sandbox, seed: u64, wanted: usize) -> Tally {
    let mut writer = Writer {
        random: Random(seed | 1),
        used: Vec::new(),
    };
    let mut tally = Tally::default();
    let mut readings: Vec<Reading> = Vec::new();
    while readings.len() < wanted {
        let text = writer.line();
        let reading = aiops::command::read(&text);
        let marked = reading.as_ref().is_ok_and(is_marked);
        for name in &writer.used {
            let count = tally.productions.entry(name).or_default();
            count.0 += 1;
            count.1 += usize::from(reading.is_ok() && !marked);
        }
        if let Ok(reading) = reading
            && !marked
        {
            readings.push(reading);
        }
    }
    tally.lines = wanted;
    for shell in ["bash", "dash"] {
        let chosen: Vec<&Reading> = readings
            .iter()
            .filter(|r| shell == "bash" || r.shell == Shell::Posix)
            .collect();
        let lines: Vec<(&str, How)> = chosen
            .iter()
            .map(|r| (r.source.as_str(), How::Own))
            .collect();
        let all: Vec<Ran> = sandbox.run(shell, &lines);
        for (reading, ran) in chosen.iter().zip(&all) {
            for call in &ran.calls {
                if !reading.calls.iter().any(|c| is(c, call)) {
                    let source = &reading.source;
                    tally.findings.push(format!(
                        "{shell} ran {call:?}, which was not seen: {source:?} (seed {seed})"
                    ));
                }
            }
            tally.productions.entry("(ran something)").or_default().0 +=
                usize::from(!ran.calls.is_empty());
        }
    }
    tally
}

#[test]
fn what_wrappers_run_the_reader_saw() {
    if !Sandbox::new().walled {
        eprintln!("wrappers run only where root can wall them in");
        return;
    }
    let tally = shells::in_batches(&programs(), 3_000, 1000, compare);
    tally.tell("run by two shells");
    tally.assert_read(WRAPPERS.iter().map(|(name, _)| *name));
    assert!(tally.findings.is_empty(), "{:#?}", tally.findings);
}
