//! Places where tests make the journal fail or die; nothing is compiled in unless the feature `failpoints` is on.

/// A failpoint; with a closure, the closure's value is returned when the point is set to `return`.
macro_rules! failpoint {
    ($name:expr) => {
        #[cfg(feature = "failpoints")]
        fail::fail_point!($name);
    };
    ($name:expr, $value:expr) => {
        #[cfg(feature = "failpoints")]
        fail::fail_point!($name, $value);
    };
}
pub(crate) use failpoint;
