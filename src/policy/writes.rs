//! What a command writes to: its redirections, and what the policy's `writes` tables say of its options,
//! operands and the text of its code.
//!
//! The tables find what is forbidden, and read loosely: an option's letter is found anywhere in a cluster and a long name
//! by its beginning. Must never be used to let anything run.

use super::path;
use super::rule::Many;
use crate::command::word::push;
use crate::command::{Call, Segment, Word};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// Which operands of a command name files that it writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// None.
    #[default]
    None,
    /// All (`tee`).
    All,
    /// The first (`zip`).
    First,
    /// The second (`uniq`).
    Second,
    /// The last (`cp`).
    Last,
}

/// What programs write to, as a policy says it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Writes {
    /// The programs.
    pub command: Many,
    /// It holds only with one of these options or words; always without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<String>,
    /// Options whose value is a file that is written; `of=` for a word that begins so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Options whose value is a folder that things are put into.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<String>,
    /// Other options that take a value, which is then no operand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Operands that are written.
    #[serde(default)]
    pub operands: Which,
    /// The written operand may be a folder, in which the names of the others are created.
    #[serde(default, skip_serializing_if = "is_false")]
    pub into: bool,
    /// With one of these the last operand is never such a folder (`cp -T`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub itself: Vec<String>,
    /// With one of these, what lands there is a tree of names that are not in the line; `always` for every use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tree: Vec<String>,
    /// Without one of `folders` it writes into the folder that it runs in.
    #[serde(default, skip_serializing_if = "is_false")]
    pub here: bool,
    /// The first word may be a cluster without a dash; these of its letters take a value, in their order (`tar`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bare: String,
    /// Regular expressions whose first group is a file that is written, in the text of a word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<String>,
    #[serde(skip)]
    compiled: OnceLock<Vec<regex::Regex>>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// One thing that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub word: Word,
    /// Names that the line does not tell are created below it.
    pub tree: bool,
}

impl Writes {
    fn compile(&self) -> Result<Vec<regex::Regex>, String> {
        let one = |text: &String| {
            regex::Regex::new(text)
                .map_err(|e| format!("writes: inside: {e}"))
                .and_then(|r| match r.captures_len() {
                    2 => Ok(r),
                    _ => Err(format!("writes: inside: `{text}` needs one group")),
                })
        };
        self.inside.iter().map(one).collect()
    }

    /// Whether it can be understood.
    ///
    /// # Errors
    /// What is wrong, for a person.
    pub fn check(&self) -> Result<(), String> {
        let names = self.command.as_slice();
        if names.is_empty() || names.iter().any(|c| c.is_empty() || c.contains('/')) {
            return Err("writes: `command` is a program's name without folders".into());
        }
        let dashed = |o: &&String| !(o.len() > 1 && (o.starts_with('-') || o.ends_with('=')));
        let mut options = self.options.iter().chain(&self.folders).chain(&self.values);
        if let Some(odd) = options.find(dashed) {
            return Err(format!(
                "writes: `{odd}` is no option: write `-o`, `--output` or `of=`"
            ));
        }
        let empty = self.options.is_empty()
            && self.folders.is_empty()
            && self.operands == Which::None
            && self.inside.is_empty()
            && !self.here;
        if empty {
            return Err(format!("writes: {} write nothing", names.join(", ")));
        }
        self.compile().map(|_| ())
    }

    fn inside(&self) -> &[regex::Regex] {
        self.compiled
            .get_or_init(|| self.compile().unwrap_or_default())
    }

    fn is_value(&self, name: &str) -> Option<Kind> {
        let has = |list: &[String]| list.iter().any(|o| same(o, name));
        if has(&self.options) {
            Some(Kind::File)
        } else if has(&self.folders) {
            Some(Kind::Folder)
        } else if has(&self.values) {
            Some(Kind::Other)
        } else {
            None
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Other,
}

/// Whether an option as given is one of the table's, or an abbreviation of its long name.
fn same(option: &str, given: &str) -> bool {
    option == given || (given.len() > 3 && given.starts_with("--") && option.starts_with(given))
}

/// The words of a command, told apart.
#[derive(Default)]
struct Parted {
    files: Vec<Word>,
    folders: Vec<Word>,
    operands: Vec<Word>,
    flags: Vec<String>,
}

impl Parted {
    fn of(entry: &Writes, words: &[Word]) -> Parted {
        let mut parted = Parted::default();
        let mut at = parted.bare(entry, words);
        let mut ended = false;
        while let Some(word) = words.get(at) {
            at += 1;
            let text = word.literal_prefix();
            if ended || !text.starts_with('-') || text == "-" {
                match key(entry, text) {
                    Some(length) => parted.files.push(word.behind(length)),
                    None => parted.operands.push(word.clone()),
                }
            } else if text == "--" {
                ended = true;
            } else if parted.option(entry, word, text, words.get(at)) {
                at += 1;
            }
        }
        parted
    }

    /// A first word such as tar's `xzf`; how many words it took.
    fn bare(&mut self, entry: &Writes, words: &[Word]) -> usize {
        let cluster = words.first().and_then(Word::literal).unwrap_or_default();
        let letters = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphabetic());
        if entry.bare.is_empty() || !letters(cluster) {
            return 0;
        }
        let mut next = 1;
        for letter in cluster.chars() {
            let name = format!("-{letter}");
            if entry.bare.contains(letter) {
                if let Some(value) = words.get(next) {
                    self.value(entry.is_value(&name), value.clone());
                }
                next += 1;
            }
            self.flags.push(name);
        }
        next
    }

    /// An option; whether the next word is its value.
    fn option(&mut self, entry: &Writes, word: &Word, text: &str, next: Option<&Word>) -> bool {
        let (name, glued) = match text.split_once('=') {
            Some((name, _)) => (name, true),
            None => (text, false),
        };
        let kind = entry.is_value(name);
        if text.starts_with("--") || (kind.is_some() && name.len() > 2) {
            self.flags.push(name.to_owned());
            if glued {
                self.value(kind, word.behind(name.len() + 1));
            } else if let (Some(_), Some(value)) = (kind, next) {
                self.value(kind, value.clone());
                return true;
            }
            return false;
        }
        for (index, letter) in text.char_indices().skip(1) {
            let name = format!("-{letter}");
            let kind = entry.is_value(&name);
            self.flags.push(name);
            let end = index + letter.len_utf8();
            if kind.is_none() {
                continue;
            }
            if end < text.len() || word.literal().is_none() {
                self.value(kind, word.behind(end));
                return false;
            }
            if let Some(value) = next {
                self.value(kind, value.clone());
            }
            return true;
        }
        // `-tulpn` as a name of its own: some programs have long words behind one dash.
        self.flags.push(name.to_owned());
        false
    }

    fn value(&mut self, kind: Option<Kind>, word: Word) {
        match kind {
            Some(Kind::File) => self.files.push(word),
            Some(Kind::Folder) => self.folders.push(word),
            Some(Kind::Other) | None => {}
        }
    }

    fn has(&self, names: &[String]) -> bool {
        names.iter().any(|name| {
            self.flags.iter().any(|flag| same(name, flag))
                || self.operands.iter().any(|o| o.literal() == Some(name))
        })
    }
}

/// Where the value of a word such as `of=FILE` begins.
fn key(entry: &Writes, text: &str) -> Option<usize> {
    let key = entry
        .options
        .iter()
        .find(|o| o.ends_with('=') && !o.starts_with('-') && text.starts_with(o.as_str()));
    key.map(String::len)
}

/// What a call writes to: its redirections, and what the tables say.
pub fn targets(table: &[Writes], call: &Call) -> Vec<Target> {
    let mut out: Vec<Target> = call
        .redirections
        .iter()
        .filter(|r| r.writes())
        .map(|r| file(r.target.clone()))
        .collect();
    let base = call.name.base.as_str();
    let words = call.words.get(1..).unwrap_or_default();
    for entry in table
        .iter()
        .filter(|e| e.command.as_slice().iter().any(|c| c == base))
    {
        of_entry(entry, words, &mut out);
        // What xargs adds may be nothing, or stand elsewhere (`-I`).
        if let [before @ .., last] = words
            && matches!(last.segments.as_slice(), [Segment::Expansion(t)] if t == "…")
        {
            of_entry(entry, before, &mut out);
        }
    }
    out
}

fn file(word: Word) -> Target {
    Target { word, tree: false }
}

fn of_entry(entry: &Writes, words: &[Word], out: &mut Vec<Target>) {
    for word in words.iter().filter_map(Word::literal) {
        for pattern in entry.inside() {
            let found = pattern.captures_iter(word).filter_map(|c| c.get(1));
            out.extend(found.map(|m| file(Word::of(m.as_str()))));
        }
    }
    let parted = Parted::of(entry, words);
    if !entry.when.is_empty() && !parted.has(&entry.when) {
        return;
    }
    let tree = entry.tree.iter().any(|t| t == "always") || parted.has(&entry.tree);
    let itself = parted.has(&entry.itself);
    let Parted {
        files,
        mut folders,
        mut operands,
        ..
    } = parted;
    out.extend(files.into_iter().map(file));
    if folders.is_empty() && entry.here {
        folders.push(Word::of("."));
    }
    if folders.is_empty() {
        let written: Vec<Word> = match entry.operands {
            Which::None => Vec::new(),
            Which::All => operands,
            Which::First => operands.into_iter().take(1).collect(),
            Which::Second => operands.into_iter().skip(1).take(1).collect(),
            Which::Last if entry.into && !itself => {
                // With one operand it would be put where the command runs.
                if operands.len() > 1
                    && let Some(folder) = operands.pop()
                {
                    put_into(entry, &folder, &operands, tree, out);
                }
                Vec::new()
            }
            Which::Last => operands.pop().into_iter().collect(),
        };
        out.extend(written.into_iter().map(|word| Target { word, tree }));
        return;
    }
    for folder in folders {
        put_into(entry, &folder, &operands, tree, out);
    }
}

/// What is created when the sources are put into a folder; or the target itself where it is none.
fn put_into(entry: &Writes, folder: &Word, sources: &[Word], tree: bool, out: &mut Vec<Target>) {
    let unnamed = tree && (!entry.into || sources.is_empty());
    // rsync's `SOURCE/`, `cp -r SOURCE/.`: the folder itself becomes the source.
    let contents = tree && sources.iter().any(|s| name_of(s).is_none());
    out.push(Target {
        word: folder.clone(),
        tree: unnamed || contents,
    });
    if !entry.into {
        return;
    }
    for name in sources.iter().filter_map(name_of) {
        let mut segments = folder.segments.clone();
        segments.push(Segment::Literal("/".into()));
        segments.extend(name);
        out.push(Target {
            word: Word {
                segments: merged(segments),
                span: folder.span,
            },
            tree,
        });
    }
}

/// The last component of a source; none where the source is a folder's contents (`x/`, `x/.`).
fn name_of(source: &Word) -> Option<Vec<Segment>> {
    let at = source
        .segments
        .iter()
        .rposition(|s| matches!(s, Segment::Literal(t) | Segment::Glob(t) if t.contains('/')));
    let Some(at) = at else {
        return Some(source.segments.clone());
    };
    let text = match source.segments.get(at) {
        Some(Segment::Literal(t) | Segment::Glob(t)) => t,
        _ => return None,
    };
    let rest = text.rsplit('/').next().unwrap_or_default();
    let mut name = vec![Segment::Literal(rest.to_owned())];
    name.extend(source.segments.get(at + 1..).unwrap_or_default().to_vec());
    let name: Vec<Segment> = merged(name);
    let plain = match name.as_slice() {
        [] => false,
        [Segment::Literal(t)] => !matches!(t.as_str(), "." | ".."),
        _ => true,
    };
    plain.then_some(name)
}

/// Adjacent literals as one, without empty ones.
fn merged(segments: Vec<Segment>) -> Vec<Segment> {
    let mut out = Vec::new();
    segments.into_iter().for_each(|s| push(&mut out, s));
    out
}

/// Whether a name as it is written, expansions and all, fits a pattern.
pub fn is_written(word: &Word, patterns: &[String]) -> bool {
    let text = word.spelt();
    patterns.iter().any(|p| path::matches(p, &text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Vec<Writes> {
        let table: Vec<Writes> = crate::yaml::from_str("t", text).unwrap();
        table.iter().for_each(|e| e.check().unwrap());
        table
    }

    /// The targets of the line's first call, a `…` behind those where a tree lands.
    fn of(entries: &str, line: &str) -> Vec<String> {
        let reading = crate::command::read(line).unwrap();
        targets(&table(entries), &reading.calls[0])
            .iter()
            .map(|t| {
                let text = t.word.spelt();
                if t.tree { text + "…" } else { text }
            })
            .collect()
    }

    #[test]
    fn options_are_found_glued_clustered_and_abbreviated() {
        let sort = "- {command: sort, options: [-o, --output], values: [-k]}";
        for line in [
            "sort -o /f x",
            "sort x -o/f",
            "sort -uo /f x",
            "sort -uo/f",
            "sort --output=/f",
            "sort --outp /f",
            "sort x > /f",
        ] {
            assert_eq!(of(sort, line), ["/f"], "{line}");
        }
        for line in [
            "sort -k o x",
            "sort -- -o /f",
            "sort x 2>/dev/null",
            "cat -o /f",
        ] {
            assert!(of(sort, line).is_empty(), "{line}");
        }
    }

    #[test]
    fn names_are_put_into_folders() {
        let cp = "- {command: cp, operands: last, into: true, folders: [-t, --target-directory], values: [-S], tree: [-r, -a], itself: [-T]}";
        assert_eq!(of(cp, "cp a/b /c"), ["/c", "/c/b"]);
        assert_eq!(of(cp, "cp -t /c a/b d"), ["/c", "/c/b", "/c/d"]);
        assert_eq!(of(cp, "cp -at/c a/b"), ["/c", "/c/b…"]);
        assert_eq!(of(cp, "cp -r a/. /c"), ["/c…"]);
        assert_eq!(of(cp, "cp -rT a /c"), ["/c…"]);
        assert_eq!(of(cp, "cp a/* /c"), ["/c", "/c/*"]);
        assert_eq!(of(cp, "cp a /c -S .bak"), ["/c", "/c/a"]);
    }

    #[test]
    fn tar_reads_letters_without_a_dash_in_their_order() {
        let tar = "- {command: tar, when: [-c, --create], options: [-f, --file], bare: fCb}\n- {command: tar, when: [-x, --extract], folders: [-C, --directory], values: [-f, --file], here: true, tree: [always], bare: fCb}";
        assert_eq!(of(tar, "tar czf /f /etc/passwd"), ["/f"]);
        assert_eq!(of(tar, "tar -cf /f x"), ["/f"]);
        assert!(of(tar, "tar tf /f").is_empty());
        assert_eq!(of(tar, "tar xzf /f -C /d"), ["/d…"]);
        assert_eq!(of(tar, "tar xfC /f /d"), ["/d…"]);
        assert_eq!(of(tar, "tar xf /f"), [".…"]);
    }

    #[test]
    fn code_names_files_in_its_text() {
        let awk = r#"- {command: awk, inside: ['>\s*"([^"]*)"']}"#;
        assert_eq!(of(awk, r#"awk '{print > "/f"}' x"#), ["/f"]);
        assert!(of(awk, "awk '$1 > 5' /f").is_empty());
        let dd = "- {command: dd, options: [of=]}";
        assert_eq!(of(dd, "dd if=/a of=/b"), ["/b"]);
    }

    #[test]
    fn a_table_that_says_nothing_is_a_fault() {
        for text in [
            "- {command: a}",
            "- {command: a/b, operands: all}",
            "- {command: a, options: [o]}",
            "- {command: a, inside: ['(']}",
            "- {command: a, inside: ['x']}",
        ] {
            let table: Vec<Writes> = crate::yaml::from_str("t", text).unwrap();
            assert!(table[0].check().is_err(), "{text}");
        }
    }
}
