//! Commands inside the text of programs of other languages: `awk 'BEGIN{system("rm -rf /")}'`.
//!
//! No language is read here. A text is taken apart at quotes, brackets and separators, and every piece that is the name of
//! a program stands for a call with the pieces behind it. Held against rules that forbid, and nothing else.

use crate::command::wrapper::sudo_takes;
use crate::command::{Call, Redirection, Segment, Word, name};
use std::sync::Arc;

/// Most pieces of one text that are looked at.
const MOST_PIECES: usize = 4096;
/// Most words of a call that is put together here.
const MOST_WORDS: usize = 64;

/// Functions of languages that delete what they are given, as `rm -r` does.
const DELETES: [&str; 20] = [
    "rmtree",
    "rmSync",
    "rmdirSync",
    "rm_rf",
    "rm_r",
    "rm_f",
    "remove_entry",
    "remove_tree",
    "rmdir",
    "unlink",
    "unlinkSync",
    "remove",
    "removeSync",
    "removedirs",
    "emptyDirSync",
    "emptyDir",
    "rimraf",
    "delete_file",
    "delete_directory",
    "deltree",
];

/// Functions of languages that move what they are given.
const MOVES: [&str; 4] = ["rename", "renameSync", "move", "moveSync"];

/// What stands directly in front of a name that is run and nothing else.
const RUNS: [&str; 18] = [
    "system",
    "exec",
    "execl",
    "execlp",
    "execv",
    "execvp",
    "popen",
    "popen2",
    "spawn",
    "shell",
    "call",
    "run",
    "output",
    "execSync",
    "spawnSync",
    "shell_exec",
    "passthru",
    "qx",
];

/// What becomes somebody else, and then runs the command behind its options.
const BECOMES: [&str; 3] = ["sudo", "doas", "pkexec"];

/// A call that a text could make.
#[derive(Debug)]
pub struct Found {
    /// As if it stood in the line.
    pub call: Call,
    /// The text runs it: a name by itself counts too.
    pub run: bool,
}

struct Piece {
    text: String,
    /// Nothing but a delimiter stands in front.
    head: bool,
    /// The word in front of that delimiter is one that runs what follows.
    run: bool,
    /// `>`, in front of a file's name.
    to: bool,
}

/// Every call that a text could make, for a program that it is a word of. `whole`: the text is run as it stands.
pub fn calls(text: &str, of: &Call, whole: bool) -> Vec<Found> {
    let mut found = Vec::new();
    for pieces in segments(text, whole) {
        for (at, piece) in pieces.iter().enumerate() {
            let rest = pieces.get(at + 1..).unwrap_or_default();
            if piece.to {
                continue;
            }
            let mut names = vec![piece.text.as_str()];
            // `SHELL=rm`, `Pre-Invoke::=rm`, `os.system`.
            names.extend(
                piece
                    .text
                    .rsplit_once(['=', ':', '%'])
                    .map(|(_, tail)| tail),
            );
            // `-Orm`: glued to an option's letter.
            let glued = piece.text.strip_prefix('-').and_then(|t| t.get(1..));
            names.extend(glued.filter(|t| t.len() > 1));
            let own = piece.text.rsplit(['.', ':']).next().unwrap_or_default();
            if !piece.text.starts_with('/') && own != piece.text {
                names.push(own);
            }
            if DELETES.contains(&own) {
                found.push(call(of, "rm", &["-r", "-f"], rest, true));
            } else if MOVES.contains(&own) {
                found.push(call(of, "mv", &[], rest, true));
            }
            for name in names.into_iter().filter(|n| is_name(n)) {
                found.push(call(of, name, &[], rest, piece.head && piece.run));
            }
        }
    }
    found
}

/// Whether a piece can be a program's name.
fn is_name(text: &str) -> bool {
    let base = text.rsplit('/').next().unwrap_or_default();
    // A path elsewhere is somebody's file, not a program that rules know.
    name::of(Some(text)).trusted
        && base.starts_with(|c: char| c.is_ascii_alphabetic())
        && base
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b))
}

fn call(of: &Call, command: &str, first: &[&str], rest: &[Piece], run: bool) -> Found {
    let mut words: Vec<Word> = std::iter::once(command)
        .chain(first.iter().copied())
        .map(Word::of)
        .collect();
    let mut redirections: Vec<Redirection> = Vec::new();
    let mut rest = rest.iter().take(MOST_WORDS).peekable();
    while let Some(piece) = rest.next() {
        if !piece.to {
            words.push(pattern(&piece.text));
        } else if let Some(file) = rest.next_if(|file| !file.to) {
            redirections.push(Redirection {
                operator: ">".to_owned(),
                descriptor: None,
                target: Word::of(&file.text),
                harmless: file.text == "/dev/null",
                span: of.span,
            });
        }
    }
    let name = name::of(Some(command));
    if BECOMES.contains(&name.base.as_str()) {
        words.truncate(own_words(&words));
    }
    Found {
        call: Call {
            name,
            words,
            assignments: Vec::new(),
            redirections,
            // Field by field: its words may be thousands.
            own: of.own,
            pipe: of.pipe,
            place: of.place,
            parent: of.parent,
            inside: of.inside,
            sudo: of.sudo,
            wraps: of.wraps,
            scope: Arc::clone(&of.scope),
            is_function: of.is_function,
            span: of.span,
        },
        run,
    }
}

/// How many words are of `sudo` itself, with the command's name: the options behind that are not sudo's.
fn own_words(words: &[Word]) -> usize {
    let mut valued = false;
    let operand = words.iter().skip(1).position(|word| {
        let text = word.literal_prefix();
        let value = std::mem::replace(&mut valued, sudo_takes(text));
        !value && !text.starts_with('-')
    });
    operand.map_or(words.len(), |at| at + 2)
}

/// A piece with its stars as the shell that is given it would take them, and numbers as `chmod` writes them.
fn pattern(text: &str) -> Word {
    let text = text.strip_prefix("0o").unwrap_or(text);
    let at = text.find('*').unwrap_or(text.len());
    let (plain, stars) = text.split_at(at);
    let mut word = Word::of(plain);
    if !stars.is_empty() {
        word.segments.push(Segment::Glob(stars.to_owned()));
    }
    word
}

/// The pieces of a text, up to each separator of commands.
fn segments(text: &str, whole: bool) -> Vec<Vec<Piece>> {
    let mut all = Vec::new();
    let mut now: Vec<Piece> = Vec::new();
    let mut piece = String::new();
    let (mut head, mut run) = (true, whole);
    let mut last_word = String::new();
    let mut count = 0;
    let mut characters = text.chars().peekable();
    loop {
        let c = characters.next();
        let ends = match c {
            None | Some('\n' | ';' | '|' | '&' | '>') => true,
            Some(c) => c.is_whitespace() || "'\"`,()[]{}<!".contains(c),
        };
        if !ends {
            // `\/` in a sed script is `/`; a backslash quotes in all of them.
            if let Some(c) = c.filter(|c| *c != '\\') {
                piece.push(c);
            }
            continue;
        }
        if !piece.is_empty() {
            count += 1;
            last_word.clone_from(&piece);
            now.push(Piece {
                text: std::mem::take(&mut piece),
                head,
                run,
                to: false,
            });
            head = false;
            run = false;
        }
        match c {
            Some('>') => {
                if characters.peek() != Some(&'>') {
                    now.push(Piece {
                        text: ">".to_owned(),
                        head: false,
                        run: false,
                        to: true,
                    });
                }
            }
            None | Some('\n' | ';' | '|' | '&') => {
                all.push(std::mem::take(&mut now));
                head = true;
                run = whole;
                last_word.clear();
            }
            Some(c) if !c.is_whitespace() => {
                head = true;
                run |= c == '!' || is_run(&last_word);
            }
            Some(_) => {}
        }
        if c.is_none() || count > MOST_PIECES {
            return all;
        }
    }
}

/// Whether a word runs what stands behind it: `os.system`, `child_process.execSync`.
fn is_run(word: &str) -> bool {
    let own = word.rsplit(['.', ':']).next().unwrap_or_default();
    RUNS.contains(&own)
}

/// What `s/…/…/e` of a sed script runs: its replacement.
pub fn replacement(text: &str) -> Option<String> {
    let at = text.find('s')?;
    let mark = text[at + 1..]
        .chars()
        .next()
        .filter(|c| c.is_ascii_punctuation())?;
    let mut parts = vec![String::new()];
    let mut characters = text[at + 1 + mark.len_utf8()..].chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some(next) if next == mark => parts.last_mut()?.push(mark),
                Some(next) => parts.last_mut()?.extend(['\\', next]),
                None => return None,
            },
            c if c == mark => parts.push(String::new()),
            c => parts.last_mut()?.push(c),
        }
    }
    let flags: String = parts
        .get(2)?
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    flags.contains('e').then(|| parts.swap_remove(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let reading = crate::command::read("x").unwrap();
        calls(text, &reading.calls[0], false)
            .iter()
            .map(|f| {
                let words: Vec<String> = f.call.words.iter().map(Word::spelt).collect();
                let run = if f.run { "!" } else { "" };
                let to: Vec<String> = f
                    .call
                    .redirections
                    .iter()
                    .map(|r| format!(" >{}", r.target.literal_prefix()))
                    .collect();
                format!("{run}{}{}", words.join(" "), to.join(""))
            })
            .collect()
    }

    #[test]
    fn commands_are_found_behind_quotes_brackets_and_marks() {
        for text in [
            "BEGIN{system(\"rm -rf /\")}",
            "import os; os.system('rm -rf /')",
            "subprocess.run(['rm','-rf','/'])",
            "system \"rm\",\"-rf\",\"/\"",
            "`rm -rf /`",
            ":!rm -rf /",
            "\\! rm -rf /",
            "exec=rm -rf /",
            "%(rm -rf /)",
            "* * * * * root rm -rf /",
            "true && rm -rf / || x",
        ] {
            let all = found(text);
            assert!(
                all.iter()
                    .any(|f| f.trim_start_matches('!').starts_with("rm -rf /")),
                "{text}: {all:?}"
            );
        }
        assert!(found("shutil.rmtree('/etc')").contains(&"!rm -r -f /etc".to_owned()));
        assert!(
            found("system(\"echo x > /etc/passwd\")").contains(&"!echo x >/etc/passwd".to_owned())
        );
    }

    #[test]
    fn only_what_runs_makes_a_bare_name_count() {
        assert!(found("system('halt')").contains(&"!halt".to_owned()));
        assert!(found("print('halt')").contains(&"halt".to_owned()));
        assert!(found("s/rm/x/").is_empty() && found("/etc/passwd").is_empty());
        assert!(found("-Orm /etc").contains(&"rm /etc".to_owned()));
    }

    #[test]
    fn what_sed_makes_and_runs_is_known() {
        assert_eq!(
            replacement("s/.*/rm -rf \\/etc/e").as_deref(),
            Some("rm -rf /etc")
        );
        assert_eq!(replacement("1,5s#x#id#ge").as_deref(), Some("id"));
        for text in ["s/a/b/", "s/e/e/g", "p", "s", "s/e"] {
            assert_eq!(replacement(text), None, "{text}");
        }
    }

    #[test]
    fn long_texts_end() {
        assert!(found(&"rm ".repeat(20_000)).len() <= MOST_PIECES + 2);
    }
}
