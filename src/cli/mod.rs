//! The command line: arguments in, an exit code out. Opens and prints; decides nothing about trade.

mod args;
mod args_backtest;
mod args_dead_letters;
mod args_diff;
mod args_simulate;
mod args_source;
mod assess;
mod backtest;
mod begun;
mod check;
mod dead_letters;
mod diff;
mod diff_table;
mod exit;
mod explain;
mod fed;
mod feed;
mod input;
mod joined;
mod known;
mod layout;
mod letters;
mod log;
mod lost;
mod other_build;
mod pace;
mod parquet;
mod prefixed;
mod print;
mod progress;
mod reading;
mod registry;
mod replay;
mod report;
mod run;
mod sample;
mod sending;
mod show_sample;
mod simulate;
mod topics;
mod wiring;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Arguments, Command, LogForm};
use exit::Exits;
pub use exit::{Exit, Failure, Outcome};

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    match Arguments::try_parse_from(std::env::args_os()) {
        Ok(arguments) => end(&arguments).into(),
        Err(error) => refuse(&error).into(),
    }
}

/// Prints help, version, or what is wrong with the arguments.
fn refuse(error: &clap::Error) -> Exit {
    let printed = error.print().exits(Exit::CannotCreate);
    match (error.kind(), printed) {
        (ErrorKind::DisplayHelp | ErrorKind::DisplayVersion, Ok(())) => Exit::Done,
        (ErrorKind::DisplayHelp | ErrorKind::DisplayVersion, Err(failure)) => fail(&failure, LogForm::Text),
        _ => Exit::Usage,
    }
}

fn end(arguments: &Arguments) -> Exit {
    start_log(arguments);
    dispatch(arguments).unwrap_or_else(|failure| fail(&failure, arguments.log))
}

/// Tells why a command did not come to its end.
fn fail(failure: &Failure, log: LogForm) -> Exit {
    if failure.is_closed_pipe() {
        return Exit::Done;
    }
    match log {
        // Where nobody can be told, the exit code still is.
        LogForm::Text => drop(writeln!(std::io::stderr(), "error: {:#}", failure.error)),
        LogForm::Json => tracing::error!(exit = failure.exit as u8, "{:#}", failure.error),
    }
    failure.exit
}

fn dispatch(arguments: &Arguments) -> Outcome {
    let config = crate::config::load(arguments.config.as_deref(), &arguments.set)?;
    match &arguments.command {
        Command::Assess(args) => assess::run(&config, args),
        Command::Feed(args) => feed::run(&config, args),
        Command::Topics(args) => topics::run(&config, args),
        Command::Replay(args) => replay::run(&config, args),
        Command::Backtest(args) => backtest::run(&config, args),
        Command::Diff(args) => diff::run((&config, arguments), args),
        Command::Explain(args) => explain::run(&config, args),
        Command::DeadLetters(args) => dead_letters::run(&config, args),
        Command::Run(args) => run::run(&config, args),
        Command::Check(args) => check::run(&config, args),
        Command::Simulate(args) => simulate::run(args),
    }
}

/// The log goes to stderr: text or JSON, never a record's content.
fn start_log(arguments: &Arguments) {
    let level = match (arguments.quiet, arguments.verbose) {
        (true, _) => "warn",
        (_, true) => "debug",
        _ => "info",
    };
    let filter = crate::config::log_filter().unwrap_or_else(|| level.to_owned());
    let filter = tracing_subscriber::EnvFilter::try_new(&filter).unwrap_or_else(|_| level.into());
    let colour = std::io::stderr().is_terminal() && !crate::config::no_color();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A line that cannot be written, on a full disk or to a reader that is gone, would be told on stderr, by a panic.
    let log = log.log_internal_errors(false);
    // A second start of the log is a test's doing; the first one holds.
    let _ = match arguments.log {
        LogForm::Text => log.with_ansi(colour).try_init(),
        LogForm::Json => log.json().flatten_event(true).try_init(),
    };
}
