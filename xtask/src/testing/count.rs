//! Counting what cargo's test runners report.

use std::ops::AddAssign;

/// Tests that passed and tests that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) passed: usize,
    pub(super) failed: usize,
}

impl Count {
    /// Reads one line of output; only a runner's summary counts anything.
    pub(super) fn read(line: &str) -> Self {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return Self::default();
        };
        let number = |word: &str| {
            counts
                .split("; ")
                .find_map(|part| part.strip_suffix(word)?.trim().parse().ok())
        };
        Self {
            passed: number("passed").unwrap_or_default(),
            failed: number("failed").unwrap_or_default(),
        }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_count_and_other_lines_do_not() {
        let failed =
            "test result: FAILED. 3 passed; 12 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(
            Count::read(failed),
            Count {
                passed: 3,
                failed: 12
            }
        );
        let ok = "test result: ok. 7 passed; 0 failed; 0 ignored; 0 measured; finished in 0.1s";
        assert_eq!(
            Count::read(ok),
            Count {
                passed: 7,
                failed: 0
            }
        );
        assert_eq!(Count::read("test a::b ... ok"), Count::default());
        assert_eq!(Count::read("7 passed; 0 failed"), Count::default());
    }
}
