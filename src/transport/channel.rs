//! Talks to a keeper over three descriptors: hands the line over, reads until it says that it is over.

use super::capture::{Capture, Captured};
use super::{Ended, GRACE, RunResult, RunSpec};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long is still read once the command ended, where the keeper does not say that this was all.
const LINGER: Duration = Duration::from_millis(150);
/// When the keeper itself is ended, after the time limit: `timeout -k 2`, less what clocks differ.
const KILLED: Duration = Duration::from_millis(1900);
/// Room for the keeper's own lines at the end of a stream.
const TRAILER: usize = 256;

pub(super) struct Channel {
    stdin: Option<File>,
    stdout: Option<File>,
    stderr: Option<File>,
}

impl Channel {
    pub fn new(stdin: OwnedFd, stdout: OwnedFd, stderr: OwnedFd) -> io::Result<Channel> {
        for fd in [&stdin, &stdout, &stderr] {
            let flags = OFlag::from_bits_truncate(fcntl(fd, FcntlArg::F_GETFL)?);
            fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        }
        Ok(Channel {
            stdin: Some(stdin.into()),
            stdout: Some(stdout.into()),
            stderr: Some(stderr.into()),
        })
    }

    /// Hands the line over and reads to the end.
    pub fn converse(mut self, spec: &RunSpec, nonce: &str, message: &[u8]) -> Said {
        let mut sent = 0;
        let mut out = Capture::new(spec.output_bytes + nonce.len() + 1);
        let mut err = Capture::new(spec.output_bytes + TRAILER);
        let began = Instant::now();
        let mut deadline = began + spec.timeout + GRACE + spec.connect_timeout;
        let (mut over, mut all_out) = (false, false);
        while self.stdout.is_some() || self.stderr.is_some() {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                break;
            };
            let Ok(ready) = self.wait(left) else { break };
            if ready.stdin {
                sent = self.send(message, sent);
            }
            if ready.stdout {
                take(&mut self.stdout, &mut out);
                all_out |= ends_with_nonce(&out, nonce);
            }
            if ready.stderr {
                take(&mut self.stderr, &mut err);
                if !over && find_trailer(&err, nonce).is_some_and(|t| t.is_last()) {
                    over = true;
                    deadline = deadline.min(Instant::now() + LINGER);
                }
            }
            if over && (all_out || self.stdout.is_none()) {
                break;
            }
        }
        let trailer = find_trailer(&err, nonce);
        if let Some(trailer) = &trailer {
            err.drop_last(trailer.length);
        }
        if ends_with_nonce(&out, nonce) {
            out.drop_last(nonce.len() + 1);
        }
        Said {
            trailer,
            handed_over: sent == message.len(),
            late: Instant::now() >= deadline,
            // The keeper itself was ended with what it kept.
            limit: began.elapsed() >= spec.timeout + KILLED,
            stdout: out.finish(),
            stderr: err.finish(),
        }
    }

    fn wait(&self, left: Duration) -> io::Result<Ready> {
        let wanted = [
            (&self.stdin, PollFlags::POLLOUT),
            (&self.stdout, PollFlags::POLLIN),
            (&self.stderr, PollFlags::POLLIN),
        ];
        let mut fds = Vec::with_capacity(3);
        let mut which = Vec::with_capacity(3);
        for (index, (file, flags)) in wanted.iter().enumerate() {
            if let Some(file) = file {
                fds.push(PollFd::new(file.as_fd(), *flags));
                which.push(index);
            }
        }
        let millis = u16::try_from(left.as_millis().saturating_add(1)).unwrap_or(u16::MAX);
        match poll(&mut fds, PollTimeout::from(millis)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(e) => return Err(e.into()),
        }
        let mut ready = [false; 3];
        for (fd, index) in fds.iter().zip(which) {
            ready[index] = fd.any().unwrap_or(true);
        }
        Ok(Ready {
            stdin: ready[0],
            stdout: ready[1],
            stderr: ready[2],
        })
    }

    /// Writes on; closes when all is written or the other side is gone. Returns how much was sent.
    fn send(&mut self, message: &[u8], mut sent: usize) -> usize {
        let Some(file) = &mut self.stdin else {
            return sent;
        };
        match file.write(&message[sent..]) {
            Ok(count) => sent += count,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return sent;
            }
            Err(_) => {
                self.stdin = None;
                return sent;
            }
        }
        if sent == message.len() {
            self.stdin = None;
        }
        sent
    }
}

/// What was heard of a run.
pub(super) struct Said {
    trailer: Option<Trailer>,
    handed_over: bool,
    /// Nothing was heard of its end until long after its time limit.
    late: bool,
    /// Its time limit and what `timeout -k` gives were over when the streams closed.
    limit: bool,
    stdout: Captured,
    stderr: Captured,
}

impl Said {
    /// Whether the keeper said how it ended. If not, the exit status of `timeout` is worth asking for.
    pub fn is_told(&self) -> bool {
        self.trailer.is_some()
    }

    /// The result, with the exit status of `timeout` where that is known.
    pub fn judge(self, status: Option<i32>) -> RunResult {
        RunResult {
            ended: self.ended(status),
            stdout: self.stdout,
            stderr: self.stderr,
            duration: Duration::ZERO,
        }
    }

    fn ended(&self, status: Option<i32>) -> Ended {
        match (&self.trailer, status) {
            (Some(trailer), _) => judge(trailer),
            // Without a keeper there was nobody to read the line.
            (None, Some(125..=127)) => Ended::NotStarted(
                "the target has no usable timeout(1), env(1) or sh(1): install coreutils.".into(),
            ),
            (None, _) if !self.handed_over => {
                Ended::NotStarted("the connection broke before the command was handed over.".into())
            }
            (None, Some(124 | 137)) if self.limit => Ended::TimedOut,
            (None, _) if self.late => {
                Ended::Unknown("the target did not answer within the time limit.".into())
            }
            (None, Some(_)) => {
                Ended::Unknown("the command's keeper on the target was killed.".into())
            }
            (None, None) => {
                Ended::Unknown("the connection broke before the command's end was known.".into())
            }
        }
    }
}

struct Ready {
    stdin: bool,
    stdout: bool,
    stderr: bool,
}

/// Reads what is there; closes at the end.
fn take(file: &mut Option<File>, capture: &mut Capture) {
    let Some(open) = file else { return };
    let mut buffer = [0u8; 65536];
    match open.read(&mut buffer) {
        Ok(0) => *file = None,
        Ok(count) => capture.push(&buffer[..count]),
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
        Err(_) => *file = None,
    }
}

/// Whether the keeper said that this was all.
fn ends_with_nonce(out: &Capture, nonce: &str) -> bool {
    let end = out.last(nonce.len() + 1);
    end.strip_suffix(b"\n") == Some(nonce.as_bytes())
}

/// What the keeper, or a guard, said at the end of standard error.
#[derive(Debug, PartialEq, Eq)]
struct Trailer {
    /// The command ended: exit code, and whether the time limit had struck.
    end: Option<(i32, bool)>,
    /// A guard's supervisor ended with this code.
    over: Option<i32>,
    /// The line did not arrive whole.
    cut: bool,
    /// The guard did not run it.
    refused: Option<String>,
    /// How many bytes at the end of the stream are not the command's.
    length: usize,
}

impl Trailer {
    fn is_last(&self) -> bool {
        self.over.is_some() || self.end.is_some()
    }
}

fn find_trailer(err: &Capture, nonce: &str) -> Option<Trailer> {
    let bytes = err.last(TRAILER);
    let text: String = bytes
        .iter()
        .map(|b| if b.is_ascii() { char::from(*b) } else { '?' })
        .collect();
    // `echo` puts a line feed in front of each line, whatever the command wrote last.
    let start = text
        .find(&format!("\n{nonce} "))
        .or_else(|| text.starts_with(nonce).then_some(0))?;
    let mut trailer = Trailer {
        end: None,
        over: None,
        cut: false,
        refused: None,
        length: text.len() - start,
    };
    for line in text[start..].lines() {
        let Some(said) = line.strip_prefix(nonce) else {
            continue;
        };
        match said.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["end", code, struck] => {
                trailer.end = code.parse().ok().map(|code| (code, *struck == "1"))
            }
            ["over", code] => trailer.over = code.parse().ok(),
            ["cut"] => trailer.cut = true,
            ["refused", why @ ..] => trailer.refused = Some(why.join(" ")),
            _ => {}
        }
    }
    Some(trailer)
}

fn judge(trailer: &Trailer) -> Ended {
    match trailer {
        Trailer {
            refused: Some(why), ..
        } => Ended::NotStarted(format!("the guard refused: {why}.")),
        Trailer { cut: true, .. } => Ended::NotStarted("the command did not arrive whole.".into()),
        Trailer {
            end: Some((_, true)),
            ..
        }
        | Trailer {
            end: None,
            over: Some(124 | 137),
            ..
        } => Ended::TimedOut,
        Trailer {
            end: Some((code, false)),
            ..
        } => Ended::Exited(*code),
        _ => Ended::Unknown("the command's keeper on the target was killed.".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailer(text: &str) -> Option<Trailer> {
        let mut capture = Capture::new(1024);
        capture.push(text.as_bytes());
        find_trailer(&capture, "abc123")
    }

    fn said(trailer: Option<Trailer>, handed_over: bool) -> Said {
        Said {
            trailer,
            handed_over,
            late: false,
            limit: false,
            stdout: Captured::default(),
            stderr: Captured::default(),
        }
    }

    #[test]
    fn the_keeper_s_lines_are_told_from_the_command_s() {
        let t = trailer("oops\nabc123 end 7 0\n").unwrap();
        assert_eq!((t.end, t.over, t.length), (Some((7, false)), None, 16));
        assert_eq!(said(Some(t), true).ended(Some(124)), Ended::Exited(7));
        let guard = trailer("\nabc123 end 7 0\n\nabc123 over 7\n").unwrap();
        assert_eq!((guard.end, guard.over), (Some((7, false)), Some(7)));
        assert_eq!(
            trailer("abc123 is what I say"),
            Some(Trailer {
                end: None,
                over: None,
                cut: false,
                refused: None,
                length: 20
            })
        );
        assert_eq!(trailer("nothing"), None);
        let mut out = Capture::new(1024);
        out.push(b"what it wroteabc123");
        assert!(!ends_with_nonce(&out, "abc123"));
        out.push(b"\n");
        assert!(ends_with_nonce(&out, "abc123"));
    }

    #[test]
    fn what_is_not_known_is_not_called_not_run() {
        assert!(matches!(said(None, true).ended(None), Ended::Unknown(_)));
        assert!(matches!(
            said(None, true).ended(Some(137)),
            Ended::Unknown(_)
        ));
        assert!(matches!(
            said(None, true).ended(Some(255)),
            Ended::Unknown(_)
        ));
        assert!(matches!(
            said(None, false).ended(None),
            Ended::NotStarted(_)
        ));
        assert!(matches!(
            said(None, true).ended(Some(127)),
            Ended::NotStarted(_)
        ));
        let late = Said {
            limit: true,
            ..said(None, true)
        };
        assert_eq!(late.ended(Some(137)), Ended::TimedOut);
        assert!(matches!(late.ended(None), Ended::Unknown(_)));
        let killed = trailer("abc123 over 143").unwrap();
        assert!(matches!(judge(&killed), Ended::Unknown(_)));
    }
}
