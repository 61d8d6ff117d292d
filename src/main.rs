#![forbid(unsafe_code)]
//! The doors: which personality was called, what it is asked to do, and the process's exit code.

use aiops::cli::{
    ApprovalCommand, ApproverCommand, Cli, Command, ConfigArg, ConfigCommand, DEFAULT_CONFIG,
    PolicyCommand, TrustCommand, VoteArgs,
};
use aiops::gate::person::Act;
use aiops::outcome::{Exit, Outcome};
use aiops::{commands, demo, gate, guard, system};
use clap::{CommandFactory, Parser};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let name = std::env::args_os().next().unwrap_or_default();
    if Path::new(&name)
        .file_name()
        .is_some_and(|n| n == "run_action")
    {
        return run_action();
    }
    start_diagnostics();
    if let Some(config) = plain_run() {
        return ExitCode::from(run(&config) as u8);
    }
    match Cli::try_parse() {
        Ok(cli) => ExitCode::from(dispatch(cli.command) as u8),
        Err(e) => {
            let asked_for_help = !e.use_stderr();
            let _ = e.print();
            ExitCode::from(if asked_for_help {
                Exit::Handled
            } else {
                Exit::BadInput
            } as u8)
        }
    }
}

/// The wrapper's personality: no arguments, nothing from the environment.
fn run_action() -> ExitCode {
    if std::env::args_os().len() > 1 {
        let message = "run_action takes no arguments: it reads one message on standard input";
        let outcome = Outcome::new(aiops::outcome::Status::Invalid, message);
        return ExitCode::from(print(&(outcome, Exit::BadInput)) as u8);
    }
    let answer = gate::answer(Path::new(DEFAULT_CONFIG), &mut io::stdin().lock());
    ExitCode::from(print(&answer) as u8)
}

/// The configuration, where the words are just `run` or `run --config FILE`: what is called for every command does not
/// wait for the grammar of all the others.
fn plain_run() -> Option<PathBuf> {
    let mut words = std::env::args_os().skip(1);
    if words.next()? != "run" {
        return None;
    }
    let config = match words.next() {
        None => DEFAULT_CONFIG.into(),
        Some(word) if word == "--config" => words.next()?.into(),
        Some(_) => return None,
    };
    words.next().is_none().then_some(config)
}

fn run(config: &Path) -> Exit {
    print(&gate::answer(config, &mut io::stdin().lock()))
}

/// Diagnostics for people go to standard error; `AIOPS_LOG=debug` shows more.
fn start_diagnostics() {
    let plain = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(false);
    match tracing_subscriber::EnvFilter::try_from_env("AIOPS_LOG") {
        Ok(filter) => plain.with_env_filter(filter).init(),
        Err(_) => plain.with_max_level(tracing::Level::WARN).init(),
    }
}

fn dispatch(command: Command) -> Exit {
    match command {
        Command::Run(arg) => run(&arg.config),
        Command::Approve(arg) => vote(arg, true),
        Command::Deny(arg) => vote(arg, false),
        Command::Freeze(arg) => act(
            &arg.config,
            &Act::Freeze {
                target: arg.target,
                why: arg.why,
                now: arg.now,
            },
        ),
        Command::Thaw(arg) => act(&arg.config, &Act::Thaw { target: arg.target }),
        Command::Approver(ApproverCommand::Add {
            config,
            name,
            replace,
            ..
        }) => act(&config, &Act::Enrol { name, replace }),
        Command::Approver(ApproverCommand::Remove { config, name, .. }) => {
            act(&config, &Act::Forget { name })
        }
        Command::Approver(ApproverCommand::List(config)) => act(&config, &Act::People),
        Command::Trust(TrustCommand::Show { config, json }) => act(&config, &Act::Trust { json }),
        Command::Trust(TrustCommand::Reset { config, rule }) => {
            act(&config, &Act::Distrust { rule })
        }
        Command::Person => commands::tell(
            Act::read(&mut io::stdin().lock())
                .and_then(|act| act.carry_out(Path::new(DEFAULT_CONFIG))),
        ),
        Command::Vote => print(&gate::vote_on_stdin(
            Path::new(DEFAULT_CONFIG),
            &mut io::stdin().lock(),
        )),
        Command::Explain(arg) => commands::explain(&arg),
        Command::Policy(PolicyCommand::Eval(arg)) => commands::policy_eval(&arg),
        Command::Policy(PolicyCommand::Check { files }) => commands::policy_check(&files),
        Command::Policy(PolicyCommand::Diff(arg)) => commands::policy_diff(&arg),
        Command::Policy(PolicyCommand::Suggest(arg)) => commands::policy_suggest(&arg),
        Command::Policy(PolicyCommand::Rules(arg)) => commands::policy_rules(&arg),
        Command::Policy(PolicyCommand::Schema) => commands::policy_schema(),
        Command::Pending(arg) => {
            let words: &[&str] = if arg.json {
                &["pending", "--json"]
            } else {
                &["pending"]
            };
            system::as_gate(&arg.config.config, words, None)
                .unwrap_or_else(|| commands::pending(&arg))
        }
        Command::Approval(ApprovalCommand::Show {
            config,
            code,
            json,
            signable,
        }) => act(
            &config,
            &Act::Show {
                code,
                json,
                signable,
            },
        ),
        Command::Audit(command) => commands::audit::audit(*command),
        Command::Config(ConfigCommand::Check(arg)) => commands::config_check(&arg.config),
        Command::Install(command) => system::install(command),
        Command::Target(command) => system::target(command),
        Command::Doctor(arg) => system::doctor(&arg),
        Command::PrintBootstrap(arg) => system::bootstrap(&arg.config),
        Command::Runbook(command) => system::runbook(&command),
        Command::Guard { execute: false } => guard::main(),
        Command::Guard { execute: true } => match guard::run::execute() {
            // The last program's exit code, not one of the gate's own.
            Ok(code) => std::process::exit(code),
            Err(e) => commands::complain(Exit::Internal, &format!("aiops guard: {e}")),
        },
        Command::Demo => match demo::play(&mut io::stdout().lock()) {
            Ok(()) => Exit::Handled,
            Err(e) => commands::complain(Exit::Internal, &e.to_string()),
        },
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "aiops", &mut io::stdout());
            Exit::Handled
        }
        Command::Man { dir } => match clap_mangen::generate_to(Cli::command(), &dir) {
            Ok(()) => Exit::Handled,
            Err(e) => commands::complain(Exit::CannotRecord, &format!("{}: {e}", dir.display())),
        },
    }
}

/// What a person wants; on an installed gateway through sudo, which tells the gate who they are.
fn act(config: &ConfigArg, act: &Act) -> Exit {
    let text = serde_json::to_string(act).unwrap_or_default();
    system::as_gate(&config.config, &["person"], Some(text))
        .unwrap_or_else(|| commands::tell(act.carry_out(&config.config)))
}

/// `aiops approve` and `aiops deny`.
fn vote(arg: VoteArgs, approve: bool) -> Exit {
    let signature = if arg.signed {
        let mut text = String::new();
        match io::stdin().lock().take(32 * 1024).read_to_string(&mut text) {
            Ok(_) => Some(text),
            Err(e) => return commands::complain(Exit::BadInput, &format!("standard input: {e}")),
        }
    } else {
        None
    };
    let verdict = if approve { "approve" } else { "deny" };
    let mut reply = serde_json::json!({"reply": verdict, "approval": arg.code});
    for (name, value) in [("comment", &arg.comment), ("signature", &signature)] {
        if let Some(value) = value {
            reply[name] = value.as_str().into();
        }
    }
    if let Some(exit) = system::as_gate(&arg.config.config, &["vote"], Some(reply.to_string())) {
        return exit;
    }
    print(&gate::vote(
        &arg.config.config,
        &arg.code,
        approve,
        arg.comment,
        signature,
    ))
}

/// One JSON document on standard output, and its exit code.
fn print((outcome, exit): &(Outcome, Exit)) -> Exit {
    let written = serde_json::to_string(outcome)
        .map_err(io::Error::from)
        .and_then(|text| {
            let mut out = io::stdout().lock();
            writeln!(out, "{text}").and_then(|()| out.flush())
        });
    match written {
        Ok(()) => *exit,
        // Nobody is left to read the answer; what happened is in the audit log.
        Err(_) => Exit::Internal,
    }
}
