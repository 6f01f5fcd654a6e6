//! What Terraform's AWS provider asks, the sandbox knows: every operation by name. That the answers are right is seen where
//! the provider itself reads them (`make test-terraform`).

use hyper::Method;

use crate::sandbox::{Sandbox, layout, start};

const OPERATIONS: &str = include_str!("../fixtures/provider/operations.txt");
const SMALLEST_MOVED: &str = "x-amz-transition-default-minimum-object-size";
/// How the services, and the sandbox's S3, say that they do not know what is asked.
const UNKNOWN: [&str; 3] = ["InvalidAction", "NotImplemented", "UnknownOperationException"];

/// Status and body of the answer to an operation without its parameters.
async fn ask(sandbox: &Sandbox, service: &str, operation: &str) -> (u16, String) {
    let client = reqwest::Client::new();
    let endpoint = sandbox.api.endpoint();
    let request = match (service, operation.split_once(' ')) {
        ("s3", Some((method, target))) => {
            let (thing, query) = target.split_once('?').unwrap_or((target, ""));
            let path = if thing == "object" { "/one/key" } else { "/one" };
            let url = format!("{endpoint}{path}?{query}");
            client.request(Method::from_bytes(method.as_bytes()).unwrap(), url)
        }
        ("kms", _) => client
            .post(endpoint)
            .header("x-amz-target", format!("TrentService.{operation}"))
            .body("{}"),
        _ => client
            .post(endpoint)
            .body(format!("Action={operation}&Version={}", version(service))),
    };
    let key = layout().operator().id;
    let scope = format!("{key}/20261121/ap-northeast-1/{service}/aws4_request");
    let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
    let answer = request.header("authorization", signed).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn version(service: &str) -> &'static str {
    match service {
        "autoscaling" => "2011-01-01",
        "elasticloadbalancing" => "2015-12-01",
        "iam" => "2010-05-08",
        _ => "2016-11-15",
    }
}

#[tokio::test]
async fn every_operation_of_the_provider_is_known() {
    let sandbox = start().await;
    let mut operations = 0;
    for line in OPERATIONS.lines().filter(|line| !line.starts_with('#')) {
        let (service, operation) = line.split_once(' ').unwrap();
        let (status, text) = ask(&sandbox, service, operation).await;
        let unknown = UNKNOWN.iter().find(|code| text.contains(*code));
        assert_eq!(unknown, None, "{line}: {text}");
        assert!(status < 500, "{line}: {status} {text}");
        operations += 1;
    }
    assert!(operations >= 50, "the list is not empty");
}

#[tokio::test]
async fn an_operation_that_nobody_has_heard_of_is_told_apart() {
    let sandbox = start().await;
    for (service, operation, code) in [
        ("ec2", "CreateMagic", "InvalidAction"),
        ("iam", "CreateMagic", "InvalidAction"),
        ("kms", "CreateMagic", "UnknownOperationException"),
        ("s3", "GET bucket?magic", "NotImplemented"),
        ("s3", "POST object?restore", "NotImplemented"),
    ] {
        let (_, text) = ask(&sandbox, service, operation).await;
        assert!(text.contains(code), "{service} {operation}: {text}");
    }
}

/// The provider waits until it is told what it has sent (5.100).
#[tokio::test]
async fn a_lifecycle_configuration_is_answered_with_the_size_below_which_nothing_moves() {
    let sandbox = start().await;
    let key = layout().operator().id;
    let scope = format!("{key}/20261121/ap-northeast-1/s3/aws4_request");
    let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
    let client = reqwest::Client::new();
    let bucket = format!("{}/lifecycles", sandbox.api.endpoint());
    let send = async |request: reqwest::RequestBuilder| {
        let answer = request.header("authorization", &signed).send().await.unwrap();
        let size = answer.headers().get(SMALLEST_MOVED).cloned();
        (size, answer.text().await.unwrap())
    };
    send(client.put(&bucket)).await;
    let lifecycle = format!("{bucket}?lifecycle");
    let put = || client.put(&lifecycle).body("<LifecycleConfiguration/>");
    let (_, text) = send(put().header(SMALLEST_MOVED, "varies_by_storage_class")).await;
    assert!(text.contains("NotImplemented"), "{text}");
    let (_, text) = send(put().header(SMALLEST_MOVED, "all_storage_classes_128K")).await;
    assert_eq!(text, "");
    let (size, text) = send(client.get(&lifecycle)).await;
    assert_eq!(size.unwrap(), "all_storage_classes_128K", "{text}");
}
