//! Newest version of each record, released when it is final or past its deadline.
