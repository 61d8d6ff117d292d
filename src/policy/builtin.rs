//! What holds whatever the rules say: names of the built-in reasons, and words that shells evaluate.

/// The line could not be read.
pub const UNREADABLE: &str = "builtin.unreadable";
/// The strict reader did not accept the line.
pub const NOT_LITERAL: &str = "builtin.not_literal";
/// No rule speaks of the command.
pub const UNKNOWN: &str = "builtin.unknown";
/// A wrapper runs something that could not be read.
pub const WRAPS_UNKNOWN: &str = "builtin.wraps_unknown";
/// A redirection that reads or writes a file.
pub const REDIRECT: &str = "builtin.redirect";
/// An assignment that no rule allows.
pub const ASSIGNMENT: &str = "builtin.assignment";
/// A rule of the kept policy cannot be read any more.
pub const DAMAGED: &str = "builtin.damaged";
/// A name of what the line opened, by its descriptor.
pub const REOPENED: &str = "builtin.reopened";
/// More values of variables than are looked at.
pub const TOO_MUCH: &str = "builtin.too_much";
/// A function that runs itself.
pub const FORK_BOMB: &str = "builtin.fork_bomb";
/// Commands that come through a pipe and are not in the line.
pub const PIPED_CODE: &str = "builtin.piped_code";
/// As root, where the rule does not say so.
pub const SUDO: &str = "builtin.sudo";

/// Programs that run code of their own kind, or inside a container: their words are that code's names and
/// arguments rather than commands of this host, so that none being known to the policy says nothing. So are the
/// verbs of programs that run a command besides much else ([`crate::command::wrapper::runs_besides`]).
pub const OWN_CODE: [&str; 25] = [
    "sh",
    "bash",
    "dash",
    "zsh",
    "python",
    "python2",
    "python3",
    "perl",
    "ruby",
    "node",
    "nodejs",
    "php",
    "lua",
    "tclsh",
    "make",
    "ansible",
    "ansible-playbook",
    "crontab",
    "java",
    "virsh",
    "npx",
    "pnpx",
    "bunx",
    "cpupower",
    "turbostat",
];

/// Programs that run a command inside a container, where no rule of this host knows the programs.
pub const CONTAINERS: [&str; 8] = [
    "docker",
    "podman",
    "nerdctl",
    "docker-compose",
    "podman-compose",
    "crictl",
    "kubectl",
    "oc",
];

pub use crate::command::builtins::BUILTINS as SHELL_BUILTINS;

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_on_policies_names_every_reason() {
        let page = include_str!("../../docs/policy.md");
        let (code, _) = include_str!("builtin.rs")
            .split_once("#[cfg(test)]")
            .unwrap();
        let named: Vec<&str> = code
            .split('"')
            .filter(|w| w.starts_with("builtin."))
            .collect();
        assert!(named.len() > 9, "{named:?}");
        for name in named {
            assert!(page.contains(&format!("| `{name}` |")), "{name}");
        }
    }
}
