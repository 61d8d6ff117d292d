//! What single tools say, by their words: numbers, states, and names that servers hold to a form.
//!
//! Must never give a form to what a person, a file or a remote host may have written.

use super::said::Said;

/// Process ids, one a line or with commas between them.
pub(super) fn pgrep(words: &[&str]) -> Option<Said> {
    let mut commas = false;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match *word {
            "-d," => commas = true,
            "-d" if rest.next() == Some(&",") => commas = true,
            word if is_numbers_only(word) => {}
            _ => return None,
        }
    }
    Some(match commas {
        false => Said::of(&["1234"]),
        true => Said::of(&["1234", "1234,5678"]),
    })
}

/// `--value` of a property that is a number, of one unit.
pub(super) fn property(words: &[&str]) -> Option<Said> {
    let (mut name, mut value, mut units) = (None, false, 0);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--value" => value = true,
            "-p" | "--property" if name.is_none() => name = Some(*words.next()?),
            word if word.starts_with("--property=") && name.is_none() => {
                name = word.strip_prefix("--property=");
            }
            word if word.starts_with('-') => return None,
            _ => units += 1,
        }
    }
    match name? {
        _ if !value || units != 1 => None,
        "MainPID" | "ExecMainPID" | "NRestarts" | "ExecMainStatus" => {
            Some(Said::of(&["1234", "0"]))
        }
        "MemoryCurrent" | "TasksCurrent" | "CPUUsageNSec" => Some(Said::of(&["1234", "[not set]"])),
        "ActiveState" | "SubState" | "UnitFileState" | "LoadState" | "Result" => {
            Some(Said::of(&["active", "start-limit-hit"]))
        }
        _ => None,
    }
}

/// `curl -s -o /dev/null -w '%{http_code}' URL`.
pub(super) fn status_code(words: &[&str]) -> Option<Said> {
    let numbers = ["%{http_code}", "%{response_code}", "%{http_code}\\n"];
    let number = numbers.contains(&quiet_curl(words)?);
    number.then(|| Said::of(&["200", "000"]))
}

/// What curl writes out where what it gets of one URL goes nowhere.
pub(super) fn quiet_curl<'a>(words: &[&'a str]) -> Option<&'a str> {
    let (mut format, mut null, mut urls) = (None, false, 0);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let cluster = word
            .strip_prefix('-')
            .filter(|w| !w.starts_with('-') && w.is_ascii());
        match (*word, cluster) {
            ("-m" | "--max-time" | "--connect-timeout", _) => drop(words.next()?),
            ("--silent" | "--show-error" | "--insecure" | "--fail" | "--head", _) => {}
            ("--output", _) => null = *words.next()? == "/dev/null",
            ("--write-out", _) if format.is_none() => format = Some(*words.next()?),
            (_, Some(letters)) => {
                let (flags, last) = letters.split_at(letters.len().saturating_sub(1));
                if !flags.bytes().all(|b| b"sSkfI".contains(&b)) {
                    return None;
                }
                match last {
                    "o" if !null => null = *words.next()? == "/dev/null",
                    "w" if format.is_none() => format = Some(*words.next()?),
                    "s" | "S" | "k" | "f" | "I" => {}
                    _ => return None,
                }
            }
            (word, None) if !word.starts_with('-') => urls += 1,
            _ => return None,
        }
    }
    (null && urls == 1).then_some(format.unwrap_or(""))
}

/// Names that whoever may name a container or a pod could give it: those of files that hold secrets.
pub(super) const FOREIGN: [&str; 2] = ["shadow", "btmp"];

/// Names and numbers of containers, networks and volumes: a letter or digit, then those and `_.-`.
pub(super) fn containers(words: &[&str]) -> Option<Said> {
    let ids = || Some(Said::of(&["0123456789ab"]));
    let names = || Some(Said::of(&["web-1", "shop_db.1", FOREIGN[0], FOREIGN[1]]));
    match words {
        ["ps", words @ ..] => {
            let (mut quiet, mut format) = (false, None);
            let mut words = words.iter();
            while let Some(word) = words.next() {
                match *word {
                    "-q" | "-aq" | "-qa" | "--quiet" => quiet = true,
                    "-a" | "--all" => {}
                    "-f" | "--filter" => drop(words.next()?),
                    "--format" if format.is_none() => format = Some(*words.next()?),
                    _ => return None,
                }
            }
            match format {
                None if quiet => ids(),
                Some("{{.Names}}") if !quiet => names(),
                Some("{{.ID}}") if !quiet => ids(),
                _ => None,
            }
        }
        ["network", "ls", "-q"]
        | ["network", "ls", "-q", "-f" | "--filter", _]
        | ["images", "-q" | "-aq"] => ids(),
        ["compose", "ps", "-q" | "--quiet" | "-aq", services @ ..]
            if services.iter().all(|s| !s.starts_with('-')) =>
        {
            ids()
        }
        ["network" | "volume", "ls", "--format", "{{.Name}}"] | ["volume", "ls", "-q"] => names(),
        [
            "inspect",
            "-f" | "--format",
            "{{.State.Pid}}" | "{{.RestartCount}}" | "{{.State.ExitCode}}",
            name,
        ] if !name.starts_with('-') => Some(Said::of(&["1234"])),
        [
            "inspect",
            "-f" | "--format",
            "{{.State.Status}}" | "{{.State.Health.Status}}",
            name,
        ] if !name.starts_with('-') => Some(Said::of(&["running", "unhealthy"])),
        _ => None,
    }
}

/// Names that the cluster gives objects of a few kinds: small letters, digits, `.` and `-` (RFC 1123).
pub(super) fn objects(words: &[&str]) -> Option<Said> {
    let (kind, words) = words.split_first()?;
    let kind = match *kind {
        "pods" | "pod" | "po" => "pod",
        "nodes" | "node" | "no" => "node",
        "namespaces" | "namespace" | "ns" => "namespace",
        "deployments" | "deployment" | "deploy" => "deployment.apps",
        "statefulsets" | "statefulset" | "sts" => "statefulset.apps",
        "daemonsets" | "daemonset" | "ds" => "daemonset.apps",
        "jobs" | "job" => "job.batch",
        "services" | "service" | "svc" => "service",
        "ingresses" | "ingress" | "ing" => "ingress.networking.k8s.io",
        "pvc" | "persistentvolumeclaims" => "persistentvolumeclaim",
        _ => return None,
    };
    let mut output = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "-A" | "--all-namespaces" | "--no-headers" => {}
            "-n" | "--namespace" | "-l" | "--selector" | "--field-selector" => drop(words.next()?),
            "-o" | "--output" if output.is_none() => output = Some(*words.next()?),
            word if word.starts_with("--field-selector=") || word.starts_with("--selector=") => {}
            word if word.starts_with("-o") && output.is_none() => output = word.strip_prefix("-o"),
            _ => return None,
        }
    }
    match output?.trim_start_matches('=') {
        "name" => Some(Said::of(&[
            &format!("{kind}/web-1"),
            &format!("{kind}/ip-10-0-0-1.ec2.internal"),
        ])),
        "jsonpath={.items[*].metadata.name}" => Some(Said::of(&[
            "web-1",
            "ip-10-0-0-1.ec2.internal",
            FOREIGN[0],
            FOREIGN[1],
        ])),
        _ => None,
    }
}

/// Options of pgrep that leave its output process ids, one a line.
fn is_numbers_only(word: &str) -> bool {
    match word.strip_prefix('-') {
        Some(letters) if !letters.starts_with('-') => {
            !letters.is_empty() && letters.bytes().all(|b| b"foxnuic".contains(&b))
        }
        Some(long) => matches!(long, "-oldest" | "-newest" | "-full" | "-exact"),
        None => true,
    }
}
