//! Lists the files of `policies/` and `knowledge/` for `src/shipped.rs` and `src/knowledge.rs`, so that a new one is
//! shipped without being named twice.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn collect(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    println!("cargo::rerun-if-changed={}", dir.display());
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, extension, found);
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
}

/// Writes `OUT_DIR/NAME.rs` with every file below FOLDER that has the extension.
fn embed(folder: &str, extension: &str, name: &str) {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join(folder);
    let mut files = Vec::new();
    collect(&root, extension, &mut files);
    files.sort();
    let mut text =
        format!("/// Path below `{folder}/`, and text.\npub const FILES: &[(&str, &str)] = &[\n");
    for file in &files {
        let name = file.strip_prefix(&root).unwrap_or(file);
        let _ = writeln!(
            text,
            "    ({:?}, include_str!({:?})),",
            name.display().to_string(),
            file.display().to_string()
        );
    }
    text.push_str("];\n");
    let out = PathBuf::from(env::var("OUT_DIR").unwrap_or_default()).join(format!("{name}.rs"));
    if let Err(e) = fs::write(&out, text) {
        println!("cargo::error=cannot write {}: {e}", out.display());
    }
}

fn main() {
    embed("policies", "yml", "shipped");
    embed("knowledge", "md", "knowledge");
}
