//! `curl`: one GET or HEAD to an allowed host, nothing sent, nothing written but to stdout.

use super::{Limits, check_url, int_in, plain_word};

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
];

/// Checks all words after `curl`. Its start-up file is not our matter: HOME is empty where it runs.
///
/// # Errors
/// The word that is not accepted.
pub fn check(words: &[&str], limits: &Limits) -> R {
    let mut urls = 0;
    let mut seen = Vec::new();
    let mut it = words.iter();
    while let Some(w) = it.next() {
        if let Some(long) = w.strip_prefix("--") {
            if let Some((name, short)) = FLAGS.iter().find(|(n, _)| n == w) {
                flag(name, *short, limits)?;
            } else if let Some((name, _)) = VALUED.iter().find(|(n, _)| n == w) {
                let v = it.next().ok_or(format!("curl: {name} lacks its value"))?;
                value(name, v, &mut seen)?;
            } else {
                return Err(format!("curl: option `--{long}` is not accepted"));
            }
        } else if let Some(cluster) = w.strip_prefix('-').filter(|c| !c.is_empty()) {
            for (i, c) in cluster.char_indices() {
                if let Some((name, s)) = FLAGS.iter().find(|(_, s)| *s == c && c != ' ') {
                    flag(name, *s, limits)?;
                    continue;
                }
                let Some((name, _)) = VALUED.iter().find(|(_, s)| *s == c && c != ' ') else {
                    return Err(format!("curl: option `-{c}` in `{w}` is not accepted"));
                };
                let glued = &cluster[i + c.len_utf8()..];
                let v = if glued.is_empty() {
                    it.next()
                        .copied()
                        .ok_or(format!("curl: -{c} lacks its value"))?
                } else {
                    glued
                };
                value(name, v, &mut seen)?;
                break;
            }
        } else {
            check_url(w, limits).map_err(|e| format!("curl: {e}"))?;
            urls += 1;
        }
    }
    if urls == 1 {
        Ok(())
    } else {
        Err(format!("curl: exactly one URL is accepted, {urls} found"))
    }
}

fn flag(name: &str, short: char, limits: &Limits) -> R {
    if short == 'L' && !limits.follow_redirects {
        return Err(format!("curl: {name} may lead away from the allowed hosts"));
    }
    Ok(())
}

fn value(name: &str, v: &str, seen: &mut Vec<String>) -> R {
    if name != "--header" {
        if seen.iter().any(|s| s == name) {
            return Err(format!("curl: {name} stands twice"));
        }
        seen.push(name.to_string());
    }
    let seconds = |v: &str| {
        v.len() <= 6
            && !v.is_empty()
            && v.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && v.parse::<f64>().is_ok_and(|n| n <= 300.0)
    };
    let ok = match name {
        "--max-time" | "--connect-timeout" | "--retry-delay" => seconds(v),
        "--retry" => int_in(v, 0, 5, "count").is_ok(),
        "--max-filesize" => int_in(v, 1, 100_000_000, "size").is_ok(),
        "--output" => v == "/dev/null",
        "--request" => matches!(v, "GET" | "HEAD"),
        "--user-agent" => plain_word(v, " ._/;:()+-"),
        "--header" => header(v),
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
        "range",
    ];
    v.split_once(':').is_some_and(|(n, value)| {
        NAMES.contains(&n.to_ascii_lowercase().as_str())
            && value.len() <= 256
            && value.bytes().all(|b| (0x20..0x7f).contains(&b))
    })
}
