//! Wiring: the hand-over, the queue thread, the routes, shutdown and the books.
