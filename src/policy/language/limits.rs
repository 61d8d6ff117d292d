//! What a policy allows a reader: paths, hosts, names, namespaces, tables.
//!
//! An empty list is at its strictest except where its comment says otherwise.

use serde::{Deserialize, Serialize};

/// The `reader_options` of a rule. Every field may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Absolute directories (or files) that may be read, compared component by component.
    pub under: Vec<String>,
    /// Absolute paths never read although under `under`; `*` stands for any text, also `/`.
    pub not: Vec<String>,
    /// `host` or `host:port`, or what [`host_fits`] understands. Empty: `localhost`, `127.0.0.1` and `[::1]`.
    pub hosts: Vec<String>,
    /// Paths of URLs that may be asked for, exact and with their query; the URL then carries nothing else. Empty: any.
    pub paths: Vec<String>,
    /// Name servers that `dig @server` may ask, as [`host_fits`] understands them. Empty: 127.0.0.1, 127.0.0.53, ::1.
    pub resolvers: Vec<String>,
    /// Domains that may be looked up, with all their subdomains. Empty: any short name.
    pub domains: Vec<String>,
    /// Tables and views an SQL `SELECT` may name besides the statistics views: `name` or
    /// `schema.name`, exact.
    pub tables: Vec<String>,
    /// Redis keys (with `*` for any text) whose values may be read.
    pub keys: Vec<String>,
    /// Kubernetes namespaces.
    pub namespaces: Namespaces,
    /// Kubernetes kinds, plural, whose `-o yaml|json` is not secret (e.g. `configmaps`).
    pub full_output: Vec<String>,
    /// curl may follow redirects (`-L`), which leave the allowed hosts when a server says so.
    pub follow_redirects: bool,
    /// `openssl s_client` is allowed to allowed hosts: only where the rule has no stdin but a
    /// pipe it trusts, because what is piped in is sent to the host.
    pub s_client: bool,
    /// The most lines a log reader may ask for. 0: 10,000.
    pub max_lines: u64,
}

/// Kubernetes namespaces by tier. With `read` empty, every namespace not named in the other two
/// may be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Namespaces {
    /// May be read without asking.
    pub read: Vec<String>,
    /// Asked each time, reads too.
    pub approval: Vec<String>,
    /// Never.
    pub forbidden: Vec<String>,
}

impl Limits {
    /// The bound for `--tail`, `-n` and their like.
    pub fn lines(&self) -> u64 {
        if self.max_lines == 0 {
            10_000
        } else {
            self.max_lines
        }
    }
}

/// Checks an absolute path: normalised, plain characters, inside `under`, outside `not`.
/// Links inside cannot be seen from here: the user on the target must lack the permission.
///
/// # Errors
/// Says which condition fails.
pub fn check_path(path: &str, limits: &Limits) -> Result<(), String> {
    if !path.starts_with('/') {
        return Err(format!("`{path}` is not an absolute path"));
    }
    if path.len() > 1024
        || !path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/._@:+,=-".contains(&b))
    {
        return Err(format!(
            "path `{path}` has characters other than letters, digits and ._@:+,=-"
        ));
    }
    let trimmed = if path == "/" {
        path
    } else {
        path.strip_suffix('/').unwrap_or(path)
    };
    if trimmed != "/"
        && trimmed
            .split('/')
            .skip(1)
            .any(|c| matches!(c, "" | "." | ".."))
    {
        return Err(format!("path `{path}` has an empty, `.` or `..` component"));
    }
    if let Some(n) = limits.not.iter().find(|n| forbids(n, trimmed)) {
        return Err(format!("path `{path}` is excluded by `{n}`"));
    }
    if limits.under.iter().any(|u| is_under(trimmed, u)) {
        Ok(())
    } else {
        Err(format!(
            "path `{path}` is not under a directory this rule may read"
        ))
    }
}

/// Component-wise: `/var/log` holds `/var/log/x`, not `/var/log-evil`.
fn is_under(path: &str, root: &str) -> bool {
    let root = root.strip_suffix('/').unwrap_or(root);
    path == root
        || path
            .strip_prefix(root)
            .is_some_and(|rest| rest.starts_with('/'))
}

fn forbids(pattern: &str, path: &str) -> bool {
    if pattern.contains('*') {
        glob(pattern.as_bytes(), path.as_bytes())
            || glob(format!("{pattern}/*").as_bytes(), path.as_bytes())
    } else {
        is_under(path, pattern)
    }
}

/// `*` matches any text; linear in the product of both lengths at worst.
pub(super) fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == text.get(t) {
            p += 1;
            t += 1;
        } else if let Some((sp, st)) = star {
            p = sp + 1;
            t = st + 1;
            star = Some((sp, st + 1));
        } else {
            return false;
        }
    }
    pattern
        .get(p..)
        .is_some_and(|rest| rest.iter().all(|b| *b == b'*'))
}

/// A host name (RFC 1123) or an IP address in its usual spelling; no user, no port.
///
/// # Errors
/// Says what is odd about it.
pub fn check_host(text: &str) -> Result<(), String> {
    if text.parse::<std::net::Ipv6Addr>().is_ok() || text.parse::<std::net::Ipv4Addr>().is_ok() {
        return Ok(());
    }
    let labels_ok = text.len() <= 253
        && text.split('.').all(|l| {
            (1..=63).contains(&l.len())
                && !l.starts_with('-')
                && !l.ends_with('-')
                && l.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        });
    // A last label that is a number is some tool's odd spelling of an address (127.1, 0x7f.1, 0X7F000001); no domain is
    // called so (RFC 3696, 2).
    let last = text.rsplit('.').next().unwrap_or("").to_ascii_lowercase();
    let numeric = last.bytes().all(|b| b.is_ascii_digit())
        || ["0x", "0b", "0o"].iter().any(|base| last.starts_with(base));
    if labels_ok && !numeric {
        Ok(())
    } else {
        Err(format!(
            "`{text}` is not a host name or an address in its usual spelling"
        ))
    }
}

/// Whether a host is the one that an entry of a list names: itself whatever its case, an address of a network
/// (`10.0.0.0/8`), a name below a domain (`*.internal`), or a name of one label (`*`), which a resolver looks for
/// among its own. Names of two letters are countries' domains, some of which are hosts, so `*` leaves them out.
pub fn host_fits(entry: &str, host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    if let Some((network, bits)) = entry.split_once('/') {
        return is_in_network(network, bits, host);
    }
    if check_host(host).is_err() || host.parse::<std::net::IpAddr>().is_ok() {
        // What stands for many is no host.
        return entry == host && !host.contains(['*', '/']);
    }
    let (entry, host) = (entry.to_ascii_lowercase(), host.to_ascii_lowercase());
    match entry.strip_prefix('*') {
        Some("") => {
            let country = host.len() == 2 && host.bytes().all(|b| b.is_ascii_alphabetic());
            !host.contains('.') && !country
        }
        Some(domain) => {
            domain.starts_with('.') && host.len() > domain.len() && host.ends_with(domain)
        }
        None => entry == host,
    }
}

/// Whether an address, in its usual spelling, lies in a network. `fe80::1%eth0` says by which link.
fn is_in_network(network: &str, bits: &str, host: &str) -> bool {
    use std::net::IpAddr;
    let address = match host.split_once('%') {
        Some((address, link)) if address.starts_with("fe80:") && super::plain_word(link, "._-") => {
            address
        }
        Some(_) => return false,
        None => host,
    };
    let (Ok(network), Ok(bits), Ok(address)) = (
        network.parse::<IpAddr>(),
        bits.parse::<u32>(),
        address.parse::<IpAddr>(),
    ) else {
        return false;
    };
    // Shifted by all bits there is nothing left to compare: such a network is none.
    match (network, address) {
        (IpAddr::V4(n), IpAddr::V4(a)) if (1..=32).contains(&bits) => {
            (n.to_bits() ^ a.to_bits()) >> (32 - bits) == 0
        }
        (IpAddr::V6(n), IpAddr::V6(a)) if (1..=128).contains(&bits) => {
            (n.to_bits() ^ a.to_bits()) >> (128 - bits) == 0
        }
        _ => false,
    }
}

/// A port from 1 to 65535.
///
/// # Errors
/// Says so when it is not.
pub fn check_port(text: &str) -> Result<(), String> {
    super::int_in(text, 1, 65_535, "port").map(|_| ())
}

/// Whether `host` (lower case; an IPv6 address with brackets) with `port` is allowed.
pub(super) fn host_allowed(host: &str, port: u16, limits: &Limits) -> bool {
    let own = ["localhost", "127.0.0.1", "[::1]"];
    if limits.hosts.is_empty() {
        return own.contains(&host);
    }
    let with_port = format!("{host}:{port}");
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let one = !host.contains(['*', '/']);
    one && limits.hosts.iter().any(|h| {
        let h = h.to_ascii_lowercase();
        h == host || h == with_port || h.contains(['*', '/']) && host_fits(&h, bare)
    })
}

/// An http or https URL (RFC 3986, a small part) to an allowed host. No user, no globbing of
/// curl, no odd spelling of addresses. `http://` may be left out, as curl lets one.
///
/// # Errors
/// Says which part is not accepted.
pub fn check_url(url: &str, limits: &Limits) -> Result<(), String> {
    let (port, rest) = if let Some(r) = url.strip_prefix("http://") {
        (80, r)
    } else if let Some(r) = url.strip_prefix("https://") {
        (443, r)
    } else if url.contains("://") {
        return Err(format!("`{url}`: only http:// and https:// are accepted"));
    } else {
        (80, url)
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    if !tail
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-._~/?&=%:+,;!()*'#$".contains(&b))
    {
        return Err(format!(
            "`{url}`: the path or query has a character that curl or a shell may read as its own"
        ));
    }
    let (host, port) = if let Some(v6) = authority.strip_prefix('[') {
        let Some((inner, after)) = v6.split_once(']') else {
            return Err(format!(
                "`{url}`: an IPv6 address needs its closing bracket"
            ));
        };
        if inner.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(format!("`{url}`: `{inner}` is not an IPv6 address"));
        }
        (format!("[{inner}]"), port_after(after, port)?)
    } else {
        let (h, after) = match authority.find(':') {
            Some(i) => authority.split_at(i),
            None => (authority, ""),
        };
        check_host(h)?;
        (h.to_ascii_lowercase(), port_after(after, port)?)
    };
    // Without a scheme curl guesses the protocol from the first label.
    let guessed = ["ftp.", "dict.", "ldap.", "imap.", "smtp.", "pop3."];
    if !url.contains("://") && guessed.iter().any(|g| host.starts_with(g)) {
        return Err(format!("`{url}`: write http:// or https:// in front"));
    }
    let known = limits.paths.is_empty() || limits.paths.iter().any(|p| p == tail);
    if !known {
        return Err(format!(
            "`{tail}` of host `{host}` is not a path this rule may ask for"
        ));
    }
    if let Some(word) = telling(tail) {
        return Err(format!(
            "`{tail}`: what is behind `{word}` may be a secret, or change something"
        ));
    }
    if host_allowed(&host, port, limits) {
        Ok(())
    } else {
        Err(format!(
            "host `{host}` port {port} is not one this rule may ask"
        ))
    }
}

/// The word of a path by which services hand out secrets (Kubernetes, Consul, Vault, etcd, Spring's actuator), or do something
/// when it is asked for.
pub fn telling(tail: &str) -> Option<&'static str> {
    const WORDS: [&str; 34] = [
        "secret",
        "secrets",
        "kv",
        "key",
        "keys",
        "env",
        "heapdump",
        "dump",
        "token",
        "tokens",
        "password",
        "passwords",
        "passwd",
        "credential",
        "credentials",
        "configprops",
        "shutdown",
        "poweroff",
        "restart",
        "quit",
        "quitquitquit",
        "stop",
        "kill",
        "exit",
        "abort",
        "terminate",
        "drain",
        "delete",
        "remove",
        "purge",
        "flush",
        "reset",
        "exec",
        "eval",
    ];
    let decoded = decoded(tail).to_ascii_lowercase();
    let mut parts = decoded.split(|c: char| !c.is_ascii_alphanumeric());
    parts.find_map(|part| WORDS.into_iter().find(|word| *word == part))
}

/// With the characters that `%41` and the like stand for, byte by byte (RFC 3986, section 2.1).
fn decoded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let digits = rest.get(at + 1..at + 3);
        match digits.and_then(|d| u8::from_str_radix(d, 16).ok()) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &rest[at + 3..];
            }
            None => {
                out.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn port_after(after: &str, default: u16) -> Result<u16, String> {
    match after.strip_prefix(':') {
        None if after.is_empty() => Ok(default),
        None => Err(format!("`{after}` stands where a port is expected")),
        Some(p) => super::int_in(p, 1, 65_535, "port").map(|n| u16::try_from(n).unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            under: vec!["/var/log".into(), "/etc/nginx".into()],
            not: vec!["/var/log/private".into(), "*.key".into()],
            hosts: vec![],
            ..Limits::default()
        }
    }

    #[test]
    fn paths_are_compared_by_component() {
        let l = limits();
        for p in [
            "/var/log",
            "/var/log/",
            "/var/log/syslog.1",
            "/etc/nginx/sites-enabled/x.conf",
        ] {
            assert_eq!(check_path(p, &l), Ok(()), "{p}");
        }
        for p in [
            "/var/log-evil",
            "/var/log/../shadow",
            "/var//log",
            "/var/log/./x",
            "var/log",
            "/",
            "/etc",
            "/var/log/private/x",
            "/etc/nginx/tls/site.key",
            "/var/log/a b",
            "/var/log/*",
            "/etc/nginx/a.key/b",
            "~",
            "-",
            "",
        ] {
            assert!(check_path(p, &l).is_err(), "{p}");
        }
    }

    #[test]
    fn urls_stay_on_allowed_hosts() {
        let l = Limits::default();
        for u in [
            "http://localhost/",
            "https://127.0.0.1:8443/health",
            "http://[::1]:9090/metrics",
            "localhost:8080/health?x=1&y=2",
            "http://LOCALHOST",
        ] {
            assert_eq!(check_url(u, &l), Ok(()), "{u}");
        }
        for u in [
            "http://169.254.169.254/latest/meta-data/",
            "file:///etc/passwd",
            "gopher://localhost/",
            "http://localhost@evil.com/",
            "http://evil.com#@localhost/",
            "http://127.1/",
            "http://0x7f.0.0.1/",
            "http://2130706433/",
            "http://localhost:0/",
            "http://localhost:99999/",
            "http://{localhost,evil}/",
            "http://localhost/[1-9]",
            "http://localhost.evil.com/",
            "http://localhost\\@evil/",
            "http://[::1",
            "http://[::ffff:10.0.0.1]/",
            "",
            "-o",
            "http:localhost",
            "http://localhost.",
            "//localhost/",
        ] {
            assert!(check_url(u, &l).is_err(), "{u}");
        }
        let one = Limits {
            hosts: vec!["localhost:8080".into()],
            ..Limits::default()
        };
        assert!(check_url("http://localhost:8080/x", &one).is_ok());
        assert!(check_url("http://localhost/x", &one).is_err());
    }

    #[test]
    fn a_list_of_hosts_names_networks_and_domains() {
        for (entry, host) in [
            ("10.0.0.0/8", "10.255.0.1"),
            ("172.16.0.0/12", "172.31.255.255"),
            ("fc00::/7", "fd12::1"),
            ("fe80::/10", "fe80::1%eth0"),
            ("::1/128", "::1"),
            ("*.internal", "db01.internal"),
            ("*.internal", "db01.Eu.internal."),
            ("*", "db01"),
            ("*", "d1"),
            ("google.com", "Google.com"),
        ] {
            assert!(host_fits(entry, host), "{entry} {host}");
        }
        for (entry, host) in [
            ("10.0.0.0/8", "11.0.0.1"),
            ("10.0.0.0/8", "::ffff:10.0.0.1"),
            ("10.0.0.0/8", "10.1"),
            ("10.0.0.0/8", "0x0a.0.0.1"),
            ("10.0.0.0/8", "10.0.0.1.evil.com"),
            ("10.0.0.0/8", "10.0.0.1%eth0"),
            ("10.0.0.0/0", "8.8.8.8"),
            ("172.16.0.0/12", "172.32.0.1"),
            ("fc00::/7", "fe00::1"),
            ("fe80::/10", "fe80::1%a b"),
            ("*.internal", "internal"),
            ("*.internal", ".internal"),
            ("*.internal", "x.internal.evil.com"),
            ("*.internal", "xinternal"),
            ("*", "evil.com"),
            ("*", "ai"),
            ("*", "2130706433"),
            ("*", "0x7f000001"),
            ("*", "0X7f000001"),
            ("*.internal", "x.0X7f000001"),
            ("*", "::1"),
            ("*", "-x"),
            ("*", "a/b"),
            ("google.com", "x.google.com"),
            ("google.com", "google.com.evil.com"),
        ] {
            assert!(!host_fits(entry, host), "{entry} {host}");
        }
    }

    #[test]
    fn globs_end() {
        assert!(glob(b"*.key", b"/a/b.key"));
        assert!(!glob(b"*.key", b"/a/b.keys"));
        assert!(!glob(&b"*a".repeat(50), &b"a".repeat(40)));
    }
}
