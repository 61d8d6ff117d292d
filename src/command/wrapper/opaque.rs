//! Wrappers that are not understood: every word and text that could be what they run is put before the policy.
//!
//! A guess only ever adds calls. It must never take the place of what is really there, or make a line look
//! like less than it is.

use super::besides::is_exec;
use super::fed;
use super::forms::form;
use super::options::is_substituted_file;
use super::programs::{elevates, is_interpreter, runs_a_language};
use super::seen::{Seen, refuse, wrapped};
use super::shells::{DYNAMIC_COMMAND, IN_FUNCTION, SHELLS};
use crate::command::call::{Call, Place, Redirection, Sudo, Wraps};
use crate::command::word::{Segment, Word};
use crate::command::{ReadError, TOO_MUCH, is_spent, read_at, spend};

/// What a word of a guess, or of one of a wrapper's commands, costs of the bound on inner text.
pub(super) const A_WORD: usize = 4;
/// Most words of a wrapper that is not understood: each could begin its command.
const MAX_GUESSES: usize = 400;

/// What makes a word more than a word, if a shell reads it.
const SEPARATORS: [char; 12] = [' ', '\t', '\n', ';', '|', '&', '<', '>', '(', ')', '$', '`'];

/// Programs whose words of several words are text for a shell.
const SHELL_TEXT: [&str; 25] = [
    "script", "flock", "su", "runuser", "sg", "zsh", "ksh", "mksh", "at", "batch", "tmux",
    "screen", "sh", "bash", "dash", "ash", "rbash", "ssh", "watch", "source", ".", "parallel",
    "pee", "mispipe", "autossh",
];

/// Whether a call that is not read may take code from its standard input.
pub(super) fn reads_code(call: &Call) -> bool {
    let base = call.name.base.as_str();
    let file = |w: &Word| w.literal().is_some_and(|t| !t.starts_with('-'));
    call.wraps == Wraps::Unknown
        && if runs_a_language(base) {
            !call.words.iter().skip(1).any(file)
        } else {
            is_interpreter(base)
                || form(base).is_some_and(|f| f.shell)
                || elevates(base)
                || matches!(base, "su" | "runuser")
        }
}

/// Other shells, which read their standard input as those do that are read here.
const KIN: [&str; 16] = [
    "zsh",
    "ksh",
    "mksh",
    "fish",
    "csh",
    "tcsh",
    "oksh",
    "yash",
    "posh",
    "lksh",
    "rzsh",
    "sash",
    "hush",
    "osh",
    "bash-static",
    "newgrp",
];

/// Whether a call that is not read likely reads code from its standard input, and whether it may be a shell, there or
/// elsewhere, that does.
fn may_be_shell(call: &Call) -> (bool, bool) {
    let base = call.name.base.as_str();
    let input = |w: &Word| {
        let text = w.spelt();
        text.contains("/dev/stdin") || text.contains("/fd/")
    };
    let shell = SHELLS.contains(&base) || KIN.contains(&base) || matches!(base, "." | "source");
    let named = shell && call.words.iter().any(input);
    let unread = reads_code(call);
    let language = runs_a_language(base);
    // These read no code without a file either.
    let other = matches!(base, "make" | "ansible" | "salt" | "gdb");
    // Other users' shells: `sudo -s`.
    let identity = elevates(base) || matches!(base, "su" | "runuser");
    let likely = named || unread && language && !other || identity;
    let shell = named || unread && shell || identity;
    (likely, shell || (unread || is_exec(call)) && !language)
}

/// What a text glued to an option could run: `-S'rm x'`, `-oProxyCommand='rm x'`.
fn glued(option: &str) -> impl Iterator<Item = &str> {
    let several = option.contains(SEPARATORS);
    let letters = option.char_indices().skip(2).take(3).map(|(at, _)| at);
    let values = option.match_indices('=').take(4).map(|(at, _)| at + 1);
    letters
        .chain(values)
        .filter(move |_| several)
        .map(|at| &option[at..])
}

/// Why a call that is not understood could run a command whose name does not stand in the line.
fn unseen(call: &Call) -> Option<&'static str> {
    let base = call.name.base.as_str();
    let words = call.words.get(1..).unwrap_or_default();
    let dynamic = |w: &Word| w.literal().is_none();
    match base {
        // Only what these run is code; a configuration's value is.
        "git" => {
            let after = |name: &str| {
                words
                    .windows(2)
                    .any(|w| w[0].literal() == Some(name) && dynamic(&w[1]))
            };
            let runs = words
                .iter()
                .any(|w| matches!(w.literal(), Some("bisect" | "foreach")));
            (after("-c") || (runs && words.iter().any(dynamic))).then_some(DYNAMIC_COMMAND)
        }
        _ if runs_a_language(base) => unseen_code(call, words).then_some(UNSEEN_CODE),
        // Which of its words is the command is not known.
        _ => words.iter().any(dynamic).then_some(DYNAMIC_COMMAND),
    }
}

const UNSEEN_CODE: &str =
    "code, or the name of its file, that is known only when it runs: write it out";

/// Whether the code of an interpreter, or the name of its file, is known only when it runs.
fn unseen_code(call: &Call, words: &[Word]) -> bool {
    let mut operand = false;
    // The word before may take this one as its value, and may take it as code.
    let (mut valued, mut coded) = (false, false);
    for word in words {
        let Some(text) = word.literal() else {
            if is_substituted_file(word) && !valued {
                return false;
            }
            if !operand || coded {
                return true;
            }
            (valued, coded) = (false, false);
            continue;
        };
        if text != "-" && text.starts_with('-') {
            valued = !text.starts_with("--");
            coded =
                valued && text.ends_with(['c', 'e', 'E', 'r', 'R', 'B', 'm', 'M', 'x', 'f', 'p']);
            continue;
        }
        // The file: all that follows is its own.
        if !valued {
            return false;
        }
        operand = true;
        (valued, coded) = (false, false);
    }
    // Without a file the code may come from here.
    let documents = |r: &Redirection| r.operator.starts_with("<<") && r.target.literal().is_none();
    !operand && call.redirections.iter().any(documents)
}

/// A wrapper that is not understood: every word that could begin its command is put before the policy.
pub(super) fn guesses(call: Call, depth: usize, seen: &mut Seen) -> Result<(), ReadError> {
    if call.words.len() > MAX_GUESSES {
        return Err(refuse(
            &call,
            &format!(
                "`{}` runs something, and has more than {MAX_GUESSES} words",
                call.name.base
            ),
        ));
    }
    if let Some(reason) = unseen(&call) {
        return Err(refuse(&call, reason));
    }
    let (likely, is_shell) = may_be_shell(&call);
    if likely && seen.in_function(&call) {
        return Err(refuse(&call, IN_FUNCTION));
    }
    let parent = seen.out.len();
    seen.push(call.clone())?;
    // What stands behind `sudo` runs as root there.
    let mut roots = false;
    let guess = |words: Vec<Word>, roots: bool| {
        let mut guess = wrapped(&call, words, parent);
        if roots && guess.sudo == Sudo::No {
            guess.sudo = Sudo::Plain;
        }
        guess
    };
    for (at, word) in call.words.iter().enumerate().skip(1) {
        // Guesses in guesses, also in those that come to nothing, must have an end.
        if !spend(A_WORD * (call.words.len() - at)) {
            return Err(refuse(&call, TOO_MUCH));
        }
        let Some(text) = word.literal().filter(|t| !t.is_empty()) else {
            continue;
        };
        if let Some(program) = named_program(text) {
            let mut words = call.words[at..].to_vec();
            words[0].segments = vec![Segment::Literal(program.to_owned())];
            seen.push(guess(words, roots))?;
        } else if text.starts_with('-') {
            let mut tries = 0;
            let mut unread = 0;
            for value in glued(text) {
                tries += 1;
                unread += usize::from(!guessed(&call, parent, value, depth, seen)?);
            }
            if tries > 0 && tries == unread && is_shell_text(&call) {
                return Err(refuse(
                    &call,
                    &format!("an option of `{}` cannot be read", call.name.base),
                ));
            }
        } else if text.contains(SEPARATORS) {
            // `cmd='rm x'`, as programs take their arguments by name.
            if let Some((name, value)) = text.split_once('=')
                && crate::command::name::is_variable(name)
            {
                guessed(&call, parent, value.trim_matches(['"', '\'']), depth, seen)?;
            }
            // A word of several words may be a command line of its own.
            must(&call, guessed(&call, parent, text, depth, seen)?)?;
            // `-o 'LocalCommand rm x'`: an option's name in front.
            if let Some((_, value)) = text
                .split_once([' ', '\t'])
                .filter(|_| matches!(call.name.base.as_str(), "ssh" | "gdb"))
            {
                guessed(&call, parent, value, depth, seen)?;
            }
        } else {
            let guessed = guess(call.words[at..].to_vec(), roots);
            let base = guessed.name.base.as_str();
            if roots && form(base).is_some_and(|f| f.shell) {
                seen.push(guess(vec![Word::of("sh")], roots))?;
            }
            roots |= elevates(base) || matches!(base, "pkexec" | "run0");
            if SHELLS.contains(&base) {
                // What a shell is given there must be readable as anywhere else.
                seen.expand(guessed, depth + 1)?;
            } else {
                seen.push(guessed)?;
            }
        }
    }
    for redirection in &call.redirections {
        if let Some(text) = redirection
            .target
            .literal()
            .filter(|_| redirection.operator.starts_with("<<"))
        {
            if is_shell {
                fed::check(&call, text, seen, depth + 1)?;
                seen.feeds(parent);
            }
            must(&call, guessed(&call, parent, text, depth, seen)?)?;
        }
    }
    Ok(())
}

/// Long options whose value is a program.
const RUNS_VALUE: [&str; 10] = [
    "--entrypoint",
    "--coreutils-prog",
    "--coreutils-prog-shebang",
    "--exec",
    "--startas",
    "--shell",
    "--command",
    "--ssh-command",
    "--pre",
    "--post",
];

/// The program that an option names (`docker run --entrypoint=X`); its words follow somewhere behind.
fn named_program(option: &str) -> Option<&str> {
    let (name, value) = match option.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (option, None),
    };
    // Abbreviated as well.
    let long = value.filter(|_| {
        name.len() > 2
            && name.starts_with("--")
            && RUNS_VALUE.iter().any(|option| option.starts_with(name))
    });
    // `-Sx/bin/rm`, and a path behind any other option.
    let letters = option
        .strip_prefix('-')
        .map(|o| o.trim_start_matches(|c: char| c.is_ascii_alphabetic()));
    let path = value
        .filter(|_| option.starts_with('-'))
        .or(letters)
        .filter(|v| v.starts_with('/'));
    long.or(path)
        .filter(|program| !program.is_empty() && !program.contains(SEPARATORS))
}

/// What is text for a shell must be readable; what may be another language need not.
fn must(call: &Call, read: bool) -> Result<(), ReadError> {
    if read || !is_shell_text(call) {
        return Ok(());
    }
    Err(refuse(
        call,
        &format!("the text for `{}` cannot be read", call.name.base),
    ))
}

pub(super) fn is_shell_text(call: &Call) -> bool {
    SHELL_TEXT.contains(&call.name.base.as_str())
        || call.name.base == "ansible" && runs_module_text(call)
}

/// Whether the module of `ansible` takes a command: by default it does.
fn runs_module_text(call: &Call) -> bool {
    let mut words = call.words.iter().skip(1).map(Word::literal_prefix);
    let mut module = "command";
    while let Some(word) = words.next() {
        if matches!(word, "-m" | "--module-name") {
            module = words.next().unwrap_or_default();
        } else if let Some(glued) = word
            .strip_prefix("-m")
            .or(word.strip_prefix("--module-name="))
        {
            module = glued;
        }
    }
    let name = module.rsplit('.').next().unwrap_or_default();
    matches!(name, "command" | "shell" | "raw" | "script" | "win_shell")
}

/// Puts the commands of a text that could be run before the policy; whether it could be read.
pub(super) fn guessed(
    call: &Call,
    parent: usize,
    text: &str,
    depth: usize,
    seen: &mut Seen,
) -> Result<bool, ReadError> {
    let text = text.trim_start_matches(['|', '!', ' ']);
    let reading = match read_at(text, depth + 1) {
        Ok(reading) => reading,
        Err(e) if is_spent() => return Err(refuse(call, &e.reason)),
        Err(_) => return Ok(false),
    };
    seen.uses.extend(reading.uses);
    let offset = seen.out.len();
    for mut guess in reading.calls {
        guess.parent = Some(guess.parent.map_or(parent, |p| p + offset));
        guess.inside = guess.inside.map(|i| i + offset).or(call.inside);
        guess.place = Place::Wrapped;
        if guess.sudo == Sudo::No {
            guess.sudo = call.sudo;
        }
        seen.push(guess)?;
    }
    Ok(true)
}
