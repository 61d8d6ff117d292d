//! Replaces program, shipped policies and knowledge, with a way back.
//!
//! Must never touch configuration, keys, approvals or the audit log, and must change nothing when
//! the new program does not understand what is there.

use super::apply::copy_tree;
use super::host::{Host, Ids, Result};
use super::manifest::Manifest;
use super::step::Step;
use super::{Act, gateway, target};
use crate::config::Config;
use std::fs;

/// Where the last version is kept.
const PREVIOUS: &str = "/opt/aiops/previous";

/// `aiops install update`: run from the new program.
///
/// # Errors
/// What could not be done, and why.
pub fn update(act: &mut Act) -> Result<()> {
    act.need_root()?;
    let mut manifest = Manifest::load(&act.host)?;
    let was = manifest.version.clone();
    let mut steps = Vec::new();
    if let Some(choices) = manifest.gateway.clone() {
        // A program that cannot read this gateway's configuration must not take its place.
        let config = act.host.at("/opt/aiops/config.yml");
        if !act.host.staged() {
            Config::load(&config).map_err(|e| {
                format!("the new version does not accept the configuration, so nothing was changed:\n{e}")
            })?;
        }
        steps.extend(gateway::plan(&act.host, &choices)?);
    }
    if let Some(choices) = manifest.target.clone() {
        steps.extend(target::plan(&act.host, &choices)?.0);
    }
    if steps.is_empty() {
        return Err("nothing is installed here: see `aiops install gateway --help` and `aiops install target --help`".into());
    }
    // What the sysadmin's is stays as it is; a missing account or folder is `install`'s work.
    let ours = |step: &Step| {
        !matches!(
            step,
            Step::User(_) | Step::Group(_) | Step::SshKey { .. } | Step::TicketKey { .. }
        )
    };
    steps.retain(ours);
    if !act.dry_run {
        keep_previous(&act.host)?;
    }
    let done = act.carry_out(&steps, &mut manifest);
    if !act.dry_run {
        manifest.save(&act.host)?;
    }
    let changed = match done {
        Ok(changed) => changed,
        Err(why) => {
            return Err(format!(
                "{why}\nThe update stopped there. Back to version {was}: aiops install update --back"
            ));
        }
    };
    act.finish(changed);
    if !act.dry_run && changed > 0 {
        act.say(&format!(
            "From version {was} to {}. The way back: aiops install update --back",
            env!("CARGO_PKG_VERSION")
        ));
    }
    Ok(())
}

/// Copies what an update replaces. An earlier copy gives way only when the new one is whole.
fn keep_previous(host: &Host) -> Result<()> {
    let place = host.at(PREVIOUS);
    let fresh = place.with_added_extension("new~");
    let fail = |e: std::io::Error| format!("{}: {e}", fresh.display());
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(fail)?;
    }
    fs::create_dir(&fresh).map_err(fail)?;
    for tree in ["policies", "knowledge", "bin"] {
        copy_tree(
            host,
            &host.at(&format!("/opt/aiops/{tree}")),
            &fresh.join(tree),
        )?;
    }
    let manifest = fs::read(host.at(super::manifest::PATH)).map_err(fail)?;
    host.put(
        &fresh.join("installed.json"),
        &manifest,
        0o644,
        Some(Ids { uid: 0, gid: 0 }),
    )?;
    if place.exists() {
        host.exchange(&fresh, &place)?;
        fs::remove_dir_all(&fresh).map_err(fail)
    } else {
        fs::rename(&fresh, &place).map_err(fail)
    }
}

/// `aiops install update --back`: exchanges the present and the previous version.
///
/// # Errors
/// When there is no previous version, or it cannot be put in place.
pub fn back(act: &mut Act) -> Result<()> {
    act.need_root()?;
    let previous = act.host.at(PREVIOUS);
    if !previous.is_dir() {
        return Err(format!(
            "{}: there is no previous version here",
            previous.display()
        ));
    }
    if act.dry_run {
        act.say(&format!(
            "Dry run: policies, knowledge and program would be exchanged with those in {PREVIOUS}."
        ));
        return Ok(());
    }
    let root = Some(Ids { uid: 0, gid: 0 });
    let is = fs::read(act.host.at(super::manifest::PATH)).map_err(|e| e.to_string())?;
    let was = fs::read(previous.join("installed.json")).map_err(|e| e.to_string())?;
    for tree in ["policies", "knowledge", "bin"] {
        act.host.exchange(
            &act.host.at(&format!("/opt/aiops/{tree}")),
            &previous.join(tree),
        )?;
    }
    let program = fs::read(act.host.at("/opt/aiops/bin/aiops")).map_err(|e| e.to_string())?;
    let wrapper = act.host.at("/opt/aiops/run_action");
    if wrapper.exists() {
        act.host.put(&wrapper, &program, 0o755, root)?;
    }
    act.host
        .put(&previous.join("installed.json"), &is, 0o644, root)?;
    act.host
        .put(&act.host.at(super::manifest::PATH), &was, 0o644, root)?;
    act.say("The previous version is in place. The same command goes forward again.");
    Ok(())
}
