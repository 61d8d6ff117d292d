//! Shipping records to another system while they are written, from where it stopped.
//!
//! At least once, in order: the cursor moves only when the receiver has taken a record, and when the
//! receiver is down, nothing is passed over; it is tried again until it is back. A record may come
//! twice; its number tells. Must never move the cursor past a record that was not sent.

mod http;
mod journald;
mod syslog;

use super::export::Format;
use super::query;
use super::stream::{Record, Stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Records that are sent together at most.
const BATCH: usize = 64;
/// Bytes that are sent together at most, but for one record alone.
const BATCH_BYTES: usize = 1 << 20;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// Standard output, as lines of a format.
    Stdout,
    /// Syslog, one datagram a record (RFC 5426): `udp://host:514`. Nobody says what arrived.
    Udp(String),
    /// Syslog over TCP with octet counting (RFC 6587): `tcp://host:601`.
    Tcp(String),
    /// Syslog to a local socket: `unix:///dev/log`.
    Unix(PathBuf),
    /// systemd's journal, natively: `journald` or `journald:///run/systemd/journal/socket`.
    Journald(PathBuf),
    /// OTLP/HTTP with JSON: `http://host:4318/v1/logs`.
    Otlp(http::Url),
}

impl std::str::FromStr for To {
    type Err = String;

    fn from_str(text: &str) -> Result<To, String> {
        let address = |rest: &str, port: u16| {
            let has_port = rest.rsplit_once(':').is_some_and(|(host, port)| {
                port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']'))
            });
            match (rest.is_empty(), has_port) {
                (true, _) => Err(format!("{text:?} names no host")),
                (_, true) => Ok(rest.to_owned()),
                (_, false) => Ok(format!("{rest}:{port}")),
            }
        };
        match text.split_once("://") {
            None if text == "-" => Ok(To::Stdout),
            None if text == "journald" => Ok(To::Journald(journald::SOCKET.into())),
            Some(("udp", rest)) => Ok(To::Udp(address(rest, 514)?)),
            Some(("tcp", rest)) => Ok(To::Tcp(address(rest, 601)?)),
            Some(("unix", path)) if path.starts_with('/') => Ok(To::Unix(path.into())),
            Some(("journald", path)) if path.starts_with('/') => Ok(To::Journald(path.into())),
            Some(("http", _)) => http::Url::parse(text).map(To::Otlp),
            Some(("https", _)) => Err(
                "https is not spoken here: send to a collector on this machine or network over http, and let it speak TLS".into(),
            ),
            _ => Err(format!(
                "{text:?} is no receiver: write -, udp://HOST:PORT, tcp://HOST:PORT, unix:///dev/log, journald or http://HOST:4318/v1/logs"
            )),
        }
    }
}

/// Why records could not be sent.
pub(super) enum Failed {
    /// The receiver is away or busy: the same again later.
    Later(String),
    /// The receiver will never take these.
    Never(String),
    /// Nobody reads any more.
    Closed,
}

/// A receiver, connected or not.
pub(super) trait Sink {
    /// Gives these records to the receiver. On an error none, some or all may have arrived.
    fn send(&mut self, records: &[Record]) -> Result<(), Failed>;

    /// Waits, at the end, until the receiver has taken what was sent, as far as that can be known.
    fn finish(&mut self) -> Result<(), Failed> {
        Ok(())
    }

    /// The last record that will not have to be sent again, given that `sent` was.
    fn settled(&mut self, sent: u64) -> u64 {
        sent
    }
}

struct Stdout(Format);

impl Sink for Stdout {
    fn send(&mut self, records: &[Record]) -> Result<(), Failed> {
        let mut text = String::new();
        for record in records {
            text.push_str(&self.0.line(record));
            text.push('\n');
        }
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Failed::Closed),
            Err(e) => Err(Failed::Never(format!("standard output: {e}"))),
        }
    }
}

/// The last record that was sent, remembered in a file.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
struct Cursor {
    seq: u64,
    hash: String,
}

impl Cursor {
    fn load(path: &Path) -> io::Result<Option<Cursor>> {
        match fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|e| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!(
                        "{}: it is no cursor: {e}: remove it to send everything once more",
                        path.display()
                    ),
                )
            }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(super::files::named(path, &e)),
        }
    }

    fn store(&self, path: &Path) -> io::Result<()> {
        let new = path.with_added_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_data()?;
        fs::rename(&new, path)
    }
}

/// What to ship, where to, and how.
#[derive(Debug)]
pub struct Shipment<'a> {
    /// The log.
    pub log: &'a Path,
    /// The receiver.
    pub to: &'a To,
    /// The form of each record, for standard output and as the message of syslog.
    pub format: Format,
    /// Where the last record that was sent is remembered.
    pub cursor: Option<&'a Path>,
    /// Whether to wait for more at the end.
    pub follow: bool,
}

/// Ships the records behind the cursor, and with `follow` those that come.
///
/// # Errors
/// When the log cannot be read, the cursor is not of this log, or the receiver refuses a record for good.
pub fn ship(shipment: &Shipment) -> io::Result<()> {
    let mut sink: Box<dyn Sink> = match shipment.to {
        To::Stdout => Box::new(Stdout(shipment.format)),
        To::Udp(address) => Box::new(syslog::Udp::new(address, shipment.format)),
        To::Tcp(address) => Box::new(syslog::Tcp::new(address, shipment.format)),
        To::Unix(path) => Box::new(syslog::Unix::new(path, shipment.format)),
        To::Journald(path) => Box::new(journald::Journald::new(path)),
        To::Otlp(url) => Box::new(http::Otlp::new(url.clone())),
    };
    let mut cursor = match shipment.cursor {
        Some(path) => Cursor::load(path)?,
        None => None,
    };
    if let Some(cursor) = &cursor {
        check(shipment.log, cursor)?;
    }
    if *shipment.to == To::Stdout
        && cursor.is_none()
        && let Some(head) = shipment.format.head()
    {
        writeln!(io::stdout(), "{head}")?;
    }
    let mut stream = Stream::open(shipment.log, cursor.as_ref().map_or(0, |c| c.seq))?;
    // The hashes of what was sent and may have to be sent again.
    let mut sent: Vec<Cursor> = Vec::new();
    loop {
        let batch = batch(&mut stream)?;
        if batch.is_empty() && !shipment.follow {
            return finish(sink.as_mut(), shipment, sent.pop());
        }
        if batch.is_empty() {
            std::thread::sleep(FIRST_PAUSE);
        } else if !send(sink.as_mut(), &batch)? {
            return Ok(());
        }
        sent.extend(batch.iter().map(|r| Cursor {
            seq: r.seq(),
            hash: r.text("hash").to_owned(),
        }));
        let Some(last) = sent.last().map(|c| c.seq) else {
            continue;
        };
        let settled = sink.settled(last);
        if let Some(at) = sent.iter().rposition(|c| c.seq <= settled) {
            let new = sent.drain(..=at).next_back();
            if let (Some(path), Some(new)) = (shipment.cursor, &new) {
                new.store(path).map_err(|e| super::files::named(path, &e))?;
            }
            cursor = new.or(cursor);
        }
    }
}

/// The end of a shipment that does not follow: everything was sent, `last` the last.
fn finish(sink: &mut dyn Sink, shipment: &Shipment, last: Option<Cursor>) -> io::Result<()> {
    match sink.finish() {
        Err(Failed::Later(why) | Failed::Never(why)) => Err(io::Error::other(why)),
        Err(Failed::Closed) => Ok(()),
        Ok(()) => match (shipment.cursor, last) {
            (Some(path), Some(last)) => last.store(path).map_err(|e| super::files::named(path, &e)),
            _ => Ok(()),
        },
    }
}

/// The cursor's record must be the log's: otherwise this is another log, or its end was cut off.
fn check(log: &Path, cursor: &Cursor) -> io::Result<()> {
    let there = query::find(log, cursor.seq)?;
    if there.is_some_and(|r| r.text("hash") == cursor.hash) {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        format!(
            "{}: record {} was sent with the hash {}, and is not there any more: the log was cut, rewritten or exchanged. Run `aiops audit verify`",
            log.display(),
            cursor.seq,
            cursor.hash
        ),
    ))
}

fn batch(stream: &mut Stream) -> io::Result<Vec<Record>> {
    let (mut records, mut bytes) = (Vec::new(), 0);
    while records.len() < BATCH && bytes < BATCH_BYTES {
        let Some(record) = stream.next_record()? else {
            break;
        };
        bytes += record.raw.len();
        records.push(record);
    }
    Ok(records)
}

/// Sends until it is taken. False when nobody reads any more.
fn send(sink: &mut dyn Sink, records: &[Record]) -> io::Result<bool> {
    let mut pause = FIRST_PAUSE;
    loop {
        match sink.send(records) {
            Ok(()) => return Ok(true),
            Err(Failed::Closed) => return Ok(false),
            Err(Failed::Never(why)) => return Err(io::Error::other(why)),
            Err(Failed::Later(why)) => {
                let first = records.first().map_or(0, Record::seq);
                tracing::warn!("from record {first} on nothing is sent yet, trying again: {why}");
                std::thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// The record without its outputs, for receivers that take no message so long. It says so itself.
pub(super) fn shortened(record: &Record) -> Record {
    let mut value = record.value.clone();
    for key in ["stdout", "stderr", "command", "canonical"] {
        if let Some(Value::String(text)) = value.get_mut(key)
            && text.len() > 1024
        {
            let end = (0..=1024).rev().find(|at| text.is_char_boundary(*at));
            text.truncate(end.unwrap_or(0));
            text.push_str(" [… the record in the log is longer …]");
        }
    }
    Record {
        raw: value.to_string(),
        value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_are_read_or_refused_with_a_reason() {
        assert_eq!("-".parse(), Ok(To::Stdout));
        assert_eq!("udp://h".parse(), Ok(To::Udp("h:514".into())));
        assert_eq!(
            "tcp://[::1]:10514".parse(),
            Ok(To::Tcp("[::1]:10514".into()))
        );
        assert_eq!("tcp://[::1]".parse(), Ok(To::Tcp("[::1]:601".into())));
        assert_eq!("unix:///dev/log".parse(), Ok(To::Unix("/dev/log".into())));
        assert!(matches!("journald".parse(), Ok(To::Journald(_))));
        for wrong in [
            "",
            "udp://",
            "ftp://h",
            "unix://dev/log",
            "h:514",
            "https://h/v1/logs",
            "http://",
            "http://a b/",
        ] {
            assert!(wrong.parse::<To>().is_err(), "{wrong}");
        }
    }
}
