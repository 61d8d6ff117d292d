//! Keeps the head and the tail of a stream within a limit, and makes text of it.

use std::collections::VecDeque;

/// What was kept of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// The text, valid UTF-8; where something was left out, a line says how much.
    pub text: String,
    /// Whether something was left out.
    pub truncated: bool,
    /// How many bytes the stream had.
    pub total_bytes: u64,
    /// Whether bytes that are not UTF-8 were replaced by U+FFFD.
    pub lossy: bool,
}

/// A stream as it comes. Uses at most the limit in memory, and a little.
#[derive(Debug)]
pub(super) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_limit: usize,
    tail_limit: usize,
    total: u64,
}

impl Capture {
    pub fn new(limit: usize) -> Capture {
        let head_limit = limit / 2;
        Capture {
            head: Vec::new(),
            tail: VecDeque::new(),
            head_limit,
            tail_limit: limit - head_limit,
            total: 0,
        }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = self
            .head_limit
            .saturating_sub(self.head.len())
            .min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        // Only the last bytes of a large piece can stay.
        let rest = &rest[rest.len().saturating_sub(self.tail_limit)..];
        let over = (self.tail.len() + rest.len()).saturating_sub(self.tail_limit);
        self.tail.drain(..over.min(self.tail.len()));
        self.tail.extend(rest);
    }

    /// The last `count` bytes that were kept.
    pub fn last(&self, count: usize) -> Vec<u8> {
        let all = self.head.len() + self.tail.len();
        self.head
            .iter()
            .chain(&self.tail)
            .skip(all.saturating_sub(count))
            .copied()
            .collect()
    }

    /// Takes `count` bytes off the end.
    pub fn drop_last(&mut self, count: usize) {
        self.total = self.total.saturating_sub(count as u64);
        let from_tail = count.min(self.tail.len());
        self.tail.truncate(self.tail.len() - from_tail);
        self.head
            .truncate(self.head.len().saturating_sub(count - from_tail));
    }

    pub fn finish(mut self) -> Captured {
        // Cut between lines, or words: half a secret is none to whoever masks it, and still half a secret.
        if self.total > (self.head.len() + self.tail.len()) as u64 {
            let room = EDGE.min(self.head.len() / 2);
            let from = self.head.len() - room;
            if let Some(at) = edge(self.head[from..].iter().rev()) {
                self.head.truncate(self.head.len() - at);
            }
            let room = EDGE.min(self.tail.len() / 2);
            if let Some(at) = edge(self.tail.iter().take(room)) {
                self.tail.drain(..=at);
            }
        }
        let kept = (self.head.len() + self.tail.len()) as u64;
        let left_out = self.total - kept;
        let mut bytes = self.head;
        if left_out > 0 {
            bytes.extend_from_slice(format!("\n[… {left_out} bytes left out …]\n").as_bytes());
        }
        bytes.extend(self.tail);
        let (text, lossy) = match String::from_utf8(bytes) {
            Ok(text) => (text, false),
            Err(e) => (String::from_utf8_lossy(e.as_bytes()).into_owned(), true),
        };
        Captured {
            text,
            truncated: left_out > 0,
            total_bytes: self.total,
            lossy,
        }
    }
}

/// How far from a cut the end of a line or a word is looked for, in bytes.
const EDGE: usize = 4096;

/// Where a line ends, or where there is none, a word.
fn edge<'a>(bytes: impl Iterator<Item = &'a u8> + Clone) -> Option<usize> {
    bytes
        .clone()
        .position(|b| *b == b'\n')
        .or_else(|| bytes.clone().position(|b| b.is_ascii_whitespace()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_streams_are_kept_whole() {
        let mut capture = Capture::new(1024);
        capture.push(b"one ");
        capture.push("zwö".as_bytes());
        let got = capture.finish();
        assert_eq!(
            (got.text.as_str(), got.truncated, got.total_bytes, got.lossy),
            ("one zwö", false, 8, false)
        );
    }

    #[test]
    fn large_streams_keep_head_and_tail() {
        for piece in [1, 7, 100, 5000] {
            let data: Vec<u8> = (0..5000u32).map(|i| b'a' + (i % 26) as u8).collect();
            let mut capture = Capture::new(100);
            data.chunks(piece).for_each(|c| capture.push(c));
            let got = capture.finish();
            let text = String::from_utf8(data).unwrap();
            assert!(got.truncated && got.total_bytes == 5000);
            assert_eq!(
                got.text,
                format!(
                    "{}\n[… 4900 bytes left out …]\n{}",
                    &text[..50],
                    &text[4950..]
                ),
                "pieces of {piece}"
            );
        }
    }

    #[test]
    fn the_cut_is_between_lines_or_words() {
        let cut = |text: &str| {
            let mut capture = Capture::new(100);
            capture.push(text.as_bytes());
            capture.finish().text
        };
        let lines = "0123456789\n".repeat(50);
        for line in cut(&lines).lines() {
            assert!(
                line == "0123456789" || line.contains("left out") || line.is_empty(),
                "{line}"
            );
        }
        let words = "0123456789 ".repeat(50);
        for word in cut(&words).split_whitespace() {
            assert!(
                word == "0123456789" || word.len() < 6 || word == "bytes",
                "{word}"
            );
        }
    }

    #[test]
    fn the_end_can_be_taken_off() {
        let mut capture = Capture::new(10);
        capture.push(b"0123456789abc");
        assert_eq!(capture.last(3), b"abc");
        capture.drop_last(3);
        assert_eq!(capture.finish().total_bytes, 10);
    }
}
