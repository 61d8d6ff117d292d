//! Readers for the languages that hide in operands (an awk program, a jq filter, an SQL
//! statement) and for commands whose whole word list is a language (`find`, `kubectl`).
//!
//! Each accepts a safe subset: what only reads, ends by itself, and stays inside its
//! [`Limits`]. What is not understood is an error, never a guess. The readers are pure; they
//! must never look at files, run the tool, or accept text on the ground that a shell or a tool
//! would probably refuse it.

pub mod awk;
mod awk_flow;
mod awk_lex;
pub mod curl;
pub mod docker;
pub mod find;
pub mod formats;
pub mod jq;
pub mod keys;
pub mod kubectl;
mod kubectl_paths;
mod limits;
pub mod mongo;
pub mod net;
pub mod openssl;
mod projection;
pub mod redis;
pub mod sed;
mod settings;
pub mod sql;
mod sql_cost;
mod sql_show;
mod sql_words;
pub mod test;

pub use formats::check_repeats;
pub use limits::{
    Limits, Namespaces, check_host, check_path, check_port, check_url, host_fits, telling,
};

/// The longest operand any reader looks at, in bytes: longer text is for a human.
pub const MAX_TEXT: usize = 4096;

/// The most words a whole-argv reader looks at.
pub const MAX_WORDS: usize = 64;

/// Which reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An awk program (operand), the same for mawk, gawk and busybox awk.
    Awk,
    /// A sed script (operand).
    Sed,
    /// A jq filter (operand).
    Jq,
    /// One PostgreSQL statement (operand of `psql -c`).
    PsqlSelect,
    /// One MySQL or MariaDB statement (operand of `mysql -e`).
    MysqlSelect,
    /// One MySQL or MariaDB statement where bare names are the server's own tables (operand of `mysql sys -e`).
    MysqlCatalog,
    /// JavaScript for MongoDB's shells that asks for the server's state (operand of `mongosh --eval`).
    Mongo,
    /// A regular expression for grep and friends (operand).
    Regex,
    /// `+FORMAT` of `date` (operand).
    DateFormat,
    /// The list of `ps -o` (operand).
    PsFormat,
    /// A go template for `docker --format` (operand).
    DockerFormat,
    /// An http(s) URL to an allowed host (operand).
    Url,
    /// A host name or address (operand).
    Host,
    /// A TCP or UDP port (operand).
    Port,
    /// All words after `find`.
    Find,
    /// All words after `curl`.
    Curl,
    /// All words after `kubectl`.
    Kubectl,
    /// All words after `docker` (or `podman`, which takes the same words).
    Docker,
    /// All words after `openssl`.
    Openssl,
    /// All words after `ip`.
    Ip,
    /// All words after `dig`.
    Dig,
    /// All words after `host` or `nslookup`.
    Lookup,
    /// All words after `redis-cli`.
    Redis,
    /// All words after `test` or `[`.
    Test,
}

impl Kind {
    /// Every reader with the name it has in a policy.
    pub const ALL: [(&'static str, Kind); 24] = [
        ("awk", Kind::Awk),
        ("sed", Kind::Sed),
        ("jq", Kind::Jq),
        ("psql_select", Kind::PsqlSelect),
        ("mysql_select", Kind::MysqlSelect),
        ("mysql_catalog", Kind::MysqlCatalog),
        ("mongo", Kind::Mongo),
        ("regex", Kind::Regex),
        ("date_format", Kind::DateFormat),
        ("ps_format", Kind::PsFormat),
        ("docker_format", Kind::DockerFormat),
        ("url", Kind::Url),
        ("host", Kind::Host),
        ("port", Kind::Port),
        ("find", Kind::Find),
        ("curl", Kind::Curl),
        ("kubectl", Kind::Kubectl),
        ("docker", Kind::Docker),
        ("openssl", Kind::Openssl),
        ("ip", Kind::Ip),
        ("dig", Kind::Dig),
        ("lookup", Kind::Lookup),
        ("redis", Kind::Redis),
        ("test", Kind::Test),
    ];

    /// The reader a policy names, or none.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.iter().find(|(n, _)| *n == name).map(|(_, k)| *k)
    }

    /// The name it has in a policy.
    pub fn name(self) -> &'static str {
        Kind::ALL
            .iter()
            .find(|(_, k)| *k == self)
            .map_or("unknown", |(n, _)| n)
    }

    /// Whether it reads all words after the command (true) or one operand (false).
    pub fn is_whole_argv(self) -> bool {
        matches!(
            self,
            Kind::Find
                | Kind::Curl
                | Kind::Kubectl
                | Kind::Docker
                | Kind::Openssl
                | Kind::Ip
                | Kind::Dig
                | Kind::Lookup
                | Kind::Redis
                | Kind::Test
        )
    }
}

/// What a whole-argv reader makes of a line that is not a plain read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// Reads only and is accepted by the reader.
    Read,
    /// Changes state, or reads what a human should see first. The sentence says what it does.
    Change(super::RiskLevel, String),
    /// Must never run. The sentence says why.
    Forbidden(String),
}

/// Checks one operand.
///
/// # Errors
/// One sentence: what is not accepted and where. Also for a kind that reads whole word lists.
pub fn check_operand(kind: Kind, text: &str, limits: &Limits) -> Result<(), String> {
    plain_text(text)?;
    match kind {
        Kind::Awk => awk::check(text),
        Kind::Sed => sed::check(text),
        Kind::Jq => jq::check(text),
        Kind::PsqlSelect => sql::check(sql::Dialect::Postgres, text, limits),
        Kind::MysqlSelect => sql::check(sql::Dialect::Mysql, text, limits),
        Kind::MysqlCatalog => sql::check(sql::Dialect::MysqlCatalog, text, limits),
        Kind::Mongo => mongo::check(text),
        Kind::Regex => formats::check_regex(text),
        Kind::DateFormat => formats::check_date(text),
        Kind::PsFormat => formats::check_ps(text),
        Kind::DockerFormat => formats::check_template(text),
        Kind::Url => check_url(text, limits),
        Kind::Host => check_host(text),
        Kind::Port => check_port(text),
        _ => Err(format!(
            "`{}` reads a whole command, not one operand; write `reader: {0}` on the rule",
            kind.name()
        )),
    }
}

/// Checks all words after the command word; all must be literal (no expansion is left in them).
///
/// # Errors
/// One sentence: what is not accepted and where. Also for a kind that reads one operand.
pub fn check_argv(kind: Kind, words: &[&str], limits: &Limits) -> Result<(), String> {
    if words.len() > MAX_WORDS {
        return Err(format!(
            "{} words are more than {MAX_WORDS}; shorten the command",
            words.len()
        ));
    }
    for w in words {
        plain_text(w)?;
    }
    match kind {
        Kind::Find => find::check(words, limits),
        Kind::Curl => curl::check(words, limits),
        Kind::Kubectl => kubectl::check(words, limits),
        Kind::Docker => docker::check(words, limits),
        Kind::Openssl => openssl::check(words, limits),
        Kind::Ip => net::check_ip(words),
        Kind::Dig => net::check_dig(words, limits),
        Kind::Lookup => net::check_lookup(words, limits),
        Kind::Redis => redis::check(words, limits),
        Kind::Test => {
            let words: Vec<Option<&str>> = words.iter().map(|w| Some(*w)).collect();
            let file = |at: usize| {
                let path = words.get(at).copied().flatten().unwrap_or("");
                check_path(path, limits)
            };
            test::check(&words, &file)
        }
        _ => Err(format!(
            "`{}` reads one operand, not a whole command; name it as a type",
            kind.name()
        )),
    }
}

/// Whose output a jq filter may stand behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Objects of a cluster (`kubectl get -o json`).
    Objects,
    /// The journal (`journalctl -o json`).
    Journal,
    /// Containers, images and networks (`docker inspect`).
    Containers,
}

/// Whether a jq filter that [`check_operand`] accepts lets nothing through but fields without secrets.
pub fn shows_only(source: Source, filter: &str) -> bool {
    const JOURNAL: &str = "MESSAGE MESSAGE_ID PRIORITY SYSLOG_IDENTIFIER SYSLOG_FACILITY SYSLOG_PID _PID _UID _GID _COMM _EXE _SYSTEMD_UNIT _SYSTEMD_SLICE _TRANSPORT _BOOT_ID _HOSTNAME UNIT CONTAINER_NAME _SOURCE_REALTIME_TIMESTAMP __REALTIME_TIMESTAMP __MONOTONIC_TIMESTAMP __CURSOR";
    let fields = match source {
        Source::Objects => projection::Fields {
            open: kubectl_paths::is_shown,
            closed: kubectl_paths::is_closed,
            lists: kubectl_paths::is_list,
        },
        Source::Journal => projection::Fields {
            open: |path| matches!(path, [one] if JOURNAL.split(' ').any(|w| w == one)),
            closed: |_| false,
            lists: |_| false,
        },
        Source::Containers => projection::Fields {
            open: |path| formats::is_shown(&path.join(".")),
            closed: |name| name == "Env",
            lists: |_| false,
        },
    };
    plain_text(filter).is_ok() && projection::shows_only(filter, &fields)
}

/// What to make of a `kubectl` or `docker` line that the reader does not accept: how risky it is
/// and what it does. None for kinds without such knowledge.
pub fn classify(kind: Kind, words: &[&str], limits: &Limits) -> Option<Class> {
    match kind {
        Kind::Kubectl => Some(kubectl::classify(words, limits)),
        Kind::Docker => Some(docker::classify(words, limits)),
        _ => None,
    }
}

/// Printable ASCII, tab and newline only, and not too long. Tools disagree on what other bytes
/// are (one character, several, a separator), so they never pass without a human.
fn plain_text(text: &str) -> Result<(), String> {
    if text.len() > MAX_TEXT {
        return Err(format!(
            "text of {} bytes is longer than {MAX_TEXT}; shorten it",
            text.len()
        ));
    }
    match text
        .bytes()
        .position(|b| !(b == b'\t' || b == b'\n' || (0x20..0x7f).contains(&b)))
    {
        Some(at) => Err(format!(
            "byte {at} of the operand is a control or non-ASCII character; only printable ASCII is read"
        )),
        None => Ok(()),
    }
}

/// `get --help`: one of the program's own subcommands (any other name could be a plugin's), names behind it, and the
/// question how they are used.
fn asks_for_help(own: &str, words: &[&str]) -> bool {
    let name =
        |w: &&str| !w.starts_with('-') && w.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    match words {
        ["--help"] => true,
        [first, names @ .., "--help"] => {
            own.split_ascii_whitespace().any(|o| o == *first)
                && names.len() < 3
                && names.iter().all(name)
        }
        _ => false,
    }
}

/// An integer within bounds, written with digits only.
fn int_in(text: &str, low: u64, high: u64, what: &str) -> Result<u64, String> {
    let ok = !text.is_empty() && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(n) if ok && (low..=high).contains(&n) => Ok(n),
        _ => Err(format!(
            "{what} `{text}` is not a whole number from {low} to {high}"
        )),
    }
}

/// Letters, digits and a few marks; not starting with a dash.
fn plain_word(text: &str, marks: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && !text.starts_with('-')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
}

/// How long a class such as `[:space:]` is, which begins the text inside a bracket expression.
fn class_length(text: &[u8]) -> Option<usize> {
    let end = text.windows(2).position(|w| w == b":]")?;
    let is_class =
        text.get(1) == Some(&b':') && end >= 3 && text[2..end].iter().all(u8::is_ascii_lowercase);
    is_class.then_some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_round_trip() {
        for (name, kind) in Kind::ALL {
            assert_eq!(Kind::from_name(name), Some(kind));
            assert_eq!(kind.name(), name);
        }
        assert_eq!(Kind::from_name("shell"), None);
    }

    #[test]
    fn a_kind_refuses_the_other_shape() {
        let l = Limits::default();
        assert!(check_operand(Kind::Find, "/var/log", &l).is_err());
        assert!(check_argv(Kind::Awk, &["1"], &l).is_err());
    }

    #[test]
    fn odd_bytes_are_refused_everywhere() {
        let l = Limits::default();
        for t in ["{print}\0", "{print}\r", "{print \"\u{a0}\"}", "\u{202e}1"] {
            assert!(check_operand(Kind::Awk, t, &l).is_err());
        }
        assert!(check_operand(Kind::Awk, &"1;".repeat(3000), &l).is_err());
    }
}
