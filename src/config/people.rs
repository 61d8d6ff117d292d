//! People who may approve, and the channels by which each is reached past the agent.
//!
//! Must never let two people share a channel: who reads both codes would be two people.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A person who may approve.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approver {
    /// Their login name on this machine, for the method `unix`.
    #[serde(default)]
    pub unix: Option<String>,
    /// Their roles, as policies name them.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Names of the notifiers that reach them and nobody else, for the method `code`.
    #[serde(default)]
    pub notify: Vec<String>,
}

/// A way to reach one person that the agent cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// A program of the sysadmin's that takes the notice as JSON on standard input.
    Program(PathBuf),
    /// Mail through the local `sendmail`.
    Mail {
        /// The program, with the calling convention of sendmail(8).
        sendmail: PathBuf,
        /// The recipient.
        to: String,
        /// The sender; the local default when absent.
        from: Option<String>,
    },
    /// An HTTP POST.
    Post {
        /// What the receiver understands.
        shape: Shape,
        /// Where to.
        url: Url,
        /// File with a bearer token (for Telegram: the bot's token).
        token_file: Option<PathBuf>,
        /// Telegram's chat id.
        chat: Option<String>,
    },
}

/// What a receiver of webhooks understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The whole notice as JSON.
    Json,
    /// Text in the body, title and priority in headers (docs.ntfy.sh/publish).
    Ntfy,
    /// `{"text": …}` (Slack's and Mattermost's incoming webhooks).
    Slack,
    /// `sendMessage` of the Bot API.
    Telegram,
}

/// A URL, or the file it stands in because it is a secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Url {
    /// In the configuration.
    Plain(String),
    /// In a file of mode 0600.
    File(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Program,
    Mail,
    Webhook,
    Ntfy,
    Slack,
    Telegram,
}

/// A notifier as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNotifier {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default)]
    program: Option<PathBuf>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    sendmail: Option<PathBuf>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    url_file: Option<PathBuf>,
    #[serde(default)]
    token_file: Option<PathBuf>,
    #[serde(default)]
    chat: Option<String>,
}

/// Checks a notifier.
pub(super) fn channel(raw: RawNotifier, base: &Path) -> Result<Channel, String> {
    let given = [
        ("program", raw.program.is_some()),
        ("to", raw.to.is_some()),
        ("from", raw.from.is_some()),
        ("sendmail", raw.sendmail.is_some()),
        ("url", raw.url.is_some()),
        ("url_file", raw.url_file.is_some()),
        ("token_file", raw.token_file.is_some()),
        ("chat", raw.chat.is_some()),
    ];
    let only = |allowed: &[&str]| match given
        .iter()
        .find(|(name, there)| *there && !allowed.contains(name))
    {
        Some((name, _)) => Err(format!(
            "`{name}` does not belong to a notifier of this type"
        )),
        None => Ok(()),
    };
    match raw.kind {
        Kind::Program => {
            only(&["program"])?;
            let program = raw.program.ok_or("program is missing")?;
            if !program.is_absolute() {
                return Err(format!(
                    "program {}: write its absolute path",
                    program.display()
                ));
            }
            Ok(Channel::Program(program))
        }
        Kind::Mail => {
            only(&["to", "from", "sendmail"])?;
            let to = raw.to.ok_or("to (the recipient's address) is missing")?;
            for address in std::iter::once(&to).chain(&raw.from) {
                if !is_address(address) {
                    return Err(format!("{address:?} is not a mail address"));
                }
            }
            let sendmail = raw.sendmail.unwrap_or_else(|| "/usr/sbin/sendmail".into());
            if !sendmail.is_absolute() {
                return Err("sendmail: write its absolute path".into());
            }
            Ok(Channel::Mail {
                sendmail,
                to,
                from: raw.from,
            })
        }
        kind => {
            let shape = match kind {
                Kind::Ntfy => Shape::Ntfy,
                Kind::Slack => Shape::Slack,
                Kind::Telegram => Shape::Telegram,
                _ => Shape::Json,
            };
            post(shape, raw, base, only)
        }
    }
}

fn post(
    shape: Shape,
    raw: RawNotifier,
    base: &Path,
    only: impl Fn(&[&str]) -> Result<(), String>,
) -> Result<Channel, String> {
    if shape == Shape::Telegram {
        only(&["url", "token_file", "chat"])?;
        if raw.token_file.is_none() || raw.chat.is_none() {
            return Err(
                "telegram needs token_file (the bot's token) and chat (the person's id)".into(),
            );
        }
    } else {
        only(&["url", "url_file", "token_file"])?;
    }
    let url = match (raw.url, raw.url_file) {
        (Some(url), None) => {
            check_url(&url)?;
            Url::Plain(url)
        }
        (None, Some(file)) => {
            let file = base.join(file);
            super::check_secret("url_file", &file)?;
            Url::File(file)
        }
        (None, None) if shape == Shape::Telegram => Url::Plain("https://api.telegram.org".into()),
        _ => return Err("give either url or url_file".into()),
    };
    let token_file = raw.token_file.map(|f| base.join(f));
    if let Some(file) = &token_file {
        super::check_secret("token_file", file)?;
    }
    Ok(Channel::Post {
        shape,
        url,
        token_file,
        chat: raw.chat,
    })
}

/// Codes travel encrypted, or not beyond this machine.
///
/// # Errors
/// What is wrong with it.
pub fn check_url(url: &str) -> Result<(), String> {
    let plain = url.len() <= 2048
        && url
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"\"\\<>^`{|}".contains(&b));
    let here = ["http://127.0.0.1", "http://[::1]", "http://localhost"]
        .iter()
        .any(|p| {
            url.strip_prefix(p)
                .is_some_and(|r| r.is_empty() || r.starts_with([':', '/']))
        });
    let remote = url
        .strip_prefix("https://")
        .is_some_and(|r| !r.is_empty() && !r.starts_with('/'));
    if plain && (remote || here) && !url.split('/').nth(2).unwrap_or_default().contains('@') {
        Ok(())
    } else {
        Err("a webhook's URL is https://…; plain http:// only to this machine, for one-time codes travel in it".into())
    }
}

fn is_address(text: &str) -> bool {
    text.len() <= 254
        && !text.starts_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"@._+-=".contains(&b))
        && text.split('@').all(|part| !part.is_empty())
        && text.matches('@').count() <= 1
}

/// Checks people against each other and against the notifiers. The error's first part is the key it is about.
pub(super) fn check(
    approvers: &BTreeMap<String, Approver>,
    notifiers: &BTreeMap<String, Channel>,
) -> Result<(), (String, String)> {
    let mut logins: BTreeMap<&str, &str> = BTreeMap::new();
    let mut used: BTreeMap<&str, &str> = BTreeMap::new();
    let mut folded: BTreeMap<String, &str> = BTreeMap::new();
    for (person, approver) in approvers {
        if let Some(other) = folded.insert(person.to_lowercase(), person) {
            return Err((
                person.clone(),
                format!("{other} and {person} differ in case only: that would be one person twice"),
            ));
        }
        if let Some(login) = &approver.unix
            && let Some(other) = logins.insert(login, person)
        {
            return Err((
                person.clone(),
                format!("the login {login} is {other}'s already: one person is one approver"),
            ));
        }
        for name in &approver.notify {
            if !notifiers.contains_key(name) {
                return Err((
                    person.clone(),
                    format!("there is no notifier {name}: name it under `notifiers`"),
                ));
            }
            if let Some(other) = used.insert(name, person).filter(|o| o != person) {
                return Err((
                    person.clone(),
                    format!(
                        "the notifier {name} is {other}'s already: who reads both codes would be two people"
                    ),
                ));
            }
        }
    }
    Ok(())
}
