//! A connection whose other end must take its answers: hyper waits for that for ever, and places for connections are few.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// A stream that fails when an answer is not taken in time.
pub(super) struct Patience<S> {
    stream: S,
    within: Duration,
    /// From the first wait until everything is written.
    end: Option<Pin<Box<Sleep>>>,
}

impl<S> Patience<S> {
    pub(super) fn new(stream: S, within: Duration) -> Self {
        Patience { stream, within, end: None }
    }

    /// Passes on what writing gave, unless it waits for too long.
    fn wait<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            return written;
        }
        let end = self.end.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.within)));
        end.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patience<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wait(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.wait(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            self.end = None;
        }
        self.wait(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.wait(shut, context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn an_answer_that_nobody_takes_is_given_up_and_one_that_is_taken_slowly_is_not() {
        const WITHIN: Duration = Duration::from_secs(2);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (ours, mut theirs) = tokio::io::duplex(10);
            let mut ours = Patience::new(ours, WITHIN);
            let reader = tokio::spawn(async move {
                for _ in 0..30 {
                    tokio::time::sleep(WITHIN / 20).await;
                    theirs.read_exact(&mut [0; 10]).await.unwrap();
                }
                theirs
            });
            // Each answer in time, all of them together not.
            let begun = Instant::now();
            for _ in 0..30 {
                ours.write_all(&[0; 10]).await.unwrap();
                ours.flush().await.unwrap();
            }
            let _still_open = reader.await.unwrap();
            assert!(begun.elapsed() > WITHIN);
            let begun = Instant::now();
            let error = ours.write_all(&[0; 1000]).await.unwrap_err();
            assert_eq!((error.kind(), begun.elapsed() >= WITHIN), (io::ErrorKind::TimedOut, true));
        });
    }
}
