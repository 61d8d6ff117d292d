//! `installed.json`: what an installation made, so that update knows what was edited and remove what to take away.

use super::host::{Host, Ids, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where it is.
pub const PATH: &str = "/opt/aiops/installed.json";

/// What was installed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Manifest {
    /// The version that wrote it.
    pub version: String,
    /// Users that the installation made.
    pub users: BTreeSet<String>,
    /// Groups that the installation made.
    pub groups: BTreeSet<String>,
    /// Shipped files and their SHA-256 when they were put in place.
    pub files: BTreeMap<String, String>,
    /// How the gateway was installed.
    pub gateway: Option<super::gateway::Choices>,
    /// How the target was installed.
    pub target: Option<super::target::Choices>,
}

impl Manifest {
    /// Reads it; an empty one where nothing is installed.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub fn load(host: &Host) -> Result<Manifest> {
        let path = host.at(PATH);
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|e| {
                format!(
                    "{}: {e}: it was not written by this program",
                    path.display()
                )
            }),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Manifest::default()),
            Err(e) => Err(format!("{}: {e}", path.display())),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&mut self, host: &Host) -> Result<()> {
        env!("CARGO_PKG_VERSION").clone_into(&mut self.version);
        let text = serde_json::to_vec_pretty(self).map_err(|e| e.to_string())?;
        host.put(&host.at(PATH), &text, 0o644, Some(Ids { uid: 0, gid: 0 }))
    }

    /// Whether a shipped file is not what was put in place.
    pub fn is_edited(&self, path: &str, content: &[u8]) -> bool {
        self.files
            .get(path)
            .is_some_and(|was| *was != sha256(content))
    }
}

/// SHA-256 in hexadecimal, as `sha256sum` prints it.
pub fn sha256(bytes: &[u8]) -> String {
    crate::audit::record::hex(bytes)
}
