//! What a jq filter lets through of its input: whether only fields that hold no secret.
//!
//! `kubectl get pods -o json | jq -r '.items[].metadata.name'` shows names, though the objects hold passwords. Each
//! path is followed from the input on, through pipes and variables; what comes out at the end, and whatever is
//! compared, put together or put into a text, must be a field that may be shown. Errors of jq quote what they fail on,
//! so nothing else may be worked with either. It must stand beside [`super::jq`], which sees to it that a filter ends.

/// Where fields may be shown.
pub(super) struct Fields {
    /// Whether the value at a path of names may be shown.
    pub(super) open: fn(&[String]) -> bool,
    /// Whether a name leads to secrets wherever it stands.
    pub(super) closed: fn(&str) -> bool,
    /// Lists on the way to them. Of anything else, the elements may be fields that are closed by their names.
    pub(super) lists: fn(&str) -> bool,
}

/// What a part of a filter gives.
#[derive(Debug, Clone, PartialEq)]
enum Out {
    /// Nothing but what may be shown.
    Shown,
    /// What stands at this path of the input, and how many lists in each other it may be taken apart as: places in
    /// lists are no names of the path.
    At(Vec<String>, usize),
}

type R<T> = Option<T>;

struct Parser<'a> {
    b: &'a [u8],
    i: usize,
    depth: usize,
    vars: Vec<(String, Out)>,
    fields: &'a Fields,
}

/// Functions that give their input, or some of it, again.
const SAME: &[&str] = &["sort", "unique", "reverse"];
/// Those that do so by what their argument gives.
const SAME_BY: &[&str] = &["sort_by", "unique_by", "group_by", "min_by", "max_by"];
/// Functions that give a number, a truth value or nothing.
const SMALL: &[&str] = &[
    "length", "type", "not", "empty", "now", "true", "false", "null",
];
/// Functions of texts and numbers, with or without arguments.
const TEXT: &[&str] = &[
    "test",
    "startswith",
    "endswith",
    "contains",
    "inside",
    "ltrimstr",
    "rtrimstr",
    "split",
    "join",
    "tostring",
    "tonumber",
    "ascii_downcase",
    "ascii_upcase",
    "todate",
    "fromdate",
    "fromdateiso8601",
    "strftime",
    "floor",
    "round",
    "ceil",
    "add",
    "to_entries",
    "keys",
    "has",
    "any",
    "all",
    "min",
    "max",
    "sub",
    "gsub",
    "index",
    "tojson",
];

/// Whether all that a filter gives may be shown.
pub(super) fn shows_only(filter: &str, fields: &Fields) -> bool {
    let mut parser = Parser {
        b: filter.as_bytes(),
        i: 0,
        depth: 0,
        vars: Vec::new(),
        fields,
    };
    let out = parser.pipe(&Out::At(Vec::new(), 1), true);
    parser.blanks();
    out.and_then(|out| parser.show(&out)).is_some() && parser.i == parser.b.len()
}

impl Parser<'_> {
    fn at(&self, i: usize) -> u8 {
        self.b.get(i).copied().unwrap_or(0)
    }
    fn blanks(&mut self) {
        while matches!(self.at(self.i), b' ' | b'\t' | b'\n') {
            self.i += 1;
        }
    }
    fn eat(&mut self, text: &str) -> bool {
        self.blanks();
        let here = self.b.get(self.i..).unwrap_or_default();
        let yes = here.starts_with(text.as_bytes());
        self.i += if yes { text.len() } else { 0 };
        yes
    }
    fn word(&mut self) -> String {
        let start = self.i;
        while self.at(self.i).is_ascii_alphanumeric() || self.at(self.i) == b'_' {
            self.i += 1;
        }
        String::from_utf8_lossy(&self.b[start..self.i]).into_owned()
    }
    fn peeks(&self, word: &str) -> bool {
        let here = self.b.get(self.i..).unwrap_or_default();
        let behind = here.get(word.len()).copied().unwrap_or(b' ');
        here.starts_with(word.as_bytes()) && !(behind.is_ascii_alphanumeric() || behind == b'_')
    }
    fn keyword(&mut self, word: &str) -> bool {
        self.blanks();
        let yes = self.peeks(word);
        self.i += if yes { word.len() } else { 0 };
        yes
    }
    fn show(&self, out: &Out) -> R<()> {
        match out {
            Out::Shown => Some(()),
            Out::At(path, _) => (self.fields.open)(path).then_some(()),
        }
    }
    fn step(&self, from: &Out, name: String) -> R<Out> {
        match from {
            Out::Shown => Some(Out::Shown),
            Out::At(..) if (self.fields.closed)(&name) => None,
            Out::At(path, _) => {
                let mut path = path.clone();
                path.push(name);
                Some(Out::At(path, 1))
            }
        }
    }
    /// An element of a list.
    fn element(&self, of: &Out) -> R<Out> {
        match of {
            Out::Shown => Some(Out::Shown),
            Out::At(path, _) if (self.fields.open)(path) => Some(Out::Shown),
            Out::At(path, lists)
                if *lists > 0 && path.last().is_none_or(|name| (self.fields.lists)(name)) =>
            {
                Some(Out::At(path.clone(), lists - 1))
            }
            Out::At(..) => None,
        }
    }
    /// A list of it.
    fn list(out: Out) -> Out {
        match out {
            Out::At(path, lists) => Out::At(path, lists + 1),
            Out::Shown => Out::Shown,
        }
    }

    /// `a | b | c`, with `as $x`; with `commas`, several side by side.
    fn pipe(&mut self, input: &Out, commas: bool) -> R<Out> {
        self.depth += 1;
        if self.depth > 30 {
            return None;
        }
        let mut here = input.clone();
        let known = self.vars.len();
        loop {
            let mut out = self.compared(&here)?;
            if self.keyword("as") {
                if !self.eat("$") {
                    return None;
                }
                let name = self.word();
                self.vars.push((name, out));
                if !self.eat("|") {
                    return None;
                }
                continue;
            }
            while commas && self.eat(",") {
                let next = self.compared(&here)?;
                self.show(&out)?;
                self.show(&next)?;
                out = Out::Shown;
            }
            self.blanks();
            if self.at(self.i) != b'|' {
                self.depth -= 1;
                self.vars.truncate(known);
                return Some(out);
            }
            self.i += 1;
            here = out;
        }
    }

    /// Terms with operators between them: all of them are looked at.
    fn compared(&mut self, input: &Out) -> R<Out> {
        let mut out = self.term(input)?;
        loop {
            self.blanks();
            let symbol = [
                "==", "!=", "<=", ">=", "//", "<", ">", "+", "-", "*", "/", "%",
            ]
            .iter()
            .any(|op| self.eat(op));
            if !symbol && !self.keyword("and") && !self.keyword("or") {
                return Some(out);
            }
            self.show(&out)?;
            let right = self.term(input)?;
            self.show(&right)?;
            out = Out::Shown;
        }
    }

    /// One term and what is taken of it: `.a`, `(…)[0]`, `$x.b[]?`.
    fn term(&mut self, input: &Out) -> R<Out> {
        self.blanks();
        let mut out = match self.at(self.i) {
            b'.' if self.at(self.i + 1) == b'.' => return None,
            b'.' => {
                if self.at(self.i + 1).is_ascii_alphabetic()
                    || matches!(self.at(self.i + 1), b'_' | b'"')
                {
                    input.clone()
                } else {
                    self.i += 1;
                    input.clone()
                }
            }
            b'(' => {
                self.i += 1;
                let out = self.pipe(input, true)?;
                self.eat(")").then_some(out)?
            }
            b'[' => {
                self.i += 1;
                if self.eat("]") {
                    Out::Shown
                } else {
                    let out = self.pipe(input, true)?;
                    self.eat("]").then_some(Self::list(out))?
                }
            }
            b'{' => self.object(input)?,
            b'"' => self.text(input).map(|_| Out::Shown)?,
            b'0'..=b'9' => {
                self.word();
                Out::Shown
            }
            b'$' => self.variable()?,
            b'@' => {
                self.i += 1;
                let name = self.word();
                self.show(input)?;
                matches!(
                    name.as_str(),
                    "tsv" | "csv" | "text" | "json" | "html" | "uri" | "sh"
                )
                .then_some(Out::Shown)?
            }
            _ => self.call(input)?,
        };
        loop {
            match self.at(self.i) {
                b'.' if self.at(self.i + 1).is_ascii_alphabetic()
                    || self.at(self.i + 1) == b'_' =>
                {
                    self.i += 1;
                    let name = self.word();
                    out = self.step(&out, name)?;
                }
                b'.' if self.at(self.i + 1) == b'"' => {
                    self.i += 1;
                    let name = self.text(input)??;
                    out = self.step(&out, name)?;
                }
                b'.' if self.at(self.i + 1) == b'[' => self.i += 1,
                b'[' => {
                    self.i += 1;
                    self.blanks();
                    if self.at(self.i) == b'"' {
                        let name = self.text(input)??;
                        out = self.step(&out, name)?;
                    } else {
                        let start = self.i;
                        while matches!(self.at(self.i), b'0'..=b'9' | b'-' | b':') {
                            self.i += 1;
                        }
                        let part = self.b[start..self.i].contains(&b':');
                        // A part of a text is a text, which errors quote in full once it is short.
                        let element = self.element(&out)?;
                        out = if part { out } else { element };
                    }
                    if !self.eat("]") {
                        return None;
                    }
                }
                b'?' => self.i += 1,
                _ => return Some(out),
            }
        }
    }

    /// `$name`, as it was set last.
    fn variable(&mut self) -> R<Out> {
        self.i += 1;
        let name = self.word();
        let known = self.vars.iter().rev().find(|(n, _)| *n == name);
        known.map(|(_, out)| out.clone())
    }

    /// A text from its quote on; what stands in it of the input may be shown. Its letters, where it is plain.
    fn text(&mut self, input: &Out) -> R<Option<String>> {
        self.i += 1;
        let mut plain = Some(String::new());
        loop {
            match self.at(self.i) {
                0 => return None,
                b'"' => {
                    self.i += 1;
                    return Some(plain);
                }
                b'\\' if self.at(self.i + 1) == b'(' => {
                    self.i += 2;
                    let out = self.pipe(input, true)?;
                    self.show(&out)?;
                    if !self.eat(")") {
                        return None;
                    }
                    plain = None;
                }
                b'\\' => {
                    self.i += 2;
                    plain = None;
                }
                c => {
                    self.i += 1;
                    if let Some(text) = &mut plain {
                        text.push(char::from(c));
                    }
                }
            }
        }
    }

    /// `{name, phase: .status.phase, $x}`.
    fn object(&mut self, input: &Out) -> R<Out> {
        self.i += 1;
        loop {
            if self.eat("}") {
                return Some(Out::Shown);
            }
            self.blanks();
            let short = match self.at(self.i) {
                b'$' => self.variable()?,
                b'"' => {
                    let name = self.text(input)??;
                    self.step(input, name).unwrap_or(Out::At(Vec::new(), 1))
                }
                _ => {
                    let name = self.word();
                    if name.is_empty() {
                        return None;
                    }
                    self.step(input, name).unwrap_or(Out::At(Vec::new(), 1))
                }
            };
            if self.eat(":") {
                let out = self.pipe(input, false)?;
                self.show(&out)?;
            } else {
                self.show(&short)?;
            }
            self.blanks();
            if !self.eat(",") && self.at(self.i) != b'}' {
                return None;
            }
        }
    }

    /// `select(…)`, `length`, `if … then … else … end`.
    fn call(&mut self, input: &Out) -> R<Out> {
        let name = self.word();
        if name == "if" {
            return self.condition(input);
        }
        let name = name.as_str();
        let argued = self.at(self.i) == b'(';
        if !argued {
            return match name {
                "first" | "last" => self.element(input),
                "values" => Some(input.clone()),
                // Of a text, they quote it in their errors.
                "any" | "all" => self.element(input).map(|_| Out::Shown),
                _ if SAME.contains(&name) => self.element(input).map(|_| input.clone()),
                _ if SMALL.contains(&name) => Some(Out::Shown),
                _ if TEXT.contains(&name) => self.show(input).map(|()| Out::Shown),
                _ => None,
            };
        }
        self.i += 1;
        // Those that go through a list.
        let inner = if name == "map" || SAME_BY.contains(&name) {
            self.element(input)?
        } else {
            input.clone()
        };
        if matches!(name, "any" | "all") && inner != Out::Shown {
            return self.asked_of_each(&inner);
        }
        let mut last;
        let mut shown = true;
        loop {
            last = self.pipe(&inner, true)?;
            shown &= self.show(&last).is_some();
            if !self.eat(";") {
                break;
            }
        }
        if !self.eat(")") {
            return None;
        }
        match name {
            // Whether something is there is no secret; what is asked of it was looked at.
            "select" => Some(input.clone()),
            "map" => Some(Self::list(last)),
            "first" | "last" => Some(last),
            // What is grouped are lists of lists.
            "group_by" if shown => self.element(input).map(Self::list).map(Self::list),
            _ if SAME_BY.contains(&name) && shown => Some(input.clone()),
            _ if TEXT.contains(&name) && shown => self.show(input).map(|()| Out::Shown),
            _ => None,
        }
    }

    /// `any(.status.containerStatuses[]?; .restartCount > 5)`, from behind its `(`: each of what the first gives is
    /// asked the second, which must be what may be shown.
    fn asked_of_each(&mut self, input: &Out) -> R<Out> {
        let each = self.pipe(input, true)?;
        if self.eat(";") {
            let answer = self.pipe(&each, true)?;
            self.show(&answer)?;
        } else {
            self.show(input)?;
            self.show(&each)?;
        }
        self.eat(")").then_some(Out::Shown)
    }

    fn condition(&mut self, input: &Out) -> R<Out> {
        loop {
            self.pipe(input, true)?;
            self.keyword("then").then_some(())?;
            let then = self.pipe(input, true)?;
            self.show(&then)?;
            if self.keyword("elif") {
                continue;
            }
            if self.keyword("else") {
                let other = self.pipe(input, true)?;
                self.show(&other)?;
            } else {
                // Without it, the input is given.
                self.show(input)?;
            }
            return self.keyword("end").then_some(Out::Shown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, shows_only};

    const FIELDS: Fields = Fields {
        open: |p| {
            let p: Vec<&str> = p.iter().map(String::as_str).collect();
            matches!(
                p.as_slice(),
                ["items", "metadata", "name" | "namespace"] | ["items", "status", ..]
            ) || matches!(p.as_slice(), ["items", "spec", "replicas"])
        },
        closed: |n| n == "env" || n == "annotations",
        lists: |n| n == "items" || n == "containers",
    };

    #[test]
    fn fields_that_may_be_shown_come_out() {
        for good in [
            ".items[].metadata.name",
            ".items | length",
            ".items[] | select((.status.readyReplicas // 0) < .spec.replicas) | \"\\(.metadata.namespace)/\\(.metadata.name)\"",
            ".items[] | .metadata.namespace as $ns | .metadata.name as $p | .status.containerStatuses[]? | select(.lastState.terminated.reason==\"OOMKilled\") | \"\\($ns)/\\($p) \\(.name)\"",
            ".items[] | [.metadata.name, .status.phase] | @tsv",
            ".items[]|{name: .metadata.name, phase: .status.phase}",
            "[.items[] | select(.status.phase != \"Running\")] | length",
            ".items | sort_by(.status.startTime) | .[] | .metadata.name",
            "[.items[].status.phase] | group_by(.) | map({phase: .[0], n: length})",
            ".items[] | if .status.phase == \"Running\" then .metadata.name else empty end",
            ".items[] | .metadata | .name",
            ".items[0].status",
            ".items | group_by(.status.phase) | map({phase: .[0].status.phase, n: length})",
            "[.items[] | select(.status)] | .[] | .metadata.name",
            ".items | first | .metadata.name",
            ".items | map(select(.status.ready)) | .[].metadata.name",
            ".items[] | select(any(.status.containerStatuses[]?; .restartCount > 5)) | .metadata.name",
            ".items[] | select(.metadata.name | test(\"^web\")) | .metadata.name + \" \" + .status.phase",
        ] {
            assert!(shows_only(good, &FIELDS), "{good}");
        }
    }

    #[test]
    fn no_object_and_no_secret_comes_out_or_is_worked_with() {
        for bad in [
            ".",
            "..",
            ".items",
            ".items[]",
            ".items[0]",
            ".items[] | select(.status.phase == \"Running\")",
            ".items[].spec",
            ".items[].spec.containers[].env",
            ".items[] | .spec.containers[] | {env}",
            ".items[] | .spec.containers[] | {\"env\"}",
            ".items[] | {a: .spec}",
            ".items[] | {metadata}",
            ".items[] as $x | $x",
            ".items[] as $x | $x.spec | .x",
            ".items[] | tostring",
            ".items[] | \"\\(.)\"",
            ".items[] | \"\\(.spec)\"",
            ".items[] | [.]",
            ".items[] | to_entries[] | .value",
            ".items[] | .[\"spec\"]",
            ".items[] | .[\"sp\" + \"ec\"]",
            ".items[] | .[\"\\u0073pec\"]",
            ".items[] | .\"spec\"",
            ".items[] | .metadata.annotations",
            ".items[] | select(.spec.containers[0] < {\"env\": [1]}) | .metadata.name",
            ".items[] | select(.spec == 1) | .metadata.name",
            ".items[] | .spec + 1",
            ".items[] | if .status then . else empty end",
            ".items[] | if .status then .metadata.name end",
            ".items[] | first(.spec)",
            ".items | map(select(.status))",
            ".items | sort_by(.spec)[0].metadata.name",
            ".items[].spec.containers[][]",
            ".items[][]?.name",
            ".items[].metadata[].name",
            ".items[].metadata[0].name",
            ".items[].metadata | map(.name)",
            ".items[].metadata | first | .name",
            ".items[].metadata | .[] | .name",
            ".items[0] | map(.name)",
            ".spec as $a | (.items[0].metadata.name as $a | 1) | $a",
            ".items[] | (.metadata.name as $a | 1), $a",
            "env",
            "$ENV",
            "input",
            ".items[] | getpath([\"spec\"])",
            ".items[] | error",
            ".items[] | @json",
            ".items[] | keys",
            ".items[].metadata.name, .items[].spec",
            ".items[] | .metadata.name |",
            ".items[] | (.spec | .a) , .metadata.name",
            "reduce .items[] as $x (0; $x)",
            "def f: .; f",
            ".items[] | .metadata.name as [$a] | $a",
            "try error(.items[]) catch .",
            ".items[] | has(\"x\")",
            "limit(1; .items[])",
            ".items[] | debug",
            ".items[] | .status |= 1",
            ".items[-1:]",
            ".items[] | select(any(.spec.containers[]; .env)) | .metadata.name",
            ".items[] | select(any(.spec.containers[]; .x == 1)) | .metadata.name",
            ".items[] | select(any(.spec.containers[].env[]; .name)) | .metadata.name",
            ".items[] | any(.spec; .)",
            ".items[] | select(any(.spec.containers[]; 1; 2)) | .metadata.name",
            ".items | any(.spec == 1)",
        ] {
            assert!(!shows_only(bad, &FIELDS), "{bad}");
        }
    }
}
