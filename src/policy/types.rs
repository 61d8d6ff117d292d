//! The types of operands and option values: what text each accepts.

use super::language::{self, Kind, Limits};
use super::path;
use super::pattern::Pattern;
use crate::command::Word;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A type, as a policy writes it: `int(1..100)`, `path`, `enum(a|b)`, `list(port)`, …
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A whole number within bounds.
    Int(i64, i64),
    /// `10`, `10k`, `5M`, `1G`.
    Size,
    /// `5`, `0.5`, `30s`, `10m`, `2h`, `1d`.
    Duration,
    /// A systemd unit's name.
    Unit,
    /// A file that may be read.
    Path,
    /// A path of which only names, sizes and the like are read.
    Place,
    /// A folder of which everything may be read.
    Tree,
    /// A kernel setting by its name, or a group of them: what lies there in /proc/sys may be read.
    Sysctl,
    /// `pod-1`, `deploy/web`.
    Object,
    /// A host that the policy lists.
    Host,
    /// A TCP or UDP port.
    Port,
    /// A process id, or nothing.
    Pid,
    /// A login or group name, or a number.
    User,
    /// Any printable text that does not begin with `-`.
    Text,
    /// A regular expression: text whose repetitions are few enough not to fill memory.
    Regex,
    /// The same, where it may begin with `-`: what stands behind `--`, or is an option's value.
    DashedRegex,
    /// Any printable text: only for programs that take no options there (`style: plain`).
    FreeText,
    /// ASCII text that a regular expression fits from end to end.
    Like(Pattern),
    /// Letters, digits and `_ . , : / @ % + = -`.
    Word,
    /// A package's or table's name: a letter or digit, then letters, digits, `_ . - + : ~ @ *`.
    Package,
    /// What `lsof -i` takes: `tcp:80`, `:443`, `@host:22`.
    Socket,
    /// A letter or digit, then letters, digits, `_ . -`.
    Name,
    /// An http or https URL on a host that the policy lists.
    Url,
    /// A point in time: `2026-11-21 10:00`, `1 hour ago`, `-2h`, `yesterday`.
    Time,
    /// `+%F %T`.
    DateFormat,
    /// One of these words.
    Enum(Vec<String>),
    /// A pattern that picks only lines which begin with one of these keys, or hold one that has `*` in front.
    Keys(Vec<String>),
    /// Several of a type, with commas.
    List(Box<Type>),
    /// A language of its own, in one operand (`awk`, `sed`, `jq`, `psql_select`, …).
    Language(Kind),
}

impl Type {
    /// Understands a type's spelling.
    pub fn parse(text: &str) -> Result<Type, String> {
        let text = text.trim();
        if let Some(inner) = argument(text, "like") {
            return Ok(Type::Like(Pattern::whole(inner)));
        }
        if let Some(inner) = argument(text, "list") {
            return Ok(Type::List(Box::new(Type::parse(inner)?)));
        }
        if let Some(inner) = argument(text, "enum") {
            return Ok(Type::Enum(inner.split('|').map(str::to_owned).collect()));
        }
        if let Some(inner) = argument(text, "keys") {
            let keys: Vec<String> = inner.split('|').map(str::to_owned).collect();
            return match keys.iter().find(|k| k.trim_start_matches('*').len() < 2) {
                Some(short) => Err(format!("`{short}`: a key has two letters at least")),
                None => Ok(Type::Keys(keys)),
            };
        }
        if let Some(inner) = argument(text, "int") {
            let bounds = inner.split_once("..").and_then(|(low, high)| {
                Some((low.trim().parse().ok()?, high.trim().parse().ok()?))
            });
            return bounds
                .map(|(low, high)| Type::Int(low, high))
                .ok_or_else(|| format!("`{text}`: bounds are written int(1..100)"));
        }
        Ok(match text {
            "int" => Type::Int(0, 1_000_000),
            "size" => Type::Size,
            "duration" => Type::Duration,
            "unit" => Type::Unit,
            "path" => Type::Path,
            "tree" => Type::Tree,
            "place" => Type::Place,
            "sysctl" => Type::Sysctl,
            "object" => Type::Object,
            "host" => Type::Host,
            "port" => Type::Port,
            "pid" => Type::Pid,
            "user" => Type::User,
            "text" => Type::Text,
            "pattern" => Type::Regex,
            "dashed_pattern" => Type::DashedRegex,
            "free_text" => Type::FreeText,
            "word" => Type::Word,
            "name" => Type::Name,
            "package" => Type::Package,
            "socket" => Type::Socket,
            "url" => Type::Url,
            "time" => Type::Time,
            "date_format" => Type::DateFormat,
            other => match Kind::from_name(other).filter(|k| !k.is_whole_argv()) {
                Some(kind) => Type::Language(kind),
                None => return Err(format!("`{other}` is not a type: see docs/policy.md")),
            },
        })
    }

    /// Whether it can be asked: its regular expression, if it has one, can be compiled.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Type::Like(pattern) => pattern.check().map_err(|why| format!("like(…): {why}")),
            Type::List(inner) => inner.check(),
            _ => Ok(()),
        }
    }

    /// Whether text begins with `-` may be of this type (it is then no option's place).
    fn may_begin_with_dash(&self) -> bool {
        match self {
            Type::DashedRegex => true,
            Type::Time | Type::Int(..) | Type::Enum(_) | Type::Like(_) | Type::FreeText => true,
            Type::List(inner) => inner.may_begin_with_dash(),
            _ => false,
        }
    }
}

fn argument<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(name)?
        .strip_prefix('(')?
        .strip_suffix(')')
}

/// What stands behind each item of a [`List`].
const END: char = '\x7f';

/// A list that rules share: copying it is nothing, and reading it from the kept policy nearly so. One text, with
/// DEL behind each item, which JSON writes as it is; an item with DEL in it could never match, as no line that holds one is
/// read, and is left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct List(Arc<str>);

impl List {
    /// Its items.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_terminator(END)
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its items, each by itself.
    pub fn to_vec(&self) -> Vec<String> {
        self.iter().map(str::to_owned).collect()
    }

    /// Puts more behind it.
    pub(super) fn extend(&mut self, more: &[String]) {
        let mut text = self.0.to_string();
        for item in more.iter().filter(|item| !item.contains(END)) {
            text.push_str(item);
            text.push(END);
        }
        self.0 = text.into();
    }
}

impl From<&[String]> for List {
    fn from(items: &[String]) -> List {
        let mut list = List::default();
        list.extend(items);
        list
    }
}

impl From<String> for List {
    fn from(text: String) -> List {
        List(text.into())
    }
}

impl From<List> for String {
    fn from(list: List) -> String {
        list.0.to_string()
    }
}

/// Where paths may lead, and which hosts may be talked to.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// Folders and files that may be read.
    pub under: List,
    /// What of them may be read as root; none: all.
    pub under_as_root: Option<List>,
    /// Whether it is root who reads.
    pub root: bool,
    /// Folders in which looking for a name asks another host for it.
    pub remote: List,
    /// What is never read.
    pub secret: List,
    /// Folders in which a bare `*` may stand for every file.
    pub open: List,
    /// Hosts.
    pub hosts: List,
    /// Whether a pattern may stand for paths.
    pub glob: bool,
}

impl Bounds {
    /// The bounds of a command that runs as root, where the modes of files hold nothing back.
    pub fn as_root(&self) -> Bounds {
        Bounds {
            root: true,
            ..self.clone()
        }
    }

    /// Whether what `lies` tells is so of one of the folders and files that may be read, and of one that root may.
    fn allow(&self, lies: impl Fn(&str) -> bool) -> Result<(), &'static str> {
        if !self.under.iter().any(&lies) {
            Err("is not below a folder that may be read")
        } else if self.root
            && !self
                .under_as_root
                .as_ref()
                .is_none_or(|u| u.iter().any(&lies))
        {
            Err("is not below a folder that may be read as root; without sudo it may be")
        } else {
            Ok(())
        }
    }

    fn without_secrets(&self) -> Bounds {
        Bounds {
            secret: List::default(),
            ..self.clone()
        }
    }
}

/// Whether a word is of a type.
///
/// # Errors
/// What is not accepted, for a person.
pub fn check(kind: &Type, word: &Word, bounds: &Bounds) -> Result<(), String> {
    if word.is_dynamic() && !(*kind == Type::FreeText && is_in_quotes(word)) {
        return Err("its value is known only when it runs".into());
    }
    if word.is_dynamic() {
        return Ok(());
    }
    if let Some(text) = word.literal() {
        return check_text(kind, text, bounds);
    }
    if matches!(kind, Type::Text | Type::Regex | Type::DashedRegex)
        && let Some((pattern, name)) = of_one_name(word)
    {
        return check_text(kind, &pattern, bounds).and_then(|()| check_text(kind, &name, bounds));
    }
    if matches!(kind, Type::Path | Type::Place) && bounds.glob {
        let pattern = word.spelt();
        if *kind == Type::Path && is_odd(&pattern) {
            return Err(format!("`{pattern}` is no plain name of files"));
        }
        if *kind == Type::Path && pattern.contains(BELOW) {
            return Err("it may be any file below that folder".into());
        }
        return if *kind == Type::Place {
            check_pattern(&pattern, word.literal_prefix(), &bounds.without_secrets())
        } else {
            check_pattern(&pattern, word.literal_prefix(), bounds)
        };
    }
    if *kind == Type::Tree && bounds.glob {
        return check_tree_pattern(word, bounds);
    }
    Err("a pattern is not allowed here".into())
}

/// Whatever a pattern finds in a folder of which everything may be read, everything of it may be read as well.
fn check_tree_pattern(word: &Word, bounds: &Bounds) -> Result<(), String> {
    let pattern = word.spelt();
    let prefix = word.literal_prefix();
    let folder = prefix.rfind('/').map_or("", |at| &prefix[..at]);
    let plain = path::components(&pattern)
        .is_some_and(|parts| !parts.iter().any(|part| path::could_leave(part)))
        && !is_odd(&pattern)
        && !pattern.contains(BELOW);
    if plain {
        check_text(&Type::Tree, folder, bounds)
    } else {
        Err(format!("`{pattern}` is no plain pattern of files"))
    }
}

/// Whether every expansion of a word stands in double quotes: then it is one word, whatever it says.
pub(super) fn is_in_quotes(word: &Word) -> bool {
    word.segments.iter().all(|segment| match segment {
        crate::command::Segment::Literal(_) => true,
        crate::command::Segment::Glob(_) => false,
        crate::command::Segment::Expansion(text) => text.starts_with('"') && text.ends_with('"'),
    })
}

/// Stands for anything below a folder, at any depth.
pub(super) const BELOW: &str = "**";

/// A pattern that fits one name only, and that name: `[n]ginx` and `nginx`, as people write it so that grep
/// does not find itself. The shell hands on the one or the other.
pub(super) fn of_one_name(word: &Word) -> Option<(String, String)> {
    let (mut pattern, mut name) = (String::new(), String::new());
    for segment in &word.segments {
        match segment {
            crate::command::Segment::Literal(text) => {
                pattern.push_str(text);
                name.push_str(text);
            }
            crate::command::Segment::Glob(text) => {
                let inner = text.strip_prefix('[')?.strip_suffix(']')?;
                if inner.len() != 1 || !inner.bytes().all(|b| b.is_ascii_alphanumeric()) {
                    return None;
                }
                pattern.push_str(text);
                name.push_str(inner);
            }
            crate::command::Segment::Expansion(_) => return None,
        }
    }
    Some((pattern, name))
}

/// Whether an empty word is harmless where this is asked for. No process, host, user or file is named by nothing:
/// `ps -p "$(pgrep x)"` where none was found is an error of ps.
fn names_nothing(kind: &Type) -> bool {
    match kind {
        Type::Text
        | Type::Regex
        | Type::DashedRegex
        | Type::FreeText
        | Type::Path
        | Type::Place => true,
        Type::Pid | Type::Host | Type::Unit | Type::User | Type::Object | Type::Time => true,
        Type::List(inner) => **inner == Type::Pid,
        _ => false,
    }
}

/// Whether literal text is of a type.
pub fn check_text(kind: &Type, text: &str, bounds: &Bounds) -> Result<(), String> {
    if text.is_empty() && !matches!(kind, Type::Like(_)) {
        return match names_nothing(kind) {
            true => Ok(()),
            false => Err("it is empty".into()),
        };
    }
    if text.starts_with('-') && !kind.may_begin_with_dash() {
        return Err(format!("`{text}` begins with `-`"));
    }
    if text
        .chars()
        .any(|c| c.is_control() || crate::display::is_deceptive(c))
    {
        return Err("it holds a character that is not shown as itself".into());
    }
    // What only has a file's facts told opens none, and takes no name for more.
    if matches!(kind, Type::Path | Type::Tree) && is_odd(text) {
        return Err(format!("`{text}` is no plain name of a file"));
    }
    let of = |set: fn(u8) -> bool, what: &str| {
        if text.bytes().all(set) {
            Ok(())
        } else {
            Err(format!("`{text}` is not {what}"))
        }
    };
    match kind {
        Type::Int(low, high) => number(text, *low, *high),
        Type::Size => of_form(text, "KMGTkmgt", 1_000_000_000, "a size such as 10M"),
        Type::Duration => of_form(text, "smhd", 100_000, "a duration such as 30s"),
        Type::Unit => of(
            // A pattern of units (`php*`) only selects among those there are.
            |b| b.is_ascii_alphanumeric() || b"@._:-\\*".contains(&b),
            "a unit's name",
        ),
        Type::Path => check_path(text, bounds),
        Type::Place => check_path(text, &bounds.without_secrets()),
        Type::Object => text
            .split('/')
            .try_for_each(|part| check_text(&Type::Name, part, bounds))
            .and_then(|()| {
                if text.matches('/').count() > 1 {
                    Err(format!("`{text}` is not an object's name"))
                } else {
                    Ok(())
                }
            }),
        Type::Tree => check_tree(text, bounds),
        Type::Sysctl => check_text(&Type::Name, text, bounds).and_then(|()| {
            let file = format!("/proc/sys/{}", text.replace('.', "/"));
            check_tree(&file, bounds).map_err(|why| format!("{why}, and `{text}` is that file"))
        }),
        Type::Host => check_host(text, bounds),
        Type::Port => number(text, 1, 65_535).or_else(|e| {
            if text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') {
                Ok(())
            } else {
                Err(e)
            }
        }),
        // None has the number 0, which systemd gives for a unit without one.
        Type::Pid => number(text, 0, 4_194_304),
        Type::User => of(
            |b| b.is_ascii_alphanumeric() || b"_.-".contains(&b),
            "a user's name",
        ),
        Type::Text | Type::FreeText => Ok(()),
        Type::Regex | Type::DashedRegex => language::check_repeats(text),
        Type::Like(pattern) => {
            if text.is_ascii() && pattern.fits(text) == Some(true) {
                Ok(())
            } else {
                Err(format!(
                    "`{text}` does not have the form that is allowed here"
                ))
            }
        }
        Type::Word => of(
            |b| b.is_ascii_alphanumeric() || b"_.,:/@%+=-".contains(&b),
            "a plain word",
        ),
        Type::Package => of(
            |b| b.is_ascii_alphanumeric() || b"_.+:~@*-".contains(&b),
            "a package's name",
        ),
        Type::Socket => of(
            |b| b.is_ascii_alphanumeric() || b":@.,-".contains(&b),
            "an address and a port",
        ),
        Type::Name => of(
            |b| b.is_ascii_alphanumeric() || b"_.-".contains(&b),
            "a name",
        )
        .and_then(|()| {
            if text.starts_with(['.', '-']) {
                Err(format!("`{text}` is not a name"))
            } else {
                Ok(())
            }
        }),
        Type::Url => check_url(text, bounds),
        Type::Time => of(
            |b| b.is_ascii_alphanumeric() || b" :.+-".contains(&b),
            "a point in time",
        ),
        Type::DateFormat => {
            if text.starts_with('+') {
                of(
                    |b| b.is_ascii_alphanumeric() || b"+%:_./, -".contains(&b),
                    "a date format",
                )?;
                language::check_operand(
                    language::Kind::DateFormat,
                    text,
                    &language::Limits::default(),
                )
            } else {
                Err(format!("`{text}` is not a format: it begins with +"))
            }
        }
        Type::Enum(words) => {
            if words.iter().any(|w| w == text) {
                Ok(())
            } else {
                Err(format!("`{text}` is not one of {}", words.join(", ")))
            }
        }
        Type::Keys(keys) => {
            language::check_repeats(text)?;
            language::keys::check(text, keys)
        }
        Type::List(inner) => text
            .split(',')
            .try_for_each(|part| check_text(inner, part, bounds)),
        Type::Language(kind) => language::check_operand(
            *kind,
            text,
            &Limits {
                hosts: bounds.hosts.to_vec(),
                under: bounds.under.to_vec(),
                not: bounds
                    .secret
                    .iter()
                    .chain(bounds.remote.iter())
                    .map(str::to_owned)
                    .collect(),
                ..Limits::default()
            },
        ),
    }
}

fn number(text: &str, low: i64, high: i64) -> Result<(), String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain =
        !digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(value) if plain && (low..=high).contains(&value) => Ok(()),
        _ => Err(format!("`{text}` is not a number from {low} to {high}")),
    }
}

fn of_form(text: &str, units: &str, most: u64, what: &str) -> Result<(), String> {
    let digits = text.strip_suffix(|c| units.contains(c)).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |t: &str| !t.is_empty() && t.len() <= 12 && t.bytes().all(|b| b.is_ascii_digit());
    if plain(whole) && plain(fraction) && whole.parse::<u64>().is_ok_and(|n| n <= most) {
        Ok(())
    } else {
        Err(format!("`{text}` is not {what}"))
    }
}

/// Whether a path has a character in its name that a program may take for more than a name: perl runs what ends in
/// `|` (perlop(1), `<>`), and scripts hand names to shells.
fn is_odd(path: &str) -> bool {
    path.contains(['|', ';', '&', '<', '>', '`', '$', '"', '\'', '\\']) || path.ends_with(' ')
}

fn check_path(text: &str, bounds: &Bounds) -> Result<(), String> {
    let parts = path::components(text)
        .ok_or_else(|| format!("`{text}` is not an absolute path without `.` and `..`"))?;
    if bounds
        .secret
        .iter()
        .any(|s| path::is_secret(&parts, s, false))
    {
        return Err(format!("`{text}` is secret"));
    }
    if bounds.remote.iter().any(|r| path::is_under(&parts, r)) {
        return Err(format!("looking for `{text}` asks another host"));
    }
    bounds
        .allow(|root| path::is_under(&parts, root))
        .map_err(|why| format!("`{text}` {why}"))
}

/// Everything below is read: nothing secret may be there.
fn check_tree(text: &str, bounds: &Bounds) -> Result<(), String> {
    check_path(text, bounds)?;
    let parts = path::components(text).unwrap_or_default();
    match bounds.secret.iter().find(|s| path::holds_secret(&parts, s)) {
        Some(secret) => Err(format!("`{text}` holds {secret}, which is secret")),
        None => Ok(()),
    }
}

/// A pattern can only name what its literal folder holds.
fn check_pattern(pattern: &str, prefix: &str, bounds: &Bounds) -> Result<(), String> {
    // Files that are open by this very pattern: `/etc/*release`.
    if !pattern.ends_with("/*") && bounds.open.iter().any(|open| open == pattern) {
        return Ok(());
    }
    let folder = prefix.rfind('/').map_or("", |at| &prefix[..at]);
    let parts = path::components(pattern)
        .ok_or_else(|| format!("`{pattern}` is not an absolute pattern without `.` and `..`"))?;
    if let Some(part) = parts.iter().find(|part| path::could_leave(part)) {
        return Err(format!(
            "in `{pattern}`, `{part}` could stand for `.` or `..`: write the names out"
        ));
    }
    // `*` alone stands for all of a folder; that no key lies in an open one is its administrator's care.
    // `NAME*` (a log and its rotated copies) stands for less than that.
    let name = pattern
        .strip_prefix(folder)
        .and_then(|rest| rest.strip_prefix('/')?.strip_suffix('*'))
        .filter(|name| !name.contains(['?', '[', '/']));
    let open = name.is_some()
        && path::components(folder)
            .is_some_and(|f| bounds.open.iter().any(|o| path::is_place(&f, o)));
    let named = |secret: &str| name.is_some_and(|name| path::intersect(secret, name));
    // Below /sys, and of a process in /proc, all names are the kernel's: none of them is a kind of file that people
    // keep keys in. Deeper in /proc are other file systems.
    let kernels = match parts.first() {
        Some(&"sys") => true,
        Some(&"proc") => parts.len() <= 3,
        // And of devices root's; not in the folders there.
        Some(&"dev") => parts.len() == 2,
        _ => false,
    };
    // It is no process.
    let process = !matches!(parts.as_slice(), ["proc", "pressure", _]);
    if let Some(secret) = bounds
        .secret
        .iter()
        .filter(|s| process || !s.starts_with("/proc/*/"))
        .filter(|s| !kernels || s.starts_with('/'))
        .filter(|s| !open || s.starts_with('/') || named(s))
        .find(|s| path::is_secret(&parts, s, true))
    {
        return Err(format!("`{pattern}` could name {secret}, which is secret"));
    }
    // The folder itself may be named: only what is looked for in it is asked.
    let asks = |remote: &&str| {
        path::components(remote).is_some_and(|r| r.len() < parts.len())
            && path::is_secret(&parts, remote, true)
    };
    if let Some(remote) = bounds.remote.iter().find(asks) {
        return Err(format!(
            "`{pattern}` would look for names in {remote}, which asks other hosts"
        ));
    }
    let below = |root: &str| {
        path::components(folder).is_some_and(|f| path::is_under(&f, root))
            || path::components(root).is_some_and(|r| {
                r.len() <= parts.len()
                    && r.iter().zip(&parts).all(|(r, p)| r == p || fits_all(r, p))
            })
    };
    bounds
        .allow(below)
        .map_err(|why| format!("`{pattern}` {why}"))
}

/// Whether every name that fits a pattern fits `root`, which ends with `*` and has no other.
fn fits_all(root: &str, pattern: &str) -> bool {
    let fixed = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    root.strip_suffix('*')
        .filter(|start| !start.contains(['*', '?', '[']))
        .is_some_and(|start| pattern.get(..fixed).is_some_and(|p| p.starts_with(start)))
}

fn check_host(text: &str, bounds: &Bounds) -> Result<(), String> {
    if bounds.hosts.iter().any(|h| language::host_fits(h, text)) {
        Ok(())
    } else {
        Err(format!("host `{text}` is not one that the policy lists"))
    }
}

fn check_url(text: &str, bounds: &Bounds) -> Result<(), String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
        .ok_or_else(|| format!("`{text}` is not an http or https URL"))?;
    let (authority, tail) = rest
        .find(['/', '?', '#'])
        .map_or((rest, ""), |at| rest.split_at(at));
    let host = match authority.rsplit_once(':') {
        Some((host, port))
            if !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()) =>
        {
            host
        }
        Some(_) if !authority.ends_with(']') => {
            return Err(format!("`{authority}` is not a host and a port"));
        }
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    // Of a URL more than a name is sent: only hosts that are named one by one.
    if !bounds.hosts.iter().any(|h| h == host) {
        return Err(format!("host `{host}` is not one that the policy lists"));
    }
    if let Some(word) = language::telling(tail) {
        return Err(format!(
            "what is behind `{word}` may be a secret, or change something"
        ));
    }
    // curl expands {} and [] itself; @ and \ move the host in some readers.
    if tail
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"/?#&=._~%+,:;-".contains(&b))
    {
        Ok(())
    } else {
        Err(format!(
            "`{tail}` has characters that are not plain in a URL"
        ))
    }
}
