//! What can be wrong on a target.

use super::{Report, log, plan, policy, space, visudo};
use crate::guard::config::{GuardConfig, PATH};
use crate::install::host::{Host, is_root, system};
use crate::install::manifest::Manifest;
use crate::install::target::{Choices, HOME, plan as target_plan};
use std::path::Path;

pub(super) fn examine(report: &mut Report, host: &Host, manifest: &Manifest, choices: &Choices) {
    match target_plan(host, choices) {
        Ok((steps, _)) => plan(report, "target", host, manifest, &steps),
        Err(why) => report.wrong(
            "target.files",
            why,
            "run the installed program: /opt/aiops/bin/aiops doctor",
        ),
    }
    visudo(report, "target");
    login(report, host, &choices.user);
    sshd(report, choices);
    if choices.ticket_key.is_none() {
        report.warn(
            "target.guard",
            "there is no guard: whoever has the gate's SSH key can run commands as this user",
            "aiops install target … --ticket-key KEY",
        );
        return;
    }
    match GuardConfig::load(&host.at(PATH)) {
        Ok(config) => {
            report.ok("target.guard", format!("guards {}", config.target));
            policy(report, "target", &config.policy);
            log(report, "target", &config.audit_log);
            space(report, "target.space", Path::new(HOME));
        }
        Err(e) => report.wrong(
            "target.guard",
            e.to_string(),
            "aiops install target, with the arguments of the first time",
        ),
    }
    for tool in ["/usr/bin/setpriv", "/usr/bin/sudo"] {
        if !host.at(tool).exists() {
            report.wrong(
                "target.tools",
                format!("{tool} is missing"),
                "install util-linux and sudo",
            );
        }
    }
}

/// The login user: no password, a plain shell, nothing of its own in its home.
fn login(report: &mut Report, host: &Host, user: &str) {
    let Some(fields) = host.passwd(user) else {
        return;
    };
    let shell = fields.get(6).map_or("", String::as_str);
    if shell.ends_with("sh")
        && !shell.ends_with("/bash")
        && !shell.ends_with("csh")
        && !shell.ends_with("/fish")
        && !shell.ends_with("/zsh")
    {
        report.ok("target.shell", format!("{user}'s login shell is {shell}"));
    } else {
        report.wrong(
            "target.shell",
            format!("{user}'s login shell is {shell}"),
            &format!("usermod -s /bin/sh {user}: others read start-up files or quote differently"),
        );
    }
    if !is_root() {
        return;
    }
    let hash = std::fs::read_to_string(host.at("/etc/shadow"))
        .unwrap_or_default()
        .lines()
        .find_map(|l| {
            l.strip_prefix(&format!("{user}:"))
                .map(|r| r.split(':').next().unwrap_or_default().to_owned())
        });
    match hash.as_deref() {
        Some("*") => report.ok("target.password", format!("{user} has no password")),
        Some(other) if other.starts_with('!') => report.warn(
            "target.password",
            format!("{user} is locked: without PAM, sshd refuses its key too"),
            &format!("usermod -p '*' {user}"),
        ),
        _ => report.wrong(
            "target.password",
            format!("{user} has a password"),
            &format!("usermod -p '*' {user}"),
        ),
    }
}

/// What sshd would do with the login user, by its own word.
fn sshd(report: &mut Report, choices: &Choices) {
    let user = &choices.user;
    if !is_root() {
        return;
    }
    let address = choices
        .from
        .first()
        .map_or("127.0.0.1", |a| a.split('/').next().unwrap_or("127.0.0.1"));
    let said = match system(
        "sshd",
        &[
            "-T",
            "-C",
            &format!("user={user},host={address},addr={address}"),
        ],
    ) {
        Ok(said) => said,
        Err(why) => return report.wrong("target.sshd", why, "install and start openssh-server"),
    };
    let value = |key: &str| {
        said.lines()
            .find_map(|l| l.strip_prefix(&format!("{key} ")))
            .unwrap_or_default()
    };
    if value("pubkeyauthentication") != "yes" {
        report.wrong(
            "target.sshd",
            "sshd takes no keys",
            "PubkeyAuthentication yes",
        );
    } else if !value("authorizedkeysfile").contains(".ssh/authorized_keys") {
        report.wrong(
            "target.sshd",
            format!("sshd looks for keys in {}", value("authorizedkeysfile")),
            "AuthorizedKeysFile .ssh/authorized_keys",
        );
    } else if value("permituserenvironment") != "no"
        || value("permituserrc") == "yes" && Path::new(HOME).join(".ssh/rc").exists()
    {
        report.wrong(
            "target.sshd",
            "sshd lets the user's own files change what runs",
            "PermitUserEnvironment no, and no ~/.ssh/rc",
        );
    } else {
        report.ok(
            "target.sshd",
            format!("sshd takes the gate's key for {user}"),
        );
    }
}
