output "cluster_file" {
  description = "What the cluster file has to say about this environment: `terraform output -json cluster_file`."
  value = {
    cluster   = var.cluster
    aws       = { account = var.account_id, region = var.region }
    store     = { s3 = module.artifact_store.locations.store }
    artefacts = module.artifact_store.locations.artefacts
    snapshots = module.artifact_store.locations.snapshots
    etcd = {
      instanceProfile = module.iam.instance_profiles["etcd"]
      securityGroups  = [module.etcd.security_group_id]
      machineTls      = module.artifact_store.locations.machine_tls
      clientTls       = { s3 = module.artifact_store.locations.client_tls }
      slots           = [for name, slot in module.etcd.slots : slot if !var.etcd.slots[name].spare]
      spare           = one([for name, slot in module.etcd.slots : slot if var.etcd.slots[name].spare])
    }
  }
}

output "subnet_ids" {
  description = "Subnet for machines, by zone. Read by `groups`."
  value       = local.subnets
}

output "control_plane" {
  description = "Target group, security group and name of the API's balancer. Read by `groups`."
  value = {
    target_group_arn  = module.control_plane.target_group_arn
    security_group_id = module.control_plane.security_group_id
    dns_name          = module.control_plane.dns_name
  }
}

output "instance_profiles" {
  description = "Name of the instance profile of each kind of machine."
  value       = module.iam.instance_profiles
}

output "github_role_arns" {
  description = "Roles for the workflows: `plan` and `apply`."
  value       = module.github_oidc.role_arns
}
