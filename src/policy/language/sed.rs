//! sed scripts that only select, substitute and print.
//!
//! Every script is read as GNU sed cuts it, and refused where busybox or BSD sed would cut it
//! elsewhere (a delimiter inside a bracket, odd delimiters). No commands that read or write
//! files, run programs, jump, or restart the cycle.

type R<T> = Result<T, String>;

/// Checks one `-e` script or the script operand.
///
/// # Errors
/// What is not accepted and at which byte.
pub fn check(text: &str) -> R<()> {
    if text.trim().is_empty() {
        return Err("sed: an empty script".into());
    }
    if text.starts_with("#n") || text.ends_with('\\') {
        return Err("sed: comments and a `\\` at the end are not accepted".into());
    }
    let mut p = Parser {
        b: text.as_bytes(),
        i: 0,
        held: Vec::new(),
        grows: 1,
    };
    p.commands(0)?;
    if p.grows > MOST_GROWTH {
        return Err("sed: these substitutions may make a line many times longer".into());
    }
    // Hold and pattern space can double each line by g/G with h/H/x, or by several H and x.
    let count = |c: u8| p.held.iter().filter(|h| **h == c).count();
    let (takes, gives) = (
        count(b'g') + count(b'G'),
        count(b'h') + count(b'H') + count(b'x'),
    );
    if (takes > 0 && gives > 0) || takes > 2 || count(b'H') > 1 || count(b'x') > 1 {
        return Err("sed: this use of the hold space (g G h H x) can grow without end".into());
    }
    Ok(())
}

/// How many times longer a line may become in one script: `s/.*/&&/` again and again would fill memory.
const MOST_GROWTH: usize = 8;

struct Parser<'a> {
    b: &'a [u8],
    i: usize,
    held: Vec<u8>,
    /// How many times longer a line may have become.
    grows: usize,
}

impl Parser<'_> {
    fn peek(&self) -> u8 {
        self.b.get(self.i).copied().unwrap_or(0)
    }
    fn fail<T>(&self, why: &str) -> R<T> {
        Err(format!("sed: {why}, at byte {}", self.i))
    }
    fn blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t') {
            self.i += 1;
        }
    }

    fn commands(&mut self, depth: usize) -> R<()> {
        if depth > 8 {
            return self.fail("nested too deeply");
        }
        loop {
            while matches!(self.peek(), b' ' | b'\t' | b'\n' | b';') {
                self.i += 1;
            }
            match self.peek() {
                0 if depth == 0 => return Ok(()),
                0 => return self.fail("a `}` is missing"),
                b'}' if depth > 0 => {
                    self.i += 1;
                    self.blanks();
                    return self.end();
                }
                _ => self.command(depth)?,
            }
        }
    }

    fn command(&mut self, depth: usize) -> R<()> {
        if self.address()? {
            self.blanks();
            if self.peek() == b',' {
                self.i += 1;
                self.blanks();
                if matches!(self.peek(), b'+' | b'~') {
                    self.i += 1;
                    self.number()?;
                } else if !self.address()? {
                    return self.fail("a second address is expected");
                }
            }
        }
        self.blanks();
        if self.peek() == b'!' {
            self.i += 1;
            self.blanks();
        }
        let c = self.peek();
        self.i += 1;
        match c {
            b'{' => return self.commands(depth + 1),
            b'p' | b'd' | b'n' | b'N' | b'P' | b'=' | b'z' => {}
            b'g' | b'G' | b'h' | b'H' | b'x' => self.held.push(c),
            b'q' | b'Q' => {
                self.blanks();
                if self.peek().is_ascii_digit() {
                    self.number()?;
                }
            }
            b's' => self.substitute()?,
            b'y' => {
                let d = self.delimiter()?;
                self.part(d, false)?;
                self.part(d, false)?;
            }
            _ => {
                self.i -= 1;
                let name = char::from(if c == 0 { b' ' } else { c });
                return self.fail(&format!("command `{name}` is not accepted"));
            }
        }
        self.blanks();
        self.end()
    }

    fn end(&self) -> R<()> {
        match self.peek() {
            0 | b';' | b'\n' | b'}' => Ok(()),
            c => self.fail(&format!("`{}` stands after a command", char::from(c))),
        }
    }

    fn number(&mut self) -> R<()> {
        let start = self.i;
        while self.peek().is_ascii_digit() {
            self.i += 1;
        }
        if (1..=10).contains(&(self.i - start)) {
            Ok(())
        } else {
            self.fail("a number is expected")
        }
    }

    /// True when there is one.
    fn address(&mut self) -> R<bool> {
        match self.peek() {
            b'$' => self.i += 1,
            b'0'..=b'9' => {
                self.number()?;
                if self.peek() == b'~' {
                    self.i += 1;
                    self.number()?;
                }
            }
            b'/' => {
                self.i += 1;
                self.part(b'/', true)?;
                while matches!(self.peek(), b'I' | b'M') {
                    self.i += 1;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn delimiter(&mut self) -> R<u8> {
        let d = self.peek();
        if !b"/|#,:!@%_+~=".contains(&d) {
            return self.fail("this delimiter is not accepted");
        }
        self.i += 1;
        Ok(d)
    }

    fn substitute(&mut self) -> R<()> {
        let d = self.delimiter()?;
        let pattern = self.i;
        self.part(d, true)?;
        let replacement = self.i;
        self.part(d, false)?;
        let start = self.i;
        while matches!(
            self.peek(),
            b'g' | b'p' | b'I' | b'i' | b'M' | b'm' | b'0'..=b'9'
        ) {
            self.i += 1;
        }
        if self.i - start > 8 {
            return self.fail("too many flags");
        }
        let text = |from: usize, to: usize| {
            let bytes = self.b.get(from..to.saturating_sub(1)).unwrap_or_default();
            std::str::from_utf8(bytes).unwrap_or("&&&&&&&&&")
        };
        let all = self.b[start..self.i].contains(&b'g');
        let by = super::formats::growth(
            Some(text(pattern, replacement)),
            text(replacement, start),
            all,
        );
        self.grows = self.grows.saturating_mul(by);
        Ok(())
    }

    /// Text up to the delimiter, which is passed over.
    fn part(&mut self, d: u8, regex: bool) -> R<()> {
        let start = self.i;
        self.cut(d, regex)?;
        let text = std::str::from_utf8(&self.b[start..self.i]).unwrap_or_default();
        if regex {
            super::check_repeats(text).map_err(|e| format!("sed: {e}"))?;
        }
        Ok(())
    }

    fn cut(&mut self, d: u8, regex: bool) -> R<()> {
        let mut bracket = false;
        loop {
            match self.peek() {
                0 | b'\n' => return self.fail("the delimiter is missing"),
                b'\\' => {
                    let n = self.b.get(self.i + 1).copied().unwrap_or(b'\n');
                    if matches!(n, b'\n' | b'c')
                        || (bracket && (n == d || matches!(n, b'[' | b']' | b'\\')))
                    {
                        return self.fail("this `\\` is read differently by different seds");
                    }
                    self.i += 1;
                }
                c if c == d && bracket => {
                    return self.fail("the delimiter stands inside [...], where seds disagree");
                }
                c if c == d => {
                    self.i += 1;
                    return Ok(());
                }
                b'[' if regex && bracket => {
                    match super::class_length(&self.b[self.i..]) {
                        // The loop goes on behind its last byte.
                        Some(length) => self.i += length - 1,
                        None => return self.fail("`[` inside [...] is not accepted"),
                    }
                }
                b'[' if regex => {
                    bracket = true;
                    if self.b.get(self.i + 1) == Some(&b'^') {
                        self.i += 1;
                    }
                    if self.b.get(self.i + 1) == Some(&b']') {
                        self.i += 1;
                    }
                }
                b']' if regex => bracket = false,
                _ => {}
            }
            self.i += 1;
        }
    }
}
