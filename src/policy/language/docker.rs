//! `docker` (and `podman`): which line only reads, which changes, and which must never run.

use super::formats::check_template;
use super::{Class, Limits, check_path, int_in, plain_word};
use crate::policy::RiskLevel;

type R = Result<(), String>;

/// What a reading subcommand takes: flags, options with a plain value, how many names.
struct Form {
    flags: &'static [&'static str],
    valued: &'static [&'static str],
    names: (usize, usize),
}

/// Subcommands that may be asked how they are used.
const HELPED: &str = "
    ps images logs inspect exec run build pull push stop start restart rm rmi stats top info version network volume
    container image system service node stack swarm context events history diff port cp commit tag save load kill pause
    unpause rename update wait export import create attach search
";

const NOUNS: &[&str] = &[
    "container",
    "image",
    "volume",
    "network",
    "system",
    "compose",
    "context",
    "node",
    "service",
    "stack",
    "pod",
    "plugin",
];

fn form(path: &[&str]) -> Option<Form> {
    let f = |flags, valued, names| {
        Some(Form {
            flags,
            valued,
            names,
        })
    };
    match path {
        ["ps"] | ["container", "ls" | "list" | "ps"] => f(
            &[
                "-a",
                "--all",
                "-q",
                "--quiet",
                "--no-trunc",
                "-s",
                "--size",
                "-l",
                "--latest",
                "-p",
                "--pod",
                "--ns",
                "--noheading",
                "--sync",
            ],
            &["-f", "--filter", "--format", "-n", "--last", "--sort"],
            (0, 0),
        ),
        ["images"] | ["image", "ls" | "list"] => f(
            &[
                "-a",
                "--all",
                "-q",
                "--quiet",
                "--no-trunc",
                "--digests",
                "--tree",
                "--noheading",
                "-n",
                "--history",
            ],
            &["-f", "--filter", "--format", "--sort"],
            (0, 1),
        ),
        ["logs"] | ["container", "logs"] => f(
            &["-t", "--timestamps", "--details", "--names", "--color"],
            &["--tail", "-n", "--since", "--until"],
            (1, 4),
        ),
        ["stats"] | ["container" | "pod" | "compose", "stats"] => f(
            &["-a", "--all", "--no-stream", "--no-trunc", "--no-reset"],
            &["--format"],
            (0, 16),
        ),
        ["top"] | ["container", "top"] | ["diff"] | ["container", "diff"] => f(&[], &[], (1, 1)),
        // A container, and one of its ports.
        ["port"] | ["container", "port"] => f(&[], &[], (1, 2)),
        ["inspect"] | ["container" | "image" | "volume" | "network", "inspect"] => {
            f(&["-s", "--size"], &["-f", "--format", "--type"], (1, 16))
        }
        ["history"] | ["image", "history"] => f(
            // In full it shows what was set while the image was built.
            &["-q", "--quiet", "-H", "--human"],
            &["--format"],
            (1, 1),
        ),
        ["version"] | ["info"] | ["system", "info"] => f(&[], &["-f", "--format"], (0, 0)),
        ["pod", "ps" | "ls" | "list"] => f(
            &[
                "-q",
                "--quiet",
                "--no-trunc",
                "--ctr-names",
                "--ctr-ids",
                "--ctr-status",
                "--ns",
                "-l",
                "--latest",
            ],
            &["-f", "--filter", "--format", "--sort"],
            (0, 0),
        ),
        [
            "container" | "image" | "volume" | "network" | "pod",
            "exists",
        ] => f(&[], &[], (1, 1)),
        ["context" | "plugin", "ls" | "list"] => {
            f(&["-q", "--quiet", "--no-trunc"], &["--format"], (0, 0))
        }
        ["service", "logs"] => f(
            &[
                "-t",
                "--timestamps",
                "--no-trunc",
                "--no-resolve",
                "--no-task-ids",
                "--raw",
                "--details",
            ],
            &["--tail", "-n", "--since"],
            (1, 1),
        ),
        ["system", "df"] => f(&["-v", "--verbose"], &["--format"], (0, 0)),
        ["service" | "node" | "stack", "ls" | "list"] => {
            f(&["-q", "--quiet"], &["-f", "--filter", "--format"], (0, 0))
        }
        // Names only: the rest of it holds the environment.
        ["compose", "config"] => f(
            &[
                "--services",
                "--images",
                "--profiles",
                "--volumes",
                "--networks",
                "-q",
                "--quiet",
            ],
            &[],
            (0, 8),
        ),
        ["service" | "node" | "stack", "ps"] | ["stack", "services"] => f(
            &["-q", "--quiet", "--no-trunc"],
            &["-f", "--filter", "--format"],
            (1, 4),
        ),
        ["volume" | "network", "ls" | "list"] => f(
            &["-q", "--quiet", "--no-trunc"],
            &["-f", "--filter", "--format"],
            (0, 0),
        ),
        ["compose", "ps"] => f(
            &[
                "-a",
                "--all",
                "-q",
                "--quiet",
                "--services",
                "--no-trunc",
                "--orphans",
                "--orphans=false",
            ],
            &["--format", "--filter", "--status"],
            (0, 16),
        ),
        ["compose", "logs"] => f(
            &["-t", "--timestamps", "--no-color", "--no-log-prefix"],
            &["--tail", "-n", "--since", "--until"],
            (0, 16),
        ),
        ["compose", "ls" | "top" | "images" | "version"] => f(
            &["-a", "--all", "-q", "--quiet", "--short"],
            &["--format", "--filter"],
            (0, 16),
        ),
        ["events"] | ["system", "events"] => f(
            &["--no-trunc", "--stream=false"],
            &["--since", "--until", "-f", "--filter", "--format"],
            (0, 0),
        ),
        _ => None,
    }
}

/// Checks all words after `docker`. Options before the subcommand (`-H`, `--context`, `--config`)
/// are never accepted: they choose another daemon or load plugins.
///
/// # Errors
/// The word that is not accepted.
pub fn check(words: &[&str], limits: &Limits) -> R {
    if matches!(words, ["-v" | "--version"]) || super::asks_for_help(HELPED, words) {
        return Ok(());
    }
    let joined;
    let words = match words.split_first() {
        Some((&"compose", rest)) => {
            joined = project(rest, limits)?;
            &joined[..]
        }
        _ => words,
    };
    let depth = match words.first() {
        Some(n) if NOUNS.contains(n) => 2,
        _ => 1,
    };
    let path = words.get(..depth).unwrap_or(words);
    let form = form(path).ok_or(format!(
        "docker: `{}` is not accepted as a read",
        path.join(" ")
    ))?;
    let mut values: Vec<(&str, &str)> = Vec::new();
    let mut flags: Vec<&str> = Vec::new();
    let mut names = 0;
    let mut it = words[depth..].iter();
    while let Some(w) = it.next() {
        if !w.starts_with('-') {
            // A path is no name: `/etc/x`, `../x`. Nothing is the name of no container.
            if !w.is_empty() && !plain_word(w, "._/:@-")
                || w.starts_with(['/', '.'])
                || w.contains("..")
            {
                return Err(format!("docker: `{w}` is not accepted"));
            }
            names += 1;
        } else if form.flags.contains(w) {
            flags.push(w);
        } else if !w.starts_with("--")
            && w.len() > 2
            && w[1..]
                .chars()
                .all(|c| form.flags.contains(&format!("-{c}").as_str()))
        {
            // A cluster of flags such as -aq: none that a form asks for.
        } else {
            let (name, glued) = match w.split_once('=') {
                Some((n, v)) => (n, Some(v)),
                None => (*w, None),
            };
            // `-qf VALUE`: flags, and at their end a letter that takes the next word.
            let last = format!("-{}", name.chars().last().unwrap_or('-'));
            let cluster = glued.is_none()
                && !name.starts_with("--")
                && name.len() > 2
                && form.valued.contains(&last.as_str())
                && name[1..name.len() - 1]
                    .chars()
                    .all(|c| form.flags.contains(&format!("-{c}").as_str()));
            let takes = |v: &&&str| **v == name || cluster && **v == last;
            let Some(name) = form.valued.iter().find(takes).copied() else {
                return Err(format!("docker: option `{w}` is not accepted here"));
            };
            let v = match glued {
                Some(v) => v,
                None => it.next().ok_or(format!("docker: {w} lacks its value"))?,
            };
            if values.iter().any(|(n, _)| *n == name) && !name.ends_with("filter") {
                return Err(format!("docker: {name} stands twice"));
            }
            value(path, name, v, limits)?;
            values.push((name, v));
        }
    }
    if !(form.names.0..=form.names.1).contains(&names) {
        return Err(format!("docker: {names} names are not accepted here"));
    }
    let has = |n: &[&str]| values.iter().any(|(k, _)| n.contains(k));
    match path.last() {
        // podman's JSON has in full what was set while the image was built.
        Some(&"history") if values.iter().any(|(_, v)| v.contains("json")) => {
            Err("docker: history as JSON shows the environment of the build; name fields".into())
        }
        Some(&"logs") if !has(&["--tail", "-n", "--since"]) => {
            Err("docker: logs need --tail or --since; add --tail 200".into())
        }
        Some(&"stats") if !flags.contains(&"--no-stream") => {
            Err("docker: stats never end; add --no-stream".into())
        }
        // A time that is still to come would be waited for: only so long ago.
        Some(&"events")
            if !flags.contains(&"--stream=false")
                && !values.iter().any(|(n, v)| *n == "--until" && is_ago(v)) =>
        {
            Err("docker: events go on until the time of --until; say --until 0s".into())
        }
        Some(&"config") if flags.is_empty() => {
            Err("docker: compose config shows the environment; add --services or --images".into())
        }
        Some(&"inspect")
            if path.first() != Some(&"network") && !has(&["-f", "--format"]) =>
        {
            Err(
                "docker: inspect shows the environment, or a volume's password; add --format with the fields you need"
                    .into(),
            )
        }
        _ => Ok(()),
    }
}

/// A moment that has passed (21 November 2026), in seconds since 1970.
const PASSED: u64 = 1_795_219_199;

/// Whether events until then end at once: so long ago, or at a moment that has passed.
fn is_ago(value: &str) -> bool {
    let ago = value.strip_suffix(['s', 'm', 'h']);
    ago.is_some_and(|n| int_in(n, 0, 1_000_000, "--until").is_ok())
        || int_in(value, 0, PASSED, "--until").is_ok()
}

/// `compose` with its words, without the options that say which project: `-f FILE`, `-p NAME`.
fn project<'a>(words: &[&'a str], limits: &Limits) -> Result<Vec<&'a str>, String> {
    let mut it = words.iter();
    let mut rest = vec!["compose"];
    while let Some(w) = it.next() {
        let (name, glued) = match w.split_once('=') {
            Some((name, v)) if w.starts_with("--") => (name, Some(v)),
            _ => (*w, None),
        };
        if !matches!(
            name,
            "-f" | "--file" | "-p" | "--project-name" | "--project-directory"
        ) {
            rest.push(w);
            rest.extend(it.by_ref());
            break;
        }
        let v = glued
            .or_else(|| it.next().copied())
            .ok_or(format!("docker: {name} lacks its value"))?;
        let file = matches!(name, "-f" | "--file");
        // A file that is none would be quoted in the error.
        let last = v.rsplit('/').next().unwrap_or_default();
        let composes =
            last.contains("compose") && (last.ends_with(".yml") || last.ends_with(".yaml"));
        let ok = match name {
            "-p" | "--project-name" => plain_word(v, "_-") && !v.starts_with('-'),
            _ => check_path(v, limits).is_ok() && (composes || !file),
        };
        if !ok {
            return Err(format!("docker: `{v}` is not accepted for {name}"));
        }
    }
    Ok(rest)
}

fn value(path: &[&str], name: &str, v: &str, limits: &Limits) -> R {
    let inspect = path.last() == Some(&"inspect");
    let ok = match name {
        "--format" => {
            let whole = matches!(
                v,
                "json" | "table" | "pretty" | "{{json .}}" | "{{ json . }}"
            ) && !inspect;
            return if whole { Ok(()) } else { check_template(v) };
        }
        "-f" if inspect || matches!(path, ["version" | "info"] | ["system", "info"]) => {
            return check_template(v);
        }
        "--tail" | "-n" | "--last" => int_in(v, 0, limits.lines(), name).is_ok(),
        // A time to come is waited for: only how long ago it was.
        "--until" if path.last() == Some(&"events") => is_ago(v),
        "--since" | "--until" => plain_word(v, ".:+-"),
        "--type" => plain_word(v, ""),
        _ => {
            !v.is_empty()
                && !v.starts_with('-')
                && v.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._/:=@*^$!~,+-".contains(&b))
        }
    };
    if ok {
        Ok(())
    } else {
        Err(format!("docker: `{v}` is not accepted for {name}"))
    }
}

/// What a line does that [`check`] does not accept.
pub fn classify(words: &[&str], limits: &Limits) -> Class {
    if check(words, limits).is_ok() {
        return Class::Read;
    }
    let has = |w: &str| words.contains(&w);
    let force = words.iter().any(|w| {
        *w == "--force" || (w.starts_with('-') && !w.starts_with("--") && w.contains('f'))
    });
    if has("--privileged")
        || words.iter().any(|w| {
            w.starts_with("/:")
                || w.contains("=/:")
                || w.contains("docker.sock")
                || *w == "--pid=host"
        })
    {
        return Class::Forbidden("Gives a container the whole host".into());
    }
    let high = RiskLevel::High;
    let medium = RiskLevel::Medium;
    let noun = words.first().copied().unwrap_or("");
    let verb = if NOUNS.contains(&noun) {
        words.get(1).copied().unwrap_or("")
    } else {
        noun
    };
    let (level, what) = match (noun, verb) {
        ("volume", "rm" | "remove" | "prune") => (high, "Deletes volumes with their data"),
        ("system", "prune") if has("--volumes") || has("-a") || has("--all") => {
            (high, "Deletes everything unused, with data or images")
        }
        (_, "prune") => (high, "Deletes what is unused"),
        ("compose", "down") if has("-v") || has("--volumes") => {
            (high, "Stops the project and deletes its volumes")
        }
        (_, "rm" | "remove" | "rmi") if force => (high, "Deletes containers or images by force"),
        (_, "rm" | "remove" | "rmi") => (medium, "Deletes stopped containers or images"),
        (_, "exec" | "run" | "create" | "cp" | "attach" | "commit" | "import" | "load") => (
            high,
            "Runs or changes something inside a container, or as one",
        ),
        (_, "restart" | "start" | "stop" | "pause" | "unpause" | "up" | "down" | "kill") => {
            (medium, "Starts or stops containers")
        }
        (_, "update" | "rename" | "pull" | "tag" | "connect" | "disconnect" | "wait") => {
            (medium, "Changes a container, an image or a network")
        }
        (_, "inspect" | "config") => (
            medium,
            "Shows a configuration with its environment, which may hold secrets",
        ),
        _ => (
            medium,
            "Reads or changes docker in a way that is not known to be harmless",
        ),
    };
    Class::Change(level, what.into())
}
