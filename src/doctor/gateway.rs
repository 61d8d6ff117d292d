//! What can be wrong on a gateway.

use super::{Report, log, plan, policy, space, visudo};
use crate::audit::seal::State;
use crate::command::Shell;
use crate::config::{Config, Ssh, Target, Transport};
use crate::freeze::Freezes;
use crate::install::gateway::{APPROVERS, Choices, GATE, plan as gateway_plan};
use crate::install::host::{Host, is_root, system};
use crate::install::manifest::Manifest;
use crate::install::step::is_member;
use crate::policy::Policy;
use crate::transport::{self, Ended, Facts, RunSpec};
use std::time::Duration;

/// Groups that are as good as root, or as the gate.
const POWERFUL: [&str; 10] = [
    "root", "sudo", "wheel", "admin", "docker", "lxd", "libvirt", "disk", "shadow", APPROVERS,
];

pub(super) fn examine(
    report: &mut Report,
    host: &Host,
    manifest: &Manifest,
    choices: &Choices,
    offline: bool,
) {
    match gateway_plan(host, choices) {
        Ok(steps) => plan(report, "gateway", host, manifest, &steps),
        Err(why) => report.wrong(
            "gateway.files",
            why,
            "run the installed program: /opt/aiops/bin/aiops doctor",
        ),
    }
    visudo(report, "gateway");
    agent(report, host, &choices.agent);
    let config = match Config::load(&host.at("/opt/aiops/config.yml")) {
        Ok(config) => config,
        Err(e) => {
            return report.wrong(
                "gateway.config",
                e.to_string(),
                "correct it: until then nothing runs",
            );
        }
    };
    report.ok(
        "gateway.config",
        format!(
            "it loads; targets: {}, approvers: {}",
            config.targets.len(),
            config.approvers.len()
        ),
    );
    if config.approvers.is_empty() {
        report.warn(
            "gateway.approvers",
            "nobody may approve",
            "name people below `approvers` in config.yml",
        );
    }
    if config.targets.is_empty() {
        report.warn(
            "gateway.targets",
            "there are none",
            "aiops target add NAME HOST",
        );
    }
    approvers(report, host, &config);
    quorum(report, &config);
    policy(report, "gateway", &config.policy);
    log(report, "gateway", &config.audit_log);
    seals(report, &config);
    space(report, "gateway.space", &host.at("/opt/aiops/runtime"));
    if offline {
        return;
    }
    for (name, target) in &config.targets {
        if let Transport::Ssh(ssh) = &target.transport {
            examine_target(report, &config, name, target, ssh);
        }
    }
}

/// Whether the log is sealed in time, and can be rotated.
fn seals(report: &mut Report, config: &Config) {
    let id = "gateway.seals";
    let log = &config.audit_log;
    match State::load(log) {
        Ok(Some(state)) if state.late(chrono::Utc::now()) => report.wrong(
            id,
            format!("late: {}", state.describe()),
            "journalctl -u aiops-seal.service says why; aiops audit seal now writes one at once",
        ),
        Ok(Some(state)) => report.ok(id, state.describe()),
        Ok(None) => report.warn(
            id,
            "the log is not sealed: whoever takes over this machine can rewrite all of it",
            "aiops audit seal init shows the auditor's seed, once; aiops install gateway installs the timer",
        ),
        Err(_) if !is_root() => {}
        Err(e) => report.wrong(id, format!("nothing can be recorded, and so nothing runs: {e}"), "see the message"),
    }
    if config
        .audit
        .rotation()
        .max_bytes
        .or(config.audit.rotation().max_age_s)
        .is_some()
        && crate::audit::rotate::is_append_only(log)
    {
        report.warn(
            "gateway.rotation",
            format!(
                "{} is append-only (chattr +a): the gate cannot rotate it, and it grows on",
                log.display()
            ),
            "let a timer of root's run `aiops audit rotate`, and take `audit:` out of config.yml",
        );
    }
}

/// The agent's user may do one thing, and must not be able to do more.
fn agent(report: &mut Report, host: &Host, agent: &str) {
    for group in POWERFUL {
        let login_group = host.user(agent).map(|ids| ids.gid);
        if is_member(host, agent, group)
            || (login_group.is_some() && login_group == host.group(group))
        {
            report.wrong(
                "gateway.agent-groups",
                format!("{agent} is in group {group}"),
                &format!(
                    "gpasswd -d {agent} {group}: that group is as good as root, or as an approver"
                ),
            );
        }
    }
    if !is_root() {
        return;
    }
    // What sudo itself says, all sources together.
    match system("sudo", &["-l", "-U", agent]) {
        Ok(said) => {
            let rules: Vec<&str> = said
                .lines()
                .skip_while(|l| !l.contains("may run the following"))
                .skip(1)
                .map(str::trim)
                .filter(|l| !l.is_empty())
                .collect();
            let expected = format!("({GATE}) NOPASSWD: /opt/aiops/run_action \"\"");
            if rules == [expected.as_str()] {
                report.ok(
                    "gateway.agent-sudo",
                    format!("{agent} may run the wrapper, and nothing else"),
                );
            } else {
                report.wrong(
                    "gateway.agent-sudo",
                    format!("sudo lets {agent} run: {}", rules.join("; ")),
                    &format!("exactly `{expected}` belongs there: look for other rules in /etc/sudoers and /etc/sudoers.d"),
                );
            }
        }
        Err(why) => report.wrong("gateway.agent-sudo", why, "install sudo"),
    }
    let secrets = [
        "/opt/aiops/keys/id_ed25519",
        "/opt/aiops/keys/ticket.key",
        "/opt/aiops/config.yml",
        "/opt/aiops/runtime",
        "/opt/aiops/audit/audit.jsonl",
    ];
    let readable: Vec<&str> = secrets
        .into_iter()
        .filter(|path| {
            host.at(path).exists()
                && system(
                    "setpriv",
                    &[
                        "--reuid",
                        agent,
                        "--regid",
                        agent,
                        "--init-groups",
                        "--",
                        "test",
                        "-r",
                        path,
                    ],
                )
                .is_ok()
        })
        .collect();
    if readable.is_empty() {
        report.ok(
            "gateway.secrets",
            format!("{agent} can read neither keys nor state"),
        );
    } else {
        report.wrong(
            "gateway.secrets",
            format!("{agent} can read {}", readable.join(", ")),
            "if a key was readable, make new ones: remove it, install again, and put the new public key on the targets",
        );
    }
}

/// Whoever approves by their login needs the account, and the right to call.
fn approvers(report: &mut Report, host: &Host, config: &Config) {
    for (person, approver) in &config.approvers {
        let Some(login) = &approver.unix else {
            continue;
        };
        if host.user(login).is_none() {
            report.warn(
                "gateway.approvers",
                format!("{person}: there is no user {login}"),
                "make the account, or correct config.yml",
            );
        } else if !is_member(host, login, APPROVERS) {
            report.warn(
                "gateway.approvers",
                format!("{person}: {login} is not in {APPROVERS}, and so cannot reply"),
                &format!("usermod -aG {APPROVERS} {login}"),
            );
        }
    }
}

/// Whether the people there are can approve what the policy lets them be asked, and whether anything runs at all.
fn quorum(report: &mut Report, config: &Config) {
    if let (false, Ok(policy)) = (config.approvers.is_empty(), Policy::load(&config.policy)) {
        for obstacle in crate::gate::people::obstacles(config, &policy) {
            report.warn(
                "gateway.quorum",
                obstacle,
                "name more people, or ways to know them, below `approvers` in config.yml",
            );
        }
    }
    match Freezes::new(&config.state_dir).seen() {
        Ok(all) => {
            for freeze in all {
                report.warn(
                    "gateway.frozen",
                    crate::gate::sentence(&freeze),
                    "aiops thaw",
                );
            }
        }
        Err(e) => report.wrong(
            "gateway.frozen",
            format!("the freezes cannot be read, and so nothing runs: {e}"),
            "aiops freeze \"mend\", then aiops thaw",
        ),
    }
}

/// Reached, the pinned key shown, the guard in place, the clock right, a plain shell.
fn examine_target(report: &mut Report, config: &Config, name: &str, target: &Target, ssh: &Ssh) {
    let id = format!("target.{name}");
    let control = match private_folder() {
        Ok(dir) => dir,
        Err(why) => return report.wrong(&id, why, "make room in /run"),
    };
    let before = chrono::Utc::now().timestamp();
    let ask = |line: &str| {
        let reading = crate::command::read(line).ok()?;
        Some(transport::run(&RunSpec {
            target,
            script: &reading.canonical,
            shell: Shell::Posix,
            timeout: Duration::from_secs(10),
            output_bytes: 4096,
            run_id: &uuid::Uuid::now_v7().to_string(),
            control_dir: &control,
            connect_timeout: Duration::from_secs(config.limits.connect_timeout_s.min(5)),
            persist: Duration::from_secs(5),
            facts: Facts {
                target_name: name,
                requester: "aiops doctor",
                approval: None,
                ends: None,
            },
        }))
    };
    let Some(date) = ask("date +%s") else { return };
    match &date.ended {
        Ended::Exited(0) => {
            let via = target.via();
            report.ok(
                &id,
                format!(
                    "answers through {} in {} ms",
                    via.name(),
                    date.duration.as_millis()
                ),
            );
            if via == transport::Via::Ssh {
                report.warn(
                    &format!("{id}.guard"),
                    "there is no guard on it: whoever has the SSH key can run commands there",
                    "aiops install target … --ticket-key … there, and aiops target add --replace here",
                );
            }
            skew(report, &id, before, &date.stdout.text);
        }
        Ended::Exited(code) => report.wrong(
            &id,
            format!("`date` ended with {code}: {}", date.stderr.text),
            "look at the target",
        ),
        Ended::NotStarted(why) | Ended::Unknown(why) => {
            report.wrong(&id, why.clone(), "aiops doctor on the target says more");
        }
        Ended::TimedOut => report.wrong(&id, "it did not answer in time", "look at its load"),
    }
    if let Ended::Exited(0) = date.ended
        && let Some(passwd) = ask(&format!("getent passwd {}", ssh.user))
        && let Some(shell) = passwd.stdout.text.trim().rsplit(':').next()
        && shell.ends_with("bash")
    {
        report.warn(
            &format!("{id}.shell"),
            format!(
                "the login shell of {} is {shell}, which reads ~/.bashrc",
                ssh.user
            ),
            &format!("usermod -s /bin/sh {}", ssh.user),
        );
    }
    let _ = std::fs::remove_dir_all(&control);
}

fn skew(report: &mut Report, id: &str, before: i64, said: &str) {
    let after = chrono::Utc::now().timestamp();
    let Ok(there) = said.trim().parse::<i64>() else {
        return;
    };
    let skew = if there < before {
        before - there
    } else {
        (there - after).max(0)
    };
    let id = format!("{id}.clock");
    if skew > crate::guard::ticket::SKEW / 2 {
        report.wrong(
            &id,
            format!("its clock is {skew} s away from this one"),
            "set it right (timedatectl): tickets are valid for a minute",
        );
    } else {
        report.ok(&id, "its clock agrees with this one");
    }
}

/// The doctor's own connections: it must not touch the gate's.
fn private_folder() -> Result<std::path::PathBuf, String> {
    use std::os::unix::fs::DirBuilderExt;
    let base = if is_root() {
        "/run".into()
    } else {
        std::env::temp_dir()
    };
    let dir = base.join(format!("aiops-{}", uuid::Uuid::new_v4().simple()));
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&dir)
        .map_err(|e| format!("{}: {e}", dir.display()))?;
    Ok(dir)
}
