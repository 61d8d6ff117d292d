//! `ip`, `dig`, `host` and `nslookup`: showing only.

use super::{Limits, check_host, int_in, plain_word};

type R = Result<(), String>;

/// Checks all words after `ip`. It takes any prefix of its words, and `ip l s` sets: only exact
/// spellings that can mean nothing else are accepted.
///
/// # Errors
/// The word that is not accepted.
pub fn check_ip(words: &[&str]) -> R {
    let mut i = 0;
    while let Some(w) = words.get(i).filter(|w| w.starts_with('-')) {
        if !matches!(
            *w,
            "-4" | "-6"
                | "-br"
                | "-brief"
                | "--brief"
                | "-s"
                | "-ss"
                | "-stats"
                | "-statistics"
                | "-d"
                | "-details"
                | "-o"
                | "-oneline"
                | "-j"
                | "-json"
                | "-p"
                | "-pretty"
                | "-h"
                | "-human"
                | "-c"
                | "-color"
                | "-color=never"
                | "-c=never"
                | "-N"
                | "-V"
                | "-t"
                | "-ts"
        ) {
            return Err(format!("ip: option `{w}` is not accepted"));
        }
        i += 1;
    }
    let Some(object) = words.get(i) else {
        return if words.contains(&"-V") {
            Ok(())
        } else {
            Err("ip: an object is expected".into())
        };
    };
    let rest = words.get(i + 1..).unwrap_or_default();
    let verbs: &[&str] = match *object {
        "a" | "addr" | "address" => &["show", "list", "ls", "sh", "s"],
        "l" | "link" | "n" | "neigh" | "neighbor" | "neighbour" | "rule" | "ru" | "maddr"
        | "maddress" | "tunnel" | "mroute" | "ntable" | "tuntap" | "vrf" => &["show", "list", "ls"],
        "r" | "route" => &["show", "list", "ls", "get"],
        "netns" => {
            return if matches!(rest, [] | ["list"]) {
                Ok(())
            } else {
                Err("ip: only `ip netns list`".into())
            };
        }
        _ => return Err(format!("ip: object `{object}` is not accepted")),
    };
    // `ip l sh` shows, and `sh` can mean no other verb.
    let Some(verb) = rest.first() else {
        return Ok(());
    };
    if !verbs.contains(verb) && *verb != "sh" {
        return Err(format!("ip: `{verb}` is not an accepted verb of {object}"));
    }
    let args = rest.get(1..).unwrap_or_default();
    match args.iter().find(|a| !is_argument(a)) {
        Some(a) => Err(format!("ip: `{a}` is not accepted")),
        None if args.len() > 8 => Err("ip: too many words".into()),
        None => Ok(()),
    }
}

/// A keyword, a device, a table, an address or a network; no path.
fn is_argument(word: &str) -> bool {
    match word.split_once('/') {
        None => plain_word(word, "._:@-") && !word.starts_with('.'),
        Some((address, bits)) => {
            address.parse::<std::net::IpAddr>().is_ok() && int_in(bits, 0, 128, "prefix").is_ok()
        }
    }
}

const TYPES: &[&str] = &[
    "A", "AAAA", "CAA", "CNAME", "DNSKEY", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF",
    "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "ANY",
];

fn is_type(w: &str) -> bool {
    TYPES.contains(&w.to_ascii_uppercase().as_str())
}

/// An address whose name no other network is asked for: this host's own, and private ones (RFC 1918, RFC 6303).
/// Any other carries its digits to a name server of whoever holds it.
fn is_near(address: std::net::IpAddr) -> bool {
    match address {
        std::net::IpAddr::V4(a) => a.is_loopback() || a.is_private(),
        std::net::IpAddr::V6(a) => a.is_loopback(),
    }
}

/// A name to look up. What is asked leaves the host, so names are short, and only below the
/// allowed domains where a policy has some.
fn name(w: &str, limits: &Limits) -> R {
    if ["axfr", "ixfr"]
        .iter()
        .any(|x| w.to_ascii_lowercase().starts_with(x))
    {
        return Err(format!("`{w}` asks for a whole zone"));
    }
    let bare = w.strip_suffix('.').unwrap_or(w);
    check_host(bare)?;
    let address = bare
        .parse()
        .is_ok_and(|a| limits.domains.is_empty() || is_near(a));
    let lower = bare.to_ascii_lowercase();
    if limits.domains.is_empty() {
        let long = bare.len() > 100
            || bare.split('.').any(|l| l.len() > 32)
            || bare.split('.').count() > 8;
        return if long && !address {
            Err(format!(
                "`{w}` is longer than names usually are; it could carry data out"
            ))
        } else {
            Ok(())
        };
    }
    let allowed = limits.domains.iter().any(|d| {
        let d = d.to_ascii_lowercase();
        lower == d || lower.strip_suffix(&d).is_some_and(|h| h.ends_with('.'))
    });
    if allowed || address {
        Ok(())
    } else {
        Err(format!("`{w}` is not below an allowed domain"))
    }
}

fn resolver(w: &str, limits: &Limits) -> R {
    let own = ["127.0.0.1", "127.0.0.53", "::1", "localhost"];
    if own.contains(&w) || limits.resolvers.iter().any(|r| r.eq_ignore_ascii_case(w)) {
        Ok(())
    } else {
        Err(format!("name server `{w}` is not allowed here"))
    }
}

/// Checks all words after `dig`.
///
/// # Errors
/// The word that is not accepted.
pub fn check_dig(words: &[&str], limits: &Limits) -> R {
    let mut names = 0;
    let mut it = words.iter();
    while let Some(w) = it.next() {
        if let Some(s) = w.strip_prefix('@') {
            resolver(s, limits)?;
        } else if let Some(p) = w.strip_prefix('+') {
            plus(p)?;
        } else if w.starts_with('-') {
            match *w {
                "-4" | "-6" => {}
                "-t" | "-x" | "-q" => {
                    let v = it.next().ok_or(format!("dig: {w} lacks its value"))?;
                    let ok = match *w {
                        "-t" => is_type(v),
                        "-x" => v.parse::<std::net::IpAddr>().is_ok() && name(v, limits).is_ok(),
                        _ => name(v, limits).is_ok(),
                    };
                    if !ok {
                        return Err(format!("dig: `{v}` is not accepted after {w}"));
                    }
                    names += usize::from(*w != "-t");
                }
                _ => return Err(format!("dig: option `{w}` is not accepted")),
            }
        } else if !is_type(w) && !w.eq_ignore_ascii_case("IN") {
            name(w, limits).map_err(|e| format!("dig: {e}"))?;
            names += 1;
        }
    }
    if (1..=4).contains(&names) {
        Ok(())
    } else {
        Err("dig: one to four names are accepted".into())
    }
}

fn plus(p: &str) -> R {
    let (key, value) = p.split_once('=').unwrap_or((p, ""));
    let ok = match key {
        "time" | "timeout" => int_in(value, 1, 30, "time").is_ok(),
        "tries" | "retry" => int_in(value, 0, 5, "count").is_ok(),
        _ => {
            value.is_empty()
                && matches!(
                    key.strip_prefix("no").unwrap_or(key),
                    "short"
                        | "all"
                        | "answer"
                        | "authority"
                        | "additional"
                        | "question"
                        | "comments"
                        | "cmd"
                        | "stats"
                        | "tcp"
                        | "vc"
                        | "dnssec"
                        | "multiline"
                        | "search"
                        | "recurse"
                        | "rec"
                        | "edns"
                        | "ttlid"
                        | "ttl"
                        | "identify"
                        | "qr"
                        | "cdflag"
                        | "adflag"
                )
        }
    };
    if ok {
        Ok(())
    } else {
        Err(format!("dig: `+{p}` is not accepted"))
    }
}

/// Checks all words after `host` or `nslookup`.
///
/// # Errors
/// The word that is not accepted.
pub fn check_lookup(words: &[&str], limits: &Limits) -> R {
    let mut plain = Vec::new();
    let mut it = words.iter();
    while let Some(w) = it.next() {
        if let Some(t) = w
            .strip_prefix("-type=")
            .or_else(|| w.strip_prefix("-query="))
        {
            if !is_type(t) {
                return Err(format!("lookup: type `{t}` is not accepted"));
            }
        } else if *w == "-t" || *w == "-W" {
            let v = it.next().ok_or(format!("lookup: {w} lacks its value"))?;
            if !(*w == "-t" && is_type(v) || *w == "-W" && int_in(v, 1, 30, "time").is_ok()) {
                return Err(format!("lookup: `{v}` is not accepted after {w}"));
            }
        } else if matches!(*w, "-4" | "-6") {
        } else if w.starts_with('-') {
            return Err(format!("lookup: option `{w}` is not accepted"));
        } else {
            plain.push(*w);
        }
    }
    match plain.as_slice() {
        [n] => name(n, limits),
        [n, s] => name(n, limits).and_then(|()| resolver(s, limits)),
        _ => Err("lookup: a name and at most a server are accepted".into()),
    }
}
