# What outlives machines and versions: network, buckets, roles, balancer, and each member's address and disk. Reviewed
# rarely and applied by a person; an upgrade neither plans nor applies it.

locals {
  # Machine roles live below this path, and the buckets close themselves to it.
  machine_role_path = "/rehull/${var.cluster}/machine/"

  subnets = module.network.private_subnet_ids
}

# Replace it by the ids of your own network: below, only `vpc_id` and `subnets` come from it.
module "network" {
  source = "../../../modules/network"

  name   = var.cluster
  region = var.region
  cidr   = var.network.cidr
  zones  = var.network.zones
}

module "artifact_store" {
  source = "../../../modules/artifact-store"

  cluster           = var.cluster
  bucket_name       = var.bucket_name
  machine_role_path = local.machine_role_path
}

module "iam" {
  source = "../../../modules/iam"

  cluster           = var.cluster
  region            = var.region
  machine_role_path = local.machine_role_path
  locations         = module.artifact_store.locations
  kms_key_arns      = module.artifact_store.kms_key_arns
  terraform_state   = { bucket = var.terraform_state.bucket, templates_key = var.terraform_state.templates_key }

  # No two kinds of machines share a prefix: a worker never reads a control plane's keys.
  machine_roles = {
    etcd          = { secret_prefixes = [module.artifact_store.locations.machine_tls.prefix] }
    control-plane = { secret_prefixes = ["control-plane/"] }
    worker        = { secret_prefixes = ["worker/"] }
  }
}

module "control_plane" {
  source = "../../../modules/control-plane"

  cluster      = var.cluster
  vpc_id       = module.network.vpc_id
  subnet_ids   = values(local.subnets)
  client_cidrs = merge(var.api_client_cidrs, { network = var.network.cidr })
}

module "etcd" {
  source = "../../../modules/etcd"

  cluster = var.cluster
  vpc_id  = module.network.vpc_id
  volume  = var.etcd.volume
  slots = { for name, slot in var.etcd.slots : name => {
    zone      = slot.zone
    subnet_id = local.subnets[slot.zone]
    address   = slot.address
    spare     = slot.spare
  } }

  client_security_group_ids = { control-plane = module.control_plane.security_group_id }
  client_cidrs              = var.etcd.client_cidrs
}

module "github_oidc" {
  source = "../../../modules/github-oidc"

  cluster      = var.cluster
  environment  = var.github.environment
  repository   = var.github.repository
  provider_arn = var.github.provider_arn
  policy_arns  = module.iam.policy_arns
}
