//! `guard.yml`: what the guard of a target believes. Root's file, read by root.

use crate::yaml;
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Where it is.
pub const PATH: &str = "/opt/aiops/guard.yml";

/// The guard's configuration.
#[derive(Debug, Clone)]
pub struct GuardConfig {
    /// This target's name.
    pub target: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The login user, whom commands run as that need no root.
    pub user: String,
    /// The guard's own copy of the policy.
    pub policy: PathBuf,
    /// The gate's public key.
    pub key: VerifyingKey,
    /// Where the ids of tickets used are kept.
    pub state_dir: PathBuf,
    /// The guard's own audit log.
    pub audit_log: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: u32,
    target: String,
    #[serde(default)]
    tags: Vec<String>,
    user: String,
    policy: PathBuf,
    ticket_key: String,
    state_dir: PathBuf,
    audit_log: PathBuf,
}

impl GuardConfig {
    /// Reads and checks it. Relative paths are relative to its folder.
    ///
    /// # Errors
    /// With file, line and column where they are known.
    pub fn load(path: &Path) -> Result<GuardConfig, yaml::Error> {
        let name = path.display().to_string();
        let text = yaml::read_trusted(path)?;
        let raw: Raw = yaml::from_str(&name, &text)?;
        let fail = |reason: String| yaml::Error::file(&name, reason);
        if raw.version != 1 {
            return Err(fail(format!(
                "this program reads version 1, not {}",
                raw.version
            )));
        }
        let user = crate::install::target::is_name(&raw.user);
        if !user || raw.user == "root" {
            return Err(fail(
                "user: the login user's name, which is not root".into(),
            ));
        }
        let key = super::ticket::public_key(&raw.ticket_key).map_err(fail)?;
        let base = path.parent().unwrap_or(Path::new("/"));
        Ok(GuardConfig {
            target: raw.target,
            tags: raw.tags,
            user: raw.user,
            policy: base.join(raw.policy),
            key,
            state_dir: base.join(raw.state_dir),
            audit_log: base.join(raw.audit_log),
        })
    }
}
