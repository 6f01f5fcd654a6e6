account_id = "222233334444"
region     = "ap-northeast-1"
cluster    = "stag"

terraform_state = {
  bucket        = "rehull-stag-terraform"
  base_key      = "stag/base.tfstate"
  templates_key = "stag/templates.tfstate"
}

control_plane_groups = {
  control-plane = {
    zones = ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"]
    tags  = { "kubernetes.io/cluster/stag" = "owned" }
  }
}

worker_groups = {
  workers = {
    zones           = ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"]
    initial_size    = { min = 3, desired = 3, max = 6 }
    lifecycle_hooks = { drain = { transition = "terminating" } }
    tags            = { "kubernetes.io/cluster/stag" = "owned" }
  }
}
