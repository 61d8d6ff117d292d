//! From a canonical line to the programs that run, without any shell where the line is literal.
//!
//! A line of simple commands with literal words becomes a list of argument vectors. What needs a
//! shell (patterns, expansions, loops) becomes one call of that shell, as the login user; a `sudo`
//! inside such a line could not be checked word for word, so it is refused.

use crate::command::strict::{self, Joint, Simple};
use crate::command::{Redirection, Segment, Shell, Word, render};
use serde::{Deserialize, Serialize};

/// Pipelines, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The user of what is not run as root.
    pub user: String,
    /// The pipelines.
    pub pipelines: Vec<Pipeline>,
    /// Whether a person was asked: then its programs may take what memory they need.
    pub asked: bool,
}

/// One pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// When it runs.
    pub when: When,
    /// Its programs, each reading what the one before writes.
    pub stages: Vec<Stage>,
}

/// What the exit status of the pipeline before must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// Whatever it was.
    Always,
    /// Zero.
    Succeeded,
    /// Not zero.
    Failed,
}

/// One program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its argument vector.
    pub argv: Vec<String>,
    /// Whether it runs as root.
    pub root: bool,
    /// Variables set for it alone.
    pub env: Vec<(String, String)>,
    /// Standard input is `/dev/null`, whatever the pipeline.
    pub no_input: bool,
    /// What happens to its descriptors 1 and 2, in order.
    pub redirections: Vec<Redirect>,
}

/// A redirection of descriptor 1 or 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Redirect {
    /// To `/dev/null`.
    Null(u8),
    /// To where the other descriptor goes at this point.
    Like(u8, u8),
}

/// Names that only a shell has; a program of that name, if there is one, does something else.
const SHELL_ONLY: [&str; 30] = [
    ".", ":", "alias", "bg", "break", "cd", "command", "continue", "eval", "exec", "exit",
    "export", "fc", "fg", "getopts", "hash", "jobs", "local", "read", "readonly", "return", "set",
    "shift", "source", "times", "trap", "type", "ulimit", "umask", "unset",
];

/// Plans a line.
///
/// # Errors
/// Why it cannot run under the guard.
pub fn plan(line: &str, shell: Shell, user: &str, has_sudo: bool) -> Result<Work, String> {
    if shell == Shell::Posix
        && let Ok(parsed) = strict::read(line)
        && let Some(pipelines) = literal(&parsed)?
    {
        return Ok(Work {
            user: user.to_owned(),
            pipelines,
            asked: false,
        });
    }
    if has_sudo {
        return Err("a line that needs a shell (patterns, expansions, cd, loops) cannot use sudo under the guard: \
            send the privileged command by itself, with literal words"
            .into());
    }
    let argv: &[&str] = match shell {
        Shell::Bash => &["bash", "--noprofile", "--norc", "-c", "--"],
        Shell::Posix if std::path::Path::new("/bin/dash").exists() => &["/bin/dash", "-c", "--"],
        Shell::Posix => &["/bin/sh", "-c", "--"],
    };
    let mut argv: Vec<String> = argv.iter().map(|w| (*w).to_owned()).collect();
    argv.push(line.to_owned());
    Ok(Work {
        user: user.to_owned(),
        pipelines: vec![Pipeline {
            when: When::Always,
            stages: vec![Stage {
                argv,
                root: false,
                env: Vec::new(),
                no_input: true,
                redirections: Vec::new(),
            }],
        }],
        asked: false,
    })
}

/// The line with each pattern in place of which `find` gives names, as literal words; none if it needs a shell for
/// more than that.
///
/// # Errors
/// When `find` fails.
pub fn expanded(
    line: &str,
    find: impl Fn(&str) -> Result<Vec<String>, String>,
) -> Result<Option<String>, String> {
    let Ok(mut parsed) = strict::read(line) else {
        return Ok(None);
    };
    for command in parsed
        .pipelines
        .iter_mut()
        .flat_map(|(_, commands)| commands)
    {
        let mut words = Vec::new();
        for word in &command.words {
            if word.literal().is_some() {
                words.push(word.clone());
            } else if word.is_glob() && !words.is_empty() {
                let mut pattern = String::new();
                render::word(&mut pattern, word, false);
                words.extend(find(&pattern)?.into_iter().map(|name| Word {
                    segments: vec![Segment::Literal(name)],
                    span: word.span,
                }));
            } else {
                return Ok(None);
            }
        }
        command.words = words;
    }
    Ok(Some(render::line(&parsed)))
}

/// The pipelines, if every word is literal and every command a program.
fn literal(line: &strict::Line) -> Result<Option<Vec<Pipeline>>, String> {
    let mut pipelines = Vec::new();
    for (joint, commands) in &line.pipelines {
        let mut stages = Vec::new();
        for command in commands {
            match stage(command)? {
                Some(stage) => stages.push(stage),
                None => return Ok(None),
            }
        }
        pipelines.push(Pipeline {
            when: match joint {
                Joint::Then => When::Always,
                Joint::And => When::Succeeded,
                Joint::Or => When::Failed,
            },
            stages,
        });
    }
    Ok(Some(pipelines))
}

fn stage(command: &Simple) -> Result<Option<Stage>, String> {
    let words: Option<Vec<String>> = command
        .words
        .iter()
        .map(|w| w.literal().map(str::to_owned))
        .collect();
    let env: Option<Vec<(String, String)>> = command
        .assignments
        .iter()
        .map(|a| Some((a.name.clone(), Word::literal(&a.value)?.to_owned())))
        .collect();
    let (Some(mut argv), Some(env)) = (words, env) else {
        return Ok(None);
    };
    let mut no_input = false;
    let mut redirections = Vec::new();
    for redirection in &command.redirections {
        match redirect(redirection) {
            Some(Some(one)) => redirections.push(one),
            Some(None) => no_input = true,
            None => return Ok(None),
        }
    }
    let root = argv
        .first()
        .is_some_and(|w| matches!(w.as_str(), "sudo" | "/usr/bin/sudo"));
    if root {
        if !env.is_empty() {
            return Err("variables in front of sudo: sudo would not pass them on".into());
        }
        argv = without_sudo(argv)?;
    }
    match argv.first() {
        None => return Ok(None),
        Some(name) if !root && SHELL_ONLY.contains(&name.as_str()) => return Ok(None),
        Some(_) => {}
    }
    Ok(Some(Stage {
        argv,
        root,
        env,
        no_input,
        redirections,
    }))
}

/// What `sudo` would run as root; options that change its meaning are refused.
fn without_sudo(argv: Vec<String>) -> Result<Vec<String>, String> {
    let mut words = argv.into_iter().skip(1).peekable();
    while let Some(word) = words.peek() {
        match word.as_str() {
            "-n" | "--non-interactive" | "-uroot" | "--user=root" => drop(words.next()),
            "-u" | "--user" => {
                words.next();
                if words.next().as_deref() != Some("root") {
                    return Err(
                        "the guard runs commands as root or as its login user, not as others"
                            .into(),
                    );
                }
            }
            "--" => {
                words.next();
                break;
            }
            other if other.starts_with('-') => {
                return Err(format!(
                    "sudo {}: the guard knows no such option",
                    crate::display::escape(other)
                ));
            }
            _ => break,
        }
    }
    let rest: Vec<String> = words.collect();
    match rest.first() {
        None => Err("sudo without a command".into()),
        Some(word) if word.contains('=') => {
            Err("sudo with a variable: send the command without it".into())
        }
        Some(_) => Ok(rest),
    }
}

/// A harmless redirection: of an output, of standard input (`Some(None)`), or none that is known here.
fn redirect(redirection: &Redirection) -> Option<Option<Redirect>> {
    let target = redirection.target.literal()?;
    let number = |default: u8| -> Option<u8> {
        match redirection.descriptor.as_deref() {
            None => Some(default),
            Some("0") => Some(0),
            Some("1") => Some(1),
            Some("2") => Some(2),
            Some(_) => None,
        }
    };
    match (redirection.operator.as_str(), target) {
        ("<", "/dev/null") => (number(0)? == 0).then_some(None),
        (">" | ">>" | ">|", "/dev/null") => {
            let fd = number(1)?;
            (fd != 0).then_some(Some(Redirect::Null(fd)))
        }
        (">&", "1" | "2") => {
            let fd = number(1)?;
            let to = if target == "1" { 1 } else { 2 };
            (fd != 0).then_some(Some(Redirect::Like(fd, to)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(line: &str) -> Result<Work, String> {
        plan(line, Shell::Posix, "aiops", line.contains("sudo"))
    }

    #[test]
    fn literal_lines_need_no_shell() {
        let work =
            planned("sudo -n systemctl restart nginx 2>&1 && 'uptime' | grep 'a b' >/dev/null")
                .unwrap();
        assert_eq!(work.pipelines.len(), 2);
        let first = &work.pipelines[0].stages[0];
        assert!(first.root);
        assert_eq!(first.argv, ["systemctl", "restart", "nginx"]);
        assert_eq!(first.redirections, [Redirect::Like(2, 1)]);
        assert_eq!(work.pipelines[1].when, When::Succeeded);
        let grep = &work.pipelines[1].stages[1];
        assert!(!grep.root);
        assert_eq!(grep.argv, ["grep", "a b"]);
        assert_eq!(grep.redirections, [Redirect::Null(1)]);
    }

    #[test]
    fn patterns_become_names_and_names_stay_words() {
        let find = |pattern: &str| match pattern {
            "/var/log/*.log" => Ok(vec![
                "/var/log/a b.log".to_owned(),
                "/var/log/-x;id.log".into(),
            ]),
            _ => Err("no".to_owned()),
        };
        let line = expanded("sudo tail -n 1 /var/log/*.log | wc -l", find)
            .unwrap()
            .unwrap();
        let work = planned(&line).unwrap();
        assert_eq!(
            work.pipelines[0].stages[0].argv,
            ["tail", "-n", "1", "/var/log/a b.log", "/var/log/-x;id.log"]
        );
        assert!(expanded("sudo ls /x/*", find).is_err());
        assert_eq!(
            expanded("*/sudo ls", find).unwrap(),
            None,
            "no command by pattern"
        );
        assert_eq!(
            expanded("for i in 1; do sudo ls; done", find).unwrap(),
            None
        );
    }

    #[test]
    fn what_needs_a_shell_gets_one_and_never_as_root() {
        let work = planned("ls /var/log/*.log").unwrap();
        assert_eq!(
            work.pipelines[0].stages[0].argv.last().unwrap(),
            "ls /var/log/*.log"
        );
        assert!(!work.pipelines[0].stages[0].root);
        assert!(planned("cd /tmp && ls").unwrap().pipelines[0].stages[0].argv[0].contains("sh"));
        for line in [
            "sudo ls /var/log/*.log",
            "cd /tmp && sudo ls",
            "sudo -s",
            "sudo -u www-data id",
            "sudo",
            "sudo A=b id",
            "LC_ALL=C sudo id",
            "sudo -i id",
        ] {
            assert!(planned(line).is_err(), "{line}");
        }
    }
}
