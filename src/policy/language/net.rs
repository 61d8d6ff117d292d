//! `ip`, `dig`, `host` and `nslookup`: showing only.

use super::{Limits, check_host, host_fits, int_in, plain_word};

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
                | "-timestamp"
                | "-tshort"
                | "-0"
                | "-M"
                | "-B"
                | "-iec"
        ) {
            if matches!(*w, "-f" | "-family") && is_family(words.get(i + 1)) {
                i += 2;
                continue;
            }
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
        | "maddress" | "tunnel" | "mroute" | "ntable" | "tuntap" | "vrf" | "netconf"
        | "nexthop" | "addrlabel" | "token" | "tcp_metrics" | "tcpmetrics" | "stats" => {
            &["show", "list", "ls"]
        }
        "r" | "route" => &["show", "list", "ls", "get"],
        // Of these the verb must be there, and the state of transforms (their keys) is never shown.
        "xfrm" | "mptcp" => {
            let known = match (*object, rest) {
                ("xfrm", ["policy", rest @ ..]) => matches!(rest, [] | ["show" | "list" | "ls"]),
                ("mptcp", ["endpoint" | "limits", rest @ ..]) => matches!(rest, [] | ["show"]),
                _ => false,
            };
            return if known {
                Ok(())
            } else {
                Err(format!(
                    "ip: only `ip {object}` with what holds no keys, and show"
                ))
            };
        }
        "netns" => {
            return if matches!(rest, [] | ["list"] | ["list-id"]) {
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

fn is_family(word: Option<&&str>) -> bool {
    matches!(word, Some(&("inet" | "inet6" | "link" | "bridge" | "mpls")))
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

/// An address whose name no other network is asked for: this host's own, and private ones (RFC 1918, RFC 4193,
/// RFC 6303). Any other carries its digits to a name server of whoever holds it.
fn is_near(address: std::net::IpAddr) -> bool {
    match address {
        std::net::IpAddr::V4(a) => a.is_loopback() || a.is_private() || a.is_link_local(),
        std::net::IpAddr::V6(a) => {
            a.is_loopback() || a.is_unique_local() || a.is_unicast_link_local()
        }
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
    if allowed || address || limits.hosts.iter().any(|h| host_fits(h, bare)) {
        Ok(())
    } else {
        Err(format!("`{w}` is not below an allowed domain"))
    }
}

fn resolver(w: &str, limits: &Limits) -> R {
    let own = ["127.0.0.1", "127.0.0.53", "::1", "localhost"];
    if own.contains(&w) || limits.resolvers.iter().any(|r| host_fits(r, w)) {
        Ok(())
    } else {
        Err(format!("name server `{w}` is not allowed here"))
    }
}

/// What a name server says of itself, asked for in class CH: names of no zone.
const CHAOS: &[&str] = &[
    "version.bind",
    "hostname.bind",
    "authors.bind",
    "id.server",
    "version.server",
];

/// Checks all words after `dig`.
///
/// # Errors
/// The word that is not accepted.
pub fn check_dig(words: &[&str], limits: &Limits) -> R {
    let mut names = 0;
    let chaos = words
        .iter()
        .any(|w| w.eq_ignore_ascii_case("CH") || w.eq_ignore_ascii_case("CHAOS"));
    let mut it = words.iter();
    while let Some(w) = it.next() {
        if let Some(s) = w.strip_prefix('@') {
            resolver(s, limits)?;
        } else if let Some(p) = w.strip_prefix('+') {
            plus(p)?;
        } else if w.starts_with('-') {
            if matches!(*w, "-4" | "-6" | "-u" | "-r") {
                continue;
            }
            // The value is the next word or glued: `-x 10.0.0.1`, `-tMX`.
            let (option, glued) = w.split_at_checked(2).unwrap_or((w, ""));
            if !matches!(option, "-t" | "-x" | "-q" | "-c") {
                return Err(format!("dig: option `{w}` is not accepted"));
            }
            let v = match glued {
                "" => it
                    .next()
                    .copied()
                    .ok_or(format!("dig: {w} lacks its value"))?,
                glued => glued,
            };
            let ok = match option {
                "-t" => is_type(v),
                "-c" => v.eq_ignore_ascii_case("IN"),
                "-x" => v.parse::<std::net::IpAddr>().is_ok() && name(v, limits).is_ok(),
                _ => name(v, limits).is_ok(),
            };
            if !ok {
                return Err(format!("dig: `{v}` is not accepted after {option}"));
            }
            names += usize::from(matches!(option, "-x" | "-q"));
        } else if is_type(w)
            || ["IN", "CH", "CHAOS"]
                .iter()
                .any(|c| w.eq_ignore_ascii_case(c))
        {
        } else if chaos && CHAOS.iter().any(|n| w.eq_ignore_ascii_case(n)) {
            names += 1;
        } else {
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

/// Query options that change what is shown or how a server is asked, and neither whom nor for what. Each may have
/// `no` in front.
const PLUS: &[&str] = &[
    "aaflag",
    "aaonly",
    "additional",
    "adflag",
    "all",
    "answer",
    "authority",
    "badcookie",
    "besteffort",
    "cdflag",
    "class",
    "cmd",
    "comments",
    "cookie",
    "crypto",
    "dnssec",
    "do",
    "edns",
    "expandaaaa",
    "expire",
    "fail",
    "identify",
    "ignore",
    "keepopen",
    "multiline",
    "nsid",
    "nssearch",
    "onesoa",
    "qr",
    "question",
    "raflag",
    "rdflag",
    "rec",
    "recurse",
    "rrcomments",
    "search",
    "short",
    "showsearch",
    "stats",
    "tcflag",
    "tcp",
    "trace",
    "ttl",
    "ttlid",
    "ttlunits",
    "unknownformat",
    "vc",
    "yaml",
];

fn plus(p: &str) -> R {
    let (key, value) = p.split_once('=').unwrap_or((p, ""));
    let ok = match key {
        "time" | "timeout" => int_in(value, 1, 30, "time").is_ok(),
        "tries" | "retry" => int_in(value, 0, 5, "count").is_ok(),
        "bufsize" => value.is_empty() || int_in(value, 0, 65_535, "size").is_ok(),
        "ndots" => int_in(value, 0, 5, "count").is_ok(),
        "edns" => value.is_empty() || int_in(value, 0, 1, "version").is_ok(),
        // Begins with `no` itself.
        "nsid" | "nssearch" => value.is_empty(),
        _ => value.is_empty() && PLUS.contains(&key.strip_prefix("no").unwrap_or(key)),
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
        if let Some((option, v)) = w.split_once('=').filter(|_| w.starts_with('-')) {
            // As nslookup writes them.
            let ok = match option {
                "-type" | "-ty" | "-query" | "-q" | "-querytype" => is_type(v),
                "-class" => v.eq_ignore_ascii_case("IN"),
                "-timeout" => int_in(v, 1, 30, "time").is_ok(),
                "-retry" => int_in(v, 0, 5, "count").is_ok(),
                _ => false,
            };
            if !ok {
                return Err(format!("lookup: `{w}` is not accepted"));
            }
        } else if matches!(*w, "-t" | "-W" | "-R" | "-c") {
            let v = it.next().ok_or(format!("lookup: {w} lacks its value"))?;
            let ok = match *w {
                "-t" => is_type(v),
                "-c" => v.eq_ignore_ascii_case("IN"),
                "-W" => int_in(v, 1, 30, "time").is_ok(),
                _ => int_in(v, 0, 5, "count").is_ok(),
            };
            if !ok {
                return Err(format!("lookup: `{v}` is not accepted after {w}"));
            }
        } else if matches!(
            *w,
            "-4" | "-6"
                | "-a"
                | "-v"
                | "-d"
                | "-r"
                | "-s"
                | "-T"
                | "-U"
                | "-C"
                | "-debug"
                | "-nodebug"
                | "-vc"
                | "-norecurse"
                | "-nosearch"
        ) {
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
