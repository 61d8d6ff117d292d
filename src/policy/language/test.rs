//! `test` and `[`: asks about text, numbers and files (POSIX test(1)).
//!
//! What is known only when it runs may stand where a shell takes a word for text whatever it says. Must never let such a
//! word choose the operator: bash's `-v` runs code that stands in a subscript.

/// Operators that ask about a file.
const FILE: [&str; 18] = [
    "-e", "-f", "-d", "-L", "-h", "-S", "-p", "-b", "-c", "-s", "-r", "-w", "-x", "-g", "-u", "-k",
    "-O", "-G",
];
/// Operators that ask about a text.
const TEXT: [&str; 2] = ["-n", "-z"];
/// Operators between two texts or numbers. All shells take a word between two others for one of these first.
const BINARY: [&str; 9] = ["=", "!=", "==", "-eq", "-ne", "-lt", "-le", "-gt", "-ge"];
/// Operators between two files.
const FILES: [&str; 3] = ["-nt", "-ot", "-ef"];

/// Checks the words behind `test`, or behind `[` and before its `]`; none for a word that is known only when it runs and
/// stands in double quotes. `file` says whether the word at a place may be asked about as a file.
///
/// # Errors
/// One sentence: what is not accepted.
pub fn check(
    words: &[Option<&str>],
    file: &dyn Fn(usize) -> Result<(), String>,
) -> Result<(), String> {
    let is = |at: usize, set: &[&str]| {
        words
            .get(at)
            .copied()
            .flatten()
            .is_some_and(|w| set.contains(&w))
    };
    let negated = words.len() > 1 && words.first() == Some(&Some("!"));
    let first = usize::from(negated && !(words.len() == 3 && is(1, &BINARY)));
    match words.len() - first {
        0 => Err("there is nothing to ask about".into()),
        1 => Ok(()),
        2 if is(first, &TEXT) => Ok(()),
        2 if is(first, &FILE) => file(first + 1),
        3 if is(first + 1, &BINARY) => Ok(()),
        3 if is(first + 1, &FILES) => file(first).and_then(|()| file(first + 2)),
        _ => Err("it is not one question about a text, a number or a file; join several with `&&` and `||`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> bool {
        let words: Vec<Option<&str>> = line
            .split_whitespace()
            .map(|w| (w != "$").then_some(w))
            .collect();
        check(&words, &|_| Ok(())).is_ok()
    }

    #[test]
    fn one_question_is_read() {
        for line in [
            "x",
            "$",
            "! x",
            "-f",
            "! $",
            "-n $",
            "-z x",
            "! -z $",
            "-f /x",
            "! -d /x",
            "$ = x",
            "x != $",
            "$ -gt 4",
            "! $ = $",
            "/a -nt /b",
            "-n = -n",
            "! = !",
        ] {
            assert!(read(line), "{line}");
        }
        for line in [
            "",
            "$ x",
            "$ $",
            "-v x",
            "-v $",
            "-R x",
            "-t 1",
            "-o x",
            "x $ y",
            "$ $ $",
            "x -a y",
            "-f /x -a -f /y",
            "( x )",
            "x > y",
            "x < y",
            "! ! x y",
            "x =~ y",
            "! -v x",
            "! $ x",
            "-N /x",
        ] {
            assert!(!read(line), "{line}");
        }
    }
}
