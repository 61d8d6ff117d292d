//! `aiops audit`: for the auditor.
//!
//! Must never change a record. Sealing and rotating only add to the log.

use super::{complain, say, worst};
use crate::audit::export::Format;
use crate::audit::query::{self, Filter};
use crate::audit::seal::{Seed, State};
use crate::audit::ship::{self, Shipment, To};
use crate::audit::stream::{self, Record};
use crate::audit::verify::{self, Options};
use crate::audit::{Log, files, report, rotate::Rotation, stats::Stats, tail};
use crate::cli::DEFAULT_CONFIG;
use crate::cli::{AuditCommand, LogArg, SealCommand};
use crate::config::Config;
use crate::outcome::Exit;
use std::collections::VecDeque;
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
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
        AuditCommand::Query {
            log,
            filter,
            lines,
            json,
        } => query(&log, &filter.filter(), lines, json),
        AuditCommand::Show { log, seq, json } => show(&log, seq, json),
        AuditCommand::Trace { log, id, json } => trace(&log, &id, json),
        AuditCommand::Stats { log, filter, json } => stats(&log, &filter.filter(), json),
        AuditCommand::Export {
            log,
            format,
            filter,
            follow,
            to,
            cursor,
        } => export(
            &log,
            format,
            &filter.filter(),
            follow,
            &to,
            cursor.as_deref(),
        ),
        AuditCommand::Report {
            log,
            filter,
            output,
            seed,
            html: _,
        } => report(&log, filter.filter(), output.as_deref(), seed.as_deref()),
        AuditCommand::Seal(SealCommand::Init { log, period }) => seal_init(&log, period),
        AuditCommand::Seal(SealCommand::Now { log }) => seal_now(&log),
        AuditCommand::Seal(SealCommand::Status { log }) => seal_status(&log),
        AuditCommand::Rotate { log, compress } => rotate(&log, compress),
    };
    done.unwrap_or_else(|(exit, message)| complain(exit, &message))
}

/// Where `aiops install gateway` puts the log.
const INSTALLED_LOG: &str = "/opt/aiops/audit/audit.jsonl";

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
        // Approvers may read the log of an installed gateway, but not its configuration.
        None if arg.config == Path::new(DEFAULT_CONFIG) && super::is_denied(&arg.config) => {
            Ok((PathBuf::from(INSTALLED_LOG), Rotation::default()))
        }
        None => Config::load(&arg.config)
            .map(|c| (c.audit_log.clone(), c.audit.rotation()))
            .map_err(|e| bad(Exit::BadConfig)(&e)),
    }
}

/// A log that is there: these commands must not make one where somebody mistyped its name.
fn open(arg: &LogArg) -> Result<(Log, PathBuf, Rotation), (Exit, String)> {
    let (path, rotation) = log_and_rotation(arg)?;
    if !files::is_there(&path) {
        return Err((
            Exit::BadInput,
            format!("{}: there is no such log", path.display()),
        ));
    }
    let log = Log::open(&path).map_err(|e| bad(Exit::CannotRecord)(&e))?;
    Ok((log, path, rotation))
}

fn colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Writes lines to standard output as they are found; a reader that went away ends it quietly.
struct Printer {
    out: io::BufWriter<io::StdoutLock<'static>>,
    closed: bool,
}

impl Printer {
    fn new() -> Printer {
        Printer {
            out: io::BufWriter::new(io::stdout().lock()),
            closed: false,
        }
    }

    /// Whether anybody reads on.
    fn line(&mut self, text: &str) -> io::Result<bool> {
        let written = writeln!(self.out, "{text}");
        self.judge(written)
    }

    fn judge(&mut self, written: io::Result<()>) -> io::Result<bool> {
        match written {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(false)
            }
            other => other.map(|()| true),
        }
    }

    fn finish(mut self) -> io::Result<()> {
        if self.closed {
            // Nobody would read what is left in the buffer.
            let (_, _) = self.out.into_parts();
            return Ok(());
        }
        let flushed = self.out.flush();
        self.judge(flushed).map(|_| ())
    }
}

fn query(arg: &LogArg, filter: &Filter, lines: Option<usize>, json: bool) -> Done {
    let path = log_path(arg)?;
    let colour = colour();
    let draw = |record: &Record| {
        if json {
            record.raw.clone()
        } else {
            tail::event_line(&record.raw, colour)
        }
    };
    let mut printer = Printer::new();
    let mut last = VecDeque::new();
    let mut found = 0u64;
    let done = stream::each(&path, |record| {
        if !filter.matches(&record) {
            return Ok(true);
        }
        found += 1;
        let Some(count) = lines else {
            return printer.line(&draw(&record));
        };
        last.push_back(draw(&record));
        if last.len() > count {
            last.pop_front();
        }
        Ok(true)
    });
    let done = done.and_then(|()| {
        for line in &last {
            if !printer.line(line)? {
                break;
            }
        }
        printer.finish()
    });
    done.map_err(|e| bad(Exit::BadInput)(&e))?;
    if found == 0 {
        return Err((Exit::NotApplied, "no record fits".into()));
    }
    Ok(Exit::Handled)
}

fn show(arg: &LogArg, seq: u64, json: bool) -> Done {
    let path = log_path(arg)?;
    match query::find(&path, seq).map_err(|e| bad(Exit::BadInput)(&e))? {
        Some(record) if json => Ok(say(&format!("{}\n", record.raw))),
        Some(record) => Ok(say(&query::show(&record))),
        None => Err((Exit::NotApplied, format!("there is no record {seq}"))),
    }
}

fn trace(arg: &LogArg, id: &str, json: bool) -> Done {
    let path = log_path(arg)?;
    let story = query::trace(&path, id).map_err(|e| bad(Exit::BadInput)(&e))?;
    if story.is_empty() {
        return Err((
            Exit::NotApplied,
            format!(
                "no record has the approval, run or request id {}",
                crate::display::escape(id)
            ),
        ));
    }
    Ok(say(&if json {
        story.iter().map(|r| format!("{}\n", r.raw)).collect()
    } else {
        query::tell(&story, colour())
    }))
}

fn stats(arg: &LogArg, filter: &Filter, json: bool) -> Done {
    let path = log_path(arg)?;
    let mut stats = Stats::default();
    stream::each(&path, |record| {
        if filter.matches(&record) {
            stats.add(&record);
        }
        Ok(true)
    })
    .map_err(|e| bad(Exit::BadInput)(&e))?;
    let stats = stats.finish();
    Ok(say(&if json {
        serde_json::to_string_pretty(&stats).unwrap_or_default() + "\n"
    } else {
        stats.draw()
    }))
}

fn export(
    arg: &LogArg,
    format: Format,
    filter: &Filter,
    follow: bool,
    to: &To,
    cursor: Option<&Path>,
) -> Done {
    let path = log_path(arg)?;
    if follow || cursor.is_some() || *to != To::Stdout {
        if !filter.is_empty() {
            return Err((
                Exit::BadInput,
                "records are sent all or none: filter where they arrive, or export without --follow, --to and --cursor".into(),
            ));
        }
        let shipment = Shipment {
            log: &path,
            to,
            format,
            cursor,
            follow,
        };
        return ship::ship(&shipment)
            .map(|()| Exit::Handled)
            .map_err(|e| bad(Exit::Unreachable)(&e));
    }
    let mut printer = Printer::new();
    let head = match format.head() {
        Some(head) => printer.line(&head),
        None => Ok(true),
    };
    head.and_then(|open| {
        if open {
            stream::each(&path, |record| {
                if filter.matches(&record) {
                    return printer.line(&format.line(&record));
                }
                Ok(true)
            })?;
        }
        printer.finish()
    })
    .map(|()| Exit::Handled)
    .map_err(|e| bad(Exit::BadInput)(&e))
}

fn report(arg: &LogArg, mut filter: Filter, output: Option<&Path>, seed: Option<&Path>) -> Done {
    let path = log_path(arg)?;
    if filter.since.is_none() && filter.until.is_none() {
        filter.since = Some(report::last_month());
    }
    let seeds = seed.map(read_seeds).transpose()?.unwrap_or_default();
    let options = Options { seeds, first: None };
    let verified = verify::verify_with(&path, &options).map_err(|e| bad(Exit::BadInput)(&e))?;
    let html = report::html(&path, &filter, &verified).map_err(|e| bad(Exit::BadInput)(&e))?;
    let exit = if verified.holds() {
        Exit::Handled
    } else {
        Exit::NotApplied
    };
    let Some(output) = output else {
        return Ok(worst(say(&html), exit));
    };
    // What ran on whose machine is nobody else's business.
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(output)
        .and_then(|mut file| file.write_all(html.as_bytes()));
    written.map_err(|e| (Exit::CannotRecord, format!("{}: {e}", output.display())))?;
    Ok(exit)
}

fn show_tail(arg: &LogArg, lines: usize, follow: bool) -> Done {
    let path = log_path(arg)?;
    tail::tail(&path, lines, follow, colour(), &mut io::stdout())
        .map(|()| Exit::Handled)
        .map_err(|e| bad(Exit::BadInput)(&e))
}

fn verify(arg: &LogArg, seed: Option<&Path>, first: Option<u64>, json: bool) -> Done {
    let path = log_path(arg)?;
    let seeds = seed.map(read_seeds).transpose()?.unwrap_or_default();
    let report = verify::verify_with(&path, &Options { seeds, first })
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

fn read_seeds(path: &Path) -> Result<Vec<Seed>, (Exit, String)> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().take(4096).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|f| f.take(4096).read_to_string(&mut text))
    };
    read.map_err(|e| (Exit::BadInput, format!("{}: {e}", path.display())))?;
    Seed::parse_all(&text).map_err(|e| (Exit::BadInput, format!("{}: {e}", path.display())))
}

fn seal_init(arg: &LogArg, period: u64) -> Done {
    // On a new gateway there is no record yet: the configuration's own log is made.
    let (log, path) = match &arg.log {
        Some(_) => {
            let (log, path, _) = open(arg)?;
            (log, path)
        }
        None => {
            let path = log_path(arg)?;
            let log = Log::open(&path).map_err(|e| bad(Exit::CannotRecord)(&e))?;
            (log, path)
        }
    };
    let cannot = bad(Exit::CannotRecord);
    if State::load(&path).map_err(|e| cannot(&e))?.is_some() {
        return Err((
            Exit::CannotRecord,
            format!("{}: this log is sealed already", path.display()),
        ));
    }
    let seed = Seed::random().map_err(|e| cannot(&e))?;
    eprintln!(
        "{} is sealed from now on, every {period} s. The seed below is shown this once and kept nowhere\n\
         on this machine. The auditor keeps it elsewhere, on paper or in a safe, and verifies with\n\
         `aiops audit verify --seed FILE`.",
        path.display()
    );
    // Shown before it is used: a seed that nobody has seen would seal for nobody.
    let mut out = io::stdout().lock();
    writeln!(out, "{}", seed.show())
        .and_then(|()| out.flush())
        .map_err(|e| {
            (
                Exit::CannotRecord,
                format!("the seed cannot be shown, so the log is not sealed: {e}"),
            )
        })?;
    log.seal_with(&seed, period).map_err(|e| {
        (
            Exit::CannotRecord,
            format!("{e}\nThe log is not sealed: throw the seed above away"),
        )
    })?;
    Ok(Exit::Handled)
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
