//! From nothing to a gateway and managed targets, and back to nothing.
//!
//! An installation is a plan of idempotent steps (`step`): shown with `--dry-run`, applied by
//! `install`, checked by `doctor`. Must never overwrite keys, approvals, the audit log, or what a
//! sysadmin wrote, and never put a sudoers file in place that `visudo -c` has not read.

mod apply;
pub mod common;
pub mod enrol;
pub mod gateway;
pub mod host;
pub mod manifest;
mod remove;
pub mod step;
pub mod sudoers;
pub mod target;
mod update;

pub use remove::{Removal, remove};
pub use update::{back, update};

use crate::audit::Log;
use crate::audit::seal::{PERIOD_S, Seed};
use host::{Host, Result, is_root, system};
use manifest::Manifest;
use std::io::Write;
use step::{State, Step};

/// Where manual pages and completions are.
const SHARED: &str = "/usr/local/share";

/// Where and whether to act.
pub struct Act<'a> {
    /// The machine or the staged tree.
    pub host: Host,
    /// Only show what would be done.
    pub dry_run: bool,
    /// Where progress is told.
    pub out: &'a mut dyn Write,
}

impl Act<'_> {
    /// Says a line; that nobody reads it stops nothing.
    pub fn say(&mut self, line: &str) {
        let _ = writeln!(self.out, "{line}");
    }

    /// Refuses to change the running machine without being root.
    ///
    /// # Errors
    /// When root is needed.
    pub fn need_root(&self) -> Result<()> {
        if self.dry_run || self.host.staged() || is_root() {
            return Ok(());
        }
        Err(
            "this changes the system: run it as root, or with --dry-run to see what it would do"
                .into(),
        )
    }

    /// Shows or applies a plan. Returns how many steps were, or would be, done.
    ///
    /// # Errors
    /// At the first step that fails. What was done until then is whole, and running it again goes on.
    pub fn carry_out(&mut self, steps: &[Step], manifest: &mut Manifest) -> Result<usize> {
        // A sudoers file that visudo refuses must stop everything before anything is changed.
        for step in steps {
            if let Step::Sudoers { content, .. } = step {
                apply::check_sudoers(content)?;
            }
        }
        let mut changed = 0;
        let mut pages = 0;
        for step in steps {
            let state = match step.state(&self.host, manifest) {
                Ok(state) => state,
                // In a dry run on a machine that we may not read, what cannot be seen is said, not fatal.
                Err(why) if self.dry_run => State::Differs(why),
                Err(why) => return Err(why),
            };
            let what = match state {
                State::Done(None) => continue,
                State::Done(Some(remark)) => {
                    self.say(&format!("  = {}: {remark}", step.name()));
                    continue;
                }
                State::Missing(what) => format!("  + {}: {what}", step.name()),
                State::Differs(what) => format!("  ~ {}: {what}", step.name()),
            };
            // Manual pages and completions are many, and say little one by one.
            if step.name().starts_with(SHARED) {
                pages += 1;
            } else {
                self.say(&what);
            }
            changed += 1;
            match step {
                _ if self.dry_run => {}
                Step::Seals { log } => self.begin_seals(log)?,
                _ => step.apply(&self.host, manifest)?,
            }
        }
        if pages > 0 {
            self.say(&format!(
                "  + {SHARED}: {pages} manual pages and completions"
            ));
        }
        Ok(changed)
    }

    /// Shows the auditor's seed and begins sealing with it: in this order, since a seed that nobody
    /// has seen would seal for nobody.
    fn begin_seals(&mut self, log: &str) -> Result<()> {
        let place = self.host.at(log);
        let opened = Log::open(&place).map_err(|e| e.to_string())?;
        let seed = Seed::random().map_err(|e| format!("/dev/urandom: {e}"))?;
        let shown = write!(
            self.out,
            "\n    The audit log is sealed from now on. This is its seed, shown this once and kept nowhere here:\n\n\
             \x20     {}\n\n\
             \x20   It is for whoever audits this gateway: write it down or keep it on another machine, then clear\n\
             \x20   this screen (and any file or log that this output went to). With the seed, `aiops audit verify\n\
             \x20   --seed FILE` shows that nothing older than the last seal was changed, even by somebody who\n\
             \x20   has taken over this machine since. Without it the log is as good as one without seals.\n\n",
            seed.show()
        );
        shown.and_then(|()| self.out.flush()).map_err(|e| {
            format!("the seed of the seals cannot be shown, so there are none: {e}")
        })?;
        opened
            .seal_with(&seed, PERIOD_S)
            .map(|_| ())
            .map_err(|e| format!("{e}\nThe log is not sealed: throw the seed above away"))
    }

    fn finish(&mut self, changed: usize) {
        self.say(&match (changed, self.dry_run) {
            (0, _) => "Everything is in place already.".to_owned(),
            (n, true) => format!("Dry run: {n} steps would be done; nothing was changed."),
            (n, false) => format!("{n} steps done."),
        });
    }
}

/// `aiops install gateway`.
///
/// # Errors
/// What could not be done, and why.
pub fn install_gateway(act: &mut Act, choices: gateway::Choices) -> Result<()> {
    act.need_root()?;
    for word in choices.approvers.iter().chain([&choices.agent]) {
        if !target::is_name(word) {
            return Err(format!("{word:?} is not a login name"));
        }
    }
    let mut manifest = Manifest::load(&act.host)?;
    let steps = gateway::plan(&act.host, &choices)?;
    manifest.gateway = Some(choices.clone());
    let done = act.carry_out(&steps, &mut manifest);
    if !act.dry_run {
        // Also after a failure: what was made must be known to `install remove`.
        let _ = manifest.save(&act.host);
    }
    let changed = done?;
    act.finish(changed);
    for person in &choices.approvers {
        if act.host.user(person).is_none() {
            act.say(&format!(
                "Note: {person} has no account here. Make one, then: usermod -aG {} {person}",
                gateway::APPROVERS
            ));
        }
    }
    if !act.dry_run && !act.host.staged() {
        next_commands(act)?;
    }
    Ok(())
}

/// What the sysadmin types next, with this gateway's own values.
fn next_commands(act: &mut Act) -> Result<()> {
    let key = std::fs::read_to_string(act.host.at("/opt/aiops/keys/id_ed25519.pub"))
        .map_err(|e| format!("the public key cannot be read: {e}"))?;
    let secret = crate::guard::ticket::load_secret(&act.host.at("/opt/aiops/keys/ticket.key"))?;
    let ticket = crate::guard::ticket::public_text(&secret);
    let from = addresses()
        .first()
        .cloned()
        .unwrap_or_else(|| "GATEWAY-ADDRESS".into());
    let key = key.trim();
    act.say("\nThe gate's SSH public key:");
    act.say(&format!("  {key}"));
    act.say("\nNext, on each server to be managed (as root, with this same program):");
    act.say(&format!(
        "  aiops install target \"{key}\" --ticket-key {ticket} --from {from}"
    ));
    act.say("It ends by printing the command that makes the server known here.");
    Ok(())
}

/// This machine's addresses, loopback and link-local ones left out.
fn addresses() -> Vec<String> {
    system("hostname", &["-I"])
        .unwrap_or_default()
        .split_whitespace()
        .filter(|a| !a.starts_with("fe80:"))
        .map(str::to_owned)
        .collect()
}

/// `aiops install target`.
///
/// # Errors
/// What could not be done, and why.
pub fn install_target(act: &mut Act, choices: target::Choices) -> Result<()> {
    act.need_root()?;
    let mut manifest = Manifest::load(&act.host)?;
    let (steps, remarks) = target::plan(&act.host, &choices)?;
    manifest.target = Some(choices.clone());
    let done = act.carry_out(&steps, &mut manifest);
    if !act.dry_run {
        let _ = manifest.save(&act.host);
    }
    let changed = done?;
    act.finish(changed);
    for remark in remarks {
        act.say(&format!("Note: {remark}"));
    }
    if choices.ticket_key.is_none() {
        act.say("Note: without --ticket-key there is no guard here: whoever has the gate's SSH key can run commands as this user.");
    }
    if act.dry_run || act.host.staged() {
        return Ok(());
    }
    let address = addresses()
        .first()
        .cloned()
        .unwrap_or_else(|| "ADDRESS".into());
    let mut line = format!("aiops target add {} {address}", choices.name);
    if let Some(fingerprint) = target::host_fingerprint(&act.host) {
        act.say(&format!("\nThis host's key: {fingerprint} (ED25519)"));
        line.push_str(&format!(" --fingerprint {fingerprint}"));
    }
    if choices.ticket_key.is_none() {
        line.push_str(" --plain");
    }
    if !choices.tags.is_empty() {
        line.push_str(&format!(" --tags {}", choices.tags.join(",")));
    }
    act.say("\nNext, on the gateway (as root):");
    act.say(&format!("  {line}"));
    Ok(())
}
