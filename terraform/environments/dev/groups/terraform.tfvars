account_id = "111122223333"
region     = "ap-northeast-1"
cluster    = "dev"

terraform_state = {
  bucket        = "rehull-dev-terraform"
  base_key      = "dev/base.tfstate"
  templates_key = "dev/templates.tfstate"
}

control_plane_groups = {
  control-plane = {
    zones = ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"]
    tags  = { "kubernetes.io/cluster/dev" = "owned" }
  }
}

worker_groups = {
  workers = {
    zones           = ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"]
    initial_size    = { min = 3, desired = 3, max = 6 }
    lifecycle_hooks = { drain = { transition = "terminating" } }
    tags            = { "kubernetes.io/cluster/dev" = "owned" }
  }
}
