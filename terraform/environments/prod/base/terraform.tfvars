# An example: every id, name and range in here is made up.
account_id  = "333344445555"
region      = "ap-northeast-1"
cluster     = "prod"
bucket_name = "rehull-prod"

network = {
  cidr = "10.2.0.0/16"
  zones = {
    ap-northeast-1a = { private_cidr = "10.2.1.0/24", public_cidr = "10.2.101.0/24" }
    ap-northeast-1c = { private_cidr = "10.2.2.0/24", public_cidr = "10.2.102.0/24" }
    ap-northeast-1d = { private_cidr = "10.2.3.0/24", public_cidr = "10.2.103.0/24" }
  }
}

etcd = {
  slots = {
    etcd-a = { zone = "ap-northeast-1a", address = "10.2.1.10" }
    etcd-b = { zone = "ap-northeast-1c", address = "10.2.2.10" }
    etcd-c = { zone = "ap-northeast-1d", address = "10.2.3.10" }
  }
  volume       = { size_gib = 64 }
  client_cidrs = { pipeline = "10.2.0.0/16" }
}

github = {
  environment = "prod"
  repository  = { owner = "example", owner_id = "123456", name = "clusters", id = "456789" }
}

terraform_state = {
  bucket        = "rehull-prod-terraform"
  templates_key = "prod/templates.tfstate"
}
