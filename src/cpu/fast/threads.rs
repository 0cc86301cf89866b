//! The threads there are: rayon's, or as many as the system gives.

#[cfg(feature = "rayon")]
use std::sync::OnceLock;

/// Who works.
#[cfg(feature = "rayon")]
enum Team {
    /// The pool that the caller is in, or rayon's own for everybody.
    Rayon,
    /// A smaller one of ours, where the system has no threads for that one.
    Fewer(rayon::ThreadPool),
    /// The calling thread.
    Alone,
}

#[cfg(feature = "rayon")]
impl Team {
    /// The caller's, else everybody's, which is made at the first call. Where its threads cannot be
    /// started, rayon would panic, then and ever after.
    fn of_caller() -> &'static Self {
        static EVERYBODY: OnceLock<Team> = OnceLock::new();
        match rayon::current_thread_index() {
            Some(_) => &Self::Rayon,
            None => EVERYBODY.get_or_init(Self::find),
        }
    }

    fn find() -> Self {
        if cfg!(target_arch = "wasm32") {
            return Self::Rayon; // which knows what to do without threads
        }
        match rayon::ThreadPoolBuilder::new().build_global() {
            Ok(()) => return Self::Rayon,
            // Somebody made it before. The only other cause has a source: what the system said.
            Err(error) if std::error::Error::source(&error).is_none() => return Self::Rayon,
            Err(error) => log::warn!("fewer threads than cores: {error}"),
        }
        Self::fewer(std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// Half as many at each attempt. A pool of one thread does no more than the caller can.
    fn fewer(mut threads: usize) -> Self {
        loop {
            threads /= 2;
            if threads < 2 {
                return Self::Alone;
            }
            if let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
                return Self::Fewer(pool);
            }
        }
    }
}

/// Calls both, on two threads where there are.
#[cfg(feature = "rayon")]
pub(super) fn join<A: Send, B: Send>(
    left: impl FnOnce() -> A + Send,
    right: impl FnOnce() -> B + Send,
) -> (A, B) {
    match Team::of_caller() {
        Team::Rayon => rayon::join(left, right),
        Team::Fewer(pool) => pool.join(left, right),
        Team::Alone => (left(), right()),
    }
}

/// Calls both.
#[cfg(not(feature = "rayon"))]
pub(super) fn join<A, B>(left: impl FnOnce() -> A, right: impl FnOnce() -> B) -> (A, B) {
    (left(), right())
}

/// How many threads there are.
pub(super) fn threads() -> usize {
    #[cfg(feature = "rayon")]
    return match Team::of_caller() {
        Team::Rayon => rayon::current_num_threads(),
        Team::Fewer(pool) => pool.current_num_threads(),
        Team::Alone => 1,
    };
    #[cfg(not(feature = "rayon"))]
    return 1;
}

#[cfg(all(test, feature = "rayon"))]
mod tests {
    use super::*;

    #[test]
    fn the_pool_of_the_caller_is_taken() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("threads");
        assert_eq!(pool.install(threads), 3);
        let inside = || rayon::current_thread_index().is_some();
        assert_eq!(pool.install(|| join(inside, inside)), (true, true));
    }

    #[test]
    fn fewer_threads_are_half_as_many_down_to_none() {
        for (wanted, found) in [(0, 1), (1, 1), (3, 1), (4, 2), (5, 2)] {
            let threads = match Team::fewer(wanted) {
                Team::Fewer(pool) => pool.current_num_threads(),
                Team::Alone => 1,
                Team::Rayon => panic!("not ours"),
            };
            assert_eq!(threads, found, "{wanted}");
        }
    }
}
