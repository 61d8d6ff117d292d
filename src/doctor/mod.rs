//! `aiops doctor`: everything that can be wrong on a gateway or a target, each with what to do.
//!
//! It looks at the same plan that `install` carries out, so the two cannot disagree. Must change
//! nothing, and must never call well what it could not look at.

mod gateway;
mod target;

use crate::display::escape_lines;
use crate::install::host::{Host, is_root};
use crate::install::manifest::Manifest;
use crate::install::step::{State, Step};
use serde::Serialize;
use std::path::Path;

/// How one check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Not wrong, but worth a look.
    Warning,
    /// Wrong.
    Wrong,
}

/// One check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// A short, stable name: `gateway.sudoers`.
    pub id: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What was seen.
    pub saw: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// All checks.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// What this host is: `gateway`, `target`.
    pub roles: Vec<String>,
    /// The checks, in the order they were made.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn healthy(&self) -> bool {
        self.checks.iter().all(|c| c.verdict != Verdict::Wrong)
    }

    fn add(&mut self, id: &str, verdict: Verdict, saw: impl Into<String>, fix: Option<&str>) {
        self.checks.push(Check {
            id: id.to_owned(),
            verdict,
            saw: saw.into(),
            fix: fix.map(str::to_owned),
        });
    }

    fn ok(&mut self, id: &str, saw: impl Into<String>) {
        self.add(id, Verdict::Ok, saw, None);
    }

    fn wrong(&mut self, id: &str, saw: impl Into<String>, fix: &str) {
        self.add(id, Verdict::Wrong, saw, Some(fix));
    }

    fn warn(&mut self, id: &str, saw: impl Into<String>, fix: &str) {
        self.add(id, Verdict::Warning, saw, Some(fix));
    }

    /// For a terminal.
    pub fn draw(&self) -> String {
        let mut text = String::new();
        for check in &self.checks {
            let mark = match check.verdict {
                Verdict::Ok => "ok   ",
                Verdict::Warning => "warn ",
                Verdict::Wrong => "WRONG",
            };
            text.push_str(&format!(
                "{mark}  {:<22} {}\n",
                check.id,
                escape_lines(&check.saw)
            ));
            if let Some(fix) = &check.fix {
                text.push_str(&format!("{:30} -> {}\n", "", escape_lines(fix)));
            }
        }
        let count = |v| self.checks.iter().filter(|c| c.verdict == v).count();
        text.push_str(&format!(
            "{} checks: {} wrong, {} warnings.\n",
            self.checks.len(),
            count(Verdict::Wrong),
            count(Verdict::Warning)
        ));
        text
    }
}

/// Looks at this host.
pub fn examine(offline: bool) -> Report {
    let mut report = Report::default();
    let host = match Host::new(None) {
        Ok(host) => host,
        Err(why) => {
            report.wrong("host", why, "look at the file system");
            return report;
        }
    };
    if !is_root() {
        report.warn(
            "root",
            "not run as root: owners, keys and logs cannot all be looked at",
            "sudo aiops doctor",
        );
    }
    let manifest = match Manifest::load(&host) {
        Ok(manifest) => manifest,
        Err(why) => {
            report.wrong(
                "manifest",
                why,
                "restore /opt/aiops/installed.json, or install again",
            );
            return report;
        }
    };
    if let Some(choices) = &manifest.gateway {
        report.roles.push("gateway".into());
        gateway::examine(&mut report, &host, &manifest, choices, offline);
    }
    if let Some(choices) = &manifest.target {
        report.roles.push("target".into());
        target::examine(&mut report, &host, &manifest, choices);
    }
    if report.roles.is_empty() {
        report.wrong(
            "installed",
            "neither a gateway nor a target is installed here",
            "aiops install gateway, or aiops install target",
        );
        return report;
    }
    clock(&mut report);
    report
}

/// Every step of a plan still holds.
fn plan(report: &mut Report, role: &str, host: &Host, manifest: &Manifest, steps: &[Step]) {
    let fix = format!(
        "aiops install {role} (with the same arguments as the first time), or aiops install update"
    );
    let id = format!("{role}.files");
    let mut wrong = 0;
    for step in steps {
        let id = match step {
            Step::Sudoers { .. } => format!("{role}.sudoers"),
            _ => id.clone(),
        };
        match step.state(host, manifest) {
            Ok(State::Done(None)) => {}
            Ok(State::Done(Some(remark))) => report.add(
                &id,
                Verdict::Warning,
                format!("{}: {remark}", step.name()),
                None,
            ),
            Ok(State::Missing(what)) => {
                wrong += 1;
                report.wrong(
                    &id,
                    format!("{} is missing", step.name()),
                    &format!("{what}: {fix}"),
                );
            }
            Ok(State::Differs(what)) => {
                wrong += 1;
                report.wrong(
                    &id,
                    format!("{} is not as installed", step.name()),
                    &format!("{what}: {fix}"),
                );
            }
            Err(why) => {
                wrong += 1;
                report.wrong(&id, why, &fix);
            }
        }
    }
    if wrong == 0 {
        report.ok(
            &id,
            format!(
                "{} places: owners, modes and contents as installed",
                steps.len()
            ),
        );
    }
}

/// All of sudo's configuration must be readable, or sudo refuses everybody.
fn visudo(report: &mut Report, role: &str) {
    match crate::install::host::system("visudo", &["-c", "-q"]) {
        Ok(_) => report.ok(
            &format!("{role}.visudo"),
            "visudo -c accepts /etc/sudoers and all it includes",
        ),
        Err(why) => report.wrong(
            &format!("{role}.visudo"),
            why,
            "correct that file: until then sudo may refuse everybody",
        ),
    }
}

/// A policy must load, and hold its own examples and the attacks on them.
fn policy(report: &mut Report, role: &str, path: &Path) {
    let id = format!("{role}.policy");
    match crate::policy::Policy::load(path) {
        Err(e) => report.wrong(
            &id,
            e.to_string(),
            "correct the policy: until then nothing runs",
        ),
        Ok(policy) => {
            let checked = crate::policy::check::check(&policy);
            if checked.holds() {
                report.ok(
                    &id,
                    format!(
                        "{}: {} rules, every example holds",
                        path.display(),
                        policy.len()
                    ),
                );
            } else {
                report.wrong(
                    &id,
                    format!("{}: {checked}", path.display()),
                    "aiops policy check names the rule: correct it",
                );
            }
        }
    }
}

/// A chain that does not verify was changed behind the gate's back, or damaged.
fn log(report: &mut Report, role: &str, path: &Path) {
    let id = format!("{role}.audit");
    if !crate::audit::files::is_there(path) {
        return report.ok(&id, format!("{}: no record yet", path.display()));
    }
    match crate::audit::verify::verify(path) {
        Ok(checked) if checked.holds() => report.ok(&id, format!("{}: the chain verifies", path.display())),
        Ok(_) => report.wrong(
            &id,
            format!("{}: the chain does not verify", path.display()),
            "aiops audit verify names the first record that does not fit: keep the file, and find out who changed it",
        ),
        Err(e) => report.wrong(&id, format!("{}: {e}", path.display()), "run this as root, and look at the file"),
    }
}

/// Room for state and log: without it nothing runs.
fn space(report: &mut Report, id: &str, path: &Path) {
    let fix = "make room: when it is full, nothing runs, because nothing can be recorded";
    match nix::sys::statvfs::statvfs(path) {
        Err(e) => report.wrong(id, format!("{}: {e}", path.display()), fix),
        Ok(stat) => {
            let free = stat.blocks_available().saturating_mul(stat.fragment_size());
            let inodes = stat.files_available();
            let counted = stat.files() > 0;
            let saw = format!("{}: {} MB free", path.display(), free / 1_000_000);
            if free < 50_000_000 || (counted && inodes < 1000) {
                report.wrong(id, saw, fix);
            } else if free < 500_000_000 {
                report.warn(id, saw, fix);
            } else {
                report.ok(id, saw);
            }
        }
    }
}

/// Approvals, tickets and one-time passwords all need a clock that is right.
fn clock(report: &mut Report) {
    let fix = "install and start a time service (systemd-timesyncd, chrony)";
    match crate::install::host::system("timedatectl", &["show", "-p", "NTPSynchronized", "--value"])
    {
        Ok(said) if said.trim() == "yes" => report.ok("clock", "synchronised"),
        Ok(_) => report.warn("clock", "the clock is not synchronised", fix),
        Err(_) => report.warn(
            "clock",
            "whether the clock is synchronised cannot be told (no timedatectl)",
            fix,
        ),
    }
}
