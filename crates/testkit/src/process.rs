//! A child process that can be watched, paused and killed, and what `/proc` says of any process.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;

use crate::{must, wait_until};

/// A running program: its standard output line by line, its standard error in a file. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    errors: NamedTempFile,
}

impl Process {
    /// Starts the command, without standard input.
    #[must_use]
    pub fn spawn(command: &mut Command) -> Process {
        let errors = must("make a file", NamedTempFile::new());
        let handle = must("share a file", errors.reopen());
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(handle).process_group(0).spawn();
        let mut child = must("start a program", child);
        let (sender, lines) = channel();
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    // Keep reading when nobody listens any more, so that the program is not stopped by a full pipe.
                    let _ = sender.send(line);
                }
            });
        }
        Process { child, lines, errors }
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output that `wanted` accepts; None when the output ended or `deadline` passed.
    pub fn wait_line(&self, deadline: Duration, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let end = Instant::now() + deadline;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) if wanted(&line) => return Some(line),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// What the program wrote to standard error so far.
    pub fn errors(&self) -> String {
        std::fs::read(self.errors.path()).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }

    /// Whether the program is still there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM: the polite request to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGINT: what Ctrl-C sends.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// SIGSTOP: the program stands still until [`Self::resume`].
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits for the end; None when `deadline` passed first.
    pub fn wait(&mut self, deadline: Duration) -> Option<ExitStatus> {
        let mut status = None;
        let _ = wait_until(deadline, || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        });
        status
    }

    fn signal(&self, signal: Signal) {
        must("signal a program", kill_process(Pid::from_child(&self.child), signal));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Resident memory of a process now, in bytes; 0 when it is gone.
pub fn rss_bytes(pid: u32) -> u64 {
    status_kib(pid, "VmRSS:") * 1024
}

/// The greatest resident memory that a process had, in bytes; 0 when it is gone.
pub fn peak_rss_bytes(pid: u32) -> u64 {
    status_kib(pid, "VmHWM:") * 1024
}

/// Processor time that a process has used, in user and kernel mode, in seconds; 0 when it is gone.
pub fn cpu_seconds(pid: u32) -> f64 {
    cpu_fields(pid, 2)
}

/// The same, with the time of its children that have ended and were waited for.
pub fn cpu_seconds_with_children(pid: u32) -> f64 {
    cpu_fields(pid, 4)
}

fn cpu_fields(pid: u32, fields: usize) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The program's name, in brackets, may contain anything; fields are counted after it (proc_pid_stat(5)).
    let after = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after.split_whitespace().skip(11).take(fields).filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

fn status_kib(pid: u32, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
