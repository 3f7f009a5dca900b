//! `users`: who may log in to the Kafka listener, and what they may do there.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use tailwater_connector::Problem;
use tailwater_kafka::security::grants::{Grant, Right};
use tailwater_kafka::security::users::{Credentials, UserInfo, UserRequest, credentials};

use super::{DataDir, Exit, Failure};
use crate::feed::Feed;
use crate::limits::PASSWORD_BYTES;

const EXAMPLES: &str = "\
Examples:
  tailwater users add alice                       # asks for the password
  pass show kafka/etl | tailwater users add etl   # or takes it from a pipe
  tailwater users grant alice read shop.          # topics, groups and transactional ids shop.…
  tailwater users grant ops admin ''              # everything
  tailwater users ls

Users count where Kafka clients must log in: tailwater serve --kafka-authentication.";

/// The environment variable that a password may be in.
const PASSWORD_VARIABLE: &str = "TAILWATER_PASSWORD";

/// Who may log in to the Kafka listener, and what they may do
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Users {
    #[command(flatten)]
    data: DataDir,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List them, with what they may do
    Ls {
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Add one, who may do nothing yet
    Add {
        #[command(flatten)]
        who: WithPassword,
    },
    /// Change a password; connections that are open stay so
    Passwd {
        #[command(flatten)]
        who: WithPassword,
    },
    /// Remove one, with all grants; connections that are open may do nothing any more
    Rm {
        /// Name of the user
        name: String,
    },
    /// Grant a right over the topics, groups and transactional ids whose names begin with PREFIX
    Grant {
        #[command(flatten)]
        right: Granted,
    },
    /// Take back what was granted
    Revoke {
        #[command(flatten)]
        right: Granted,
    },
}

#[derive(Debug, Args)]
struct WithPassword {
    /// Name of the user
    name: String,
    /// File whose first line is the password [default: $TAILWATER_PASSWORD, else the terminal, else stdin]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Granted {
    /// Name of the user
    name: String,
    /// read, write (to topics of changes only where PREFIX is the whole name) or admin (all of it)
    right: Right,
    /// How the names begin; '' is every name
    prefix: String,
}

impl Users {
    /// Whether errors should be JSON, too.
    pub fn wants_json(&self) -> bool {
        matches!(self.verb, Verb::Ls { json: true, .. })
    }

    /// Does it, through the server of the directory where one runs.
    pub fn run(self) -> Result<Exit, Failure> {
        let dir = &self.data.data_dir;
        match self.verb {
            Verb::Ls { json } => {
                let users = Feed::open(dir)?.users(UserRequest::List)?;
                return show(&users, json);
            }
            Verb::Add { who: WithPassword { name, password_file } } => {
                let credentials = new_password(password_file.as_deref())?;
                let request = UserRequest::Add { name: name.clone(), credentials };
                Feed::open_or_make(dir)?.users(request)?;
                let mut err = anstream::stderr();
                writeln!(err, "{name} may log in, and may do nothing yet: tailwater users grant '{name}' read PREFIX")?;
            }
            Verb::Passwd { who: WithPassword { name, password_file } } => {
                let credentials = new_password(password_file.as_deref())?;
                Feed::open(dir)?.users(UserRequest::SetPassword { name, credentials })?;
            }
            Verb::Rm { name } => {
                Feed::open(dir)?.users(UserRequest::Remove { name })?;
            }
            Verb::Grant { right: Granted { name, right, prefix } } => {
                Feed::open(dir)?.users(UserRequest::Grant { name, grant: Grant { right, prefix } })?;
            }
            Verb::Revoke { right: Granted { name, right, prefix } } => {
                Feed::open(dir)?.users(UserRequest::Revoke { name, grant: Grant { right, prefix } })?;
            }
        }
        Ok(Exit::Ok)
    }
}

fn show(users: &[UserInfo], json: bool) -> Result<Exit, Failure> {
    let mut out = anstream::stdout();
    if json {
        let text = serde_json::to_string(users).map_err(io::Error::from)?;
        writeln!(out, "{text}")?;
    } else if users.is_empty() {
        writeln!(anstream::stderr(), "no users yet: tailwater users add NAME")?;
    } else {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header(["USER", "LOGS IN BY", "MAY"]);
        for user in users {
            let mut mechanisms: Vec<_> = user.mechanisms.keys().map(|mechanism| mechanism.name()).collect();
            mechanisms.extend((!mechanisms.is_empty()).then_some("PLAIN"));
            let grant = |grant: &Grant| format!("{} '{}'", grant.right, grant.prefix);
            let grants: Vec<_> = user.grants.all().iter().map(grant).collect();
            table.add_row([user.name.clone(), mechanisms.join(", "), grants.join(", ")]);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        writeln!(out, "{}", table.trim_fmt())?;
    }
    Ok(Exit::Ok)
}

/// What is kept of a new password, wherever that comes from: never from an argument, which all users of a machine see.
fn new_password(file: Option<&Path>) -> Result<Credentials, Failure> {
    let unreadable = |error: io::Error| {
        Problem::environment(
            "PASSWORD_UNREADABLE",
            format!("the password cannot be read: {error}"),
            format!("Name a file with --password-file, or set {PASSWORD_VARIABLE}."),
        )
    };
    let password = match (file, std::env::var(PASSWORD_VARIABLE)) {
        (Some(path), _) => File::open(path).and_then(first_line).map_err(unreadable)?,
        (None, Ok(password)) => password,
        (None, Err(_)) if io::stdin().is_terminal() => {
            let password = asked("Password: ").map_err(unreadable)?;
            if asked("Again: ").map_err(unreadable)? != password {
                return Err(Problem::config("PASSWORD_INVALID", "the passwords are not the same", "Try again.").into());
            }
            password
        }
        (None, Err(_)) => first_line(io::stdin()).map_err(unreadable)?,
    };
    if password.is_empty() || password.contains('\0') {
        return Err(Problem::config("PASSWORD_INVALID", "the password is empty or has a NUL", "Choose another.").into());
    }
    let none = || Problem::environment("RANDOM", "the system has no random bytes", "ls -l /dev/urandom");
    Ok(credentials(password.as_bytes()).ok_or_else(none)?)
}

fn first_line(from: impl Read) -> io::Result<String> {
    let mut line = String::new();
    io::BufReader::new(from.take(PASSWORD_BYTES)).read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\n', '\r']).len());
    Ok(line)
}

/// Asks on the terminal, which does not show the answer.
fn asked(question: &str) -> io::Result<String> {
    write!(anstream::stderr(), "{question}")?;
    let stdin = io::stdin();
    let before = tcgetattr(&stdin)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &silent)?;
    let line = first_line(stdin.lock());
    tcsetattr(&stdin, OptionalActions::Flush, &before)?;
    writeln!(anstream::stderr())?;
    line
}
