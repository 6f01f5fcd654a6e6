account_id = "333344445555"
region     = "ap-northeast-1"
cluster    = "prod"

terraform_state = {
  bucket        = "rehull-prod-terraform"
  base_key      = "prod/base.tfstate"
  templates_key = "prod/templates.tfstate"
}

control_plane_groups = {
  control-plane = {
    zones = ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"]
    tags  = { "kubernetes.io/cluster/prod" = "owned" }
  }
}

worker_groups = {
  workers = {
    zones           = ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"]
    initial_size    = { min = 6, desired = 6, max = 30 }
    lifecycle_hooks = { drain = { transition = "terminating" } }
    tags            = { "kubernetes.io/cluster/prod" = "owned" }
  }
}
