//! Bad input through the command line: a clear answer with its place, the documented exit code, and nothing changed.
//!
//! Each row is one mistake in an otherwise sound cluster file, or in what lies around it; one real cluster serves all.

mod desk;
mod disk;
mod file;
mod journal;
mod pins;
mod target;

use desk::{Desk, Row};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_refused_with_its_place_and_nothing_is_changed() {
    let Some(desk) = Desk::up().await else { return };
    let mut rows = file::rows(&desk);
    rows.extend(target::rows(&desk));
    rows.extend(pins::rows(&desk).await);
    rows.extend(journal::rows(&desk).await);
    desk.refuses(rows).await;

    journal::a_torn_end_is_tolerated_and_told(&desk).await;
    target::a_silent_member_is_named(&desk).await;
    target::another_cluster_behind_an_address_is_named(&desk).await;
    desk.sandbox.down().await;
}
