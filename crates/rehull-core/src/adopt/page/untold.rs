//! What no file tells of a member whose machine no state knows: commands that only read, and the answer that must be seen.

use crate::adopt::members::Member;
use crate::domain::ids::Region;

/// The step; none where a state tells it all.
pub(super) fn step(region: &Region, members: &[Member<'_>]) -> Option<String> {
    let untold: Vec<&Member<'_>> = members
        .iter()
        .filter(|member| member.instance.is_none())
        .collect();
    if untold.is_empty() {
        return None;
    }
    let mut out = "Look at what no file tells\n\nNo state knows these machines, so nobody has checked what a state would say. Each command only reads, \
         and behind it stands the one answer with which the hand-over may go on.\n"
        .to_owned();
    for member in untold {
        out.push_str(&of_member(region, member));
    }
    out.push_str(
        "\nAnother answer is a row of the table in docs/adopt.md, with what to do. A machine that an Auto Scaling group would replace is detached \
         from it first.\n",
    );
    Some(out)
}

fn of_member(region: &Region, member: &Member<'_>) -> String {
    let part = |key: &str| member.slot.get(key).map_or("", String::as_str);
    let (machine, interface, volume) = (member.machine.as_str(), part("interface"), part("volume"));
    let address = part("address");
    let ec2 = format!("aws ec2 --region {region} --output text");
    let rows = [
        (
            format!(
                "{ec2} describe-volumes --volume-ids {volume} --query 'Volumes[].[AvailabilityZone,Attachments[].[InstanceId,DeleteOnTermination]]'"
            ),
            format!("{}; {machine} False", part("zone")),
        ),
        (
            format!(
                "{ec2} describe-network-interfaces --network-interface-ids {interface} --query 'NetworkInterfaces[].[PrivateIpAddress,Attachment.InstanceId,Attachment.DeleteOnTermination,Attachment.DeviceIndex]'"
            ),
            format!("{address} {machine} False, and no 0 at the end"),
        ),
        (
            format!(
                "{ec2} describe-instance-attribute --instance-id {machine} --attribute disableApiTermination --query DisableApiTermination.Value"
            ),
            "False".to_owned(),
        ),
        (
            format!(
                "{ec2} describe-instances --instance-ids {machine} --query \"Reservations[].Instances[].[SubnetId,length(NetworkInterfaces),length(BlockDeviceMappings),Tags[?Key=='aws:autoscaling:groupName'].Value]\""
            ),
            format!(
                "{} 2 2, and no name of a group: where its own interface is, this one and the member's, its root and the member's volume",
                part("subnet")
            ),
        ),
        (
            format!(
                "for group in $(aws elbv2 --region {region} --output text describe-target-groups --query 'TargetGroups[].TargetGroupArn'); do aws elbv2 --region {region} --output text describe-target-health --target-group-arn \"$group\" --query \"TargetHealthDescriptions[?Target.Id=='{machine}' || Target.Id=='{address}'].Target.Id\"; done"
            ),
            "nothing".to_owned(),
        ),
        (
            format!(
                "aws elb --region {region} --output text describe-load-balancers --query \"LoadBalancerDescriptions[?Instances[?InstanceId=='{machine}']].LoadBalancerName\""
            ),
            "nothing".to_owned(),
        ),
    ];
    let mut out = format!("\nOf {}:\n\n", member.name);
    for (command, answer) in rows {
        out.push_str(&format!("    {command}\n    # must say: {answer}\n"));
    }
    out
}
