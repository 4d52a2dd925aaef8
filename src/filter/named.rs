//! Filters in code that a configuration names.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::{Fault, Filter};
use crate::record::nearest;

/// The filters of the application, each under the name by which a `filter` step asks for it.
///
/// A route gets a filter of its own each time its steps are made, so that no state is shared between
/// routes.
#[derive(Clone, Default)]
pub struct NamedFilters {
    filters: BTreeMap<String, Make>,
}

type Make = Arc<dyn Fn() -> Box<dyn Filter> + Send + Sync>;

impl NamedFilters {
    /// Adds a filter; one of the same name is replaced.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        make: impl Fn() -> Box<dyn Filter> + Send + Sync + 'static,
    ) {
        self.filters.insert(name.into(), Arc::new(make));
    }

    /// Makes the filter of this name.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(super) fn make(&self, name: &str) -> Result<Box<dyn Filter>, Fault> {
        if let Some(make) = self.filters.get(name) {
            return Ok(make());
        }
        let known = self.filters.keys().map(String::as_str);
        let hint = nearest(name, known)
            .map_or_else(String::new, |known| format!(": did you mean `{known}`?"));
        Err(Fault::new(format!("no filter of the name `{name}` was registered{hint}")))
    }
}

impl fmt::Debug for NamedFilters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.filters.keys()).finish()
    }
}
