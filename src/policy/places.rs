//! Places in the file system that rules forbid to touch: paths as text, worked out as the kernel would, and patterns.
//!
//! Must never take a path for harmless because of how it is spelt.

use super::path;

/// Places that a rule names.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// These, and everything directly inside at once (`/etc/*`).
    pub at: &'a [String],
    /// These and all below.
    pub under: &'a [String],
}

/// Whether an absolute path is, or (with `glob`) could be, one of the places.
pub fn holds(text: &str, glob: bool, places: Places) -> bool {
    if !text.starts_with('/') {
        return false;
    }
    let path = resolve(text, glob, true);
    // A place may be named by such a link, too.
    holds_names(&path.names, glob, places)
        || path.followed && holds_names(&resolve(text, glob, false).names, glob, places)
}

/// A path's components as the kernel would take them, with the links that each system has, and without.
pub fn both_ways(text: &str) -> [Vec<String>; 2] {
    [true, false].map(|links| resolve(text, false, links).names)
}

/// What stands behind `/proc/PID/cwd/` in a path that leads through it: a name in the folder of whoever opens it.
pub fn in_own_folder(text: &str, glob: bool) -> Option<&str> {
    if !text.starts_with('/') {
        return None;
    }
    text.get(resolve(text, glob, true).own?..)
}

/// Whether a path is, or (with `glob`) could be, a descriptor's name, or leads through one: `/dev/fd/3`. Of the two outputs only what
/// lies below them is.
pub fn is_descriptor(text: &str, glob: bool) -> bool {
    if !text.starts_with('/') {
        return false;
    }
    let names = resolve(text, glob, false).names;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let begins = |place: &[&str]| names.get(..place.len()).is_some_and(|n| is(n, place, glob));
    let descriptor = |behind: &[&str]| !matches!(behind, [] | ["1" | "2"]);
    let below = |place: &[&str]| begins(place) && descriptor(&names[place.len()..]);
    begins(&["dev", "stdin"])
        || ["stdout", "stderr"]
            .iter()
            .any(|s| names.len() > 2 && begins(&["dev", s]))
        || below(&["dev", "fd"])
        || below(&["proc", "*", "fd"])
        || below(&["proc", "*", "task", "*", "fd"])
}

/// [`holds`], of a path's components.
fn holds_names(names: &[String], glob: bool, places: Places) -> bool {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let meets = |a: &str, b: &str| {
        if glob {
            path::intersect(a, b)
        } else {
            path::matches(b, a)
        }
    };
    let fit = |root: &[&str]| names.iter().zip(root).all(|(name, r)| meets(name, r));
    let at = |root: &String| {
        let root = path::components(root).unwrap_or_default();
        // Everything directly inside a place is the place: `/*`, `/etc/*`.
        let all = || {
            names
                .last()
                .is_some_and(|n| n.starts_with('*') || *n == ".*")
        };
        (names.len() == root.len() || names.len() == root.len() + 1 && all()) && fit(&root)
    };
    let under = |root: &String| {
        let root = path::components(root).unwrap_or_default();
        names.len() >= root.len() && fit(&root)
    };
    places.at.iter().any(at) || places.under.iter().any(under)
}

/// A path as the kernel would take it.
#[derive(Default)]
struct Resolved {
    /// Its components, without `.`, `..` and links.
    names: Vec<String>,
    /// A link was followed.
    followed: bool,
    /// Where what stands behind the first `/proc/PID/cwd/` begins, in bytes.
    own: Option<usize>,
}

/// The components with `.`, `..` and `/proc/PID/root` worked out as text: `/var/../etc` is `/etc`.
/// With `links`, those that each system has are followed. Which folder `/proc/PID/cwd` is cannot be known: it is taken for
/// `/`, the worst.
fn resolve(text: &str, glob: bool, links: bool) -> Resolved {
    let mut path = Resolved::default();
    let names = &mut path.names;
    let mut behind = 0;
    for part in text.split('/') {
        behind += part.len() + 1;
        match part {
            "" | "." => continue,
            ".." => {
                names.pop();
                continue;
            }
            name => names.push(name.to_owned()),
        }
        // Of a long path only the beginning is asked, or its price would be the square of its length.
        let known: Vec<&str> = names.iter().take(6).map(String::as_str).collect();
        let is = |name: &[&str]| is(&known, name, glob);
        let leads = |to: &str| is(&["proc", "*", to]) || is(&["proc", "*", "task", "*", to]);
        let own = leads("cwd");
        if own || leads("root") {
            names.clear();
            path.own = path.own.or(own.then_some(behind));
        } else if let Some((_, to)) = LINKS.iter().find(|(from, _)| links && is(from)) {
            *names = to.iter().map(|name| (*name).to_owned()).collect();
            path.followed = true;
        }
    }
    path
}

/// Whether a path is, or as a pattern could be, of these components, of which `*` is any.
fn is(path: &[&str], names: &[&str], glob: bool) -> bool {
    let fits = |(part, name): (&&str, &&str)| {
        part == name || *name == "*" || glob && path::intersect(part, name)
    };
    path.len() == names.len() && path.iter().zip(names).all(fits)
}

/// Where links lead that the kernel, or each system, has: those of a merged `/usr`, too.
const LINKS: [(&[&str], &[&str]); 13] = [
    (&["proc", "net"], &["proc", "self", "net"]),
    (&["proc", "thread-self"], &["proc", "self", "task", "1"]),
    (&["dev", "fd"], &["proc", "self", "fd"]),
    (&["var", "run"], &["run"]),
    (&["var", "lock"], &["run", "lock"]),
    (&["var", "mail"], &["var", "spool", "mail"]),
    (&["var", "spool", "mail"], &["var", "mail"]),
    (&["bin"], &["usr", "bin"]),
    (&["sbin"], &["usr", "sbin"]),
    (&["lib"], &["usr", "lib"]),
    (&["lib32"], &["usr", "lib32"]),
    (&["lib64"], &["usr", "lib64"]),
    (&["libx32"], &["usr", "libx32"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_known_however_it_is_spelt() {
        let etc = ["/etc".to_owned()];
        let at = |text: &str, glob| {
            let places = Places {
                at: &etc,
                under: &[],
            };
            holds(text, glob, places)
        };
        for text in [
            "/etc",
            "//etc/",
            "/etc/.",
            "/usr/../etc",
            "/proc/self/root/etc",
            "/proc/1/task/1/root/etc",
            "/proc/1/cwd/etc",
            "/proc/1/root/proc/2/root/etc",
            "/dev/fd/../../etc",
            "/dev/fd/../root/etc",
            "/proc/net/../root/etc",
            "/proc/thread-self/../../root/etc",
            "/var/run/../etc",
            "/bin/../../etc",
            "/var/spool/mail/../../etc",
            "/etc/*",
        ] {
            assert!(at(text, false), "{text}");
        }
        for text in [
            "/proc/self/roo?/etc",
            "/pro?/self/root/etc",
            "/proc/*/cw[d]/etc",
            "/va?/ru?/../etc",
        ] {
            assert!(at(text, true) && !at(text, false), "{text}");
        }
        assert!(at("/e?c", true) && !at("/e?c", false));
        for text in ["etc", "/etc/hosts", "/srv/etc", "/etcetera", ""] {
            assert!(!at(text, false), "{text}");
        }
        let under = Places {
            at: &[],
            under: &etc,
        };
        assert!(holds("/etc/hosts", false, under) && !holds("/", false, under));
    }

    #[test]
    fn the_own_folder_is_known_by_any_name() {
        for (text, glob) in [
            ("/proc/self/cwd/x/y", false),
            ("//proc/self/cwd/x/y", false),
            ("/./proc/1/task/2/cwd/x/y", false),
            ("/usr/../proc/thread-self/cwd/x/y", false),
            ("/dev/fd/../cwd/x/y", false),
            ("/proc/self/cw?/x/y", true),
            ("/proc/self/root/proc/self/cwd/x/y", false),
        ] {
            assert_eq!(in_own_folder(text, glob), Some("x/y"), "{text}");
        }
        for text in [
            "/proc/self/cwd",
            "/proc/self/fd/x",
            "/srv/cwd/x",
            "proc/self/cwd/x",
        ] {
            assert_eq!(in_own_folder(text, false), None, "{text}");
        }
    }
}
