//! Saves the stream and checks what etcd sends behind it: the SHA-256 of everything before.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rehull_core::ports::PortError;
use sha2::{Digest, Sha256};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;

use crate::adapters::clock::within;
use crate::adapters::etcd::error::classify;
use crate::adapters::etcd::pool::EtcdPool;

/// Between two pieces. A member that hashes or compacts may pause for seconds.
const PIECE_LIMIT: Duration = Duration::from_secs(60);
/// Length of the trailing hash. Database pages are multiples of 512 bytes, so the file's length betrays its presence.
const HASH: usize = 32;
const PAGE: u64 = 512;

/// A file that arrived whole.
pub(super) struct Streamed {
    pub(super) bytes: u64,
    /// Of the whole file, trailing hash included; hexadecimal.
    pub(super) sha256: String,
}

pub(super) async fn save(
    pool: &EtcdPool,
    url: &str,
    path: &Path,
    progress: &AtomicU64,
) -> Result<Streamed, String> {
    let client = pool.connect(url).await.map_err(|error| error.to_string())?;
    let mut maintenance = client.maintenance_client();
    let mut stream = within(PIECE_LIMIT, maintenance.snapshot())
        .await
        .ok_or("it did not begin")?
        .map_err(|error| words_of(&error))?;
    let mut file = private_file(path).await.map_err(|error| error.to_string())?;
    let mut check = Check::default();
    loop {
        let piece = within(PIECE_LIMIT, stream.message())
            .await
            .ok_or_else(|| {
                format!(
                    "nothing more came for {PIECE_LIMIT:?} after {} bytes",
                    check.bytes
                )
            })?
            .map_err(|error| words_of(&error))?;
        let Some(piece) = piece else { break };
        file.write_all(piece.blob())
            .await
            .map_err(|error| error.to_string())?;
        check.take(piece.blob());
        progress.store(check.bytes, Ordering::Relaxed);
    }
    file.sync_all().await.map_err(|error| error.to_string())?;
    check.finish()
}

/// The member's words, or why it was not heard to the end.
fn words_of(error: &etcd_client::Error) -> String {
    match classify(error) {
        PortError::OutcomeUnknown { why } | PortError::NotSent { why } => why,
        told @ (PortError::NotYetVisible { .. }
        | PortError::Throttled { .. }
        | PortError::Refused { .. }
        | PortError::Denied { .. }
        | PortError::Gone { .. }
        | PortError::Unreadable { .. }) => told.to_string(),
    }
}

async fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .await
}

/// Hashes everything, and apart from that everything but the last 32 bytes seen so far.
#[derive(Default)]
struct Check {
    bytes: u64,
    whole: Sha256,
    database: Sha256,
    held_back: Vec<u8>,
}

impl Check {
    fn take(&mut self, piece: &[u8]) {
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        self.whole.update(piece);
        self.held_back.extend_from_slice(piece);
        let ready = self.held_back.len().saturating_sub(HASH);
        self.database.update(self.held_back.drain(..ready).as_slice());
    }

    fn finish(self) -> Result<Streamed, String> {
        if self.bytes % PAGE != u64::try_from(HASH).unwrap_or_default() {
            return Err(format!(
                "{} bytes came: a snapshot is whole pages of {PAGE} and a hash of {HASH}",
                self.bytes
            ));
        }
        if self.database.finalize().as_slice() != self.held_back {
            return Err("the hash behind the snapshot does not match its content".to_owned());
        }
        Ok(Streamed {
            bytes: self.bytes,
            sha256: hex::encode(self.whole.finalize()),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn streamed(content: &[u8], piece: usize) -> Result<Streamed, String> {
        let mut check = Check::default();
        content.chunks(piece).for_each(|piece| check.take(piece));
        check.finish()
    }

    fn whole(pages: usize) -> Vec<u8> {
        let mut content: Vec<u8> = b"0123456789abcdef".repeat(32 * pages);
        let hash = Sha256::digest(&content);
        content.extend_from_slice(&hash);
        content
    }

    #[test]
    fn a_whole_snapshot_is_recognised_however_it_is_cut() {
        let content = whole(3);
        let expected = hex::encode(Sha256::digest(&content));
        for piece in [1, 7, 31, 32, 33, 512, 10_000] {
            let streamed = streamed(&content, piece).unwrap();
            assert_eq!(
                (streamed.bytes, streamed.sha256.as_str()),
                (3 * 512 + 32, expected.as_str())
            );
        }
    }

    #[test]
    fn a_snapshot_that_ends_early_or_was_altered_is_refused() {
        let mut content = whole(3);
        let short = content.get(..content.len() - 32).unwrap();
        assert!(streamed(short, 100).err().unwrap().contains("1536 bytes came"));
        assert!(streamed(&[], 100).err().unwrap().contains("0 bytes came"));
        // Cut so that the length still looks right.
        let cut = content.get(..2 * 512 + 32).unwrap();
        assert!(streamed(cut, 100).err().unwrap().contains("does not match"));
        *content.first_mut().unwrap() ^= 1;
        assert!(streamed(&content, 100).err().unwrap().contains("does not match"));
    }
}
