//! The command line: one file per command; `output` is the only one that prints.
//!
//! Exit codes: 0 done, 1 finished with failures, 2 the arguments or the configuration cannot be used. The commands that end by
//! themselves open the database directly, so they work beside a running `serve`, which notices within a second.

mod adopt;
mod advice;
mod audit;
mod core_dump;
mod credentials;
mod demo;
mod doctor;
mod erase;
mod export;
mod failure;
mod import;
mod import_state;
mod init;
mod keys;
mod logging;
mod openapi;
mod output;
mod plan;
mod predecessor;
mod progress;
mod retry;
mod rotate_key;
mod sandbox;
mod serve;
mod signal;
mod status;
mod steps;
mod sync;
mod table;
mod token;
mod webhooks;
mod why;
mod words;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use self::failure::{Exit, Failure};
use self::logging::Verbosity;
use self::output::{Form, Output};
use crate::assemble::Setup;
use crate::config::{ConfigPath, EnvVars};

/// Tasks that are still running when a command has ended (a connection being closed, say) get this long.
const LINGER: Duration = Duration::from_millis(500);

/// The server side of a Monite integration: customers and users go in, entities, roles, entity users and tokens come out.
#[derive(Debug, Parser)]
#[command(name = "monite-bridge", version, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 finished with failures, 2 usage or configuration error.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Configuration file [default: ./monite-bridge.toml, if it is there]
    #[arg(long, global = true, env = "MONITE_BRIDGE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document on stdout, and errors as JSON on stderr
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    Sandbox(sandbox::Sandbox),
    Init(init::Init),
    Credentials(credentials::Credentials),
    Keys(keys::Keys),
    Audit(audit::AuditLog),
    Import(import::Import),
    Export(export::Export),
    ImportState(import_state::ImportState),
    Plan(plan::Plan),
    Sync(sync::Sync),
    Status(status::Status),
    Why(why::Why),
    Retry(retry::Retry),
    Adopt(adopt::Adopt),
    Erase(erase::Erase),
    Doctor(doctor::Doctor),
    Token(token::Token),
    Webhooks(webhooks::Webhooks),
    Openapi(openapi::Openapi),
}

/// Runs the command that `args` (program name first) ask for and says how it ended.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let env = EnvVars::of_process();
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return misused(&error, &args, &env),
    };
    let output = Output::new(if cli.json { Form::Json } else { Form::Text }, &env);
    let exit = in_runtime(cli, &output, env).unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.exit
    });
    ExitCode::from(exit.code())
}

/// `--help` and `--version` are results; everything else clap has to say is an error.
fn misused(error: &clap::Error, args: &[OsString], env: &EnvVars) -> ExitCode {
    let wants_json = args.iter().any(|arg| arg == "--json");
    if error.use_stderr() && wants_json {
        let text = error.to_string();
        let message = text.trim().trim_start_matches("error: ");
        Output::new(Form::Json, env)
            .failure(&Failure::usage(message, "Run the command with --help to see what it takes."));
    } else {
        // Nobody reads any more if this fails.
        let _ = error.print();
    }
    ExitCode::from(if error.use_stderr() { Exit::Usage.code() } else { Exit::Done.code() })
}

fn in_runtime(cli: Cli, output: &Output, env: EnvVars) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::failed(format!("cannot start: {error}"), "Check the limits on threads and open files of this user.")
    })?;
    logging::start(cli.command.verbosity(), output, &env);
    let exit = runtime.block_on(dispatch(cli, output, env));
    runtime.shutdown_timeout(LINGER);
    exit
}

async fn dispatch(cli: Cli, output: &Output, env: EnvVars) -> Result<Exit, Failure> {
    let config = cli.config.clone();
    let setup = || {
        let path = cli.config.map_or(ConfigPath::Default, ConfigPath::Explicit);
        Setup::load(&path, &env).map_err(Failure::from)
    };
    match cli.command {
        Command::Demo(demo) => demo.run(output).await,
        Command::Sandbox(sandbox) => sandbox.run(output).await,
        Command::Init(init) => init.run(config, output),
        Command::Openapi(openapi) => openapi.run(output),
        Command::Serve(serve) => serve.run(setup()?, output).await,
        Command::Credentials(credentials) => credentials.run(&setup()?, output).await,
        Command::Keys(keys) => keys.run(&setup()?, output).await,
        Command::Audit(audit) => audit.run(&setup()?, output).await,
        Command::Import(import) => import.run(&setup()?, output).await,
        Command::Export(export) => export.run(&setup()?, output).await,
        Command::ImportState(import) => import.run(&setup()?, output).await,
        Command::Plan(plan) => plan.run(&setup()?, output).await,
        Command::Sync(sync) => sync.run(setup()?, output).await,
        Command::Status(status) => status.run(&setup()?, output).await,
        Command::Why(why) => why.run(&setup()?, output).await,
        Command::Retry(retry) => retry.run(&setup()?, output).await,
        Command::Adopt(adopt) => adopt.run(setup()?, output).await,
        Command::Erase(erase) => erase.run(setup, output).await,
        Command::Doctor(doctor) => doctor.run(&setup()?, output).await,
        Command::Token(token) => token.run(setup()?, output).await,
        Command::Webhooks(webhooks) => webhooks.run(setup()?, output).await,
    }
}

impl Command {
    fn verbosity(&self) -> Verbosity {
        match self {
            Self::Serve(_) => Verbosity::Service,
            _ => Verbosity::Quiet,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_well_formed() {
        super::Cli::command().debug_assert();
    }
}
