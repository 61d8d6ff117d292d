//! Signatures over an approval, made with `ssh-keygen -Y sign` wherever the human has their key.
//!
//! `ssh-keygen` checks them. Must never take one that was made over another text, in another
//! namespace, or by a key that is not an approver's.

use super::files;
use super::question::Approval;
use crate::display::escape;
use crate::outcome::{level_name, rfc3339};
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The namespace: a signature made for anything else (a git commit, a file) is none.
pub const NAMESPACE: &str = "aiops-approval";

impl Approval {
    /// The text that is signed: everything that the approval is for, one line each, and its digest.
    pub fn signable(&self) -> String {
        let q = &self.question;
        format!(
            "I approve this one run.\nid: {}\ntarget: {} ({})\ncommand: {}\nruns as: {}\nrequester: {}\nreason (the agent's word): {}\n\
             risk: {}\npolicy: {}\nexpires: {}\ndigest: {}\n",
            self.id,
            escape(&q.target),
            escape(&q.target_identity),
            escape(&q.command),
            escape(&q.canonical),
            escape(&q.requester),
            escape(&q.reason),
            level_name(q.risk_level),
            q.policy_hash,
            rfc3339(q.expires_at),
            self.digest,
        )
    }
}

/// Whose signature it is, of those people; none if it is nobody's over this text.
///
/// # Errors
/// When `ssh-keygen` or the scratch folder cannot be used, or it is two people's.
pub fn signer(
    names: &[&str],
    text: &str,
    signature: &str,
    allowed_signers: &Path,
    scratch: &Path,
) -> Result<Option<String>, String> {
    if !is_armored(signature) {
        return Err("the signature is not what ssh-keygen -Y sign writes: it begins with -----BEGIN SSH SIGNATURE-----".into());
    }
    let file = Scratch::new(scratch, signature).map_err(|e| e.to_string())?;
    let mut found: Option<String> = None;
    for name in names {
        let mut command = Command::new("ssh-keygen");
        command
            .args(["-Y", "verify", "-n", NAMESPACE, "-I", name, "-f"])
            .arg(allowed_signers)
            .arg("-s")
            .arg(&file.path);
        if crate::child::feed(command, text.as_bytes(), Duration::from_secs(10))?.success()
            && let Some(other) = found.replace((*name).to_owned())
        {
            return Err(format!(
                "the key is both {other}'s and {name}'s: one key is one person's"
            ));
        }
    }
    Ok(found)
}

/// Armor and base 64, and nothing that a program could take for something else.
fn is_armored(text: &str) -> bool {
    let text = text.trim().replace("\r\n", "\n");
    let body = text
        .strip_prefix("-----BEGIN SSH SIGNATURE-----\n")
        .and_then(|t| t.strip_suffix("\n-----END SSH SIGNATURE-----"));
    body.is_some_and(|b| {
        !b.is_empty()
            && b.bytes()
                .all(|c| c.is_ascii_alphanumeric() || b"+/=\n".contains(&c))
    })
}

/// A file that is gone when this is.
struct Scratch {
    path: std::path::PathBuf,
}

impl Scratch {
    fn new(dir: &Path, signature: &str) -> io::Result<Scratch> {
        files::folder(dir)?;
        let path = dir.join(format!("{}.sig", uuid::Uuid::new_v4()));
        let text = format!("{}\n", signature.trim().replace("\r\n", "\n"));
        files::write(&path, text.as_bytes())?;
        Ok(Scratch { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_armor_is_taken() {
        let good = "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n";
        assert!(is_armored(good) && is_armored(&good.replace('\n', "\r\n")));
        for bad in [
            "",
            "Approve",
            "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----",
            &good.replace("U1", "\u{0}1"),
            &format!("x{good}"),
        ] {
            assert!(!is_armored(bad), "{bad}");
        }
    }
}
