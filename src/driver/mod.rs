//! The mirror of the MongoDB driver, and its three doors.
