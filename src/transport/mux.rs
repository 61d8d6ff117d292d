//! A session over a master's socket, asked for as ssh(1) itself does (PROTOCOL.mux in the sources of OpenSSH).
//!
//! All is written at once and the answer read later, so that the target starts while the gate still writes its record.
//! Must never ask for a terminal, a forwarding or an agent, and never for the master's end: others share it.

use super::channel::Channel;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::io::{self, IoSlice, Read, Write, pipe};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The version of the protocol that both say first.
const VERSION: u32 = 4;
const HELLO: u32 = 1;
const NEW_SESSION: u32 = 0x1000_0002;
const PERMISSION_DENIED: u32 = 0x8000_0002;
const FAILURE: u32 = 0x8000_0003;
const EXIT_MESSAGE: u32 = 0x8000_0004;
const SESSION_OPENED: u32 = 0x8000_0006;
/// No byte of the input means anything to ssh.
const NO_ESCAPE: u32 = u32::MAX;
/// Longest answer that is read, in bytes; the master's are some dozen.
const MAX_ANSWER: usize = 64 * 1024;
/// How long a master may take to take what is written to it.
const WRITE: Duration = Duration::from_secs(5);

/// A session that was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    socket: UnixStream,
    stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

/// A session that is open. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Session {
    socket: UnixStream,
    /// The master's number for it.
    id: u32,
}

impl Asked {
    /// Asks for a session that runs `line`.
    ///
    /// # Errors
    /// When there is no master, or it does not read.
    pub fn new(socket: &Path, line: &str) -> io::Result<Asked> {
        let mut socket = UnixStream::connect(socket)?;
        socket.set_write_timeout(Some(WRITE))?;
        let (theirs_in, stdin) = pipe()?;
        let (stdout, theirs_out) = pipe()?;
        let (stderr, theirs_err) = pipe()?;
        let mut session = vec![];
        // The number of the request; a reserved string; no terminal, X11, agent, subsystem.
        for number in [NEW_SESSION, 0, 0, 0, 0, 0, 0, NO_ESCAPE] {
            session.extend(number.to_be_bytes());
        }
        // The kind of terminal, and the line.
        for text in ["", line] {
            session.extend(length(text.len())?);
            session.extend(text.as_bytes());
        }
        let mut message = vec![];
        message.extend(length(8)?);
        message.extend(HELLO.to_be_bytes());
        message.extend(VERSION.to_be_bytes());
        message.extend(length(session.len())?);
        message.extend(session);
        socket.write_all(&message)?;
        for fd in [theirs_in.as_fd(), theirs_out.as_fd(), theirs_err.as_fd()] {
            send(&socket, fd)?;
        }
        Ok(Asked {
            socket,
            stdin: stdin.into(),
            stdout: stdout.into(),
            stderr: stderr.into(),
        })
    }

    /// Waits until the session is open.
    ///
    /// # Errors
    /// When it is not, within the limit.
    pub fn opened(self, limit: Duration) -> Result<(Session, Channel), String> {
        let answer = || -> io::Result<Result<u32, String>> {
            self.socket.set_read_timeout(Some(limit))?;
            let hello = Answer::read(&self.socket)?;
            if (hello.kind, hello.number) != (HELLO, Some(VERSION)) {
                return Ok(Err("the master speaks another protocol.".into()));
            }
            let answer = Answer::read(&self.socket)?;
            Ok(match (answer.kind, answer.session()) {
                (SESSION_OPENED, Some(id)) => Ok(id),
                (PERMISSION_DENIED | FAILURE, _) => {
                    Err(format!("the session was refused: {}.", answer.reason()))
                }
                (kind, _) => Err(format!("the master answered with {kind:#x}.")),
            })
        };
        let id = answer().map_err(|e| match e.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                "the target did not open a session in time.".to_owned()
            }
            _ => format!("the master: {e}."),
        })??;
        let channel = Channel::new(self.stdin, self.stdout, self.stderr)
            .map_err(|e| format!("its pipes cannot be used: {e}."))?;
        let socket = self.socket;
        Ok((Session { socket, id }, channel))
    }
}

impl Session {
    /// The exit status of a session that is over; none where the connection is gone, or a signal ended it.
    pub fn status(self, limit: Duration) -> Option<i32> {
        self.socket.set_read_timeout(Some(limit)).ok()?;
        let answer = Answer::read(&self.socket).ok()?;
        let said = answer.kind == EXIT_MESSAGE && answer.number == Some(self.id);
        let code = answer.rest.first_chunk::<4>().filter(|_| said)?;
        i32::try_from(u32::from_be_bytes(*code)).ok()
    }
}

/// A packet of the master's.
struct Answer {
    kind: u32,
    /// Its first number: a version, a request, a session.
    number: Option<u32>,
    rest: Vec<u8>,
}

impl Answer {
    fn read(mut socket: &UnixStream) -> io::Result<Answer> {
        let mut length = [0; 4];
        socket.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if !(4..=MAX_ANSWER).contains(&length) {
            return Err(io::Error::other("it sent what is no answer"));
        }
        let mut packet = vec![0; length];
        socket.read_exact(&mut packet)?;
        let mut numbers = packet
            .chunks_exact(4)
            .filter_map(|c| c.first_chunk().map(|c| u32::from_be_bytes(*c)));
        Ok(Answer {
            kind: numbers.next().unwrap_or_default(),
            number: numbers.next(),
            rest: packet.get(8..).unwrap_or_default().to_vec(),
        })
    }

    /// The session that was opened, if this is the answer to our request.
    fn session(&self) -> Option<u32> {
        let id = self.rest.first_chunk::<4>()?;
        (self.number == Some(0)).then(|| u32::from_be_bytes(*id))
    }

    /// The string that says why not.
    fn reason(&self) -> String {
        let text = String::from_utf8_lossy(self.rest.get(4..).unwrap_or_default());
        crate::display::escape(&text).into_owned()
    }
}

/// A length as the protocol has it, which is also that of a string.
fn length(length: usize) -> io::Result<[u8; 4]> {
    u32::try_from(length)
        .map(u32::to_be_bytes)
        .map_err(io::Error::other)
}

/// Sends a descriptor, with a byte of its own as the master expects it.
fn send(socket: &UnixStream, fd: BorrowedFd) -> io::Result<()> {
    let fds = [fd];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::Error::other("a descriptor cannot be sent"));
    }
    let sent = rustix::io::retry_on_intr(|| {
        sendmsg(
            socket,
            &[IoSlice::new(&[0])],
            &mut control,
            SendFlags::NOSIGNAL,
        )
    })?;
    if sent == 1 {
        Ok(())
    } else {
        Err(io::ErrorKind::WriteZero.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// A master that says `answers` and ends, and what it was asked.
    fn asked_of(answers: &[&[u32]]) -> (Result<Session, String>, Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let bytes: Vec<u8> = answers
            .iter()
            .flat_map(|a| [&[u32::try_from(a.len() * 4).unwrap()], *a].concat())
            .flat_map(u32::to_be_bytes)
            .collect();
        let master = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            socket.write_all(&bytes).unwrap();
            let mut all = vec![0; 12 + 4 + 32 + 8 + 4 + 3];
            socket.read_exact(&mut all).unwrap();
            all
        });
        let asked = Asked::new(&path, "true").unwrap();
        let opened = asked.opened(Duration::from_secs(5)).map(|(s, _)| s);
        (opened, master.join().unwrap())
    }

    #[test]
    fn a_session_is_asked_for_without_terminal_and_forwarding() {
        let (opened, said) = asked_of(&[
            &[HELLO, VERSION],
            &[SESSION_OPENED, 0, 7],
            &[EXIT_MESSAGE, 7, 3],
        ]);
        assert_eq!(opened.unwrap().status(Duration::from_secs(5)), Some(3));
        let numbers: Vec<u32> = said[..48]
            .chunks(4)
            .map(|c| u32::from_be_bytes(*c.first_chunk().unwrap()))
            .collect();
        let session = [NEW_SESSION, 0, 0, 0, 0, 0, 0, NO_ESCAPE];
        assert_eq!(numbers[..4], [8, HELLO, VERSION, 44]);
        assert_eq!(numbers[4..], session);
        assert_eq!(said[48..60], *b"\0\0\0\0\0\0\0\x04true");
    }

    #[test]
    fn what_is_not_its_answer_opens_nothing() {
        let hello: &[u32] = &[HELLO, VERSION];
        let cases: [&[&[u32]]; 7] = [
            &[],
            &[&[HELLO, 3]],
            &[hello],
            &[hello, &[SESSION_OPENED, 1, 7]],
            &[hello, &[SESSION_OPENED, 0]],
            &[hello, &[EXIT_MESSAGE, 0, 0]],
            &[hello, &[FAILURE, 0, 0]],
        ];
        for answers in cases {
            assert!(asked_of(answers).0.is_err(), "{answers:?}");
        }
        // A status of another session, and none.
        for last in [&[EXIT_MESSAGE, 8, 0][..], &[EXIT_MESSAGE, 7], &[HELLO]] {
            let (opened, _) = asked_of(&[hello, &[SESSION_OPENED, 0, 7], last]);
            assert_eq!(opened.unwrap().status(Duration::from_secs(5)), None);
        }
    }
}
