//! Who may connect to the listener, and what they may do there.
//!
//! [`tls`] makes connections private; [`sasl`] finds out who somebody is, by [`scram`] or by a password; [`users`] are
//! entries of the journal, with the [`grants`] that say what they may do. Nothing here touches a socket.

pub mod grants;
pub mod sasl;
pub mod scram;
pub mod tls;
pub mod users;

use std::sync::Arc;

use users::Users;

/// How the listener is protected; by default not at all, which is for loopback.
#[derive(Debug, Clone, Default)]
pub struct Security {
    /// Whether clients must say who they are.
    pub authenticate: bool,
    /// The users, where others look after them, too; else the listener opens them itself.
    pub users: Option<Users>,
    /// Certificate and key, when connections are to be TLS.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}
