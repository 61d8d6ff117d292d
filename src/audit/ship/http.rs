//! OTLP/HTTP: one POST a batch, JSON (OpenTelemetry Protocol 1.x, "OTLP/HTTP"). HTTP/1.1 without TLS.

use super::{Failed, Sink};
use crate::audit::export::{VERSION, otlp};
use crate::audit::stream::Record;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// An http address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    authority: String,
    path: String,
}

impl Url {
    /// Reads `http://host[:port][/path]`; port 4318 and path `/v1/logs` where they are not said.
    ///
    /// # Errors
    /// When it is no such address.
    pub fn parse(text: &str) -> Result<Url, String> {
        let wrong = || format!("{text:?} is no address: write http://HOST:4318/v1/logs");
        let rest = text.strip_prefix("http://").ok_or_else(wrong)?;
        if rest.is_empty() || rest.starts_with('/') || !rest.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong());
        }
        if rest.contains('@') {
            return Err("an address with a password in it is not taken".into());
        }
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/v1/logs"),
        };
        let has_port = authority.rsplit_once(':').is_some_and(|(host, port)| {
            port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']'))
        });
        Ok(Url {
            authority: if has_port {
                authority.to_owned()
            } else {
                format!("{authority}:4318")
            },
            path: path.to_owned(),
        })
    }
}

pub(super) struct Otlp {
    url: Url,
}

impl Otlp {
    pub fn new(url: Url) -> Otlp {
        Otlp { url }
    }

    fn post(&self, body: &str) -> std::io::Result<Answer> {
        let address = self
            .url
            .authority
            .to_socket_addrs()?
            .next()
            .ok_or_else(|| std::io::Error::other("the name has no address"))?;
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_write_timeout(Some(Duration::from_secs(30)))?;
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: aiops/{VERSION}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.url.path,
            self.url.authority,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
        Answer::parse(&String::from_utf8_lossy(&answer))
            .ok_or_else(|| std::io::Error::other("the answer is not HTTP"))
    }
}

struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    fn parse(text: &str) -> Option<Answer> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head
            .lines()
            .next()?
            .strip_prefix("HTTP/1.")?
            .get(2..5)?
            .parse()
            .ok()?;
        Some(Answer {
            status,
            body: body.to_owned(),
        })
    }

    /// How many records the receiver says it did not take (`partialSuccess`), and why.
    fn rejected(&self) -> Option<String> {
        let from = self.body.find('{')?;
        let to = self.body.rfind('}')?;
        let value: serde_json::Value = serde_json::from_str(self.body.get(from..=to)?).ok()?;
        let partial = value.get("partialSuccess")?;
        let count = match partial.get("rejectedLogRecords")? {
            serde_json::Value::String(text) => text.parse().ok()?,
            other => other.as_u64()?,
        };
        (count > 0).then(|| {
            let why = partial.get("errorMessage").and_then(|m| m.as_str());
            format!(
                "{count} records were rejected: {}",
                why.unwrap_or("no reason was given")
            )
        })
    }
}

impl Sink for Otlp {
    fn send(&mut self, records: &[Record]) -> Result<(), Failed> {
        let name = format!("http://{}{}", self.url.authority, self.url.path);
        let answer = self
            .post(&otlp::request(records))
            .map_err(|e| Failed::Later(format!("{name}: {e}")))?;
        match answer.status {
            200..=299 => match answer.rejected() {
                Some(why) => Err(Failed::Never(format!("{name}: {why}"))),
                None => Ok(()),
            },
            // OTLP/HTTP names these as the ones to try again.
            408 | 429 | 502..=504 => Err(Failed::Later(format!("{name}: HTTP {}", answer.status))),
            status => {
                let body: String = answer.body.chars().take(200).collect();
                Err(Failed::Never(format!(
                    "{name}: HTTP {status}: {}",
                    crate::display::escape(&body)
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_get_the_usual_port_and_path() {
        let url = |text| Url::parse(text).unwrap();
        assert_eq!(
            url("http://h"),
            Url {
                authority: "h:4318".into(),
                path: "/v1/logs".into()
            }
        );
        assert_eq!(url("http://[::1]:80/x?y").authority, "[::1]:80");
        assert_eq!(url("http://[::1]/").authority, "[::1]:4318");
        for wrong in ["http://", "http:///x", "http://a\r\nX: y/", "http://u:p@h/"] {
            assert!(Url::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_partial_success_is_no_success() {
        let answer = |body: &str| Answer::parse(&format!("HTTP/1.1 200 OK\r\n\r\n{body}")).unwrap();
        assert_eq!(answer("{}").rejected(), None);
        assert_eq!(answer("{\"partialSuccess\":{}}").rejected(), None);
        let partly = "2e\r\n{\"partialSuccess\":{\"rejectedLogRecords\":\"2\"}}\r\n0\r\n\r\n";
        assert!(answer(partly).rejected().unwrap().starts_with("2 records"));
    }
}
