//! Command methods of every handle, so that they appear on its page and need no import.

mod generated;
