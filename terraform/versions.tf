# The root of `terraform test`: nothing is made from here. Clusters are in environments/.
terraform {
  required_version = ">= 1.11, < 2.0"
}
