//! Paths as text: normalised, compared component by component, and patterns that could meet.
//!
//! Links cannot be seen from here: what a path leads to is the target's own permissions' business.

/// The components of an absolute path; none for anything that is not plain.
pub fn components(path: &str) -> Option<Vec<&str>> {
    let rest = path.strip_prefix('/')?;
    let parts: Vec<&str> = rest.split('/').filter(|c| !c.is_empty()).collect();
    if parts.iter().any(|c| matches!(*c, "." | "..")) {
        None
    } else {
        Some(parts)
    }
}

/// Whether a component of a pattern could find `.` or `..`, as `.?` and `.*` do in dash and in older bash: only one
/// that begins with a dot itself finds names that do (POSIX 2.13.3).
pub fn could_leave(part: &str) -> bool {
    part.starts_with('.') && part.contains(['*', '?', '['])
}

/// Whether `path` is `root` or below it. Components of `root` may have `*` and `?`.
pub fn is_under(path: &[&str], root: &str) -> bool {
    match components(root) {
        Some(root) => {
            path.len() >= root.len()
                && root
                    .iter()
                    .zip(path)
                    .all(|(pattern, name)| matches(pattern, name))
        }
        None => false,
    }
}

/// Whether `path` is `place`, whose components may have `*` and `?`.
pub fn is_place(path: &[&str], place: &str) -> bool {
    components(place).is_some_and(|p| p.len() == path.len()) && is_under(path, place)
}

/// Whether a path names, or lies below, a secret. A secret is an absolute pattern (`**` stands for any number
/// of components), or without a slash the pattern of a component anywhere. With `glob`, components of `path` are patterns too: then
/// whether any name could be both.
pub fn is_secret(path: &[&str], secret: &str, glob: bool) -> bool {
    let meets = |pattern: &str, name: &str| {
        if glob {
            intersect(pattern, name)
        } else {
            matches(pattern, name)
        }
    };
    if !secret.starts_with('/') {
        return path.iter().enumerate().any(|(at, name)| {
            if glob {
                could_be(name, secret, at + 1 == path.len())
            } else {
                matches(secret, name)
            }
        });
    }
    match components(secret) {
        Some(secret) if secret.contains(&"**") => deep(&secret, path, false, &meets),
        Some(secret) => {
            path.len() >= secret.len()
                && secret
                    .iter()
                    .zip(path)
                    .all(|(pattern, name)| meets(pattern, name))
        }
        None => false,
    }
}

/// [`is_secret`] for a pattern with `**`. A bare `*` at the path's end is not held against what stands right
/// `behind` the `**`: that would be each folder. Where the pattern names the folder as well, it is.
fn deep(secret: &[&str], path: &[&str], behind: bool, meets: &dyn Fn(&str, &str) -> bool) -> bool {
    match (secret.split_first(), path.split_first()) {
        (None, _) => true,
        (Some((&"**", rest)), _) => {
            (0..=path.len()).any(|n| deep(rest, path.get(n..).unwrap_or_default(), true, meets))
        }
        (Some((pattern, rest)), Some((name, more))) => {
            (*name != "*" || !more.is_empty() || !behind)
                && meets(pattern, name)
                && deep(rest, more, false, meets)
        }
        (Some(_), None) => false,
    }
}

/// Whether a pattern could name a secret of that kind. With `*`, nearly every pattern could name a file with
/// `secret` somewhere in its name: then only endings (`*.key`), beginnings with a dot, and what the pattern says
/// without its `*` are held against one. `?` and `[…]` are one character each, whichever. Endings are those of files: of
/// a folder in front of others they say nothing.
fn could_be(pattern: &str, secret: &str, last: bool) -> bool {
    if !pattern.contains(['*', '?', '[']) {
        return matches(secret, pattern);
    }
    // A leading wildcard does not match a leading dot (POSIX 2.13.3).
    let dotted = secret.starts_with('.') && !pattern.starts_with('.');
    let of_file = last && (secret.starts_with("*.") || secret.starts_with("*_"));
    let ending = of_file || secret.starts_with('.');
    ending && !dotted && !secret.ends_with('*') && intersect(secret, pattern)
        || !dotted && intersect(secret, &pattern.replace('*', ""))
        || begun(pattern, secret)
}

/// Whether a pattern says the beginning or the end of a secret's word and leaves the rest to a `*`: `sec*.yml`,
/// `*tials.json`.
fn begun(pattern: &str, secret: &str) -> bool {
    let word = secret.trim_matches('*');
    if word.len() < 5 || !secret.starts_with('*') || word.starts_with(['.', '_']) {
        return false;
    }
    let runs: Vec<&str> = pattern.split('*').collect();
    let last = runs.len().saturating_sub(1);
    let meets = |a: &str, b: &str| !a.contains(['?', '[']) && intersect(a, b);
    let before = |run: &str| {
        (3..word.len()).any(|n| {
            let from = run.len().checked_sub(n);
            let end = from.and_then(|from| run.get(from..));
            end.is_some_and(|end| word.get(..n).is_some_and(|start| meets(end, start)))
        })
    };
    let behind = |run: &str| {
        (3..word.len()).any(|n| {
            let end = word.get(word.len() - n..);
            let start = run.get(..n);
            start.is_some_and(|start| end.is_some_and(|end| meets(start, end)))
        })
    };
    let mut runs = runs.iter().enumerate();
    runs.any(|(i, run)| i < last && before(run) || i > 0 && behind(run))
}

/// Whether an absolute secret lies below a folder, so that reading the whole tree would read it.
pub fn holds_secret(folder: &[&str], secret: &str) -> bool {
    secret.starts_with('/')
        && components(secret).is_some_and(|secret| {
            let fixed: Vec<&str> = secret.iter().copied().take_while(|c| *c != "**").collect();
            if fixed.len() < secret.len() {
                return fixed.iter().zip(folder).all(|(p, name)| intersect(p, name));
            }
            folder.len() <= secret.len()
                && secret
                    .iter()
                    .zip(folder)
                    .all(|(pattern, name)| intersect(pattern, name))
        })
}

/// Whether a name fits a pattern of `*` and `?`.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// One character of a pattern, or any number of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Any,
    One,
    /// `[0-9]`: a digit, or what some locale takes for one, which is never another ASCII character.
    Digit,
    Char(char),
}

impl Sign {
    fn meets(self, other: Sign) -> bool {
        match (self, other) {
            (Sign::Char(a), Sign::Char(b)) => a == b,
            (Sign::Digit, Sign::Char(c)) | (Sign::Char(c), Sign::Digit) => {
                c.is_ascii_digit() || !c.is_ascii()
            }
            _ => true,
        }
    }
}

/// Whether some name fits both patterns. `[0-9]` is a digit; any other `[…]` counts as any character.
pub fn intersect(a: &str, b: &str) -> bool {
    let (a, b) = (signs(a), signs(b));
    // meet[i][j]: whether the rest of a from i and the rest of b from j can be one name.
    let mut meet = vec![vec![false; b.len() + 1]; a.len() + 1];
    for i in (0..=a.len()).rev() {
        for j in (0..=b.len()).rev() {
            meet[i][j] = match (a.get(i), b.get(j)) {
                (None, None) => true,
                (Some(Sign::Any), _) => meet[i + 1][j] || (j < b.len() && meet[i][j + 1]),
                (_, Some(Sign::Any)) => meet[i][j + 1] || (i < a.len() && meet[i + 1][j]),
                (Some(x), Some(y)) => x.meets(*y) && meet[i + 1][j + 1],
                _ => false,
            };
        }
    }
    meet[0][0]
}

fn signs(pattern: &str) -> Vec<Sign> {
    let mut out = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let (sign, length) = match first {
            '[' => class(rest),
            '*' => (Sign::Any, 1),
            '?' => (Sign::One, 1),
            first => (Sign::Char(first), first.len_utf8()),
        };
        out.push(sign);
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// The `[…]` that begins a text, and how long it is. One that is not plain may stand for anything from there on.
fn class(text: &str) -> (Sign, usize) {
    if text.starts_with("[0-9]") {
        return (Sign::Digit, 5);
    }
    let inner = text.get(1..).unwrap_or_default();
    let odd = ["]", "!]", "^]"];
    match inner.split_once(']') {
        Some((class, _)) if !class.contains('[') && !odd.iter().any(|o| inner.starts_with(o)) => {
            (Sign::One, class.len() + 2)
        }
        _ => (Sign::Any, text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_compared_by_component() {
        let path = |p: &'static str| components(p).unwrap();
        assert!(is_under(&path("/var/log//syslog"), "/var/log"));
        assert!(!is_under(&path("/var/log-evil/x"), "/var/log"));
        assert!(is_under(&path("/proc/12/status"), "/proc/*/status"));
        for odd in [
            "/var/log/../../etc/shadow",
            "etc",
            "/etc/./shadow",
            "",
            "~root",
        ] {
            assert_eq!(components(odd), None, "{odd}");
        }
    }

    #[test]
    fn patterns_that_could_name_a_secret_are_found() {
        let is = |p: &'static str, s, glob| is_secret(&components(p).unwrap(), s, glob);
        assert!(is("/etc/sh*", "/etc/shadow", true));
        assert!(is("/etc/app/secr?t.conf", "*secret*", true));
        assert!(is("/etc/app/passw[o]rds*", "*passwords*", true));
        for pattern in ["sec*.yml", "*cret.yml", "my-sec*", "x*crets"] {
            assert!(could_be(pattern, "*secret*", true), "{pattern}");
        }
        assert!(is("/etc/app/pass*", "*passw?rd*", true) && is("/etc/app/tok*", "*token*", true));
        for pattern in ["*.yml", "s*.yml", "access*.log", "*et*.log", "sudo*", "*"] {
            assert!(!could_be(pattern, "*secret*", true), "{pattern}");
        }
        assert!(!is("/var/log/nginx/access.log.[0-9]*", "*secret*", true));
        assert!(!is("/proc/[0-9]*/status", "/proc/kcore", true));
        assert!(is("/proc/[0-9]*/env*", "/proc/*/environ", true));
        assert!(is("/etc/id[0-9]", "/etc/id7", true) && is("/etc/id[0-9]", "/etc/id²", true));
        assert!(is("/etc/[a-z]hadow", "/etc/shadow", true));
        // None of these is plain: what they stand for is not guessed.
        for odd in [
            "/etc/[]s]hadow",
            "/etc/[!]x]hadow",
            "/etc/[[:alpha:]]hadow",
            "/etc/s[h",
        ] {
            assert!(is(odd, "/etc/shadow", true), "{odd}");
        }
        assert!(is("/etc/*", "/etc/shadow", true));
        assert!(is("/e?c/shadow", "/etc/shadow", true));
        assert!(!is("/etc/*.conf", "/etc/shadow", true));
        assert!(
            !is("/srv/app/*", ".env", true)
                && is("/srv/app/.e*", ".env", true)
                && is("/srv/x/*", "*.key", true)
        );
        assert!(
            !is("/etc/nginx/conf.d/*.conf", "*secret*", true)
                && is("/etc/x/my*secret", "*secret*", true)
        );
        assert!(!is("/var/log/*.log", "*.key", true));
        assert!(!is("/etc/x/*/cert.pem", "*.key", true) && is("/etc/x/*/*", "*.key", true));
        assert!(is("/etc/x/a.key/cert.pem", "*.key", true) && is("/home/.s*/a", ".ssh", true));
        assert!(is("/etc/ssl/a.key", "*.key", false) && !is("/etc/ssl/a.crt", "*.key", false));
        assert!(is("/home/u/.ssh/config", ".ssh", false));
        assert!(
            holds_secret(&components("/etc").unwrap(), "/etc/shadow")
                && holds_secret(&[], "/etc/shadow")
        );
        let deep = "/sys/devices/**/resource*";
        assert!(is(
            "/sys/devices/pci0000:00/0000:00:1f.2/resource4",
            deep,
            false
        ));
        assert!(is("/sys/devices/pci*/0*/res*", deep, true));
        assert!(!is("/sys/devices/system/cpu/online", deep, false));
        assert!(!is("/sys/devices/virtual/net/lo/statistics/*", deep, true));
        let below = "/sys/**/*:*:*.*/config";
        assert!(is("/sys/devices/pci0000:00/0000:00:1f.2/*", below, true));
        assert!(is("/sys/devices/pci0000:00/*/c*", below, true));
        assert!(!is("/sys/class/net/eth0/statistics/*", below, true));
        assert!(holds_secret(
            &components("/sys/devices/pci0").unwrap(),
            deep
        ));
        assert!(!holds_secret(&components("/sys/class/net").unwrap(), deep));
        assert!(!holds_secret(
            &components("/var/log").unwrap(),
            "/etc/shadow"
        ));
    }

    #[test]
    fn intersection_agrees_with_trying_every_short_name() {
        let names: Vec<String> = (0..4u32)
            .flat_map(|n| {
                (0..2u32.pow(n)).map(move |k| {
                    (0..n)
                        .map(|i| if k >> i & 1 == 1 { 'a' } else { 'b' })
                        .collect()
                })
            })
            .collect();
        let letters = [
            "", "a", "b", "*", "?", "a*", "*a", "*b*", "?a", "a?b", "**", "ab", "b*a", "?*",
        ];
        for x in letters {
            for y in letters {
                let by_hand = names.iter().any(|n| matches(x, n) && matches(y, n));
                assert_eq!(intersect(x, y), by_hand, "{x:?} and {y:?}");
            }
        }
    }
}
