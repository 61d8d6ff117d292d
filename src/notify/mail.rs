//! Mail through the machine's own mail server, by the calling convention of sendmail(8).

use super::{Notice, feed, trusted};
use std::path::Path;

/// Longest line of quoted-printable text (RFC 2045, 6.7) less the soft break.
const LINE: usize = 75;

pub(super) fn send(
    sendmail: &Path,
    to: &str,
    from: Option<&str>,
    notice: &Notice,
) -> Result<(), String> {
    let mut command = trusted(sendmail)?;
    // -oi: a line with a single dot is not the end.
    command.arg("-oi");
    if let Some(from) = from {
        command.args(["-f", from]);
    }
    command.args(["--", to]);
    let ended = feed(command, message(to, from, notice).as_bytes())?;
    // EX_TEMPFAIL of sysexits.h: the server keeps it and tries again.
    if ended.success() || ended.code() == Some(75) {
        Ok(())
    } else {
        Err(format!("sendmail ended with {ended}"))
    }
}

fn message(to: &str, from: Option<&str>, notice: &Notice) -> String {
    let mut text = format!("To: {to}\n");
    if let Some(from) = from {
        text.push_str(&format!("From: {from}\n"));
    }
    let date = chrono::Utc::now().to_rfc2822();
    let urgent = if notice.urgent {
        "Importance: high\n"
    } else {
        ""
    };
    text.push_str(&format!(
        "Subject: {}\nDate: {date}\n{urgent}Auto-Submitted: auto-generated\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n{}\n",
        notice.subject,
        quoted_printable(&notice.text)
    ));
    text
}

/// RFC 2045, 6.7: no line is too long for a mail server, and none can end the message or begin a header.
fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        let mut width = 0;
        let last = line.len().saturating_sub(1);
        for (at, byte) in line.bytes().enumerate() {
            // A blank at the end of a line, and a dot or `From` at its beginning, do not survive every server.
            let plain = (byte.is_ascii_graphic() || byte == b' ')
                && byte != b'='
                && !(at == last && byte == b' ')
                && !(at == 0 && (byte == b'.' || byte == b'F'));
            let size = if plain { 1 } else { 3 };
            if width + size > LINE {
                out.push_str("=\n");
                width = 0;
            }
            if plain {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("={byte:02X}"));
            }
            width += size;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_a_mail_server() {
        assert_eq!(
            quoted_printable("a=b\n.\nFrom x\né — \n"),
            "a=3Db\n=2E\n=46rom x\n=C3=A9 =E2=80=94=20\n"
        );
        let long = quoted_printable(&"x é".repeat(100));
        assert!(long.lines().all(|l| l.len() <= 76), "{long}");
    }
}
