//! The users: entries of the journal, read whole when it is opened, and written through.
//!
//! `user/<name>` is what a user logs in by, `acl/<name>` what it may do; `decoy` is a secret that gives everybody who is not
//! a user a salt of its own, the same every time, so that asking does not tell who is one.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use tailwater_connector::{Problem, ProblemKind};
use tailwater_journal::{Body, ConnectorId, Journal, JournalError};

use super::grants::{Grant, Grants};
use super::scram::{Credential, Mechanism};
use crate::limits::{
    GRANTS_MAX, ITERATIONS, PREFIX_MAX_BYTES, SALT_BYTES, USER_NAME_MAX_BYTES, USERS_DURABLE_WAIT, USERS_MAX,
};
use crate::{ENTRIES_OF, journal_problem};

/// What a user logs in by, for each mechanism. Passwords are checked by whichever there is.
pub type Credentials = BTreeMap<Mechanism, Credential>;

/// A user.
#[derive(Debug, Clone, Default)]
struct User {
    credentials: Credentials,
    grants: Grants,
}

/// A user, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfo {
    /// Its name.
    pub name: String,
    /// The mechanisms of SCRAM that it may log in by, with their rounds.
    pub mechanisms: BTreeMap<Mechanism, NonZeroU32>,
    /// What it may do.
    pub grants: Grants,
}

/// What to do with the users. Passwords are not in it: whoever asks makes credentials of them first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "users", rename_all = "snake_case")]
pub enum UserRequest {
    /// Show them.
    List,
    /// One more.
    Add {
        /// Its name.
        name: String,
        /// What it logs in by.
        credentials: Credentials,
    },
    /// Another password.
    SetPassword {
        /// Whose.
        name: String,
        /// What it logs in by from now on.
        credentials: Credentials,
    },
    /// One less, with everything that it may do.
    Remove {
        /// Its name.
        name: String,
    },
    /// A right.
    Grant {
        /// Whose.
        name: String,
        /// Which.
        grant: Grant,
    },
    /// A right no more.
    Revoke {
        /// Whose.
        name: String,
        /// Which.
        grant: Grant,
    },
}

/// The users over a journal. Clones share them.
#[derive(Clone)]
pub struct Users(Arc<Shared>);

struct Shared {
    journal: Journal,
    connector: ConnectorId,
    users: RwLock<BTreeMap<String, Arc<User>>>,
    /// Held by who changes them.
    changing: Mutex<()>,
    decoy: OnceLock<hmac::Key>,
    random: SystemRandom,
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").finish_non_exhaustive()
    }
}

/// The entry of the secret for those who are not users.
const DECOY: &str = "decoy";

/// What is kept of a password, for all mechanisms; `None` when the system has no random bytes.
pub fn credentials(password: &[u8]) -> Option<Credentials> {
    let random = SystemRandom::new();
    let one = |mechanism: Mechanism| {
        let mut salt = vec![0; SALT_BYTES];
        random.fill(&mut salt).ok()?;
        Some((mechanism, Credential::of_password(mechanism, password, salt, ITERATIONS)))
    };
    Mechanism::ALL.into_iter().map(one).collect()
}

impl Users {
    /// Reads the users that a journal has.
    pub fn open(journal: Journal) -> Result<Users, JournalError> {
        let connector = journal.connector(ENTRIES_OF)?;
        let mut users: BTreeMap<String, User> = BTreeMap::new();
        let decoy = OnceLock::new();
        for (key, value) in journal.entries(connector) {
            let known = if let Some(name) = key.strip_prefix("user/") {
                serde_json::from_slice(&value)
                    .map(|credentials| users.entry(name.to_owned()).or_default().credentials = credentials)
            } else if let Some(name) = key.strip_prefix("acl/") {
                serde_json::from_slice(&value).map(|grants| users.entry(name.to_owned()).or_default().grants = grants)
            } else {
                if key == DECOY {
                    decoy.get_or_init(|| hmac::Key::new(hmac::HMAC_SHA256, &value));
                }
                Ok(())
            };
            if known.is_err() {
                tracing::warn!(key, "an entry about a user is of no known form; it is passed over");
            }
        }
        let users = RwLock::new(users.into_iter().map(|(name, user)| (name, Arc::new(user))).collect());
        let (changing, random) = (Mutex::default(), SystemRandom::new());
        Ok(Users(Arc::new(Shared { journal, connector, users, changing, decoy, random })))
    }

    /// Does what is asked, durably; the users that it is about, as they are then.
    ///
    /// # Errors
    /// `USER_EXISTS`, `USER_UNKNOWN`, `USER_INVALID`, `GRANT_UNKNOWN`, and what the journal says. Waits for the disk.
    pub fn apply(&self, request: UserRequest) -> Result<Vec<UserInfo>, Problem> {
        let changing = self.lock();
        let name = match request {
            UserRequest::List => return Ok(self.list()),
            UserRequest::Add { name, credentials } => {
                check_name(&name)?;
                check_credentials(&credentials)?;
                if self.is_known(&name) {
                    return Err(Problem::config(
                        "USER_EXISTS",
                        format!("there is a user {name} already"),
                        format!("tailwater users passwd '{name}'   # for another password"),
                    ));
                }
                self.set(&changing, &name, User { credentials, ..self.user(&name) })?;
                name
            }
            UserRequest::SetPassword { name, credentials } => {
                check_credentials(&credentials)?;
                let user = self.existing(&name)?;
                self.set(&changing, &name, User { credentials, ..user })?;
                name
            }
            UserRequest::Remove { name } => {
                self.existing(&name)?;
                self.set(&changing, &name, User::default())?;
                return Ok(Vec::new());
            }
            UserRequest::Grant { name, grant } => {
                check_prefix(&grant.prefix)?;
                let user = self.existing(&name)?;
                let grants = user.grants.with(grant);
                if grants.all().len() > GRANTS_MAX {
                    let why = format!("a user has {GRANTS_MAX} grants at most");
                    return Err(Problem::config(
                        "USER_INVALID",
                        why,
                        "Use shorter prefixes, which hold for more names.",
                    ));
                }
                self.set(&changing, &name, User { grants, ..user })?;
                name
            }
            UserRequest::Revoke { name, grant } => {
                let user = self.existing(&name)?;
                let grants = user.grants.without(&grant);
                if grants == user.grants {
                    return Err(Problem::config(
                        "GRANT_UNKNOWN",
                        format!("{name} has no grant of {} over '{}'", grant.right, grant.prefix),
                        "tailwater users ls   # shows all grants",
                    ));
                }
                self.set(&changing, &name, User { grants, ..user })?;
                name
            }
        };
        Ok(self.list().into_iter().filter(|user| user.name == name).collect())
    }

    /// Changes what a user logs in by with some mechanisms, or takes it away, all or none; a user that is not there is made.
    ///
    /// # Errors
    /// As of [`Users::apply`].
    pub fn set_credentials(&self, name: &str, to: Vec<(Mechanism, Option<Credential>)>) -> Result<(), Problem> {
        let changing = self.lock();
        let mut user = self.user(name);
        for (mechanism, to) in to {
            match to {
                Some(credential) => {
                    check_name(name)?;
                    user.credentials.insert(mechanism, credential);
                    check_credentials(&user.credentials)?;
                }
                None => {
                    user.credentials.remove(&mechanism).ok_or_else(|| unknown(name))?;
                }
            }
        }
        self.set(&changing, name, user)
    }

    /// All users, by name.
    pub fn list(&self) -> Vec<UserInfo> {
        let info = |(name, user): (&String, &Arc<User>)| UserInfo {
            name: name.clone(),
            mechanisms: user.credentials.iter().map(|(mechanism, one)| (*mechanism, one.iterations)).collect(),
            grants: user.grants.clone(),
        };
        self.0.users.read().unwrap_or_else(PoisonError::into_inner).iter().map(info).collect()
    }

    /// Whether somebody can log in by this name.
    pub fn is_known(&self, name: &str) -> bool {
        self.find(name).is_some_and(|user| !user.credentials.is_empty())
    }

    /// Whether nobody can log in.
    pub fn is_empty(&self) -> bool {
        let users = self.0.users.read().unwrap_or_else(PoisonError::into_inner);
        users.values().all(|user| user.credentials.is_empty())
    }

    /// Looks at what a user may do. Who is gone may nothing.
    pub fn with_grants<T>(&self, name: &str, look: impl FnOnce(&Grants) -> T) -> T {
        match self.find(name) {
            Some(user) => look(&user.grants),
            None => look(&Grants::default()),
        }
    }

    /// What a client that says this name must prove to know; for who is no user something that nobody knows. `None` when
    /// the system has no random bytes.
    pub(super) fn credential(&self, name: &str, mechanism: Mechanism) -> Option<Credential> {
        match self.find(name).and_then(|user| user.credentials.get(&mechanism).cloned()) {
            Some(credential) => Some(credential),
            None => self.decoy(name, mechanism),
        }
    }

    /// Whether this is a user's password. Takes milliseconds, also when there is no such user. `None` when the system has
    /// no random bytes.
    pub(super) fn is_password_of(&self, name: &str, password: &[u8]) -> Option<bool> {
        let known = self.find(name).and_then(|user| {
            user.credentials.first_key_value().map(|(mechanism, credential)| (*mechanism, credential.clone()))
        });
        let (mechanism, credential) = match known {
            Some(known) => known,
            None => (Mechanism::Sha256, self.decoy(name, Mechanism::Sha256)?),
        };
        Some(credential.is_of(mechanism, password))
    }

    /// A nonce that has never been used; `None` when the system has no random bytes.
    pub(super) fn nonce(&self) -> Option<String> {
        let mut bytes = [0; 24];
        self.0.random.fill(&mut bytes).ok()?;
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Draws the secret for those who are no users, where there is none yet. Waits for the journal.
    pub(crate) fn draw_decoy(&self) -> Result<(), JournalError> {
        let mut bytes = [0; 32];
        if self.0.decoy.get().is_none() && self.0.random.fill(&mut bytes).is_ok() {
            let entry = (DECOY.to_owned(), Bytes::copy_from_slice(&bytes));
            self.0.journal.append(self.0.connector, 0, Body::Entries(vec![entry]))?;
            self.0.decoy.get_or_init(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes));
        }
        Ok(())
    }

    /// A credential that fits no password.
    fn decoy(&self, name: &str, mechanism: Mechanism) -> Option<Credential> {
        let secret = self.0.decoy.get()?;
        let part = |of: &str| hmac::sign(secret, format!("{of} {} {name}", mechanism.name()).as_bytes());
        let mut salt = part("salt").as_ref().to_vec();
        salt.truncate(SALT_BYTES);
        Some(Credential::of_salted(mechanism, part("salted").as_ref(), salt, ITERATIONS))
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.0.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, name: &str) -> Option<Arc<User>> {
        self.0.users.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn user(&self, name: &str) -> User {
        self.find(name).map(|user| (*user).clone()).unwrap_or_default()
    }

    fn existing(&self, name: &str) -> Result<User, Problem> {
        self.find(name).map(|user| (*user).clone()).ok_or_else(|| unknown(name))
    }

    /// Makes a user what it is to be, durably; one with nothing is gone.
    fn set(&self, _changing: &MutexGuard<'_, ()>, name: &str, user: User) -> Result<(), Problem> {
        let entry = |key: &str, is_empty: bool, value: serde_json::Result<Vec<u8>>| {
            let value = if is_empty { Ok(Vec::new()) } else { value };
            let value = value.map_err(|error| Problem::internal("USER_ENTRY", error.to_string()))?;
            Ok::<_, Problem>((format!("{key}/{name}"), Bytes::from(value)))
        };
        let entries = vec![
            entry("user", user.credentials.is_empty(), serde_json::to_vec(&user.credentials))?,
            entry("acl", user.grants.all().is_empty(), serde_json::to_vec(&user.grants))?,
        ];
        if self.find(name).is_none() && self.list().len() >= USERS_MAX {
            let why = format!("there are {USERS_MAX} users, as many as there may be");
            return Err(Problem::config("USER_INVALID", why, "tailwater users rm NAME"));
        }
        let journal = &self.0.journal;
        let written = journal.append(self.0.connector, 0, Body::Entries(entries)).map_err(journal_problem)?;
        {
            let mut users = self.0.users.write().unwrap_or_else(PoisonError::into_inner);
            match user.credentials.is_empty() && user.grants.all().is_empty() {
                true => users.remove(name),
                false => users.insert(name.to_owned(), Arc::new(user)),
            };
        }
        match journal.wait_durable(written, USERS_DURABLE_WAIT).map_err(journal_problem)? {
            true => Ok(()),
            false => Err(journal.paused().map_or_else(
                || {
                    Problem::new(
                        ProblemKind::Retry,
                        "DISK_SLOW",
                        "the disk did not take the change in time",
                        "Try again.",
                    )
                },
                journal_problem,
            )),
        }
    }
}

fn unknown(name: &str) -> Problem {
    Problem::config("USER_UNKNOWN", format!("there is no user {name}"), "tailwater users ls   # shows all users")
}

fn check_name(name: &str) -> Result<(), Problem> {
    let sound = (1..=USER_NAME_MAX_BYTES).contains(&name.len()) && !name.chars().any(char::is_control);
    sound.then_some(()).ok_or_else(|| {
        Problem::config(
            "USER_INVALID",
            "the name of a user is empty, too long, or has control characters",
            format!("Use 1 to {USER_NAME_MAX_BYTES} bytes of text."),
        )
    })
}

fn check_prefix(prefix: &str) -> Result<(), Problem> {
    let sound = prefix.len() <= PREFIX_MAX_BYTES && !prefix.chars().any(|one| one.is_control() || one == '*');
    sound.then_some(()).ok_or_else(|| {
        Problem::config(
            "GRANT_INVALID",
            "the prefix of a grant is too long, or has an asterisk or control characters",
            "Use how the names begin, such as 'shop.'; '' is every name.",
        )
    })
}

fn check_credentials(credentials: &Credentials) -> Result<(), Problem> {
    let sound = !credentials.is_empty() && credentials.iter().all(|(mechanism, one)| one.is_sound(*mechanism));
    sound.then_some(()).ok_or_else(|| {
        let why = "the rounds, the salt or the keys of a user's password are out of bounds";
        Problem::config("USER_INVALID", why, "tailwater users passwd NAME")
    })
}
