//! The few styles we use. Text is always written with them; the stream strips them where colour is off.

use anstyle::{AnsiColor, Style};

/// Errors, and what was removed.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Warnings.
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// What was added, and what is well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Headings and names.
pub const NAME: Style = Style::new().bold();
/// What helps.
pub const HELP: Style = AnsiColor::Cyan.on_default();
/// What may be overlooked.
pub const DIM: Style = Style::new().dimmed();
/// The old value.
pub const OLD: Style = AnsiColor::Red.on_default();
/// The new value.
pub const NEW: Style = AnsiColor::Green.on_default();

/// Text in a style.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}
