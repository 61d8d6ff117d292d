//! Tickets: what the gate signs and a guard believes.
//!
//! A ticket is JSON text; the signature (Ed25519, RFC 8032) is over a fixed prefix and exactly that
//! text, so both sides sign and read the same bytes. Must never be read before its signature holds.

use crate::command::Shell;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::Path;

/// In front of what is signed: no signature made for another purpose can pass for a ticket's.
const DOMAIN: &[u8] = b"aiops-ticket-v1\n";
/// In front of a public key's text.
const PREFIX: &str = "aiops-ticket-v1:";
/// Longest ticket, in bytes: a script of the greatest length, each byte escaped.
pub const MAX: usize = 1024 * 1024;
/// How far the two clocks may be apart, in seconds.
pub const SKEW: i64 = 60;

/// One action, for one target, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// The run's id; a guard runs each once.
    pub id: String,
    /// The target's name.
    pub target: String,
    /// The canonical line.
    pub line: String,
    /// Instead of running anything: end the run of that id (`aiops freeze --now`).
    #[serde(default)]
    pub ends: Option<String>,
    /// The shell that gives it its meaning.
    pub shell: Shell,
    /// Time limit, in seconds.
    pub timeout_s: u64,
    /// Seconds since 1970 from which it is valid.
    pub not_before: i64,
    /// Seconds since 1970 until which it may be begun.
    pub not_after: i64,
    /// Who asked, for the guard's record.
    pub requester: String,
    /// The approval it was given, if it needed one.
    pub approval: Option<Approval>,
    /// What the guard marks its own lines of standard error with.
    pub nonce: String,
}

/// An approval, as the gate knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Its id.
    pub id: String,
    /// Who approved: `alice (unix)`.
    pub approvers: Vec<String>,
}

/// What is sent: the ticket's text and the signature over it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    ticket: String,
    signature: String,
}

impl Ticket {
    /// Signs it: the message for the guard.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn sign(&self, secret: &SigningKey) -> Result<Vec<u8>, String> {
        let ticket = serde_json::to_string(self).map_err(|e| e.to_string())?;
        let signature = secret.sign(&signed_bytes(&ticket));
        let signed = Signed {
            ticket,
            signature: to_hex(&signature.to_bytes()),
        };
        serde_json::to_vec(&signed).map_err(|e| e.to_string())
    }

    /// Checks the signature, then reads the ticket.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn open(message: &[u8], key: &VerifyingKey) -> Result<Ticket, String> {
        let signed: Signed =
            serde_json::from_slice(message).map_err(|_| "it is not a ticket".to_owned())?;
        let signature: [u8; 64] = from_hex(&signed.signature)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or("its signature is not one")?;
        key.verify_strict(
            &signed_bytes(&signed.ticket),
            &Signature::from_bytes(&signature),
        )
        .map_err(|_| "its signature is not the gate's".to_owned())?;
        let ticket: Ticket = serde_json::from_str(&signed.ticket).map_err(|e| {
            format!("the gate's ticket is not understood ({e}): are both of one version?")
        })?;
        if !is_nonce(&ticket.nonce) || uuid::Uuid::parse_str(&ticket.id).is_err() {
            return Err("its id or nonce is not one".into());
        }
        Ok(ticket)
    }

    /// Whether it is for this target and this moment.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, target: &str, now: i64) -> Result<(), String> {
        if self.target != target {
            return Err(format!(
                "the ticket is for {}, and this is {target}",
                crate::display::escape(&self.target)
            ));
        }
        if now < self.not_before || now > self.not_after {
            return Err(format!(
                "the ticket is valid from {} to {}, and it is {now} here: compare the clocks (timedatectl)",
                self.not_before, self.not_after
            ));
        }
        Ok(())
    }
}

fn signed_bytes(ticket: &str) -> Vec<u8> {
    [DOMAIN, ticket.as_bytes()].concat()
}

/// 32 lower-case hexadecimal digits.
pub fn is_nonce(text: &str) -> bool {
    text.len() == 32
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Makes a new secret key; as it stands in the file `ticket.key`.
///
/// # Errors
/// When the kernel gives no random bytes.
pub fn new_secret() -> std::io::Result<String> {
    let mut bytes = [0u8; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{}\n", to_hex(&bytes)))
}

/// Reads a secret key's file.
///
/// # Errors
/// With the path.
pub fn load_secret(path: &Path) -> Result<SigningKey, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let bytes: Option<[u8; 32]> = from_hex(text.trim()).and_then(|b| b.try_into().ok());
    bytes
        .map(|bytes| SigningKey::from_bytes(&bytes))
        .ok_or_else(|| format!("{}: it is not a ticket key", path.display()))
}

/// The public half, as `install target --ticket-key` takes it.
pub fn public_text(secret: &SigningKey) -> String {
    format!("{PREFIX}{}", to_hex(secret.verifying_key().as_bytes()))
}

/// Reads a public key's text.
///
/// # Errors
/// When it is not one.
pub fn public_key(text: &str) -> Result<VerifyingKey, String> {
    let bytes: Option<[u8; 32]> = text
        .strip_prefix(PREFIX)
        .and_then(from_hex)
        .and_then(|b| b.try_into().ok());
    bytes
        .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
        .filter(|key| !key.is_weak())
        .ok_or_else(|| {
            format!("that is not a ticket key: it begins with {PREFIX} and has 64 digits")
        })
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(text.get(i..i + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    fn ticket() -> Ticket {
        Ticket {
            id: uuid::Uuid::now_v7().to_string(),
            target: "srv1".into(),
            line: "'uptime'".into(),
            ends: None,
            shell: Shell::Posix,
            timeout_s: 5,
            not_before: 100,
            not_after: 200,
            requester: "hermes".into(),
            approval: None,
            nonce: "0".repeat(32),
        }
    }

    #[test]
    fn a_ticket_opens_with_its_own_key_only_and_unchanged_only() {
        let message = ticket().sign(&secret(1)).unwrap();
        assert_eq!(
            Ticket::open(&message, &secret(1).verifying_key())
                .unwrap()
                .line,
            "'uptime'"
        );
        assert!(Ticket::open(&message, &secret(2).verifying_key()).is_err());
        // Every single bit of the message matters.
        for at in 0..message.len() {
            for bit in 0..8 {
                let mut forged = message.clone();
                forged[at] ^= 1 << bit;
                let opened = Ticket::open(&forged, &secret(1).verifying_key());
                // The case of a hexadecimal digit is not part of what it says.
                if let Ok(opened) = opened {
                    assert_eq!(
                        opened,
                        Ticket::open(&message, &secret(1).verifying_key()).unwrap()
                    );
                }
            }
        }
        assert!(Ticket::open(b"", &secret(1).verifying_key()).is_err());
        assert!(Ticket::open(&[0xff; 100], &secret(1).verifying_key()).is_err());
    }

    #[test]
    fn a_ticket_is_for_one_target_and_one_time() {
        let ticket = ticket();
        assert!(ticket.check("srv1", 100).is_ok() && ticket.check("srv1", 200).is_ok());
        assert!(ticket.check("srv2", 150).unwrap_err().contains("srv2"));
        assert!(ticket.check("srv1", 99).is_err() && ticket.check("srv1", 201).is_err());
    }

    #[test]
    fn keys_read_back_and_weak_ones_are_refused() {
        let text = public_text(&secret(3));
        assert_eq!(public_key(&text).unwrap(), secret(3).verifying_key());
        let weak = format!("{PREFIX}01{}", "00".repeat(31));
        for bad in [
            "",
            "aiops-ticket-v1:",
            "aiops-ticket-v1:zz",
            &weak,
            &text[1..],
        ] {
            assert!(public_key(bad).is_err(), "{bad}");
        }
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), new_secret().unwrap()).unwrap();
        load_secret(path.path()).unwrap();
        std::fs::write(path.path(), "short").unwrap();
        assert!(load_secret(path.path()).is_err());
    }
}
