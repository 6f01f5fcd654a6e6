//! A `moto_server` (an AWS double nobody here wrote) for the length of the test run, and what rehull expects to find in
//! an account: made through the plain wire, so that the adapters under test do not furnish their own world.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rehull::adapters::aws::{AccessKeys, AwsClients};
use rehull_core::domain::desired::AwsTarget;
use rehull_core::domain::ids::{AccountId, Region};

/// moto's fixed account.
pub(crate) const ACCOUNT: &str = "123456789012";
/// Where the tests say they are.
pub(crate) const REGION: &str = "ap-northeast-1";

/// Python imports botocore's models before it listens; two busy cores need a while for that.
const START_LIMIT: Duration = Duration::from_secs(60);

static SERVER: OnceLock<Option<Server>> = OnceLock::new();

struct Server {
    endpoint: String,
    /// Holds the pipe whose end ends the server, even if this process is killed.
    _child: Child,
}

/// Endpoint of the one server of this run; `None` if there is no `moto_server` (the reason has been printed then).
pub(crate) fn endpoint(test: &str) -> Option<&'static str> {
    let server = SERVER.get_or_init(|| match binary() {
        Some(binary) => Some(start(&binary)),
        None if std::env::var_os("CI").is_some() => panic!(
            "no moto_server: set REHULL_MOTO to its path, or install tools/requirements-test.txt so that it is on PATH"
        ),
        None => None,
    });
    if server.is_none() {
        eprintln!(
            "SKIPPED {test}: no moto_server (REHULL_MOTO or PATH); `make test` installs the pinned one"
        );
    }
    server.as_ref().map(|server| server.endpoint.as_str())
}

/// Clients of the adapters under test.
pub(crate) async fn clients(endpoint: &str) -> AwsClients {
    let target = AwsTarget {
        account: AccountId::new(ACCOUNT),
        region: Region::new(REGION),
        endpoint: Some(endpoint.to_owned()),
    };
    AwsClients::with_keys(
        &target,
        &AccessKeys {
            id: "test".to_owned(),
            secret: "test".to_owned(),
        },
    )
    .await
}

fn binary() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("REHULL_MOTO") {
        return Some(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join("moto_server"))
        .find(|file| file.is_file())
}

fn start(binary: &Path) -> Server {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    // The shell waits for the end of its input, which is the end of this process, however it ends.
    let script = "exec 3<&0; \"$0\" \"$@\" <&- 3<&- >/dev/null 2>&1 & read -r _ <&3; kill $!";
    let mut child = Command::new("sh")
        .args(["-c", script])
        .arg(binary)
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(
            began.elapsed() < START_LIMIT,
            "`{}` does not listen on {address}",
            binary.display()
        );
        assert!(
            child.try_wait().unwrap().is_none(),
            "`{}` ended at once",
            binary.display()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    child.stdin.as_mut().unwrap().flush().unwrap();
    Server {
        endpoint: format!("http://{address}"),
        _child: child,
    }
}

/// Sends one request as an AWS client would, unsigned: moto reads only service and region from the signature.
pub(crate) async fn raw(endpoint: &str, service: &str, request: reqwest::RequestBuilder) -> String {
    let scope = format!("Credential=test/20261121/{REGION}/{service}/aws4_request");
    let request = request
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00"),
        )
        .header("x-amz-date", "20261121T000000Z");
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body = answer.text().await.unwrap();
    assert!(status.is_success(), "{service} at {endpoint}: {status} {body}");
    body
}

/// Makes a bucket of this name.
pub(crate) async fn make_bucket(endpoint: &str, bucket: &str) {
    let body = format!(
        "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
    );
    raw(
        endpoint,
        "s3",
        reqwest::Client::new()
            .put(format!("{endpoint}/{bucket}"))
            .body(body),
    )
    .await;
}
