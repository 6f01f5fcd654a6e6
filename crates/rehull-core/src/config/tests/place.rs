use super::*;

#[test]
fn an_endpoint_is_on_this_machine_or_it_is_aws_with_tls() {
    for (text, on_loopback) in [
        ("http://127.20.0.1:4566", Some(true)),
        ("http://127.20.0.1:4566/", Some(true)),
        ("http://localhost:5000", Some(true)),
        ("https://[::1]:443", Some(true)),
        (
            "https://vpce-1-x.ec2.ap-northeast-1.vpce.amazonaws.com",
            Some(false),
        ),
        ("https://ec2.cn-north-1.amazonaws.com.cn:443", Some(false)),
        ("http://ec2.ap-northeast-1.amazonaws.com", None),
        ("https://evil.example", None),
        ("http://127.0.0.1.evil.example", None),
        ("http://localhost.evil.example", None),
        ("https://amazonaws.com.evil.example", None),
        ("https://evilamazonaws.com", None),
        ("http://user@127.0.0.1:4566", None),
        ("http://127.0.0.1@evil.example", None),
        ("http://127.0.0.1:4566/path", None),
        ("http://127.0.0.1:99999", None),
        ("http://127.0.0.1:+80", None),
        ("http://127.1:4566", None),
        ("http://10.0.0.1:4566", None),
        ("127.20.0.1:4566", None),
        ("ftp://127.0.0.1", None),
        ("http://", None),
        ("", None),
    ] {
        assert_eq!(endpoint(text).ok(), on_loopback, "{text:?}");
    }
}

#[test]
fn paths_mean_the_same_on_every_machine() {
    for (text, fits) in [
        ("pki/ca.crt", true),
        ("../templates/etcd.yaml.hbs", true),
        ("./a", true),
        ("", false),
        ("/etc/ca.crt", false),
        ("~/ca.crt", false),
        ("$HOME/ca.crt", false),
        ("pki\\ca.crt", false),
        ("s3://bucket/ca.crt", false),
        ("pki/", false),
        ("..", false),
        ("a\nb", false),
    ] {
        assert_eq!(file(text, false).is_ok(), fits, "{text:?}");
    }
    assert!(
        file("/tmp/pki/ca.crt", true).is_ok(),
        "a sandbox never leaves this machine"
    );
    assert!(path("store/", false).is_ok(), "a directory may say so");
}

#[test]
fn variables_are_named_not_filled_in() {
    for (text, fits) in [
        ("ETCD_CLIENT_KEY", true),
        ("_x1", true),
        ("$KEY", false),
        ("A-B", false),
        ("1A", false),
        ("", false),
    ] {
        assert_eq!(variable(text).is_ok(), fits, "{text:?}");
    }
    let wrong = variable("hunter2 hunter2").unwrap_err();
    assert!(
        !format!("{wrong:?}").contains("hunter2"),
        "somebody may have pasted the secret itself"
    );
}
