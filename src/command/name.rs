//! The command word as a program: which names are one and the same, and which can be trusted to be it.

use super::call::Name;

/// Folders whose programs are the system's own.
const SYSTEM: [&str; 8] = [
    "/bin/",
    "/sbin/",
    "/usr/bin/",
    "/usr/sbin/",
    "/usr/local/bin/",
    "/usr/local/sbin/",
    "/usr/lib/update-notifier/",
    "/snap/bin/",
];

/// Folders of programs that a package of the system's lays down, by its version.
fn is_versioned(dir: &str) -> bool {
    let versioned = |rest: Option<&str>| {
        rest.and_then(|r| r.strip_suffix("/bin/")).is_some_and(|v| {
            v.starts_with(|c: char| c.is_ascii_digit())
                && v.len() <= 5
                && v.bytes().all(|b| b.is_ascii_digit() || b == b'.')
                && !v.contains("..")
        })
    };
    versioned(dir.strip_prefix("/usr/lib/postgresql/"))
        || versioned(dir.strip_prefix("/usr/pgsql-"))
}

/// What a decoded command word names. None stands for a word that is known only when it runs.
pub fn of(text: Option<&str>) -> Name {
    let Some(text) = text else {
        return Name {
            text: String::new(),
            base: String::new(),
            trusted: false,
        };
    };
    let base = text
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let trusted = if text.contains('/') {
        let whole = collapse(text);
        let dir = whole.strip_suffix(base).unwrap_or_default();
        SYSTEM.contains(&dir) || is_versioned(dir)
    } else {
        !text.is_empty()
    };
    Name {
        text: text.to_owned(),
        base: base.to_owned(),
        trusted,
    }
}

/// A name in the sense of POSIX 3.216.
pub(crate) fn is_variable(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Refuses a decoded command word that shells take for something else.
pub(super) fn check_word(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("an empty command word");
    }
    if text.starts_with(['-', '+', '%']) {
        return Err("a command word that the shell could take for an option or a job");
    }
    if text.contains('\n') {
        return Err("a line feed in the command word");
    }
    Ok(())
}

/// Repeated slashes are one.
fn collapse(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !out.ends_with('/') {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_system_program_are_it() {
        for text in [
            "rm",
            "/bin/rm",
            "//bin//rm",
            "/usr/bin/rm",
            "/usr/local/sbin/rm",
            "/usr/lib/postgresql/15/bin/rm",
            "/usr/pgsql-9.6/bin/rm",
        ] {
            let name = of(Some(text));
            assert!(name.trusted && name.base == "rm", "{text}");
        }
    }

    #[test]
    fn anything_else_is_not_but_keeps_its_base() {
        for text in [
            "./rm",
            "/tmp/rm",
            "bin/rm",
            "/usr/bin/../bin/rm",
            "/proc/self/root/usr/bin/rm",
            "/opt/bin/rm",
            "/usr/lib/postgresql/../bin/rm",
            "/usr/lib/postgresql/./bin/rm",
            "/usr/lib/postgresql/x/bin/rm",
            "/usr/lib/postgresql/15/rm",
            "/usr/bin/./rm",
            "/bin/rm/",
        ] {
            let name = of(Some(text));
            assert!(!name.trusted, "{text}");
            assert_eq!(name.base, "rm");
        }
        assert!(!of(None).trusted && !of(Some("")).trusted);
    }
}
