//! `curl`: one GET or HEAD to an allowed host, nothing sent but a query that stands in the line, nothing written but
//! to stdout.

use super::{Limits, check_host, check_url, int_in, plain_word};

type R = Result<(), String>;

/// Long options without a value and their short letters.
const FLAGS: &[(&str, char)] = &[
    ("--silent", 's'),
    ("--show-error", 'S'),
    ("--fail", 'f'),
    ("--head", 'I'),
    ("--include", 'i'),
    ("--insecure", 'k'),
    ("--verbose", 'v'),
    ("--ipv4", '4'),
    ("--ipv6", '6'),
    ("--get", 'G'),
    ("--globoff", 'g'),
    ("--disable", 'q'),
    ("--no-buffer", 'N'),
    ("--http1.0", '0'),
    ("--location", 'L'),
    ("--compressed", ' '),
    ("--http1.1", ' '),
    ("--http2", ' '),
    ("--fail-with-body", ' '),
    ("--no-progress-meter", ' '),
    ("--tlsv1.2", ' '),
    ("--tlsv1.3", ' '),
    ("--path-as-is", ' '),
    ("--progress-bar", '#'),
    ("--raw", ' '),
    ("--tcp-nodelay", ' '),
    ("--http0.9", ' '),
    ("--http2-prior-knowledge", ' '),
    ("--no-keepalive", ' '),
    ("--tlsv1", '1'),
    ("--tlsv1.0", ' '),
    ("--tlsv1.1", ' '),
    ("--fail-early", ' '),
    ("--retry-connrefused", ' '),
    ("--retry-all-errors", ' '),
    ("--styled-output", ' '),
    ("--no-styled-output", ' '),
    ("--tr-encoding", ' '),
];
/// Options with a value.
const VALUED: &[(&str, char)] = &[
    ("--max-time", 'm'),
    ("--output", 'o'),
    ("--write-out", 'w'),
    ("--header", 'H'),
    ("--user-agent", 'A'),
    ("--request", 'X'),
    ("--connect-timeout", ' '),
    ("--retry", ' '),
    ("--retry-delay", ' '),
    ("--max-filesize", ' '),
    ("--retry-max-time", ' '),
    ("--range", 'r'),
    ("--dump-header", 'D'),
    ("--stderr", ' '),
    ("--speed-limit", 'Y'),
    ("--speed-time", 'y'),
    ("--limit-rate", ' '),
    ("--max-redirs", ' '),
    ("--noproxy", ' '),
    ("--tls-max", ' '),
    ("--proto", ' '),
    ("--referer", 'e'),
    ("--ciphers", ' '),
    ("--url", ' '),
    ("--resolve", ' '),
    ("--connect-to", ' '),
    ("--unix-socket", ' '),
    ("--data", 'd'),
    ("--data-raw", ' '),
    ("--data-urlencode", ' '),
    ("--url-query", ' '),
];
/// Of these each may stand several times.
const REPEATED: &[&str] = &[
    "--header",
    "--resolve",
    "--connect-to",
    "--data",
    "--data-raw",
    "--data-urlencode",
    "--url-query",
];

/// What the words say so far.
#[derive(Default)]
struct Line<'a> {
    urls: Vec<&'a str>,
    /// Options that were given, by their long names.
    seen: Vec<&'static str>,
    /// `HOST:PORT` that lead to this machine whatever their name means elsewhere, in lower case.
    here: Vec<String>,
}

/// Checks all words after `curl`. Its start-up file is not our matter: HOME is empty where it runs.
///
/// # Errors
/// The word that is not accepted.
pub fn check(words: &[&str], limits: &Limits) -> R {
    let mut line = Line::default();
    let mut it = words.iter().copied();
    while let Some(w) = it.next() {
        if let Some(long) = w.strip_prefix("--") {
            if let Some((name, short)) = FLAGS.iter().find(|(n, _)| *n == w) {
                flag(name, *short, limits, &mut line)?;
            } else if let Some((name, _)) = VALUED.iter().find(|(n, _)| *n == w) {
                let v = it.next().ok_or(format!("curl: {name} lacks its value"))?;
                value(name, v, &mut line)?;
            } else {
                return Err(format!("curl: option `--{long}` is not accepted"));
            }
        } else if let Some(cluster) = w.strip_prefix('-').filter(|c| !c.is_empty()) {
            for (i, c) in cluster.char_indices() {
                if let Some((name, s)) = FLAGS.iter().find(|(_, s)| *s == c && c != ' ') {
                    flag(name, *s, limits, &mut line)?;
                    continue;
                }
                let Some((name, _)) = VALUED.iter().find(|(_, s)| *s == c && c != ' ') else {
                    return Err(format!("curl: option `-{c}` in `{w}` is not accepted"));
                };
                let glued = &cluster[i + c.len_utf8()..];
                let v = if glued.is_empty() {
                    it.next().ok_or(format!("curl: -{c} lacks its value"))?
                } else {
                    glued
                };
                value(name, v, &mut line)?;
                break;
            }
        } else {
            line.urls.push(w);
        }
    }
    whole(&line, limits)
}

/// What all words together must be.
fn whole(line: &Line, limits: &Limits) -> R {
    let has = |name: &str| line.seen.contains(&name);
    if ["--data", "--data-raw", "--data-urlencode"]
        .iter()
        .any(|o| has(o))
        && !has("--get")
    {
        return Err("curl: data is accepted with -G only, as the query of a GET".into());
    }
    let [url] = line.urls.as_slice() else {
        let urls = line.urls.len();
        return Err(format!("curl: exactly one URL is accepted, {urls} found"));
    };
    // Where only known paths may be asked for, nothing of the line's own goes along.
    let tells = [
        "--get",
        "--url-query",
        "--header",
        "--user-agent",
        "--referer",
        "--range",
    ];
    if let Some(told) = tells.iter().find(|o| !limits.paths.is_empty() && has(o)) {
        return Err(format!("curl: {told} is not accepted to this host"));
    }
    // An address of the other family is thrown away, and the name's own is asked for (curl, lib/hostip.c).
    if !line.here.is_empty() && (has("--ipv4") || has("--ipv6")) {
        return Err("curl: --resolve and --connect-to are accepted without -4 and -6".into());
    }
    // A name that leads to this machine by --resolve is as good as localhost.
    let mut hosts = limits.hosts.clone();
    hosts.extend(line.here.iter().cloned());
    let own = Limits {
        hosts,
        paths: limits.paths.clone(),
        ..Limits::default()
    };
    check_url(url, &own).map_err(|e| format!("curl: {e}"))
}

fn flag(name: &'static str, short: char, limits: &Limits, line: &mut Line) -> R {
    if short == 'L' && !limits.follow_redirects {
        return Err(format!("curl: {name} may lead away from the allowed hosts"));
    }
    line.seen.push(name);
    Ok(())
}

fn value<'a>(name: &'static str, v: &'a str, line: &mut Line<'a>) -> R {
    if !REPEATED.contains(&name) && line.seen.contains(&name) {
        return Err(format!("curl: {name} stands twice"));
    }
    line.seen.push(name);
    let seconds = |v: &str| {
        v.len() <= 6
            && !v.is_empty()
            && v.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && v.parse::<f64>().is_ok_and(|n| n <= 300.0)
    };
    let ok = match name {
        "--max-time" | "--connect-timeout" | "--retry-delay" | "--retry-max-time" => seconds(v),
        "--retry" | "--max-redirs" => int_in(v, 0, 5, "count").is_ok(),
        "--max-filesize" => int_in(v, 1, 100_000_000, "size").is_ok(),
        "--speed-limit" | "--speed-time" => int_in(v, 1, 1_000_000_000, "number").is_ok(),
        "--limit-rate" => plain_word(v, "") && v.starts_with(|c: char| c.is_ascii_digit()),
        "--output" => matches!(v, "/dev/null" | "-"),
        "--dump-header" | "--stderr" => {
            matches!(v, "/dev/null" | "-" | "/dev/stderr" | "/dev/stdout")
        }
        "--request" => matches!(v, "GET" | "HEAD"),
        "--user-agent" => plain_word(v, " ._/;:()+-"),
        "--referer" => plain_word(v, "._/:?&=-"),
        "--range" => v.bytes().all(|b| b.is_ascii_digit() || b == b'-') && v.len() <= 40,
        "--noproxy" => plain_word(v, "*.,:-"),
        "--tls-max" => matches!(v, "1.0" | "1.1" | "1.2" | "1.3" | "default"),
        "--proto" => matches!(v, "=http" | "=https" | "=http,https" | "=https,http"),
        "--ciphers" => plain_word(v, ":!+@=_-"),
        "--header" => header(v),
        "--data" | "--data-urlencode" | "--url-query" => query(v),
        "--data-raw" => true,
        "--unix-socket" => is_app_socket(v),
        "--url" => {
            line.urls.push(v);
            true
        }
        "--resolve" => match leads_here(v, false) {
            Some(host) => {
                line.here.push(host);
                true
            }
            None => false,
        },
        "--connect-to" => match leads_here(v, true) {
            Some(host) => {
                line.here.push(host);
                true
            }
            None => false,
        },
        // curl 8.3 writes files by %output{FILE}.
        "--write-out" => !v.starts_with('@') && !v.contains("%output") && v.len() <= 1024,
        _ => false,
    };
    if ok {
        Ok(())
    } else {
        Err(format!("curl: `{v}` is not accepted after {name}"))
    }
}

/// `name=content`, of which curl reads no file: a file is named by `@` where no `=` stands.
fn query(v: &str) -> bool {
    v.split_once('=').is_some_and(|(name, _)| {
        name.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-[]".contains(&b))
    })
}

/// The `host:port`, in lower case, that `HOST:PORT:ADDRESS` (or of --connect-to `HOST:PORT:HOST:PORT`) leads to
/// this machine and nowhere else. A host that is an address stays what it is.
fn leads_here(v: &str, to_port: bool) -> Option<String> {
    let mut parts = v.splitn(3, ':');
    let (host, port, to) = (parts.next()?, parts.next()?, parts.next()?);
    let to = match to.rsplit_once(':').filter(|_| to_port) {
        Some((to, port)) if int_in(port, 1, 65_535, "port").is_ok() => to,
        Some((_, "")) | None => to.trim_end_matches(':'),
        Some(_) => return None,
    };
    let named = check_host(host).is_ok() && host.parse::<std::net::IpAddr>().is_err();
    let here = matches!(to, "127.0.0.1" | "[::1]") || to == "::1" && !to_port;
    (named && here && int_in(port, 1, 65_535, "port").is_ok())
        .then(|| format!("{}:{port}", host.to_ascii_lowercase()))
}

/// The socket of a server for applications, which answers as it would on a port of localhost. Never one of those that
/// steer the machine: a GET on docker's reads what containers were given as their environment.
fn is_app_socket(path: &str) -> bool {
    let folder = ["/run/", "/var/run/", "/srv/", "/var/www/"];
    let servers = [
        "gunicorn",
        "uvicorn",
        "hypercorn",
        "daphne",
        "puma",
        "unicorn",
        "uwsgi",
        "thin",
    ];
    let name = path.rsplit('/').next().unwrap_or("");
    folder.iter().any(|f| path.starts_with(f))
        && !path.split('/').any(|part| matches!(part, "." | ".."))
        && path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b))
        && servers.iter().any(|s| name.starts_with(s))
        && (name.ends_with(".sock") || name.ends_with(".socket"))
}

fn header(v: &str) -> bool {
    const NAMES: &[&str] = &[
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "host",
        "origin",
        "pragma",
        "user-agent",
        "x-forwarded-proto",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-real-ip",
        "x-request-id",
        "content-type",
        "connection",
        "if-none-match",
        "if-modified-since",
        "range",
    ];
    v.split_once(':').is_some_and(|(n, value)| {
        NAMES.contains(&n.to_ascii_lowercase().as_str())
            && value.len() <= 256
            && value.bytes().all(|b| (0x20..0x7f).contains(&b))
    })
}
