//! Who called the gate, by the kernel's word.
//!
//! Must never take an identity from a message, an argument, or a variable that the caller could set:
//! `SUDO_UID` is believed only because sudo sets it anew for every command it runs as another user.

use nix::unistd::{Uid, User, getppid, getuid};
use serde::{Deserialize, Serialize};

/// A user of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Numeric user id.
    pub uid: u32,
    /// Its login name, or `uid:N` where the machine knows none.
    pub name: String,
    /// Whether sudo stands between that user and us.
    pub via_sudo: bool,
}

impl Caller {
    /// The user behind this process: the one who called sudo if our parent is sudo, else our own.
    pub fn from_kernel() -> Caller {
        let own = getuid();
        let sudo = std::env::var("SUDO_UID")
            .ok()
            .and_then(|v| v.parse::<u32>().ok());
        match sudo {
            Some(uid) if parent_is_sudo() => Caller {
                uid,
                name: name_of(uid),
                via_sudo: true,
            },
            _ => Caller {
                uid: own.as_raw(),
                name: name_of(own.as_raw()),
                via_sudo: false,
            },
        }
    }
}

/// The login name of a user id.
pub fn name_of(uid: u32) -> String {
    User::from_uid(Uid::from_raw(uid))
        .ok()
        .flatten()
        .map_or_else(|| format!("uid:{uid}"), |user| user.name)
}

/// Whether our parent is a process of root's called sudo. Without that, `SUDO_UID` in the
/// environment is only something that the caller wrote there.
///
/// `/proc/PID` belongs to the effective user of the process, and another user's process cannot
/// change who that is; its name (`comm`) alone could be chosen by anyone.
fn parent_is_sudo() -> bool {
    let parent = getppid();
    let dir = format!("/proc/{parent}");
    let root_owned =
        std::fs::metadata(&dir).is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    let name = std::fs::read_to_string(format!("{dir}/comm")).unwrap_or_default();
    // Where sudo execs the command in its own place (no session to close), our parent is somebody
    // else: then nobody is identified, which only ever refuses.
    root_owned && matches!(name.trim_end(), "sudo" | "sudo-rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_sudo_the_caller_is_our_own_user() {
        let caller = Caller::from_kernel();
        assert_eq!(caller.uid, getuid().as_raw());
        assert!(!caller.via_sudo);
    }
}
