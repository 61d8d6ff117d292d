//! What the agent is told, inside the binary: the bootstrap text and the runbooks of `knowledge/`.
//!
//! Must never say of a command what the gate does not say: every example in it is tested.

use crate::config::Config;
use std::path::Path;

include!(concat!(env!("OUT_DIR"), "/knowledge.rs"));

/// The text of a file, by its path below `knowledge/`.
pub fn text(name: &str) -> Option<&'static str> {
    FILES
        .iter()
        .find(|(path, _)| *path == name)
        .map(|(_, text)| *text)
}

/// The runbooks: name, title.
pub fn runbooks() -> Vec<(&'static str, &'static str)> {
    FILES
        .iter()
        .filter_map(|(path, text)| {
            let name = path.strip_prefix("runbooks/")?.strip_suffix(".md")?;
            let title = text.lines().next()?.trim_start_matches('#').trim();
            Some((name, title))
        })
        .collect()
}

/// A runbook's text.
pub fn runbook(name: &str) -> Option<&'static str> {
    text(&format!("runbooks/{name}.md"))
}

/// What an agent is given to read before its first request: the rules, and where it may work.
pub fn bootstrap(config: &Path) -> String {
    let mut out = text("agent.md").unwrap_or_default().to_owned();
    out.push_str("\n## Targets\n\n");
    // The agent's user may not read the configuration; the sysadmin who prints this may.
    match Config::load(config) {
        Ok(config) if config.targets.is_empty() => out.push_str("None yet.\n"),
        Ok(config) => {
            for (name, target) in &config.targets {
                let tags = if target.tags.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", target.tags.join(", "))
                };
                out.push_str(&format!("- `{name}`{tags}\n"));
            }
        }
        Err(_) => out.push_str("The sysadmin tells you their names; an unknown one is answered with the list of those there are.\n"),
    }
    out.push_str(
        "\n## Runbooks\n\nRead the one that fits before you begin: `aiops runbook show NAME`.\n\n",
    );
    for (name, title) in runbooks() {
        out.push_str(&format!("- `{name}`: {title}\n"));
    }
    out
}
