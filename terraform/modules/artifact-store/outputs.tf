output "locations" {
  description = "Places in the words of the cluster file: `store.s3`, `artefacts`, `snapshots`, `etcd.machineTls` (without revision), `etcd.clientTls.s3`."
  value = {
    store       = { bucket = local.buckets.main, prefix = var.prefixes.store }
    artefacts   = { bucket = local.buckets.main, prefix = var.prefixes.artefacts }
    snapshots   = { bucket = local.buckets.snapshots, prefix = var.prefixes.snapshots }
    machine_tls = { bucket = local.buckets.secrets, prefix = var.prefixes.machine_tls }
    client_tls  = { bucket = local.buckets.secrets, prefix = var.prefixes.client_tls }
  }
}

output "kms_key_arns" {
  description = "Keys of the buckets: `main`, `snapshots`, `secrets`."
  value       = { for purpose, key in aws_kms_key.this : purpose => key.arn }
}
