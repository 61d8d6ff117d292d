//! `aiops audit`: for the auditor.
//!
//! Must never change a record. Sealing and rotating only add to the log.

use super::{complain, say, worst};
use crate::audit::seal::{Seed, State};
use crate::audit::verify::{self, Options};
use crate::audit::{Log, rotate::Rotation, tail};
use crate::cli::{AuditCommand, LogArg, SealCommand};
use crate::config::Config;
use crate::outcome::Exit;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

/// `aiops audit …`.
pub fn audit(command: AuditCommand) -> Exit {
    let done = match command {
        AuditCommand::Tail { log, lines, follow } => show_tail(&log, lines, follow),
        AuditCommand::Verify {
            log,
            seed,
            first,
            json,
        } => verify(&log, seed.as_deref(), first, json),
        AuditCommand::Seal(SealCommand::Init { log, period }) => seal_init(&log, period),
        AuditCommand::Seal(SealCommand::Now { log }) => seal_now(&log),
        AuditCommand::Seal(SealCommand::Status { log }) => seal_status(&log),
        AuditCommand::Rotate { log, compress } => rotate(&log, compress),
    };
    done.unwrap_or_else(|(exit, message)| complain(exit, &message))
}

type Done = Result<Exit, (Exit, String)>;

fn bad(exit: Exit) -> impl Fn(&dyn std::fmt::Display) -> (Exit, String) {
    move |e| (exit, e.to_string())
}

fn log_path(arg: &LogArg) -> Result<PathBuf, (Exit, String)> {
    Ok(log_and_rotation(arg)?.0)
}

fn log_and_rotation(arg: &LogArg) -> Result<(PathBuf, Rotation), (Exit, String)> {
    match &arg.log {
        Some(path) => Ok((path.clone(), Rotation::default())),
        None => Config::load(&arg.config)
            .map(|c| (c.audit_log.clone(), c.audit.rotation()))
            .map_err(|e| bad(Exit::BadConfig)(&e)),
    }
}

/// A log that is there: these commands must not make one where somebody mistyped its name.
fn open(arg: &LogArg) -> Result<(Log, PathBuf, Rotation), (Exit, String)> {
    let (path, rotation) = log_and_rotation(arg)?;
    if !path.exists() {
        return Err((
            Exit::BadInput,
            format!("{}: there is no such log", path.display()),
        ));
    }
    let log = Log::open(&path).map_err(|e| bad(Exit::CannotRecord)(&e))?;
    Ok((log, path, rotation))
}

fn show_tail(arg: &LogArg, lines: usize, follow: bool) -> Done {
    let path = log_path(arg)?;
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tail::tail(&path, lines, follow, colour, &mut io::stdout())
        .map(|()| Exit::Handled)
        .map_err(|e| bad(Exit::BadInput)(&e))
}

fn verify(arg: &LogArg, seed: Option<&Path>, first: Option<u64>, json: bool) -> Done {
    let path = log_path(arg)?;
    let seed = seed.map(read_seed).transpose()?;
    let report = verify::verify_with(&path, &Options { seed, first })
        .map_err(|e| bad(Exit::BadInput)(&e))?;
    let text = if json {
        serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"
    } else {
        report.to_string()
    };
    let exit = if report.holds() {
        Exit::Handled
    } else {
        Exit::NotApplied
    };
    Ok(worst(say(&text), exit))
}

fn read_seed(path: &Path) -> Result<Seed, (Exit, String)> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().take(4096).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|f| f.take(4096).read_to_string(&mut text))
    };
    read.map_err(|e| (Exit::BadInput, format!("{}: {e}", path.display())))?;
    Seed::parse(&text).map_err(|e| (Exit::BadInput, format!("{}: {e}", path.display())))
}

fn seal_init(arg: &LogArg, period: u64) -> Done {
    let (log, path, _) = open(arg)?;
    let seed = log
        .seal_init(period)
        .map_err(|e| bad(Exit::CannotRecord)(&e))?;
    eprintln!(
        "{} is sealed from now on, every {period} s. The seed below is shown this once and kept nowhere\n\
         on this machine. The auditor keeps it elsewhere, on paper or in a safe, and verifies with\n\
         `aiops audit verify --seed FILE`.",
        path.display()
    );
    Ok(say(&format!("{}\n", seed.show())))
}

fn seal_now(arg: &LogArg) -> Done {
    let (log, path, _) = open(arg)?;
    let sealed = log.seal_now().map_err(|e| bad(Exit::CannotRecord)(&e))?;
    Ok(say(&format!(
        "{}: sealed in record {}\n",
        path.display(),
        sealed.seq
    )))
}

fn seal_status(arg: &LogArg) -> Done {
    let path = log_path(arg)?;
    match State::load(&path).map_err(|e| bad(Exit::BadInput)(&e))? {
        Some(state) => Ok(say(&format!("{}: {}\n", path.display(), state.describe()))),
        None => Ok(worst(
            say(&format!(
                "{}: not sealed. `aiops audit seal init` begins it\n",
                path.display()
            )),
            Exit::NotApplied,
        )),
    }
}

fn rotate(arg: &LogArg, compress: bool) -> Done {
    let (path, mut rotation) = log_and_rotation(arg)?;
    if !path.exists() {
        return Err((
            Exit::BadInput,
            format!("{}: there is no such log", path.display()),
        ));
    }
    rotation.compress |= compress;
    let closed = Log::open_rotating(&path, rotation)
        .and_then(|log| log.rotate_now())
        .map_err(|e| bad(Exit::CannotRecord)(&e))?;
    Ok(say(&match closed {
        Some(closed) => format!("{}: closed as {}\n", path.display(), closed.display()),
        None => format!(
            "{}: it is empty, so there is nothing to rotate\n",
            path.display()
        ),
    }))
}
