//! Ctrl-C and SIGTERM: the first asks to end, the second ends at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tailwater_connector::Stop;
use tokio::signal::unix::{SignalKind, signal};

/// The exit code of a program that Ctrl-C ended.
pub const INTERRUPTED: u8 = 130;

/// What signals have said so far.
#[derive(Clone)]
pub struct Signals {
    /// Set by the first signal.
    pub stop: Stop,
    by_ctrl_c: Arc<AtomicBool>,
}

impl Signals {
    /// Listens from now on, on a thread of its own.
    pub fn listen() -> io::Result<Signals> {
        let signals = Signals { stop: Stop::default(), by_ctrl_c: Arc::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        let listening = signals.clone();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            runtime.block_on(async move {
                loop {
                    let by_ctrl_c = tokio::select! {
                        _ = interrupt.recv() => true,
                        _ = terminate.recv() => false,
                    };
                    if listening.stop.is_set() {
                        std::process::exit(i32::from(INTERRUPTED));
                    }
                    listening.by_ctrl_c.store(by_ctrl_c, Ordering::SeqCst);
                    listening.stop.set();
                }
            });
        })?;
        Ok(signals)
    }

    /// Whether Ctrl-C ended us, rather than SIGTERM.
    pub fn by_ctrl_c(&self) -> bool {
        self.by_ctrl_c.load(Ordering::SeqCst)
    }
}
