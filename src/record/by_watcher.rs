//! One thing for each kind of watcher.

use crate::record::WatcherName;

/// One value for each [`WatcherName`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ByWatcher<T>([T; N_WATCHERS]);

const N_WATCHERS: usize = WatcherName::ALL.len();

impl<T> ByWatcher<T> {
    /// What `make` gives for each.
    pub(crate) fn from_fn(mut make: impl FnMut(WatcherName) -> T) -> Self {
        Self(std::array::from_fn(|place| make(WatcherName::ALL[place])))
    }

    /// That of this watcher.
    pub(crate) const fn of(&self, watcher: WatcherName) -> &T {
        // The values of `ALL` stand in the order of their definition.
        &self.0[watcher as usize]
    }

    /// That of this watcher, to be changed.
    pub(crate) const fn of_mut(&mut self, watcher: WatcherName) -> &mut T {
        &mut self.0[watcher as usize]
    }
}

impl<T: PartialEq> ByWatcher<T> {
    /// That of all, if it is the same.
    pub(crate) fn the_same(&self) -> Option<&T> {
        let [first, others @ ..] = &self.0;
        others.iter().all(|other| other == first).then_some(first)
    }
}

impl<T: Clone> ByWatcher<T> {
    /// The same for all.
    pub(crate) fn all(value: &T) -> Self {
        Self::from_fn(|_| value.clone())
    }
}

impl<T: Clone> From<T> for ByWatcher<T> {
    fn from(value: T) -> Self {
        Self::all(&value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_watcher_has_its_own_place() {
        let names = ByWatcher::from_fn(|watcher| watcher);
        for watcher in WatcherName::ALL {
            assert_eq!(names.of(*watcher), watcher);
        }
    }
}
