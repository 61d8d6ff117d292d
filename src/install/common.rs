//! What gateways and targets have in common: the program, policies, knowledge, manual, completions.

use super::host::Result;
use super::step::{Existing, Owner, Step};
use crate::cli::Cli;
use clap::{Command, CommandFactory};

/// This very program.
///
/// # Errors
/// When it cannot be read.
pub fn own_program() -> Result<Vec<u8>> {
    let path = std::env::current_exe().map_err(|e| format!("this program's own file: {e}"))?;
    std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))
}

/// The steps that put the program and what belongs to it in place.
///
/// # Errors
/// When the program itself cannot be read.
pub fn programs() -> Result<Vec<Step>> {
    let root = |mode| Owner::new("root", "root", mode);
    let file = |path: &str, mode, content| Step::File {
        path: path.into(),
        owner: root(mode),
        content,
        existing: Existing::Replace,
    };
    let owned = |files: &[(&str, &str)]| {
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    };
    let mut steps = vec![
        Step::Tree {
            path: "/opt/aiops/policies".into(),
            files: owned(crate::shipped::FILES),
        },
        Step::Tree {
            path: "/opt/aiops/knowledge".into(),
            files: owned(crate::knowledge::FILES),
        },
        Step::Folder("/opt/aiops/bin".into(), root(0o755)),
        file("/opt/aiops/bin/aiops", 0o755, own_program()?),
        Step::SystemFolder("/usr/local/bin".into()),
        Step::Link {
            path: "/usr/local/bin/aiops".into(),
            to: "/opt/aiops/bin/aiops".into(),
        },
        Step::SystemFolder("/usr/local/share/man/man1".into()),
    ];
    let mut pages = Vec::new();
    manual(&Cli::command(), "aiops", &mut pages);
    for (name, page) in pages {
        steps.push(file(
            &format!("/usr/local/share/man/man1/{name}.1"),
            0o644,
            page,
        ));
    }
    for (shell, path) in [
        (
            clap_complete::Shell::Bash,
            "/usr/local/share/bash-completion/completions/aiops",
        ),
        (
            clap_complete::Shell::Zsh,
            "/usr/local/share/zsh/site-functions/_aiops",
        ),
        (
            clap_complete::Shell::Fish,
            "/usr/local/share/fish/vendor_completions.d/aiops.fish",
        ),
    ] {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "aiops", &mut text);
        if let Some((folder, _)) = path.rsplit_once('/') {
            steps.push(Step::SystemFolder(folder.into()));
        }
        steps.push(file(path, 0o644, text));
    }
    Ok(steps)
}

/// The manual page of a command and of each below it: `aiops-install-gateway.1`.
fn manual(command: &Command, name: &str, pages: &mut Vec<(String, Vec<u8>)>) {
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone().display_name(name));
    if man.render(&mut page).is_ok() {
        pages.push((name.to_owned(), page));
    }
    for below in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        manual(below, &format!("{name}-{}", below.get_name()), pages);
    }
}
