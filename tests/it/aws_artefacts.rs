//! Publishing and fetching by content address, whatever stands behind the wire.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use rehull::adapters::artefacts::{ArtefactError, ArtefactStore, Pinned, Published};
use sha2::{Digest as _, Sha256};

use crate::account::Account;

fn store(account: &Account) -> ArtefactStore {
    ArtefactStore::new(account.clients(), account.artefacts())
}

fn pinned(content: &[u8]) -> Pinned {
    Pinned {
        name: "etcd".to_owned(),
        sha256: hex::encode(Sha256::digest(content)),
    }
}

struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

pub(crate) async fn an_artefact_is_published_once_and_fetched_whole(account: &Account) {
    // Bigger than one chunk and than one buffer of the SDK.
    let content: Vec<u8> = (0..3_000_000_u32)
        .flat_map(u32::to_le_bytes)
        .take(9_000_001)
        .collect();
    let (store, files, etcd) = (store(account), Files::new(), pinned(&content));
    let source = files.write("etcd.downloaded", &content);

    let missing = store
        .verify_present(std::slice::from_ref(&etcd))
        .await
        .unwrap_err();
    assert!(
        matches!(&missing, ArtefactError::Missing { missing } if missing[0].starts_with("etcd (s3://")),
        "{missing}"
    );
    let fetched = store.fetch(&etcd, &files.path("etcd")).await.unwrap_err();
    assert!(matches!(fetched, ArtefactError::Missing { .. }), "{fetched}");

    assert_eq!(store.publish(&etcd, &source).await.unwrap(), Published::Uploaded);
    assert_eq!(
        store.publish(&etcd, &source).await.unwrap(),
        Published::AlreadyThere
    );
    store.verify_present(std::slice::from_ref(&etcd)).await.unwrap();
    store.fetch(&etcd, &files.path("etcd")).await.unwrap();
    assert!(
        std::fs::read(files.path("etcd")).unwrap() == content,
        "other bytes came back"
    );
    let mode = std::fs::metadata(files.path("etcd"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
}

pub(crate) async fn a_file_that_is_not_the_pinned_one_is_not_published(account: &Account) {
    let (store, files, etcd) = (store(account), Files::new(), pinned(b"etcd 3.6.14"));
    let other = files.write("etcd", b"etcd 3.6.13");
    let error = store.publish(&etcd, &other).await.unwrap_err();
    let got = pinned(b"etcd 3.6.13").sha256;
    assert_eq!(
        error.to_string(),
        format!(
            "`{}` is not the pinned artefact `etcd`: wanted sha256 {}, got {got}",
            other.display(),
            etcd.sha256
        )
    );
    assert!(matches!(
        store.verify_present(&[etcd]).await,
        Err(ArtefactError::Missing { .. })
    ));
}

pub(crate) async fn an_object_that_lies_about_its_content_is_found_out(account: &Account) {
    let (store, files, etcd) = (store(account), Files::new(), pinned(b"the real one"));
    account
        .put(
            &format!("{}sha256/{}", account.artefacts().prefix, etcd.sha256),
            b"somebody else's",
        )
        .await;
    let source = files.write("etcd.downloaded", b"the real one");

    let published = store.publish(&etcd, &source).await.unwrap_err();
    assert!(matches!(published, ArtefactError::Damaged { .. }), "{published}");
    let verified = store
        .verify_present(std::slice::from_ref(&etcd))
        .await
        .unwrap_err();
    assert!(matches!(verified, ArtefactError::Damaged { .. }), "{verified}");
    let fetched = store.fetch(&etcd, &files.path("etcd")).await.unwrap_err();
    assert!(matches!(fetched, ArtefactError::Damaged { .. }), "{fetched}");
    assert_eq!(
        files.names(),
        ["etcd.downloaded"],
        "nothing half done stays behind"
    );
}

pub(crate) async fn a_pin_that_is_no_digest_is_named(account: &Account) {
    let odd = Pinned {
        name: "etcd".to_owned(),
        sha256: "../../identity.json".to_owned(),
    };
    let error = store(account).verify_present(&[odd]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`../../identity.json` is no SHA-256 of artefact `etcd`"
    );
}
