//! JavaScript for MongoDB's shells that asks the server of its own state: `rs.status().members.map(m => m.stateStr)`.
//!
//! What is called are the server's own questions, one by one, and a few functions of lists and texts; of what comes,
//! fields are picked, compared and put together. There is no assignment but of a name to an answer, no loop and no
//! function but `x => …`, so it ends. Must never call a name that no list has, nor read a collection's documents.

/// Questions without an argument that matters, as they are written without blanks.
const ASKED: &[&str] = &[
    "rs.status()",
    "rs.conf()",
    "rs.config()",
    "rs.hello()",
    "rs.isMaster()",
    "rs.printReplicationInfo()",
    "rs.printSecondaryReplicationInfo()",
    "rs.printSlaveReplicationInfo()",
    "sh.status()",
    "sh.getBalancerState()",
    "sh.isBalancerRunning()",
];
/// Of a database: `db` or `db.getSiblingDB('admin')`.
const OF_DATABASE: &[&str] = &[
    "serverStatus()",
    "stats()",
    "version()",
    "hello()",
    "isMaster()",
    "hostInfo()",
    "serverBuildInfo()",
    "printReplicationInfo()",
    "printSecondaryReplicationInfo()",
    "getReplicationInfo()",
    "getName()",
    "getCollectionNames()",
    "getProfilingStatus()",
    "getMongo().getDBNames()",
];
/// Of a collection: its sizes, and how many documents it has.
const OF_COLLECTION: &[&str] = &[
    "stats()",
    "estimatedDocumentCount()",
    "count()",
    "getIndexes()",
    "totalSize()",
    "dataSize()",
    "storageSize()",
    "totalIndexSize()",
    "isCapped()",
];
/// Commands of a database that tell of the server.
const COMMANDS: &[&str] = &[
    "ping",
    "listDatabases",
    "serverStatus",
    "replSetGetStatus",
    "hello",
    "isMaster",
    "buildInfo",
    "hostInfo",
    "dbStats",
    "connPoolStats",
    "balancerStatus",
];
/// Functions that show or lay out what they are given.
const SHOWS: &[&str] = &[
    "print",
    "printjson",
    "JSON.stringify",
    "EJSON.stringify",
    "Math.round",
    "tojson",
];
/// Functions of lists, with `x => …`.
const EACH: &[&str] = &["map", "filter", "forEach", "find", "some", "every"];
/// Functions of what comes, with texts and numbers.
const OF_VALUE: &[&str] = &[
    "join",
    "slice",
    "toString",
    "toFixed",
    "toISOString",
    "keys",
    "padEnd",
    "padStart",
];

/// Most uses of the text's own names.
const MOST_USES: usize = 12;
/// Most that functions of lists may make of one element: `.map(x => [x, x]).map(x => [x, x])` makes four.
const MOST_GROWTH: usize = 1000;
/// Most values that a text may write.
const MOST_VALUES: usize = 200;

type R = Result<(), String>;

/// Checks a text for `mongosh --eval`.
///
/// # Errors
/// Where it holds what is not accepted.
pub fn check(text: &str) -> R {
    if matches!(
        text.trim(),
        "show dbs" | "show databases" | "show collections" | "show tables"
    ) {
        return Ok(());
    }
    let mut p = Parser {
        b: text.as_bytes(),
        i: 0,
        depth: 0,
        names: Vec::new(),
        uses: 0,
        lists: 0,
        values: 0,
        said: 0,
        outer: 0,
        growth: 1,
        around: 0,
    };
    for _ in 0..6 {
        p.statement()?;
        if !p.eat(";") {
            break;
        }
        p.blanks();
        if p.i == p.b.len() {
            break;
        }
    }
    p.blanks();
    if p.i == p.b.len() { Ok(()) } else { p.fault() }
}

struct Parser<'a> {
    b: &'a [u8],
    i: usize,
    depth: usize,
    /// Names that the text itself has given.
    names: Vec<String>,
    /// How often they were said.
    uses: usize,
    /// How many functions of lists stand around.
    lists: usize,
    /// How many values were read.
    values: usize,
    /// How often names were said in functions of lists, and how often one of the function around.
    said: usize,
    outer: usize,
    /// What an element of a list may have become.
    growth: usize,
    /// How many functions of lists say a name of the function around them: each makes a list of a list's length of it.
    around: usize,
}

impl Parser<'_> {
    fn fault(&self) -> R {
        Err(format!(
            "mongo: what stands at {} is not accepted; ask for rs.status(), db.serverStatus() and the like, and pick fields",
            self.i
        ))
    }
    fn at(&self, i: usize) -> u8 {
        self.b.get(i).copied().unwrap_or(0)
    }
    fn blanks(&mut self) {
        while matches!(self.at(self.i), b' ' | b'\t' | b'\n') {
            self.i += 1;
        }
    }
    fn rest(&self) -> &[u8] {
        self.b.get(self.i..).unwrap_or_default()
    }
    fn eat(&mut self, text: &str) -> bool {
        self.blanks();
        let yes = self.rest().starts_with(text.as_bytes());
        self.i += if yes { text.len() } else { 0 };
        yes
    }
    fn need(&mut self, text: &str) -> R {
        if self.eat(text) { Ok(()) } else { self.fault() }
    }
    fn name(&mut self) -> Option<String> {
        let start = self.i;
        while self.at(self.i).is_ascii_alphanumeric() || self.at(self.i) == b'_' {
            self.i += 1;
        }
        let name = String::from_utf8_lossy(self.b.get(start..self.i)?).into_owned();
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let own = !name.starts_with("__") && name != "constructor" && name != "prototype";
        (plain && own).then_some(name)
    }

    /// `const s = rs.status()`, or what is shown.
    fn statement(&mut self) -> R {
        for word in ["const ", "let ", "var "] {
            if self.eat(word) {
                self.blanks();
                let Some(name) = self.name() else {
                    return self.fault();
                };
                // A name that means something already would not be what it is here.
                let known = [
                    "db",
                    "rs",
                    "sh",
                    "print",
                    "printjson",
                    "JSON",
                    "EJSON",
                    "Math",
                    "tojson",
                ];
                if known.contains(&name.as_str()) {
                    return self.fault();
                }
                self.need("=")?;
                self.value()?;
                self.names.push(name);
                return Ok(());
            }
        }
        self.value()
    }

    /// Terms with operators between them; perhaps `a ? b : c`.
    fn value(&mut self) -> R {
        self.depth += 1;
        self.values += 1;
        if self.depth > 16 || self.values > MOST_VALUES {
            return self.fault();
        }
        self.term()?;
        loop {
            self.blanks();
            let operators = [
                "===", "!==", "==", "!=", "<=", ">=", "&&", "||", "??", "<", ">", "+", "-", "*",
                "/", "%",
            ];
            // `x++` and `x += 1` change something.
            let changes = [
                &b"++"[..],
                b"--",
                b"+=",
                b"-=",
                b"*=",
                b"/=",
                b"%=",
                b"=>",
                b"//",
                b"/*",
                b"**",
            ];
            if changes.iter().any(|c| self.rest().starts_with(c)) {
                return self.fault();
            }
            if operators.iter().any(|o| self.eat(o)) {
                self.term()?;
            } else if self.rest().starts_with(b"?") && !self.rest().starts_with(b"?.") {
                self.i += 1;
                self.value()?;
                self.need(":")?;
                self.value()?;
            } else {
                self.depth -= 1;
                return Ok(());
            }
        }
    }

    /// One term, and what is picked of it.
    fn term(&mut self) -> R {
        self.blanks();
        // Not one call inside the other: a line of them would overflow the stack.
        while self.at(self.i) == b'!' {
            self.i += 1;
            self.blanks();
        }
        match self.at(self.i) {
            b'"' | b'\'' => self.text()?,
            b'`' => self.template()?,
            b'0'..=b'9' => {
                while self.at(self.i).is_ascii_digit() || self.at(self.i) == b'.' {
                    self.i += 1;
                }
            }
            b'[' => {
                self.i += 1;
                self.values("]")?;
            }
            b'(' => {
                self.i += 1;
                if self.eat("{") {
                    self.fields()?;
                } else {
                    self.value()?;
                }
                self.need(")")?;
            }
            _ => self.asked()?,
        }
        self.steps()
    }

    /// Values with commas, to their end.
    fn values(&mut self, end: &str) -> R {
        if self.eat(end) {
            return Ok(());
        }
        loop {
            if self.eat("...") {
                return self.fault();
            }
            self.value()?;
            if self.eat(end) {
                return Ok(());
            }
            self.need(",")?;
        }
    }

    /// `name: m.name, m`, behind its brace.
    fn fields(&mut self) -> R {
        loop {
            self.blanks();
            if matches!(self.at(self.i), b'"' | b'\'') {
                self.text()?;
            } else if self.name().is_none() {
                return self.fault();
            }
            self.need(":")?;
            self.value()?;
            if self.eat("}") {
                return Ok(());
            }
            self.need(",")?;
        }
    }

    fn text(&mut self) -> R {
        let quote = self.at(self.i);
        self.i += 1;
        loop {
            match self.at(self.i) {
                0 | b'\n' => return self.fault(),
                b'\\' if matches!(self.at(self.i + 1), b'n' | b't') => self.i += 2,
                b'\\' => return self.fault(),
                c => {
                    self.i += 1;
                    if c == quote {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// `` `${m.name} ${m.stateStr}` ``.
    fn template(&mut self) -> R {
        self.i += 1;
        loop {
            match self.at(self.i) {
                0 | b'\\' => return self.fault(),
                b'`' => {
                    self.i += 1;
                    return Ok(());
                }
                b'$' if self.at(self.i + 1) == b'{' => {
                    self.i += 2;
                    self.value()?;
                    self.need("}")?;
                }
                _ => self.i += 1,
            }
        }
    }

    /// A question to the server, a name that the text gave, or a function that shows.
    fn asked(&mut self) -> R {
        if let Some(shows) = SHOWS.iter().find(|f| self.calls(f)) {
            self.i += shows.len();
            self.need("(")?;
            return self.values(")");
        }
        // Asked once, and not for each of a list.
        if self.lists == 0
            && let Some(asked) = ASKED.iter().find(|a| self.rest().starts_with(a.as_bytes()))
        {
            self.i += asked.len();
            return Ok(());
        }
        let start = self.i;
        match self.name().as_deref() {
            Some("db") if self.lists == 0 => self.database(),
            Some("null" | "true" | "false" | "undefined") => Ok(()),
            // Each use may hold all that the name before it held: a few of a few are still little.
            Some(name) if self.names.iter().any(|n| n == name) && self.uses < MOST_USES => {
                self.uses += usize::from(self.lists == 0);
                self.said += usize::from(self.lists > 0);
                self.outer += usize::from(self.names.last().is_some_and(|own| own != name));
                Ok(())
            }
            _ => {
                self.i = start;
                self.fault()
            }
        }
    }

    /// Whether a function's name stands here, with its bracket.
    fn calls(&self, name: &str) -> bool {
        let rest = self.rest();
        rest.starts_with(name.as_bytes()) && rest.get(name.len()) == Some(&b'(')
    }

    /// Behind `db`.
    fn database(&mut self) -> R {
        self.need(".")?;
        if self.calls("getSiblingDB") {
            self.i += "getSiblingDB(".len();
            self.quoted_name()?;
            self.need(")")?;
            self.need(".")?;
        }
        if let Some(asked) = OF_DATABASE
            .iter()
            .find(|a| self.rest().starts_with(a.as_bytes()))
        {
            self.i += asked.len();
            return Ok(());
        }
        if self.calls("adminCommand") || self.calls("runCommand") {
            self.name();
            self.i += 1;
            self.command()?;
            return self.need(")");
        }
        // A collection: by its name, or in quotes.
        if self.calls("getCollection") {
            self.i += "getCollection(".len();
            self.quoted_name()?;
            self.need(")")?;
        } else if self.name().is_none() {
            return self.fault();
        }
        self.need(".")?;
        match OF_COLLECTION
            .iter()
            .find(|a| self.rest().starts_with(a.as_bytes()))
        {
            Some(asked) => {
                self.i += asked.len();
                Ok(())
            }
            None => self.fault(),
        }
    }

    /// `'ping'`, `{ping: 1}`, `{listDatabases: 1, nameOnly: true}`.
    fn command(&mut self) -> R {
        self.blanks();
        if matches!(self.at(self.i), b'"' | b'\'') {
            let start = self.i + 1;
            self.text()?;
            let name = self.b.get(start..self.i - 1).unwrap_or_default();
            return if COMMANDS.iter().any(|c| c.as_bytes() == name) {
                Ok(())
            } else {
                self.fault()
            };
        }
        self.need("{")?;
        self.blanks();
        match self.name() {
            Some(name) if COMMANDS.contains(&name.as_str()) => {}
            _ => return self.fault(),
        }
        self.need(":")?;
        if !self.eat("1") && !self.eat("true") {
            return self.fault();
        }
        if self.eat(",") {
            self.need("nameOnly")?;
            self.need(":")?;
            if !self.eat("true") && !self.eat("1") {
                return self.fault();
            }
        }
        self.need("}")
    }

    /// A plain name in quotes.
    fn quoted_name(&mut self) -> R {
        self.blanks();
        let start = self.i + 1;
        if !matches!(self.at(self.i), b'"' | b'\'') {
            return self.fault();
        }
        self.text()?;
        let name = self.b.get(start..self.i - 1).unwrap_or_default();
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_.-".contains(b);
        if !name.is_empty() && name.iter().all(plain) {
            Ok(())
        } else {
            self.fault()
        }
    }

    /// `.members`, `?.x`, `[0]`, `['a']`, `.map(m => …)`, `.join(' ')`.
    fn steps(&mut self) -> R {
        loop {
            self.blanks();
            if self.eat("?.") || self.eat(".") {
                let Some(name) = self.name() else {
                    return self.fault();
                };
                if self.at(self.i) != b'(' {
                    continue;
                }
                self.i += 1;
                if EACH.contains(&name.as_str()) {
                    self.each()?;
                } else if OF_VALUE.contains(&name.as_str()) {
                    self.plain_arguments()?;
                } else {
                    return self.fault();
                }
            } else if self.eat("[") {
                self.blanks();
                if matches!(self.at(self.i), b'"' | b'\'') {
                    self.quoted_name()?;
                } else {
                    let start = self.i;
                    while self.at(self.i).is_ascii_digit() {
                        self.i += 1;
                    }
                    if self.i == start {
                        return self.fault();
                    }
                }
                self.need("]")?;
            } else {
                return Ok(());
            }
        }
    }

    /// Texts and numbers, behind a bracket.
    fn plain_arguments(&mut self) -> R {
        loop {
            self.blanks();
            match self.at(self.i) {
                b')' => {
                    self.i += 1;
                    return Ok(());
                }
                b'"' | b'\'' => self.text()?,
                b'0'..=b'9' | b'-' => {
                    let start = self.i;
                    self.i += 1;
                    while self.at(self.i).is_ascii_digit() {
                        self.i += 1;
                    }
                    // `padEnd(999999999)` fills memory.
                    if self.i - start > 3 {
                        return self.fault();
                    }
                }
                _ => return self.fault(),
            }
            self.blanks();
            if self.at(self.i) != b')' {
                self.need(",")?;
            }
        }
    }

    /// `m => value)`, behind its bracket.
    fn each(&mut self) -> R {
        let bracket = self.eat("(");
        self.blanks();
        let Some(name) = self.name() else {
            return self.fault();
        };
        if ["db", "rs", "sh"].contains(&name.as_str()) || bracket && !self.eat(")") {
            return self.fault();
        }
        self.need("=>")?;
        // Of what the text named before, each element would bring all again.
        let before = match self.lists {
            0 => std::mem::take(&mut self.names),
            1 => self.names.clone(),
            _ => return self.fault(),
        };
        let (said, outer) = (self.said, self.outer);
        self.lists += 1;
        self.names.push(name);
        self.value()?;
        self.lists -= 1;
        self.names = before;
        // One function's list is the next one's: what they make of an element multiplies.
        self.growth = self.growth.saturating_mul((self.said - said).max(1));
        self.around += usize::from(self.lists == 1 && self.outer > outer);
        if self.growth > MOST_GROWTH || self.around > 1 {
            return self.fault();
        }
        self.need(")")
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_line_of_one_sign_is_refused_and_overflows_no_stack() {
        for sign in ["!", "(", "[", "rs.status().map(x=>", "`${", "! "] {
            assert!(check(&sign.repeat(60_000 / sign.len())).is_err(), "{sign}");
        }
        assert!(check("!!rs.status().ok").is_ok());
    }

    #[test]
    fn questions_to_the_server_are_accepted() {
        for text in [
            "rs.status()",
            "rs.status().members.forEach(m => print(m.name, m.stateStr, m.health))",
            "rs.status().members.map(m => [m.name, m.stateStr, m.optimeDate].join(\" \")).join(\"\\n\")",
            "rs.printSecondaryReplicationInfo()",
            "JSON.stringify(db.serverStatus().connections)",
            "JSON.stringify(rs.status().members.map(m => ({name: m.name, state: m.stateStr})), null, 2)",
            "db.stats()",
            "db.serverStatus().connections",
            "printjson(db.serverStatus().mem)",
            "db.version()",
            "db.adminCommand({ping: 1})",
            "db.adminCommand('ping').ok",
            "db.runCommand({ ping: 1 })",
            "db.adminCommand({listDatabases: 1, nameOnly: true}).databases.map(d => d.name)",
            "db.getSiblingDB('shop').stats().dataSize / 1024 / 1024",
            "db.getSiblingDB(\"shop\").orders.estimatedDocumentCount()",
            "db.orders.stats().storageSize",
            "db.getCollection('a-b').getIndexes()",
            "show dbs",
            "const s = rs.status(); s.members.filter(m => m.state === 1).map(m => m.name)[0]",
            "rs.status().members.map(m => `${m.name} ${m.stateStr}`).join('\\n')",
            "db.serverStatus().opcounters.insert > 10 ? 'busy' : 'idle'",
            "print(db.hello().isWritablePrimary);",
            "db.serverStatus().wiredTiger.cache['bytes-in-cache']",
            "rs.conf().members.map(m => ({id: m._id, host: m.host, p: m.priority, v: m.votes, h: m.hidden})).forEach(x => print(JSON.stringify(x)))",
            "rs.status().members.forEach(m => m.tags.forEach(t => print(m.name, m.stateStr, t)))",
        ] {
            assert!(check(text).is_ok(), "{text}: {:?}", check(text));
        }
    }

    #[test]
    fn lists_do_not_multiply() {
        let list = |of: &str, n: usize| format!("[{}]", vec![of; n].join(","));
        let (ones, xs, inner) = (list("1", 40), list("x", 20), ".map(x=>x.map(y=>x))");
        assert!(check(&format!("{ones}.map(x=>{xs})")).is_ok());
        assert!(check(&format!("{ones}.map(x=>{xs}).map(x=>{xs}).map(x=>{xs})")).is_err());
        assert!(
            check(&format!(
                "const a = {ones}.map(x=>{xs}).map(x=>{xs}); a.map(x=>[x,x,x])"
            ))
            .is_err()
        );
        assert!(check(&format!("[{ones}]{inner}")).is_ok());
        assert!(check(&format!("[{ones}]{inner}{inner}")).is_err());
        assert!(check(&list("1", 1000)).is_err());
    }

    #[test]
    fn nothing_else_is_called_and_no_document_is_read() {
        for text in [
            "",
            "x",
            "db",
            "db.orders",
            "db.orders.find()",
            "db.orders.findOne()",
            "db.orders.find({}).toArray()",
            "db.orders.drop()",
            "db.dropDatabase()",
            "db.orders.deleteMany({})",
            "db.orders.stats().drop()",
            "db.orders.aggregate([])",
            "db.orders.count({a: 1})",
            "db.orders.createIndex({a: 1})",
            "db.currentOp()",
            "db.getUsers()",
            "db.adminCommand({shutdown: 1})",
            "db.adminCommand({ping: 1, shutdown: 1})",
            "db.adminCommand({getParameter: '*'})",
            "db.adminCommand({getCmdLineOpts: 1})",
            "db.adminCommand({eval: 'x'})",
            "db.runCommand({find: 'orders'})",
            "db.runCommand({serverStatus: db.orders.drop()})",
            "db.getSiblingDB('x').dropDatabase()",
            "db.getSiblingDB(db.orders.drop()).stats()",
            "rs.stepDown()",
            "rs.remove('x')",
            "rs.status().constructor.constructor('x')()",
            "rs.status()['constructor']('x')",
            "rs.status().members.map(m => db.orders.drop())",
            "rs.status().members.map(m => { db.orders.drop() })",
            "rs.status().members.map(function(m) { return 1 })",
            "rs.status().members.map(db.dropDatabase)",
            "rs.status().members.map(m => m.x = 1)",
            "rs.status().members.map(db => db.orders.drop())",
            "const db = rs.status(); db.stats()",
            "const x = db.orders.find()",
            "x = rs.status()",
            "while (true) {}",
            "for (;;) {}",
            "sleep(100000)",
            "load('/tmp/x.js')",
            "require('child_process').exec('id')",
            "process.exit()",
            "fs.readFileSync('/etc/shadow')",
            "print(cat('/etc/shadow'))",
            "rs.status(); quit()",
            "rs.status() // x",
            "rs.status() /* x */",
            "rs.status().members++",
            "`${db.dropDatabase()}`",
            "rs.status().x.padEnd(999999999)",
            "new Date()",
            "eval('x')",
            "[...db.orders.find()]",
            "({a: db.orders.drop()})",
            "rs.status().toString.call(x)",
            "Mongo('evil.example').getDB('x')",
            "connect('evil.example/x')",
            "db.getMongo().setReadPref('x')",
            "db = connect('x')",
            "const s = rs.status(); s.members.map(m => s.members)",
            "rs.status().members.map(m => rs.status())",
            "rs.status().members.map(a => a.x.map(b => b.x.map(c => a)))",
            "show users",
            "rs.status()\\u002e",
            "\"\\x41\"",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
