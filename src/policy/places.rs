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
    let (names, followed) = resolve(text, true);
    // A place may be named by such a link, too.
    holds_names(&names, glob, places)
        || followed && holds_names(&resolve(text, false).0, glob, places)
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

/// The components with `.`, `..` and `/proc/PID/root` worked out as text: `/var/../etc` is `/etc`.
/// With `links`, those that each system has are followed, and whether one was is told. Which folder `/proc/PID/cwd` is
/// cannot be known: it is taken for `/`, the worst.
fn resolve(text: &str, links: bool) -> (Vec<String>, bool) {
    let mut names: Vec<String> = Vec::new();
    let mut followed = false;
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name.to_owned()),
        }
        // Of a long path only the beginning is asked, or its price would be the square of its length.
        let known: Vec<&str> = names.iter().take(6).map(String::as_str).collect();
        if let ["proc", _, "root" | "cwd"] | ["proc", _, "task", _, "root" | "cwd"] = known[..] {
            names.clear();
        } else if let Some(to) = link(&known).filter(|_| links) {
            names = to.iter().map(|name| (*name).to_owned()).collect();
            followed = true;
        }
    }
    (names, followed)
}

/// Where a link leads that the kernel, or each system, has.
fn link(path: &[&str]) -> Option<&'static [&'static str]> {
    match path {
        ["proc", "net"] => Some(&["proc", "self", "net"]),
        ["proc", "thread-self"] => Some(&["proc", "self", "task", "1"]),
        ["dev", "fd"] => Some(&["proc", "self", "fd"]),
        ["var", "run"] => Some(&["run"]),
        ["var", "lock"] => Some(&["run", "lock"]),
        _ => None,
    }
}

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
            "/etc/*",
        ] {
            assert!(at(text, false), "{text}");
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
}
