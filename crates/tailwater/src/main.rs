//! The program: arguments, environment and signals are read here and nowhere else in the house.

mod aws_profile;
mod broker_settings;
mod cli;
mod connect_client;
mod control;
mod demo;
mod engine;
mod environment;
mod feed;
mod follow;
mod http;
mod limits;
mod log_lines;
mod loggers;
mod metrics;
mod offsets;
mod open_files;
mod plugins;
mod render;
mod scratch;
mod server;
mod settings;
mod signals;
mod source_uri;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Failure};

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.global.apply();
    let json = cli.verb.wants_json();
    match cli::run(cli) {
        Ok(exit) => ExitCode::from(exit.code()),
        // Whoever read our output has had enough.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Output(error)) => {
            drop(writeln!(anstream::stderr(), "the output cannot be written: {error}"));
            ExitCode::FAILURE
        }
        Err(Failure::Problems(problems)) => {
            let mut err = anstream::stderr();
            if json {
                drop(writeln!(err, "{}", render::problem::json(&problems)));
            } else {
                problems.iter().for_each(|p| drop(write!(err, "{}", render::problem::text(p))));
            }
            let first = problems.iter().find(|p| p.is_error());
            ExitCode::from(first.map_or(1, tailwater_connector::Problem::exit_code))
        }
    }
}
