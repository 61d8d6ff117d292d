//! `find`: paths, tests and printing. Nothing that executes, deletes, or writes a file.

use super::{Limits, check_path, int_in, plain_word};

type R = Result<(), String>;

/// Checks all words after `find`.
///
/// # Errors
/// The word that is not accepted.
pub fn check(words: &[&str], limits: &Limits) -> R {
    let mut i = 0;
    while matches!(words.get(i), Some(&("-H" | "-P"))) {
        i += 1;
    }
    let first = i;
    let mut root = false;
    while let Some(w) = words.get(i).filter(|w| !begins_expression(w)) {
        check_path(w, limits).map_err(|e| format!("find: {e}"))?;
        root |= *w == "/";
        i += 1;
    }
    if i == first {
        return Err("find: a path is required".into());
    }
    let expression = words.get(i..).unwrap_or_default();
    if root
        && !expression
            .iter()
            .any(|w| matches!(*w, "-maxdepth" | "-xdev" | "-mount"))
    {
        return Err("find: `/` needs -maxdepth or -xdev".into());
    }
    let mut open = 0usize;
    let mut it = expression.iter();
    while let Some(w) = it.next() {
        match *w {
            "(" => open += 1,
            ")" if open > 0 => open -= 1,
            "!"
            | "-not"
            | "-a"
            | "-and"
            | "-o"
            | "-or"
            | ","
            | "-print"
            | "-print0"
            | "-ls"
            | "-prune"
            | "-quit"
            | "-empty"
            | "-true"
            | "-false"
            | "-xdev"
            | "-mount"
            | "-depth"
            | "-daystart"
            | "-readable"
            | "-writable"
            | "-executable"
            | "-nouser"
            | "-nogroup"
            | "-ignore_readdir_race"
            | "-noignore_readdir_race"
            | "-nowarn"
            | "-warn" => {}
            "-exec" => action(&mut it)?,
            _ => {
                let value = it
                    .next()
                    .ok_or(format!("find: `{w}` is not accepted, or lacks its value"))?;
                with_value(w, value, limits)?;
            }
        }
    }
    if open > 0 {
        Err("find: a `)` is missing".into())
    } else {
        Ok(())
    }
}

/// `-exec COMMAND … {} ;`, or `+`. What the command may be is decided by its own rules; here only that it is
/// given the found files, in one place, as its last word.
fn action(it: &mut std::slice::Iter<&str>) -> R {
    let words: Vec<&str> = it
        .by_ref()
        .copied()
        .take_while(|w| !matches!(*w, ";" | "+"))
        .collect();
    match words.split_last() {
        Some((&"{}", command))
            if !command.is_empty() && !command.iter().any(|w| w.contains("{}")) =>
        {
            Ok(())
        }
        _ => Err("find: -exec is accepted with `{}` as its last word and nowhere else".into()),
    }
}

fn begins_expression(w: &str) -> bool {
    w.starts_with('-') || matches!(w, "(" | ")" | "!" | ",")
}

fn with_value(test: &str, value: &str, limits: &Limits) -> R {
    if matches!(test, "-regex" | "-iregex") {
        super::check_repeats(value).map_err(|e| format!("find: {test}: {e}"))?;
    }
    let signed = value.strip_prefix(['+', '-']).unwrap_or(value);
    let ok = match test {
        "-name" | "-iname" | "-path" | "-ipath" | "-wholename" | "-iwholename" | "-regex"
        | "-iregex" | "-lname" | "-ilname" => !value.is_empty() && value.len() <= 512,
        "-printf" if value.len() <= 512 => {
            return super::formats::check_widths(value).map_err(|e| format!("find: -printf: {e}"));
        }
        "-regextype" => plain_word(value, "-"),
        "-type" | "-xtype" => value
            .split(',')
            .all(|t| matches!(t, "b" | "c" | "d" | "p" | "f" | "l" | "s")),
        "-fstype" => plain_word(value, "._-"),
        "-maxdepth" | "-mindepth" => int_in(value, 0, 1000, "depth").is_ok(),
        "-mtime" | "-mmin" | "-atime" | "-amin" | "-ctime" | "-cmin" | "-links" | "-inum"
        | "-uid" | "-gid" | "-used" => signed.len() <= 12 && !signed.is_empty() && decimal(signed),
        "-size" => {
            let n = signed
                .strip_suffix(['b', 'c', 'w', 'k', 'M', 'G'])
                .unwrap_or(signed);
            !n.is_empty() && n.len() <= 12 && n.bytes().all(|b| b.is_ascii_digit())
        }
        "-perm" => {
            value.len() <= 32
                && value
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b"/-+=,ugoarwxstX".contains(&b))
        }
        "-user" | "-group" => plain_word(value, "._-$"),
        "-newermt" | "-newerat" | "-newerct" => {
            value.len() <= 64
                && !value.is_empty()
                && value
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b" :+-./".contains(&b))
        }
        "-newer" | "-anewer" | "-cnewer" | "-samefile" => {
            return check_path(value, limits).map_err(|e| format!("find: {test}: {e}"));
        }
        _ => return Err(format!("find: `{test}` is not accepted")),
    };
    if ok {
        Ok(())
    } else {
        Err(format!("find: `{value}` is not accepted after {test}"))
    }
}

fn decimal(s: &str) -> bool {
    s.bytes().all(|b| b.is_ascii_digit() || b == b'.') && s.matches('.').count() <= 1
}
