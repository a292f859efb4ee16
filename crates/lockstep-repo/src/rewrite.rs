//! Many files changed in place: read and worked on in parallel, published in batches. While the disk
//! takes one batch, the processors are at the next.

use crate::pool::{Width, parallel};
use crate::{
    Expected, LARGEST_FILE, Privacy, ReadError, Staged, WriteError, publish, read_raw, stage,
};
use lockstep_secret::SecretBytes;
use std::path::Path;
use std::thread;

/// Files in a batch: few enough that the first flush begins early, and that the descriptors of two
/// batches are far from the limit of a process.
const BATCH: usize = 128;

/// What is to become of a file.
#[derive(Debug)]
pub enum Change<R> {
    /// It gets this content.
    Write(SecretBytes, R),
    /// It stays as it is.
    Leave(R),
}

/// Why a file was not rewritten.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError<E> {
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was to be done with it failed.
    #[error(transparent)]
    Work(E),
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Rewrites every item's file with what `work` makes of its content. Every file is tried; the results
/// come in the order of `items`. A file that fails stays as it was.
pub fn rewrite<T, R, E>(
    items: &[T],
    path: impl Fn(&T) -> &Path + Sync,
    work: impl Fn(&T, SecretBytes) -> Result<Change<R>, E> + Sync,
) -> Vec<Result<R, RewriteError<E>>>
where
    T: Sync,
    R: Send,
    E: Send,
{
    let mut results = Vec::with_capacity(items.len());
    thread::scope(|scope| {
        let mut publishing: Option<thread::ScopedJoinHandle<'_, _>> = None;
        for batch in items.chunks(BATCH) {
            let prepared = parallel(Width::Processors, batch, |item| {
                prepare(path(item), |text| work(item, text))
            });
            if let Some(before) = publishing.take() {
                results.extend(joined(before));
            }
            publishing = Some(scope.spawn(|| publish_prepared(prepared)));
        }
        results.extend(publishing.into_iter().flat_map(joined));
    });
    results
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

type Prepared<R, E> = Result<(Option<Staged>, R), RewriteError<E>>;

fn prepare<R, E>(
    path: &Path,
    work: impl FnOnce(SecretBytes) -> Result<Change<R>, E>,
) -> Prepared<R, E> {
    let source = read_raw(path, LARGEST_FILE)?;
    match work(source.content).map_err(RewriteError::Work)? {
        Change::Leave(result) => Ok((None, result)),
        Change::Write(content, result) => {
            let expected = Expected::Unchanged(source.fingerprint);
            let staged = stage(path, content.expose(), expected, Privacy::OwnerOnly)?;
            Ok((Some(staged), result))
        }
    }
}

fn publish_prepared<R, E>(prepared: Vec<Prepared<R, E>>) -> Vec<Result<R, RewriteError<E>>> {
    let mut staged = Vec::new();
    let mut results = Vec::with_capacity(prepared.len());
    let mut waiting = Vec::new();
    for (index, prepared) in prepared.into_iter().enumerate() {
        results.push(prepared.map(|(one, result)| {
            if let Some(one) = one {
                staged.push(one);
                waiting.push(index);
            }
            result
        }));
    }
    for (index, published) in waiting.into_iter().zip(publish(staged)) {
        if let Err(error) = published {
            results[index] = Err(error.into());
        }
    }
    results
}
