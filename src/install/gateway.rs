//! The plan of a gateway: users, folders, keys, configuration, policy, wrapper, sudoers.

use super::host::{Host, Result};
use super::step::{Existing, Owner, Step, UserSpec};
use super::{common, sudoers};
use serde::{Deserialize, Serialize};

/// What the sysadmin chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// The chat agent's user.
    pub agent: String,
    /// People who may approve, by login name; they join the approvers' group.
    pub approvers: Vec<String>,
    /// Name of the shipped policy to begin with: `production` or `lab`.
    pub policy: String,
    /// Whether the audit log is not sealed: where nobody is there to take the seed.
    #[serde(default)]
    pub unsealed: bool,
}

/// The audit log.
pub const LOG: &str = "/opt/aiops/audit/audit.jsonl";
/// What seals a quiet log.
pub const TIMER: &str = "aiops-seal.timer";
/// The gate's user.
pub const GATE: &str = "aiopsexec";
/// The approvers' group.
pub const APPROVERS: &str = "aiops-approvers";
/// The agent's sudoers file.
pub const SUDOERS: &str = "/etc/sudoers.d/aiops-gateway";

/// Everything that makes a host a gateway, in order.
///
/// # Errors
/// When this program itself cannot be read.
pub fn plan(host: &Host, choices: &Choices) -> Result<Vec<Step>> {
    let root = |mode| Owner::new("root", "root", mode);
    let shared = |mode| Owner::new("root", GATE, mode);
    let mut steps = vec![
        Step::Group(APPROVERS.into()),
        Step::User(UserSpec {
            name: choices.agent.clone(),
            home: format!("/home/{}", choices.agent),
            shell: "/bin/sh".into(),
            comment: "chat agent".into(),
            make_home: true,
            groups: Vec::new(),
        }),
        Step::User(UserSpec {
            name: GATE.into(),
            home: "/nonexistent".into(),
            shell: "/usr/sbin/nologin".into(),
            comment: "aiops gate".into(),
            make_home: false,
            groups: Vec::new(),
        }),
    ];
    for person in &choices.approvers {
        // Only people who have an account already: the installation makes no accounts for them.
        if host.user(person).is_some() {
            steps.push(Step::User(UserSpec {
                name: person.clone(),
                home: format!("/home/{person}"),
                shell: "/bin/sh".into(),
                comment: String::new(),
                make_home: false,
                groups: vec![APPROVERS.into()],
            }));
        }
    }
    steps.push(Step::Folder("/opt/aiops".into(), root(0o755)));
    steps.extend(common::programs()?);
    steps.extend([
        Step::File {
            path: "/opt/aiops/run_action".into(),
            owner: root(0o755),
            content: common::own_program()?,
            existing: Existing::Replace,
        },
        Step::Folder("/opt/aiops/keys".into(), shared(0o750)),
        Step::SshKey {
            path: "/opt/aiops/keys/id_ed25519".into(),
            user: GATE.into(),
        },
        Step::TicketKey {
            path: "/opt/aiops/keys/ticket.key".into(),
            user: GATE.into(),
        },
        Step::Folder("/opt/aiops/targets".into(), shared(0o750)),
        Step::Folder("/opt/aiops/runtime".into(), Owner::new(GATE, GATE, 0o700)),
        // New logs take the folder's group: approvers may read them with tail and jq.
        Step::Folder(
            "/opt/aiops/audit".into(),
            Owner::new(GATE, APPROVERS, 0o2750),
        ),
        Step::Link {
            path: "/opt/aiops/audit.jsonl".into(),
            to: "audit/audit.jsonl".into(),
        },
        Step::File {
            path: "/opt/aiops/config.yml".into(),
            owner: shared(0o640),
            content: config(choices).into_bytes(),
            existing: Existing::Keep,
        },
        Step::SystemFolder("/etc/tmpfiles.d".into()),
        Step::File {
            path: "/etc/tmpfiles.d/aiops.conf".into(),
            owner: root(0o644),
            content: TMPFILES.into(),
            existing: Existing::Replace,
        },
    ]);
    steps.extend(sealing(choices));
    // The right to call comes last: when it is there, everything behind it is.
    steps.push(Step::SystemFolder("/etc/sudoers.d".into()));
    steps.push(Step::Sudoers {
        path: SUDOERS.into(),
        content: sudoers::gateway(&choices.agent, GATE, APPROVERS),
    });
    Ok(steps)
}

/// The seals of the log, what seals it while it is quiet, and a file for logrotate(8).
fn sealing(choices: &Choices) -> Vec<Step> {
    let file = |path: &str, text: &str| Step::File {
        path: path.into(),
        owner: Owner::new("root", "root", 0o644),
        content: text.into(),
        existing: Existing::Replace,
    };
    let mut steps = vec![
        Step::LogFiles {
            log: LOG.into(),
            user: GATE.into(),
        },
        file(
            "/opt/aiops/logrotate.aiops",
            include_str!("../../install/logrotate.aiops"),
        ),
    ];
    if choices.unsealed {
        return steps;
    }
    steps.extend([
        Step::SystemFolder("/etc/systemd/system".into()),
        file(
            "/etc/systemd/system/aiops-seal.service",
            include_str!("../../install/aiops-seal.service"),
        ),
        file(
            "/etc/systemd/system/aiops-seal.timer",
            include_str!("../../install/aiops-seal.timer"),
        ),
        Step::Seals { log: LOG.into() },
        Step::Timer(TIMER.into()),
    ]);
    steps
}

const TMPFILES: &str = "# systemd-tmpfiles: if the state folder is lost, it comes back with the right owner.\n\
d /opt/aiops/runtime 0700 aiopsexec aiopsexec -\n";

fn config(choices: &Choices) -> String {
    let mut text = format!(
        "# The gate's configuration. After every change: aiops config check\n\
         version: 1\n\
         policy: policies/{}.yml\n\
         state_dir: runtime\n\
         audit_log: audit/audit.jsonl\n\
         # The gate rotates its log itself. Who prefers logrotate finds a file in /opt/aiops/logrotate.aiops.\n\
         audit: {{ rotate_mib: 64, compress: true }}\n\
         # One file a target, written by `aiops target add`.\n\
         targets_dir: targets\n\
         # Signs what guarded targets run.\n\
         ticket_key: keys/ticket.key\n\
         # People who may approve. They are members of the group aiops-approvers and say: aiops approve CODE.\n",
        choices.policy
    );
    if choices.approvers.is_empty() {
        text.push_str("approvers: {}\n#  alice: { unix: alice }\n");
    } else {
        text.push_str("approvers:\n");
        for person in &choices.approvers {
            text.push_str(&format!("  {person}: {{ unix: {person} }}\n"));
        }
    }
    text
}
