//! The adapters over recorded answers: what AWS says in words that no double uses.

mod errors;
mod machines;
mod objects;
mod parts;
