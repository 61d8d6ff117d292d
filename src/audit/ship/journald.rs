//! systemd's journal, in its native protocol (systemd.io, "Native Journal Protocol").

use super::syslog::{datagrams, level};
use super::{Failed, Sink};
use crate::audit::stream::Record;
use crate::audit::tail::event_line;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// Where journald listens.
pub const SOCKET: &str = "/run/systemd/journal/socket";

pub(super) struct Journald {
    path: PathBuf,
    socket: Option<UnixDatagram>,
}

impl Journald {
    pub fn new(path: &Path) -> Journald {
        Journald {
            path: path.to_owned(),
            socket: None,
        }
    }
}

impl Sink for Journald {
    fn send(&mut self, records: &[Record]) -> Result<(), Failed> {
        datagrams(&self.path, &mut self.socket, records, encode)
    }
}

/// One entry: `KEY=value`, or where the value has line feeds the key, its length and its bytes.
fn encode(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut add = |key: &str, value: &str| {
        bytes.extend_from_slice(key.as_bytes());
        if value.contains('\n') {
            bytes.push(b'\n');
            bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
        } else {
            bytes.push(b'=');
        }
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(b'\n');
    };
    add("MESSAGE", &event_line(&record.raw, false));
    add("PRIORITY", &level(record).to_string());
    add("SYSLOG_IDENTIFIER", "aiops");
    add("SYSLOG_FACILITY", "10");
    add("AIOPS_SEQ", &record.seq().to_string());
    for key in [
        "event",
        "status",
        "target",
        "command",
        "requester",
        "caller",
        "risk_level",
        "approval_id",
        "run_id",
        "hash",
    ] {
        if !record.text(key).is_empty() {
            add(&format!("AIOPS_{}", key.to_uppercase()), record.text(key));
        }
    }
    if let Some(code) = record.number("exit_code") {
        add("AIOPS_EXIT_CODE", &code.to_string());
    }
    for approver in record.list("approvers") {
        add("AIOPS_APPROVER", approver);
    }
    add("AIOPS_RECORD", &record.raw);
    bytes
}
