use super::bench::{Bench, ZONE_A, primary};
use crate::world::api::ec2::{Request, Response};
use crate::world::error::AwsError;

fn attach(bench: &mut Bench, interface: &str, instance: &str, index: u32) -> Result<String, AwsError> {
    let asked = Request::AttachNetworkInterface {
        interface: interface.to_owned(),
        instance: instance.to_owned(),
        device_index: index,
    };
    match bench.ec2(asked)? {
        Response::InterfaceAttached(id) => Ok(id),
        other => panic!("{other:?}"),
    }
}

fn detach(bench: &mut Bench, attachment: &str) -> Result<Response, AwsError> {
    bench.ec2(Request::DetachNetworkInterface {
        attachment: attachment.to_owned(),
    })
}

/// `eni-detach-gone-attachment`
#[test]
fn a_secondary_interface_moves_with_a_wait_on_either_side() {
    let mut bench = Bench::fast();
    let (one, two) = (bench.running(ZONE_A), bench.running(ZONE_A));
    let interface = bench.interface(0);
    let first = attach(&mut bench, &interface, &one, 1).unwrap();
    assert_eq!(
        attach(&mut bench, &interface, &two, 1).unwrap_err().code,
        "InvalidNetworkInterface.InUse"
    );
    bench.live(500);
    detach(&mut bench, &first).unwrap();
    assert_eq!(
        attach(&mut bench, &interface, &two, 1).unwrap_err().code,
        "InvalidNetworkInterface.InUse"
    );
    bench.live(500);
    attach(&mut bench, &interface, &two, 1).unwrap();
    assert_eq!(
        detach(&mut bench, &first).unwrap_err().code,
        "InvalidAttachmentID.NotFound"
    );
}

/// `az-binding`
#[test]
fn an_attach_is_refused_across_zones_and_where_the_place_is_taken() {
    let mut bench = Bench::fast();
    let id = bench.running(ZONE_A);
    let (there, elsewhere) = (bench.interface(0), bench.interface(1));
    assert_eq!(
        attach(&mut bench, &elsewhere, &id, 1).unwrap_err().code,
        "InvalidParameterCombination"
    );
    assert_eq!(
        attach(&mut bench, &there, &id, 0).unwrap_err().code,
        "InvalidParameterValue"
    );
}

/// `eni-primary-not-detachable`
#[test]
fn a_primary_interface_cannot_be_detached_and_is_free_only_when_its_machine_is_terminated() {
    let mut bench = Bench::fast();
    let interface = bench.interface(0);
    let id = bench
        .run(|asked| asked.data.interfaces = vec![primary(&interface)])
        .unwrap();
    bench.live(1_000);
    let at = bench.describe(&id).unwrap().interfaces[0]
        .attachment
        .clone()
        .unwrap();
    assert!(
        !at.delete_on_termination,
        "an interface that was given is not deleted"
    );
    assert_eq!(
        detach(&mut bench, &at.id).unwrap_err().code,
        "OperationNotPermitted"
    );
    let again = bench.run(|asked| asked.data.interfaces = vec![primary(&interface)]);
    assert_eq!(again.unwrap_err().code, "InvalidNetworkInterface.InUse");
    bench.terminate(&id);
    bench.live(2_000);
    assert!(
        bench
            .world
            .interfaces
            .get(&interface)
            .unwrap()
            .attachment
            .is_none()
    );
}

/// `eni-delete-on-termination`
#[test]
fn an_interface_that_was_made_by_the_launch_goes_with_its_machine_and_a_secondary_one_stays() {
    let mut bench = Bench::fast();
    let id = bench.running(ZONE_A);
    let own = bench.describe(&id).unwrap().interfaces[0].id.clone();
    let secondary = bench.interface(0);
    attach(&mut bench, &secondary, &id, 1).unwrap();
    bench.live(500);
    bench.terminate(&id);
    bench.live(2_000);
    assert!(!bench.world.interfaces.contains_key(&own));
    assert_eq!(
        bench.world.interfaces.get(&secondary).unwrap().status(),
        "available"
    );
}

#[test]
fn a_freed_address_is_not_given_again_at_once() {
    let mut bench = Bench::fast();
    let first = bench.interface(0);
    let address = bench.world.interfaces.get(&first).unwrap().address;
    bench.ec2(Request::DeleteNetworkInterface { id: first }).unwrap();
    let second = bench.interface(0);
    assert_ne!(bench.world.interfaces.get(&second).unwrap().address, address);
}
