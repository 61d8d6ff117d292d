//! The commands for people: explaining, checking, listing, reading the log.
//!
//! Must never run a command line or change an approval; what they print of hostile text is escaped.

pub mod audit;

use crate::cli::{DiffArgs, ExplainArgs, PendingArgs, PolicyArg, RulesArgs, SuggestArgs};
use crate::command;
use crate::config::Config;
use crate::display::{escape, escape_again};
use crate::gate::Gate;
use crate::outcome::{Exit, level_name, rfc3339};
use crate::policy::{self, Context, Decision, Policy, Risk};
use crate::shipped;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

/// Tells on standard error what went wrong.
pub fn complain(exit: Exit, message: &str) -> Exit {
    eprintln!("aiops: {message}");
    exit
}

/// Writes to standard output; a reader that went away is no fault.
fn say(text: &str) -> Exit {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Exit::Handled,
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Exit::Handled,
        Err(e) => complain(Exit::Internal, &format!("standard output: {e}")),
    }
}

/// Prints what a command for people came to.
pub fn tell(result: Result<String, crate::gate::Fault>) -> Exit {
    match result {
        Ok(text) => say(&text),
        Err(fault) => complain(fault.exit, &fault.message),
    }
}

/// A policy and what a target adds to a decision.
struct Bench {
    policy: Policy,
    name: String,
    target: Option<String>,
    tags: Vec<String>,
}

impl Bench {
    fn open(arg: &PolicyArg) -> Result<Bench, String> {
        let default = Path::new(crate::cli::DEFAULT_CONFIG);
        let path = arg
            .config
            .clone()
            .or_else(|| (arg.policy.is_none() && default.exists()).then(|| default.to_owned()));
        let config = path
            .map(|p| Config::load(&p))
            .transpose()
            .map_err(|e| e.to_string())?;
        let (policy, name) = match (&arg.policy, &config) {
            (Some(path), _) => (Policy::load(path), path.display().to_string()),
            (None, Some(config)) => (
                Policy::load(&config.policy),
                config.policy.display().to_string(),
            ),
            (None, None) => (
                shipped_policy("production.yml"),
                "production.yml (shipped)".to_owned(),
            ),
        };
        let tags = match (&arg.target, &config) {
            (Some(name), Some(config)) => match config.targets.get(name) {
                Some(target) => target.tags.clone(),
                None => return Err(format!("target {name} is not in the configuration")),
            },
            _ => Vec::new(),
        };
        Ok(Bench {
            policy: policy.map_err(|e| e.to_string())?,
            name,
            target: arg.target.clone(),
            tags,
        })
    }

    fn context(&self) -> Context<'_> {
        Context {
            target: self.target.as_deref(),
            tags: &self.tags,
            requester: "",
            now: chrono::Utc::now(),
            recent: &[],
        }
    }
}

/// Whether a file is there that we may not read.
pub(crate) fn is_denied(file: &Path) -> bool {
    std::fs::File::open(file).is_err_and(|e| e.kind() == io::ErrorKind::PermissionDenied)
}

/// A policy that ships inside the binary, by its file name.
///
/// # Errors
/// When there is none of that name.
pub fn shipped_policy(name: &str) -> Result<Policy, policy::PolicyError> {
    Policy::from_sources(name, &|path| shipped::text(path).map(str::to_owned))
}

/// `aiops explain`.
pub fn explain(arg: &ExplainArgs) -> Exit {
    let bench = match Bench::open(&arg.policy) {
        Ok(bench) => bench,
        Err(e) => return complain(Exit::BadConfig, &e),
    };
    let read = policy::read(&arg.line);
    let decision = bench.policy.decide(read.as_ref(), &bench.context());
    let exit = if decision.risk == Risk::Forbidden {
        Exit::Rejected
    } else {
        Exit::Handled
    };
    if arg.json {
        return match serde_json::to_string_pretty(&decision) {
            Ok(text) => worst(say(&format!("{text}\n")), exit),
            Err(e) => complain(Exit::Internal, &e.to_string()),
        };
    }
    let mut text = match &read {
        Ok(reading) => command::explain::draw(reading),
        Err(e) => format!(
            "It cannot be read, and so never runs:\n{}\n",
            e.draw(&arg.line)
        ),
    };
    text.push_str(&decision_text(&decision, &bench.name));
    worst(say(&text), exit)
}

fn worst(a: Exit, b: Exit) -> Exit {
    if a == Exit::Handled { b } else { a }
}

fn decision_text(decision: &Decision, policy: &str) -> String {
    let mut text = format!("\nPolicy {policy}\n");
    for call in &decision.calls {
        let rules = if call.rules.is_empty() {
            "no rule".to_owned()
        } else {
            call.rules.join(", ")
        };
        text.push_str(&format!(
            "  {:<9} {}\n            {} — {}\n",
            risk_name(call.risk),
            escape_again(&call.command),
            rules,
            escape_again(&call.why)
        ));
    }
    text.push_str(&format!(
        "\nDecision: {} ({} risk). {}\n",
        risk_name(decision.risk),
        level_name(decision.risk_level),
        escape_again(&decision.why)
    ));
    if decision.risk == Risk::ApprovalRequired {
        text.push_str(&format!("Approvals needed: {}\n", decision.quorum.need));
    }
    if let Some(canonical) = &decision.canonical {
        text.push_str(&format!("Would be sent: {}\n", escape(canonical)));
    }
    text
}

fn risk_name(risk: Risk) -> &'static str {
    match risk {
        Risk::AutoAllowed => "auto",
        Risk::ApprovalRequired => "approval",
        Risk::Forbidden => "forbidden",
    }
}

/// `aiops policy eval`.
pub fn policy_eval(arg: &PolicyArg) -> Exit {
    let bench = match Bench::open(arg) {
        Ok(bench) => bench,
        Err(e) => return complain(Exit::BadConfig, &e),
    };
    let mut input = io::stdin().lock();
    let mut output = io::BufWriter::new(io::stdout().lock());
    match policy::eval::stream(&bench.policy, &bench.context(), &mut input, &mut output)
        .and_then(|()| output.flush())
    {
        Ok(()) => Exit::Handled,
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Exit::Handled,
        Err(e) => complain(Exit::Internal, &e.to_string()),
    }
}

/// `aiops policy check`.
pub fn policy_check(files: &[PathBuf]) -> Exit {
    let mut exit = Exit::Handled;
    for file in files {
        let policy = match Policy::load(file) {
            Ok(policy) => policy,
            Err(e) => {
                exit = complain(Exit::BadConfig, &e.to_string());
                continue;
            }
        };
        let report = policy::check::check(&policy);
        print!("{}: {report}", file.display());
        if !report.holds() {
            exit = Exit::BadConfig;
        }
    }
    exit
}

/// All records of a log, rotated files too, as text.
fn records(log: &Path) -> Result<String, String> {
    let mut text = String::new();
    for part in crate::audit::files::open(log).map_err(|e| e.to_string())? {
        part.lines()
            .and_then(|mut lines| lines.read_to_string(&mut text))
            .map_err(|e| e.to_string())?;
    }
    Ok(text)
}

/// `aiops policy diff`.
pub fn policy_diff(arg: &DiffArgs) -> Exit {
    use policy::diff::{Lines, diff};
    let policies = Policy::load(&arg.old).and_then(|old| Ok((old, Policy::load(&arg.new)?)));
    let (old, new) = match policies {
        Ok(both) => both,
        Err(e) => return complain(Exit::BadConfig, &e.to_string()),
    };
    let lines = match (&arg.corpus, &arg.audit) {
        (Some(path), _) => std::fs::read_to_string(path)
            .map(|text| Lines::from_corpus(&text))
            .map_err(|e| format!("{}: {e}", path.display())),
        (None, Some(log)) => records(log)
            .and_then(|text| Lines::from_audit(&text))
            .map_err(|e| format!("{}: {e}", log.display())),
        (None, None) => Ok(Lines::from_corpus(
            &[old.examples(), new.examples()].concat().join("\n"),
        )),
    };
    let report = match lines {
        Ok(lines) => diff(&old, &new, &lines),
        Err(e) => return complain(Exit::BadInput, &e),
    };
    let text = if arg.json {
        serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"
    } else {
        report.to_string()
    };
    let exit = if arg.check && report.looser() > 0 {
        Exit::NotApplied
    } else {
        Exit::Handled
    };
    worst(say(&text), exit)
}

/// `aiops policy suggest`.
pub fn policy_suggest(arg: &SuggestArgs) -> Exit {
    let bench = match Bench::open(&arg.policy) {
        Ok(bench) => bench,
        Err(e) => return complain(Exit::BadConfig, &e),
    };
    let found = records(&arg.audit)
        .and_then(|log| policy::suggest::suggest(&bench.policy, &log, arg.least as usize));
    let found = match found {
        Ok(found) => found,
        Err(e) => return complain(Exit::BadInput, &format!("{}: {e}", arg.audit.display())),
    };
    for (line, why) in &found.left_out {
        eprintln!("aiops: not suggested: {}: {}", escape(line), escape(why));
    }
    match found.pack {
        Some(pack) => say(&pack),
        None => say(&format!(
            "# Nothing was approved {} times or more that could be suggested.\n",
            arg.least
        )),
    }
}

/// `aiops policy rules`.
pub fn policy_rules(arg: &RulesArgs) -> Exit {
    let bench = match Bench::open(&arg.policy) {
        Ok(bench) => bench,
        Err(e) => return complain(Exit::BadConfig, &e),
    };
    let rules = policy::listing::list(&bench.policy);
    if arg.json {
        return match serde_json::to_string_pretty(&rules) {
            Ok(text) => say(&format!("{text}\n")),
            Err(e) => complain(Exit::Internal, &e.to_string()),
        };
    }
    if arg.markdown {
        return say(&policy::listing::markdown(&rules));
    }
    let lines: String = rules
        .iter()
        .map(|r| format!("{:<9} {:<28} {}\n", r.decision, r.id, escape(&r.about)))
        .collect();
    say(&lines)
}

/// `aiops policy schema`.
pub fn policy_schema() -> Exit {
    say(&policy::schema::text())
}

/// `aiops pending`.
pub fn pending(arg: &PendingArgs) -> Exit {
    let gate = match Gate::open(&arg.config.config) {
        Ok(gate) => gate,
        Err(fault) => return complain(fault.exit, &fault.message),
    };
    let waiting = match gate.waiting() {
        Ok(waiting) => waiting,
        Err(fault) => return complain(fault.exit, &fault.message),
    };
    if arg.json {
        let waiting: Vec<_> = waiting.into_iter().map(|a| a.without_codes()).collect();
        return match serde_json::to_string_pretty(&waiting) {
            Ok(text) => say(&format!("{text}\n")),
            Err(e) => complain(Exit::Internal, &e.to_string()),
        };
    }
    let mut text: String = gate.frozen_lines();
    if waiting.is_empty() {
        text.push_str("No request is waiting.\n");
        return say(&text);
    }
    text.push_str(&format!(
        "{:<6} {:<12} {:<9} {:<7} {:<12} {:<24} COMMAND\n",
        "CODE", "TARGET", "RISK", "VOTES", "REQUESTER", "EXPIRES"
    ));
    for approval in &waiting {
        let q = &approval.question;
        text.push_str(&format!(
            "{:<6} {:<12} {:<9} {:<7} {:<12} {:<24} {}\n",
            approval.code,
            escape(&q.target),
            level_name(q.risk_level),
            format!("{}/{}", approval.have(), q.quorum.need),
            escape(&q.requester),
            rfc3339(q.expires_at),
            escape(&q.command)
        ));
    }
    say(&text)
}

/// `aiops config check`.
pub fn config_check(path: &Path) -> Exit {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(e) => return complain(Exit::BadConfig, &e.to_string()),
    };
    let policy = match Policy::load(&config.policy) {
        Ok(policy) => policy,
        Err(e) => return complain(Exit::BadConfig, &e.to_string()),
    };
    let targets: Vec<&str> = config.targets.keys().map(String::as_str).collect();
    let mut text = format!(
        "{}: good\npolicy {} (sha256 {})\ntargets: {}\n",
        path.display(),
        config.policy.display(),
        policy.hash(),
        targets.join(", ")
    );
    for obstacle in crate::gate::people::obstacles(&config, &policy) {
        text.push_str(&format!("warning: {obstacle}\n"));
    }
    say(&text)
}
