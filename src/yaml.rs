//! Strict YAML from files that only their owner can write.
//!
//! The one place that knows the YAML crate. Must never take a document that says a thing twice,
//! refers elsewhere in itself, or could have been written by somebody else.

use serde::de::DeserializeOwned;
use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Largest file that is read, in bytes.
pub const MAX_FILE: u64 = 1024 * 1024;

/// What is wrong with a file: where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The file, as it was named.
    pub file: String,
    /// Line and column, from 1, where known.
    pub at: Option<(usize, usize)>,
    /// What is wrong.
    pub reason: String,
    /// The line it stands in, where known.
    pub source_line: Option<String>,
}

impl Error {
    /// An error about a whole file.
    pub fn file(file: &str, reason: impl Into<String>) -> Error {
        Error {
            file: file.to_owned(),
            at: None,
            reason: reason.into(),
            source_line: None,
        }
    }

    /// An error at a line and column (from 1) of `text`.
    pub fn at(
        file: &str,
        text: &str,
        line: usize,
        column: usize,
        reason: impl Into<String>,
    ) -> Error {
        let source_line = text.lines().nth(line.saturating_sub(1)).map(str::to_owned);
        Error {
            file: file.to_owned(),
            at: Some((line, column)),
            reason: reason.into(),
            source_line,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((line, column)) = self.at else {
            return write!(f, "{}: {}", self.file, self.reason);
        };
        write!(f, "{}:{line}:{column}: {}", self.file, self.reason)?;
        if let Some(source) = &self.source_line {
            let column = source.char_indices().nth(column.saturating_sub(1));
            let at = column.map_or(source.len(), |(at, _)| at);
            let (shown, caret) = crate::display::point_at(source, at);
            let gutter = " ".repeat(line.to_string().len());
            write!(f, "\n{gutter} |\n{line} | {shown}\n{gutter} | {caret}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

fn options() -> serde_yaml::Options {
    let mut options = serde_yaml::options! {};
    options.budget = serde_yaml::budget! {
        max_aliases: 0,
        max_anchors: 0,
        max_documents: 1,
        max_depth: 16,
        max_merge_keys: 0,
    };
    options.duplicate_keys = serde_yaml::options::DuplicateKeyPolicy::Error;
    options.merge_keys = serde_yaml::options::MergeKeyPolicy::Error;
    options.strict_booleans = true;
    options.reject_unsupported_tags = true;
    options.with_snippet = false;
    options
}

/// Reads a document. `name` is what errors call it.
///
/// # Errors
/// Whatever is not plain: duplicate or unknown keys, anchors, aliases, tags, merge keys, a second
/// document, an empty one, nesting beyond 16; each with its line and column.
pub fn from_str<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Error> {
    if let Some((line, column)) = tag_position(text) {
        return Err(Error::at(
            name,
            text,
            line,
            column,
            "tags (`!…`) are not allowed here: quote the word if it is text",
        ));
    }
    if text
        .lines()
        .all(|l| l.trim().is_empty() || l.trim_start().starts_with('#'))
    {
        return Err(Error::file(name, "the document is empty"));
    }
    serde_yaml::from_str_with_options(text, options()).map_err(|e| {
        let reason = plain_reason(&e.without_snippet().to_string());
        match e.location() {
            Some(l) if l.line() > 0 => {
                let line = usize::try_from(l.line()).unwrap_or(usize::MAX);
                let column = usize::try_from(l.column())
                    .unwrap_or(usize::MAX)
                    .clamp(1, 512);
                Error::at(name, text, line, column, reason)
            }
            _ => Error::file(name, reason),
        }
    })
}

/// The crate's own "at line 3, column 5" is said by us already.
fn plain_reason(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    match first.find(" at line ") {
        Some(end) => first[..end].to_owned(),
        None => first.strip_prefix("error: ").unwrap_or(first).to_owned(),
    }
}

/// `!!binary` and the like are known to the crate and so not "unsupported"; here no tag is allowed.
/// A `!` that begins a value unquoted is a tag (YAML 1.2, 6.8.2).
fn tag_position(text: &str) -> Option<(usize, usize)> {
    for (number, line) in text.lines().enumerate() {
        let body = line.trim_start();
        if body.starts_with('#') {
            continue;
        }
        for marker in [": !", "- !"] {
            if let Some(at) = line.find(marker) {
                let before = &line[..at];
                let quoted =
                    before.matches('"').count() % 2 == 1 || before.matches('\'').count() % 2 == 1;
                if !quoted && !before.contains(" #") {
                    return Some((number + 1, at + 3));
                }
            }
        }
        if body.starts_with('!') {
            return Some((number + 1, line.len() - body.len() + 1));
        }
    }
    None
}

/// Reads a file that nobody but its owner (root or ourselves) can have written.
///
/// # Errors
/// A symbolic link, anything but a regular file, a foreign owner, a mode or a folder that lets
/// group or others write, more than [`MAX_FILE`] bytes, or text that is not UTF-8.
pub fn read_trusted(path: &Path) -> Result<String, Error> {
    let file = open_trusted(path)?;
    let fail = |reason: String| Error::file(&path.display().to_string(), reason);
    let mut text = String::new();
    file.take(MAX_FILE + 1)
        .read_to_string(&mut text)
        .map_err(|e| fail(format!("cannot be read: {e}")))?;
    if text.len() as u64 > MAX_FILE {
        return Err(fail(format!("it is longer than {MAX_FILE} bytes")));
    }
    Ok(text)
}

/// Opens a file that nobody but its owner (root or ourselves) can have written.
///
/// # Errors
/// As [`read_trusted`], but for what is in it.
pub fn open_trusted(path: &Path) -> Result<File, Error> {
    let name = path.display().to_string();
    let fail = |reason: String| Error::file(&name, reason);
    let nofollow = nix::fcntl::OFlag::O_NOFOLLOW.bits() | nix::fcntl::OFlag::O_NONBLOCK.bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nofollow)
        .open(path)
        .map_err(|e| {
            if e.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32) {
                fail("it is a symbolic link: name the file itself".into())
            } else {
                fail(format!("cannot be opened: {e}"))
            }
        })?;
    file.metadata()
        .map_err(|e| format!("cannot be looked at: {e}"))
        .and_then(|meta| check_owner(&meta))
        .and_then(|()| check_folder(folder_of(path)))
        .map_err(fail)?;
    Ok(file)
}

/// What the files are at the moment, without opening them; none for one that [`open_trusted`] would not open.
pub fn look_trusted<'a>(
    paths: impl Iterator<Item = &'a Path>,
) -> impl Iterator<Item = Option<Metadata>> {
    let mut folders: Vec<&Path> = Vec::new();
    paths.map(move |path| {
        let folder = folder_of(path);
        if !folders.contains(&folder) {
            check_folder(folder).ok()?;
            folders.push(folder);
        }
        // A link is no regular file.
        let meta = std::fs::symlink_metadata(path).ok()?;
        check_owner(&meta).ok().map(|()| meta)
    })
}

/// The folder that a file is in. The file itself is no link, so this names the real one.
fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn trusted_owner(uid: u32) -> bool {
    uid == 0 || uid == nix::unistd::geteuid().as_raw()
}

fn check_owner(meta: &Metadata) -> Result<(), String> {
    if !meta.is_file() {
        return Err("it is not a regular file".into());
    }
    if !trusted_owner(meta.uid()) {
        return Err(format!(
            "it belongs to user {}: it must belong to root or to the user of the gate (chown)",
            meta.uid()
        ));
    }
    if meta.mode() & 0o022 != 0 {
        return Err(format!(
            "group or others can write it (mode {:04o}): run chmod go-w",
            meta.mode() & 0o7777
        ));
    }
    Ok(())
}

/// Whoever can write the folder can put another file in its place.
fn check_folder(dir: &Path) -> Result<(), String> {
    let meta =
        std::fs::metadata(dir).map_err(|e| format!("its folder cannot be looked at: {e}"))?;
    let sticky = meta.mode() & 0o1000 != 0;
    if !trusted_owner(meta.uid()) || (meta.mode() & 0o022 != 0 && !sticky) {
        return Err(format!(
            "its folder {} can be written by others (owner {}, mode {:04o}): run chmod go-w on it",
            dir.display(),
            meta.uid(),
            meta.mode() & 0o7777
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Doc {
        name: String,
        #[serde(default)]
        on: bool,
        #[serde(default)]
        map: BTreeMap<String, String>,
    }

    fn fails(text: &str) -> String {
        from_str::<Doc>("x.yml", text).unwrap_err().to_string()
    }

    #[test]
    fn plain_documents_are_read() {
        let doc: Doc =
            from_str("x.yml", "name: no\non: true\nmap: {a: '!x', b: \"- !y\"}\n").unwrap();
        assert_eq!(doc.name, "no");
        assert_eq!(doc.map["a"], "!x");
    }

    #[test]
    fn what_yaml_can_hide_is_refused_with_its_place() {
        assert!(
            fails("name: a\nname: b\n").starts_with("x.yml:2:1"),
            "{}",
            fails("name: a\nname: b\n")
        );
        assert!(fails("name: a\nmap: {k: 1, k: 2}\n").starts_with("x.yml:2:"));
        let unknown = fails("name: a\ntypo: b\n");
        assert!(
            unknown.contains("typo") && unknown.starts_with("x.yml:2:1") && unknown.ends_with('^'),
            "{unknown}"
        );
        for text in [
            "",
            "# only\n",
            "name: &a x\n",
            "name: a\nmap: &m {a: b}\n",
            "name: !!str a\n",
            "name: a\non: yes\n",
            "name: a\n---\nname: b\n",
            "base: {x: y}\nname: a\nmap: {<<: *base}\n",
            "name: a\n\tmap: {}\n",
        ] {
            assert!(from_str::<Doc>("x.yml", text).is_err(), "{text:?}");
        }
        assert!(from_str::<Doc>("x.yml", &format!("name: {}", "[".repeat(100_000))).is_err());
    }

    #[test]
    fn only_files_that_nobody_else_can_write_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.yml");
        std::fs::write(&path, "name: a\n").unwrap();
        let mode =
            |p: &Path, m| std::fs::set_permissions(p, std::fs::Permissions::from_mode(m)).unwrap();
        mode(&path, 0o600);
        assert_eq!(read_trusted(&path).unwrap(), "name: a\n");
        mode(&path, 0o620);
        assert!(
            read_trusted(&path)
                .unwrap_err()
                .reason
                .contains("chmod go-w")
        );
        mode(&path, 0o644);
        let link = dir.path().join("l.yml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(
            read_trusted(&link)
                .unwrap_err()
                .reason
                .contains("symbolic link")
        );
        mode(dir.path(), 0o777);
        assert!(read_trusted(&path).unwrap_err().reason.contains("folder"));
        mode(dir.path(), 0o700);
        assert!(
            read_trusted(dir.path())
                .unwrap_err()
                .reason
                .contains("regular")
        );
    }
}
