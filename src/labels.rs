//! Stable pseudonyms for addresses and ids: `[IP_1]` instead of `10.0.0.5`, toward the agent and in the log.
//!
//! The same value has the same label within a conversation. What a label stands for is kept in a file
//! of the conversation (mode 0600) that neither the agent nor the log sees. Must never put anything
//! back into a command that is not exactly a value of its kind: those have no character that a shell
//! reads as anything but itself.

use crate::approval::files;
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

/// Values of one kind that a conversation has labels for; what comes after them has none.
const MOST: usize = 10_000;
/// A conversation that was silent for so long is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(90 * 86_400);

/// What is given a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// IPv4 and IPv6 addresses, but not loopback, unspecified and netmasks.
    Ip,
    /// E-mail addresses (and `user@host.example`).
    Email,
    /// UUIDs (RFC 9562).
    Uuid,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Ip => "IP",
            Kind::Email => "EMAIL",
            Kind::Uuid => "UUID",
        }
    }
}

/// Bounded, so that time grows with the text only.
static CANDIDATES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?P<uuid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})",
        r"|(?P<email>[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.[A-Za-z]{2,63})",
        r"|(?P<ip6>[0-9a-fA-F]{0,4}:[0-9a-fA-F:]{0,39}:[0-9a-fA-F:.]{0,39})",
        r"|(?P<ip4>[0-9]{1,3}(?:\.[0-9]{1,3}){3})",
    ))
    .ok()
});

static LABEL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\[(IP|EMAIL|UUID)_([1-9][0-9]{0,5})\]").ok());

/// Suffixes of systemd's unit names: `user@1000.service` is nobody's address.
const UNITS: [&str; 11] = [
    ".service",
    ".socket",
    ".timer",
    ".target",
    ".mount",
    ".slice",
    ".scope",
    ".device",
    ".path",
    ".swap",
    ".automount",
];

/// A value in a text.
struct Found {
    start: usize,
    end: usize,
    kind: Kind,
}

/// The values in a text, in order.
fn find(text: &str, kinds: &[Kind]) -> Vec<Found> {
    let Some(pattern) = CANDIDATES.as_ref() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(groups) = pattern.captures_at(text, at) {
        let Some(whole) = groups.get(0) else { break };
        let mut end = whole.end();
        let kind = if groups.name("uuid").is_some() {
            Kind::Uuid
        } else if groups.name("email").is_some() {
            Kind::Email
        } else {
            // A colon or full stop behind an address belongs to the sentence.
            while end > whole.start() + 2
                && text[..end].ends_with([':', '.'])
                && !text[..end].ends_with("::")
            {
                end -= 1;
            }
            Kind::Ip
        };
        let value = &text[whole.start()..end];
        if kinds.contains(&kind) && stands_alone(text, whole.start(), end) && is_value(kind, value)
        {
            found.push(Found {
                start: whole.start(),
                end,
                kind,
            });
            at = end;
        } else {
            // The next candidate may begin inside this one.
            at = whole.start()
                + text[whole.start()..]
                    .chars()
                    .next()
                    .map_or(1, char::len_utf8);
            while at < end && text[..at].ends_with(|c: char| c.is_ascii_alphanumeric()) {
                at += 1;
            }
        }
    }
    found
}

/// Whether the text before and behind a candidate does not go on with it: `1.2.3.4.5` is no address.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back();
    let mut behind = text[end..].chars();
    let (next, after) = (behind.next(), behind.next());
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let goes_on_before = before.is_some_and(|c| word(c) || c == '.');
    let goes_on_behind =
        next.is_some_and(word) || (next == Some('.') && after.is_some_and(|c| c.is_ascii_digit()));
    !goes_on_before && !goes_on_behind
}

/// Whether a text is exactly a value of a kind.
fn is_value(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Ip => {
            if let Ok(address) = text.parse::<Ipv4Addr>() {
                return !address.is_loopback()
                    && !address.is_unspecified()
                    && address.octets()[0] != 255;
            }
            text.parse::<Ipv6Addr>().is_ok_and(|address| {
                !address.is_loopback()
                    && !address.is_unspecified()
                    && text.bytes().any(|b| b.is_ascii_digit())
            })
        }
        Kind::Email => {
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._%+-@".contains(&b))
                && text.matches('@').count() == 1
                && text
                    .as_bytes()
                    .first()
                    .is_some_and(u8::is_ascii_alphanumeric)
                && !UNITS.iter().any(|unit| text.ends_with(unit))
        }
        Kind::Uuid => text.len() == 36 && uuid::Uuid::parse_str(text).is_ok(),
    }
}

/// The text with every value replaced by a mark that nobody can put back.
pub fn blank(text: &str, kinds: &[Kind]) -> String {
    replace(text, kinds, |kind, _| {
        format!("[masked:{}]", kind.name().to_ascii_lowercase())
    })
}

fn replace(text: &str, kinds: &[Kind], mut with: impl FnMut(Kind, &str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for found in find(text, kinds) {
        out.push_str(&text[from..found.start]);
        out.push_str(&with(found.kind, &text[found.start..found.end]));
        from = found.end;
    }
    out.push_str(&text[from..]);
    out
}

/// The text of a target, in which nothing may look like a label that the gate gave: `[IP_1]` there
/// becomes `[literal:IP_1]`, so that a target cannot put words into a later command.
pub fn literal(text: &str) -> std::borrow::Cow<'_, str> {
    match LABEL.as_ref() {
        Some(pattern) => pattern.replace_all(text, "[literal:${1}_${2}]"),
        None => text.into(),
    }
}

/// The values that a text holds.
pub fn values(text: &str, kinds: &[Kind]) -> Vec<String> {
    find(text, kinds)
        .iter()
        .map(|f| text[f.start..f.end].to_owned())
        .collect()
}

/// One conversation's labels.
#[derive(Debug, Clone)]
pub struct Talk {
    path: PathBuf,
    kinds: Vec<Kind>,
}

/// The values in the order of their labels.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Map {
    ip: Vec<String>,
    email: Vec<String>,
    uuid: Vec<String>,
}

impl Map {
    fn of(&self, kind: Kind) -> &Vec<String> {
        match kind {
            Kind::Ip => &self.ip,
            Kind::Email => &self.email,
            Kind::Uuid => &self.uuid,
        }
    }
}

impl Talk {
    /// The conversation of a user of this machine with that name; the agent's word for it is enough,
    /// since every user has their own.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(dir: &Path, kinds: &[Kind], uid: u32, session: &str) -> io::Result<Talk> {
        if !dir.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        let name = crate::audit::record::hex(format!("{uid}:{session}").as_bytes());
        let talk = Talk {
            path: dir.join(name),
            kinds: kinds.to_vec(),
        };
        if !talk.path.exists() {
            forget_old(dir);
        }
        Ok(talk)
    }

    /// The kinds that have labels.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The text with labels for all values but those in `known`.
    ///
    /// # Errors
    /// When new labels cannot be kept; then none may be given out.
    pub fn hide(&self, text: &str, known: &[String]) -> io::Result<String> {
        if find(text, &self.kinds).is_empty() {
            return Ok(text.to_owned());
        }
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.path.with_added_extension("lock"))?;
        lock.lock()?;
        let mut map = self.load()?;
        let mut index: HashMap<(Kind, String), usize> = HashMap::new();
        for kind in [Kind::Ip, Kind::Email, Kind::Uuid] {
            for (at, value) in map.of(kind).iter().enumerate() {
                index.insert((kind, value.clone()), at);
            }
        }
        let mut new = false;
        let hidden = replace(text, &self.kinds, |kind, value| {
            if known.iter().any(|k| k == value) {
                return value.to_owned();
            }
            let list = match kind {
                Kind::Ip => &mut map.ip,
                Kind::Email => &mut map.email,
                Kind::Uuid => &mut map.uuid,
            };
            let key = (kind, value.to_owned());
            let at = match index.get(&key) {
                Some(at) => *at,
                None if list.len() >= MOST => {
                    return format!("[masked:{}]", kind.name().to_ascii_lowercase());
                }
                None => {
                    list.push(value.to_owned());
                    index.insert(key, list.len() - 1);
                    new = true;
                    list.len() - 1
                }
            };
            format!("[{}_{}]", kind.name(), at + 1)
        });
        if new {
            self.store(&map)?;
        }
        Ok(hidden)
    }

    /// The text with the values in the place of their labels, and whether there were any.
    ///
    /// # Errors
    /// Names the label that this conversation does not have.
    pub fn put_back(&self, text: &str) -> Result<(String, bool), String> {
        let Some(pattern) = LABEL.as_ref().filter(|p| p.is_match(text)) else {
            return Ok((text.to_owned(), false));
        };
        let map = self
            .load()
            .map_err(|e| format!("the labels of this conversation cannot be read: {e}"))?;
        let mut out = String::new();
        let mut from = 0;
        for groups in pattern.captures_iter(text) {
            let (Some(whole), Some(name), Some(number)) =
                (groups.get(0), groups.get(1), groups.get(2))
            else {
                continue;
            };
            let kind = match name.as_str() {
                "IP" => Kind::Ip,
                "EMAIL" => Kind::Email,
                _ => Kind::Uuid,
            };
            let value = number
                .as_str()
                .parse::<usize>()
                .ok()
                .and_then(|n| map.of(kind).get(n.checked_sub(1)?))
                // The file is ours; still, nothing but a value may get into a command.
                .filter(|value| is_value(kind, value))
                .ok_or_else(|| {
                    format!(
                        "the label {} is not known in this conversation",
                        whole.as_str()
                    )
                })?;
            out.push_str(&text[from..whole.start()]);
            out.push_str(value);
            from = whole.end();
        }
        out.push_str(&text[from..]);
        Ok((out, true))
    }

    fn load(&self) -> io::Result<Map> {
        let Some(mut file) = files::open(&self.path)? else {
            return Ok(Map::default());
        };
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        serde_json::from_str(&text).map_err(|e| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{}: {e}", self.path.display()),
            )
        })
    }

    fn store(&self, map: &Map) -> io::Result<()> {
        let new = self.path.with_added_extension("new");
        let _ = fs::remove_file(&new);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(&serde_json::to_vec(map)?)?;
        // A label that was given out must not mean something else after a power cut.
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        match self.path.parent() {
            Some(dir) => File::open(dir)?.sync_all(),
            None => Ok(()),
        }
    }
}

/// Removes the labels of conversations that nobody goes on with; a failure only leaves them there.
fn forget_old(dir: &Path) {
    let old = SystemTime::now() - FORGOTTEN_AFTER;
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|m| m.modified());
        if age.is_ok_and(|modified| modified < old) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Kind; 3] = [Kind::Ip, Kind::Email, Kind::Uuid];

    fn talk(dir: &Path) -> Talk {
        Talk::open(dir, &ALL, 1, "chat").unwrap()
    }

    #[test]
    fn the_same_value_has_the_same_label_and_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let one = talk(dir.path());
        let text = "10.0.0.5 and 10.0.0.6, then 10.0.0.5: bob@example.org 2001:db8::1 550e8400-e29b-41d4-a716-446655440000.";
        let hidden = one.hide(text, &[]).unwrap();
        assert_eq!(
            hidden,
            "[IP_1] and [IP_2], then [IP_1]: [EMAIL_1] [IP_3] [UUID_1]."
        );
        assert_eq!(
            talk(dir.path()).hide("from 10.0.0.6", &[]).unwrap(),
            "from [IP_2]"
        );
        assert_eq!(one.put_back(&hidden).unwrap(), (text.to_owned(), true));
        let other = Talk::open(dir.path(), &ALL, 1, "another").unwrap();
        assert!(
            other
                .put_back("ping [IP_1]")
                .unwrap_err()
                .contains("[IP_1]")
        );
        assert!(
            Talk::open(dir.path(), &ALL, 2, "chat")
                .unwrap()
                .put_back("[IP_1]")
                .is_err()
        );
        assert!(one.put_back("[IP_4]").is_err() && one.put_back("[IP_999999]").is_err());
        assert!(!one.put_back("[IP_0] [IPX_1] [ip_1]").unwrap().1);
        assert_eq!(
            one.hide("10.0.0.5 10.0.0.6", &["10.0.0.6".into()]).unwrap(),
            "[IP_1] 10.0.0.6"
        );
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(&one.path).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_is_no_value_stays() {
        for text in [
            "127.0.0.1 ::1 0.0.0.0 255.255.255.0 ::",
            "version 1.2.3 and 1.2.3.4.5 and 999.1.1.1 and 01.2.3.4",
            "12:30:45 2026-11-21T08:00:00Z",
            "std::fs::read a::b Foo::Bar",
            "aa:bb:cc:dd:ee:ff",
            "user@1000.service getty@tty1.service",
            "user@host @example.org",
            "550e8400-e29b-41d4-a716",
            "v10.0.0.5x",
        ] {
            assert_eq!(blank(text, &ALL), text);
        }
        for (text, hidden) in [
            ("http://10.0.0.5:80/x", "http://[masked:ip]:80/x"),
            ("[2001:db8::1]:443", "[[masked:ip]]:443"),
            ("fe80::1%eth0", "[masked:ip]%eth0"),
            ("10.0.0.0/8", "[masked:ip]/8"),
            ("inet 10.0.0.5.", "inet [masked:ip]."),
            (
                "src=10.0.0.5,dst=10.0.0.6",
                "src=[masked:ip],dst=[masked:ip]",
            ),
            ("host:10.0.0.5", "host:[masked:ip]"),
            ("10.0.0.5:22", "[masked:ip]:22"),
            ("<bob@example.org>", "<[masked:email]>"),
            ("ü10.0.0.5ü", "ü[masked:ip]ü"),
        ] {
            assert_eq!(blank(text, &ALL), hidden, "{text}");
        }
    }

    #[test]
    fn a_mapping_that_somebody_changed_puts_nothing_into_a_command() {
        let dir = tempfile::tempdir().unwrap();
        let one = talk(dir.path());
        one.hide("10.0.0.5", &[]).unwrap();
        for evil in ["10.0.0.5; reboot", "$(reboot)", "", "10.0.0.5\n"] {
            let map = Map {
                ip: vec![evil.into()],
                ..Map::default()
            };
            one.store(&map).unwrap();
            assert!(one.put_back("ping [IP_1]").is_err(), "{evil:?}");
        }
        fs::write(&one.path, "nonsense").unwrap();
        assert!(one.put_back("ping [IP_1]").is_err() && one.hide("10.0.0.9", &[]).is_err());
    }

    #[test]
    fn time_grows_with_the_text_only() {
        for piece in [
            "1:",
            "::",
            "1.",
            "a.",
            "a@b.",
            "10.0.0.5.",
            "00000000-",
            "_a@b.cc",
        ] {
            let text = piece.repeat(200_000 / piece.len());
            let spent = crate::processor_time(|| drop(blank(&text, &ALL)));
            assert!(spent.as_secs() < 20, "{piece}: {spent:?}");
        }
    }

    proptest! {
        #[test]
        fn hiding_and_putting_back_gives_the_text_again(
            parts in prop::collection::vec(prop_oneof![
                "[ -Z\\^-~]{0,6}", Just("10.0.0.5".to_owned()), Just("2001:db8::7".to_owned()), Just("::".to_owned()),
                Just("a@b.example".to_owned()), Just("550e8400-e29b-41d4-a716-446655440000".to_owned()), Just("ü".to_owned()),
            ], 0..10)
        ) {
            let dir = tempfile::tempdir().unwrap();
            let one = talk(dir.path());
            let text = parts.concat();
            let hidden = one.hide(&text, &[]).unwrap();
            prop_assert_eq!(one.put_back(&hidden).unwrap().0, text);
            // Nothing that has a shell's meaning can come out of a label.
            for value in values(&parts.concat(), &ALL) {
                prop_assert!(value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._%+-@:".contains(&b)), "{}", value);
            }
        }
    }
}
