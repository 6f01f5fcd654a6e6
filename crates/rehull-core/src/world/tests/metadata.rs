use super::bench::{Bench, ZONE_A, tags};
use crate::world::api::ec2::Request;

#[test]
fn a_machine_reads_who_and_where_it_is() {
    let mut bench = Bench::fast();
    let id = bench.running(ZONE_A);
    let read = |path: &str| bench.world.metadata(&id, path);
    assert_eq!(read("meta-data/instance-id").as_deref(), Some(id.as_str()));
    assert_eq!(
        read("meta-data/placement/availability-zone").as_deref(),
        Some(ZONE_A)
    );
    assert_eq!(
        read("meta-data/placement/region").as_deref(),
        Some("ap-northeast-1")
    );
    assert_eq!(read("user-data").as_deref(), Some("#cloud-config\n"));
    assert_eq!(
        read("meta-data/iam/security-credentials/").as_deref(),
        Some("etcd")
    );
    let credentials = read("meta-data/iam/security-credentials/etcd").unwrap();
    let credentials: serde_json::Value = serde_json::from_str(&credentials).unwrap();
    assert_eq!(credentials["Code"], "Success");
    assert!(credentials["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
    assert_eq!(read("meta-data/none"), None);
    assert_eq!(bench.world.metadata("i-none", "meta-data/instance-id"), None);
}

/// `imds-tags-live-and-key-limits`
#[test]
fn tags_follow_changes_while_the_machine_runs() {
    let mut bench = Bench::fast();
    let id = bench.running(ZONE_A);
    let path = "meta-data/tags/instance/rehull:go";
    assert_eq!(bench.world.metadata(&id, path), None);
    bench
        .ec2(Request::CreateTags {
            ids: vec![id.clone()],
            tags: tags(&[("rehull:go", "yes")]),
        })
        .unwrap();
    assert_eq!(bench.world.metadata(&id, path).as_deref(), Some("yes"));
    assert_eq!(
        bench.world.metadata(&id, "meta-data/tags/instance/").as_deref(),
        Some("rehull:go\nslot")
    );
}

#[test]
fn a_second_interface_shows_up_with_its_address_once_it_is_attached() {
    let mut bench = Bench::fast();
    let id = bench.running(ZONE_A);
    let interface = bench.interface(0);
    let macs = |bench: &Bench| {
        bench
            .world
            .metadata(&id, "meta-data/network/interfaces/macs/")
            .unwrap()
            .lines()
            .count()
    };
    bench
        .ec2(Request::AttachNetworkInterface {
            interface: interface.clone(),
            instance: id.clone(),
            device_index: 1,
        })
        .unwrap();
    assert_eq!(macs(&bench), 1);
    bench.live(500);
    assert_eq!(macs(&bench), 2);
    let one = bench.world.interfaces.get(&interface).unwrap();
    let folder = format!("meta-data/network/interfaces/macs/{}", one.mac);
    let read = |name: &str| bench.world.metadata(&id, &format!("{folder}/{name}")).unwrap();
    assert_eq!(read("local-ipv4s"), one.address.to_string());
    assert_eq!(
        (read("device-number"), read("subnet-ipv4-cidr-block")),
        ("1".to_owned(), "10.0.1.0/27".to_owned())
    );
}
