# An example: every id, name and range in here is made up.
account_id  = "111122223333"
region      = "ap-northeast-1"
cluster     = "dev"
bucket_name = "rehull-dev"

network = {
  cidr = "10.0.0.0/16"
  zones = {
    ap-northeast-1a = { private_cidr = "10.0.1.0/24", public_cidr = "10.0.101.0/24" }
    ap-northeast-1c = { private_cidr = "10.0.2.0/24", public_cidr = "10.0.102.0/24" }
    ap-northeast-1d = { private_cidr = "10.0.3.0/24", public_cidr = "10.0.103.0/24" }
  }
}

etcd = {
  slots = {
    etcd-a = { zone = "ap-northeast-1a", address = "10.0.1.10" }
    etcd-b = { zone = "ap-northeast-1c", address = "10.0.2.10" }
    etcd-c = { zone = "ap-northeast-1d", address = "10.0.3.10" }
  }
  volume       = { size_gib = 32 }
  client_cidrs = { pipeline = "10.0.0.0/16" }
}

github = {
  environment = "dev"
  repository  = { owner = "example", owner_id = "123456", name = "clusters", id = "456789" }
}

terraform_state = {
  bucket        = "rehull-dev-terraform"
  templates_key = "dev/templates.tfstate"
}
