//! awk programs that only print and count.
//!
//! The grammar is that of POSIX awk without everything that leaves the program: redirections,
//! pipes, `getline`, `system`, files, environment, functions of one's own, and loops whose end
//! cannot be seen.

use super::awk_flow::{FIELDS, Flows};
use super::awk_lex::{Tok, tokens};
use std::collections::BTreeSet;

/// Checks an awk program.
///
/// # Errors
/// What is not accepted and at which byte.
pub fn check(text: &str) -> Result<(), String> {
    let toks = tokens(text)?;
    let mut p = Parser {
        toks,
        at: 0,
        depth: 0,
        loops: 0,
        guarded: Vec::new(),
        loose: BTreeSet::new(),
        bounds: BTreeSet::new(),
        long_loops: 0,
        field_growth: 1,
        flows: Flows::default(),
    };
    p.program()?;
    p.flows.check()?;
    if p.field_growth > MOST_GROWTH {
        return Err("awk: this may make a line many times longer".into());
    }
    if let Some(v) = p.bounds.intersection(&p.loose).next() {
        return Err(format!(
            "awk: the loop bound `{v}` is not a count of fields or of split parts"
        ));
    }
    Ok(())
}

/// The last field that is asked for by a number.
const MOST_FIELDS: u32 = 10_000;
/// How many times longer a line may become.
const MOST_GROWTH: usize = 8;
/// A loop with more rounds must not let a text grow.
const SHORT_LOOP: u64 = 100;

/// What an expression is, as far as assignments need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expr {
    Var(String),
    Element(String),
    Field {
        small: bool,
    },
    /// `x++`, an assignment, `sub(...)`, `split(...)`: stands as a statement.
    Effect {
        bounded: bool,
    },
    Number(u64),
    Value,
}

struct Parser {
    toks: Vec<(Tok, usize)>,
    at: usize,
    depth: usize,
    loops: usize,
    /// Loop variables and bounds, not to be assigned in the body.
    guarded: Vec<String>,
    /// Variables assigned from anything that could be huge.
    loose: BTreeSet<String>,
    /// Variables used as a loop bound.
    bounds: BTreeSet<String>,
    /// Loops of many rounds around the current statement.
    long_loops: usize,
    /// How many times longer fields may have become.
    field_growth: usize,
    /// What text goes into which variable.
    flows: Flows,
}

/// Special variables that may be set.
const SETTABLE: &[&str] = &["FS", "OFS", "RS", "ORS", "SUBSEP"];
/// Special variables that may be read only.
const READ_ONLY: &[&str] = &["NR", "NF", "FNR", "FILENAME", "RSTART", "RLENGTH"];

type R<T> = Result<T, String>;

impl Parser {
    fn peek(&self) -> &Tok {
        self.toks.get(self.at).map_or(&Tok::End, |t| &t.0)
    }
    fn peek2(&self) -> &Tok {
        self.toks.get(self.at + 1).map_or(&Tok::End, |t| &t.0)
    }
    fn bump(&mut self) -> Tok {
        let t = self.peek().clone();
        self.at += 1;
        t
    }
    fn is(&self, op: &str) -> bool {
        matches!(self.peek(), Tok::Op(o) if *o == op)
    }
    fn is_key(&self, key: &str) -> bool {
        matches!(self.peek(), Tok::Key(k) if *k == key)
    }
    fn eat(&mut self, op: &str) -> bool {
        let yes = self.is(op);
        self.at += usize::from(yes);
        yes
    }
    fn need(&mut self, op: &str) -> R<()> {
        if self.eat(op) {
            Ok(())
        } else {
            self.fail(&format!("`{op}` is expected"))
        }
    }
    fn fail<T>(&self, why: &str) -> R<T> {
        let at = self.toks.get(self.at).map_or(0, |t| t.1);
        let what = match self.peek() {
            Tok::Num(s) | Tok::Str(s) | Tok::Name(s) | Tok::Func(s) => s.clone(),
            Tok::Key(s) | Tok::Op(s) => (*s).to_string(),
            Tok::Regex(_) => "a regex".into(),
            Tok::Newline => "a line end".into(),
            Tok::End => "the end".into(),
        };
        Err(format!("awk: {why}, at byte {at} stands `{what}`"))
    }
    fn newlines(&mut self) {
        while matches!(self.peek(), Tok::Newline) {
            self.at += 1;
        }
    }
    fn separators(&mut self) {
        while matches!(self.peek(), Tok::Newline) || self.is(";") {
            self.at += 1;
        }
    }
    fn deeper(&mut self) -> R<()> {
        self.depth += 1;
        if self.depth > 60 {
            self.fail("nested too deeply")
        } else {
            Ok(())
        }
    }

    fn program(&mut self) -> R<()> {
        self.separators();
        if matches!(self.peek(), Tok::End) {
            return self.fail("an empty program");
        }
        while !matches!(self.peek(), Tok::End) {
            if self.is_key("BEGIN") || self.is_key("END") {
                self.at += 1;
                self.block()?;
            } else if self.is("{") {
                self.block()?;
            } else {
                self.expr(false)?;
                if self.eat(",") {
                    self.newlines();
                    self.expr(false)?;
                }
                if self.is("{") {
                    self.block()?;
                } else if !(matches!(self.peek(), Tok::End | Tok::Newline) || self.is(";")) {
                    return self.fail("an action or the end of the pattern is expected");
                }
            }
            self.separators();
        }
        Ok(())
    }

    fn block(&mut self) -> R<()> {
        self.need("{")?;
        self.deeper()?;
        self.separators();
        while !self.is("}") {
            self.statement()?;
            self.separators();
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    fn ends(&self) -> bool {
        matches!(self.peek(), Tok::Newline | Tok::End) || self.is(";") || self.is("}")
    }

    fn statement(&mut self) -> R<()> {
        self.deeper()?;
        match self.peek().clone() {
            Tok::Op("{") => self.block()?,
            Tok::Key("if") => self.if_statement()?,
            Tok::Key("for") => self.for_statement()?,
            _ => {
                self.simple()?;
                if !self.ends() {
                    return self.fail("the end of the statement is expected");
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn if_statement(&mut self) -> R<()> {
        self.at += 1;
        self.need("(")?;
        self.expr(false)?;
        self.need(")")?;
        self.newlines();
        self.statement()?;
        let back = self.at;
        self.separators();
        if self.is_key("else") {
            self.at += 1;
            self.newlines();
            self.statement()
        } else {
            self.at = back;
            Ok(())
        }
    }

    fn for_statement(&mut self) -> R<()> {
        self.at += 1;
        self.need("(")?;
        let Tok::Name(var) = self.bump() else {
            return self.fail("a loop variable is expected");
        };
        self.loops += 1;
        if self.loops > 1 {
            return self.fail("a loop in another: a line of many fields would make it many rounds");
        }
        let mut guards = vec![var.clone()];
        let mut long = false;
        if self.is_key("in") {
            self.at += 1;
            let Tok::Name(array) = self.bump() else {
                return self.fail("an array is expected");
            };
            self.flows.copies(&var, &array);
            guards.push(array);
        } else {
            long = self.counted_head(&var, &mut guards)? > SHORT_LOOP;
        }
        if long && self.long_loops > 0 {
            return self.fail("a loop of many rounds in another");
        }
        self.need(")")?;
        self.newlines();
        let keep = self.guarded.len();
        self.guarded.extend(guards);
        self.long_loops += usize::from(long);
        self.statement()?;
        self.long_loops -= usize::from(long);
        self.guarded.truncate(keep);
        self.loops -= 1;
        Ok(())
    }

    /// `v = START; v <= BOUND; v++` or the same downwards, where BOUND cannot be huge.
    fn counted_head(&mut self, var: &str, guards: &mut Vec<String>) -> R<u64> {
        if READ_ONLY.contains(&var)
            || SETTABLE.contains(&var)
            || self.guarded.iter().any(|g| g == var)
        {
            return self.fail("this loop variable is taken");
        }
        self.need("=")?;
        let start = self.bound(guards)?;
        self.need(";")?;
        if self.bump() != Tok::Name(var.to_string()) {
            return self.fail("the loop must compare its own variable");
        }
        let up = match self.bump() {
            Tok::Op("<" | "<=") => true,
            Tok::Op(">" | ">=") => false,
            _ => return self.fail("a loop bound is expected"),
        };
        let end = self.bound(guards)?;
        self.need(";")?;
        if self.bump() != Tok::Name(var.to_string()) {
            return self.fail("the loop must step its own variable");
        }
        let step = self.bump();
        let ok = if up {
            step == Tok::Op("++")
        } else {
            step == Tok::Op("--")
        };
        if !ok || start.max(end) > 10_000 {
            return self.fail("the end of this loop cannot be seen");
        }
        Ok(start.max(end))
    }

    /// `NF`, `NF-1`, a number to 10,000, `length(x)`, or a variable that only counts.
    fn bound(&mut self, guards: &mut Vec<String>) -> R<u64> {
        let n = match self.bump() {
            Tok::Num(n) => n
                .parse::<u64>()
                .map_err(|_| "awk: a loop bound is not whole".to_string())?,
            Tok::Name(v) => {
                if !READ_ONLY.contains(&v.as_str()) {
                    if SETTABLE.contains(&v.as_str()) {
                        return self.fail("this loop bound is not a count");
                    }
                    self.bounds.insert(v.clone());
                    guards.push(v);
                }
                0
            }
            Tok::Func(f) if f == "length" => {
                self.need("(")?;
                self.expr(false)?;
                self.need(")")?;
                0
            }
            _ => return self.fail("a loop bound is expected"),
        };
        if (self.is("-") || self.is("+")) && matches!(self.peek2(), Tok::Num(n) if n.len() <= 3) {
            self.at += 2;
        }
        Ok(n)
    }

    fn simple(&mut self) -> R<()> {
        match self.peek().clone() {
            Tok::Key("print") => {
                self.at += 1;
                self.print_list(false)
            }
            Tok::Key("printf") => {
                self.at += 1;
                self.print_list(true)
            }
            Tok::Key("next" | "nextfile") => {
                self.at += 1;
                Ok(())
            }
            Tok::Key("break" | "continue") if self.loops > 0 => {
                self.at += 1;
                Ok(())
            }
            Tok::Key("exit") => {
                self.at += 1;
                if self.ends() {
                    Ok(())
                } else {
                    self.expr(false).map(|_| ())
                }
            }
            Tok::Key("delete") => {
                self.at += 1;
                match self.primary(false)? {
                    Expr::Element(_) => Ok(()),
                    _ => self.fail("delete takes one element"),
                }
            }
            Tok::Regex(_) => self.fail("a regex alone is not a statement"),
            _ => match self.expr(false)? {
                Expr::Effect { .. } => Ok(()),
                // `seen[$1]` notes an element, as counting it does; not of the array that is walked.
                Expr::Element(name) => self.assign_to(&Expr::Element(name), "=", &Expr::Number(0)),
                _ => self.fail("a statement that prints, counts or assigns is expected"),
            },
        }
    }

    /// The words of print. `>` outside parentheses would write a file.
    fn print_list(&mut self, format: bool) -> R<()> {
        if self.ends() {
            return if format {
                self.fail("printf needs a format")
            } else {
                Ok(())
            };
        }
        let back = self.at;
        if self.eat("(") {
            if format {
                self.format_literal(self.at)?;
            }
            self.list(false, ")")?;
            self.need(")")?;
            if self.ends() {
                return Ok(());
            }
            if format {
                return self.fail("the end of printf is expected");
            }
            self.at = back;
        }
        if format {
            self.format_literal(self.at)?;
        }
        loop {
            self.expr(true)?;
            if !self.eat(",") {
                return if self.ends() {
                    Ok(())
                } else {
                    self.fail("print takes values only")
                };
            }
            self.newlines();
        }
    }

    /// A format must be a literal and its widths small: a width from data could fill memory.
    fn format_literal(&self, at: usize) -> R<()> {
        let Some((Tok::Str(s), _)) = self.toks.get(at) else {
            return self.fail("the format must be a literal string");
        };
        if !matches!(
            self.toks.get(at + 1),
            Some((Tok::Op("," | ")" | ";" | "}") | Tok::Newline | Tok::End, _))
        ) {
            return self.fail("the format must be one literal string");
        }
        let mut rest = s.as_str();
        while let Some(i) = rest.find('%') {
            rest = &rest[i + 1..];
            let spec: String = rest
                .chars()
                .take_while(|c| "-+ #0123456789.*$'".contains(*c))
                .collect();
            if spec.contains(['*', '$', '\''])
                || spec
                    .split(|c: char| !c.is_ascii_digit())
                    .any(|d| d.len() > 3)
            {
                return self.fail("a width of more than three digits, `*` or `$` in a format");
            }
            rest = &rest[spec.len()..];
            if rest.starts_with('%') {
                rest = &rest[1..];
            }
        }
        Ok(())
    }

    fn list(&mut self, no_gt: bool, close: &str) -> R<()> {
        if self.is(close) {
            return Ok(());
        }
        loop {
            self.expr(no_gt)?;
            if !self.eat(",") {
                return Ok(());
            }
            self.newlines();
        }
    }

    fn assign_to(&mut self, left: &Expr, how: &str, right: &Expr) -> R<()> {
        let name = match left {
            Expr::Var(v) => v,
            Expr::Element(v) => v,
            Expr::Field { small: true } => return Ok(()),
            _ => return self.fail("this cannot be assigned to"),
        };
        if READ_ONLY.contains(&name.as_str()) {
            return self.fail(&format!("`{name}` may only be read"));
        }
        if matches!(left, Expr::Var(_)) {
            if self.guarded.contains(name) {
                return self.fail(&format!("the loop needs `{name}` unchanged"));
            }
            let counts = how == "++"
                || (how == "=" && matches!(right, Expr::Effect { bounded: true }))
                || (how == "=" && matches!(right, Expr::Number(n) if *n <= 10_000));
            if !counts {
                self.loose.insert(name.clone());
            }
        } else if self.guarded.contains(name) && how != "++" {
            // Adding elements to the array one walks never ends in some awks.
            return self.fail(&format!("the loop walks `{name}`, which its body changes"));
        }
        Ok(())
    }

    /// Assignment or a conditional.
    fn expr(&mut self, no_gt: bool) -> R<Expr> {
        self.deeper()?;
        let left = self.ternary(no_gt)?;
        let out = match self.peek().clone() {
            Tok::Op(op @ ("=" | "+=" | "-=" | "*=" | "/=" | "%=")) => {
                self.at += 1;
                self.newlines();
                let from = self.at;
                let right = self.expr(no_gt)?;
                self.assign_to(&left, op, &right)?;
                if op == "=" {
                    self.text_into(&left, from)?;
                }
                Expr::Effect { bounded: false }
            }
            _ => left,
        };
        self.depth -= 1;
        Ok(out)
    }

    /// Notes what the value between token `from` and here puts into `target`.
    fn text_into(&mut self, target: &Expr, from: usize) -> R<()> {
        let value = self.toks.get(from..self.at).unwrap_or_default();
        match target {
            Expr::Var(name) if name == "FS" || name == "RS" => match value {
                // One character, or a pattern like any other.
                [(Tok::Str(s), _)] if s.len() <= 4 => Ok(()),
                [(Tok::Str(_), _)] => self.pattern(from, self.at),
                _ => self.fail(&format!("`{name}` must be one literal string")),
            },
            Expr::Var(name) | Expr::Element(name) => {
                let itself = self.flows.text(name, value).grows();
                if itself && self.long_loops > 0 {
                    return self.fail("a text that grows in a loop of many rounds");
                }
                Ok(())
            }
            Expr::Field { .. } => {
                // In a loop over the fields there must not be more and more of them.
                if self.loops > 0 {
                    return self.fail("a field is set in a loop");
                }
                let own = self.flows.text(FIELDS, value).factor();
                self.field_growth = self.field_growth.saturating_mul(own);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn ternary(&mut self, no_gt: bool) -> R<Expr> {
        let c = self.or(no_gt)?;
        if !self.eat("?") {
            return Ok(c);
        }
        self.newlines();
        self.expr(no_gt)?;
        self.need(":")?;
        self.newlines();
        self.expr(no_gt)?;
        Ok(Expr::Value)
    }

    fn or(&mut self, no_gt: bool) -> R<Expr> {
        let mut left = self.membership(no_gt)?;
        while self.is("||") || self.is("&&") {
            self.at += 1;
            self.newlines();
            self.membership(no_gt)?;
            left = Expr::Value;
        }
        Ok(left)
    }

    fn membership(&mut self, no_gt: bool) -> R<Expr> {
        let mut left = self.comparison(no_gt)?;
        while self.is_key("in") {
            self.at += 1;
            if !matches!(self.bump(), Tok::Name(_)) {
                return self.fail("an array is expected after `in`");
            }
            left = Expr::Value;
        }
        Ok(left)
    }

    fn comparison(&mut self, no_gt: bool) -> R<Expr> {
        let mut left = self.concat(no_gt)?;
        while let Tok::Op("<" | "<=" | "==" | "!=" | ">=" | ">" | "~" | "!~") = self.peek() {
            if no_gt && self.is(">") {
                return self.fail("`>` in print writes a file");
            }
            let matches = self.is("~") || self.is("!~");
            self.at += 1;
            let from = self.at;
            self.concat(no_gt)?;
            if matches {
                self.pattern(from, self.at)?;
            }
            left = Expr::Value;
        }
        Ok(left)
    }

    /// A pattern must be a literal, or come whole out of the data: put together it could be anything.
    fn pattern(&self, from: usize, to: usize) -> R<()> {
        match self.toks.get(from..to).unwrap_or_default() {
            [(Tok::Regex(_), _)] => Ok(()),
            [(Tok::Str(s), _)] => {
                let hidden = s
                    .as_bytes()
                    .windows(2)
                    .any(|w| w[0] == b'\\' && matches!(w[1], b'x' | b'u' | b'0'..=b'7'));
                if hidden {
                    return self.fail("a character by its number in a pattern");
                }
                super::check_repeats(s).map_err(|e| format!("awk: {e}"))
            }
            [(Tok::Op("$"), _), (Tok::Num(_) | Tok::Name(_), _)] => Ok(()),
            _ => self.fail("a pattern must be written out"),
        }
    }

    fn concat(&mut self, no_gt: bool) -> R<Expr> {
        let mut left = self.sum(no_gt)?;
        while matches!(
            self.peek(),
            Tok::Num(_) | Tok::Str(_) | Tok::Name(_) | Tok::Func(_)
        ) || self.is("$")
            || self.is("(")
        {
            self.sum(no_gt)?;
            left = Expr::Value;
        }
        Ok(left)
    }

    fn sum(&mut self, no_gt: bool) -> R<Expr> {
        let mut left = self.unary(no_gt)?;
        while let Tok::Op("+" | "-" | "*" | "/" | "%" | "^") = self.peek() {
            self.at += 1;
            self.unary(no_gt)?;
            left = Expr::Value;
        }
        Ok(left)
    }

    fn unary(&mut self, no_gt: bool) -> R<Expr> {
        if self.is("!") || self.is("-") || self.is("+") {
            self.at += 1;
            self.deeper()?;
            self.unary(no_gt)?;
            self.depth -= 1;
            return Ok(Expr::Value);
        }
        if self.is("++") || self.is("--") {
            let op = if self.is("++") { "++" } else { "--" };
            self.at += 1;
            let target = self.primary(no_gt)?;
            self.step(&target, op)?;
            return Ok(Expr::Effect { bounded: false });
        }
        let left = self.primary(no_gt)?;
        if self.is("++") || self.is("--") {
            let op = if self.is("++") { "++" } else { "--" };
            self.step(&left, op)?;
            self.at += 1;
            return Ok(Expr::Effect { bounded: false });
        }
        Ok(left)
    }

    fn step(&mut self, target: &Expr, op: &str) -> R<()> {
        match target {
            Expr::Var(_) | Expr::Element(_) => self.assign_to(&target.clone(), op, &Expr::Value),
            _ => self.fail("only variables and elements may be stepped"),
        }
    }

    fn primary(&mut self, no_gt: bool) -> R<Expr> {
        self.deeper()?;
        let out = match self.bump() {
            Tok::Num(n) => n.parse().map_or(Expr::Value, Expr::Number),
            Tok::Str(_) | Tok::Regex(_) => Expr::Value,
            Tok::Op("(") => {
                self.newlines();
                self.expr(false)?;
                self.need(")")?;
                Expr::Value
            }
            Tok::Op("$") => self.field(no_gt)?,
            Tok::Name(n) => {
                if self.is("(") {
                    return self.fail(&format!("`{n}` before `(` may call a function"));
                }
                if self.eat("[") {
                    let from = self.at;
                    self.list(no_gt, "]")?;
                    // Its indices are texts too.
                    let index = self.toks.get(from..self.at).unwrap_or_default();
                    self.flows.text(&n, index);
                    self.need("]")?;
                    if READ_ONLY.contains(&n.as_str()) || SETTABLE.contains(&n.as_str()) {
                        return self.fail("a special variable is not an array");
                    }
                    Expr::Element(n)
                } else {
                    Expr::Var(n)
                }
            }
            Tok::Func(f) => self.call(&f)?,
            _ => {
                self.at -= 1;
                return self.fail("a value is expected");
            }
        };
        self.depth -= 1;
        Ok(out)
    }

    fn field(&mut self, no_gt: bool) -> R<Expr> {
        let small = match self.peek() {
            Tok::Num(n) => n.parse::<u32>().is_ok_and(|n| n <= 1000),
            Tok::Name(n) => n == "NF",
            _ => false,
        };
        if self.is("++") || self.is("--") || self.is("-") || self.is("!") {
            return self.fail("a field number is expected");
        }
        // Some awk makes room for all fields up to it.
        if let Tok::Num(n) = self.peek()
            && n.parse::<u32>().map_or(true, |n| n > MOST_FIELDS)
        {
            return self.fail("no line has so many fields");
        }
        self.primary(no_gt)?;
        Ok(Expr::Field { small })
    }

    fn call(&mut self, f: &str) -> R<Expr> {
        if f == "length" && !self.is("(") {
            return Ok(Expr::Value);
        }
        self.need("(")?;
        if f == "sprintf" {
            self.format_literal(self.at)?;
        }
        let first = self.at;
        self.list(false, ")")?;
        self.need(")")?;
        let arguments = self.arguments(first, self.at - 1);
        match (f, arguments.as_slice()) {
            ("sub" | "gsub" | "gensub", [pattern, ..]) => self.pattern(pattern.0, pattern.1)?,
            ("match", [_, pattern, ..]) | ("split", [_, _, pattern, ..]) => {
                self.pattern(pattern.0, pattern.1)?;
            }
            _ => {}
        }
        if f == "gensub" {
            let by = self.replaced(&arguments, true)?;
            self.flows.longer |= by > 1;
            self.field_growth = self.field_growth.saturating_mul(by);
        }
        if f == "strftime"
            && let Some(format) = arguments.first()
        {
            match self.toks.get(format.0..format.1).unwrap_or_default() {
                [(Tok::Str(s), _)] => {
                    super::formats::check_widths(s).map_err(|e| format!("awk: strftime: {e}"))?
                }
                _ => return self.fail("the format must be one literal string"),
            }
        }
        if matches!(f, "sub" | "gsub") {
            self.replaces(f, &arguments)?;
        }
        if f == "split"
            && let [(text, text_end), (array, _), ..] = arguments.as_slice()
            && let Some((Tok::Name(name), _)) = self.toks.get(*array).cloned()
        {
            let text = self.toks.get(*text..*text_end).unwrap_or_default();
            self.flows.text(&name, text);
        }
        if matches!(f, "sub" | "gsub" | "split") {
            self.written_argument(f, first)?;
        }
        Ok(match f {
            "split" => Expr::Effect { bounded: true },
            "sub" | "gsub" | "match" => Expr::Effect { bounded: true },
            _ => Expr::Value,
        })
    }

    /// Where the arguments of a call stand, between its parentheses.
    fn arguments(&self, first: usize, end: usize) -> Vec<(usize, usize)> {
        let (mut depth, mut from, mut out) = (0usize, first, Vec::new());
        for at in first..end {
            match self.toks.get(at).map(|t| &t.0) {
                Some(Tok::Op("(" | "[")) => depth += 1,
                Some(Tok::Op(")" | "]")) => depth = depth.saturating_sub(1),
                Some(Tok::Op(",")) if depth == 0 => {
                    out.push((from, at));
                    from = at + 1;
                }
                _ => {}
            }
        }
        if first < end {
            out.push((from, end));
        }
        out
    }

    /// How many times longer a text may become by `sub(pattern, replacement)`.
    fn replaced(&self, arguments: &[(usize, usize)], all: bool) -> R<usize> {
        let [(from, to), (with, with_end), ..] = arguments else {
            return self.fail("a pattern and a replacement are expected");
        };
        let pattern = match self.toks.get(*from..*to) {
            Some([(Tok::Regex(text) | Tok::Str(text), _)]) => Some(text.as_str()),
            _ => None,
        };
        match self.toks.get(*with..*with_end) {
            Some([(Tok::Str(text), _)]) => Ok(super::formats::growth(pattern, text, all)),
            _ => self.fail("the replacement must be one literal string"),
        }
    }

    /// `sub` and `gsub` change their third argument, or `$0`.
    fn replaces(&mut self, f: &str, arguments: &[(usize, usize)]) -> R<()> {
        let by = self.replaced(arguments, f == "gsub")?;
        let target = arguments
            .get(2)
            .and_then(|(from, to)| self.toks.get(*from..*to));
        match target {
            Some([(Tok::Name(_), _)] | [(Tok::Name(_), _), (Tok::Op("["), _), ..]) => {
                if by > 1 {
                    return self.fail("a replacement that makes a variable longer each time");
                }
                if self.long_loops > 0 {
                    return self.fail("a text that grows in a loop of many rounds");
                }
            }
            // The field of a loop's own round, which there is already.
            Some([(Tok::Op("$"), _), (Tok::Name(n), _)])
                if self.loops == 1 && self.guarded.contains(n) && by <= MOST_GROWTH => {}
            _ if self.loops > 0 => return self.fail("fields are changed in a loop"),
            _ => self.field_growth = self.field_growth.saturating_mul(by),
        }
        Ok(())
    }

    /// sub, gsub and split write their last (or second) argument: it must be an ordinary name,
    /// and not one that a loop or awk itself depends on.
    fn written_argument(&mut self, f: &str, first: usize) -> R<()> {
        let taken = self.toks[first..self.at].iter().find_map(|(t, _)| match t {
            Tok::Name(n) if self.guarded.contains(n) && f == "split" => Some(n.clone()),
            _ => None,
        });
        if let Some(n) = taken {
            return self.fail(&format!("the loop needs `{n}` unchanged"));
        }
        // `gsub(/x/, "", i)` would set the loop variable itself.
        if f != "split"
            && self.at >= 3
            && let [(Tok::Op(","), _), (Tok::Name(n), _), (Tok::Op(")"), _)] =
                &self.toks[self.at - 3..self.at]
            && self.guarded.contains(n)
        {
            let n = n.clone();
            return self.fail(&format!("the loop needs `{n}` unchanged"));
        }
        let names: Vec<String> = self.toks[first..self.at]
            .iter()
            .filter_map(|(t, _)| match t {
                Tok::Name(n) if f != "split" => Some(n.clone()),
                _ => None,
            })
            .collect();
        for n in names {
            if self.guarded.contains(&n) && self.bounds.contains(&n) {
                return self.fail(&format!("the loop needs `{n}` unchanged"));
            }
            if !READ_ONLY.contains(&n.as_str()) {
                self.loose.insert(n);
            }
        }
        Ok(())
    }
}
