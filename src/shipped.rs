//! The policies that ship, inside the binary: for deciding without a configuration, for the demo
//! and for the installer. Must be the very files of `policies/`.

use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The text of a shipped policy file, by its path below `policies/`.
pub fn text(name: &str) -> Option<&'static str> {
    FILES
        .iter()
        .find(|(path, _)| *path == name)
        .map(|(_, text)| *text)
}

/// Writes every shipped file below `dir` (folders 0755, files 0644, whatever the umask forbids besides).
///
/// # Errors
/// When a file exists already or cannot be written.
pub fn write_to(dir: &Path) -> io::Result<()> {
    for (path, text) in FILES {
        let file = dir.join(path);
        if let Some(parent) = file.parent() {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(parent)?;
        }
        let mut out = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&file)?;
        io::Write::write_all(&mut out, text.as_bytes())?;
    }
    Ok(())
}
