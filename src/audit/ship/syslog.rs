//! Syslog (RFC 5424) over UDP (RFC 5426), TCP with octet counting (RFC 6587), and local sockets.

use super::{Failed, Sink, shortened};
use crate::audit::export::{Format, Severity, VERSION, severity};
use crate::audit::stream::Record;
use std::collections::VecDeque;
use std::io::Write;
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Facility 10, authpriv: security messages.
const FACILITY: u8 = 10;
/// IANA's number for examples: there is none of this program's own.
const ENTERPRISE: u32 = 32_473;
/// What fits in a UDP datagram over IPv4 (RFC 768, RFC 791).
const UDP_BYTES: usize = 65_507;
/// Records that are sent again on a new connection: TCP does not say what the receiver has read.
const RESENT: usize = 128;
/// After so long a silence on an open connection, what was sent is taken to have arrived.
const SETTLED_AFTER: Duration = Duration::from_secs(5);

/// The syslog number of a severity (RFC 5424, 6.2.1).
pub(super) fn level(record: &Record) -> u8 {
    match severity(record) {
        Severity::Informational => 6,
        Severity::Notice => 5,
        Severity::Warning => 4,
        Severity::Error => 3,
    }
}

/// One message, without framing.
pub(super) fn message(record: &Record, format: Format) -> Vec<u8> {
    let host = nix::unistd::gethostname()
        .ok()
        .map(|h| printable(&h.to_string_lossy(), 255))
        .unwrap_or_else(|| "-".into());
    let data: String = [
        "event",
        "status",
        "target",
        "requester",
        "caller",
        "risk_level",
        "approval_id",
        "run_id",
        "hash",
    ]
    .iter()
    .filter(|key| !record.text(key).is_empty())
    .map(|key| format!(" {key}=\"{}\"", parameter(record.text(key))))
    .collect();
    // Without the byte order mark, as RFC 5424 allows: the message is ASCII-compatible text.
    format!(
        "<{}>1 {} {host} aiops - {} [aiops@{ENTERPRISE} version=\"{VERSION}\" seq=\"{}\"{data}] {}",
        FACILITY * 8 + level(record),
        printable(record.text("timestamp"), 64),
        printable(record.text("event"), 32),
        record.seq(),
        format.line(record).replace('\n', " ")
    )
    .into_bytes()
}

/// Printable US-ASCII without spaces, as the header's fields must be; `-` for nothing.
fn printable(text: &str, max: usize) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '?' })
        .take(max)
        .collect();
    if text.is_empty() { "-".into() } else { text }
}

/// In a parameter's value, `"`, `\` and `]` are escaped (RFC 5424, 6.3.3).
fn parameter(text: &str) -> String {
    crate::display::escape(text)
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace(']', "\\]")
}

pub(super) struct Udp {
    address: String,
    format: Format,
    socket: Option<UdpSocket>,
}

impl Udp {
    pub fn new(address: &str, format: Format) -> Udp {
        Udp {
            address: address.to_owned(),
            format,
            socket: None,
        }
    }
}

impl Sink for Udp {
    fn send(&mut self, records: &[Record]) -> Result<(), Failed> {
        let later = |e: std::io::Error| Failed::Later(format!("udp://{}: {e}", self.address));
        if self.socket.is_none() {
            let address = resolve(&self.address)?;
            let any = if address.is_ipv4() {
                "0.0.0.0:0"
            } else {
                "[::]:0"
            };
            let socket = UdpSocket::bind(any).map_err(later)?;
            socket.connect(address).map_err(later)?;
            self.socket = Some(socket);
        }
        let Some(socket) = &self.socket else {
            return Err(Failed::Later("no socket".into()));
        };
        for record in records {
            let mut bytes = message(record, self.format);
            if bytes.len() > UDP_BYTES {
                bytes = message(&shortened(record), self.format);
            }
            if let Err(e) = socket.send(&bytes) {
                // An ICMP "port unreachable" for an earlier datagram shows here.
                let failed = later(e);
                self.socket = None;
                return Err(failed);
            }
        }
        Ok(())
    }
}

pub(super) struct Tcp {
    address: String,
    format: Format,
    stream: Option<TcpStream>,
    recent: VecDeque<(u64, Vec<u8>)>,
    last_sent: Instant,
}

impl Tcp {
    pub fn new(address: &str, format: Format) -> Tcp {
        Tcp {
            address: address.to_owned(),
            format,
            stream: None,
            recent: VecDeque::new(),
            last_sent: Instant::now(),
        }
    }

    /// Whether the receiver has closed its end, or the connection is broken.
    fn is_open(&self) -> bool {
        let Some(stream) = &self.stream else {
            return false;
        };
        let mut byte = [0];
        if stream.set_nonblocking(true).is_err() {
            return false;
        }
        let peeked = stream.peek(&mut byte);
        let back = stream.set_nonblocking(false);
        back.is_ok()
            && match peeked {
                Ok(n) => n > 0,
                Err(e) => e.kind() == std::io::ErrorKind::WouldBlock,
            }
    }

    fn connect(&mut self) -> Result<(), Failed> {
        let later = |e: std::io::Error| Failed::Later(format!("tcp://{}: {e}", self.address));
        let address = resolve(&self.address)?;
        let mut stream =
            TcpStream::connect_timeout(&address, Duration::from_secs(5)).map_err(later)?;
        stream
            .set_write_timeout(Some(Duration::from_secs(10)))
            .map_err(later)?;
        for (_, bytes) in &self.recent {
            stream.write_all(bytes).map_err(later)?;
        }
        self.stream = Some(stream);
        Ok(())
    }
}

impl Sink for Tcp {
    fn send(&mut self, records: &[Record]) -> Result<(), Failed> {
        if !self.is_open() {
            self.connect()?;
        }
        for record in records {
            let text = message(record, self.format);
            let mut framed = format!("{} ", text.len()).into_bytes();
            framed.extend(text);
            let Some(stream) = &mut self.stream else {
                return Err(Failed::Later("no connection".into()));
            };
            if let Err(e) = stream.write_all(&framed) {
                self.stream = None;
                return Err(Failed::Later(format!("tcp://{}: {e}", self.address)));
            }
            if self
                .recent
                .back()
                .is_none_or(|(seq, _)| *seq < record.seq())
            {
                self.recent.push_back((record.seq(), framed));
            }
            if self.recent.len() > RESENT {
                self.recent.pop_front();
            }
        }
        self.last_sent = Instant::now();
        Ok(())
    }

    /// Closes our half of the connection and waits for the receiver to close its own: then it has read
    /// everything.
    fn finish(&mut self) -> Result<(), Failed> {
        let Some(mut stream) = self.stream.take() else {
            return Ok(());
        };
        let closed = stream
            .shutdown(std::net::Shutdown::Write)
            .and_then(|()| stream.set_read_timeout(Some(Duration::from_secs(10))))
            .and_then(|()| std::io::copy(&mut stream, &mut std::io::sink()));
        closed.map(|_| ()).map_err(|e| {
            Failed::Later(format!(
                "tcp://{}: the receiver did not take everything: {e}",
                self.address
            ))
        })
    }

    fn settled(&mut self, sent: u64) -> u64 {
        if self.recent.is_empty() {
            return sent;
        }
        if self.last_sent.elapsed() > SETTLED_AFTER {
            if self.is_open() {
                self.recent.clear();
                return sent;
            }
            // It closed after we wrote: what it had not read is lost, so all of it goes again.
            self.stream = None;
            let _ = self.connect();
            self.last_sent = Instant::now();
        }
        self.recent.front().map_or(sent, |(seq, _)| seq - 1)
    }
}

pub(super) struct Unix {
    path: PathBuf,
    format: Format,
    socket: Option<UnixDatagram>,
}

impl Unix {
    pub fn new(path: &Path, format: Format) -> Unix {
        Unix {
            path: path.to_owned(),
            format,
            socket: None,
        }
    }
}

impl Sink for Unix {
    fn send(&mut self, records: &[Record]) -> Result<(), Failed> {
        let format = self.format;
        datagrams(&self.path, &mut self.socket, records, |r| {
            message(r, format)
        })
    }
}

/// Sends each record as one datagram to a local socket; a record that is too long without its outputs.
pub(super) fn datagrams(
    path: &Path,
    socket: &mut Option<UnixDatagram>,
    records: &[Record],
    encode: impl Fn(&Record) -> Vec<u8>,
) -> Result<(), Failed> {
    let later = |e: std::io::Error| Failed::Later(format!("{}: {e}", path.display()));
    let open = match socket.take() {
        Some(open) => open,
        None => {
            let new = UnixDatagram::unbound().map_err(later)?;
            new.connect(path).map_err(later)?;
            new
        }
    };
    for record in records {
        let sent = match open.send(&encode(record)) {
            // EMSGSIZE: longer than the socket takes (SO_SNDBUF).
            Err(e) if e.raw_os_error() == Some(nix::errno::Errno::EMSGSIZE as i32) => {
                open.send(&encode(&shortened(record)))
            }
            other => other,
        };
        sent.map_err(later)?;
    }
    *socket = Some(open);
    Ok(())
}

fn resolve(address: &str) -> Result<std::net::SocketAddr, Failed> {
    address
        .to_socket_addrs()
        .map_err(|e| Failed::Later(format!("{address}: {e}")))?
        .next()
        .ok_or_else(|| Failed::Later(format!("{address}: the name has no address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_rfc_5424_whatever_the_record_says() {
        let value = serde_json::json!({
            "seq": 3, "timestamp": "2026-11-21T08:00:00.123Z", "event": "run.finished", "status": "failed",
            "target": "a\"b]c\\d\ne", "requester": "\u{202e}x", "hash": "ff"
        });
        let record = Record {
            raw: value.to_string(),
            value,
        };
        let text = String::from_utf8(message(&record, Format::Jsonl)).unwrap();
        assert!(
            text.starts_with("<83>1 2026-11-21T08:00:00.123Z "),
            "{text}"
        );
        assert!(
            text.contains(" aiops - run.finished [aiops@32473 "),
            "{text}"
        );
        assert!(text.contains("target=\"a\\\"b\\]c\\\\d⏎e\""), "{text}");
        assert!(text.contains("requester=\"⟨U+202E⟩x\""), "{text}");
        assert_eq!(text.lines().count(), 1);
        assert!(text.ends_with(&record.raw));
    }
}
