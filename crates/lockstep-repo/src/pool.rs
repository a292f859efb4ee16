//! The thread pool: the same work on many files.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many threads a pool starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// One for each processor: the work is computing.
    Processors,
    /// More than there are processors: the work is waiting for a disk, which can serve many
    /// requests with one flush.
    Waiting,
}

impl Width {
    fn threads(self) -> usize {
        match self {
            Self::Processors => thread::available_parallelism().map_or(1, NonZero::get),
            Self::Waiting => 16,
        }
    }
}

/// Calls `work` on every item and gives the results in the items' order.
pub(crate) fn parallel<T, R>(width: Width, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R>
where
    T: Sync,
    R: Send,
{
    let threads = width.threads().min(items.len());
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let result = work(item);
                    results
                        .lock()
                        .expect("this holds because nothing panics while it has the lock")
                        .push((index, result));
                }
            });
        }
    });
    let mut results = results
        .into_inner()
        .expect("this holds because nothing panics while it has the lock");
    results.sort_by_key(|&(index, _)| index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_and_order_is_kept() {
        let items: Vec<usize> = (0..1000).collect();
        for width in [Width::Processors, Width::Waiting] {
            let doubled = parallel(width, &items, |item| item * 2);
            assert_eq!(
                doubled,
                items.iter().map(|item| item * 2).collect::<Vec<_>>()
            );
        }
        assert_eq!(parallel(Width::Waiting, &[] as &[u8], |_| ()), []);
    }
}
