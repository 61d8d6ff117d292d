//! Talks to a runner over three descriptors: hands the line over, reads until it says that it is over.

use super::capture::Capture;
use super::{Ended, GRACE, RunResult, RunSpec};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long output of processes left behind is still read once the runner said that it is over.
const LINGER: Duration = Duration::from_millis(150);
/// Room for the runner's own lines at the end of standard error.
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
    pub fn converse(mut self, spec: &RunSpec, nonce: &str, message: &[u8]) -> RunResult {
        let mut sent = 0;
        let mut out = Capture::new(spec.output_bytes);
        let mut err = Capture::new(spec.output_bytes + TRAILER);
        let mut deadline = Instant::now() + spec.timeout + GRACE + spec.connect_timeout;
        let mut over = false;
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
            }
            if ready.stderr {
                take(&mut self.stderr, &mut err);
                if !over && find_trailer(&err, nonce).is_some_and(|t| t.over.is_some()) {
                    over = true;
                    deadline = deadline.min(Instant::now() + LINGER);
                }
            }
        }
        let handed_over = sent == message.len();
        let trailer = find_trailer(&err, nonce);
        if let Some(trailer) = &trailer {
            err.drop_last(trailer.length);
        }
        let ended = judge(trailer.as_ref(), handed_over, Instant::now() >= deadline);
        RunResult {
            ended,
            stdout: out.finish(),
            stderr: err.finish(),
            duration: Duration::ZERO,
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

/// What the runner said at the end of standard error.
#[derive(Debug, PartialEq, Eq)]
struct Trailer {
    /// The command ended: exit code, and whether the time limit had struck.
    end: Option<(i32, bool)>,
    /// `timeout` ended with this code.
    over: Option<i32>,
    /// The line did not arrive whole.
    cut: bool,
    /// The guard did not run it.
    refused: Option<String>,
    /// How many bytes at the end of the stream are the runner's.
    length: usize,
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

fn judge(trailer: Option<&Trailer>, handed_over: bool, late: bool) -> Ended {
    let Some(trailer) = trailer else {
        return match (handed_over, late) {
            (false, _) => {
                Ended::NotStarted("the connection broke before the command was handed over.".into())
            }
            (true, true) => {
                Ended::Unknown("the target did not answer within the time limit.".into())
            }
            (true, false) => {
                Ended::Unknown("the connection broke before the command's end was known.".into())
            }
        };
    };
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
        Trailer {
            over: Some(125..=127),
            ..
        } => Ended::NotStarted(
            "the target has no usable timeout(1) or sh(1): install coreutils.".into(),
        ),
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

    #[test]
    fn the_runner_s_lines_are_told_from_the_command_s() {
        let t = trailer("oops\nabc123 end 7 0\n\nabc123 over 7\n").unwrap();
        assert_eq!((t.end, t.over, t.length), (Some((7, false)), Some(7), 31));
        assert_eq!(judge(Some(&t), true, false), Ended::Exited(7));
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
    }

    #[test]
    fn what_is_not_known_is_not_called_not_run() {
        assert!(matches!(judge(None, true, false), Ended::Unknown(_)));
        assert!(matches!(judge(None, false, false), Ended::NotStarted(_)));
        let killed = Trailer {
            end: None,
            over: Some(143),
            cut: false,
            refused: None,
            length: 0,
        };
        assert!(matches!(
            judge(Some(&killed), true, false),
            Ended::Unknown(_)
        ));
    }
}
